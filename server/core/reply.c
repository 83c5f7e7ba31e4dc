/* reply: see reply.h. */
#include "server/core/reply.h"

#include "server/core/core_state.h"

#define LENGTH_BYTES 4
#define HEADER_BYTES 16
#define HEADER_ERR_AT 12

/* Of an answer that is worth a word to the host before it is written. */
#define LARGE_BYTES ((size_t)32 << 10)

#define CLIENT_OUTPUT_BYTES_MAX ((size_t)64 << 20)

struct buf *frame_begin(struct core_client *client)
{
    client->frame_start = client->out.len;
    (void)buf_extend(&client->out, LENGTH_BYTES);
    return &client->out;
}

static void note_size(struct core_sizes *sizes, int32_t size)
{
    sizes->last = size;
    if (size > sizes->max)
        sizes->max = size;
    if (size < sizes->min || sizes->min < 0)
        sizes->min = size;
}

void frame_end(struct core_client *client)
{
    size_t start = client->frame_start;
    size_t size = client->out.len - start - LENGTH_BYTES;

    /* The names of all children of a very large znode, say. */
    if (size > INT32_MAX) {
        client->out.len = start;
        client_close(client, "answer longer than a frame can be");
        return;
    }
    store_be32(client->out.data + start, (uint32_t)size);
    client->stats.packets_sent++;
    client->core->stats.packets_sent++;
    note_size(&client->core->stats.replies, (int32_t)size);
    if (start == 0 || client->only_told)
        client->core->host.output(client->core->host.arg, client);
    client->only_told = false;
}

struct buf *reply_begin(struct core_client *client, int32_t xid, zk_zxid zxid)
{
    struct buf *out = frame_begin(client);
    uint8_t *header = buf_extend(out, HEADER_BYTES);

    store_be32(header, (uint32_t)xid);
    store_be64(header + 4, (uint64_t)zxid);
    store_be32(header + HEADER_ERR_AT, ZOK);
    return out;
}

void reply_room(struct core_client *client, size_t more)
{
    const struct core_host *host = &client->core->host;

    if (more >= LARGE_BYTES && host->room != NULL)
        host->room(host->arg, client, more);
}

void reply_end(struct core_client *client, enum zk_err err)
{
    struct buf *out = &client->out;
    size_t header = client->frame_start + LENGTH_BYTES;

    if (err != ZOK) {
        out->len = header + HEADER_BYTES;
        store_be32(out->data + header + HEADER_ERR_AT, (uint32_t)err);
    }
    frame_end(client);
}

void reply_header(struct core_client *client, int32_t xid, zk_zxid zxid, enum zk_err err)
{
    (void)reply_begin(client, xid, zxid);
    reply_end(client, err);
}

void event_encode(struct buf *b, enum event_type type, struct jute_bytes path, zk_zxid zxid)
{
    size_t start = b->len;

    put_i32(b, 0);
    put_reply_header(b,
                     &(struct zk_reply_header){.xid = XID_WATCH_EVENT, .zxid = zxid, .err = ZOK});
    put_watcher_event(
        b, &(struct zk_watcher_event){.type = type, .state = EVENT_STATE_CONNECTED, .path = path});
    store_be32(b->data + start, (uint32_t)(b->len - start - LENGTH_BYTES));
}

bool output_is_full(const struct core_client *client)
{
    size_t max = client->core->config.client_output_bytes_max;

    return client->out.len > (max == 0 ? CLIENT_OUTPUT_BYTES_MAX : max);
}

void event_send(struct core_client *client, const struct buf *event)
{
    struct core *core = client->core;
    bool was_empty = client->out.len == 0;

    if (client->state == CLIENT_CLOSED)
        return;
    if (output_is_full(client)) {
        client_close(client, "events are not read");
        return;
    }
    buf_append(&client->out, event->data, event->len);
    core->stats.event_bytes += event->len - LENGTH_BYTES;
    client->stats.packets_sent++;
    core->stats.packets_sent++;
    if (was_empty) {
        client->only_told = true;
        (core->host.told != NULL ? core->host.told : core->host.output)(core->host.arg, client);
    }
}
