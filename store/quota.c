/* quota: see quota.h. The paths with limits or stats are kept as a trie of their
 * components, so that a look-up costs in proportion to the path and ends at the
 * first component that leads to no quota. */
#include "store/quota.h"

#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/path.h"
#include "store/tree_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define QUOTA_ROOT "/zookeeper/quota"
#define LIMITS_NAME "zookeeper_limits"
#define STATS_NAME "zookeeper_stats"

/* "count=-9223372036854775808,bytes=-9223372036854775808" and its NUL. */
#define STATS_TEXT_MAX 64

/* A component of a path that has a quota, has stats, or leads to one that does. */
struct quota_place {
    struct hmap_node by_name;
    struct quota_place *parent; /* NULL: the first component */
    uint32_t children;
    uint32_t limits, stats; /* slots of the znodes, 0: none */
    uint32_t name_len;
    uint8_t name[];
};

/* ---- the trie ---- */

/* Takes the next component off *REST, which begins with a slash or is empty. */
static bool next_component(struct jute_bytes *rest, struct jute_bytes *ret_name)
{
    const uint8_t *slash;

    if (rest->len <= 1)
        return false;
    *ret_name = (struct jute_bytes){.data = rest->data + 1, .len = rest->len - 1};
    slash = memchr(ret_name->data, '/', (size_t)ret_name->len);
    if (slash != NULL)
        ret_name->len = (int32_t)(slash - ret_name->data);
    rest->data += ret_name->len + 1;
    rest->len -= ret_name->len + 1;
    return true;
}

static uint64_t place_hash(const struct tree *tree, const struct quota_place *parent,
                           struct jute_bytes name)
{
    return hash_bytes(&tree->key, name.data, (size_t)name.len) ^ hash_u64((uintptr_t)parent);
}

static struct quota_place *place_child(const struct tree *tree, const struct quota_place *parent,
                                       struct jute_bytes name)
{
    struct hmap_node *node = hmap_first(&tree->quotas.places, place_hash(tree, parent, name));

    for (; node != NULL; node = hmap_next(node)) {
        struct quota_place *place = CONTAINER_OF(node, struct quota_place, by_name);

        if (place->parent == parent && place->name_len == (uint32_t)name.len &&
            memcmp(place->name, name.data, (size_t)name.len) == 0)
            return place;
    }
    return NULL;
}

static struct quota_place *place_add(struct tree *tree, struct quota_place *parent,
                                     struct jute_bytes name)
{
    struct quota_place *place = xmalloc(sizeof *place + (size_t)name.len);

    *place = (struct quota_place){.parent = parent, .name_len = (uint32_t)name.len};
    memcpy(place->name, name.data, (size_t)name.len);
    hmap_insert(&tree->quotas.places, &place->by_name, place_hash(tree, parent, name));
    if (parent != NULL)
        parent->children++;
    return place;
}

/* The place of the subtree PATH, made if need be. */
static struct quota_place *place_of(struct tree *tree, struct jute_bytes path)
{
    struct quota_place *place = NULL, *child;
    struct jute_bytes name;

    while (next_component(&path, &name)) {
        child = place_child(tree, place, name);
        place = child != NULL ? child : place_add(tree, place, name);
    }
    return place;
}

/* Frees PLACE, and those that led to it alone. */
static void place_prune(struct tree *tree, struct quota_place *place)
{
    while (place != NULL && place->limits == 0 && place->stats == 0 && place->children == 0) {
        struct quota_place *parent = place->parent;

        hmap_remove(&tree->quotas.places, &place->by_name);
        free(place);
        if (parent != NULL)
            parent->children--;
        place = parent;
    }
}

/* The last place on PATH that has limits, and where in PATH it ends. */
static const struct quota_place *find_limits(const struct tree *tree, struct jute_bytes path,
                                             struct jute_bytes *ret_subtree)
{
    const struct quota_place *place = NULL, *found = NULL;
    struct jute_bytes rest = path, name;

    if (tree->quotas.limits == 0)
        return NULL;
    while (next_component(&rest, &name) && (place = place_child(tree, place, name)) != NULL) {
        if (place->limits == 0)
            continue;
        found = place;
        *ret_subtree = (struct jute_bytes){.data = path.data, .len = path.len - rest.len};
    }
    return found;
}

void quotas_done(struct quotas *quotas)
{
    struct hmap_node *node;
    size_t cursor = 0;

    while ((node = hmap_any(&quotas->places, &cursor)) != NULL) {
        hmap_remove(&quotas->places, node);
        free(CONTAINER_OF(node, struct quota_place, by_name));
    }
    hmap_done(&quotas->places);
}

/* ---- the znodes that make a quota ---- */

static bool is_limits(struct jute_bytes name)
{
    return jute_equal(name, jute_str(LIMITS_NAME));
}

static bool is_stats(struct jute_bytes name)
{
    return jute_equal(name, jute_str(STATS_NAME));
}

/* The subtree that the znode of PATH is limits or stats for. There is none for the
 * whole tree: Apache dies of limits right below /zookeeper/quota, or ignores them. */
