/* Sessions: the handshake, coming back, and the end, as a client sees them. */
#include "server/core/session_id.h"
#include "store/tree.h"
#include "tests/support/core_host.h"
#include "tests/unit/test.h"

static const uint8_t zero_password[SESSION_PASSWORD_BYTES];

static struct zk_connect_request hello(int32_t timeout)
{
    return (struct zk_connect_request){
        .timeout = timeout,
        .passwd = {.data = zero_password, .len = SESSION_PASSWORD_BYTES},
    };
}

TEST(a_password_is_the_one_that_apache_makes_of_the_id)
{
    /* From a 3.8.0 server: tests/vectors/client.jsonl, the last lines. */
    static const struct {
        int64_t id;
        uint8_t password[SESSION_PASSWORD_BYTES];
    } seen[] = {
        {1,
         {0x05, 0x4c, 0xc7, 0x4a, 0x37, 0x32, 0x7d, 0xb2, 0x15, 0xe7, 0x02, 0xe2, 0x0c, 0x73, 0xf0,
          0x05}},
        {INT64_C(0x0100001189b60000),
         {0xc8, 0x6b, 0x31, 0xc7, 0xb5, 0xc5, 0xd5, 0xcf, 0xe6, 0x97, 0x82, 0x6e, 0x86, 0x99, 0xbd,
          0x73}},
        {INT64_MAX,
         {0x20, 0xf6, 0x2c, 0xb5, 0x64, 0x8d, 0xc2, 0xd7, 0x71, 0x47, 0x1c, 0x8a, 0x24, 0x86, 0xa9,
          0xee}},
    };

    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        uint8_t password[SESSION_PASSWORD_BYTES];

        session_password(seen[i].id, password);
        EXPECT_MEM(password, seen[i].password, sizeof password);
    }
}

TEST(a_password_must_be_right_to_the_last_byte)
{
    uint8_t password[SESSION_PASSWORD_BYTES + 1];
    struct jute_bytes given = {.data = password, .len = SESSION_PASSWORD_BYTES};

    session_password(77, password);
    EXPECT(session_password_ok(77, given));
    EXPECT(!session_password_ok(78, given));
    given.len--;
    EXPECT(!session_password_ok(77, given));
    EXPECT(!session_password_ok(77, JUTE_NULL));
    given.len = SESSION_PASSWORD_BYTES;
    password[15] ^= 1;
    EXPECT(!session_password_ok(77, given));
}

TEST(an_id_is_never_nothing_nor_the_mark_of_a_container)
{
    EXPECT_EQ(session_id_first(1, 0, 1), INT64_C(0x0100000000000000) + (1 << 16));
    EXPECT_EQ(session_id_first(1, 0xffff, 1), INT64_C(0x0100000000000000) + (1 << 16) + 0x7fff);
    EXPECT_EQ(session_id_first(0, 0, 0), 1);
    EXPECT_EQ(session_id_next(-1), 1);
    EXPECT_EQ(session_id_next(INT64_MAX), INT64_MIN + 1);
}

TEST(a_new_session_is_answered_once_it_is_committed)
{
    struct rig rig;
    struct zk_connect_request req = hello(1000);

    rig_init(&rig);
    rig.hold = true;
    rig_open(&rig, 'a');
    EXPECT_STR(rig_connect(&rig, 'a', &req), "");
    EXPECT_EQ(rig.proposal_count, 1);
    EXPECT_STR(rig_commit(&rig), "a: connected timeout=1000");
    EXPECT_EQ(tree_zxid(rig.tree), 1);
    EXPECT_EQ(core_stats(rig.core).sessions, 1);
    rig_done(&rig);
}

TEST(a_timeout_is_fitted_between_the_bounds)
{
    struct rig rig;
    struct zk_connect_request req;

    rig_init(&rig);
    rig_open(&rig, 'a');
    req = hello(-5);
    EXPECT_STR(rig_connect(&rig, 'a', &req), "a: connected timeout=200");
    rig_open(&rig, 'b');
    req = hello(0);
    EXPECT_STR(rig_connect(&rig, 'b', &req), "b: connected timeout=200");
    rig_open(&rig, 'c');
    req = hello(INT32_MAX);
    EXPECT_STR(rig_connect(&rig, 'c', &req), "c: connected timeout=2000");
    rig_done(&rig);
}

