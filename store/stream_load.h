/* stream_load: a tree from the bytes of a SNAP (stream.h), as they come in. Outside
 * bytes: whatever does not fit together is refused, nothing is allocated for a length
 * before its bytes are there. An Apache leader writes it while it applies txns, so the
 * state may have effects of later txns, and ACLs may be missing (they then grant
 * nothing); the txns that follow repair both (ZOOKEEPER-3306, -4846). The tree is
 * therefore provisional: see tree_set_provisional. Thread: the loop. */
#ifndef ZKFS_STORE_STREAM_LOAD_H
#define ZKFS_STORE_STREAM_LOAD_H

#include "proto/base/errtext.h"
#include "proto/base/hash.h"
#include "store/tree.h"

struct stream_load;

/* Longest record: what is held of one that is not whole yet. */
#define STREAM_RECORD_MAX (64 * 1024 * 1024)

/* Gives a loading of the state as of ZXID, to be ended with stream_load_free. */
struct stream_load *stream_load_new(const struct hash_key *key, zk_zxid zxid);

/* NULL is accepted. */
void stream_load_free(struct stream_load *load);

/* The next LEN bytes. 0: more must come; 1: it is whole, and of these bytes the first
 * *RET_USED were its end; -EBADMSG: it is no snapshot, and only the end is left. */
int stream_load_feed(struct stream_load *load, const void *data, size_t len, size_t *ret_used,
                     struct errtext *why);

/* Once it is whole: gives the tree. */
struct tree *stream_load_take(struct stream_load *load);

#endif
