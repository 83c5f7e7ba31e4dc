/* The session library when connections are lost: which requests go out again, which end, how
 * the session moves, and when it is over. The server is played by the test. */
#include "tests/support/fs_trace.h"
#include "tests/unit/test.h"

#include "proto/base/bytes.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <stdlib.h>

struct scene {
    struct trace trace;
    struct fake *fake;
    struct fake_conn *conn;
};

static void scene_open(struct scene *s, int32_t timeout_ms)
{
    trace_init(&s->trace);
    s->fake = fake_new(&s->trace.loop);
    trace_connect(&s->trace, s->fake, timeout_ms);
    s->conn = fake_accept(s->fake);
    (void)fake_welcome(s->conn, FAKE_SESSION, timeout_ms);
    EXPECT_TRACE(&s->trace, "connected");
}

static void scene_end(struct scene *s)
{
    fake_free(s->fake);
    trace_end(&s->trace);
}

static void scene_close(struct scene *s)
{
    trace_close(&s->trace);
    fake_goodbye(s->conn);
    EXPECT_TRACE(&s->trace, "closed");
    scene_end(s);
}

/* The client dials again; expects that it asks for its session. */
static void scene_reconnect(struct scene *s)
{
    struct zk_connect_request request;

    s->conn = fake_accept(s->fake);
    request = fake_welcome(s->conn, FAKE_SESSION, 6000);
    EXPECT_EQ(request.session_id, FAKE_SESSION);
    EXPECT_MEM(request.passwd.data, "password of test", 16);
}

static void refuse_session(struct fake_conn *conn)
{
    static const uint8_t zeros[16];
    struct buf payload = {0};

    (void)fake_frame(conn);
    put_connect_response(
        &payload, &(struct zk_connect_response){.passwd = {.data = zeros, .len = sizeof zeros}});
    fake_send_frame(conn, &payload);
    buf_done(&payload);
}

TEST(a_lost_connection_is_replaced_and_the_session_kept)
{
    struct scene s;
    struct zk_connect_request request;

    scene_open(&s, 6000);
    fake_close(s.conn);
    EXPECT_TRACE(&s.trace, "connecting");
    s.conn = fake_accept(s.fake);
    request = fake_welcome(s.conn, FAKE_SESSION, 6000);
    EXPECT_EQ(request.session_id, FAKE_SESSION);
    EXPECT_MEM(request.passwd.data, "password of test", 16);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s);
}

TEST(reads_without_an_answer_are_sent_again_and_writes_are_not)
{
    struct scene s;
    struct traced sync = {&s.trace, "sync"}, set = {&s.trace, "set"}, get = {&s.trace, "get"};
    int32_t xid;

    scene_open(&s, 6000);
    (void)client_sync(s.trace.client, jute_str("/"), trace_reply, &sync);
    (void)client_set_data(s.trace.client, jute_str("/"), jute_str("v"), -1, trace_reply, &set);
    (void)client_exists(s.trace.client, jute_str("/"), false, trace_reply, &get);
    (void)fake_request(s.conn, OP_SYNC, NULL);
    (void)fake_request(s.conn, OP_SET_DATA, NULL);
    (void)fake_request(s.conn, OP_EXISTS, NULL);
    fake_close(s.conn);
    EXPECT_TRACE(&s.trace, "connecting; set -ECONNRESET sent");
    scene_reconnect(&s);
    xid = fake_request(s.conn, OP_SYNC, NULL);
    fake_reply(s.conn, xid, 1, ZNONODE, NULL);
    xid = fake_request(s.conn, OP_EXISTS, NULL);
    fake_reply(s.conn, xid, 1, ZNONODE, NULL);
    EXPECT_TRACE(&s.trace, "connected; sync NONODE; get NONODE");
    scene_close(&s);
}

