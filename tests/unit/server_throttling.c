/* What the settings that throttle do to connections: who asks for a session, who has to wait
 * until others are answered, and how much large requests may take. */
#include "tests/unit/server_connections_rig.h"

static int send_text(struct rig *rig, int fd, const char *text)
{
    struct buf frame = {0};

    put_text(&frame, text);
    send_all(rig, fd, frame.data, frame.len);
    buf_done(&frame);
    return fd;
}

static void expect_text(struct rig *rig, int fd, const char *text)
{
    struct buf frame = {0};

    put_text(&frame, text);
    expect_echo(rig, fd, &frame);
    buf_done(&frame);
}

static void some_turns(struct rig *rig)
{
    for (int i = 0; i < 5; i++)
        rig_turn(rig, 1);
}

TEST(who_asks_for_a_session_too_many_is_closed_and_a_renewal_counts_for_less)
{
    struct connections_config config = usual_config();
    struct rig rig;
    int fds[3];

    config.session_throttle = (struct session_throttle_config){.tokens_max = 2,
                                                               .fill_ms = 1000000,
                                                               .fill_count = 1,
                                                               .freeze_ms = -1,
                                                               .weighted = true,
                                                               .new_weight = 3,
                                                               .local_weight = 1,
                                                               .renew_weight = 2};
    rig_init(&rig, &config); /* 6 tokens */
    for (int i = 0; i < 2; i++) {
        const char *text = i == 0 ? "enew" : "er";

        fds[i] = send_text(&rig, rig_connect(&rig), text);
        expect_text(&rig, fds[i], text);
    }
    expect_end(&rig, send_text(&rig, rig_connect(&rig), "enew")); /* 1 is left */
    expect_end(&rig, send_text(&rig, rig_connect(&rig), "er"));
    EXPECT_EQ(connections_stats(rig.connections).rejected, 2);
    EXPECT_EQ(rig.core.frames, 2);
    for (int i = 0; i < 20; i++) /* only who asks for the first time */
        expect_text(&rig, send_text(&rig, fds[0], "e"), "e");
    rig.skipped_ms = 1000000;
    fds[2] = send_text(&rig, rig_connect(&rig), "enew");
    expect_text(&rig, fds[2], "enew");
    for (int i = 0; i < 3; i++)
        (void)close(fds[i]);
    rig_done(&rig);
}

/* A client that has filled the server, and another one that is held up. */
static void hold_up(struct rig *rig, const struct connections_config *config, int *ret_hog,
                    int *ret_modest)
{
    struct buf frames = {0};

    rig_init(rig, config);
    *ret_hog = rig_connect(rig);
    for (int32_t i = 0; i < config->throttle_max; i++)
        (void)send_text(rig, *ret_hog, "l");
    *ret_modest = rig_connect(rig);
    put_text(&frames, "e1");
    put_text(&frames, "e2");
    send_all(rig, *ret_modest, frames.data, frames.len);
    buf_done(&frames);
    some_turns(rig);
    EXPECT_EQ(rig->core.frames, (size_t)config->throttle_max);
}

/* The first client that connected. */
static struct core_client *hog_of(const struct rig *rig)
{
    struct core_client *client = rig->core.clients;

    while (client->next != NULL)
        client = client->next;
    return client;
}

TEST(one_request_below_the_throttle_nobody_waits)
{
    struct connections_config config = usual_config();
    struct rig rig;
    int hog, modest;

    config.throttle_max = 3;
    rig_init(&rig, &config);
    hog = send_text(&rig, send_text(&rig, rig_connect(&rig), "l"), "l");
    modest = send_text(&rig, rig_connect(&rig), "e1");
    expect_text(&rig, modest, "e1");
    EXPECT_EQ(connections_stats(rig.connections).held_up, 0);
    (void)close(hog);
    (void)close(modest);
    rig_done(&rig);
}

TEST(at_the_throttle_those_with_nothing_in_work_wait_as_well_and_go_on_by_themselves)
{
    struct connections_config config = usual_config();
    struct rig rig;
    int hog, modest;

    config.throttle_max = 3;
    hold_up(&rig, &config, &hog, &modest);
    EXPECT_EQ(connections_stats(rig.connections).held_up, 1);
    rig.core.heard = 0;
    connections_vouch(rig.connections);
    EXPECT_EQ(rig.core.heard, 1); /* its pings may be among what waits */
    answer_later(hog_of(&rig));
    expect_text(&rig, modest, "e1");
    expect_text(&rig, modest, "e2");
    (void)close(hog);
    (void)close(modest);
    rig_done(&rig);
}

