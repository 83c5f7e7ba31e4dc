/* Connections over real loopback sockets, above a core of the test's own: the frames
 * say what it shall do. So what is tested is how bytes become frames and answers
 * become bytes, and when a client is not read. */
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
    int slices, answers_ended; /* of WORD_DUMP */
    int listener;
    struct sockaddr_in address;
};

/* ---- the server of the test */

static const struct core_time *rig_now(void *arg)
{
    struct rig *rig = arg;

    rig->now.mono_ms = (int64_t)(uv_hrtime() / 1000000);
    return &rig->now;
}

static enum word_outcome rig_word(void *arg, const uint8_t *data, size_t len, struct buf *text,
                                  void **ret_rest)
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
static bool rig_more(void *arg, void *rest, struct buf *text)
{
    struct rig *rig = arg;

    EXPECT(rest == rig);
    if (rig->slices++ != 1)
        memset(buf_extend(text, SLICE_BYTES), (int)rig->slices, SLICE_BYTES);
    return rig->slices < SLICES;
}

static void rig_end_answer(void *arg, void *rest)
{
    struct rig *rig = arg;

    EXPECT(rest == rig);
    rig->answers_ended++;
}

static bool rig_busy(void *arg)
{
    (void)arg;
    return false;
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct rig *rig = prepare->data;

    connections_flush(rig->connections);
}

static struct connections_config usual_config(void)
{
    return (struct connections_config){
        .handshake_timeout_ms = 60000, .frame_bytes_max = FRAME_MAX, .outstanding_max = 1000};
}

static void rig_init(struct rig *rig, const struct connections_config *config)
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

static void rig_done(struct rig *rig)
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
static int rig_connect(struct rig *rig)
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

