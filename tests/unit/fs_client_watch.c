/* Watches of the session library: what is told, and what the next server is told. */
#include "fs/client_watch.h"
#include "tests/support/fs_trace.h"
#include "tests/unit/test.h"

#include "proto/base/arena.h"
#include "proto/base/mem.h"

#include <stdlib.h>

struct scene {
    struct trace trace;
    struct fake *fake;
    struct fake_conn *conn;
    struct arena arena;
};

static void scene_open(struct scene *s)
{
    *s = (struct scene){0};
    trace_init(&s->trace);
    s->fake = fake_new(&s->trace.loop);
    trace_connect(&s->trace, s->fake, 6000);
    s->conn = fake_accept(s->fake);
    (void)fake_welcome(s->conn, FAKE_SESSION, 6000);
    EXPECT_TRACE(&s->trace, "connected");
}

static void scene_close(struct scene *s)
{
    trace_close(&s->trace);
    fake_goodbye(s->conn);
    EXPECT_TRACE(&s->trace, "closed");
    arena_done(&s->arena);
    fake_free(s->fake);
    trace_end(&s->trace);
}

static void scene_drop(struct scene *s)
{
    fake_close(s->conn);
    EXPECT_TRACE(&s->trace, "connecting");
    s->conn = fake_accept(s->fake);
    (void)fake_welcome(s->conn, FAKE_SESSION, 6000);
}

static void on_reply(void *arg, const struct client_reply *reply)
{
    EXPECT_EQ(reply->rc, 0);
    (*(int *)arg)--;
}

static bool is_zero(void *arg)
{
    return *(int *)arg == 0;
}

/* A data watch on a znode of version 7, answered at ZXID. */
static void watch_data(struct scene *s, const char *path, zk_zxid zxid)
{
    struct buf body = {0};
    int due = 1;

    (void)client_get_data(s->trace.client, jute_str(path), true, on_reply, &due);
    put_get_data_response(&body, &(struct zk_get_data_response){.data = jute_str("v")});
    fake_reply(s->conn, fake_request(s->conn, OP_GET_DATA, NULL), zxid, 0, &body);
    fake_wait(&s->trace.loop, is_zero, &due, "a reply");
    buf_done(&body);
}

static void watch_missing(struct scene *s, const char *path, zk_zxid zxid)
{
    int due = 1;

    (void)client_exists(s->trace.client, jute_str(path), true, on_reply, &due);
    fake_reply(s->conn, fake_request(s->conn, OP_EXISTS, NULL), zxid, ZNONODE, NULL);
    fake_wait(&s->trace.loop, is_zero, &due, "a reply");
}

static void watch_children(struct scene *s, const char *path, zk_zxid zxid)
{
    struct buf body = {0};
    int due = 1;

    (void)client_get_children(s->trace.client, jute_str(path), true, on_reply, &due);
    put_get_children2_response(&body, &(struct zk_get_children2_response){0});
    fake_reply(s->conn, fake_request(s->conn, OP_GET_CHILDREN2, NULL), zxid, 0, &body);
    fake_wait(&s->trace.loop, is_zero, &due, "a reply");
    buf_done(&body);
}

static void watch_recursive(struct scene *s, const char *path, zk_zxid zxid)
{
    struct buf body = {0};
    int due = 1;

    (void)client_add_watch(s->trace.client, jute_str(path), ADD_WATCH_PERSISTENT_RECURSIVE,
                           on_reply, &due);
    put_i32(&body, 0);
    fake_reply(s->conn, fake_request(s->conn, OP_ADD_WATCH, NULL), zxid, 0, &body);
    fake_wait(&s->trace.loop, is_zero, &due, "a reply");
    buf_done(&body);
}

