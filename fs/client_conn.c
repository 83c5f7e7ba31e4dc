/* client_conn: see client_conn.h. Frames are cut out of one receive buffer where they
 * lie; what is left of an unfinished one moves to the front. */
#include "fs/client_conn.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"

#include <stdlib.h>

#define RECEIVE_BYTES 65536
/* Above this a buffer is given back after use. */
#define KEEP_BYTES (1 << 20)

struct conn {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    const struct conn_callbacks *callbacks;
    void *arg;
    size_t frame_max;
    uint8_t *in;
    size_t in_len, in_cap;
    uint64_t heard_ms;
    size_t skip; /* bytes of a cut frame that are still to come */
    struct buf out, flushing;
    bool is_flushing, closing, broken;
};

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = CONTAINER_OF((uv_tcp_t *)handle, struct conn, tcp);
    const struct conn_callbacks *callbacks = conn->callbacks;
    void *arg = conn->arg;

    free(conn->in);
    buf_done(&conn->out);
    buf_done(&conn->flushing);
    free(conn);
    callbacks->closed(arg);
}

static void conn_break(struct conn *conn, const char *cause)
{
    if (conn->closing || conn->broken)
        return;
    conn->broken = true;
    (void)uv_read_stop((uv_stream_t *)&conn->tcp); /* never fails */
    conn->callbacks->down(conn->arg, cause);
}

/* Room for the rest of the frame at the front of the buffer, whose length is known by then and
 * has met its maximum. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    struct conn *conn = CONTAINER_OF((uv_tcp_t *)handle, struct conn, tcp);
    size_t want = RECEIVE_BYTES;

    (void)suggested;
    if (conn->in_len >= 4) {
        size_t frame = 4 + (size_t)load_be32(conn->in);

        if (frame <= 4 + conn->frame_max && frame > want)
            want = frame;
    }
    if (want > conn->in_cap || (conn->in_cap > KEEP_BYTES && want == RECEIVE_BYTES)) {
        ASSERT(conn->in_len < want);
        conn->in = xrealloc(conn->in, want);
        conn->in_cap = want;
    }
    ASSERT(conn->in_len < conn->in_cap);
    *ret_buf =
        uv_buf_init((char *)conn->in + conn->in_len, (unsigned)(conn->in_cap - conn->in_len));
}

/* One frame at P of LEN bytes: how many of them it took; 0: it is not there yet. */
static size_t take_frame(struct conn *conn, const uint8_t *p, size_t len)
{
    struct conn_frame frame;
    size_t total;

    if (len < 4)
        return 0;
    total = load_be32(p);
    if (total > INT32_MAX) {
        conn_break(conn, "frame of negative length");
        return 0;
    }
    frame = (struct conn_frame){.data = p + 4, .len = total, .total = total};
    if (total > conn->frame_max && total > CONN_CUT_BYTES)
        frame.len = CONN_CUT_BYTES;
    if (len - 4 < frame.len)
        return 0;
    conn->skip = total - frame.len;
    conn->callbacks->frame(conn->arg, &frame);
    return 4 + frame.len;
}

static size_t take_skipped(struct conn *conn, size_t len)
{
    size_t taken = conn->skip < len ? conn->skip : len;

    conn->skip -= taken;
    return taken;
}

static void take_frames(struct conn *conn)
{
    size_t at = 0;

    while (at < conn->in_len && !conn->closing && !conn->broken) {
        size_t taken = conn->skip > 0 ? take_skipped(conn, conn->in_len - at)
                                      : take_frame(conn, conn->in + at, conn->in_len - at);

        if (taken == 0)
            break;
        at += taken;
    }
    if (at > 0) {
        conn->in_len -= at;
        memmove(conn->in, conn->in + at, conn->in_len);
    }
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct conn *conn = CONTAINER_OF((uv_tcp_t *)stream, struct conn, tcp);

    (void)buf;
    if (conn->closing || conn->broken || size == 0)
        return;
    if (size < 0) {
        conn_break(conn, size == UV_EOF ? "closed by the server" : uv_strerror((int)size));
        return;
    }
    conn->heard_ms = uv_now(stream->loop);
    conn->in_len += (size_t)size;
    take_frames(conn);
}

static void on_connect(uv_connect_t *request, int status)
{
    struct conn *conn = CONTAINER_OF(request, struct conn, connect);

    if (conn->closing)
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    if (status < 0) {
        conn_break(conn, uv_strerror(status));
        return;
    }
    conn->callbacks->up(conn->arg);
}

int conn_open(uv_loop_t *loop, const struct sockaddr *address, size_t frame_max,
              const struct conn_callbacks *callbacks, void *arg, struct conn **ret_conn)
{
    struct conn *conn = xcalloc(1, sizeof *conn);
    int rc;

    conn->callbacks = callbacks;
    conn->arg = arg;
    conn->frame_max = frame_max;
    conn->heard_ms = uv_now(loop);
    rc = uv_tcp_init(loop, &conn->tcp);
    ASSERT(rc == 0); /* without flags it makes no socket yet */
    /* Requests are small and wait for answers; a failure costs speed only. */
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    rc = uv_tcp_connect(&conn->connect, &conn->tcp, address, on_connect);
    if (rc < 0) {
        conn_close(conn);
        return rc;
    }
    *ret_conn = conn;
    return 0;
}

void conn_set_frame_max(struct conn *conn, size_t frame_max)
{
    conn->frame_max = frame_max;
}

struct buf *conn_out(struct conn *conn)
{
    return &conn->out;
}

static void on_written(uv_write_t *request, int status)
{
    struct conn *conn = CONTAINER_OF(request, struct conn, write);

    conn->is_flushing = false;
    if (conn->flushing.cap > KEEP_BYTES)
        buf_done(&conn->flushing);
    conn->flushing.len = 0;
    if (conn->closing)
        return;
    if (status < 0) {
        conn_break(conn, uv_strerror(status));
        return;
    }
    if (conn->out.len > 0)
        conn_flush(conn);
    else
        conn->callbacks->drained(conn->arg);
}

void conn_flush(struct conn *conn)
{
    struct buf bytes = conn->out;
    uv_buf_t view = uv_buf_init((char *)bytes.data, (unsigned)bytes.len);

    if (conn->is_flushing || conn->closing || conn->broken || bytes.len == 0)
        return;
    conn->out = conn->flushing;
    conn->flushing = bytes;
    conn->is_flushing =
        uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &view, 1, on_written) == 0;
    /* It fails at once for a broken socket only, and reading will tell of that. */
    if (!conn->is_flushing)
        conn->flushing.len = 0;
}

bool conn_is_flushing(const struct conn *conn)
{
    return conn->is_flushing;
}

uint64_t conn_heard_ms(const struct conn *conn)
{
    return conn->heard_ms;
}

void conn_close(struct conn *conn)
{
    if (conn->closing)
        return;
    conn->closing = true;
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
}
