/* proto_watch_load: watches that fire, or that are held.
 *
 *     proto_watch_load PORT fire COUNT ROUNDS   COUNT connections watch one znode, one more
 *                                               writes it, ROUNDS times
 *     proto_watch_load PORT hold COUNT EACH     COUNT connections with EACH watches, no path
 *                                               twice; prints "ready", holds them until its
 *                                               standard input ends
 *     proto_watch_load PORT share COUNT EACH    the same, all of the same paths
 *
 * fire prints the medians of how long the writer waited for its answer, and of how long it took
 * until every watcher had its event. */
#include "proto/base/mem.h"
#include "proto/errors.h"
#include "proto/opcodes.h"
#include "proto/records.h"
#include "proto/types.h"
#include "tests/support/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATH "/bench-watched"
#define BURST 1000

static struct zk_reply_header read_header(int fd, struct buf *b)
{
    struct zk_reply_header hdr;
    struct jute_reader r;

    load_read_frame(fd, b);
    r = jute_reader(b->data, b->len, NULL);
    get_reply_header(&r, &hdr);
    if (r.bad)
        load_fail("a reply without a header");
    return hdr;
}

static size_t request_begin(struct buf *b, int32_t op)
{
    size_t start;

    b->len = 0;
    start = load_frame_begin(b);
    put_request_header(b, &(struct zk_request_header){.xid = 1, .type = op});
    return start;
}

static void send_request(int fd, struct buf *b, size_t start)
{
    load_frame_end(b, start);
    load_write(fd, b->data, b->len);
}

static void make_znode(int fd, struct buf *b)
{
    struct zk_acl entry = {
        .perms = PERM_ALL, .scheme = jute_str("world"), .id = jute_str("anyone")};
    size_t start = request_begin(b, OP_CREATE);
    int32_t err;

    put_create_request(b, &(struct zk_create_request){.path = jute_str(PATH),
                                                      .data = jute_str("x"),
                                                      .acl = {.count = 1, .items = &entry}});
    send_request(fd, b, start);
    err = read_header(fd, b).err;
    if (err != ZOK && err != ZNODEEXISTS)
        load_fail("create: %s", zk_err_name(err));
}

static void watch(int fd, struct buf *b)
{
    size_t start = request_begin(b, OP_GET_DATA);

    put_path_watch_request(b,
                           &(struct zk_path_watch_request){.path = jute_str(PATH), .watch = true});
    send_request(fd, b, start);
    if (read_header(fd, b).err != ZOK)
        load_fail("getData failed");
}

static void write_znode(int fd, struct buf *b)
{
    size_t start = request_begin(b, OP_SET_DATA);

    put_set_data_request(b, &(struct zk_set_data_request){
                                .path = jute_str(PATH), .data = jute_str("y"), .version = -1});
    send_request(fd, b, start);
    if (read_header(fd, b).err != ZOK)
        load_fail("setData failed");
}

/* Until all COUNT connections have their event, in whatever order the server tells them. */
static void await_events(int epoll, long count, struct buf *b)
{
    struct epoll_event ready[64];

    while (count > 0) {
        int n = epoll_wait(epoll, ready, 64, 60000);

        if (n <= 0)
            load_fail("%ld events missing after a minute", count);
        for (int i = 0; i < n; i++, count--)
            if (read_header(ready[i].data.fd, b).xid != XID_WATCH_EVENT)
                load_fail("a reply where an event was due");
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static double median_ms(uint64_t *ns, long count)
{
    long middle = count / 2;

    qsort(ns, (size_t)count, sizeof *ns, by_value);
    return (double)ns[middle] / 1e6;
}

/* ROUNDS times: COUNT connections watch one znode, one more writes it. */
static void fire(int port, long count, long rounds)
{
    uint64_t *answer_ns = xcalloc((size_t)rounds, sizeof *answer_ns);
    uint64_t *all_ns = xcalloc((size_t)rounds, sizeof *all_ns);
    int *fds = xcalloc((size_t)count, sizeof *fds);
    int writer = load_dial(port, 0), epoll = epoll_create1(0);
    struct buf b = {0};

    (void)load_handshake(writer);
    make_znode(writer, &b);
    for (long i = 0; i < count; i++) {
        fds[i] = load_dial(port, 0);
        (void)load_handshake(fds[i]);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i],
                      &(struct epoll_event){.events = EPOLLIN, .data.fd = fds[i]}) < 0)
            load_fail("epoll_ctl: %s", strerror(errno));
    }
    for (long round = 0; round < rounds; round++) {
        uint64_t start;

        for (long i = 0; i < count; i++)
            watch(fds[i], &b);
        start = load_now_ns();
        write_znode(writer, &b);
        answer_ns[round] = load_now_ns() - start;
        await_events(epoll, count, &b);
        all_ns[round] = load_now_ns() - start;
    }
    printf("watch answer_ms=%.3f all_ms=%.3f\n", median_ms(answer_ns, rounds),
           median_ms(all_ns, rounds));
    buf_done(&b);
    free(answer_ns);
    free(all_ns);
    free(fds);
}

/* COUNT watches of one connection, in bursts: of znodes that are not there, so that nothing but
 * watches takes memory. The paths have 30 bytes. */
static void hold_watches(int fd, long owner, long count, struct buf *b)
{
    for (long done = 0; done < count;) {
        long burst = count - done < BURST ? count - done : BURST;

        b->len = 0;
        for (long i = 0; i < burst; i++) {
            char path[64];
            size_t start = load_frame_begin(b);

            (void)snprintf(path, sizeof path, "/bench/owner%07ld/item%06ld", owner, done + i);
            put_request_header(b, &(struct zk_request_header){.xid = 1, .type = OP_EXISTS});
            put_path_watch_request(
                b, &(struct zk_path_watch_request){.path = jute_str(path), .watch = true});
            load_frame_end(b, start);
        }
        load_write(fd, b->data, b->len);
        for (long i = 0; i < burst; i++)
            if (read_header(fd, b).err != ZNONODE)
                load_fail("exists of a missing znode: not NONODE");
        done += burst;
    }
}

/* COUNT connections with EACH watches, held until the standard input ends. */
static void hold(int port, long count, long each, bool shared)
{
    struct buf b = {0};
    char line[16];

    for (long i = 0; i < count; i++) {
        int fd = load_dial(port, 0);

        (void)load_handshake(fd);
        hold_watches(fd, shared ? 0 : i, each, &b);
    }
    buf_done(&b);
    printf("ready\n");
    (void)fflush(stdout);
    (void)!read(STDIN_FILENO, line, sizeof line); /* until it ends */
}

int main(int argc, char **argv)
{
    int port = argc == 5 ? (int)strtol(argv[1], NULL, 10) : 0;
    long count = argc == 5 ? strtol(argv[3], NULL, 10) : 0;
    long number = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
    struct rlimit files = {.rlim_cur = (rlim_t)count + 100, .rlim_max = (rlim_t)count + 100};

    (void)setrlimit(RLIMIT_NOFILE, &files); /* else dialling says what is wrong */
    if (count > 0 && number > 0 && strcmp(argv[2], "fire") == 0) {
        fire(port, count, number);
    } else if (count > 0 && number > 0 && strcmp(argv[2], "hold") == 0) {
        hold(port, count, number, false);
    } else if (count > 0 && number > 0 && strcmp(argv[2], "share") == 0) {
        hold(port, count, number, true);
    } else {
        (void)fputs("usage: proto_watch_load PORT fire COUNT ROUNDS | hold|share COUNT EACH\n",
                    stderr);
        return 2;
    }
    return 0;
}