TEST(watches_are_set_again_before_any_other_request_and_before_connected_is_told)
{
    struct scene s;
    struct traced sync = {&s.trace, "sync"};
    struct zk_set_watches watches;
    struct jute_reader r;

    scene_open(&s);
    watch_data(&s, "/d", 0x21);
    watch_missing(&s, "/m", 0x22);
    watch_children(&s, "/c", 0x23);
    (void)client_sync(s.trace.client, jute_str("/"), trace_reply, &sync);
    (void)fake_request(s.conn, OP_SYNC, NULL);
    scene_drop(&s);
    EXPECT_EQ(fake_request(s.conn, OP_SET_WATCHES, &r), XID_SET_WATCHES);
    r.arena = &s.arena;
    get_set_watches(&r, &watches);
    EXPECT(!r.bad);
    EXPECT_EQ(watches.relative_zxid, 0x23);
    EXPECT_EQ(watches.data.count, 1);
    EXPECT(jute_equal(watches.data.items[0], jute_str("/d")));
    EXPECT_EQ(watches.exist.count, 1);
    EXPECT(jute_equal(watches.exist.items[0], jute_str("/m")));
    EXPECT_EQ(watches.child.count, 1);
    EXPECT(jute_equal(watches.child.items[0], jute_str("/c")));
    fake_event(s.conn, EVENT_NODE_DATA_CHANGED, "/d", -1);
    EXPECT_TRACE(&s.trace, "changed /d");
    fake_reply(s.conn, XID_SET_WATCHES, 0x30, 0, NULL);
    fake_reply(s.conn, fake_request(s.conn, OP_SYNC, NULL), 0x30, ZNONODE, NULL);
    EXPECT_TRACE(&s.trace, "connected; sync NONODE");
    scene_close(&s);
}

TEST(an_event_uses_up_the_watches_that_it_belongs_to)
{
    struct scene s;
    struct zk_set_watches watches;
    struct jute_reader r;

    scene_open(&s);
    watch_data(&s, "/a", 1);
    watch_children(&s, "/a", 1);
    watch_data(&s, "/b", 1);
    watch_missing(&s, "/c", 1);
    fake_event(s.conn, EVENT_NODE_DATA_CHANGED, "/a", -1);
    fake_event(s.conn, EVENT_NODE_DELETED, "/b", -1);
    fake_event(s.conn, EVENT_NODE_CREATED, "/c", -1);
    EXPECT_TRACE(&s.trace, "changed /a; deleted /b; created /c");
    scene_drop(&s);
    (void)fake_request(s.conn, OP_SET_WATCHES, &r);
    r.arena = &s.arena;
    get_set_watches(&r, &watches);
    EXPECT_EQ(watches.data.count, 0);
    EXPECT_EQ(watches.exist.count, 0);
    EXPECT_EQ(watches.child.count, 1);
    EXPECT(jute_equal(watches.child.items[0], jute_str("/a")));
    fake_reply(s.conn, XID_SET_WATCHES, 2, 0, NULL);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s);
}

TEST(persistent_watches_survive_events_and_ask_for_set_watches_2)
{
    struct scene s;
    struct zk_set_watches2 watches;
    struct jute_reader r;

    scene_open(&s);
    watch_recursive(&s, "/r", 1);
    fake_event(s.conn, EVENT_NODE_CREATED, "/r/x", -1);
    fake_event(s.conn, EVENT_NODE_DELETED, "/r", -1);
    EXPECT_TRACE(&s.trace, "created /r/x; deleted /r");
    scene_drop(&s);
    (void)fake_request(s.conn, OP_SET_WATCHES2, &r);
    r.arena = &s.arena;
    get_set_watches2(&r, &watches);
    EXPECT_EQ(watches.persistent.count, 0);
    EXPECT_EQ(watches.persistent_recursive.count, 1);
    EXPECT(jute_equal(watches.persistent_recursive.items[0], jute_str("/r")));
    fake_reply(s.conn, XID_SET_WATCHES, 2, 0, NULL);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s);
}

TEST(connected_is_told_when_the_last_part_of_the_watches_is_set)
{
    struct scene s;
    char *path = xmalloc(100001);

    scene_open(&s);
    memset(path, 'p', 100000);
    path[0] = '/';
    path[100000] = '\0';
    watch_missing(&s, path, 1); /* two of these do not fit into one part */
    path[1] = 'q';
    watch_missing(&s, path, 1);
    scene_drop(&s);
    (void)fake_request(s.conn, OP_SET_WATCHES, NULL);
    (void)fake_request(s.conn, OP_SET_WATCHES, NULL);
    fake_reply(s.conn, XID_SET_WATCHES, 1, 0, NULL);
    fake_event(s.conn, EVENT_NODE_CREATED, "/q", -1);
    fake_reply(s.conn, XID_SET_WATCHES, 1, 0, NULL);
    EXPECT_TRACE(&s.trace, "created /q; connected");
    free(path);
    scene_close(&s);
}

