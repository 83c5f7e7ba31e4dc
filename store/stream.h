/* stream: the state as of one zxid in the form that a SNAP has between servers
 * [SerializeUtils.serializeSnapshot, LearnerHandler]: sessions, ACLs, znodes by their
 * paths, parents first, up to the path "/"; then the signature. Exact, though txns are
 * applied while it is being written: a znode that is about to change before its turn
 * is written first, behind its parents. Several streams of one tree may be under way,
 * beside a freeze. Memory of each: a bit per znode, all sessions and ACLs, and what was
 * changed before its turn. Thread: the loop. */
#ifndef ZKFS_STORE_STREAM_H
#define ZKFS_STORE_STREAM_H

#include "proto/base/buf.h"
#include "store/tree.h"

struct tree_stream;

/* Begins a stream of the state as of tree_zxid(). To be ended with tree_stream_close. */
struct tree_stream *tree_stream_open(struct tree *tree);

/* All streams of TREE lose it. */
void tree_streams_abandon(struct tree *tree);

/* NULL is accepted. */
void tree_stream_close(struct tree_stream *stream);

zk_zxid tree_stream_zxid(const struct tree_stream *stream);

/* Appends bytes of at least a little and not much more than MAX_BYTES (beyond it by a
 * znode, or by what could not wait). 1: there is more; 0: these were the last; -ESTALE:
 * the tree is gone, so the stream can never be whole. */
int tree_stream_next(struct tree_stream *stream, size_t max_bytes, struct buf *out);

#endif
