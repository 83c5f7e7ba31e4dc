/* fs_fake: see fs_fake.h. */
#include "tests/support/fs_fake.h"

#include "proto/base/buf.h"
#include "proto/base/bytes.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"
#include "tests/unit/test.h"

#include <stdlib.h>

#define CONNS_MAX 64

struct fake_conn {
    uv_tcp_t tcp;
    uv_loop_t *loop;
    struct buf in;
    size_t at; /* bytes of IN that were taken */
    struct buf frame;
    bool eof, closing;
};

struct fake {
    uv_tcp_t listener;
    uv_loop_t *loop;
    uint16_t port;
    struct fake_conn *conns[CONNS_MAX];
    size_t accepted, taken; /* connections made, and given by fake_accept() */
    bool stopped;
};

/* ---- waiting */

static void on_guard(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

static void on_guard_closed(uv_handle_t *handle)
{
    free(handle);
}

void fake_wait(uv_loop_t *loop, bool (*cond)(void *arg), void *arg, const char *what)
{
    uv_timer_t *guard = xcalloc(1, sizeof *guard);
    bool expired = false;

    EXPECT_EQ(uv_timer_init(loop, guard), 0);
    guard->data = &expired;
    EXPECT_EQ(uv_timer_start(guard, on_guard, FAKE_WAIT_MS, 0), 0);
    while (!cond(arg)) {
        (void)uv_run(loop, UV_RUN_ONCE);
        if (expired)
            test_fail(__FILE__, __LINE__, "waited in vain for %s", what);
    }
    uv_close((uv_handle_t *)guard, on_guard_closed);
}

/* ---- connections */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    *ret_buf = uv_buf_init(xmalloc(suggested), (unsigned)suggested);
    (void)handle;
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct fake_conn *conn = CONTAINER_OF((uv_tcp_t *)stream, struct fake_conn, tcp);

    if (size > 0)
        buf_append(&conn->in, buf->base, (size_t)size);
    if (size < 0)
        conn->eof = true;
    free(buf->base);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fake *fake = CONTAINER_OF((uv_tcp_t *)listener, struct fake, listener);
    struct fake_conn *conn = xcalloc(1, sizeof *conn);

    EXPECT_EQ(status, 0);
    EXPECT(fake->accepted < CONNS_MAX);
    conn->loop = fake->loop;
    EXPECT_EQ(uv_tcp_init(fake->loop, &conn->tcp), 0);
    EXPECT_EQ(uv_accept(listener, (uv_stream_t *)&conn->tcp), 0);
    EXPECT_EQ(uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read), 0);
    fake->conns[fake->accepted++] = conn;
}

struct fake *fake_new(uv_loop_t *loop)
{
    struct fake *fake = xcalloc(1, sizeof *fake);
    struct sockaddr_in address;
    int len = sizeof address;

    fake->loop = loop;
    EXPECT_EQ(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    EXPECT_EQ(uv_tcp_init(loop, &fake->listener), 0);
    EXPECT_EQ(uv_tcp_bind(&fake->listener, (const struct sockaddr *)&address, 0), 0);
    EXPECT_EQ(uv_listen((uv_stream_t *)&fake->listener, 16, on_connection), 0);
    EXPECT_EQ(uv_tcp_getsockname(&fake->listener, (struct sockaddr *)&address, &len), 0);
    fake->port = ntohs(address.sin_port);
    return fake;
}

static void conn_free(struct fake_conn *conn)
{
    buf_done(&conn->in);
    buf_done(&conn->frame);
    free(conn);
}

static bool is_closed(void *arg)
{
    return uv_is_closing(arg) && !uv_is_active(arg);
}

void fake_free(struct fake *fake)
{
    fake_stop_listening(fake);
    for (size_t i = 0; i < fake->accepted; i++)
        fake_close(fake->conns[i]);
    fake_wait(fake->loop, is_closed, &fake->listener, "the fake server to close");
    /* The close callbacks (none) run at the end of an iteration. */
    (void)uv_run(fake->loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < fake->accepted; i++)
        conn_free(fake->conns[i]);
    free(fake);
}

uint16_t fake_port(const struct fake *fake)
{
    return fake->port;
}

void fake_stop_listening(struct fake *fake)
{
    if (!fake->stopped)
        uv_close((uv_handle_t *)&fake->listener, NULL);
    fake->stopped = true;
}

size_t fake_accepted(const struct fake *fake)
{
    return fake->accepted;
}

static bool has_new_conn(void *arg)
{
    struct fake *fake = arg;

    return fake->accepted > fake->taken;
}

struct fake_conn *fake_accept(struct fake *fake)
{
    fake_wait(fake->loop, has_new_conn, fake, "a connection");
    return fake->conns[fake->taken++];
}

static bool has_frame(void *arg)
{
    struct fake_conn *conn = arg;
    size_t left = conn->in.len - conn->at;

    return conn->eof || (left >= 4 && left - 4 >= load_be32(conn->in.data + conn->at));
}

struct jute_reader fake_frame(struct fake_conn *conn)
{
    size_t len;

