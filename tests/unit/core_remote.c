/* What learners send a leader is checked as anything that comes in. */
#include "server/core/session_id.h"
#include "server/core/verdicts.h"
#include "tests/support/core_ensemble.h"
#include "tests/unit/test.h"

#define CONN 99
#define SID_5 INT64_C(0x0500000000000001)

static struct buf head(int64_t session_id, int32_t cxid, int32_t op)
{
    struct buf b = {0};

    put_forwarded_request(
        &b, &(struct zk_forwarded_request){.session_id = session_id, .cxid = cxid, .op = op});
    return b;
}

/* Ends B. */
static bool request_on(struct trio *trio, uint64_t conn, struct buf *b, const struct buf *auth)
{
    struct rig *leader = trio_rig(trio, trio->leader);
    struct blob *data = blob_copy(b->data, b->len);
    struct blob *who = auth == NULL ? NULL : blob_copy(auth->data, auth->len);
    bool fine = core_request(leader->core, conn, data, who, &leader->now);

    blob_unref(data);
    blob_unref(who);
    buf_done(b);
    return fine;
}

static bool request(struct trio *trio, struct buf *b, const struct buf *auth)
{
    return request_on(trio, CONN, b, auth);
}

/* What the last proposal says: its type, and the error of an error. */
static int32_t proposed_type(const struct trio *trio)
{
    return (int32_t)load_be32(trio->history[trio->proposed - 1]->data + 28);
}

static int32_t proposed_error(const struct trio *trio)
{
    return proposed_type(trio) == OP_ERROR
               ? (int32_t)load_be32(trio->history[trio->proposed - 1]->data + 32)
               : ZOK;
}

static bool make_session(struct trio *trio, int64_t id, int32_t timeout_ms)
{
    struct buf b = head(id, 0, OP_CREATE_SESSION);

    put_i32(&b, timeout_ms);
    return request(trio, &b, NULL);
}

TEST(bytes_that_make_no_request_are_not_taken)
{
    struct trio trio;
    struct buf b = head(SID_5, 1, OP_CREATE), auth = {0};

    trio_init(&trio, NULL);
    b.len--;
    EXPECT(!request(&trio, &b, NULL));
    b = (struct buf){0};
    EXPECT(!request(&trio, &b, NULL));
    put_i32(&auth, 1000000); /* so many ids, and none there */
    b = head(SID_5, 1, OP_CREATE);
    EXPECT(!request(&trio, &b, &auth));
    auth.len = 0;
    put_i32(&auth, 0);
    put_i32(&auth, 0); /* more than the ids */
    b = head(SID_5, 1, OP_CREATE);
    EXPECT(!request(&trio, &b, &auth));
    buf_done(&auth);
    EXPECT_EQ(trio.proposed, 0);
    trio_done(&trio);
}

TEST(a_request_of_nobody_is_refused_as_a_txn)
{
    struct trio trio;
    struct buf b = head(SID_5, 7, OP_CREATE);

    trio_init(&trio, NULL);
    EXPECT(request(&trio, &b, NULL));
    EXPECT_EQ(proposed_error(&trio), ZSESSIONEXPIRED);
    b = head(SID_5, 7, OP_CLOSE_SESSION);
    EXPECT(request(&trio, &b, NULL));
    EXPECT_EQ(proposed_error(&trio), ZSESSIONEXPIRED);
    EXPECT_EQ(trio.proposed, 2);
    trio_done(&trio);
}

TEST(what_is_no_write_is_refused_as_unknown)
{
    static const int32_t ops[] = {OP_GET_DATA, OP_PING, OP_AUTH, OP_CHECK, 12345, 0, -1};
    struct trio trio;

    trio_init(&trio, NULL);
    EXPECT(make_session(&trio, SID_5, 1000));
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        struct buf b = head(SID_5, 7, ops[i]);

        EXPECT(request(&trio, &b, NULL));
        EXPECT_EQ(proposed_error(&trio), ZUNIMPLEMENTED);
    }
    trio_done(&trio);
}

TEST(a_body_that_cannot_be_decoded_is_refused_as_a_txn)
{
    struct trio trio;
    struct buf b = head(SID_5, 7, OP_CREATE);

    trio_init(&trio, NULL);
    EXPECT(make_session(&trio, SID_5, 1000));
    put_i32(&b, 1 << 30); /* the length of a path */
    EXPECT(request(&trio, &b, NULL));
    EXPECT_EQ(proposed_error(&trio), ZMARSHALLINGERROR);
    trio_done(&trio);
}

