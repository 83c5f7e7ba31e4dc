/* tree_private: how the tree is laid out; for the files of the tree only.
 *
 *   index: hash of path -> slot        struct znode (112 bytes, in slots)
 *   +---+                              +-----------------------------------+
 *   | o-+----------------------------->| next, hash, id, Stat, ACL, digest |
 *   +---+   chained by znode.next      | body     -> name bytes, data bytes|
 *                                      | children -> slots of the children |
 *                                      | parent, index: slot of the parent |
 *                                      |   and the place in its children   |
 *                                      +-----------------------------------+
 *
 * Links are slot numbers (slots.h), 0 for none. A znode whose id is 0 is a free
 * slot. What few znodes have, an owner, is kept apart (sessions.h). At a million
 * znodes with 100 bytes of data this comes to 253 bytes for each with names of 15
 * bytes and to 268 with names of 29, malloc's share and all lists included
 * (tests/bench/store_tree.c). */
#ifndef ZKFS_STORE_TREE_PRIVATE_H
#define ZKFS_STORE_TREE_PRIVATE_H

#include "proto/base/arena.h"
#include "proto/base/assert.h"
#include "store/digest.h"
#include "store/freeze.h"
#include "store/tree.h"
#include "store/tree_index.h"

#define ROOT_SLOT 1

struct children {
    uint32_t count, cap;
    uint32_t slots[];
};

struct znode {
    uint32_t next; /* in the index; slots.h reuses it while the slot is free */
    uint32_t hash; /* of the path */
    uint64_t id;   /* never reused, above the parent's; 0: a free slot */
    int64_t czxid, mzxid, pzxid, ctime, mtime;
    uint8_t *body;             /* the name, then the data */
    struct children *children; /* NULL: none */
    uint32_t parent, index;
    int32_t version, cversion, aversion;
    int32_t data_len; /* -1: null */
    uint32_t acl_id;
    uint32_t owned; /* ownership record; 0: persistent */
    uint32_t digest_prefix;
    uint32_t name_len : 24;
    uint32_t mark : 2; /* freeze.c; outlives the znode */
    uint32_t stored : 1;
    uint32_t undigested : 1;
};
_Static_assert(sizeof(struct znode) == 112, "the size of a znode is the size of the server");
_Static_assert(TREE_NAME_MAX < 1u << 24, "name_len holds it");

/* What freeze.c keeps; told there. */
struct freeze {
    struct buf changed;         /* uint32_t slots */
    struct buf deleted;         /* uint64_t ids */
    unsigned mark;              /* 1 or 2: of the slots in CHANGED */
    bool active;                /* what follows is of the freeze under way */
    bool drained;               /* the last slice has been given */
    enum freeze_extent extent;  /* of it */
    struct buf frozen, gone;    /* CHANGED and DELETED when it began */
    struct buf acls, sessions;  /* ids that had changed when it began */
    size_t frozen_next;         /* of FROZEN, or the next slot (FREEZE_ALL) */
    size_t frozen_end;          /* the like */
    size_t gone_next, gone_end; /* of GONE */
    struct buf side;            /* rows that could not wait */
};

/* Which paths have a quota; quota.c. */
struct quotas {
    struct hmap places;
    uint32_t limits; /* znodes that make a quota: with none there is nothing to follow */
};

struct tree {
    struct hash_key key;
    struct slots znodes;
    struct tree_index index;
    struct acl_table acls;
    struct sessions sessions;
    struct freeze freeze;
    struct quotas quotas;
    zk_zxid zxid;
    uint64_t digest, digest_mismatches;
    bool provisional;
    struct tree_stream *streams; /* under way */
    uint64_t next_id;
    uint64_t data_bytes;
    struct buf path;    /* scratch of whoever asks for a path while it applies */
    struct arena arena; /* of the parts of a multi */
};

static inline struct znode *tree_at(const struct tree *tree, uint32_t slot)
{
    return slots_at(&tree->znodes, slot);
}

/* Gives a tree without a single znode. */
struct tree *tree_new_empty(const struct hash_key *key);

/* The slot of the znode of PATH, or 0. */
uint32_t tree_find(const struct tree *tree, struct jute_bytes path);

/* Bytes of its path; 0 for the root. */
size_t znode_path_length(const struct tree *tree, const struct znode *znode);

/* tree_edit.c: the steps that changes are made of. Each keeps the index, the
 * children, the counts, the digest and the list of changes in step.
 *
 * A new znode: PATH is the whole of it, the name is its last NAME_LEN bytes.
 * PARENT is its slot (0 for the root), ACL_ID has been counted for it. Gives its
 * slot. */
struct znode_init {
    uint64_t id;
    struct jute_bytes path;
    uint32_t name_len;
    uint32_t parent;
    uint32_t acl_id;
    struct zk_stat_persisted stat;
    struct jute_bytes data;
};
uint32_t tree_add(struct tree *tree, const struct znode_init *init);

/* Removes a znode without children. Its ACL loses a user. */
void tree_remove(struct tree *tree, uint32_t slot);

/* Around each change of a znode's Stat or data. */
struct znode *tree_change_begin(struct tree *tree, uint32_t slot);
void tree_change_end(struct tree *tree, struct znode *znode);

/* Between those two: new data. PATH is the znode's. */
void tree_put_data(struct tree *tree, struct znode *znode, struct jute_bytes path,
                   struct jute_bytes data);

/* A new ACL, whose id has been counted for it. */
void tree_put_acl(struct tree *tree, uint32_t slot, uint32_t acl_id);

/* freeze.c: called before the znode in SLOT changes, after one was put there, and
 * before it is removed. */
void freeze_changing(struct tree *tree, uint32_t slot);
void freeze_added(struct tree *tree, uint32_t slot);
void freeze_removing(struct tree *tree, uint32_t slot);
/* Between these two, what is added does not count as a change. */
void freeze_loading(struct tree *tree);
void freeze_loaded(struct tree *tree);
void freeze_init(struct freeze *freeze);
void freeze_done(struct freeze *freeze);

/* stream.c: the same for streams. */
void streams_changing(struct tree *tree, uint32_t slot);
void streams_added(struct tree *tree, uint32_t slot);

/* quota.c: a znode below /zookeeper was put into SLOT; is about to be removed. */
void quota_znode_added(struct tree *tree, uint32_t slot, struct jute_bytes path);
void quota_znode_removing(struct tree *tree, uint32_t slot);
/* A txn has created the znode of PATH; has changed or deleted it, so that there are
 * COUNT znodes and BYTES of data more than before. PATH may be the tree's scratch. */
void quota_created(struct tree *tree, uint32_t slot, struct jute_bytes path);
void quota_follow(struct tree *tree, struct jute_bytes path, int count, int64_t bytes);
void quotas_done(struct quotas *quotas);

#endif
