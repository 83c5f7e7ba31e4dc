/* tree_load: see tree_load.h. Slots are given in the order of ids, so the slot of
 * an id is found by bisection; the parents found last are remembered. */
#include "store/tree_load.h"

#include "proto/base/mem.h"
#include "proto/path.h"
#include "store/tree_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define MEMO_SIZE 4096

struct tree_load {
    struct tree *tree;
    enum row_kind last_kind;
    uint64_t last_key;
    struct row_global global;
    struct arena arena;
    struct buf path; /* that of the parent's slot PATH_OF, with a slash behind it */
    uint32_t path_of;
    size_t path_len;
    struct memo {
        uint64_t id;
        uint32_t slot;
    } memo[MEMO_SIZE];
};

struct tree_load *tree_load_new(const struct hash_key *key)
{
    struct tree_load *load = xcalloc(1, sizeof *load);

    load->tree = tree_new_empty(key);
    freeze_loading(load->tree);
    return load;
}

static void load_free(struct tree_load *load)
{
    arena_done(&load->arena);
    buf_done(&load->path);
    free(load);
}

void tree_load_abandon(struct tree_load *load)
{
    if (load == NULL)
        return;
    tree_free(load->tree);
    load_free(load);
}

static int bad(struct errtext *why, const struct row *row, const char *what)
{
    static const char *const kinds[] = {[ROW_GLOBAL] = "state",
                                        [ROW_ACL] = "ACL",
                                        [ROW_SESSION] = "session",
                                        [ROW_ZNODE] = "znode"};

    return errtext_set(why, -EBADMSG, "%s 0x%" PRIx64 ": %s", kinds[row->kind], row->key, what);
}

static int load_global(struct tree_load *load, const struct row *row, struct errtext *why)
{
    if (row->key != 0 || !row_get_global(row->value, &load->global))
        return bad(why, row, "cannot be decoded");
    load->tree->zxid = load->global.zxid;
    load->tree->next_id = load->global.next_id;
    tree_index_reserve(&load->tree->index, load->global.znode_count);
    return 0;
}

static int load_acl(struct tree_load *load, const struct row *row, struct errtext *why)
{
    struct zk_vec_acl acl;
    bool good = row_get_acl(row->value, &load->arena, &acl);

    /* Ids are small: their number is that of the ACLs in use together. */
    if (!good || row->key > INT32_MAX)
        return bad(why, row, "cannot be decoded");
    if (!acl_table_load(&load->tree->acls, (uint32_t)row->key, &acl))
        return bad(why, row, "is there twice");
    arena_reset(&load->arena);
    return 0;
}

static int load_session(struct tree_load *load, const struct row *row, struct errtext *why)
{
    struct row_session session;

    if (!row_get_session(row->value, &session))
        return bad(why, row, "cannot be decoded");
    sessions_open(&load->tree->sessions, (int64_t)row->key, session.timeout_ms);
    return 0;
}

/* ---- znodes ---- */

