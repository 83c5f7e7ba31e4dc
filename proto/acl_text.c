/* acl_text: see acl_text.h. */
#include "proto/acl_text.h"

#include "proto/types.h"

#include <errno.h>

static const struct {
    uint8_t letter;
    int32_t perm;
} letters[] = {
    {'c', PERM_CREATE}, {'d', PERM_DELETE}, {'r', PERM_READ}, {'w', PERM_WRITE}, {'a', PERM_ADMIN},
};

#define LETTER_COUNT (sizeof letters / sizeof letters[0])

void acl_text_put_perms(struct buf *b, int32_t perms)
{
    for (size_t i = 0; i < LETTER_COUNT; i++) {
        if (perms & letters[i].perm)
            buf_append(b, &letters[i].letter, 1);
    }
}

static void put_escaped(struct buf *b, struct jute_bytes text)
{
    for (int32_t i = 0; i < text.len; i++) {
        if (text.data[i] == ',' || text.data[i] == '\\')
            buf_append(b, "\\", 1);
        buf_append(b, &text.data[i], 1);
    }
}

void acl_text_put(struct buf *b, const struct zk_vec_acl *acl)
{
    for (int32_t i = 0; i < acl->count; i++) {
        const struct zk_acl *entry = &acl->items[i];

        if (i > 0)
            buf_append(b, ",", 1);
        put_escaped(b, entry->scheme);
        buf_append(b, ":", 1);
        put_escaped(b, entry->id);
        buf_append(b, ":", 1);
        acl_text_put_perms(b, entry->perms);
    }
}

static int parse_perms(struct jute_bytes text, int32_t *ret_perms)
{
    int32_t perms = 0;

    for (int32_t i = 0; i < text.len; i++) {
        size_t k = 0;

        while (k < LETTER_COUNT && letters[k].letter != text.data[i])
            k++;
        if (k == LETTER_COUNT)
            return -EINVAL;
        perms |= letters[k].perm;
    }
    *ret_perms = perms;
    return 0;
}

/* One entry, its escapes already resolved. */
static int parse_entry(struct jute_bytes text, struct zk_acl *ret, struct errtext *why)
{
    const uint8_t *end = text.data + text.len;
    const uint8_t *first = memchr(text.data, ':', (size_t)text.len);
    const uint8_t *last = memrchr(text.data, ':', (size_t)text.len);

    if (first == NULL || first == last)
        return errtext_set(why, -EINVAL, "ACL entry \"%.*s\": must be SCHEME:ID:PERMS", text.len,
                           (const char *)text.data);
    ret->scheme = (struct jute_bytes){.data = text.data, .len = (int32_t)(first - text.data)};
    ret->id = (struct jute_bytes){.data = first + 1, .len = (int32_t)(last - first - 1)};
    if (parse_perms((struct jute_bytes){.data = last + 1, .len = (int32_t)(end - last - 1)},
                    &ret->perms) < 0)
        return errtext_set(why, -EINVAL, "ACL entry \"%.*s\": permissions are letters out of cdrwa",
                           text.len, (const char *)text.data);
    return 0;
}

/* Copies the bytes up to the next bare comma to DST; returns those consumed. */
static size_t unescape(const char *text, size_t len, uint8_t *dst, int32_t *ret_len)
{
    size_t i = 0;
    int32_t n = 0;

    for (; i < len && text[i] != ','; i++) {
        if (text[i] == '\\' && i + 1 < len)
            i++;
        dst[n++] = (uint8_t)text[i];
    }
    *ret_len = n;
    return i;
}

int acl_text_parse(const char *text, size_t len, struct arena *arena, struct zk_vec_acl *ret_acl,
                   struct errtext *why)
{
    struct zk_vec_acl acl = {0};
    uint8_t *bytes = arena_alloc(arena, len);
    size_t entries = 1;

    for (size_t i = 0; i < len; i++)
        entries += text[i] == ',';
    acl.items = arena_alloc(arena, entries * sizeof *acl.items);
    for (size_t at = 0; at <= len;) {
        struct jute_bytes entry = {.data = bytes};
        int rc;

        at += unescape(text + at, len - at, bytes, &entry.len) + 1;
        bytes += entry.len;
        rc = parse_entry(entry, &acl.items[acl.count], why);
        if (rc < 0)
            return rc;
        acl.count++;
    }
    *ret_acl = acl;
    return 0;
}