TEST(requests_made_without_a_connection_wait_behind_those_that_are_sent_again)
{
    struct scene s;
    struct traced old = {&s.trace, "old"}, young = {&s.trace, "young"};

    scene_open(&s, 6000);
    (void)client_sync(s.trace.client, jute_str("/"), trace_reply, &old);
    (void)fake_request(s.conn, OP_SYNC, NULL);
    fake_close(s.conn);
    EXPECT_TRACE(&s.trace, "connecting");
    (void)client_delete(s.trace.client, jute_str("/a"), -1, trace_reply, &young);
    scene_reconnect(&s);
    fake_reply(s.conn, fake_request(s.conn, OP_SYNC, NULL), 1, ZNONODE, NULL);
    fake_reply(s.conn, fake_request(s.conn, OP_DELETE, NULL), 1, ZOK, NULL);
    EXPECT_TRACE(&s.trace, "connected; old NONODE; young OK");
    scene_close(&s);
}

static void count_outcome(void *arg, const struct client_reply *reply)
{
    int *counts = arg; /* of writes that were sent, and not */

    EXPECT_EQ(reply->rc, reply->was_sent ? -ECONNRESET : -ECANCELED);
    counts[reply->was_sent ? 0 : 1]++;
}

TEST(what_a_stuck_server_did_not_take_is_unsent_and_waits_behind_what_is_sent_again)
{
    enum { WRITES = 30, BYTES = 1000000 }; /* more than sockets hold */
    struct scene s;
    struct traced sync = {&s.trace, "sync"};
    uint8_t *bytes = xcalloc(1, BYTES);
    struct jute_bytes data = {.data = bytes, .len = BYTES};
    int counts[2] = {0, 0};

    scene_open(&s, 6000);
    fake_stop_reading(s.conn);
    (void)client_sync(s.trace.client, jute_str("/"), trace_reply, &sync);
    for (int i = 0; i < WRITES; i++)
        (void)client_set_data(s.trace.client, jute_str("/"), data, i, count_outcome, counts);
    for (int i = 0; i < 10; i++)
        (void)uv_run(&s.trace.loop, UV_RUN_NOWAIT);
    fake_close(s.conn);
    EXPECT_TRACE(&s.trace, "connecting");
    scene_reconnect(&s);
    (void)fake_request(s.conn, OP_SYNC, NULL);
    (void)fake_request(s.conn, OP_SET_DATA, NULL);
    EXPECT(counts[0] > 0);
    EXPECT(counts[0] < WRITES);
    fake_close(s.conn); /* now those count as sent as well */
    EXPECT_TRACE(&s.trace, "connected; connecting");
    trace_close(&s.trace);
    scene_reconnect(&s);
    fake_goodbye(s.conn);
    EXPECT_TRACE(&s.trace, "sync -ECANCELED sent; closed");
    EXPECT_EQ(counts[0] + counts[1], WRITES);
    free(bytes);
    scene_end(&s);
}

TEST(a_server_that_dies_within_a_reply_has_not_answered)
{
    static const uint8_t part[] = {0, 0, 0, 200, 0, 0, 0, 1, 0, 0, 0, 0};
    struct scene s;
    struct traced set = {&s.trace, "set"};

    scene_open(&s, 6000);
    (void)client_set_data(s.trace.client, jute_str("/"), jute_str("v"), -1, trace_reply, &set);
    (void)fake_request(s.conn, OP_SET_DATA, NULL);
    fake_send(s.conn, part, sizeof part);
    fake_close(s.conn);
    EXPECT_TRACE(&s.trace, "connecting; set -ECONNRESET sent");
    scene_reconnect(&s);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s);
}

TEST(a_cancelled_request_is_not_sent_again)
{
    struct scene s;
    struct traced sync = {&s.trace, "sync"}, get = {&s.trace, "get"};
    struct client_request *request;

    scene_open(&s, 6000);
    request = client_sync(s.trace.client, jute_str("/"), trace_reply, &sync);
    (void)fake_request(s.conn, OP_SYNC, NULL);
    EXPECT(!client_cancel(s.trace.client, request));
    fake_close(s.conn);
    EXPECT_TRACE(&s.trace, "connecting");
    (void)client_exists(s.trace.client, jute_str("/"), false, trace_reply, &get);
    scene_reconnect(&s);
    fake_reply(s.conn, fake_request(s.conn, OP_EXISTS, NULL), 1, ZNONODE, NULL);
    EXPECT_TRACE(&s.trace, "connected; get NONODE");
    scene_close(&s);
}