static uint32_t bisect(const struct tree *tree, uint64_t id)
{
    uint32_t low = ROOT_SLOT, high = tree->znodes.end;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (tree_at(tree, middle)->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tree->znodes.end && tree_at(tree, low)->id == id ? low : 0;
}

/* The slot of the znode with this id, or 0. */
static uint32_t slot_of(struct tree_load *load, uint64_t id)
{
    struct memo *memo = &load->memo[id % MEMO_SIZE];

    if (memo->id != id)
        *memo = (struct memo){.id = id, .slot = bisect(load->tree, id)};
    return memo->slot;
}

/* The path of the new znode, borrowed until the next one. */
static struct jute_bytes path_below(struct tree_load *load, uint32_t parent, struct jute_bytes name)
{
    if (load->path_of != parent) {
        load->path.len = 0;
        if (parent != ROOT_SLOT)
            znode_path(load->tree, tree_at(load->tree, parent), &load->path);
        buf_append(&load->path, "/", 1);
        load->path_of = parent;
        load->path_len = load->path.len;
    }
    load->path.len = load->path_len;
    buf_append(&load->path, name.data, (size_t)name.len);
    return (struct jute_bytes){.data = load->path.data, .len = (int32_t)load->path.len};
}

static bool name_good(struct jute_bytes name)
{
    return name.len > 0 && name.len <= TREE_NAME_MAX &&
           memchr(name.data, '/', (size_t)name.len) == NULL;
}

static void add_znode(struct tree_load *load, uint64_t id, const struct row_znode *row,
                      struct jute_bytes path, uint32_t parent)
{
    struct tree *tree = load->tree;
    uint32_t slot;

    acl_table_ref(&tree->acls, row->acl_id);
    slot = tree_add(tree, &(struct znode_init){.id = id,
                                               .path = path,
                                               .name_len = (uint32_t)jute_size(row->name),
                                               .parent = parent,
                                               .acl_id = row->acl_id,
                                               .stat = row->stat,
                                               .data = row->data});
    tree_at(tree, slot)->stored = true;
}

static int load_root(struct tree_load *load, const struct row *row, const struct row_znode *znode,
                     struct errtext *why)
{
    if (tree_znode_count(load->tree) != 0 || znode->name.len != 0)
        return bad(why, row, "no parent");
    if (acl_table_get(&load->tree->acls, znode->acl_id) == NULL)
        return bad(why, row, "its ACL is missing");
    add_znode(load, row->key, znode, (struct jute_bytes){.data = znode->name.data, .len = 0}, 0);
    return 0;
}

static int load_znode(struct tree_load *load, const struct row *row, struct errtext *why)
{
    struct row_znode znode;
    struct jute_bytes path;
    uint32_t parent;

    if (!row_get_znode(row->value, &znode) || row->key == 0 || row->key >= load->global.next_id)
        return bad(why, row, "cannot be decoded");
    if (znode.parent_id == 0)
        return load_root(load, row, &znode, why);
    parent = slot_of(load, znode.parent_id);
    if (parent == 0)
        return bad(why, row, "its parent is missing");
    if (acl_table_get(&load->tree->acls, znode.acl_id) == NULL)
        return bad(why, row, "its ACL is missing");
    if (!name_good(znode.name))
        return bad(why, row, "its name is not one");
    path = path_below(load, parent, znode.name);
    if (tree_find(load->tree, path) != 0)
        return bad(why, row, "its path is there twice");
    add_znode(load, row->key, &znode, path, parent);
    return 0;
}

int tree_load_row(struct tree_load *load, const struct row *row, struct errtext *why)
{
    bool in_order =
        row->kind > load->last_kind || (row->kind == load->last_kind && row->key > load->last_key);

    if (!in_order)
        return bad(why, row, "out of order");
    if (load->last_kind == 0 && row->kind != ROW_GLOBAL)
        return bad(why, row, "before the state");
    load->last_kind = row->kind;
    load->last_key = row->key;
    switch (row->kind) {
    case ROW_GLOBAL:
        return load_global(load, row, why);
    case ROW_ACL:
        return load_acl(load, row, why);
    case ROW_SESSION:
        return load_session(load, row, why);
    case ROW_ZNODE:
        return load_znode(load, row, why);
    }
    return bad(why, row, "of no known kind");
}

static int check(struct tree_load *load, struct errtext *why)
{
    const struct tree *tree = load->tree;

    if (tree_znode_count(tree) == 0 || tree_znode_count(tree) != load->global.znode_count)
        return errtext_set(why, -EBADMSG, "%" PRIu64 " znodes instead of %" PRIu64,
                           tree_znode_count(tree), load->global.znode_count);
    if (tree->digest != load->global.digest)
        return errtext_set(why, -EBADMSG,
                           "the digest of the znodes is 0x%" PRIx64 " and should be 0x%" PRIx64,
                           tree->digest, load->global.digest);
    if (!acl_table_loaded(&load->tree->acls))
        return errtext_set(why, -EBADMSG, "there are ACLs that no znode has");
    return 0;
}

int tree_load_done(struct tree_load *load, struct tree **ret, struct errtext *why)
{
    int rc = check(load, why);

    if (rc < 0) {
        tree_load_abandon(load);
        return rc;
    }
    freeze_loaded(load->tree);
    *ret = load->tree;
    load_free(load);
    return 0;
}
