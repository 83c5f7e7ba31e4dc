/* proto_load: drives a server with pipelined requests and checks every reply.
 *
 *     proto_load PORT SCENARIO [KEY=VALUE...]
 *
 * One line of result on stdout: `SCENARIO ops=N seconds=S rate=R p50_us=T p99_us=T`; a reply that
 * is wrong in xid, error, length or content ends the program with a message and status 1. Keys:
 * conns (connections), depth (requests in flight on each), ops (in all), znodes, bytes (of data),
 * fan (znodes in a directory).
 * It speaks the protocol by proto/ alone, so that it measures any server, and it runs in one
 * thread: on a machine of two cores the server has the other one. */
#include "proto/base/mem.h"
#include "proto/base/rng.h"
#include "proto/errors.h"
#include "proto/opcodes.h"
#include "proto/types.h"
#include "tests/support/load.h"
#include "tests/support/multi_part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATH_BYTES 30
#define READ_BYTES ((ssize_t)262144)

struct conn;

/* What a scenario asks and what it expects; OP is the number of the operation, from 0. */
struct scenario {
    const char *name;
    const char *help;
    void (*request)(struct conn *c, int64_t op);
    void (*check)(struct conn *c, int64_t op, struct jute_reader *body);
    int32_t expect_err;
};

struct load {
    const struct scenario *scenario;
    int port;
    int64_t conns, depth, ops, znodes, bytes, fan;
    int64_t sent, done;
    struct rng rng;
    uint8_t *data; /* what is written */
    struct arena arena;
    uint64_t *latency_ns;
    int epoll;
};

struct in_flight {
    int64_t op;
    uint64_t start_ns;
};

struct conn {
    struct load *load;
    int fd;
    bool writable; /* the socket took all that it was given */
    int32_t next_xid, answered_xid;
    struct in_flight *flight; /* ring of load->depth */
    struct buf out, in;
    size_t out_sent;
};

/* ------------------------------------------------------------ requests */

static size_t request_begin(struct conn *c, int32_t op)
{
    size_t start = load_frame_begin(&c->out);

    put_request_header(&c->out, &(struct zk_request_header){.xid = ++c->next_xid, .type = op});
    return start;
}

static const char *dir_path(int64_t dir)
{
    static char path[PATH_BYTES + 1];

    (void)snprintf(path, sizeof path, "/bench/dir%07" PRId64, dir);
    return path;
}

/* 30 bytes, as an application's paths are: a directory of a thousand members. */
static const char *znode_path(const struct load *load, int64_t i)
{
    static char path[64];

    (void)snprintf(path, sizeof path, "/bench/dir%07" PRId64 "/node%07" PRId64 "", i / load->fan,
                   i);
    return path;
}

static struct jute_bytes data_of(const struct load *load)
{
    return (struct jute_bytes){.data = load->data, .len = (int32_t)load->bytes};
}

static struct zk_vec_acl open_acl(void)
{
    static struct zk_acl entry;

    entry =
        (struct zk_acl){.perms = PERM_ALL, .scheme = jute_str("world"), .id = jute_str("anyone")};
    return (struct zk_vec_acl){.count = 1, .items = &entry};
}

static void ask_create(struct conn *c, const char *path, struct jute_bytes data)
{
    size_t start = request_begin(c, OP_CREATE);

    put_create_request(&c->out, &(struct zk_create_request){
                                    .path = jute_str(path), .data = data, .acl = open_acl()});
    load_frame_end(&c->out, start);
}

/* Operation 0 makes the root of all; the directories follow; then the znodes. */
static void ask_fill(struct conn *c, int64_t op)
{
    int64_t dirs = (c->load->znodes + c->load->fan - 1) / c->load->fan;
    struct jute_bytes empty = {.data = NULL, .len = 0};

    if (op == 0)
        ask_create(c, "/bench", empty);
    else if (op <= dirs)
        ask_create(c, dir_path(op - 1), empty);
    else
        ask_create(c, znode_path(c->load, op - dirs - 1), data_of(c->load));
}