TEST(a_removed_watch_is_not_set_again)
{
    struct scene s;
    int due = 1;

    scene_open(&s);
    watch_recursive(&s, "/r", 1);
    (void)client_remove_watches(s.trace.client, jute_str("/r"), CLIENT_WATCH_ANY, on_reply, &due);
    fake_reply(s.conn, fake_request(s.conn, OP_REMOVE_WATCHES, NULL), 2, 0, NULL);
    fake_wait(&s.trace.loop, is_zero, &due, "a reply");
    scene_drop(&s);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s); /* expects closeSession at once */
}

TEST(a_server_that_refuses_to_set_watches_is_left)
{
    struct scene s;

    scene_open(&s);
    watch_data(&s, "/d", 1);
    scene_drop(&s);
    (void)fake_request(s.conn, OP_SET_WATCHES, NULL);
    fake_reply(s.conn, XID_SET_WATCHES, 1, ZMARSHALLINGERROR, NULL);
    fake_wait_eof(s.conn);
    s.conn = fake_accept(s.fake);
    (void)fake_welcome(s.conn, FAKE_SESSION, 6000);
    (void)fake_request(s.conn, OP_SET_WATCHES, NULL);
    fake_reply(s.conn, XID_SET_WATCHES, 1, 0, NULL);
    EXPECT_TRACE(&s.trace, "connected");
    scene_close(&s);
}

/* ---- the table alone */

struct parts {
    int count, paths;
    size_t longest;
    bool has_persistent;
};

static void on_part(void *arg, const struct zk_set_watches2 *watches, bool has_persistent)
{
    struct parts *parts = arg;
    struct buf b = {0};

    put_set_watches2(&b, watches);
    parts->count++;
    parts->paths += watches->data.count + watches->exist.count + watches->child.count +
                    watches->persistent.count + watches->persistent_recursive.count;
    parts->longest = b.len > parts->longest ? b.len : parts->longest;
    parts->has_persistent |= has_persistent;
    buf_done(&b);
}

TEST(many_watches_go_out_in_parts_of_128_kib)
{
    struct watch_table table = {0};
    struct parts parts = {0};

    for (int i = 0; i < 10000; i++) {
        char path[100];

        (void)snprintf(path, sizeof path, "/a/path/of/some/length/%d", i);
        watch_table_add(&table, jute_str(path), WATCH_DATA | WATCH_CHILD);
    }
    watch_table_emit(&table, 5, on_part, &parts);
    EXPECT_EQ(parts.paths, 20000);
    EXPECT(parts.count >= 5);
    EXPECT(parts.count <= 6);
    EXPECT(parts.longest <= WATCH_PART_BYTES + 100);
    EXPECT(!parts.has_persistent);
    watch_table_clear(&table);
}

TEST(a_path_too_long_for_a_part_gets_one_of_its_own)
{
    struct watch_table table = {0};
    struct parts parts = {0};
    char *path = xmalloc(200000);

    memset(path, 'a', 200000);
    watch_table_add(&table, (struct jute_bytes){.data = (uint8_t *)path, .len = 200000},
                    WATCH_DATA);
    watch_table_add(&table, jute_str("/short"), WATCH_RECURSIVE);
    watch_table_emit(&table, 5, on_part, &parts);
    EXPECT_EQ(parts.paths, 2);
    EXPECT_EQ(parts.count, 2);
    EXPECT(parts.has_persistent);
    watch_table_clear(&table);
    free(path);
}

TEST(a_table_without_watches_gives_no_part)
{
    struct watch_table table = {0};
    struct parts parts = {0};

    watch_table_add(&table, jute_str("/a"), WATCH_DATA);
    watch_table_remove(&table, jute_str("/a"), WATCH_ALL);
    EXPECT_EQ(watch_table_kinds(&table, jute_str("/a")), 0);
    watch_table_emit(&table, 5, on_part, &parts);
    EXPECT_EQ(parts.count, 0);
    watch_table_clear(&table);
}
