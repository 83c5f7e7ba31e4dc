/* connections_read: bytes of the socket become frames for the core. */
#include "proto/base/bytes.h"
#include "proto/base/log.h"
#include "server/connection.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* How many znodes the requests of one client may have the core look at in a turn of
 * the loop, but for the last of them: about a millisecond's work. */
#define WALKED_MAX 16384

#define HEAD_BYTES 4 /* the length in front of a frame */

/* Whether C began with a four-letter word, or with the first bytes of what may be one.
 * DATA is all that came so far. */
static bool take_word(struct connection *c, const uint8_t *data, size_t len)
{
    const struct connections_host *host = &c->all->host;

    switch (host->word(host->arg, data, len, &c->sending, &c->answer)) {
    case WORD_NONE:
        return false;
    case WORD_CUT_SHORT:
        return true;
    case WORD_ANSWERED:
        break;
    }
    core_client_word(c->client);
    connection_end_when_sent(c, "four-letter word");
    return true;
}

static void take_frame(struct connection *c, const uint8_t *payload, size_t size)
{
    struct connections *all = c->all;
    const struct core_time *now = all->host.now(all->host.arg);
    int32_t late_ms = all->config.late_ms;
    bool is_late = c->connected && c->held && late_ms > 0 && now->mono_ms - c->held_ms > late_ms;

    if (!c->connected) {
        if (!connection_may_begin(c, payload, size)) {
            connection_end_when_sent(c, "too many sessions are asked for");
            return;
        }
        c->connected = true;
        list_remove(&c->timed);
    }
    if (is_late)
        core_frame_late(all->core, c->client, payload, size, now);
    else
        core_frame(all->core, c->client, payload, size, now);
}

/* Apache looks at a large request twice: when its length is there, and when all of it is. */
static bool refuse_large(struct connection *c, size_t size)
{
    if (connections_have_room_for(c->all, size))
        return false;
    connection_end_when_sent(c, "more large requests than largeRequestMaxBytes");
    return true;
}

/* Whether the next frame of C, of SIZE bytes, may be taken now. In this turn of the loop
 * WALKED was what core_walked() gave at first. */
static bool may_take(struct connection *c, size_t size, uint64_t walked)
{
    if (connection_ends_stale(c))
        return false;
    if (connection_over_limits(c)) {
        c->paused = true;
        return false;
    }
    if (connection_held_up(c))
        return false;
    if (core_walked(c->all->core) - walked >= WALKED_MAX) {
        connection_rest(c);
        return false;
    }
    return !refuse_large(c, size);
}

/* Tells the core of the next complete frames of the LEN bytes at DATA. Gives how many
 * bytes they are. */
static size_t announce_frames(const struct connections *all, const uint8_t *data, size_t len)
{
    struct jute_bytes frames[CORE_AHEAD_MAX];
    size_t count = 0, used = 0;

    while (count < CORE_AHEAD_MAX && len - used >= HEAD_BYTES) {
        uint32_t size = load_be32(data + used);

        if (size > (uint32_t)all->config.frame_bytes_max || len - used - HEAD_BYTES < size)
            break;
        frames[count++] = (struct jute_bytes){data + used + HEAD_BYTES, (int32_t)size};
        used += HEAD_BYTES + size;
    }
    if (count > 1) /* one alone gains nothing */
        core_ahead(all->core, frames, count);
    return used;
}

/* Who sends too large a value sees only that the connection is lost: our log has to say why.
 * Anybody can make us say it: not more than once a second. */
static void refuse_frame(struct connection *c, uint32_t size)
{
    struct connections *all = c->all;
    int64_t now_ms = all->host.now(all->host.arg)->mono_ms;
    char address[CLIENT_ADDRESS_TEXT];

    if (all->frame_refused_ms == 0 || now_ms - all->frame_refused_ms >= 1000) {
        client_address_text(c->address, address);
        log_warn("connection: closing: address=%s cause=\"a frame of %" PRIu32
                 " bytes, and jute.maxbuffer is %d\"",
                 address, size, all->config.frame_bytes_max);
        all->frame_refused_ms = now_ms;
    }
    connection_end_when_sent(c, "frame longer than jute.maxbuffer");
}

/* Hands over the complete frames of the LEN bytes at DATA. Gives how many bytes are
 * done with. */
static size_t take_frames(struct connection *c, const uint8_t *data, size_t len)
{
    const struct connections *all = c->all;
    uint64_t walked = core_walked(all->core);
    size_t used = 0, announced = 0;

    while (!c->finishing && len - used >= HEAD_BYTES) {
        uint32_t size = load_be32(data + used);

        if (used == announced && c->connected)
            announced += announce_frames(all, data + used, len - used);
        if (!c->connected && take_word(c, data + used, len - used))
            break;
        if (size > (uint32_t)all->config.frame_bytes_max) {
            refuse_frame(c, size);
            break;
        }
        if (len - used - HEAD_BYTES < size) {
            (void)refuse_large(c, size);
            break;
        }
        if (!may_take(c, size, walked))
            break;
        take_frame(c, data + used + HEAD_BYTES, size);
        used += HEAD_BYTES + size;
    }
    return c->finishing ? len : used;
}

void connection_take(struct connection *c, const uint8_t *data, size_t len)
{
    size_t used = take_frames(c, data, len);

    if (!c->paused)
        c->held = false;
    if (used == len) {
        spare_buffers_give(&c->all->spares, &c->in);
    } else if (data == c->in.data) {
        memmove(c->in.data, data + used, len - used);
        c->in.len = len - used;
    } else {
        c->in.len = 0;
        buf_append(&c->in, data + used, len - used);
    }
}

/* Room for the rest of the long frame that C's own buffer begins with. Gives how much that is,
 * at least READ_BYTES. */
static size_t make_room(struct connection *c)
{
    size_t size = HEAD_BYTES + load_be32(c->in.data); /* within jute.maxbuffer: see take_frames */
    size_t rest = size > c->in.len + READ_BYTES ? size - c->in.len : READ_BYTES;
    struct buf spare;

    if (c->in.cap - c->in.len >= rest)
        return rest;
    spare = spare_buffers_take(&c->all->spares, c->in.len + rest);
    if (spare.data == NULL) {
        buf_reserve(&c->in, rest);
        return rest;
    }
    buf_append(&spare, c->in.data, c->in.len);
    buf_done(&c->in);
    c->in = spare;
    return rest;
}

void connection_read(struct connection *c)
{
    struct connections *all = c->all;
    uint8_t *data = all->read_buffer;
    size_t carried = c->in.len, room = READ_BYTES;
    ssize_t got;

    if (carried > CARRY_BYTES) {
        room = make_room(c);
        data = c->in.data;
    } else if (carried > 0) {
        memcpy(data, c->in.data, carried);
    }
    got = recv(c->fd, data + carried, room, 0);
    if (got > 0) {
        all->stats.bytes_received += (uint64_t)got;
        connection_take(c, data, carried + (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        connection_end(c);
        return;
    }
    connection_poll(c);
}
