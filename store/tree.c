/* tree: see tree.h. Here: beginning, end, look-up, and what others may ask. */
#include "store/tree.h"

#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "store/stream.h"
#include "store/tree_private.h"

#include <stdlib.h>

#define CACHE_LINE 64

struct tree *tree_new_empty(const struct hash_key *key)
{
    struct tree *tree = xcalloc(1, sizeof *tree);

    tree->key = *key;
    tree->next_id = 1;
    slots_init(&tree->znodes, sizeof(struct znode));
    acl_table_init(&tree->acls, key);
    sessions_init(&tree->sessions);
    freeze_init(&tree->freeze);
    return tree;
}

static void add_built_in(struct tree *tree, uint32_t parent, const char *path, uint32_t name_len,
                         int32_t perms)
{
    struct zk_acl anyone = {.perms = perms, .scheme = jute_str("world"), .id = jute_str("anyone")};
    struct zk_vec_acl acl = {.count = 1, .items = &anyone};

    (void)tree_add(tree, &(struct znode_init){
                             .id = tree->next_id++,
                             .path = jute_str(path),
                             .name_len = name_len,
                             .parent = parent,
                             .acl_id = acl_table_use(&tree->acls, &acl),
                             .data = jute_str(""),
                         });
}

struct tree *tree_new(const struct hash_key *key)
{
    struct tree *tree = tree_new_empty(key);
    uint32_t zookeeper, config;

    add_built_in(tree, 0, "", 0, PERM_ALL);
    add_built_in(tree, ROOT_SLOT, "/zookeeper", strlen("zookeeper"), PERM_ALL);
    zookeeper = tree_find(tree, jute_str("/zookeeper"));
    add_built_in(tree, zookeeper, "/zookeeper/quota", strlen("quota"), PERM_ALL);
    /* The configuration is for reading, and Apache sets that with "any version",
     * which it stores (ZOOKEEPER-2014, DataTree.addConfigNode). */
    add_built_in(tree, zookeeper, "/zookeeper/config", strlen("config"), PERM_READ);
    config = tree_find(tree, jute_str("/zookeeper/config"));
    tree_change_begin(tree, config)->aversion = ANY_VERSION;
    tree_change_end(tree, tree_at(tree, config));
    return tree;
}

void tree_free(struct tree *tree)
{
    if (tree == NULL)
        return;
    tree_streams_abandon(tree);
    for (uint32_t slot = ROOT_SLOT; slot < tree->znodes.end; slot++) {
        if (tree_at(tree, slot)->id != 0) {
            free(tree_at(tree, slot)->body);
            free(tree_at(tree, slot)->children);
        }
    }
    slots_done(&tree->znodes);
    tree_index_done(&tree->index);
    acl_table_done(&tree->acls);
    sessions_done(&tree->sessions);
    freeze_done(&tree->freeze);
    quotas_done(&tree->quotas);
    buf_done(&tree->path);
    arena_done(&tree->arena);
    free(tree);
}

/* Whether PATH leads to ZNODE: its name is the end of it, the parent's before that,
 * up to the root. Names are not empty and have no slash, so there is one way. */
static bool path_leads_to(const struct tree *tree, struct jute_bytes path,
                          const struct znode *znode)
{
    size_t left = (size_t)path.len;

    for (; znode->parent != 0; znode = tree_at(tree, znode->parent)) {
        size_t name = znode->name_len;

        if (left < name + 1 || path.data[left - name - 1] != '/' ||
            memcmp(path.data + left - name, znode->body, name) != 0)
            return false;
        left -= name + 1;
    }
    return left == 0;
}

static uint32_t find_hashed(const struct tree *tree, struct jute_bytes path, uint32_t hash)
{
    uint32_t slot;

    if (path.len < 0)
        return 0;
    if (path.len == 0 || (path.len == 1 && path.data[0] == '/'))
        return ROOT_SLOT;
    for (slot = tree_index_first(&tree->index, hash); slot != 0;) {
        const struct znode *znode = tree_at(tree, slot);

        if (znode->hash == hash && path_leads_to(tree, path, znode))
            return slot;
        slot = znode->next;
    }
    return 0;
}

uint32_t tree_find(const struct tree *tree, struct jute_bytes path)
{
    return find_hashed(tree, path, (uint32_t)tree_hash(tree, path));
}

uint64_t tree_hash(const struct tree *tree, struct jute_bytes path)
{
    return hash_bytes(&tree->key, path.data, jute_size(path));
}

const struct znode *tree_lookup_hashed(const struct tree *tree, struct jute_bytes path,
                                       uint64_t hash)
{
    uint32_t slot = find_hashed(tree, path, (uint32_t)hash);

    return slot == 0 ? NULL : tree_at(tree, slot);
}

const struct znode *tree_lookup(const struct tree *tree, struct jute_bytes path)
{
    uint32_t slot = tree_find(tree, path);

    return slot == 0 ? NULL : tree_at(tree, slot);
}

/* The first line is what a look-up compares; the others hold the Stat. */
static void prefetch_znode(const struct znode *znode)
{
    const char *bytes = (const char *)znode;

    for (size_t at = 0; at < sizeof *znode; at += CACHE_LINE)
        __builtin_prefetch(bytes + at);
    __builtin_prefetch(bytes + sizeof *znode - 1);
}

/* Name and short data. */
static void prefetch_body(const struct znode *znode)
{
    __builtin_prefetch(znode->body);
    __builtin_prefetch(znode->body + CACHE_LINE);
}

/* In turns: all buckets, all first znodes, all bodies; each turn finds what the
 * one before it asked for, as the others of its turn were asked for meanwhile. */
