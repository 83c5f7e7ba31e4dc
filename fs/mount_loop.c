/* mount_loop: see mount_loop.h.
 *
 *   SESSION ──connected, root found──► MOUNTED ──INIT──► (serving)
 *      │ deadline, signal, no root        │ unmounted, signal
 *      └──────────────► DRAINING ◄────────┘
 *                          │ no call is left, or DRAIN_MS
 *                       CLOSING ──session closed──► the loop runs out of handles
 *
 * Unmounting first and closing the session last: a commit that a close(2) left behind still
 * goes to the server, and then the ephemerals go at once. */
#define FUSE_USE_VERSION 314
#include "fs/mount_loop.h"

#include "fs/errno_map.h"
#include "fs/mount.h"
#include "fs/mount_daemon.h"
#include "fs/ops.h"
#include "proto/base/assert.h"
#include "proto/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* Requests taken from the kernel before sockets and timers have their turn. */
#define REQUESTS_PER_TURN 64

/* How long a mount is tried without a server, when no session timeout is given; and at least. */
#define START_MS 10000
#define START_MS_MIN 5000

/* How long unfinished calls may hold up the end. */
#define DRAIN_MS 1000

enum phase {
    PHASE_SESSION,
    PHASE_MOUNTED,
    PHASE_DRAINING,
    PHASE_CLOSING,
};

static const int end_signals[] = {SIGTERM, SIGINT, SIGHUP};
#define END_SIGNALS (sizeof end_signals / sizeof end_signals[0])

struct run {
    struct mount mount;
    uv_loop_t loop;
    uv_poll_t poll; /* on the descriptor of the kernel; once MOUNTED */
    bool polls;
    uv_timer_t deadline;
    uv_signal_t signals[END_SIGNALS];
    struct fuse_buf buffer;
    enum phase phase;
    int status; /* for exit */
    bool (*serving)(void *arg);
    void *serving_arg;
};

static struct run *run_of(struct mount *mount)
{
    return CONTAINER_OF(mount, struct run, mount);
}

/* ------------------------------------------------------------------ the end */

static void on_session_closed(void *arg)
{
    struct run *run = arg;

    mount_close(&run->mount);
    uv_close((uv_handle_t *)&run->deadline, NULL);
    for (size_t i = 0; i < END_SIGNALS; i++)
        uv_close((uv_handle_t *)&run->signals[i], NULL);
}

static void close_session(struct run *run)
{
    if (run->phase != PHASE_DRAINING)
        return;
    run->phase = PHASE_CLOSING;
    run->mount.on_idle = NULL;
    uv_timer_stop(&run->deadline);
    mount_session_close(&run->mount, on_session_closed, run);
}

static void on_drain_timeout(uv_timer_t *timer)
{
    close_session(CONTAINER_OF(timer, struct run, deadline));
}

static void on_idle(struct mount *mount)
{
    close_session(run_of(mount));
}

static void stop_serving(struct run *run)
{
    if (run->polls) {
        run->polls = false;
        uv_close((uv_handle_t *)&run->poll, NULL);
    }
    if (run->mount.fuse != NULL) {
        /* From here on libfuse is silent about answers that nobody takes. */
        fuse_session_exit(run->mount.fuse);
        fuse_session_unmount(run->mount.fuse);
    }
}

static void stop(struct run *run)
{
    if (run->phase == PHASE_DRAINING || run->phase == PHASE_CLOSING)
        return;
    run->phase = PHASE_DRAINING;
    stop_serving(run);
    if (list_empty(&run->mount.calls) || run->mount.client_state != CLIENT_CONNECTED) {
        close_session(run);
        return;
    }
    run->mount.on_idle = on_idle;
    uv_timer_start(&run->deadline, on_drain_timeout, DRAIN_MS, 0);
}

static void fail(struct run *run, const char *text)
{
    (void)fprintf(stderr, "mount.zkfs: %s\n", text);
    run->status = MOUNT_EXIT_FAILURE;
    stop(run);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct run *run = handle->data;

    log_info("mount: ending: signal=%d directory=%s", signum, run->mount.options.mount_point);
    if (run->phase == PHASE_SESSION)
        run->status = MOUNT_EXIT_FAILURE;
    stop(run);
}

/* ------------------------------------------------------------------ requests */

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct run *run = CONTAINER_OF(poll, struct run, poll);
    struct fuse_session *fuse = run->mount.fuse;

    (void)status; /* whatever it is, the read tells more */
    (void)events;
    for (int i = 0; i < REQUESTS_PER_TURN && run->phase == PHASE_MOUNTED; i++) {
        int rc = fuse_session_receive_buf(fuse, &run->buffer);

        if (rc == -EINTR)
            continue;
        if (rc == -EAGAIN)
            return;
        if (rc > 0)
            fuse_session_process_buf(fuse, &run->buffer);
        if (rc <= 0 || fuse_session_exited(fuse)) {
            if (rc < 0 && rc != -ENODEV)
                log_error("mount: the kernel's descriptor failed: %s; ending", strerror(-rc));
            else
                log_info("mount: unmounted: directory=%s", run->mount.options.mount_point);
            stop(run);
        }
    }
}

