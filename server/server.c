/* server: see server.h.
 *
 *     connections ─► core ─► driver ─► store ─► log worker
 *          ▲          ▲         │        │
 *          └──────────┴─ commit ┴ durable┘
 *
 * Each iteration of the loop handles what sockets, disk and timers report; the
 * last thing before it sleeps is to send all that came together (on_prepare). The
 * clocks are read once an iteration, when the first asks. */
#include "server/server.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"
#include "replication/driver.h"
#include "replication/driver_worker.h"
#include "server/admin_words.h"
#include "server/connections.h"
#include "server/core/core.h"
#include "server/listener.h"
#include "server/settings.h"
#include "store/disk_posix.h"
#include "store/store.h"
#include "store/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define STORE_TICK_MS 1000

/* How long a stop waits for the disk to decide what is in work. */
#define STOP_PATIENCE_MS 5000

struct server {
    uv_loop_t *loop;
    const struct config *config;
    struct admin admin;
    struct core_time now;
    bool now_is_fresh;
    int64_t started_mono_ms;

    struct disk *disk;
    struct driver_worker *log_worker;
    struct driver_worker *checkpoint_worker;
    struct store *store;
    struct driver *driver;
    struct core *core;
    struct connections *connections;
    struct listener *listener;

    uv_prepare_t before_sleep;
    uv_timer_t core_timer;
    bool tick_is_due;
    uv_timer_t store_timer;
    uv_timer_t patience;
    bool stopping, impatient, closed;
    struct summary opened; /* ms that opening the store took */
};

/* ---- time */

