/* proto_session_load: sessions, opened and closed, or opened and left alone.
 *
 *     proto_session_load PORT churn OPS     opens and closes OPS sessions, 64 at a time
 *     proto_session_load PORT idle COUNT    opens COUNT, prints "ready", holds them until its
 *                                           standard input ends
 *
 * Idle sessions come from several loopback addresses, as one has not enough ports. */
#include "proto/base/mem.h"
#include "proto/opcodes.h"
#include "proto/records.h"
#include "tests/support/load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define AT_A_TIME 64
#define PER_ADDRESS 20000

/* A session's whole life in two frames that leave together. */
static void put_life(struct buf *b)
{
    size_t start;

    b->len = 0;
    load_put_connect(b);
    start = load_frame_begin(b);
    put_request_header(b, &(struct zk_request_header){.xid = 1, .type = OP_CLOSE_SESSION});
    load_frame_end(b, start);
}

static void expect_life(int fd, struct buf *b)
{
    struct zk_reply_header hdr;
    struct jute_reader r;
    char more;

    load_read_frame(fd, b); /* the session */
    load_read_frame(fd, b); /* its end */
    r = jute_reader(b->data, b->len, NULL);
    get_reply_header(&r, &hdr);
    if (r.bad || hdr.xid != 1 || hdr.err != 0)
        load_fail("closeSession: error %d", hdr.err);
    if (read(fd, &more, 1) != 0)
        load_fail("the connection outlives its session");
    (void)close(fd);
}

static void churn(int port, long ops)
{
    uint64_t start = load_now_ns();
    struct buf life = {0}, b = {0};
    double seconds;

    put_life(&life);
    for (long done = 0; done < ops; done += AT_A_TIME) {
        int fds[AT_A_TIME];

        for (int i = 0; i < AT_A_TIME; i++) {
            fds[i] = load_dial(port, 0);
            load_write(fds[i], life.data, life.len);
        }
        for (int i = 0; i < AT_A_TIME; i++)
            expect_life(fds[i], &b);
    }
    seconds = (double)(load_now_ns() - start) / 1e9;
    printf("churn ops=%ld seconds=%.3f rate=%.0f\n", ops, seconds, (double)ops / seconds);
    buf_done(&life);
    buf_done(&b);
}

static void idle(int port, long count)
{
    struct rlimit files = {.rlim_cur = (rlim_t)count + 100, .rlim_max = (rlim_t)count + 100};
    char line[16];

    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        load_fail("cannot have %ld open files: %s", count, strerror(errno));
    for (long i = 0; i < count; i++)
        (void)load_handshake(load_dial(port, (uint16_t)(1 + i / PER_ADDRESS)));
    printf("ready\n");
    (void)fflush(stdout);
    (void)!read(STDIN_FILENO, line, sizeof line); /* until it ends */
}

int main(int argc, char **argv)
{
    long count = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    int port = argc == 4 ? (int)strtol(argv[1], NULL, 10) : 0;

    if (count > 0 && strcmp(argv[2], "churn") == 0) {
        churn(port, count);
    } else if (count > 0 && strcmp(argv[2], "idle") == 0) {
        idle(port, count);
    } else {
        (void)fputs("usage: proto_session_load PORT churn|idle COUNT\n", stderr);
        return 2;
    }
    return 0;
}
