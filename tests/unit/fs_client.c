/* The session library against a server played by the test: connecting, sessions, requests,
 * replies, closing. Watches are in fs_client_watch.c, lost connections in fs_client_lost.c. */
#include "tests/support/fs_trace.h"
#include "tests/unit/test.h"

#include "proto/base/bytes.h"

/* A client with a session on a server of the test's. */
struct scene {
    struct trace trace;
    struct fake *fake;
    struct fake_conn *conn;
};

static void scene_open(struct scene *s)
{
    trace_init(&s->trace);
    s->fake = fake_new(&s->trace.loop);
    trace_connect(&s->trace, s->fake, 6000);
    s->conn = fake_accept(s->fake);
    (void)fake_welcome(s->conn, FAKE_SESSION, 6000);
    EXPECT_TRACE(&s->trace, "connected");
}

/* Closes the session in good order. */
static void scene_close(struct scene *s)
{
    trace_close(&s->trace);
    fake_goodbye(s->conn);
    EXPECT_TRACE(&s->trace, "closed");
    fake_free(s->fake);
    trace_end(&s->trace);
}

static void send_get_reply(struct fake_conn *conn, int32_t xid, const char *data)
{
    struct buf body = {0};

    put_get_data_response(
        &body, &(struct zk_get_data_response){.data = jute_str(data), .stat = {.version = 7}});
    fake_reply(conn, xid, 5, 0, &body);
    buf_done(&body);
}

TEST(a_new_session_is_asked_for_and_told)
{
    struct trace trace;
    struct fake *fake;
    struct fake_conn *conn;
    struct zk_connect_request request;
    struct client_info info;

    trace_init(&trace);
    fake = fake_new(&trace.loop);
    trace_connect(&trace, fake, 7000);
    conn = fake_accept(fake);
    request = fake_welcome(conn, FAKE_SESSION, 5000);
    EXPECT_EQ(request.session_id, 0);
    EXPECT_EQ(request.timeout, 7000);
    EXPECT_EQ(request.last_zxid_seen, 0);
    EXPECT_EQ(request.passwd.len, 16);
    EXPECT_EQ(request.read_only, 0);
    EXPECT_TRACE(&trace, "connected");
    client_info(trace.client, &info);
    EXPECT_EQ(info.session_id, FAKE_SESSION);
    EXPECT_EQ(info.session_timeout_ms, 5000);
    trace_close(&trace);
    fake_goodbye(conn);
    EXPECT_TRACE(&trace, "closed");
    fake_free(fake);
    trace_end(&trace);
}

TEST(requests_made_before_the_connection_go_out_in_order_once_it_is_there)
{
    struct scene s;
    struct traced get = {&s.trace, "get"}, del = {&s.trace, "delete"};
    int32_t xid;

    trace_init(&s.trace);
    s.fake = fake_new(&s.trace.loop);
    trace_connect(&s.trace, s.fake, 6000);
    (void)client_get_data(s.trace.client, jute_str("/a"), false, trace_reply, &get);
    (void)client_delete(s.trace.client, jute_str("/b"), -1, trace_reply, &del);
    s.conn = fake_accept(s.fake);
    (void)fake_welcome(s.conn, FAKE_SESSION, 6000);
    xid = fake_request(s.conn, OP_GET_DATA, NULL);
    EXPECT_EQ(fake_request(s.conn, OP_DELETE, NULL), xid + 1);
    send_get_reply(s.conn, xid, "hello");
    fake_reply(s.conn, xid + 1, 6, ZNOTEMPTY, NULL);
    EXPECT_TRACE(&s.trace, "connected; get OK hello; delete NOTEMPTY");
    EXPECT_EQ(s.trace.last.zxid, 6);
    scene_close(&s);
}