static void on_alarm(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* Runs the loop for at most MS, or until something happened. */
static void rig_turn(struct rig *rig, uint64_t ms)
{
    uv_timer_t timer;
    bool rang = false;

    (void)uv_timer_init(&rig->loop, &timer);
    timer.data = &rang;
    (void)uv_timer_start(&timer, on_alarm, ms, 0);
    (void)uv_run(&rig->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
}

/* Sends what the socket takes while the server runs, until all is sent. */
static void send_all(struct rig *rig, int fd, const void *data, size_t len)
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
static void receive(struct rig *rig, int fd, void *data, size_t len)
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

static void expect_end(struct rig *rig, int fd)
{
    char c;
    ssize_t got;

    while ((got = recv(fd, &c, 1, 0)) < 0 && errno == EAGAIN)
        rig_turn(rig, 10);
    EXPECT(got == 0 || errno == ECONNRESET);
    (void)close(fd);
}

static void expect_echo(struct rig *rig, int fd, const struct buf *sent)
{
    void *got = xmalloc(sent->len);

    receive(rig, fd, got, sent->len);
    EXPECT_MEM(got, sent->data, sent->len);
    free(got);
}

static void put_text(struct buf *b, const char *text)
{
    put_frame(b, text, strlen(text));
}

/* ---- the tests */

TEST(frames_may_be_cut_anywhere)
{
    struct connections_config config = usual_config();
    struct buf frames = {0};
    struct rig rig;
    int fd;

    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    put_text(&frames, "eone");
    put_text(&frames, "e");
    put_text(&frames, "ethree and more");
    for (size_t i = 0; i < frames.len; i++)
        send_all(&rig, fd, frames.data + i, 1);
    expect_echo(&rig, fd, &frames);
    EXPECT_EQ(rig.core.frames, 3);
    EXPECT_STR(rig.core.clients->ip, "127.0.0.1");
    (void)close(fd);
    rig_done(&rig);
    buf_done(&frames);
}

TEST(ten_thousand_frames_in_one_go_come_back_in_order)
{
    struct connections_config config = usual_config();
    struct buf frames = {0};
    struct rig rig;
    char text[64];
    int fd;

    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    for (int i = 0; i < 10000; i++) {
        (void)snprintf(text, sizeof text, "e%.*s%d", i % 50, "--------------------------------", i);
        put_text(&frames, text);
    }
    send_all(&rig, fd, frames.data, frames.len);
    expect_echo(&rig, fd, &frames);
    (void)close(fd);
    rig_done(&rig);
    buf_done(&frames);
}

TEST(frames_that_come_together_are_announced_and_one_alone_is_not)
{
    struct connections_config config = usual_config();
    const char *const bursts[][3] = {{"e1"}, {"e2", "e3", "e4"}, {"e5"}};
    const size_t announced[] = {0, 3, 3};
    struct rig rig;
    int fd;

    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    for (size_t i = 0; i < sizeof bursts / sizeof *bursts; i++) {
        struct buf frames = {0};

        for (size_t j = 0; j < 3 && bursts[i][j] != NULL; j++)
            put_text(&frames, bursts[i][j]);
        send_all(&rig, fd, frames.data, frames.len);
        expect_echo(&rig, fd, &frames);
        EXPECT_EQ(rig.core.announced, announced[i]);
        buf_done(&frames);
    }
    (void)close(fd);
    rig_done(&rig);
}

TEST(a_frame_of_just_the_limit_is_taken_and_one_byte_more_ends_the_connection)
{
    struct connections_config config = usual_config();
    struct buf frame = {0};
    struct rig rig;
    char *payload = xcalloc(1, FRAME_MAX);
    uint8_t head[4];
    int fd;

    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    payload[0] = ASK_ECHO;
    put_frame(&frame, payload, FRAME_MAX);
    send_all(&rig, fd, frame.data, frame.len);
    expect_echo(&rig, fd, &frame);
    store_be32(head, FRAME_MAX + 1);
    send_all(&rig, fd, head, sizeof head);
    expect_end(&rig, fd);
    fd = rig_connect(&rig);
    store_be32(head, UINT32_MAX);
    send_all(&rig, fd, head, sizeof head);
    expect_end(&rig, fd);
    EXPECT_EQ(rig.core.frames, 1);
    rig_done(&rig);
    free(payload);
    buf_done(&frame);
}

TEST(a_word_is_answered_only_as_the_first_thing_on_a_connection)
{
    struct connections_config config = usual_config();
    struct rig rig;
    struct buf frames = {0};
    char text[4];
    int fd;

    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    send_all(&rig, fd, "ru", 2);
    send_all(&rig, fd, "ok\n", 3);
    receive(&rig, fd, text, 4);
    EXPECT_MEM(text, "imok", 4);
    expect_end(&rig, fd);

    fd = rig_connect(&rig);
    put_text(&frames, "e");
    send_all(&rig, fd, frames.data, frames.len);
    expect_echo(&rig, fd, &frames);
    send_all(&rig, fd, "ruok", 4);
    expect_end(&rig, fd);
    rig_done(&rig);
    buf_done(&frames);
}

TEST(a_word_may_take_more_bytes_than_its_four)
{
    struct connections_config config = usual_config();
    struct rig rig;
    char text[2];
    int fd;

    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    send_all(&rig, fd, "stmk", 4);
    rig_turn(&rig, 5);
    send_all(&rig, fd, "1", 1);
    rig_turn(&rig, 5);
    send_all(&rig, fd, "2", 1);
    receive(&rig, fd, text, 2);
    EXPECT_MEM(text, "12", 2);
    expect_end(&rig, fd);
    rig_done(&rig);
}

TEST(a_long_answer_comes_in_slices_and_only_as_they_are_read)
{
    struct connections_config config = usual_config();
    static uint8_t slice[SLICE_BYTES], expected[SLICE_BYTES];
    struct buf frame = {0};
    struct rig rig;
    int slow, other;

    rig_init(&rig, &config);
    slow = rig_connect(&rig);
    other = rig_connect(&rig);
    send_all(&rig, slow, "dump", 4);
    rig_turn(&rig, 50);
    EXPECT(rig.slices < SLICES / 2); /* what the sockets hold */
    put_text(&frame, "e1");
    send_all(&rig, other, frame.data, frame.len);
    expect_echo(&rig, other, &frame);
    for (int i = 1; i <= SLICES; i++) {
        if (i == 2)
            continue;
        memset(expected, i, sizeof expected);
        receive(&rig, slow, slice, sizeof slice);
        EXPECT_MEM(slice, expected, sizeof slice);
    }
    EXPECT_EQ(rig.answers_ended, 1);
    expect_end(&rig, slow);
    rig_done(&rig);
    buf_done(&frame);
}

TEST(a_long_answer_to_who_is_gone_ends)
{
    struct connections_config config = usual_config();
    struct rig rig;
    int fd;

    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    send_all(&rig, fd, "dump", 4);
    rig_turn(&rig, 5);
    (void)close(fd);
    while (rig.answers_ended == 0)
        rig_turn(&rig, 5);
    EXPECT(rig.slices < SLICES);
    rig_done(&rig);
}

TEST(a_walk_over_connections_goes_on_when_they_come_and_go)
{
    struct connections_config config = usual_config();
    struct connections_walk *walk;
    struct connection_facts facts;
    struct rig rig;
    int fds[4];

    rig_init(&rig, &config);
    for (int i = 0; i < 4; i++)
        fds[i] = rig_connect(&rig);
    while (connections_stats(rig.connections).open < 4)
        rig_turn(&rig, 5);
    walk = connections_walk_begin(rig.connections);
    EXPECT(connections_walk_next(walk, &facts));
    EXPECT(strncmp(facts.peer, "127.0.0.1:", 10) == 0);
    EXPECT_EQ(facts.interest_ops, 1);
    (void)close(fds[0]); /* told already */
    (void)close(fds[1]); /* would be next */
    while (connections_stats(rig.connections).open > 2)
        rig_turn(&rig, 5);
    EXPECT(connections_walk_next(walk, &facts));
    (void)close(fds[3]);
    while (connections_stats(rig.connections).open > 1)
        rig_turn(&rig, 5);
    EXPECT(!connections_walk_next(walk, &facts));
    connections_walk_end(walk);
    (void)close(fds[2]);
    rig_done(&rig);
}

TEST(what_was_answered_is_sent_before_the_end)
{
    struct connections_config config = usual_config();
    struct buf frames = {0}, wanted = {0};
    struct rig rig;
    int fd;

    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    put_text(&frames, "ea");
    put_text(&frames, "xb");
    buf_append(&wanted, frames.data, frames.len);
    put_text(&frames, "enever");
    send_all(&rig, fd, frames.data, frames.len);
    expect_echo(&rig, fd, &wanted);
    expect_end(&rig, fd);
    EXPECT_EQ(rig.core.frames, 2);
    rig_done(&rig);
    buf_done(&frames);
    buf_done(&wanted);
}

/* How much the server has in hand for its one client. */
static size_t unsent(const struct rig *rig)
{
    return rig->core.clients->out.len;
}

TEST(a_client_that_reads_nothing_is_not_read)
{
    struct connections_config config = usual_config();
    struct buf frames = {0};
    struct rig rig;
    size_t taken;
    char *big = xmalloc(BIG_BYTES + 4);
    int fd;

    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    for (int i = 0; i < 200; i++)
        put_text(&frames, "b");
    send_all(&rig, fd, frames.data, frames.len);
    for (int i = 0; i < 20; i++)
        rig_turn(&rig, 1);
    taken = rig.core.frames;
    EXPECT(taken < 100);
    EXPECT(unsent(&rig) <= 2u << 20);
    rig.core.heard = 0;
    rig_turn(&rig, 1);
    connections_vouch(rig.connections);
    EXPECT_EQ(rig.core.heard, 0);
    for (int i = 0; i < 200; i++)
        receive(&rig, fd, big, BIG_BYTES + 4);
    EXPECT_EQ(rig.core.frames, 200);
    EXPECT(rig.core.heard > 0); /* who reads is alive, though its frames wait */
    (void)close(fd);
    rig_done(&rig);
    buf_done(&frames);
    free(big);
}

TEST(a_client_with_too_much_in_work_is_not_read_until_it_is_answered)
{
    struct connections_config config = usual_config();
    struct buf frames = {0};
    struct rig rig;
    int fd;

    config.outstanding_max = 10;
    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    for (int i = 0; i < 25; i++)
        put_text(&frames, "l");
    send_all(&rig, fd, frames.data, frames.len);
    for (int i = 0; i < 5; i++)
        rig_turn(&rig, 1);
    EXPECT_EQ(rig.core.frames, 10);
    connections_vouch(rig.connections);
    EXPECT_EQ(rig.core.heard, 1); /* its pings are not read, and that is not its fault */
    for (size_t frames_seen = 20; frames_seen <= 30; frames_seen += 10) {
        answer_later(rig.core.clients);
        rig_turn(&rig, 1);
        EXPECT_EQ(rig.core.frames, frames_seen > 25 ? 25 : frames_seen);
    }
    answer_later(rig.core.clients);
    expect_echo(&rig, fd, &frames);
    rig.core.heard = 0;
    connections_vouch(rig.connections);
    EXPECT_EQ(rig.core.heard, 0);
    (void)close(fd);
    rig_done(&rig);
    buf_done(&frames);
}

TEST(others_with_nothing_in_work_get_on_while_one_client_fills_the_server)
{
    struct connections_config config = usual_config();
    struct buf many = {0}, one = {0};
    struct rig rig;
    int hog, modest;

    config.outstanding_max = 10;
    rig_init(&rig, &config);
    hog = rig_connect(&rig);
    for (int i = 0; i < 25; i++)
        put_text(&many, "l");
    send_all(&rig, hog, many.data, many.len);
    modest = rig_connect(&rig);
    put_text(&one, "e");
    send_all(&rig, modest, one.data, one.len);
    expect_echo(&rig, modest, &one);
    (void)close(hog);
    (void)close(modest);
    rig_done(&rig);
    buf_done(&many);
    buf_done(&one);
}

TEST(others_are_served_between_the_long_walks_of_one_client)
{
    struct connections_config config = usual_config();
    struct buf many = {0}, one = {0};
    struct rig rig;
    int hog, modest;

    rig_init(&rig, &config);
    for (int i = 0; i < 100; i++)
        put_text(&many, "w");
    put_text(&one, "e");
    hog = rig_connect(&rig);
    modest = rig_connect(&rig);
    EXPECT_EQ(send(hog, many.data, many.len, MSG_NOSIGNAL), (ssize_t)many.len);
    for (int i = 0; i < 5; i++) {
        EXPECT_EQ(send(modest, one.data, one.len, MSG_NOSIGNAL), (ssize_t)one.len);
        expect_echo(&rig, modest, &one);
    }
    EXPECT(rig.core.walked > 0);
    EXPECT(rig.core.frames < 50);
    expect_echo(&rig, hog, &many); /* and nobody has to wake it */
    EXPECT_EQ(rig.core.frames, 105);
    /* It may also vanish while it rests. */
    EXPECT_EQ(send(hog, many.data, many.len, MSG_NOSIGNAL), (ssize_t)many.len);
    rig_turn(&rig, 1);
    EXPECT(rig.core.frames < 205);
    (void)close(hog);
    (void)close(modest);
    rig_done(&rig);
    buf_done(&many);
    buf_done(&one);
}

TEST(who_makes_a_change_is_answered_before_thousands_are_told)
{
    enum { WATCHERS = 500 };
    struct connections_config config = usual_config();
    int fds[WATCHERS], writer, told = 0;
    struct buf frame = {0};
    struct rig rig;
    char byte;

    rig_init(&rig, &config);
    put_text(&frame, "tell");
    writer = rig_connect(&rig);
    for (int i = 0; i < WATCHERS; i++)
        fds[i] = rig_connect(&rig);
    EXPECT_EQ(send(writer, frame.data, frame.len, 0), (ssize_t)frame.len);
    while (recv(writer, &byte, 1, MSG_PEEK) < 0)
        (void)uv_run(&rig.loop, UV_RUN_ONCE);
    for (int i = 0; i < WATCHERS; i++)
        told += recv(fds[i], &byte, 1, MSG_PEEK) == 1;
    EXPECT(told < WATCHERS);
    for (int i = 0; i < WATCHERS; i++) {
        expect_echo(&rig, fds[i], &frame);
        (void)close(fds[i]);
    }
    expect_echo(&rig, writer, &frame);
    (void)close(writer);
    rig_done(&rig);
    buf_done(&frame);
}

TEST(a_connection_that_says_nothing_is_closed_and_one_that_did_is_not)
{
    struct connections_config config = usual_config();
    struct buf frame = {0};
    struct rig rig;
    int silent, half, talker;

    config.handshake_timeout_ms = 50;
    rig_init(&rig, &config);
    silent = rig_connect(&rig);
    half = rig_connect(&rig);
    talker = rig_connect(&rig);
    put_text(&frame, "ehello");
    send_all(&rig, half, frame.data, frame.len - 1);
    send_all(&rig, talker, frame.data, frame.len);
    expect_end(&rig, silent);
    expect_end(&rig, half);
    EXPECT_EQ(connections_stats(rig.connections).handshakes_expired, 2);
    EXPECT_EQ(connections_stats(rig.connections).open, 1);
    expect_echo(&rig, talker, &frame);
    (void)close(talker);
    rig_done(&rig);
    buf_done(&frame);
}

TEST(an_address_gets_so_many_connections_and_its_place_back_afterwards)
{
    struct connections_config config = usual_config();
    struct rig rig;
    int first, second;

    config.per_address_max = 2;
    rig_init(&rig, &config);
    first = rig_connect(&rig);
    second = rig_connect(&rig);
    expect_end(&rig, rig_connect(&rig));
    EXPECT_EQ(connections_stats(rig.connections).rejected, 1);
    (void)close(first);
    while (connections_stats(rig.connections).open == 2)
        rig_turn(&rig, 10);
    first = rig_connect(&rig);
    EXPECT_EQ(connections_stats(rig.connections).open, 2);
    (void)close(first);
    (void)close(second);
    rig_done(&rig);
}

TEST(the_server_as_a_whole_takes_so_many_connections)
{
    struct connections_config config = usual_config();
    struct rig rig;
    int first;

    config.total_max = 1;
    rig_init(&rig, &config);
    first = rig_connect(&rig);
    expect_end(&rig, rig_connect(&rig));
    (void)close(first);
    rig_done(&rig);
}

TEST(a_client_that_vanishes_leaves_nothing_behind)
{
    struct connections_config config = usual_config();
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct buf frames = {0};
    struct rig rig;
    int fd;

    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    for (int i = 0; i < 20; i++)
        put_text(&frames, i < 10 ? "l" : "b");
    send_all(&rig, fd, frames.data, frames.len);
    EXPECT_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    (void)close(fd);
    while (connections_stats(rig.connections).open > 0)
        rig_turn(&rig, 10);
    EXPECT_EQ(rig.core.clients_gone, 1);
    rig_done(&rig);
    buf_done(&frames);
}

TEST(after_hold_nothing_is_read_and_answers_still_go_out)
{
    struct connections_config config = usual_config();
    struct buf frame = {0};
    struct rig rig;
    int fd;

    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    put_text(&frame, "l1");
    send_all(&rig, fd, frame.data, frame.len);
    while (rig.core.frames == 0)
        rig_turn(&rig, 10);
    connections_hold(rig.connections);
    send_all(&rig, fd, frame.data, frame.len);
    for (int i = 0; i < 5; i++)
        rig_turn(&rig, 1);
    EXPECT_EQ(rig.core.frames, 1);
    answer_later(rig.core.clients);
    expect_echo(&rig, fd, &frame);
    (void)close(fd);
    rig_done(&rig);
    buf_done(&frame);
}