TEST(the_last_zxid_seen_in_a_reply_is_told_to_the_next_server)
{
    struct scene s;
    struct traced get = {&s.trace, "get"};
    struct zk_connect_request request;

    scene_open(&s, 6000);
    (void)client_exists(s.trace.client, jute_str("/"), false, trace_reply, &get);
    fake_reply(s.conn, fake_request(s.conn, OP_EXISTS, NULL), 0x500000007, ZNONODE, NULL);
    /* An event may be one of several of its txn, so its zxid does not count as seen. */
    fake_event(s.conn, EVENT_NODE_CREATED, "/", 0x500000008);
    EXPECT_TRACE(&s.trace, "get NONODE; created / 0x500000008");
    fake_close(s.conn);
    s.conn = fake_accept(s.fake);
    request = fake_welcome(s.conn, FAKE_SESSION, 6000);
    EXPECT_EQ(request.last_zxid_seen, 0x500000007);
    EXPECT_TRACE(&s.trace, "connecting; connected");
    scene_close(&s);
}

TEST(an_expired_session_is_told_once_and_ends_everything)
{
    struct scene s;
    struct traced set = {&s.trace, "set"}, wait = {&s.trace, "waiting"}, late = {&s.trace, "late"};
    struct traced auth = {&s.trace, "auth"};

    scene_open(&s, 6000);
    (void)client_sync(s.trace.client, jute_str("/"), trace_reply, &set);
    (void)fake_request(s.conn, OP_SYNC, NULL);
    fake_close(s.conn);
    EXPECT_TRACE(&s.trace, "connecting");
    (void)client_delete(s.trace.client, jute_str("/a"), -1, trace_reply, &wait);
    client_add_auth(s.trace.client, jute_str("digest"), jute_str("a:b"), trace_reply, &auth);
    refuse_session(fake_accept(s.fake));
    EXPECT_TRACE(&s.trace, "lost; set -ESTALE sent; waiting -ESTALE; auth -ESTALE");
    (void)client_delete(s.trace.client, jute_str("/a"), -1, trace_reply, &late);
    EXPECT_TRACE(&s.trace, "late -ESTALE");
    trace_close(&s.trace);
    EXPECT_TRACE(&s.trace, "closed");
    EXPECT_EQ(fake_accepted(s.fake), 2); /* never dialled again */
    scene_end(&s);
}

TEST(a_reply_of_a_wrong_xid_ends_the_connection)
{
    struct scene s;
    struct traced set = {&s.trace, "set"};

    scene_open(&s, 6000);
    (void)client_set_data(s.trace.client, jute_str("/"), jute_str("v"), -1, trace_reply, &set);
    fake_reply(s.conn, fake_request(s.conn, OP_SET_DATA, NULL) + 1, 1, 0, NULL);
    fake_wait_eof(s.conn);
    EXPECT_TRACE(&s.trace, "connecting; set -ECONNRESET sent");
    scene_reconnect(&s);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s);
}

TEST(a_reply_that_nobody_asked_for_ends_the_connection)
{
    struct scene s;

    scene_open(&s, 6000);
    fake_reply(s.conn, 77, 1, 0, NULL);
    fake_wait_eof(s.conn);
    EXPECT_TRACE(&s.trace, "connecting");
    scene_reconnect(&s);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s);
}