TEST(replies_may_come_a_byte_at_a_time_or_all_at_once)
{
    struct scene s;
    struct traced a = {&s.trace, "a"}, b = {&s.trace, "b"}, c = {&s.trace, "c"};
    struct buf bytes = {0};
    int32_t xid;

    scene_open(&s);
    (void)client_sync(s.trace.client, jute_str("/"), trace_reply, &a);
    (void)client_sync(s.trace.client, jute_str("/"), trace_reply, &b);
    (void)client_sync(s.trace.client, jute_str("/"), trace_reply, &c);
    xid = fake_request(s.conn, OP_SYNC, NULL);
    for (int i = 0; i < 3; i++) {
        size_t at = bytes.len;

        (void)buf_extend(&bytes, 4);
        put_reply_header(&bytes, &(struct zk_reply_header){.xid = xid + i, .zxid = 1, .err = 0});
        put_path_response(&bytes, &(struct zk_path_response){.path = jute_str("/x")});
        store_be32(bytes.data + at, (uint32_t)(bytes.len - at - 4));
    }
    for (size_t i = 0; i < 30; i++) {
        fake_send(s.conn, bytes.data + i, 1);
        (void)uv_run(&s.trace.loop, UV_RUN_NOWAIT);
    }
    fake_send(s.conn, bytes.data + 30, bytes.len - 30);
    EXPECT_TRACE(&s.trace, "a OK /x; b OK /x; c OK /x");
    buf_done(&bytes);
    (void)fake_request(s.conn, OP_SYNC, NULL);
    (void)fake_request(s.conn, OP_SYNC, NULL);
    scene_close(&s);
}

TEST(each_create_mode_uses_the_operation_that_knows_it)
{
    static const struct {
        enum create_mode mode;
        enum zk_op op;
    } modes[] = {
        {CREATE_PERSISTENT, OP_CREATE2},
        {CREATE_EPHEMERAL_SEQUENTIAL, OP_CREATE2},
        {CREATE_CONTAINER, OP_CREATE_CONTAINER},
        {CREATE_PERSISTENT_TTL, OP_CREATE_TTL},
    };
    struct scene s;
    struct traced create = {&s.trace, "create"};

    scene_open(&s);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct arena arena = {0};
        struct zk_create_request request;
        struct jute_reader r;
        struct buf body = {0};
        int32_t xid;

        (void)client_create(s.trace.client, jute_str("/n"), jute_str("v"), NULL, modes[i].mode,
                            1234, trace_reply, &create);
        xid = fake_request(s.conn, modes[i].op, &r);
        r.arena = &arena;
        get_create_request(&r, &request);
        EXPECT_EQ(request.flags, (int)modes[i].mode);
        EXPECT_EQ(request.acl.count, 1);
        EXPECT(jute_equal(request.acl.items[0].id, jute_str("anyone")));
        EXPECT_EQ(jute_left(&r), modes[i].op == OP_CREATE_TTL ? 8 : 0);
        put_path_stat_response(
            &body, &(struct zk_path_stat_response){.path = jute_str("/n7"), .stat = {.czxid = 9}});
        fake_reply(s.conn, xid, 9, 0, &body);
        EXPECT_TRACE(&s.trace, "create OK /n7");
        EXPECT_EQ(s.trace.last.stat.czxid, 9);
        buf_done(&body);
        arena_done(&arena);
    }
    scene_close(&s);
}

TEST(a_reply_longer_than_allowed_ends_its_request_and_nothing_else)
{
    struct scene s;
    struct traced big = {&s.trace, "big"}, small = {&s.trace, "small"};
    struct client_config config = {.session_timeout_ms = 6000, .reply_bytes_max = 100000};
    struct buf body = {0};
    char hosts[64];
    int32_t xid;

    trace_init(&s.trace);
    s.fake = fake_new(&s.trace.loop);
    (void)snprintf(hosts, sizeof hosts, "127.0.0.1:%u", fake_port(s.fake));
    trace_client(&s.trace, config, hosts);
    (void)client_get_data(s.trace.client, jute_str("/big"), false, trace_reply, &big);
    (void)client_get_data(s.trace.client, jute_str("/small"), false, trace_reply, &small);
    s.conn = fake_accept(s.fake);
    (void)fake_welcome(s.conn, FAKE_SESSION, 6000);
    xid = fake_request(s.conn, OP_GET_DATA, NULL);
    (void)fake_request(s.conn, OP_GET_DATA, NULL);
    memset(buf_extend(&body, 300000), 'x', 300000);
    fake_reply(s.conn, xid, 5, 0, &body);
    send_get_reply(s.conn, xid + 1, "fits");
    EXPECT_TRACE(&s.trace, "connected; big -EMSGSIZE sent; small OK fits");
    buf_done(&body);
    scene_close(&s);
}