/* An ephemeral of session 0 would be none, and others would be containers. */
TEST(a_session_is_not_made_with_an_id_that_means_something_else)
{
    static const int64_t ids[] = {0, INT64_MIN, -1, (int64_t)UINT64_C(0xff00000000000001)};
    struct trio trio;

    trio_init(&trio, NULL);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        EXPECT(make_session(&trio, ids[i], 1000));
        EXPECT_EQ(proposed_error(&trio), ZBADARGUMENTS);
    }
    EXPECT(make_session(&trio, SID_5, 0));
    EXPECT_EQ(proposed_error(&trio), ZBADARGUMENTS);
    EXPECT(make_session(&trio, SID_5, INT32_MIN));
    EXPECT_EQ(proposed_error(&trio), ZBADARGUMENTS);
    EXPECT(make_session(&trio, SID_5, INT32_MAX));
    EXPECT_EQ(proposed_type(&trio), OP_CREATE_SESSION);
    trio_done(&trio);
}

TEST(a_session_is_made_once)
{
    struct trio trio;
    struct buf b = head(SID_5, 0, OP_CREATE_SESSION);

    trio_init(&trio, NULL);
    EXPECT(make_session(&trio, SID_5, 1000));
    EXPECT(make_session(&trio, SID_5, 1000));
    EXPECT_EQ(proposed_error(&trio), ZBADARGUMENTS);
    put_i32(&b, 1000);
    b.len--;
    EXPECT(request(&trio, &b, NULL));
    EXPECT_EQ(proposed_error(&trio), ZBADARGUMENTS);
    trio_done(&trio);
}

static void with_ids_of_ttl_znodes(struct rig *rig)
{
    rig->config.first_session_id = session_id_first(1, 0, 0xff);
}

/* The error that SID_5 gets on CONN for a request that is well-formed down to its body. */
static int32_t ask(struct trio *trio, uint64_t conn)
{
    struct buf b = head(SID_5, 7, OP_CREATE);

    EXPECT(request_on(trio, conn, &b, NULL));
    return proposed_error(trio);
}

TEST(a_session_belongs_to_the_learner_that_made_it)
{
    struct trio trio;

    trio_init(&trio, NULL);
    EXPECT(make_session(&trio, SID_5, 1000));
    EXPECT_EQ(ask(&trio, CONN + 1), ZSESSIONMOVED);
    EXPECT_EQ(ask(&trio, CONN), ZMARSHALLINGERROR);
    trio_done(&trio);
}

/* A new leader does not know: its learner's client may not have been away. */
TEST(under_a_new_leader_a_session_belongs_to_the_first_who_asks_in_its_name)
{
    struct trio trio;

    trio_init(&trio, NULL);
    EXPECT(make_session(&trio, SID_5, 1000));
    (void)trio_settle(&trio);
    /* The last of them made it, but that was before. */
    for (int leader = 1; leader >= 0; leader--) {
        uint64_t conn = CONN + 1 + (uint64_t)leader;

        (void)trio_elect(&trio, leader);
        EXPECT_EQ(ask(&trio, conn), ZMARSHALLINGERROR);
        EXPECT_EQ(ask(&trio, CONN), ZSESSIONMOVED);
        EXPECT_EQ(ask(&trio, conn), ZMARSHALLINGERROR);
    }
    trio_done(&trio);
}

TEST(a_write_through_a_learner_keeps_its_session_alive)
{
    struct trio trio;

    trio_init(&trio, NULL);
    EXPECT(make_session(&trio, SID_5, 1000));
    (void)trio_settle(&trio);
    (void)trio_sleep(&trio, 800);
    (void)ask(&trio, CONN);
    (void)trio_sleep(&trio, 800);
    (void)trio_settle(&trio);
    EXPECT_EQ(core_stats(trio_rig(&trio, 0)->core).sessions, 1);
    trio_done(&trio);
}

TEST(a_client_whose_session_is_not_made_is_closed_and_leaves_nothing)
{
    struct trio trio;
    struct rig *rig;

    trio_init(&trio, with_ids_of_ttl_znodes);
    rig = trio_rig(&trio, 1);
    rig_open(rig, 'a');
    (void)rig_connect(rig, 'a', &(struct zk_connect_request){.timeout = 2000});
    EXPECT_STR(trio_settle(&trio), "a: closed: the leader did not make a session");
    for (int i = 0; i < TRIO; i++)
        EXPECT_EQ(core_stats(trio_rig(&trio, i)->core).sessions, 0);
    trio_done(&trio);
}

TEST(records_of_sessions_must_be_whole)
{
    struct trio trio;
    struct rig *leader;
    struct blob *bad;
    struct buf b = {0};

    trio_init(&trio, NULL);
    leader = trio_rig(&trio, 0);
    put_session_timeout(&b, &(struct zk_session_timeout){.session_id = SID_5, .timeout = -5});
    bad = blob_copy(b.data, b.len);
    EXPECT(core_sessions_touched(leader->core, bad, &leader->now)); /* unknown: no matter */
    EXPECT(make_session(&trio, SID_5, 1000));
    EXPECT(core_sessions_touched(leader->core, bad, &leader->now)); /* keeps its timeout */
    blob_unref(bad);
    bad = blob_copy(b.data, b.len - 1);
    EXPECT(!core_sessions_touched(leader->core, bad, &leader->now));
    blob_unref(bad);
    buf_done(&b);
    (void)trio_settle(&trio);
    (void)trio_sleep(&trio, 900);
    EXPECT_EQ(core_stats(leader->core).sessions, 1);
    (void)trio_sleep(&trio, 300);
    (void)trio_settle(&trio);
    EXPECT_EQ(core_stats(leader->core).sessions, 0);
    trio_done(&trio);
}

