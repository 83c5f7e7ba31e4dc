/* stream_load: see stream_load.h. Record by record: first it is measured, by its
 * lengths alone, and only when all of it is there it is decoded and used. */
#include "store/stream_load.h"

#include "proto/base/bytes.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "proto/quorum_types.h"
#include "store/tree_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* A DataNode behind its data: ACL key and Stat. */
#define NODE_TAIL_BYTES (8 + 60)
#define SESSION_BYTES 12
#define ACL_HEAD_BYTES 12

/* Measuring one that is not whole is begun anew with each part that comes in. */
#define ACL_BYTES_MAX (1024 * 1024)

enum stream_part {
    PART_SESSION_COUNT,
    PART_SESSIONS,
    PART_ACL_COUNT,
    PART_ACLS,
    PART_ZNODES,
    PART_SIGNATURE,
    PART_END
};

/* An ACL of the table, by the leader's key. */
struct stream_acl {
    struct hmap_node by_key;
    int64_t key;
    struct zk_vec_acl acl;
};

struct stream_load {
    struct tree *tree;
    enum stream_part part;
    int32_t left; /* sessions or ACLs to come */
    struct hmap acls;
    struct arena arena; /* of the ACLs */
    struct buf held;    /* the beginning of a record */
    uint64_t offset;    /* of it, in the stream */
};

struct stream_load *stream_load_new(const struct hash_key *key, zk_zxid zxid)
{
    struct stream_load *load = xcalloc(1, sizeof *load);

    load->tree = tree_new_empty(key);
    load->tree->zxid = zxid;
    freeze_loading(load->tree);
    return load;
}

void stream_load_free(struct stream_load *load)
{
    if (load == NULL)
        return;
    tree_free(load->tree);
    hmap_done(&load->acls);
    arena_done(&load->arena);
    buf_done(&load->held);
    free(load);
}

static int bad(const struct stream_load *load, struct errtext *why, const char *what)
{
    return errtext_set(why, -EBADMSG, "byte %" PRIu64 " of the snapshot: %s", load->offset, what);
}

/* ---- measuring: bytes of the record at P; 0: not all there yet; -1: none ---- */

/* A string or buffer at OFFSET (within LEN), to where it ends; as above. */
static int64_t measure_bytes(const uint8_t *p, size_t len, size_t offset, int64_t max)
{
    int32_t n;

    if (len - offset < 4)
        return 0;
    n = (int32_t)load_be32(p + offset);
    if (n < -1 || n > max)
        return -1;
    return (int64_t)offset + 4 + (n > 0 ? n : 0);
}

static int64_t measure_acl(const uint8_t *p, size_t len)
{
    int64_t end = ACL_HEAD_BYTES;
    int32_t count;

    if (len < ACL_HEAD_BYTES)
        return 0;
    count = (int32_t)load_be32(p + 8);
    if (count < -1)
        return -1;
    for (int32_t i = 0; i < count; i++) {
        end += 4; /* perms */
        for (int part = 0; part < 2; part++) {
            if (end > (int64_t)len)
                return 0;
            end = measure_bytes(p, len, (size_t)end, ACL_BYTES_MAX);
            if (end <= 0)
                return end;
            if (end > ACL_BYTES_MAX)
                return -1;
        }
    }
    return end;
}

static bool is_end(const uint8_t *p, int64_t end)
{
    return end == 5 && p[4] == '/';
}

static int64_t measure_znode(const uint8_t *p, size_t len)
{
    int64_t end = measure_bytes(p, len, 0, STREAM_RECORD_MAX / 2);

    if (end <= 0 || end > (int64_t)len || is_end(p, end))
        return end;
    end = measure_bytes(p, len, (size_t)end, STREAM_RECORD_MAX / 2 - 2 * NODE_TAIL_BYTES);
    return end <= 0 ? end : end + NODE_TAIL_BYTES;
}

static int64_t measure(const struct stream_load *load, const uint8_t *p, size_t len)
{
    switch (load->part) {
    case PART_SESSION_COUNT:
    case PART_ACL_COUNT:
        return 4;
    case PART_SESSIONS:
        return SESSION_BYTES;
    case PART_ACLS:
        return measure_acl(p, len);
    case PART_ZNODES:
        return measure_znode(p, len);
    case PART_SIGNATURE:
        return measure_bytes(p, len, 0, (int64_t)strlen(SNAPSHOT_SIGNATURE));
    case PART_END:
        break;
    }
    return -1;
}

/* ---- using ---- */

static struct stream_acl *find_acl(const struct stream_load *load, int64_t key)
{
    uint64_t hash = hash_u64((uint64_t)key);

    for (struct hmap_node *n = hmap_first(&load->acls, hash); n != NULL; n = hmap_next(n)) {
        struct stream_acl *acl = CONTAINER_OF(n, struct stream_acl, by_key);

        if (acl->key == key)
            return acl;
    }
    return NULL;
}

static int take_acl(struct stream_load *load, const uint8_t *p, size_t len, struct errtext *why)
{
    /* The decoded list borrows its strings: they must stay. */
    uint8_t *copy = arena_alloc(&load->arena, len);
    struct stream_acl *acl = arena_alloc(&load->arena, sizeof *acl);
    struct zk_snapshot_acl record;
    struct jute_reader r;

    memcpy(copy, p, len);
    r = jute_reader(copy, len, &load->arena);
    get_snapshot_acl(&r, &record);
    if (r.bad || jute_left(&r) != 0)
        return bad(load, why, "not an ACL");
    if (find_acl(load, record.key) != NULL)
        return bad(load, why, "an ACL is there twice");
    *acl = (struct stream_acl){.key = record.key, .acl = record.acl};
    hmap_insert(&load->acls, &acl->by_key, hash_u64((uint64_t)record.key));
    return 0;
}