static int64_t clock_ms(clockid_t id)
{
    struct timespec now;

    (void)clock_gettime(id, &now); /* these clocks exist */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const struct core_time *server_now(void *arg)
{
    struct server *s = arg;

    if (!s->now_is_fresh) {
        s->now.mono_ms = clock_ms(CLOCK_MONOTONIC);
        s->now.wall_ms = clock_ms(CLOCK_REALTIME);
        s->now_is_fresh = true;
    }
    return &s->now;
}

static void on_core_timer(uv_timer_t *timer);

static void arm_core_timer(struct server *s)
{
    const struct core_time *now = server_now(s);
    int64_t wait_ms = core_next_tick(s->core, now) - now->mono_ms;

    (void)uv_timer_start(&s->core_timer, on_core_timer, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

/* The first time only asks for a second one: what lies in the sockets is read in
 * between. So after a stall (a stopped process, a virtual machine that was moved)
 * nobody's session expires whose ping came in time. */
static void on_core_timer(uv_timer_t *timer)
{
    struct server *s = timer->data;

    s->tick_is_due = !s->tick_is_due;
    if (s->tick_is_due) {
        (void)uv_timer_start(&s->core_timer, on_core_timer, 1, 0);
        return;
    }
    connections_vouch(s->connections);
    core_tick(s->core, server_now(s));
    arm_core_timer(s);
}

static void on_store_timer(uv_timer_t *timer)
{
    struct server *s = timer->data;

    store_tick(s->store);
}

/* ---- what the parts ask of each other */

static zk_zxid on_next_zxid(void *arg)
{
    const struct server *s = arg;

    return driver_next_zxid(s->driver);
}

static void on_propose(void *arg, struct blob *txn)
{
    struct server *s = arg;

    driver_propose(s->driver, txn);
}

static bool on_storage_full(void *arg)
{
    const struct server *s = arg;

    return store_full(s->store);
}

static void on_output(void *arg, struct core_client *client)
{
    (void)arg;
    connection_output(client);
}

static void on_told(void *arg, struct core_client *client)
{
    (void)arg;
    connection_told(client);
}

static void on_room(void *arg, struct core_client *client, size_t more)
{
    (void)arg;
    connection_room(client, more);
}

static void on_close(void *arg, struct core_client *client, const char *why)
{
    (void)arg;
    connection_finish(client, why);
}

static void on_note(void *arg, const char *text)
{
    (void)arg;
    log_warn("%s", text);
}

static void on_commit(void *arg, zk_zxid zxid, struct blob *txn)
{
    struct server *s = arg;

    core_commit(s->core, zxid, txn, server_now(s));
}

static void on_durable(void *arg, zk_zxid zxid)
{
    struct server *s = arg;

    driver_durable(s->driver, zxid);
}

static bool on_busy(void *arg)
{
    const struct server *s = arg;

    return store_backlogged(s->store);
}

static void on_accept(void *arg, int fd, const struct sockaddr_storage *peer)
{
    struct server *s = arg;

    connections_accept(s->connections, fd, peer);
}

/* ---- four-letter words */

static int64_t count_open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int64_t count = -3; /* ".", ".." and the one that reads */

    if (dir == NULL)
        return -1;
    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count;
}

static void gather_facts(void *arg, struct admin_facts *ret)
{
    struct server *s = arg;
    const struct tree *tree = store_tree(s->store);
    struct rlimit fds = {0};
    struct store_stats store;

    store_stats(s->store, &store);
    (void)getrlimit(RLIMIT_NOFILE, &fds);
    *ret = (struct admin_facts){
        .mode = "standalone",
        .zxid = tree_zxid(tree),
        .znodes = tree_znode_count(tree) + 1, /* Apache has the root twice */
        .ephemerals = tree_ephemeral_count(tree),
        .data_bytes = tree_data_bytes(tree),
        .checkpoint_bytes = store.checkpoint_disk_bytes,
        .checkpoints = store.checkpoint_count,
        .log_bytes = store.log_disk_bytes,
        .client_port = listener_port(s->listener),
        .uptime_ms = server_now(s)->mono_ms - s->started_mono_ms,
        .open_fds = count_open_fds(),
        .max_fds = (int64_t)fds.rlim_cur,
        .core = core_stats(s->core),
        .figures = core_figures(s->core),
        .syncs = store.log_sync_ms,
        .sync_groups = store.log_group_txns,
        .checkpoint_times = store.checkpoint_ms,
        .opened = s->opened,
        .connections = connections_stats(s->connections),
    };
}

static enum word_outcome on_word(void *arg, const uint8_t *data, size_t len, struct buf *answer,
                                 void **ret_rest)
{
    struct server *s = arg;
    struct admin_answer *rest = NULL;
    enum word_outcome outcome = admin_words_answer(&s->admin, data, len, answer, &rest);

    *ret_rest = rest;
    return outcome;
}

static bool on_more(void *arg, void *rest, struct buf *answer)
{
    (void)arg;
    return admin_answer_more(rest, answer);
}

static void on_end_answer(void *arg, void *rest)
{
    (void)arg;
    admin_answer_end(rest);
}

static void on_unknown_word(void *arg, const char *word)
{
    (void)arg;
    log_warn("config: 4lw.commands.whitelist: this version does not know \"%s\"", word);
}

/* ---- stopping */

static void close_handle(void *handle)
{
    uv_close(handle, NULL);
}

/* The last one: after it the loop runs out of handles. */
static void on_store_closed(void *arg)
{
    struct server *s = arg;

    driver_worker_stop(s->log_worker);
    driver_worker_stop(s->checkpoint_worker);
    close_handle(&s->store_timer);
    close_handle(&s->before_sleep);
}

static void close_parts(struct server *s)
{
    s->closed = true;
    connections_close(s->connections);
    close_handle(&s->core_timer);
    close_handle(&s->patience);
    store_close(s->store, on_store_closed, s);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct server *s = prepare->data;

    if (!s->closed)
        connections_flush(s->connections);
    if (s->stopping && !s->closed && (s->impatient || driver_outstanding(s->driver) == 0))
        close_parts(s);
    s->now_is_fresh = false; /* now the loop sleeps */
}

static void on_patience_over(uv_timer_t *timer)
{
    struct server *s = timer->data;

    log_warn("server: stopping although writes are undecided: outstanding=%zu; their clients get "
             "no answer",
             driver_outstanding(s->driver));
    s->impatient = true;
}

void server_stop(struct server *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    listener_close(s->listener);
    connections_hold(s->connections);
    (void)uv_timer_start(&s->patience, on_patience_over, STOP_PATIENCE_MS, 0);
}

void server_free(struct server *s)
{
    if (s == NULL)
        return;
    core_free(s->core);
    driver_free(s->driver);
    store_free(s->store);
    connections_free(s->connections);
    disk_posix_free(s->disk);
    free(s);
}

/* ---- starting */

static int open_store(struct server *s, struct errtext *why)
{
    struct store_config config = settings_store(s->config);
    struct store_base base = {
        .disk = s->disk,
        .log_worker = driver_worker_base(s->log_worker),
        .checkpoint_worker = driver_worker_base(s->checkpoint_worker),
    };
    struct store_events events = {.arg = s, .durable = on_durable};

    return store_open(&config, &base, &events, &s->store, why);
}

static void make_core(struct server *s)
{
    struct core_config config =
        settings_core(s->config, store_txn_max(s->store), server_now(s)->wall_ms);
    struct core_host host = {
        .arg = s,
        .next_zxid = on_next_zxid,
        .propose = on_propose,
        .storage_full = on_storage_full,
        .output = on_output,
        .told = on_told,
        .room = on_room,
        .close = on_close,
        .note = on_note,
    };

    s->core = core_new(&config, &host, store_tree(s->store), server_now(s));
}

static void make_connections(struct server *s)
{
    struct connections_config config = settings_connections(s->config);
    struct connections_host host = {
        .arg = s,
        .now = server_now,
        .word = on_word,
        .more = on_more,
        .end_answer = on_end_answer,
        .busy = on_busy,
    };

    s->connections = connections_new(s->loop, &config, &host);
    connections_serve(s->connections, s->core);
}

static void make_admin(struct server *s)
{
    s->admin = (struct admin){
        .trace_mask = ADMIN_TRACE_MASK,
        .config = s->config,
        .core = s->core,
        .connections = s->connections,
        .facts = gather_facts,
        .now = server_now,
        .arg = s,
    };
    admin_words_allow(s->config->words_whitelist, on_unknown_word, NULL, &s->admin.allowed);
    if (s->config->read_only_mode)
        admin_words_allow("isro", on_unknown_word, NULL, &s->admin.allowed);
}

static void start_handles(struct server *s)
{
    s->before_sleep.data = s->core_timer.data = s->store_timer.data = s->patience.data = s;
    (void)uv_prepare_init(s->loop, &s->before_sleep);
    (void)uv_prepare_start(&s->before_sleep, on_prepare);
    (void)uv_timer_init(s->loop, &s->core_timer);
    (void)uv_timer_init(s->loop, &s->store_timer);
    (void)uv_timer_start(&s->store_timer, on_store_timer, STORE_TICK_MS, STORE_TICK_MS);
    (void)uv_timer_init(s->loop, &s->patience);
    arm_core_timer(s);
}

/* The port first: it is the quickest to fail. */
static int open_parts(struct server *s, struct errtext *why)
{
    const struct listener_config listen = {
        .address = s->config->client_port_address,
        .port = s->config->client_port,
        .backlog = s->config->listen_backlog,
    };
    int rc = listener_open(s->loop, &listen, on_accept, s, &s->listener, why);

    if (rc < 0)
        return rc;
    s->disk = disk_posix_new();
    s->log_worker = driver_worker_start(s->loop, "zkfsd-log");
    s->checkpoint_worker = driver_worker_start(s->loop, "zkfsd-checkp");
    return open_store(s, why);
}

int server_start(uv_loop_t *loop, const struct config *config, struct server **ret,
                 struct errtext *why)
{
    struct server *s = xcalloc(1, sizeof *s);
    struct zab_app app = {.arg = s, .commit = on_commit};
    int rc;

    s->loop = loop;
    s->config = config;
    s->started_mono_ms = server_now(s)->mono_ms;
    rc = open_parts(s, why);
    if (rc < 0)
        goto failed;
    s->now_is_fresh = false; /* loading took its time */
    summary_add(&s->opened, server_now(s)->mono_ms - s->started_mono_ms);
    s->driver = driver_new(s->store, &app);
    make_core(s);
    make_connections(s);
    make_admin(s);
    start_handles(s);
    rc = listener_start(s->listener, why);
    if (rc < 0) {
        server_stop(s);
        goto out;
    }
    *ret = s;
    return 0;

failed:
    listener_close(s->listener);
    driver_worker_stop(s->log_worker);
    driver_worker_stop(s->checkpoint_worker);
out:
    (void)uv_run(loop, UV_RUN_DEFAULT);
    server_free(s);
    return rc;
}

int server_port(const struct server *s)
{
    return listener_port(s->listener);
}