TEST(a_reply_as_long_as_allowed_arrives_whole)
{
    struct scene s;
    struct traced get = {&s.trace, "get"};
    struct buf data = {0}, body = {0};
    int32_t xid;

    scene_open(&s);
    (void)client_get_data(s.trace.client, jute_str("/big"), false, trace_reply, &get);
    xid = fake_request(s.conn, OP_GET_DATA, NULL);
    memset(buf_extend(&data, 5000000), 'x', 5000000);
    put_get_data_response(&body, &(struct zk_get_data_response){
                                     .data = {.data = data.data, .len = (int32_t)data.len}});
    fake_reply(s.conn, xid, 5, 0, &body);
    EXPECT_TRACE(&s.trace, "get OK");
    EXPECT_EQ(s.trace.last.data.len, 5000000);
    buf_done(&data);
    buf_done(&body);
    scene_close(&s);
}

TEST(a_request_longer_than_the_server_takes_is_not_sent)
{
    struct scene s;
    struct traced set = {&s.trace, "set"};
    struct buf data = {0};

    scene_open(&s);
    memset(buf_extend(&data, JUTE_MAXBUFFER_DEFAULT), 'x', JUTE_MAXBUFFER_DEFAULT);
    (void)client_set_data(s.trace.client, jute_str("/x"),
                          (struct jute_bytes){.data = data.data, .len = (int32_t)data.len}, -1,
                          trace_reply, &set);
    EXPECT_TRACE(&s.trace, "set -E2BIG");
    buf_done(&data);
    scene_close(&s);
}

TEST(the_queue_has_a_limit)
{
    struct trace trace;
    struct fake *fake;
    struct traced first = {&trace, "first"}, second = {&trace, "second"};
    char hosts[64];

    trace_init(&trace);
    fake = fake_new(&trace.loop);
    (void)snprintf(hosts, sizeof hosts, "127.0.0.1:%u", fake_port(fake));
    trace_client(&trace, (struct client_config){.queue_bytes_max = 300}, hosts);
    EXPECT(client_has_room(trace.client));
    (void)client_sync(trace.client, jute_str("/"), trace_reply, &first);
    (void)client_sync(trace.client, jute_str("/"), trace_reply, &second);
    EXPECT(!client_has_room(trace.client));
    EXPECT_TRACE(&trace, "second -EAGAIN");
    trace_close(&trace);
    EXPECT_TRACE(&trace, "first -ECANCELED; closed");
    fake_free(fake);
    trace_end(&trace);
}

TEST(a_cancelled_request_is_not_told_and_its_reply_does_no_harm)
{
    struct scene s;
    struct traced a = {&s.trace, "a"}, b = {&s.trace, "b"};
    struct client_request *request;
    int32_t xid;

    scene_open(&s);
    request = client_sync(s.trace.client, jute_str("/unsent"), trace_reply, &a);
    EXPECT(client_cancel(s.trace.client, request));
    request = client_sync(s.trace.client, jute_str("/sent"), trace_reply, &a);
    (void)client_delete(s.trace.client, jute_str("/b"), 3, trace_reply, &b);
    xid = fake_request(s.conn, OP_SYNC, NULL);
    EXPECT(!client_cancel(s.trace.client, request));
    fake_reply(s.conn, xid, 5, ZNONODE, NULL);
    fake_reply(s.conn, fake_request(s.conn, OP_DELETE, NULL), 5, 0, NULL);
    EXPECT_TRACE(&s.trace, "b OK");
    scene_close(&s);
}

static void put_result(struct buf *b, int32_t type, int32_t err)
{
    put_multi_header(b, &(struct zk_multi_header){.type = type, .done = false, .err = err});
}

static struct client_result kept[4];

static void keep_results(void *arg, const struct client_reply *reply)
{
    EXPECT(reply->result_count <= 4);
    for (int32_t i = 0; i < reply->result_count; i++)
        kept[i] = reply->results[i];
    trace_reply(arg, reply);
}