TEST(those_held_up_go_on_in_their_order_and_also_when_the_one_in_work_vanishes)
{
    enum { WAITING = 5 };
    struct connections_config config = usual_config();
    struct rig rig;
    int fds[1 + WAITING];

    config.throttle_max = 1;
    rig_init(&rig, &config);
    for (int i = 0; i <= WAITING; i++) {
        fds[i] = send_text(&rig, rig_connect(&rig), "l");
        some_turns(&rig);
    }
    EXPECT_EQ(rig.core.frames, 1);
    for (size_t i = 0; i < WAITING; i++) {
        if (i == 2)
            (void)close(fds[i]);
        else
            answer_later(hog_of(&rig));
        if (i != 2) {
            expect_text(&rig, fds[i], "l");
            (void)close(fds[i]);
        }
        while (rig.core.frames < i + 2)
            rig_turn(&rig, 10);
        while (rig.core.clients_gone < i + 1)
            rig_turn(&rig, 10);
        EXPECT_EQ(rig.core.frames, i + 2);
        EXPECT_EQ(hog_of(&rig)->waiting, 1);
    }
    (void)close(fds[WAITING]);
    rig_done(&rig);
}

TEST(who_was_held_up_for_too_long_is_told_so_and_later_requests_are_served)
{
    struct connections_config config = usual_config();
    struct rig rig;
    int hog, modest;

    config.throttle_max = 2;
    config.late_ms = 70000; /* the request for a session never comes too late */
    for (int more_ms = 0; more_ms < 2; more_ms++) {
        hold_up(&rig, &config, &hog, &modest);
        rig.skipped_ms = more_ms == 0 ? 60000 : 70001;
        answer_later(hog_of(&rig));
        expect_text(&rig, modest, "e1");
        expect_text(&rig, modest, more_ms == 0 ? "e2" : "latee2");
        expect_text(&rig, send_text(&rig, modest, "e3"), "e3");
        (void)close(hog);
        (void)close(modest);
        rig_done(&rig);
    }
}

TEST(who_is_held_up_for_longer_than_its_session_lasts_is_closed_if_that_is_asked_for)
{
    struct connections_config config = usual_config();
    struct rig rig;
    int hog, modest;

    config.throttle_max = 2;
    for (int stale = 0; stale < 2; stale++) {
        config.closes_stale = stale;
        hold_up(&rig, &config, &hog, &modest);
        rig.core.timeout_ms = 30000;
        rig.skipped_ms = 20000;
        connections_vouch(rig.connections);
        EXPECT_EQ(connections_stats(rig.connections).stale, 0);
        rig.skipped_ms = 31000;
        connections_vouch(rig.connections);
        if (stale) {
            expect_end(&rig, modest);
            EXPECT_EQ(connections_stats(rig.connections).stale, 1);
            EXPECT_EQ(rig.core.frames, 2);
        } else {
            answer_later(hog_of(&rig));
            expect_text(&rig, modest, "e1");
            (void)close(modest);
        }
        (void)close(hog);
        rig_done(&rig);
    }
}

TEST(large_requests_may_take_so_many_bytes_and_small_ones_pass_by)
{
    struct connections_config config = usual_config();
    struct buf frame = {0};
    struct rig rig;
    char *payload = xcalloc(1, 1001);
    uint8_t head[4];
    int fd;

    payload[0] = ASK_ECHO;
    config.large_request_bytes = 1000;
    config.large_requests_max = 5000;
    rig_init(&rig, &config);
    fd = rig_connect(&rig);
    rig.core.large_bytes = 5000;
    put_frame(&frame, payload, 1000);
    send_all(&rig, fd, frame.data, frame.len);
    expect_echo(&rig, fd, &frame);
    rig.core.large_bytes = 3999;
    frame.len = 0;
    put_frame(&frame, payload, 1001);
    send_all(&rig, fd, frame.data, frame.len);
    expect_echo(&rig, fd, &frame);
    rig.core.large_bytes = 4000;
    store_be32(head, 1001); /* the length alone decides */
    send_all(&rig, fd, head, sizeof head);
    expect_end(&rig, fd);
    EXPECT_EQ(connections_stats(rig.connections).large_rejected, 1);
    rig_done(&rig);
    buf_done(&frame);
    free(payload);
}