static bool revalidate_on(struct trio *trio, uint64_t conn, int64_t session_id)
{
    struct rig *leader = trio_rig(trio, trio->leader);

    return core_revalidate(leader->core, conn, session_id, 1000, &leader->now);
}

static bool revalidate(struct trio *trio, int64_t session_id)
{
    return revalidate_on(trio, CONN, session_id);
}

/* How many answers are on their way to server 1 when the leader has its sync of COOKIE. */
static size_t answers_after_sync(struct trio *trio, uint64_t cookie)
{
    struct rig *leader = trio_rig(trio, trio->leader);

    core_synced(leader->core, cookie, &leader->now);
    return trio->servers[1].in.count;
}

/* A sync under way may have been confirmed by those who have gone over to another leader since. */
TEST(that_a_session_is_unknown_is_confirmed_by_a_sync_begun_after_the_question)
{
    struct trio trio;
    uint64_t conn;

    trio_init(&trio, NULL);
    conn = trio.servers[1].conn;
    EXPECT(revalidate_on(&trio, conn, SID_5));
    EXPECT(revalidate_on(&trio, conn, SID_5 + 1));
    EXPECT_EQ(answers_after_sync(&trio, 1), 1);
    EXPECT_EQ(answers_after_sync(&trio, 2), 2);
    trio_done(&trio);
}

TEST(a_sync_of_an_earlier_leadership_confirms_nothing_and_holds_nothing_up)
{
    struct trio trio;

    trio_init(&trio, NULL);
    EXPECT(revalidate_on(&trio, trio.servers[1].conn, SID_5));
    (void)trio_elect(&trio, 0);
    EXPECT(revalidate_on(&trio, trio.servers[1].conn, SID_5));
    EXPECT_EQ(answers_after_sync(&trio, 1), 0);
    EXPECT_EQ(answers_after_sync(&trio, 2), 1);
    trio_done(&trio);
}

/* A doubt becomes a verdict when the session turns out to be there: so they share their room, or
 * its client would get no answer at all. */
TEST(no_more_sessions_are_asked_about_than_can_be_answered)
{
    struct trio trio;

    trio_init(&trio, NULL);
    EXPECT(make_session(&trio, SID_5, 1000));
    EXPECT(revalidate(&trio, SID_5)); /* waits: the session is not decided yet */
    for (int64_t i = 1; i < (int64_t)VERDICTS_MAX; i++)
        EXPECT(revalidate(&trio, SID_5 + i));
    EXPECT(!revalidate(&trio, SID_5));
    EXPECT(!revalidate(&trio, SID_5 + 1));
    EXPECT(make_session(&trio, SID_5 + 1, 1000));
    (void)trio_settle(&trio);
    EXPECT(revalidate(&trio, SID_5));
    EXPECT(revalidate(&trio, SID_5 + 2));
    trio_done(&trio);
}

TEST(those_who_asked_an_earlier_leadership_take_no_room_in_the_next)
{
    struct trio trio;

    trio_init(&trio, NULL);
    for (int64_t known = 0; known < 2; known++) {
        if (known)
            EXPECT(make_session(&trio, SID_5, 1000));
        for (size_t i = 0; i < VERDICTS_MAX; i++)
            EXPECT(revalidate(&trio, SID_5));
        EXPECT(!revalidate(&trio, SID_5));
        (void)trio_elect(&trio, 0);
        EXPECT(revalidate(&trio, SID_5));
        (void)trio_elect(&trio, 0);
    }
    trio_done(&trio);
}

TEST(what_comes_for_another_role_is_left_alone)
{
    struct trio trio;
    struct rig *learner;
    struct buf b = {0};
    struct blob *nothing;

    trio_init(&trio, NULL);
    learner = trio_rig(&trio, 1);
    nothing = blob_copy("", 0);
    EXPECT(core_request(learner->core, CONN, nothing, NULL, &learner->now));
    EXPECT(core_revalidate(learner->core, CONN, SID_5, 1000, &learner->now));
    EXPECT(core_sessions_touched(learner->core, nothing, &learner->now));
    blob_unref(nothing);
    buf_done(&b);
    core_revalidated(learner->core, SID_5, true, 0, &learner->now);
    core_revalidated(trio_rig(&trio, 0)->core, SID_5, false, 0, &learner->now);
    core_synced(learner->core, 1, &learner->now);
    EXPECT_EQ(trio.proposed, 0);
    EXPECT_STR(trio_settle(&trio), "");
    trio_done(&trio);
}