static bool subtree_of(struct jute_bytes path, struct jute_bytes *ret_subtree)
{
    const int32_t root = (int32_t)strlen(QUOTA_ROOT);
    struct jute_bytes parent;

    if (!is_limits(path_name(path)) && !is_stats(path_name(path)))
        return false;
    parent = path_parent(path);
    if (parent.len <= root + 1 || !path_is_within(parent, jute_str(QUOTA_ROOT)))
        return false;
    *ret_subtree = (struct jute_bytes){.data = parent.data + root, .len = parent.len - root};
    return true;
}

void quota_znode_added(struct tree *tree, uint32_t slot, struct jute_bytes path)
{
    struct jute_bytes subtree;

    if (!subtree_of(path, &subtree))
        return;
    if (is_limits(path_name(path))) {
        place_of(tree, subtree)->limits = slot;
        tree->quotas.limits++;
    } else {
        place_of(tree, subtree)->stats = slot;
    }
}

static void forget(struct tree *tree, uint32_t slot, struct jute_bytes path)
{
    struct jute_bytes subtree;
    struct quota_place *place;

    if (!subtree_of(path, &subtree))
        return;
    place = place_of(tree, subtree);
    if (is_limits(path_name(path))) {
        ASSERT(place->limits == slot);
        place->limits = 0;
        tree->quotas.limits--;
    } else {
        ASSERT(place->stats == slot);
        place->stats = 0;
    }
    place_prune(tree, place);
}

void quota_znode_removing(struct tree *tree, uint32_t slot)
{
    const struct znode *znode = tree_at(tree, slot);
    struct buf path = {0};

    if (!is_limits(znode_name(znode)) && !is_stats(znode_name(znode)))
        return;
    znode_path(tree, znode, &path);
    forget(tree, slot, (struct jute_bytes){.data = path.data, .len = (int32_t)path.len});
    buf_done(&path);
}

/* ---- what is used ---- */

/* Java's longs: they wrap. */
static int64_t add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void put_stats(struct tree *tree, uint32_t slot, int64_t count, int64_t bytes)
{
    struct znode *znode = tree_change_begin(tree, slot);
    char text[STATS_TEXT_MAX];

    ASSERT(znode->undigested);
    (void)snprintf(text, sizeof text, "count=%" PRId64 ",bytes=%" PRId64, count, bytes);
    tree_put_data(tree, znode, jute_str(QUOTA_ROOT), jute_str(text));
    tree_change_end(tree, znode);
}

/* The next one of the subtree of TOP, parents first; 0 after the last. */
static uint32_t next_below(const struct tree *tree, uint32_t top, uint32_t slot)
{
    const struct znode *znode = tree_at(tree, slot);

    if (znode->children != NULL)
        return znode->children->slots[0];
    while (slot != top) {
        const struct children *siblings = tree_at(tree, znode->parent)->children;

        if (znode->index + 1 < siblings->count)
            return siblings->slots[znode->index + 1];
        slot = znode->parent;
        znode = tree_at(tree, slot);
    }
    return 0;
}

static struct quota_limits figures_of(const struct tree *tree, uint32_t slot)
{
    struct jute_bytes text = znode_data(tree_at(tree, slot));

    return quota_text_parse(text.data, jute_size(text));
}

/* Time in proportion to the subtree, and it cannot be spread: who asks for the stats
 * next must find all in them, and so must every txn that follows. */
static void count_anew(struct tree *tree, uint32_t stats, struct jute_bytes subtree)
{
    uint32_t top = tree_find(tree, subtree);
    int64_t count = 0, bytes = 0;

    for (uint32_t slot = top; slot != 0; slot = next_below(tree, top, slot)) {
        count++;
        bytes += (int64_t)jute_size(znode_data(tree_at(tree, slot)));
    }
    put_stats(tree, stats, count, bytes);
}

void quota_follow(struct tree *tree, struct jute_bytes path, int count, int64_t bytes)
{
    struct jute_bytes subtree;
    const struct quota_place *place = find_limits(tree, path, &subtree);
    struct quota_limits used;

    if (place == NULL || place->stats == 0)
        return;
    used = figures_of(tree, place->stats);
    put_stats(tree, place->stats, add(used.count, count), add(used.bytes, bytes));
}

void quota_created(struct tree *tree, uint32_t slot, struct jute_bytes path)
{
    const struct znode *znode = tree_at(tree, slot);
    int64_t bytes = (int64_t)jute_size(znode_data(znode));
    struct jute_bytes subtree;

    if (znode->undigested && is_stats(znode_name(znode)) && subtree_of(path, &subtree))
        count_anew(tree, slot, subtree);
    quota_follow(tree, path, 1, bytes);
}

/* ---- asking ---- */

bool quota_find(const struct tree *tree, struct jute_bytes path, struct quota *ret)
{
    struct jute_bytes subtree;
    const struct quota_place *place = find_limits(tree, path, &subtree);

    if (place == NULL)
        return false;
    *ret = (struct quota){
        .path = subtree,
        .limits = figures_of(tree, place->limits),
        .has_used = place->stats != 0,
    };
    if (ret->has_used)
        ret->used = figures_of(tree, place->stats);
    return true;
}