static int64_t any_znode(struct load *load)
{
    return (int64_t)rng_below(&load->rng, (uint64_t)load->znodes);
}

static void ask_get(struct conn *c, int64_t op)
{
    size_t start = request_begin(c, OP_GET_DATA);

    (void)op;
    put_path_watch_request(&c->out, &(struct zk_path_watch_request){
                                        .path = jute_str(znode_path(c->load, any_znode(c->load)))});
    load_frame_end(&c->out, start);
}

static struct zk_set_data_request any_set(struct load *load)
{
    return (struct zk_set_data_request){.path = jute_str(znode_path(load, any_znode(load))),
                                        .data = data_of(load),
                                        .version = ANY_VERSION};
}

static void ask_set(struct conn *c, int64_t op)
{
    struct zk_set_data_request set = any_set(c->load);
    size_t start = request_begin(c, OP_SET_DATA);

    (void)op;
    put_set_data_request(&c->out, &set);
    load_frame_end(&c->out, start);
}

static void ask_multi(struct conn *c, int64_t op)
{
    size_t start = request_begin(c, OP_MULTI);

    (void)op;
    for (int i = 0; i < 10; i++) {
        struct multi_part one = {.type = OP_SET_DATA, .set_data = any_set(c->load)};

        multi_part_put(&c->out, MULTI_REQUEST, &one);
    }
    multi_put_end(&c->out);
    load_frame_end(&c->out, start);
}

static void ask_children(struct conn *c, int64_t op)
{
    size_t start = request_begin(c, OP_GET_CHILDREN);

    (void)op;
    put_path_watch_request(&c->out, &(struct zk_path_watch_request){.path = jute_str(dir_path(0))});
    load_frame_end(&c->out, start);
}

/* ------------------------------------------------------------ replies */

static void check_nothing(struct conn *c, int64_t op, struct jute_reader *body)
{
    (void)c;
    (void)op;
    (void)body;
}

static void check_data(struct conn *c, int64_t op, struct jute_reader *body)
{
    struct zk_get_data_response reply;

    get_get_data_response(body, &reply);
    if (body->bad || reply.data.len != c->load->bytes || reply.stat.data_length != c->load->bytes)
        load_fail("get %" PRId64 ": %d bytes of data where %" PRId64 " were written", op,
                  reply.data.len, c->load->bytes);
}

static void check_stat(struct conn *c, int64_t op, struct jute_reader *body)
{
    struct zk_stat_response reply;

    get_stat_response(body, &reply);
    if (body->bad || reply.stat.version < 1 || reply.stat.data_length != c->load->bytes)
        load_fail("set %" PRId64 ": version %d after it", op, reply.stat.version);
}

static void check_multi(struct conn *c, int64_t op, struct jute_reader *body)
{
    struct multi_part result;
    int count = 0;

    (void)c;
    while (multi_part_get(body, MULTI_REPLY, &result)) {
        if (result.type != OP_SET_DATA)
            load_fail("multi %" PRId64 ": result of type %d", op, result.type);
        count++;
    }
    if (body->bad || count != 10)
        load_fail("multi %" PRId64 ": %d results where 10 were due", op, count);
}

static void check_children(struct conn *c, int64_t op, struct jute_reader *body)
{
    int64_t expected = c->load->znodes < c->load->fan ? c->load->znodes : c->load->fan;
    struct zk_get_children_response reply;

    get_get_children_response(body, &reply);
    if (body->bad || reply.children.count != expected)
        load_fail("getChildren %" PRId64 ": %d names where %" PRId64 " were made", op,
                  reply.children.count, expected);
}