TEST(a_client_that_leaves_the_readonly_flag_out_gets_none)
{
    struct rig rig;
    struct zk_connect_request req = hello(1000);

    rig_init(&rig);
    req.read_only = -1;
    rig_open(&rig, 'a');
    EXPECT_STR(rig_connect(&rig, 'a', &req), "a: connected timeout=1000 readOnly=-1");
    req.read_only = 1;
    rig_open(&rig, 'b');
    EXPECT_STR(rig_connect(&rig, 'b', &req), "b: connected timeout=1000");
    rig_done(&rig);
}

TEST(a_first_frame_that_is_no_connect_request_closes)
{
    struct rig rig;

    rig_init(&rig);
    rig_open(&rig, 'a');
    EXPECT_STR(ping(&rig, 'a'), "a: closed: malformed connect request");
    rig_open(&rig, 'b');
    EXPECT_STR(rig_frame(&rig, 'b', "", 0), "b: closed: malformed connect request");
    EXPECT_STR(ping(&rig, 'b'), "");
    rig_done(&rig);
}

TEST(a_client_that_has_seen_more_than_this_server_must_try_another)
{
    struct rig rig;
    struct zk_connect_request req = hello(1000);

    rig_init(&rig);
    req.last_zxid_seen = 1;
    rig_open(&rig, 'a');
    EXPECT_STR(rig_connect(&rig, 'a', &req), "a: closed: client has seen a later state");
    req.last_zxid_seen = -1;
    rig_open(&rig, 'b');
    EXPECT_STR(rig_connect(&rig, 'b', &req), "b: connected timeout=1000");
    req.last_zxid_seen = 1;
    rig_open(&rig, 'c');
    EXPECT_STR(rig_connect(&rig, 'c', &req), "c: connected timeout=1000");
    rig_done(&rig);
}

TEST(what_comes_before_the_session_is_ready_is_answered_after_it_in_order)
{
    struct rig rig;
    struct zk_connect_request req = hello(1000);

    rig_init(&rig);
    rig.hold = true;
    rig_open(&rig, 'a');
    (void)rig_connect(&rig, 'a', &req);
    EXPECT_STR(exists(&rig, 'a', "/x", false), "");
    EXPECT_STR(create(&rig, 'a', "/x", "1", 0), "");
    EXPECT_STR(exists(&rig, 'a', "/x", false), "");
    EXPECT_EQ(core_client_outstanding(rig_client(&rig, 'a')->client).requests, 4);
    EXPECT_STR(rig_commit(&rig), "a: connected timeout=1000; a: reply xid=1 zxid=0x1 err=NONODE");
    EXPECT_STR(rig_commit(&rig),
               "a: reply xid=2 zxid=0x2 /x; "
               "a: reply xid=3 zxid=0x2 {c=0x2 ct=1000000 v=0 cv=0 av=0 len=1 kids=0}");
    rig_done(&rig);
}

TEST(a_session_comes_back_with_its_id_and_password)
{
    struct rig rig;
    struct rig_client a;

    rig_init(&rig);
    rig_join(&rig, 'a');
    a = *rig_client(&rig, 'a');
    rig_gone(&rig, 'a');
    EXPECT_STR(rig_reattach(&rig, 'b', &a), "b: connected timeout=2000");
    EXPECT_EQ(rig_client(&rig, 'b')->session_id, a.session_id);
    EXPECT_MEM(rig_client(&rig, 'b')->password, a.password, SESSION_PASSWORD_BYTES);
    EXPECT_EQ(rig.last_zxid, 1);
    rig_done(&rig);
}

TEST(a_session_that_comes_back_closes_its_older_connection)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    EXPECT_STR(rig_reattach(&rig, 'b', rig_client(&rig, 'a')),
               "a: closed: its session moved to another connection; b: connected timeout=2000");
    EXPECT_STR(ping(&rig, 'a'), "");
    EXPECT_STR(ping(&rig, 'b'), "b: reply xid=-2 zxid=0x1");
    rig_done(&rig);
}

TEST(a_wrong_password_is_answered_as_expired_and_disturbs_nobody)
{
    struct rig rig;
    struct rig_client a;

    rig_init(&rig);
    rig_join(&rig, 'a');
    a = *rig_client(&rig, 'a');
    a.password[3] ^= 1;
    EXPECT_STR(rig_reattach(&rig, 'b', &a),
               "b: expired; b: closed: session expired, or wrong password");
    EXPECT_STR(ping(&rig, 'a'), "a: reply xid=-2 zxid=0x1");
    rig_done(&rig);
}