    fake_wait(conn->loop, has_frame, conn, "a frame");
    EXPECT(conn->in.len - conn->at >= 4);
    len = load_be32(conn->in.data + conn->at);
    conn->frame.len = 0;
    buf_append(&conn->frame, conn->in.data + conn->at + 4, len);
    conn->at += 4 + len;
    return jute_reader(conn->frame.data, conn->frame.len, NULL);
}

bool fake_has_bytes(const struct fake_conn *conn)
{
    return conn->in.len > conn->at;
}

static bool has_eof(void *arg)
{
    return ((struct fake_conn *)arg)->eof;
}

void fake_wait_eof(struct fake_conn *conn)
{
    fake_wait(conn->loop, has_eof, conn, "the client to close the connection");
}

void fake_send(struct fake_conn *conn, const void *bytes, size_t len)
{
    char *copy = xmemdup(bytes, len); /* as libuv's views are not const */
    size_t sent = 0;

    while (sent < len) {
        uv_buf_t view = uv_buf_init(copy + sent, (unsigned)(len - sent));
        int rc = uv_try_write((uv_stream_t *)&conn->tcp, &view, 1);

        if (rc == UV_EAGAIN) { /* the client, on the same loop, has to read */
            (void)uv_run(conn->loop, UV_RUN_NOWAIT);
            continue;
        }
        EXPECT(rc > 0);
        sent += (size_t)rc;
    }
    free(copy);
}

void fake_send_frame(struct fake_conn *conn, const struct buf *payload)
{
    uint8_t len[4];

    store_be32(len, (uint32_t)payload->len);
    fake_send(conn, len, sizeof len);
    if (payload->len > 0)
        fake_send(conn, payload->data, payload->len);
}

void fake_stop_reading(struct fake_conn *conn)
{
    EXPECT_EQ(uv_read_stop((uv_stream_t *)&conn->tcp), 0);
}

void fake_close(struct fake_conn *conn)
{
    if (!conn->closing)
        uv_close((uv_handle_t *)&conn->tcp, NULL);
    conn->closing = true;
}

/* ---- the usual exchanges */

struct zk_connect_request fake_welcome(struct fake_conn *conn, int64_t session_id,
                                       int32_t timeout_ms)
{
    static const uint8_t password[SESSION_PASSWORD_BYTES] = "password of test";
    struct jute_reader r = fake_frame(conn);
    struct zk_connect_request request;
    struct zk_connect_response response = {
        .timeout = timeout_ms,
        .session_id = session_id,
        .passwd = {.data = password, .len = sizeof password},
    };
    struct buf payload = {0};

    get_connect_request(&r, &request);
    EXPECT(!r.bad);
    put_connect_response(&payload, &response);
    fake_send_frame(conn, &payload);
    buf_done(&payload);
    return request;
}

int32_t fake_request(struct fake_conn *conn, enum zk_op op, struct jute_reader *ret_reader)
{
    struct jute_reader r = fake_frame(conn);
    struct zk_request_header header;

    get_request_header(&r, &header);
    EXPECT(!r.bad);
    EXPECT_STR(zk_op_name(header.type), zk_op_name((int)op));
    if (ret_reader != NULL)
        *ret_reader = r;
    return header.xid;
}

void fake_reply(struct fake_conn *conn, int32_t xid, zk_zxid zxid, int err, const struct buf *body)
{
    struct buf payload = {0};

    put_reply_header(&payload, &(struct zk_reply_header){.xid = xid, .zxid = zxid, .err = err});
    if (body != NULL)
        buf_append(&payload, body->data, body->len);
    fake_send_frame(conn, &payload);
    buf_done(&payload);
}

void fake_event(struct fake_conn *conn, enum event_type type, const char *path, zk_zxid zxid)
{
    struct buf body = {0};

    put_watcher_event(&body, &(struct zk_watcher_event){.type = (int32_t)type,
                                                        .state = EVENT_STATE_CONNECTED,
                                                        .path = jute_str(path)});
    fake_reply(conn, XID_WATCH_EVENT, zxid, 0, &body);
    buf_done(&body);
}

void fake_goodbye(struct fake_conn *conn)
{
    int32_t xid = fake_request(conn, OP_CLOSE_SESSION, NULL);

    fake_reply(conn, xid, 1, 0, NULL);
}