static const struct scenario scenarios[] = {
    {"fill", "create ZNODES znodes and their directories", ask_fill, check_nothing, ZOK},
    {"get", "getData of random znodes", ask_get, check_data, ZOK},
    {"set", "setData of random znodes", ask_set, check_stat, ZOK},
    {"multi", "multis of ten setData", ask_multi, check_multi, ZOK},
    {"children", "getChildren of the first directory", ask_children, check_children, ZOK},
};

static void on_reply(struct conn *c, const uint8_t *payload, size_t len)
{
    struct load *load = c->load;
    struct jute_reader r = jute_reader(payload, len, &load->arena);
    struct in_flight *flight;
    struct zk_reply_header hdr;

    get_reply_header(&r, &hdr);
    if (r.bad || hdr.xid != ++c->answered_xid)
        load_fail("reply of xid %d where %d was due", hdr.xid, c->answered_xid);
    flight = &c->flight[c->answered_xid % load->depth];
    if (hdr.err != load->scenario->expect_err)
        load_fail("operation %" PRId64 ": %s", flight->op, zk_err_name(hdr.err));
    load->scenario->check(c, flight->op, &r);
    arena_reset(&load->arena);
    load->latency_ns[load->done++] = load_now_ns() - flight->start_ns;
}

/* ------------------------------------------------------------ connections */

static void conn_open(struct conn *c, struct load *load)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};

    *c = (struct conn){.load = load, .fd = load_dial(load->port, 0), .writable = true};
    load_handshake(c->fd);
    c->flight = xcalloc((size_t)load->depth, sizeof *c->flight);
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
        load_fail("epoll_ctl: %s", strerror(errno));
}

static void conn_close(struct conn *c)
{
    (void)close(c->fd); /* the session is left to expire */
    free(c->flight);
    buf_done(&c->out);
    buf_done(&c->in);
}

static void flush(struct conn *c)
{
    while (c->writable && c->out_sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->out_sent, c->out.len - c->out_sent, MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN)
            load_fail("cannot send: %s", strerror(errno));
        c->writable = n >= 0;
        c->out_sent += n < 0 ? 0 : (size_t)n;
    }
    if (c->out_sent == c->out.len)
        c->out.len = c->out_sent = 0;
}

/* Asks until the window is full. */
static void pump(struct conn *c)
{
    struct load *load = c->load;

    while (load->sent < load->ops && c->next_xid - c->answered_xid < load->depth) {
        int32_t xid = c->next_xid + 1;

        c->flight[xid % load->depth] =
            (struct in_flight){.op = load->sent, .start_ns = load_now_ns()};
        load->scenario->request(c, load->sent++);
    }
    flush(c);
}

/* Reads what is there and looks at every whole frame. */
static void drain(struct conn *c)
{
    ssize_t n;
    size_t at = 0;

    do {
        uint8_t *space = buf_extend(&c->in, (size_t)READ_BYTES);

        n = recv(c->fd, space, READ_BYTES, MSG_DONTWAIT);
        c->in.len -= (size_t)(READ_BYTES - (n > 0 ? n : 0));
        if (n == 0 || (n < 0 && errno != EAGAIN))
            load_fail("the server closed the connection");
    } while (n == READ_BYTES);
    while (c->in.len - at >= LOAD_FRAME_HEAD) {
        size_t len = load_be32(c->in.data + at);

        if (c->in.len - at - LOAD_FRAME_HEAD < len)
            break;
        on_reply(c, c->in.data + at + LOAD_FRAME_HEAD, len);
        at += LOAD_FRAME_HEAD + len;
    }
    memmove(c->in.data, c->in.data + at, c->in.len - at);
    c->in.len -= at;
}

static void run(struct load *load, struct conn *conns)
{
    for (int64_t i = 0; i < load->conns; i++)
        pump(&conns[i]);
    while (load->done < load->ops) {
        struct epoll_event events[64];
        int n = epoll_wait(load->epoll, events, 64, 60000);

        if (n <= 0)
            load_fail("no reply for a minute");
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;

            c->writable |= (events[i].events & EPOLLOUT) != 0;
            if (events[i].events & EPOLLIN)
                drain(c);
            if (c < conns + load->conns) /* the others have their turn later: run_fill */
                pump(c);
        }
    }
}