TEST(a_session_that_never_was_is_expired)
{
    struct rig rig;
    struct rig_client unknown = {.session_id = 77};

    rig_init(&rig);
    session_password(77, unknown.password);
    EXPECT_STR(rig_reattach(&rig, 'a', &unknown),
               "a: expired; a: closed: session expired, or wrong password");
    rig_done(&rig);
}

TEST(a_commit_for_a_connection_that_moved_is_not_told_to_the_new_one)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    EXPECT_STR(create(&rig, 'a', "/x", "1", 0), "");
    (void)rig_reattach(&rig, 'b', rig_client(&rig, 'a'));
    EXPECT_STR(create(&rig, 'b', "/y", "1", 0), "");
    EXPECT_STR(rig_commit(&rig), "");
    EXPECT_STR(rig_commit(&rig), "b: reply xid=1 zxid=0x3 /y");
    rig_done(&rig);
}

TEST(closing_is_answered_then_the_connection_ends_and_what_follows_is_not_heard)
{
    struct rig rig;
    struct rig_client a;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    EXPECT_STR(create(&rig, 'a', "/e", "", CREATE_EPHEMERAL), "");
    EXPECT_STR(close_session(&rig, 'a'), "");
    EXPECT_STR(ping(&rig, 'a'), "");
    EXPECT_STR(rig_commit(&rig), "a: reply xid=1 zxid=0x2 /e");
    a = *rig_client(&rig, 'a');
    EXPECT_STR(rig_commit(&rig), "a: reply xid=2 zxid=0x3; a: closed: session closed");
    EXPECT_EQ(core_stats(rig.core).sessions, 0);
    EXPECT_STR(rig_reattach(&rig, 'b', &a),
               "b: expired; b: closed: session expired, or wrong password");
    rig_done(&rig);
}

TEST(the_end_of_a_session_takes_its_ephemerals_those_in_flight_too)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig_join(&rig, 'b');
    (void)create(&rig, 'a', "/dir", "", 0);
    (void)create(&rig, 'a', "/dir/old", "", CREATE_EPHEMERAL);
    (void)create(&rig, 'a', "/dir/gone", "", CREATE_EPHEMERAL);
    (void)create(&rig, 'a', "/dir/again", "", CREATE_EPHEMERAL);
    (void)create(&rig, 'a', "/dir/taken", "", CREATE_EPHEMERAL);
    rig.hold = true;
    (void)create(&rig, 'a', "/dir/new", "", CREATE_EPHEMERAL);
    (void)delete (&rig, 'b', "/dir/gone", -1);
    (void)delete (&rig, 'a', "/dir/again", -1);
    (void)create(&rig, 'a', "/dir/again", "", CREATE_EPHEMERAL);
    (void)delete (&rig, 'b', "/dir/taken", -1);
    (void)create(&rig, 'b', "/dir/taken", "", CREATE_EPHEMERAL);
    (void)close_session(&rig, 'a');
    (void)rig_commit_all(&rig);
    EXPECT_STR(get_children(&rig, 'b', "/dir", false), "b: reply xid=4 zxid=0xe [taken]");
    EXPECT_EQ(tree_ephemeral_count(rig.tree), 1);
    rig_done(&rig);
}

TEST(a_silent_session_ends_never_early_and_at_most_a_tick_late)
{
    for (int64_t phase = 0; phase < 100; phase += 33) {
        struct rig rig;
        struct zk_connect_request req = hello(300);

        rig_init(&rig);
        rig.now.mono_ms += phase;
        rig_open(&rig, 'a');
        (void)rig_connect(&rig, 'a', &req);
        EXPECT_STR(rig_sleep(&rig, 300), "");
        EXPECT_STR(rig_sleep(&rig, 100), "a: closed: session closed");
        EXPECT_EQ(core_stats(rig.core).sessions_expired, 1);
        rig_done(&rig);
    }
}

TEST(any_request_keeps_a_session_alive)
{
    struct rig rig;
    struct zk_connect_request req = hello(300);

    rig_init(&rig);
    rig_open(&rig, 'a');
    (void)rig_connect(&rig, 'a', &req);
    for (int i = 0; i < 10; i++) {
        EXPECT_STR(rig_sleep(&rig, 250), "");
        (void)ping(&rig, 'a');
    }
    EXPECT_STR(rig_sleep(&rig, 400), "a: closed: session closed");
    rig_done(&rig);
}

