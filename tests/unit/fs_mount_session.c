/* The session of a mount, when it ends in two ways at once. The server is played by the
 * test; the calls are those of the mount, but for the kernel's side of them. */
#include "fs/mount.h"
#include "fs/ops.h"
#include "fs/ops_call.h"
#include "proto/base/mem.h"
#include "tests/support/fs_fake.h"
#include "tests/unit/test.h"

#include <stdlib.h>

struct scene {
    uv_loop_t loop;
    uv_check_t after_poll; /* in the turn in which the session was lost */
    struct fake *fake;
    struct fake_conn *conn;
    char *source;
    struct mount mount;
    bool connected, ending, closed;
    size_t ended_before, ended_after; /* calls, and the end of the session */
};

static struct scene *scene_of(struct mount *mount)
{
    return CONTAINER_OF(mount, struct scene, mount);
}

static void on_connected(struct mount *mount)
{
    scene_of(mount)->connected = true;
}

static bool is_connected(void *arg)
{
    return ((struct scene *)arg)->connected;
}

static bool is_closed(void *arg)
{
    return ((struct scene *)arg)->closed;
}

static void on_closed(void *arg)
{
    struct scene *s = arg;

    s->closed = true;
    mount_close(&s->mount);
}

/* As a SIGTERM does that is read in the same turn as the news that the session is lost. */
static void end_with_the_session(uv_check_t *check)
{
    struct scene *s = check->data;

    if (s->mount.lost == NULL || s->ending)
        return;
    s->ending = true;
    mount_session_close(&s->mount, on_closed, s);
}

static void scene_open(struct scene *s)
{
    struct mount_options options = {0};
    struct errtext why;

    *s = (struct scene){0};
    EXPECT_EQ(uv_loop_init(&s->loop), 0);
    s->fake = fake_new(&s->loop);
    s->source = xasprintf("127.0.0.1:%u", fake_port(s->fake));
    options.source = s->source;
    mount_init(&s->mount, &s->loop, &options);
    EXPECT_EQ(mount_session_open(&s->mount, on_connected, &why), 0);
    s->conn = fake_accept(s->fake);
    (void)fake_welcome(s->conn, FAKE_SESSION, 6000);
    fake_wait(&s->loop, is_connected, s, "the mount is connected");
    EXPECT_EQ(uv_check_init(&s->loop, &s->after_poll), 0);
    s->after_poll.data = s;
    EXPECT_EQ(uv_check_start(&s->after_poll, end_with_the_session), 0);
}

static void scene_end(struct scene *s)
{
    fake_free(s->fake);
    uv_close((uv_handle_t *)&s->after_poll, NULL);
    EXPECT_EQ(uv_run(&s->loop, UV_RUN_DEFAULT), 0);
    mount_done(&s->mount);
    EXPECT_EQ(uv_loop_close(&s->loop), 0);
    free(s->source);
}

static void send_exists(struct call *call)
{
    call->request = client_exists(call->client, jute_str("/x"), false, call_on_reply, call);
}

static void on_done(struct call *call, const struct client_reply *reply)
{
    struct scene *s = scene_of(call->mount);

    EXPECT(reply->rc < 0);
    if (s->closed)
        s->ended_after++;
    else
        s->ended_before++;
    call_free(call);
}

static void begin_call(struct scene *s)
{
    struct inode *root = inode_get(&s->mount.inodes, jute_str("/"), 1, SHAPE_DIR);

    call_send(call_new(&s->mount, NULL, root), CALL_READS, send_exists, on_done);
    inode_unref(&s->mount.inodes, root);
}

/* The server does not know the session any more. */
static void refuse_session(struct scene *s)
{
    static const uint8_t zeros[16];
    struct buf payload = {0};

    s->conn = fake_accept(s->fake);
    (void)fake_frame(s->conn);
    put_connect_response(
        &payload, &(struct zk_connect_response){.passwd = {.data = zeros, .len = sizeof zeros}});
    fake_send_frame(s->conn, &payload);
    buf_done(&payload);
}

/* The calls of the lost session go on in the next one, which must be there until they have
 * heard that it ends, too. */
TEST(a_session_that_expires_as_the_mount_ends_leaves_no_call_behind)
{
    struct scene s;

    scene_open(&s);
    begin_call(&s);
    (void)fake_request(s.conn, OP_EXISTS, NULL);
    begin_call(&s);
    (void)fake_request(s.conn, OP_EXISTS, NULL);
    fake_close(s.conn);
    begin_call(&s);
    refuse_session(&s);
    fake_wait(&s.loop, is_closed, &s, "the session is closed");
    scene_end(&s);
    EXPECT_EQ(s.ended_before, 3);
    EXPECT_EQ(s.ended_after, 0);
}