/* A fill's order matters across connections: directories before what is in them. So they are
 * made over one connection before the others start. */
static void run_fill(struct load *load, struct conn *conns)
{
    int64_t dirs = (load->znodes + load->fan - 1) / load->fan, all = load->conns;

    load->conns = 1;
    load->ops = 1 + dirs;
    run(load, conns);
    load->conns = all;
    load->ops += load->znodes;
    run(load, conns);
}

/* ------------------------------------------------------------ main */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void report(struct load *load, double seconds)
{
    int64_t median = load->done / 2, late = load->done * 99 / 100;

    qsort(load->latency_ns, (size_t)load->done, sizeof *load->latency_ns, by_value);
    printf("%s ops=%" PRId64 " seconds=%.3f rate=%.0f p50_us=%.1f p99_us=%.1f\n",
           load->scenario->name, load->done, seconds, (double)load->done / seconds,
           (double)load->latency_ns[median] / 1e3, (double)load->latency_ns[late] / 1e3);
}

static void set_option(struct load *load, const char *text)
{
    struct {
        const char *key;
        int64_t *value;
    } options[] = {{"conns", &load->conns}, {"depth", &load->depth},   {"ops", &load->ops},
                   {"bytes", &load->bytes}, {"znodes", &load->znodes}, {"fan", &load->fan}};

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        size_t len = strlen(options[i].key);
        char *end;

        if (strncmp(text, options[i].key, len) != 0 || text[len] != '=')
            continue;
        *options[i].value = strtoll(text + len + 1, &end, 10);
        if (*end == '\0' && *options[i].value > 0)
            return;
    }
    load_fail("cannot use \"%s\": conns, depth, ops, znodes, bytes, fan take a number above 0",
              text);
}

static void usage(void)
{
    (void)fputs("usage: proto_load PORT SCENARIO [conns=N] [depth=N] [ops=N] [znodes=N] [bytes=N]\n"
                "       [fan=N]\n"
                "scenarios:\n",
                stderr);
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        (void)fprintf(stderr, "  %-10s %s\n", scenarios[i].name, scenarios[i].help);
    exit(2);
}

static const struct scenario *scenario_named(const char *name)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    }
    usage();
    return NULL;
}

int main(int argc, char **argv)
{
    struct load load = {
        .conns = 8, .depth = 64, .ops = 100000, .znodes = 10000, .bytes = 100, .fan = 1000};
    struct conn *conns;
    uint64_t start;

    if (argc < 3)
        usage();
    load.port = (int)strtol(argv[1], NULL, 10);
    load.scenario = scenario_named(argv[2]);
    for (int i = 3; i < argc; i++)
        set_option(&load, argv[i]);
    load.rng = rng_seeded(1);
    load.data = xmalloc((size_t)load.bytes);
    memset(load.data, 'x', (size_t)load.bytes);
    load.latency_ns = xcalloc((size_t)(load.ops + load.znodes * 2 + 1), sizeof *load.latency_ns);
    load.epoll = epoll_create1(0);
    conns = xcalloc((size_t)load.conns, sizeof *conns);
    for (int64_t i = 0; i < load.conns; i++)
        conn_open(&conns[i], &load);
    start = load_now_ns();
    if (load.scenario->request == ask_fill)
        run_fill(&load, conns);
    else
        run(&load, conns);
    report(&load, (double)(load_now_ns() - start) / 1e9);
    for (int64_t i = 0; i < load.conns; i++)
        conn_close(&conns[i]);
    free(conns);
    free(load.latency_ns);
    free(load.data);
    arena_done(&load.arena);
    return 0;
}
