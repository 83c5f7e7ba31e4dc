/* What clients want of each other's servers: requests, sessions, syncs, on their way between a
 * learner and its leader. */
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

static const struct script_setup fresh = {.sid = 1};

static const char *recv_request(struct script *s, uint64_t conn)
{
    return script_recv_msg(
        s, conn,
        &(struct peer_msg){.type = REQUEST, .zxid = -1, .data = blob_copy("0123456789abcdef", 16)});
}

static const char *recv_revalidate(struct script *s, uint64_t conn, int64_t session_id)
{
    return script_recv_msg(
        s, conn,
        &(struct peer_msg){
            .type = REVALIDATE, .zxid = -1, .session_id = session_id, .timeout_ms = 4000});
}

static const char *revalidate_answer(struct script *s, uint64_t conn, int64_t session_id,
                                     bool valid)
{
    zab_revalidate_answer(s->zab, conn, session_id, valid, &s->out);
    return script_told(s);
}

TEST(a_forwarded_request_comes_to_the_app_with_the_sid_of_its_server)
{
    struct script s;

    script_lead(&s, &fresh);
    EXPECT_STR(recv_request(&s, 12), "request of 2");
    EXPECT_STR(recv_request(&s, 99), ""); /* a connection that is gone */
    script_done(&s);
}

TEST(a_server_that_asks_before_uptodate_is_sent_away)
{
    struct script s;

    script_lead(&s, &fresh);
    script_accepted(&s, 13);
    script_recv_info(&s, 13, FOLLOWERINFO, 3, 1);
    script_recv_ackepoch(&s, 13, 0, 0);
    EXPECT_STR(recv_request(&s, 13), "close 13 (it asks before UPTODATE)");
    script_done(&s);
}

/* Its connection closes in a moment, and so its clients are told. */
TEST(a_leader_that_hands_over_takes_no_requests)
{
    struct script s;

    script_lead(&s, &fresh);
    script_propose(&s);
    zab_stop(s.zab, &s.out);
    EXPECT_STR(script_told(&s), "");
    EXPECT_STR(recv_request(&s, 12), "");
    EXPECT_STR(recv_revalidate(&s, 12, 7), "");
    script_done(&s);
}

TEST(a_session_that_moves_is_revalidated_by_the_leader)
{
    struct script s;

    script_lead(&s, &fresh);
    EXPECT_STR(recv_revalidate(&s, 12, 7), "revalidate of 2 0x7");
    EXPECT_STR(revalidate_answer(&s, 12, 7, true), "send 12 REVALIDATE 0x7 valid");
    EXPECT_STR(recv_revalidate(&s, 12, 8), "revalidate of 2 0x8");
    EXPECT_STR(revalidate_answer(&s, 12, 8, false), "send 12 REVALIDATE 0x8 gone");
    EXPECT_STR(recv_revalidate(&s, 12, 9), "revalidate of 2 0x9");
    script_down(&s, 12);
    EXPECT_STR(revalidate_answer(&s, 12, 9, true), ""); /* nobody waits any more */
    script_done(&s);
}

TEST(a_learner_asks_for_the_sessions_of_its_clients_and_passes_the_answer_on)
{
    struct script s;

    script_follow(&s, &fresh);
    EXPECT(zab_revalidate(s.zab, 7, 4000, &s.out));
    EXPECT_STR(script_told(&s), "send 13 REVALIDATE 0x7");
    EXPECT_STR(
        script_recv_msg(
            &s, 13,
            &(struct peer_msg){
                .type = REVALIDATE, .zxid = -1, .session_id = 7, .is_answer = true, .valid = true}),
        "revalidated 0x7 valid");
    EXPECT_STR(
        script_recv_msg(
            &s, 13,
            &(struct peer_msg){.type = REVALIDATE, .zxid = -1, .session_id = 8, .is_answer = true}),
        "revalidated 0x8 gone");
    script_done(&s);
}

TEST(sessions_that_lived_at_a_learner_reach_the_app_with_the_echo_of_a_ping)
{
    struct script s;

    script_lead(&s, &fresh);
    script_tick(&s, TICK_MS / 2);
    EXPECT_STR(
        script_recv_msg(&s, 12,
                        &(struct peer_msg){.type = PING,
                                           .zxid = 0x100000000,
                                           .data = blob_copy("\0\0\0\0\0\0\0\7\0\0\0\2", 12)}),
        "touched of 2");
    EXPECT_STR(script_recv(&s, 12, PING, 0x100000000), ""); /* none, and nobody asked */
    script_done(&s);
}

/* A question where an answer belongs would tell a client that its session is gone; an answer
 * where a question belongs would be asked of the app. */
