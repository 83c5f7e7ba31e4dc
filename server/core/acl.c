/* acl: see acl.h. */
#include "server/core/acl.h"

#include "server/core/ip_match.h"

static bool text_is(struct jute_bytes bytes, const char *text)
{
    return jute_equal(bytes, jute_str(text));
}

static bool is_world(const struct zk_acl *entry)
{
    return text_is(entry->scheme, "world") && text_is(entry->id, "anyone");
}

static bool holds_super(const struct zk_vec_id *who)
{
    for (int32_t i = 0; i < who->count; i++)
        if (text_is(who->items[i].scheme, "super"))
            return true;
    return false;
}

/* Whether the credential HELD is what ENTRY asks for; they are of one scheme. */
static bool matches(const struct zk_id *held, const struct zk_acl *entry)
{
    if (text_is(entry->scheme, "ip"))
        return ip_matches(held->id, entry->id);
    return jute_equal(held->id, entry->id);
}

static bool entry_names(const struct zk_acl *entry, const struct zk_vec_id *who)
{
    for (int32_t i = 0; i < who->count; i++) {
        const struct zk_id *held = &who->items[i];

        if (jute_equal(held->scheme, entry->scheme) && matches(held, entry))
            return true;
    }
    return false;
}

bool acl_is_open(const struct zk_vec_acl *acl, int32_t perms)
{
    if (acl->count <= 0)
        return true;
    for (int32_t i = 0; i < acl->count; i++)
        if ((acl->items[i].perms & perms) != 0 && is_world(&acl->items[i]))
            return true;
    return false;
}

bool acl_allows(const struct zk_vec_acl *acl, const struct zk_vec_id *who, int32_t perms)
{
    if (acl_is_open(acl, perms) || holds_super(who))
        return true;
    for (int32_t i = 0; i < acl->count; i++)
        if ((acl->items[i].perms & perms) != 0 && entry_names(&acl->items[i], who))
            return true;
    return false;
}

/* The check for duplicates is quadratic, as Apache's is; so a list has a limit. */
#define ACL_ENTRIES_MAX 1000

/* Of schemes and ids, once each `auth` is replaced: it makes much out of little. */
#define ACL_BYTES_MAX JUTE_MAXBUFFER_DEFAULT

/* Exactly one colon: USER:HASH. */
static bool digest_id_valid(struct jute_bytes id)
{
    int colons = 0;

    for (int32_t i = 0; i < id.len; i++)
        colons += id.data[i] == ':';
    /* Java's split() drops a trailing empty part, so "user:" has only one. */
    return colons == 1 && id.data[id.len - 1] != ':';
}

static bool id_valid(const struct zk_acl *entry, bool digest_off)
{
    if (text_is(entry->scheme, "world"))
        return text_is(entry->id, "anyone");
    if (text_is(entry->scheme, "digest"))
        return !digest_off && digest_id_valid(entry->id);
    if (text_is(entry->scheme, "ip"))
        return ip_id_valid(entry->id);
    /* For TLS to come. sasl and its like are unknown, as to an Apache server without a provider:
     * nobody could hold such a credential, and the znode would be locked for good. */
    return text_is(entry->scheme, "x509") && entry->id.len > 0;
}

static bool same_entry(const struct zk_acl *a, const struct zk_acl *b)
{
    return a->perms == b->perms && jute_equal(a->scheme, b->scheme) && jute_equal(a->id, b->id);
}

static bool contains(const struct zk_acl *items, int32_t count, const struct zk_acl *entry)
{
    for (int32_t i = 0; i < count; i++)
        if (same_entry(&items[i], entry))
            return true;
    return false;
}

/* `auth` stands for every identity that was proved; an address proves none. */
static int32_t expand_auth(int32_t perms, const struct zk_vec_id *who, struct zk_acl *to)
{
    int32_t count = 0;

    for (int32_t i = 0; i < who->count; i++) {
        const struct zk_id *held = &who->items[i];

        if (!text_is(held->scheme, "ip") && !text_is(held->scheme, "super"))
            to[count++] = (struct zk_acl){.perms = perms, .scheme = held->scheme, .id = held->id};
    }
    return count;
}

/* Room for GIVEN with each `auth` in it replaced by everything that WHO holds. */
static struct zk_acl *alloc_fixed(const struct zk_vec_acl *given, const struct zk_vec_id *who,
                                  struct arena *arena)
{
    size_t count = (size_t)given->count;

    for (int32_t i = 0; i < given->count; i++)
        if (text_is(given->items[i].scheme, "auth"))
            count += (size_t)who->count;
    return arena_alloc(arena, count * sizeof(struct zk_acl));
}

static size_t acl_bytes(const struct zk_acl *items, int32_t count)
{
    size_t bytes = 0;

    for (int32_t i = 0; i < count; i++)
        bytes += jute_size(items[i].scheme) + jute_size(items[i].id);
    return bytes;
}

enum zk_err acl_fixup(const struct zk_vec_acl *given, const struct zk_vec_id *who, bool digest_off,
                      struct arena *arena, struct zk_vec_acl *ret_acl)
{
    struct zk_acl *items;
    int32_t count = 0;

    if (given->count <= 0 || given->count > ACL_ENTRIES_MAX)
        return ZINVALIDACL;
    items = alloc_fixed(given, who, arena);
    for (int32_t i = 0; i < given->count; i++) {
        const struct zk_acl *entry = &given->items[i];

        if (contains(given->items, i, entry))
            continue;
        if (entry->scheme.len < 0)
            return ZINVALIDACL;
        if (text_is(entry->scheme, "auth")) {
            int32_t expanded = expand_auth(entry->perms, who, items + count);

            if (expanded == 0)
                return ZINVALIDACL;
            count += expanded;
            continue;
        }
        if (entry->id.len < 0)
            return ZMARSHALLINGERROR;
        if (!id_valid(entry, digest_off))
            return ZINVALIDACL;
        items[count++] = *entry;
    }
    if (acl_bytes(items, count) > ACL_BYTES_MAX)
        return ZINVALIDACL;
    *ret_acl = (struct zk_vec_acl){.count = count, .items = items};
    return ZOK;
}

/* "user:x" for "user:HASH" [ServerUtils / ZOOKEEPER-1392]. */
static struct jute_bytes masked_id(struct jute_bytes id, struct arena *arena)
{
    const uint8_t *colon = id.len <= 0 ? NULL : memchr(id.data, ':', (size_t)id.len);
    int32_t user = colon == NULL ? id.len : (int32_t)(colon - id.data);
    uint8_t *masked;

    if (user < 0)
        return id;
    masked = arena_alloc(arena, (size_t)user + 2);
    if (user > 0)
        memcpy(masked, id.data, (size_t)user);
    memcpy(masked + user, ":x", 2);
    return (struct jute_bytes){.data = masked, .len = user + 2};
}

void acl_masked(const struct zk_vec_acl *acl, struct arena *arena, struct zk_vec_acl *ret_acl)
{
    *ret_acl = *acl;
    if (acl->count <= 0)
        return;
    ret_acl->items = arena_alloc(arena, (size_t)acl->count * sizeof *ret_acl->items);
    for (int32_t i = 0; i < acl->count; i++) {
        ret_acl->items[i] = acl->items[i];
        if (text_is(acl->items[i].scheme, "digest"))
            ret_acl->items[i].id = masked_id(acl->items[i].id, arena);
    }
}
