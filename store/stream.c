/* stream: see stream.h. WRITTEN has a bit per slot: its znode as of the beginning is in
 * the stream, or there was none. So a slot that is used again is of no interest, and
 * a znode's parents are written before it however they lie. */
#include "store/stream.h"

#include "proto/base/mem.h"
#include "proto/quorum_types.h"
#include "store/tree_private.h"

#include <errno.h>
#include <stdlib.h>

/* Slots that a part looks at, however few of them give bytes. */
#define SCAN_MAX 16384

/* How Apache names the open ACL, which is in no table. */
#define ACL_KEY_OPEN (-1)

struct tree_stream {
    struct tree *tree; /* NULL: gone */
    struct tree_stream *next;
    zk_zxid zxid;
    uint8_t *written;
    uint32_t at, end; /* the walk over the slots */
    struct buf side;  /* what goes out next, before the walk goes on */
    struct buf path;
    struct buf chain; /* slots */
};

static bool is_written(const struct tree_stream *stream, uint32_t slot)
{
    return slot >= stream->end || (stream->written[slot / 8] >> slot % 8 & 1) != 0;
}

static void set_written(struct tree_stream *stream, uint32_t slot)
{
    if (slot < stream->end)
        stream->written[slot / 8] |= (uint8_t)(1u << slot % 8);
}

/* ---- what comes first ---- */

static void put_session(void *arg, int64_t id, int32_t timeout_ms)
{
    put_session_timeout(arg, &(struct zk_session_timeout){.session_id = id, .timeout = timeout_ms});
}

static void put_acls(const struct tree *tree, struct buf *out)
{
    put_i32(out, (int32_t)tree_acl_count(tree) - 1);
    for (uint32_t id = TREE_ACL_OPEN + 1; id < tree->acls.entry_count; id++) {
        const struct zk_vec_acl *acl = acl_table_get(&tree->acls, id);

        if (acl != NULL)
            put_snapshot_acl(out, &(struct zk_snapshot_acl){.key = id, .acl = *acl});
    }
}

struct tree_stream *tree_stream_open(struct tree *tree)
{
    struct tree_stream *stream = xcalloc(1, sizeof *stream);

    *stream = (struct tree_stream){
        .tree = tree,
        .next = tree->streams,
        .zxid = tree->zxid,
        .at = ROOT_SLOT,
        .end = tree->znodes.end,
        .written = xcalloc(tree->znodes.end / 8 + 1, 1),
    };
    tree->streams = stream;
    put_i32(&stream->side, (int32_t)tree_session_count(tree));
    tree_sessions_walk(tree, put_session, &stream->side);
    put_acls(tree, &stream->side);
    return stream;
}

static void detach(struct tree_stream *stream)
{
    struct tree_stream **link = &stream->tree->streams;

    while (*link != stream)
        link = &(*link)->next;
    *link = stream->next;
    stream->tree = NULL;
}

void tree_stream_close(struct tree_stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->tree != NULL)
        detach(stream);
    free(stream->written);
    buf_done(&stream->side);
    buf_done(&stream->path);
    buf_done(&stream->chain);
    free(stream);
}

zk_zxid tree_stream_zxid(const struct tree_stream *stream)
{
    return stream->zxid;
}

/* ---- znodes ---- */

static void put_znode(struct tree_stream *stream, uint32_t slot, struct buf *out)
{
    const struct tree *tree = stream->tree;
    const struct znode *znode = tree_at(tree, slot);
    struct zk_data_node node = {
        .data = znode_data(znode),
        .acl_key = znode->acl_id == TREE_ACL_OPEN ? ACL_KEY_OPEN : (int64_t)znode->acl_id,
    };

    znode_stat_persisted(tree, znode, &node.stat);
    stream->path.len = 0;
    if (slot == ROOT_SLOT)
        buf_append(&stream->path, "", 0);
    else
        znode_path(tree, znode, &stream->path);
    put_ustring(out, (struct jute_bytes){.data = stream->path.len == 0 ? (const uint8_t *)""
                                                                       : stream->path.data,
                                         .len = (int32_t)stream->path.len});
    put_data_node(out, &node);
    set_written(stream, slot);
}

/* The znode in SLOT behind those above it. */
static void put_with_parents(struct tree_stream *stream, uint32_t slot, struct buf *out)
{
    struct buf *chain = &stream->chain;

    chain->len = 0;
    for (uint32_t s = slot; s != 0 && !is_written(stream, s); s = tree_at(stream->tree, s)->parent)
        buf_append(chain, &s, sizeof s);
    while (chain->len > 0) {
        uint32_t s;

        chain->len -= sizeof s;
        memcpy(&s, chain->data + chain->len, sizeof s);
        put_znode(stream, s, out);
    }
}

void streams_changing(struct tree *tree, uint32_t slot)
{
    for (struct tree_stream *stream = tree->streams; stream != NULL; stream = stream->next)
        if (!is_written(stream, slot))
            put_with_parents(stream, slot, &stream->side);
}

void streams_added(struct tree *tree, uint32_t slot)
{
    for (struct tree_stream *stream = tree->streams; stream != NULL; stream = stream->next)
        set_written(stream, slot);
}

void tree_streams_abandon(struct tree *tree)
{
    while (tree->streams != NULL)
        detach(tree->streams);
}

int tree_stream_next(struct tree_stream *stream, size_t max_bytes, struct buf *out)
{
    size_t limit = out->len + max_bytes;

    if (stream->tree == NULL)
        return -ESTALE;
    buf_append(out, stream->side.data, stream->side.len);
    buf_done(&stream->side);
    for (int scanned = 0; scanned < SCAN_MAX && out->len < limit; scanned++, stream->at++) {
        if (stream->at == stream->end) {
            put_ustring(out, jute_str("/"));
            put_ustring(out, jute_str(SNAPSHOT_SIGNATURE));
            detach(stream);
            return 0;
        }
        if (!is_written(stream, stream->at) && tree_at(stream->tree, stream->at)->id != 0)
            put_with_parents(stream, stream->at, out);
    }
    return 1;
}
