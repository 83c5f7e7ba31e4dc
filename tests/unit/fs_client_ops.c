/* The session library against a server played by the test: the operations that tools use, read-only
 * servers, and giving up. */
#include "tests/support/fs_trace.h"
#include "tests/unit/test.h"

#include "proto/base/bytes.h"

#include <stdio.h>
#include <string.h>

struct scene {
    struct trace trace;
    struct fake *fake;
    struct fake_conn *conn;
    char seen[256]; /* what the last reply said */
};

static void scene_start(struct scene *s, const char *chroot, bool read_only)
{
    struct client_config config = {.session_timeout_ms = 6000, .read_only = read_only};
    char hosts[64];

    trace_init(&s->trace);
    s->fake = fake_new(&s->trace.loop);
    (void)snprintf(hosts, sizeof hosts, "127.0.0.1:%u%s", fake_port(s->fake), chroot);
    trace_client(&s->trace, config, hosts);
    s->conn = fake_accept(s->fake);
}

static void scene_open(struct scene *s, const char *chroot)
{
    scene_start(s, chroot, false);
    (void)fake_welcome(s->conn, FAKE_SESSION, 6000);
    EXPECT_TRACE(&s->trace, "connected");
}

static void scene_close(struct scene *s)
{
    trace_close(&s->trace);
    fake_goodbye(s->conn);
    EXPECT_TRACE(&s->trace, "closed");
    fake_free(s->fake);
    trace_end(&s->trace);
}

static bool has_seen(void *arg)
{
    return ((struct scene *)arg)->seen[0] != '\0';
}

#define AWAIT_SEEN(s, expected)                                \
    do {                                                       \
        fake_wait(&(s)->trace.loop, has_seen, (s), "a reply"); \
        EXPECT_STR((s)->seen, expected);                       \
        (s)->seen[0] = '\0';                                   \
    } while (0)

static void on_paths(void *arg, const struct client_reply *reply)
{
    struct scene *s = arg;
    size_t len = 0;

    for (int32_t i = 0; i < reply->children.count; i++)
        len += (size_t)snprintf(s->seen + len, sizeof s->seen - len, "%.*s ",
                                (int)reply->children.items[i].len,
                                (const char *)reply->children.items[i].data);
}

TEST(ephemerals_are_told_without_the_chroot)
{
    struct scene s = {0};
    struct jute_bytes paths[] = {jute_str("/app/a"), jute_str("/app/b/c")};
    struct jute_bytes prefix;
    struct jute_reader r;
    struct buf body = {0};
    int32_t xid;

    scene_open(&s, "/app");
    (void)client_get_ephemerals(s.trace.client, jute_str("/"), on_paths, &s);
    xid = fake_request(s.conn, OP_GET_EPHEMERALS, &r);
    get_ustring(&r, &prefix);
    EXPECT(jute_equal(prefix, jute_str("/app")));
    put_get_ephemerals_response(
        &body, &(struct zk_get_ephemerals_response){.ephemerals = {.count = 2, .items = paths}});
    fake_reply(s.conn, xid, 5, 0, &body);
    AWAIT_SEEN(&s, "/a /b/c ");
    buf_done(&body);
    scene_close(&s);
}

static void on_number(void *arg, const struct client_reply *reply)
{
    struct scene *s = arg;

    (void)snprintf(s->seen, sizeof s->seen, "%d", (int)reply->number);
}

static void on_identities(void *arg, const struct client_reply *reply)
{
    struct scene *s = arg;
    const struct zk_client_info *info = reply->identities.items;

    (void)snprintf(s->seen, sizeof s->seen, "%d %.*s:%.*s", (int)reply->identities.count,
                   (int)info->auth_scheme.len, (const char *)info->auth_scheme.data,
                   (int)info->user.len, (const char *)info->user.data);
}

