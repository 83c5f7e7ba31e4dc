/* fuzz_fs_session: anything that a server can send to a session that has one request of
 * each kind in flight. The input is a script: a byte says what comes, two bytes how long it
 * is, then its bytes: raw ones, or the body of a reply to the request that is due, of an event,
 * of an error. What must hold: no crash, no leak, no ASSERT; and every request ends exactly
 * once. */
#include "fs/client.h"

#include "proto/base/assert.h"
#include "proto/base/bytes.h"
#include "proto/base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    uv_loop_t loop;
    struct client *client;
    int listener, peer;
    int made, ended;
    bool lost, closed; /* the connection, the client */
};

static void on_state(void *arg, enum client_state state)
{
    if (state == CLIENT_CONNECTING)
        ((struct run *)arg)->lost = true;
}

static void on_event(void *arg, const struct client_event *event)
{
    (void)arg;
    ASSERT(event->type >= EVENT_NODE_CREATED);
    ASSERT(event->type <= EVENT_NODE_CHILDREN_CHANGED);
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    struct run *run = arg;

    run->ended++;
    ASSERT(reply->rc <= 0);
    if (reply->rc == 0 && reply->err == ZOK)
        ASSERT(reply->result_count == 0 || reply->results != NULL);
}

static void on_closed(void *arg)
{
    ((struct run *)arg)->closed = true;
}

/* ---- the scene */

static void make_requests(struct run *run)
{
    static const struct client_op ops[] = {
        {.op = OP_CREATE2, .path = {.data = (const uint8_t *)"/m", .len = 2}},
        {.op = OP_DELETE, .path = {.data = (const uint8_t *)"/n", .len = 2}},
    };
    struct jute_bytes path = jute_str("/a");
    struct client *client = run->client;

    (void)client_get_data(client, path, true, on_reply, run);
    (void)client_create(client, path, path, NULL, CREATE_PERSISTENT, 0, on_reply, run);
    (void)client_get_children(client, path, true, on_reply, run);
    (void)client_multi(client, ops, 2, on_reply, run);
    (void)client_get_acl(client, path, on_reply, run);
    (void)client_exists(client, path, true, on_reply, run);
    (void)client_set_data(client, path, path, -1, on_reply, run);
    (void)client_sync(client, path, on_reply, run);
    (void)client_add_watch(client, path, ADD_WATCH_PERSISTENT, on_reply, run);
    (void)client_remove_watches(client, path, CLIENT_WATCH_ANY, on_reply, run);
    (void)client_set_acl(client, path, NULL, -1, on_reply, run);
    (void)client_delete(client, path, -1, on_reply, run);
    client_add_auth(client, path, path, on_reply, run);
    run->made = 13;
}

static void open_client(struct run *run, uint16_t port)
{
    struct client_callbacks callbacks = {.state = on_state, .event = on_event, .arg = run};
    char hosts[64];
    struct client_config config = {
        .hosts = hosts, .reply_bytes_max = 4096, .close_timeout_ms = 1, .seed = 1};
    int rc;

    (void)snprintf(hosts, sizeof hosts, "127.0.0.1:%u/a", port);
    rc = client_new(&run->loop, &config, &callbacks, &run->client, NULL);
    ASSERT(rc == 0);
    make_requests(run);
    while ((run->peer = accept(run->listener, NULL, NULL)) < 0) {
        ASSERT(errno == EAGAIN);
        (void)uv_run(&run->loop, UV_RUN_ONCE); /* until it has dialled */
    }
}

static uint16_t listen_somewhere(struct run *run)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int rc;

    run->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASSERT(run->listener >= 0);
    rc = bind(run->listener, (const struct sockaddr *)&address, len);
    ASSERT(rc == 0);
    rc = listen(run->listener, 8);
    ASSERT(rc == 0);
    rc = getsockname(run->listener, (struct sockaddr *)&address, &len);
    ASSERT(rc == 0);
    return ntohs(address.sin_port);
}

/* ---- the script */

struct script {
    const uint8_t *p, *end;
    int32_t due; /* xid of the request that is due */
};

static struct jute_bytes next_bytes(struct script *s)
{
    size_t len = 0;

    if (s->end - s->p >= 2) {
        len = (size_t)s->p[0] << 8 | s->p[1];
        s->p += 2;
    }
    if (len > (size_t)(s->end - s->p))
        len = (size_t)(s->end - s->p);
    s->p += len;
    return (struct jute_bytes){.data = s->p - len, .len = (int32_t)len};
}

static void put_frame(struct buf *out, int32_t xid, int32_t err, struct jute_bytes body)
{
    struct zk_reply_header header = {.xid = xid, .zxid = xid, .err = err};

    put_i32(out, 16 + body.len);
    put_reply_header(out, &header);
    buf_append(out, body.data, jute_size(body));
}

static void put_step(struct buf *out, struct script *s)
{
    uint8_t what = *s->p++;
    struct jute_bytes body = next_bytes(s);

    switch (what % 8) {
    case 0:
        buf_append(out, body.data, jute_size(body));
        break;
    case 1:
        put_frame(out, XID_WATCH_EVENT, 0, body);
        break;
    case 2:
        put_frame(out, XID_AUTH, what & 8 ? ZAUTHFAILED : 0, body);
        break;
    case 3:
        put_frame(out, s->due++, ZNONODE, body);
        break;
    case 4:
        put_frame(out, XID_PING, 0, body);
        break;
    default:
        put_frame(out, s->due++, 0, body);
    }
}

static void send_bytes(struct run *run, const struct buf *bytes)
{
    ssize_t sent = send(run->peer, bytes->data, bytes->len, MSG_NOSIGNAL | MSG_DONTWAIT);

    ASSERT(sent == (ssize_t)bytes->len);
}

/* Gives a session, and waits until the requests have gone out. */
static void welcome(struct run *run)
{
    static const uint8_t password[SESSION_PASSWORD_BYTES];
    struct client_info info;
    struct buf out = {0};

    put_i32(&out, 37);
    put_connect_response(
        &out, &(struct zk_connect_response){.timeout = 10000,
                                            .session_id = 5,
                                            .passwd = {.data = password, .len = sizeof password}});
    send_bytes(run, &out);
    buf_done(&out);
    do {
        (void)uv_run(&run->loop, UV_RUN_ONCE);
        client_info(run->client, &info);
    } while (info.state != CLIENT_CONNECTED || info.queued_bytes > 0);
}

static void send_script(struct run *run, const uint8_t *data, size_t size)
{
    struct script script = {.p = data, .end = data + size, .due = 1};
    struct buf out = {0};

    while (script.p < script.end && out.len < 32768)
        put_step(&out, &script);
    if (out.len > 0)
        send_bytes(run, &out);
    buf_done(&out);
    (void)shutdown(run->peer, SHUT_WR); /* a connection that is gone already is fine */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {0};
    uint16_t port = listen_somewhere(&run);
    int rc = uv_loop_init(&run.loop);

    ASSERT(rc == 0);
    log_set_level(LOG_LEVEL_ERROR);
    open_client(&run, port);
    welcome(&run);
    send_script(&run, data, size);
    while (!run.lost)
        (void)uv_run(&run.loop, UV_RUN_ONCE);
    client_close(run.client, on_closed, &run);
    (void)uv_run(&run.loop, UV_RUN_DEFAULT);
    ASSERT(run.closed);
    ASSERT(run.ended == run.made);
    (void)close(run.peer);
    (void)close(run.listener);
    rc = uv_loop_close(&run.loop);
    ASSERT(rc == 0);
    return 0;
}