TEST(a_lost_connection_does_not_end_the_session_its_timeout_does)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'b');
    rig_open(&rig, 'a');
    (void)rig_connect(&rig, 'a', &(struct zk_connect_request){.timeout = 1000});
    (void)create(&rig, 'a', "/e", "", CREATE_EPHEMERAL);
    (void)exists(&rig, 'b', "/e", true);
    rig_gone(&rig, 'a');
    EXPECT_STR(rig_sleep(&rig, 1000), "");
    EXPECT_STR(rig_sleep(&rig, 100), "b: event deleted /e zxid=0x4");
    rig_done(&rig);
}

TEST(the_timeout_is_negotiated_anew_when_a_session_comes_back)
{
    struct rig rig;
    struct rig_client a;
    struct zk_connect_request req = hello(200);

    rig_init(&rig);
    rig_join(&rig, 'a');
    a = *rig_client(&rig, 'a');
    req.session_id = a.session_id;
    req.passwd.data = a.password;
    rig_open(&rig, 'b');
    EXPECT_STR(rig_connect(&rig, 'b', &req),
               "a: closed: its session moved to another connection; b: connected timeout=200");
    EXPECT_STR(rig_sleep(&rig, 300), "b: closed: session closed");
    rig_done(&rig);
}

TEST(a_session_outlives_a_restart_with_its_full_timeout)
{
    struct rig rig;
    struct rig_client a;

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)create(&rig, 'a', "/e", "", CREATE_EPHEMERAL);
    a = *rig_client(&rig, 'a');
    (void)rig_sleep(&rig, 1900);
    rig_restart(&rig);
    EXPECT_STR(rig_sleep(&rig, 1900), "");
    EXPECT_STR(rig_reattach(&rig, 'b', &a), "b: connected timeout=2000");
    EXPECT_STR(exists(&rig, 'b', "/e", false),
               "b: reply xid=1 zxid=0x2 {c=0x2 ct=1000000 v=0 cv=0 av=0 "
               "own=0x100000000010000 len=0 kids=0}");
    rig_done(&rig);
}

TEST(a_restarted_server_gives_no_session_id_twice)
{
    struct rig rig;
    int64_t old_id;

    rig_init(&rig);
    rig_join(&rig, 'a');
    old_id = rig_client(&rig, 'a')->session_id;
    rig_restart(&rig);
    rig.config.first_session_id = old_id;
    rig_restart(&rig);
    rig_join(&rig, 'b');
    EXPECT(rig_client(&rig, 'b')->session_id != old_id);
    rig_done(&rig);
}

TEST(a_request_of_a_session_whose_end_is_decided_is_not_looked_at)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig.hold = true;
    (void)rig_sleep(&rig, 2100);
    EXPECT_EQ(rig.proposal_count, 1);
    EXPECT_STR(create(&rig, 'a', "/x", "", 0), "");
    EXPECT_EQ(rig.proposal_count, 1);
    EXPECT_STR(rig_commit(&rig), "a: closed: session closed");
    rig_done(&rig);
}

TEST(create_session_is_no_operation_for_clients)
{
    struct rig rig;

    rig_init(&rig);
    rig_join(&rig, 'a');
    EXPECT_STR(rig_request(&rig, 'a', OP_CREATE_SESSION, NULL),
               "a: reply xid=1 zxid=-1 err=UNIMPLEMENTED; a: closed: unknown operation");
    rig_done(&rig);
}

/* A leader that has been deposed may never get it committed: then the session is alive. */
TEST(a_session_counts_as_expired_only_when_its_end_is_committed)
{
    struct rig rig;
    struct rig_client a;

    rig_init(&rig);
    rig_join(&rig, 'a');
    a = *rig_client(&rig, 'a');
    rig_gone(&rig, 'a');
    rig.hold = true;
    EXPECT_STR(rig_sleep(&rig, 3000), "");
    EXPECT_STR(rig_reattach(&rig, 'b', &a), "b: closed: its session is being closed");
    rig_gone(&rig, 'b');
    (void)rig_commit_all(&rig);
    EXPECT_STR(rig_reattach(&rig, 'b', &a),
               "b: expired; b: closed: session expired, or wrong password");
    rig_done(&rig);
}