TEST(a_reply_that_cannot_be_decoded_ends_its_request_and_the_connection)
{
    struct scene s;
    struct traced get = {&s.trace, "get"}, sync = {&s.trace, "sync"};
    struct buf body = {0};
    int32_t xid;

    scene_open(&s, 6000);
    (void)client_get_data(s.trace.client, jute_str("/"), false, trace_reply, &get);
    (void)client_sync(s.trace.client, jute_str("/"), trace_reply, &sync);
    xid = fake_request(s.conn, OP_GET_DATA, NULL);
    put_i32(&body, 1000000); /* so many bytes of data do not follow */
    fake_reply(s.conn, xid, 1, 0, &body);
    fake_wait_eof(s.conn);
    /* It is not sent again: it would only come back alike. */
    EXPECT_TRACE(&s.trace, "connecting; get -EBADMSG sent");
    scene_reconnect(&s);
    fake_reply(s.conn, fake_request(s.conn, OP_SYNC, NULL), 1, ZNONODE, NULL);
    EXPECT_TRACE(&s.trace, "connected; sync NONODE");
    buf_done(&body);
    scene_close(&s);
}

TEST(a_frame_of_negative_length_ends_the_connection)
{
    static const uint8_t minus_two[] = {255, 255, 255, 254};
    struct scene s;

    scene_open(&s, 6000);
    fake_send(s.conn, minus_two, sizeof minus_two);
    fake_wait_eof(s.conn);
    EXPECT_TRACE(&s.trace, "connecting");
    scene_reconnect(&s);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s);
}

TEST(what_is_no_answer_to_a_connect_request_makes_it_try_on)
{
    static const char *const answers[] = {"SSH-2.0-OpenSSH_9.2p1\r\n", "\0\0\0\x10"
                                                                       "0123456789abcdef"};
    static const size_t lengths[] = {23, 20};
    struct trace trace;
    struct fake *fake;
    struct fake_conn *conn;

    trace_init(&trace);
    fake = fake_new(&trace.loop);
    trace_connect(&trace, fake, 6000);
    for (size_t i = 0; i < 2; i++) {
        conn = fake_accept(fake);
        (void)fake_frame(conn);
        fake_send(conn, answers[i], lengths[i]);
        fake_wait_eof(conn);
    }
    conn = fake_accept(fake);
    (void)fake_welcome(conn, FAKE_SESSION, 6000);
    EXPECT_TRACE(&trace, "connected");
    trace_close(&trace);
    fake_goodbye(conn);
    EXPECT_TRACE(&trace, "closed");
    fake_free(fake);
    trace_end(&trace);
}

TEST(a_silent_server_is_left_after_two_thirds_of_the_timeout)
{
    struct scene s;
    uint64_t begin = uv_hrtime();

    scene_open(&s, 1500);
    EXPECT_EQ(fake_request(s.conn, OP_PING, NULL), XID_PING); /* no answer */
    fake_wait_eof(s.conn);
    EXPECT(uv_hrtime() - begin >= 1000ull * 1000 * 1000);
    EXPECT(uv_hrtime() - begin < 10000ull * 1000 * 1000);
    EXPECT_TRACE(&s.trace, "connecting");
    scene_reconnect(&s);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s);
}

TEST(a_server_that_accepts_and_never_answers_is_left_while_the_session_lives)
{
    struct scene s;
    struct fake_conn *mute;
    uint64_t begin;

    scene_open(&s, 3000);
    begin = uv_hrtime();
    fake_close(s.conn);
    mute = fake_accept(s.fake); /* as an Apache that has bound its port and is starting */
    (void)fake_frame(mute);
    EXPECT_TRACE(&s.trace, "connecting");
    scene_reconnect(&s);
    EXPECT(uv_hrtime() - begin >= 900ull * 1000 * 1000); /* a third of the timeout was its own */
    EXPECT(uv_hrtime() - begin < 2500ull * 1000 * 1000);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s);
}