TEST(numbers_and_identities_are_decoded)
{
    struct scene s = {0};
    struct zk_client_info info = {.auth_scheme = jute_str("ip"), .user = jute_str("::1")};
    struct buf body = {0};
    int32_t xid;

    scene_open(&s, "");
    (void)client_get_all_children_number(s.trace.client, jute_str("/a"), on_number, &s);
    xid = fake_request(s.conn, OP_GET_ALL_CHILDREN_NUMBER, NULL);
    put_i32(&body, 42);
    fake_reply(s.conn, xid, 5, 0, &body);
    AWAIT_SEEN(&s, "42");
    (void)client_who_am_i(s.trace.client, on_identities, &s);
    xid = fake_request(s.conn, OP_WHO_AM_I, NULL);
    body.len = 0;
    put_who_am_i_response(&body,
                          &(struct zk_who_am_i_response){.info = {.count = 1, .items = &info}});
    fake_reply(s.conn, xid, 5, 0, &body);
    AWAIT_SEEN(&s, "1 ip:::1");
    buf_done(&body);
    scene_close(&s);
}

TEST(the_configuration_is_at_its_own_path_whatever_the_chroot)
{
    struct scene s = {0};
    struct traced config = {&s.trace, "config"}, reconfig = {&s.trace, "reconfig"};
    struct zk_path_watch_request get;
    struct zk_reconfig_request change;
    struct jute_reader r;
    struct buf body = {0};
    int32_t xid;

    put_get_data_response(&body, &(struct zk_get_data_response){.data = jute_str("text")});
    scene_open(&s, "/app");
    (void)client_get_config(s.trace.client, true, trace_reply, &config);
    xid = fake_request(s.conn, OP_GET_DATA, &r);
    get_path_watch_request(&r, &get);
    EXPECT(jute_equal(get.path, jute_str("/zookeeper/config")));
    EXPECT(get.watch);
    fake_reply(s.conn, xid, 5, 0, &body);
    fake_event(s.conn, EVENT_NODE_DATA_CHANGED, "/zookeeper/config", 7);
    EXPECT_TRACE(&s.trace, "config OK text; changed /zookeeper/config 0x7");
    (void)client_reconfig(s.trace.client, JUTE_NULL, jute_str("3,4"), JUTE_NULL, 0x100000000,
                          trace_reply, &reconfig);
    xid = fake_request(s.conn, OP_RECONFIG, &r);
    get_reconfig_request(&r, &change);
    EXPECT(!r.bad);
    EXPECT_EQ(change.joining_servers.len, -1);
    EXPECT(jute_equal(change.leaving_servers, jute_str("3,4")));
    EXPECT_EQ(change.new_members.len, -1);
    EXPECT_EQ(change.cur_config_id, 0x100000000);
    fake_reply(s.conn, xid, 5, 0, &body);
    EXPECT_TRACE(&s.trace, "reconfig OK text");
    buf_done(&body);
    scene_close(&s);
}

TEST(watches_can_be_checked_looked_at_and_forgotten)
{
    struct scene s = {0};
    struct traced add = {&s.trace, "add"}, check = {&s.trace, "check"};
    struct zk_watch_type_request request;
    struct client_watched watched;
    struct jute_reader r;
    int32_t xid;

    scene_open(&s, "/app");
    (void)client_add_watch(s.trace.client, jute_str("/a"), ADD_WATCH_PERSISTENT, trace_reply, &add);
    fake_reply(s.conn, fake_request(s.conn, OP_ADD_WATCH, NULL), 5, 0, NULL);
    EXPECT_TRACE(&s.trace, "add OK");
    (void)client_check_watches(s.trace.client, jute_str("/a"), CLIENT_WATCH_RECURSIVE, trace_reply,
                               &check);
    xid = fake_request(s.conn, OP_CHECK_WATCHES, &r);
    get_watch_type_request(&r, &request);
    EXPECT(jute_equal(request.path, jute_str("/app/a")));
    EXPECT_EQ(request.type, 5);
    fake_reply(s.conn, xid, 5, ZNOWATCHER, NULL);
    EXPECT_TRACE(&s.trace, "check NOWATCHER");
    watched = client_watched(s.trace.client, jute_str("/a"));
    EXPECT(watched.persistent && !watched.recursive && !watched.data && !watched.children);
    client_forget_watches(s.trace.client, jute_str("/a"), CLIENT_WATCH_ANY);
    watched = client_watched(s.trace.client, jute_str("/a"));
    EXPECT(!watched.persistent);
    scene_close(&s);
}

