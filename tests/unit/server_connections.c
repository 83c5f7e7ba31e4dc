/* Connections over real loopback sockets, above a core of the test's own: the frames
 * say what it shall do. So what is tested is how bytes become frames and answers
 * become bytes, and when a client is not read. */
#include "tests/unit/server_connections_rig.h"

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

TEST(a_client_that_reads_nothing_is_not_read)
{
    struct connections_config config = usual_config();
    struct buf frames = {0};
    struct rig rig;
    char *big = xmalloc(BIG_BYTES + 4);
    size_t taken, unread;
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
    unread = taken * (BIG_BYTES + 4) - connections_stats(rig.connections).bytes_sent;
    EXPECT(unread >= 1u << 20);
    EXPECT(unread < (1u << 20) + BIG_BYTES + 4); /* the last answer may go over it */
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

/* How many of COUNT frames, each of BYTES with its length, are taken while none is answered. */
static size_t taken_unanswered(size_t count, size_t bytes)
{
    struct connections_config config = usual_config();
    struct buf frames = {0};
    struct rig rig;
    char *payload = xcalloc(1, bytes);
    size_t taken;
    int fd;

    payload[0] = ASK_LATER;
    config.outstanding_max = 1000000;
    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    for (size_t i = 0; i < count; i++)
        put_frame(&frames, payload, bytes - 4);
    for (size_t sent = 0, idle = 0; idle < 10; rig_turn(&rig, 1)) {
        uint64_t received = connections_stats(rig.connections).bytes_received;
        ssize_t more = send(fd, frames.data + sent, frames.len - sent, MSG_NOSIGNAL);

        if (more > 0)
            sent += (size_t)more;
        rig_turn(&rig, 1);
        idle = connections_stats(rig.connections).bytes_received == received ? idle + 1 : 0;
    }
    taken = rig.core.frames;
    (void)close(fd);
    rig_done(&rig);
    buf_done(&frames);
    free(payload);
    return taken;
}

TEST(a_client_may_have_so_many_requests_and_so_many_bytes_of_them_in_work)
{
    enum { REQUESTS = 4096, BYTES = 4 << 20, LONG = 1 << 16 };

    EXPECT_EQ(taken_unanswered(REQUESTS, 8), REQUESTS);
    EXPECT_EQ(taken_unanswered(REQUESTS + 1, 8), REQUESTS);
    EXPECT_EQ(taken_unanswered(BYTES / LONG, LONG), BYTES / LONG);
    EXPECT_EQ(taken_unanswered(BYTES / LONG + 1, LONG), BYTES / LONG);
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

    config.handshake_timeout_ms = 300;
    rig_init(&rig, &config);
    put_text(&frame, "ehello");
    talker = rig_connect(&rig);
    send_all(&rig, talker, frame.data, frame.len);
    expect_echo(&rig, talker, &frame);
    silent = rig_connect(&rig);
    half = rig_connect(&rig);
    send_all(&rig, half, frame.data, frame.len - 1);
    expect_end(&rig, silent);
    expect_end(&rig, half);
    EXPECT_EQ(connections_stats(rig.connections).handshakes_expired, 2);
    EXPECT_EQ(connections_stats(rig.connections).open, 1);
    send_all(&rig, talker, frame.data, frame.len);
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