void tree_prefetch(const struct tree *tree, const struct jute_bytes *paths, size_t count)
{
    uint32_t hashes[TREE_PREFETCH_MAX], slots[TREE_PREFETCH_MAX];

    ASSERT(count <= TREE_PREFETCH_MAX);
    ASSERT(tree->index.count > 0); /* the root */
    for (size_t i = 0; i < count; i++) {
        hashes[i] = (uint32_t)tree_hash(tree, paths[i]);
        __builtin_prefetch(tree_index_bucket(&tree->index, hashes[i]));
    }
    for (size_t i = 0; i < count; i++) {
        slots[i] = tree_index_first(&tree->index, hashes[i]);
        if (slots[i] != 0)
            prefetch_znode(tree_at(tree, slots[i]));
    }
    for (size_t i = 0; i < count; i++) {
        while (slots[i] != 0 && tree_at(tree, slots[i])->hash != hashes[i])
            slots[i] = tree_at(tree, slots[i])->next;
        if (slots[i] != 0)
            prefetch_body(tree_at(tree, slots[i]));
    }
}

void tree_prefetch_children(const struct tree *tree, const struct znode *znode, uint32_t first)
{
    uint32_t left = znode_child_count(znode) - first;
    uint32_t end = first + (left < TREE_PREFETCH_MAX ? left : TREE_PREFETCH_MAX);

    for (uint32_t i = first; i < end; i++)
        prefetch_znode(znode_child(tree, znode, i));
    for (uint32_t i = first; i < end; i++)
        prefetch_body(znode_child(tree, znode, i));
}

bool tree_provisional(const struct tree *tree)
{
    return tree->provisional;
}

void tree_set_provisional(struct tree *tree, bool provisional)
{
    tree->provisional = provisional;
}

zk_zxid tree_zxid(const struct tree *tree)
{
    return tree->zxid;
}

uint64_t tree_digest(const struct tree *tree)
{
    return tree->digest;
}

uint64_t tree_digest_mismatches(const struct tree *tree)
{
    return tree->digest_mismatches;
}

const struct zk_vec_acl *tree_acl(const struct tree *tree, uint32_t id)
{
    const struct zk_vec_acl *acl = acl_table_get(&tree->acls, id);

    ASSERT(acl != NULL);
    return acl;
}

uint64_t tree_znode_count(const struct tree *tree)
{
    return tree->index.count;
}

uint64_t tree_data_bytes(const struct tree *tree)
{
    return tree->data_bytes;
}

uint64_t tree_ephemeral_count(const struct tree *tree)
{
    return tree->sessions.ephemeral_count;
}

uint32_t tree_acl_count(const struct tree *tree)
{
    return tree->acls.used_count;
}

uint32_t tree_session_count(const struct tree *tree)
{
    return tree->sessions.open_count;
}

bool tree_session(const struct tree *tree, int64_t id, int32_t *ret_timeout_ms)
{
    const struct session *session = sessions_find(&tree->sessions, id);

    if (session == NULL || !session->open)
        return false;
    *ret_timeout_ms = session->timeout_ms;
    return true;
}

struct sessions_visit {
    void (*session)(void *arg, int64_t id, int32_t timeout_ms);
    void (*owner)(void *arg, int64_t id);
    void *arg;
};

static void visit_session(void *arg, struct hmap_node *node)
{
    const struct sessions_visit *visit = arg;
    const struct session *session = CONTAINER_OF(node, struct session, by_id);

    if (visit->session != NULL && session->open)
        visit->session(visit->arg, session->id, session->timeout_ms);
    if (visit->owner != NULL && session->ephemerals.first != 0)
        visit->owner(visit->arg, session->id);
}

void tree_sessions_walk(const struct tree *tree,
                        void (*visit)(void *arg, int64_t id, int32_t timeout_ms), void *arg)
{
    struct sessions_visit sessions_visit = {.session = visit, .arg = arg};

    hmap_walk(&tree->sessions.by_id, visit_session, &sessions_visit);
}

void tree_owners_walk(const struct tree *tree, void (*visit)(void *arg, int64_t id), void *arg)
{
    struct sessions_visit sessions_visit = {.owner = visit, .arg = arg};

    hmap_walk(&tree->sessions.by_id, visit_session, &sessions_visit);
}

static const struct znode *owned_znode(const struct tree *tree, uint32_t record)
{
    return record == 0 ? NULL : tree_at(tree, sessions_owned(&tree->sessions, record)->znode);
}

const struct znode *tree_ephemeral_first(const struct tree *tree, int64_t id)
{
    const struct session *session = sessions_find(&tree->sessions, id);

    return session == NULL ? NULL : owned_znode(tree, session->ephemerals.first);
}

const struct znode *tree_ephemeral_next(const struct tree *tree, const struct znode *znode)
{
    ASSERT(znode->owned != 0);
    return owned_znode(tree, sessions_owned(&tree->sessions, znode->owned)->next);
}

uint64_t tree_ephemeral_path_bytes(const struct tree *tree, int64_t id)
{
    const struct session *session = sessions_find(&tree->sessions, id);

    return session == NULL ? 0 : session->path_bytes;
}

const struct znode *tree_owned_next(const struct tree *tree, uint32_t *cursor)
{
    const struct slots *records = &tree->sessions.owned;
    uint32_t record = *cursor + 1;
    const struct owned *owned;

    *cursor = record + 1 < records->end ? record : 0;
    if (record >= records->end)
        return NULL;
    owned = sessions_owned(&tree->sessions, record);
    if (owned->znode == 0 || sessions_visible_owner(owned->owner) != 0)
        return NULL;
    return tree_at(tree, owned->znode);
}
