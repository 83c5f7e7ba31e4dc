/* mount: see mount.h. */
#include "fs/mount.h"

#include "fs/ops.h"
#include "proto/base/assert.h"
#include "proto/base/log.h"

#include <errno.h>
#include <inttypes.h>

void mount_init(struct mount *mount, uv_loop_t *loop, const struct mount_options *options)
{
    *mount = (struct mount){.options = *options, .loop = loop};
    inode_table_init(&mount->inodes);
    list_init(&mount->listings);
    call_queues_init(mount);
    timeout_queue_init(&mount->grace, loop, COMMIT_GRACE_MS, handles_on_grace, mount);
    timeout_queue_init(&mount->quiet, loop, COMMIT_QUIET_MS, handles_on_quiet, mount);
}

/* A LOOKUP waits for a file in its time of grace, and with the timers nobody would wake it. */
static void end_waiting_calls(struct mount *mount)
{
    while (!list_empty(&mount->calls))
        call_error(CONTAINER_OF(mount->calls.next, struct call, link), EIO);
}

void mount_close(struct mount *mount)
{
    end_waiting_calls(mount);
    timeout_queue_close(&mount->interrupts);
    timeout_queue_close(&mount->aborts);
    timeout_queue_close(&mount->grace);
    timeout_queue_close(&mount->quiet);
}

static void end_open_files(void *arg, struct hmap_node *node)
{
    struct inode *inode = CONTAINER_OF(node, struct inode, by_id);

    inode_ref(inode); /* the table is being walked; it frees all inodes later */
    while (!list_empty(&inode->handles))
        handle_abandon(arg, CONTAINER_OF(inode->handles.next, struct handle, of_inode));
}

void mount_done(struct mount *mount)
{
    ASSERT(list_empty(&mount->calls));
    hmap_walk(&mount->inodes.by_id, end_open_files, mount);
    listings_free(mount);
    inode_table_done(&mount->inodes);
    mount_options_done(&mount->options);
}

/* ------------------------------------------------------------------ the session */

static int open_session(struct mount *mount, struct errtext *why);

static void forget_client(struct mount *mount)
{
    /* Nothing is left to wait for: its session is gone, and so is its memory, later. */
    if (mount->lost != NULL)
        client_close(mount->lost, NULL, NULL);
    mount->lost = NULL;
}

/* The old client still has to end its requests, each of which goes on in the new session. */
static void replace_session(struct mount *mount)
{
    struct errtext why;

    log_warn("mount: session expired: source=%s; going on with a new one, what belonged to the old "
             "one is lost",
             mount->options.source);
    mount->zxid_seen = mount_zxid(mount);
    forget_client(mount);
    mount->lost = mount->client;
    if (open_session(mount, &why) < 0)
        die("mount: %s, which was good before", why.text);
}

static void on_state(void *arg, enum client_state state)
{
    struct mount *mount = arg;

    mount->client_state = state;
    switch (state) {
    case CLIENT_CONNECTING:
        call_connection_lost(mount);
        return;
    case CLIENT_CONNECTED:
        forget_client(mount);
        mount->on_connected(mount);
        return;
    case CLIENT_LOST:
        call_connection_lost(mount);
        replace_session(mount);
    }
}

static int open_session(struct mount *mount, struct errtext *why)
{
    const struct client_config config = {
        .hosts = mount->options.source,
        .session_timeout_ms = mount->options.session_timeout_ms,
    };
    const struct client_callbacks callbacks = {.state = on_state, .arg = mount};

    mount->client_state = CLIENT_CONNECTING;
    return client_new(mount->loop, &config, &callbacks, &mount->client, why);
}

int mount_session_open(struct mount *mount, void (*on_connected)(struct mount *mount),
                       struct errtext *why)
{
    mount->on_connected = on_connected;
    return open_session(mount, why);
}

/* The lost one first: its last calls go on in the current one, which must be there to end
 * them. Meanwhile that may be lost as well. */
static void close_clients(void *arg)
{
    struct mount *mount = arg;
    struct client *lost = mount->lost;

    mount->lost = NULL;
    if (lost != NULL)
        client_close(lost, close_clients, mount);
    else
        client_close(mount->client, mount->on_closed, mount->on_closed_arg);
}

void mount_session_close(struct mount *mount, void (*done)(void *arg), void *arg)
{
    mount->on_closed = done;
    mount->on_closed_arg = arg;
    close_clients(mount);
}

zk_zxid mount_zxid(const struct mount *mount)
{
    struct client_info info;

    client_info(mount->client, &info);
    return info.last_zxid > mount->zxid_seen ? info.last_zxid : mount->zxid_seen;
}