TEST(a_multi_tells_the_result_of_each_operation)
{
    const struct client_op ops[] = {
        {.op = OP_CREATE2, .path = jute_str("/m"), .data = JUTE_NULL},
        {.op = OP_SET_DATA, .path = jute_str("/x"), .data = jute_str("d"), .version = 3},
        {.op = OP_CHECK, .path = jute_str("/x"), .version = 4},
        {.op = OP_DELETE, .path = jute_str("/y"), .version = -1},
    };
    struct scene s;
    struct traced multi = {&s.trace, "multi"};
    struct buf body = {0};
    int32_t xid;

    scene_open(&s);
    (void)client_multi(s.trace.client, ops, 4, keep_results, &multi);
    xid = fake_request(s.conn, OP_MULTI, NULL);
    put_result(&body, OP_CREATE, 0); /* as 3.8 does for create2 */
    put_ustring(&body, jute_str("/m"));
    put_result(&body, OP_SET_DATA, 0);
    put_stat(&body, &(struct zk_stat){.version = 4});
    put_result(&body, OP_CHECK, 0);
    put_result(&body, OP_DELETE, 0);
    put_multi_header(&body, &(struct zk_multi_header){.type = -1, .done = true, .err = -1});
    fake_reply(s.conn, xid, 5, 0, &body);
    EXPECT_TRACE(&s.trace, "multi OK");
    EXPECT_EQ(s.trace.last.result_count, 4);
    EXPECT_EQ(kept[0].path.len, 2);
    EXPECT(!kept[0].has_stat);
    EXPECT_EQ(kept[1].stat.version, 4);
    buf_done(&body);
    scene_close(&s);
}

TEST(a_failed_multi_has_the_error_of_its_first_failure)
{
    static const int errs[] = {0, ZBADVERSION, ZRUNTIMEINCONSISTENCY};
    const struct client_op op = {.op = OP_DELETE, .path = jute_str("/y"), .version = -1};
    const struct client_op ops[] = {op, op, op};
    struct scene s;
    struct traced multi = {&s.trace, "multi"};
    struct buf body = {0};
    int32_t xid;

    scene_open(&s);
    (void)client_multi(s.trace.client, ops, 3, keep_results, &multi);
    xid = fake_request(s.conn, OP_MULTI, NULL);
    for (int i = 0; i < 3; i++) {
        put_result(&body, OP_ERROR, errs[i]);
        put_error_response(&body, &(struct zk_error_response){.err = errs[i]});
    }
    put_multi_header(&body, &(struct zk_multi_header){.type = -1, .done = true, .err = -1});
    fake_reply(s.conn, xid, 5, 0, &body);
    EXPECT_TRACE(&s.trace, "multi BADVERSION");
    EXPECT_EQ(s.trace.last.result_count, 3);
    EXPECT_EQ(kept[1].err, ZBADVERSION);
    buf_done(&body);
    scene_close(&s);
}

TEST(a_chroot_is_in_front_of_requests_and_off_replies_and_events)
{
    struct scene s;
    struct traced get = {&s.trace, "get"}, sync = {&s.trace, "sync"};
    struct zk_path_watch_request request;
    struct jute_reader r;
    struct buf body = {0};
    char hosts[64];
    int32_t xid;

    trace_init(&s.trace);
    s.fake = fake_new(&s.trace.loop);
    (void)snprintf(hosts, sizeof hosts, "127.0.0.1:%u/app/one", fake_port(s.fake));
    trace_client(&s.trace, (struct client_config){.session_timeout_ms = 6000}, hosts);
    (void)client_get_data(s.trace.client, jute_str("/a"), true, trace_reply, &get);
    (void)client_sync(s.trace.client, jute_str("/"), trace_reply, &sync);
    s.conn = fake_accept(s.fake);
    (void)fake_welcome(s.conn, FAKE_SESSION, 6000);
    xid = fake_request(s.conn, OP_GET_DATA, &r);
    get_path_watch_request(&r, &request);
    EXPECT(jute_equal(request.path, jute_str("/app/one/a")));
    EXPECT(request.watch);
    send_get_reply(s.conn, xid, "v");
    xid = fake_request(s.conn, OP_SYNC, &r);
    get_ustring(&r, &request.path);
    EXPECT(jute_equal(request.path, jute_str("/app/one")));
    put_ustring(&body, jute_str("/app/one"));
    fake_reply(s.conn, xid, 5, 0, &body);
    fake_event(s.conn, EVENT_NODE_DATA_CHANGED, "/app/one/a", 0x77);
    fake_event(s.conn, EVENT_NODE_CHILDREN_CHANGED, "/app/one", -1);
    EXPECT_TRACE(&s.trace, "connected; get OK v; sync OK /; changed /a 0x77; children /");
    buf_done(&body);
    scene_close(&s);
}