TEST(who_asks_where_it_must_answer_or_answers_where_it_must_ask_is_left)
{
    struct script s;

    script_follow(&s, &fresh);
    EXPECT(zab_revalidate(s.zab, 7, 4000, &s.out));
    script_told(&s);
    EXPECT_STR(recv_revalidate(&s, 13, 7), "close 13 (the role ended); role LOOKING; "
                                           "notify 2 looking round 10 vote 1 0x0 epoch 1; "
                                           "notify 3 looking round 10 vote 1 0x0 epoch 1");
    script_done(&s);

    script_lead(&s, &fresh);
    EXPECT_STR(
        script_recv_msg(
            &s, 12,
            &(struct peer_msg){
                .type = REVALIDATE, .zxid = -1, .session_id = 7, .is_answer = true, .valid = true}),
        "close 12 (it answers what nobody asked)");
    script_done(&s);
}

/* ---------------------------------------------------------------- limits */

TEST(a_learner_whose_app_answers_no_ping_leaves)
{
    struct script s;

    script_follow(&s, &fresh);
    for (int i = 0; i < 16; i++)
        EXPECT_STR(script_recv(&s, 13, PING, 0), "ask-touched");
    EXPECT_STR(script_recv(&s, 13, PING, 0), "close 13 (the role ended); role LOOKING; "
                                             "notify 2 looking round 10 vote 1 0x0 epoch 1; "
                                             "notify 3 looking round 10 vote 1 0x0 epoch 1");
    script_done(&s);
}

TEST(who_lives_but_echoes_no_ping_gets_no_more_of_them)
{
    struct script s;

    script_lead(&s, &fresh);
    for (int i = 0; i < 64; i++) {
        EXPECT_STR(script_tick(&s, TICK_MS / 2), "send 12 PING 0x100000000");
        script_recv(&s, 12, ACK, 0x100000000);
    }
    EXPECT_STR(script_tick(&s, TICK_MS / 2), "");
    EXPECT_STR(script_recv(&s, 12, PING, 0), "");
    EXPECT_STR(script_tick(&s, TICK_MS / 2), "send 12 PING 0x100000000");
    script_done(&s);
}

TEST(no_more_than_65536_syncs_wait_for_an_answer)
{
    struct script s;
    struct blob *request = blob_copy("0123456789abcdef/", 17);

    script_follow(&s, &fresh);
    for (int i = 0; i < 65536; i++) {
        EXPECT(zab_forward_sync(s.zab, request, NULL, (uint64_t)i, &s.out));
        zab_actions_clear(&s.out);
    }
    EXPECT(!zab_forward_sync(s.zab, request, NULL, 1, &s.out));
    EXPECT_STR(script_told(&s), "");
    EXPECT_STR(script_recv(&s, 13, SYNC, 0), "synced 0");
    EXPECT(zab_forward_sync(s.zab, request, NULL, 1, &s.out));
    blob_unref(request);
    script_done(&s);
}

/* One learner that asks without end must not cost all the others their leader. */
TEST(a_learner_that_asks_for_more_than_65536_syncs_is_dropped_and_they_with_it)
{
    struct script s;

    script_lead(&s, &fresh);
    script_accepted(&s, 19);
    script_recv_info(&s, 19, OBSERVERINFO, 9, 1);
    script_recv_ackepoch(&s, 19, 0, 1);
    script_recv(&s, 19, ACK, 0x100000000);
    zab_sync(s.zab, 12, 0, &s.out);
    for (int i = 0; i < 65536; i++) {
        zab_sync(s.zab, 19, 0, &s.out);
        zab_actions_clear(&s.out);
    }
    zab_sync(s.zab, 0, 77, &s.out);
    zab_sync(s.zab, 19, 0, &s.out);
    EXPECT_STR(script_told(&s), "close 19 (it asks for too many syncs)");
    zab_sync(s.zab, 19, 0, &s.out); /* of a connection that is gone */
    EXPECT_STR(script_told(&s), "");
    EXPECT_STR(script_recv(&s, 12, PING, 0), "send 12 SYNC; send 12 PING 0x100000000");
    EXPECT_STR(script_recv(&s, 12, PING, 0), "synced 77");
    script_done(&s);
}

TEST(a_leader_of_which_its_clients_want_more_than_65536_syncs_steps_down)
{
    struct script s;

    script_lead(&s, &fresh);
    for (int i = 0; i < 65536; i++) {
        zab_sync(s.zab, 0, (uint64_t)i, &s.out);
        zab_actions_clear(&s.out);
    }
    zab_sync(s.zab, 0, 65536, &s.out);
    EXPECT_STR(script_told(&s), "close 12 (the leader steps down); role LOOKING; "
                                "notify 2 looking round 2 vote 1 0x0 epoch 1; "
                                "notify 3 looking round 2 vote 1 0x0 epoch 1");
    script_done(&s);
}