/* ---- read-only */

static int64_t welcome_read_only(struct fake_conn *conn, int64_t session_id)
{
    static const uint8_t password[SESSION_PASSWORD_BYTES] = "read-only";
    struct jute_reader r = fake_frame(conn);
    struct zk_connect_request request;
    struct zk_connect_response response = {.timeout = 6000,
                                           .session_id = session_id,
                                           .passwd = {.data = password, .len = sizeof password},
                                           .read_only = 1};
    struct buf payload = {0};

    get_connect_request(&r, &request);
    EXPECT_EQ(request.read_only, 1);
    put_connect_response(&payload, &response);
    fake_send_frame(conn, &payload);
    buf_done(&payload);
    return request.session_id;
}

static bool says_read_only(struct scene *s)
{
    struct client_info info;

    client_info(s->trace.client, &info);
    return info.read_only;
}

TEST(only_who_asks_for_it_shows_the_read_only_flag)
{
    struct scene s = {0};
    struct zk_connect_request request;

    scene_start(&s, "", false);
    request = fake_welcome(s.conn, FAKE_SESSION, 6000);
    EXPECT_EQ(request.read_only, 0);
    EXPECT_TRACE(&s.trace, "connected");
    EXPECT(!says_read_only(&s));
    scene_close(&s);
}

TEST(a_session_of_a_read_only_server_is_not_shown_to_others)
{
    struct scene s = {0};
    struct zk_connect_request request;

    scene_start(&s, "", true);
    EXPECT_EQ(welcome_read_only(s.conn, 0x77), 0);
    EXPECT_TRACE(&s.trace, "connected");
    EXPECT(says_read_only(&s));

    fake_close(s.conn);
    s.conn = fake_accept(s.fake);
    EXPECT_EQ(welcome_read_only(s.conn, 0x88), 0); /* asks for a new one */
    EXPECT_TRACE(&s.trace, "connecting; connected");

    fake_close(s.conn);
    s.conn = fake_accept(s.fake);
    request = fake_welcome(s.conn, FAKE_SESSION, 6000);
    EXPECT_EQ(request.session_id, 0);
    EXPECT_TRACE(&s.trace, "connecting; connected");
    EXPECT(!says_read_only(&s));

    fake_close(s.conn); /* from now on it is a session like any other */
    s.conn = fake_accept(s.fake);
    EXPECT_EQ(welcome_read_only(s.conn, FAKE_SESSION), FAKE_SESSION);
    EXPECT_TRACE(&s.trace, "connecting; connected");
    scene_close(&s);
}

/* ---- giving up */

TEST(a_session_that_is_given_up_is_lost_and_ends_everything)
{
    struct scene s = {0};
    struct traced get = {&s.trace, "get"}, later = {&s.trace, "later"};

    scene_open(&s, "");
    (void)client_get_data(s.trace.client, jute_str("/"), false, trace_reply, &get);
    (void)fake_request(s.conn, OP_GET_DATA, NULL);
    client_give_up(s.trace.client);
    client_give_up(s.trace.client);
    EXPECT_TRACE(&s.trace, "lost; get -ESTALE sent");
    (void)client_get_data(s.trace.client, jute_str("/"), false, trace_reply, &later);
    EXPECT_TRACE(&s.trace, "later -ESTALE");
    fake_wait_eof(s.conn);
    trace_close(&s.trace);
    EXPECT_TRACE(&s.trace, "closed");
    EXPECT_EQ(fake_accepted(s.fake), 1);
    fake_free(s.fake);
    trace_end(&s.trace);
}
