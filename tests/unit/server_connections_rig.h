/* A server of connections on loopback sockets, above the core of server_connections_core.h, and
 * the clients' ends; for the tests of connections. */
#ifndef ZKFS_TESTS_UNIT_SERVER_CONNECTIONS_RIG_H
#define ZKFS_TESTS_UNIT_SERVER_CONNECTIONS_RIG_H

#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "server/connections.h"
#include "tests/unit/server_connections_core.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME_MAX 100000
#define WORD_RUOK 0x72756f6b
#define WORD_STMK 0x73746d6b
#define WORD_DUMP 0x64756d70 /* SLICES of SLICE_BYTES, but for an empty one */
#define SLICES 40
#define SLICE_BYTES 300000u

struct rig {
    uv_loop_t loop;
    uv_prepare_t prepare;
    struct connections *connections;
    struct core core;
    struct core_time now;
    int64_t skipped_ms;        /* by which the server's clock is ahead */
    int slices, answers_ended; /* of WORD_DUMP */
    int listener;
    struct sockaddr_in address;
};

/* ---- the server of the test */

static inline const struct core_time *rig_now(void *arg)
{
    struct rig *rig = arg;

    rig->now.mono_ms = (int64_t)(uv_hrtime() / 1000000) + rig->skipped_ms;
    return &rig->now;
}

static inline enum word_outcome rig_word(void *arg, const uint8_t *data, size_t len,
                                         struct buf *text, void **ret_rest)
{
    struct rig *rig = arg;

    switch (load_be32(data)) {
    case WORD_RUOK:
        buf_append(text, "imok", 4);
        return WORD_ANSWERED;
    case WORD_STMK: /* takes two bytes more */
        buf_append(text, data + 4, len < 6 ? 0 : 2);
        return len < 6 ? WORD_CUT_SHORT : WORD_ANSWERED;
    case WORD_DUMP:
        *ret_rest = rig;
        return WORD_ANSWERED;
    default:
        return WORD_NONE;
    }
}

/* SLICES times SLICE_BYTES of the number of the slice; the second is empty. */
static inline bool rig_more(void *arg, void *rest, struct buf *text)
{
    struct rig *rig = arg;

    EXPECT(rest == rig);
    if (rig->slices++ != 1)
        memset(buf_extend(text, SLICE_BYTES), (int)rig->slices, SLICE_BYTES);
    return rig->slices < SLICES;
}

static inline void rig_end_answer(void *arg, void *rest)
{
    struct rig *rig = arg;

    EXPECT(rest == rig);
    rig->answers_ended++;
}

static inline bool rig_busy(void *arg)
{
    (void)arg;
    return false;
}

static inline void on_prepare(uv_prepare_t *prepare)
{
    struct rig *rig = prepare->data;

    connections_flush(rig->connections);
}

static inline struct connections_config usual_config(void)
{
    return (struct connections_config){
        .handshake_timeout_ms = 60000, .frame_bytes_max = FRAME_MAX, .outstanding_max = 1000};
}

static inline void rig_init(struct rig *rig, const struct connections_config *config)
{
    struct connections_host host = {.arg = rig,
                                    .now = rig_now,
                                    .word = rig_word,
                                    .more = rig_more,
                                    .end_answer = rig_end_answer,
                                    .busy = rig_busy};
    socklen_t len = sizeof rig->address;

    *rig = (struct rig){0};
    EXPECT_EQ(uv_loop_init(&rig->loop), 0);
    rig->connections = connections_new(&rig->loop, config, &host);
    connections_serve(rig->connections, &rig->core);
    (void)uv_prepare_init(&rig->loop, &rig->prepare);
    rig->prepare.data = rig;
    (void)uv_prepare_start(&rig->prepare, on_prepare);
    rig->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rig->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    EXPECT_EQ(bind(rig->listener, (struct sockaddr *)&rig->address, sizeof rig->address), 0);
    EXPECT_EQ(listen(rig->listener, 16), 0);
    EXPECT_EQ(getsockname(rig->listener, (struct sockaddr *)&rig->address, &len), 0);
}

static inline void rig_done(struct rig *rig)
{
    connections_close(rig->connections);
    uv_close((uv_handle_t *)&rig->prepare, NULL);
    (void)uv_run(&rig->loop, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&rig->loop), 0);
    EXPECT(rig->core.clients == NULL);
    connections_free(rig->connections);
    (void)close(rig->listener);
}

/* The client's end of a new connection, and what the server made of its own. */
static inline int rig_connect(struct rig *rig)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    int accepted;

    EXPECT_EQ(connect(fd, (struct sockaddr *)&rig->address, sizeof rig->address), 0);
    accepted = accept4(rig->listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    EXPECT(accepted >= 0);
    connections_accept(rig->connections, accepted, &peer);
    EXPECT_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline void on_alarm(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* Runs the loop for at most MS, or until something happened. */
static inline void rig_turn(struct rig *rig, uint64_t ms)
{
    uv_timer_t timer;
    bool rang = false;

    (void)uv_timer_init(&rig->loop, &timer);
    timer.data = &rang;
    /* Again and again: the first time may come before the loop begins to wait. */
    (void)uv_timer_start(&timer, on_alarm, ms, ms);
    (void)uv_run(&rig->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
}

/* Sends what the socket takes while the server runs, until all is sent. */
static inline void send_all(struct rig *rig, int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t sent = send(fd, p, len, MSG_NOSIGNAL);

        if (sent < 0)
            EXPECT_EQ(errno, EAGAIN);
        else
            p += sent, len -= (size_t)sent;
        rig_turn(rig, 10);
    }
}

/* Reads LEN bytes while the server runs. */
static inline void receive(struct rig *rig, int fd, void *data, size_t len)
{
    char *p = data;

    while (len > 0) {
        ssize_t got = recv(fd, p, len, 0);

        EXPECT(got != 0);
        if (got < 0)
            EXPECT_EQ(errno, EAGAIN);
        else
            p += got, len -= (size_t)got;
        if (len > 0)
            rig_turn(rig, 10);
    }
}

static inline void expect_end(struct rig *rig, int fd)
{
    char c;
    ssize_t got;

    while ((got = recv(fd, &c, 1, 0)) < 0 && errno == EAGAIN)
        rig_turn(rig, 10);
    EXPECT(got == 0 || errno == ECONNRESET);
    (void)close(fd);
}

static inline void expect_echo(struct rig *rig, int fd, const struct buf *sent)
{
    void *got = xmalloc(sent->len);

    receive(rig, fd, got, sent->len);
    EXPECT_MEM(got, sent->data, sent->len);
    free(got);
}

static inline void put_text(struct buf *b, const char *text)
{
    put_frame(b, text, strlen(text));
}

#endif