TEST(an_idle_client_pings)
{
    struct trace trace;
    struct fake *fake;
    struct fake_conn *conn;

    trace_init(&trace);
    fake = fake_new(&trace.loop);
    trace_connect(&trace, fake, 6000);
    conn = fake_accept(fake);
    (void)fake_welcome(conn, FAKE_SESSION, 300);
    EXPECT_TRACE(&trace, "connected");
    for (int i = 0; i < 4; i++) { /* longer than the session timeout */
        EXPECT_EQ(fake_request(conn, OP_PING, NULL), XID_PING);
        fake_reply(conn, XID_PING, 5, 0, NULL);
    }
    trace_close(&trace);
    fake_goodbye(conn);
    EXPECT_TRACE(&trace, "closed");
    fake_free(fake);
    trace_end(&trace);
}

TEST(closing_answers_what_was_sent_before_and_cancels_what_comes_after)
{
    struct scene s;
    struct traced before = {&s.trace, "before"}, after = {&s.trace, "after"};
    int32_t xid;

    scene_open(&s);
    (void)client_delete(s.trace.client, jute_str("/a"), -1, trace_reply, &before);
    trace_close(&s.trace);
    (void)client_delete(s.trace.client, jute_str("/b"), -1, trace_reply, &after);
    EXPECT_TRACE(&s.trace, "after -ECANCELED");
    xid = fake_request(s.conn, OP_DELETE, NULL);
    fake_reply(s.conn, xid, 5, 0, NULL);
    fake_goodbye(s.conn);
    EXPECT_TRACE(&s.trace, "before OK; closed");
    fake_free(s.fake);
    trace_end(&s.trace);
}

TEST(closing_before_any_connection_is_immediate)
{
    struct trace trace;
    struct traced get = {&trace, "get"};

    trace_init(&trace);
    trace_client(&trace, (struct client_config){0}, "127.0.0.1:1");
    (void)client_get_data(trace.client, jute_str("/"), false, trace_reply, &get);
    trace_close(&trace);
    EXPECT_TRACE(&trace, "get -ECANCELED; closed");
    trace_end(&trace);
}

TEST(closing_gives_up_on_a_server_that_does_not_answer)
{
    struct trace trace;
    struct fake *fake;
    struct fake_conn *conn;
    char hosts[64];

    trace_init(&trace);
    fake = fake_new(&trace.loop);
    (void)snprintf(hosts, sizeof hosts, "127.0.0.1:%u", fake_port(fake));
    trace_client(&trace, (struct client_config){.close_timeout_ms = 50}, hosts);
    conn = fake_accept(fake);
    (void)fake_welcome(conn, FAKE_SESSION, 6000);
    EXPECT_TRACE(&trace, "connected");
    trace_close(&trace);
    (void)fake_request(conn, OP_CLOSE_SESSION, NULL);
    EXPECT_TRACE(&trace, "closed");
    fake_free(fake);
    trace_end(&trace);
}

static void close_in_callback(void *arg, const struct client_reply *reply)
{
    struct traced *traced = arg;

    trace_reply(arg, reply);
    trace_close(traced->trace);
}

TEST(a_callback_may_close_the_client)
{
    struct scene s;
    struct traced get = {&s.trace, "get"};

    scene_open(&s);
    (void)client_get_data(s.trace.client, jute_str("/"), false, close_in_callback, &get);
    send_get_reply(s.conn, fake_request(s.conn, OP_GET_DATA, NULL), "v");
    EXPECT_TRACE(&s.trace, "get OK v");
    fake_goodbye(s.conn);
    EXPECT_TRACE(&s.trace, "closed");
    fake_free(s.fake);
    trace_end(&s.trace);
}