/* The id in our table of the leader's KEY, used once more. */
static uint32_t use_acl(struct stream_load *load, int64_t key)
{
    static const struct zk_vec_acl nothing = {.count = 0};
    const struct stream_acl *acl = find_acl(load, key);

    if (key == -1) {
        acl_table_ref(&load->tree->acls, TREE_ACL_OPEN);
        return TREE_ACL_OPEN;
    }
    return acl_table_use(&load->tree->acls, acl == NULL ? &nothing : &acl->acl);
}

/* Where the last name of PATH begins; 0: it is no path of a znode below the root. */
static size_t name_start(struct jute_bytes path)
{
    size_t len = jute_size(path), start = len;

    while (start > 0 && path.data[start - 1] != '/')
        start--;
    return start == len || len - start > TREE_NAME_MAX ? 0 : start;
}

static int add_znode(struct stream_load *load, struct jute_bytes path,
                     const struct zk_data_node *node, struct errtext *why)
{
    struct tree *tree = load->tree;
    bool is_root = jute_size(path) == 0;
    size_t start = name_start(path);
    uint32_t parent = 0;

    if (is_root != (tree_znode_count(tree) == 0))
        return bad(load, why, "the root is not the first znode, or not the only root");
    if (!is_root && start == 0)
        return bad(load, why, "a path is none");
    if (!is_root)
        parent = tree_find(tree, (struct jute_bytes){.data = path.data, .len = (int32_t)start - 1});
    if (!is_root && parent == 0)
        return bad(load, why, "a znode's parent is missing");
    if (!is_root && tree_find(tree, path) != 0)
        return bad(load, why, "a znode is there twice");
    if (is_root)
        path = jute_str("");
    (void)tree_add(tree, &(struct znode_init){
                             .id = tree->next_id++,
                             .path = path,
                             .name_len = is_root ? 0 : (uint32_t)(jute_size(path) - start),
                             .parent = parent,
                             .acl_id = use_acl(load, node->acl_key),
                             .stat = node->stat,
                             .data = node->data,
                         });
    return 0;
}

static int take_znode(struct stream_load *load, const uint8_t *p, size_t len, struct errtext *why)
{
    struct jute_reader r = jute_reader(p, len, NULL);
    struct zk_data_node node;
    struct jute_bytes path;

    get_ustring(&r, &path);
    if (is_end(p, (int64_t)len)) {
        load->part = PART_SIGNATURE;
        return tree_znode_count(load->tree) > 0 ? 0 : bad(load, why, "there is no znode");
    }
    get_data_node(&r, &node);
    if (r.bad || jute_left(&r) != 0)
        return bad(load, why, "not a znode");
    return add_znode(load, path, &node, why);
}

static int take_count(struct stream_load *load, const uint8_t *p, struct errtext *why)
{
    load->left = (int32_t)load_be32(p);
    if (load->left < 0)
        return bad(load, why, "a negative number");
    load->part++;
    return 0;
}

static int take_session(struct stream_load *load, const uint8_t *p)
{
    sessions_open(&load->tree->sessions, (int64_t)load_be64(p), (int32_t)load_be32(p + 8));
    return 0;
}

static int take(struct stream_load *load, const uint8_t *p, size_t len, struct errtext *why)
{
    switch (load->part) {
    case PART_SESSION_COUNT:
    case PART_ACL_COUNT:
        return take_count(load, p, why);
    case PART_SESSIONS:
        load->left--;
        return take_session(load, p);
    case PART_ACLS:
        load->left--;
        return take_acl(load, p, len, why);
    case PART_ZNODES:
        return take_znode(load, p, len, why);
    case PART_SIGNATURE:
        if (len != 4 + strlen(SNAPSHOT_SIGNATURE) ||
            memcmp(p + 4, SNAPSHOT_SIGNATURE, len - 4) != 0)
            return bad(load, why, "the signature is wrong");
        load->part = PART_END;
        return 0;
    case PART_END:
        break;
    }
    return bad(load, why, "bytes after the end");
}

/* Uses the whole records at P. *RET_USED: bytes of them. */
static int take_records(struct stream_load *load, const uint8_t *p, size_t len, size_t *ret_used,
                        struct errtext *why)
{
    size_t used = 0;
    int rc = 0;

    while (rc == 0 && load->part != PART_END) {
        int64_t bytes;

        if ((load->part == PART_SESSIONS || load->part == PART_ACLS) && load->left == 0) {
            load->part++;
            continue;
        }
        bytes = measure(load, p + used, len - used);
        if (bytes < 0)
            return bad(load, why, "a length is out of bounds");
        if (bytes == 0 || (uint64_t)bytes > len - used)
            break;
        rc = take(load, p + used, (size_t)bytes, why);
        used += (size_t)bytes;
        load->offset += (uint64_t)bytes;
    }
    *ret_used = used;
    return rc;
}

int stream_load_feed(struct stream_load *load, const void *data, size_t len, size_t *ret_used,
                     struct errtext *why)
{
    struct buf *held = &load->held;
    size_t before = held->len, used = 0;
    int rc;

    buf_append(held, data, len);
    rc = take_records(load, held->data, held->len, &used, why);
    if (rc < 0)
        return rc;
    if (load->part != PART_END) {
        memmove(held->data, held->data + used, held->len - used);
        held->len -= used;
        return 0;
    }
    *ret_used = used - before;
    freeze_loaded(load->tree);
    tree_set_provisional(load->tree, true);
    return 1;
}

struct tree *stream_load_take(struct stream_load *load)
{
    struct tree *tree = load->tree;

    ASSERT(load->part == PART_END);
    load->tree = NULL;
    return tree;
}