void mount_loop_serving(struct mount *mount)
{
    struct run *run = run_of(mount);

    log_info("mount: serving: source=%s directory=%s", mount->options.source,
             mount->options.mount_point);
    if (!run->serving(run->serving_arg))
        stop(run);
}

/* ------------------------------------------------------------------ mounting */

/* The option string: type and source are shown in /proc/mounts; a znode neither is a device nor can
 * it give anybody the rights of another. */
static void put_fuse_options(struct buf *b, const struct mount_options *options)
{
    buf_printf(b, "-osubtype=zkfs,nosuid,nodev,fsname=");
    mount_options_escape(b, options->source);
    buf_printf(b, ",");
    buf_append(b, options->fuse.data, options->fuse.len);
}

static int mount_kernel(struct run *run)
{
    struct mount_options *options = &run->mount.options;
    struct buf text = {0};
    char *argv[] = {(char[]){"mount.zkfs"}, NULL, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(2, argv);
    int fd;

    put_fuse_options(&text, options);
    argv[1] = buf_cstr(&text);
    run->mount.fuse = fuse_session_new(&args, &mount_ops, sizeof mount_ops, &run->mount);
    buf_done(&text);
    fuse_opt_free_args(&args);
    if (run->mount.fuse == NULL || fuse_session_mount(run->mount.fuse, options->mount_point) != 0)
        return -EIO; /* libfuse has said why */
    fd = fuse_session_fd(run->mount.fuse);
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
        return -errno;
    uv_poll_init(&run->loop, &run->poll, fd);
    run->polls = true;
    return uv_poll_start(&run->poll, UV_READABLE, on_readable);
}

/* The root is there, so are the rights to see it: the kernel may come. */
static void on_root(void *arg, const struct client_reply *reply)
{
    struct run *run = arg;
    struct inode *root;
    char text[1024];
    int error = call_errno(reply);

    if (run->phase != PHASE_SESSION)
        return;
    if (error != 0) {
        (void)snprintf(
            text, sizeof text, "%s: the root cannot be read: %s", run->mount.options.source,
            reply->rc == 0 && reply->err == ZNONODE ? "there is no such znode" : strerror(error));
        fail(run, text);
        return;
    }
    uv_timer_stop(&run->deadline);
    root = inode_get(&run->mount.inodes, jute_str("/"), reply->stat.czxid, SHAPE_DIR);
    root->stat = reply->stat;
    root->nlookup = 1; /* for as long as it is mounted */
    inode_unref(&run->mount.inodes, root);
    run->phase = PHASE_MOUNTED;
    if (mount_kernel(run) < 0) {
        (void)snprintf(text, sizeof text, "cannot mount at %s", run->mount.options.mount_point);
        fail(run, text);
    }
}

static void on_connected(struct mount *mount)
{
    if (run_of(mount)->phase == PHASE_SESSION)
        (void)client_exists(mount->client, jute_str("/"), false, on_root, run_of(mount));
}

static void on_start_timeout(uv_timer_t *timer)
{
    struct run *run = CONTAINER_OF(timer, struct run, deadline);
    struct client_info info;
    char text[1024];

    client_info(run->mount.client, &info);
    (void)snprintf(text, sizeof text, "no server answers: %s%s%s", run->mount.options.source,
                   info.trouble[0] == '\0' ? "" : ": ", info.trouble);
    fail(run, text);
}

static void start(struct run *run)
{
    uint64_t wanted = (uint64_t)run->mount.options.session_timeout_ms;

    if (wanted == 0)
        wanted = START_MS;

    uv_timer_init(&run->loop, &run->deadline);
    uv_timer_start(&run->deadline, on_start_timeout, wanted > START_MS_MIN ? wanted : START_MS_MIN,
                   0);
    for (size_t i = 0; i < END_SIGNALS; i++) {
        uv_signal_init(&run->loop, &run->signals[i]);
        run->signals[i].data = run;
        uv_signal_start(&run->signals[i], on_signal, end_signals[i]);
    }
}

int mount_loop_run(const struct mount_options *options, bool (*serving)(void *arg), void *arg)
{
    struct run run = {.serving = serving, .serving_arg = arg};
    struct errtext why;

    if (uv_loop_init(&run.loop) < 0)
        die("mount: no event loop: too few descriptors?");
    (void)signal(SIGPIPE, SIG_IGN); /* a broken connection is told by its read or write */
    mount_init(&run.mount, &run.loop, options);
    start(&run);
    if (mount_session_open(&run.mount, on_connected, &why) < 0) {
        (void)fprintf(stderr, "mount.zkfs: %s\n", why.text);
        run.status = MOUNT_EXIT_USAGE;
        on_session_closed(&run);
    }
    uv_run(&run.loop, UV_RUN_DEFAULT);
    if (run.mount.fuse != NULL)
        fuse_session_destroy(run.mount.fuse);
    free(run.buffer.mem);
    mount_done(&run.mount);
    ASSERT(uv_loop_close(&run.loop) == 0);
    return run.status;
}