TEST(a_server_that_takes_no_session_is_left_for_the_next_one)
{
    struct trace trace;
    struct fake *deaf, *fake;
    struct fake_conn *conn;
    char hosts[100];

    trace_init(&trace);
    deaf = fake_new(&trace.loop);
    fake = fake_new(&trace.loop);
    (void)snprintf(hosts, sizeof hosts, "127.0.0.1:%u,127.0.0.1:%u", fake_port(deaf),
                   fake_port(fake));
    /* With this seed the deaf server comes first, and costs one attempt. */
    trace_client(
        &trace,
        (struct client_config){.session_timeout_ms = 3000, .close_timeout_ms = 50, .seed = 1},
        hosts);
    (void)fake_frame(fake_accept(deaf));
    conn = fake_accept(fake);
    (void)fake_welcome(conn, FAKE_SESSION, 6000);
    EXPECT_TRACE(&trace, "connected");
    fake_close(conn);
    (void)fake_frame(fake_accept(deaf)); /* its turn again */
    EXPECT_TRACE(&trace, "connecting");
    trace_close(&trace);
    EXPECT_TRACE(&trace, "closed");
    fake_free(deaf);
    fake_free(fake);
    trace_end(&trace);
}

TEST(closing_without_a_connection_waits_for_one)
{
    struct scene s;
    struct traced set = {&s.trace, "set"};

    scene_open(&s, 6000);
    fake_close(s.conn);
    EXPECT_TRACE(&s.trace, "connecting");
    (void)client_set_data(s.trace.client, jute_str("/"), jute_str("v"), -1, trace_reply, &set);
    trace_close(&s.trace);
    EXPECT_TRACE(&s.trace, "set -ECANCELED");
    scene_reconnect(&s);
    fake_goodbye(s.conn);
    EXPECT_TRACE(&s.trace, "closed");
    scene_end(&s);
}

TEST(closing_goes_on_when_the_connection_is_lost_on_the_way)
{
    struct scene s;

    scene_open(&s, 6000);
    trace_close(&s.trace);
    (void)fake_request(s.conn, OP_CLOSE_SESSION, NULL);
    fake_close(s.conn);
    refuse_session(fake_accept(s.fake)); /* it was closed, then */
    EXPECT_TRACE(&s.trace, "closed");
    scene_end(&s);
}

TEST(credentials_are_shown_to_every_server_before_anything_else)
{
    struct scene s;
    struct traced auth = {&s.trace, "auth"}, get = {&s.trace, "get"};
    struct zk_auth_packet packet;
    struct jute_reader r;

    scene_open(&s, 6000);
    client_add_auth(s.trace.client, jute_str("digest"), jute_str("bob:secret"), trace_reply, &auth);
    (void)client_exists(s.trace.client, jute_str("/"), false, trace_reply, &get);
    EXPECT_EQ(fake_request(s.conn, OP_AUTH, &r), XID_AUTH);
    get_auth_packet(&r, &packet);
    EXPECT(jute_equal(packet.scheme, jute_str("digest")));
    EXPECT(jute_equal(packet.auth, jute_str("bob:secret")));
    (void)fake_request(s.conn, OP_EXISTS, NULL);
    fake_close(s.conn);
    EXPECT_TRACE(&s.trace, "connecting");
    scene_reconnect(&s);
    EXPECT_EQ(fake_request(s.conn, OP_AUTH, NULL), XID_AUTH);
    fake_reply(s.conn, XID_AUTH, 0, 0, NULL);
    fake_reply(s.conn, fake_request(s.conn, OP_EXISTS, NULL), 1, ZNONODE, NULL);
    EXPECT_TRACE(&s.trace, "connected; auth OK; get NONODE");
    scene_close(&s);
}

TEST(a_credential_that_is_refused_is_not_shown_again)
{
    struct scene s;
    struct traced auth = {&s.trace, "auth"};

    scene_open(&s, 6000);
    client_add_auth(s.trace.client, jute_str("nope"), jute_str("x"), trace_reply, &auth);
    (void)fake_request(s.conn, OP_AUTH, NULL);
    fake_reply(s.conn, XID_AUTH, 0, ZAUTHFAILED, NULL);
    fake_close(s.conn);
    EXPECT_TRACE(&s.trace, "auth AUTHFAILED; connecting");
    scene_reconnect(&s);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s); /* expects closeSession at once */
}
