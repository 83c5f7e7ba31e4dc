/* What quotas refuse: hard limits, judged by what is committed, in Apache's place among the
 * checks; and what they only note. */
#include "tests/support/core_host.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static void make_limits(struct rig *rig, char client, const char *limits)
{
    (void)create(rig, client, "/zookeeper/quota/q", "", 0);
    (void)create(rig, client, "/zookeeper/quota/q/zookeeper_limits", limits, 0);
    (void)create(rig, client, "/zookeeper/quota/q/zookeeper_stats", "", 0);
}

/* /q with one byte of data, and a quota with these limits: six requests of 'a'. */
static void rig_with_quota(struct rig *rig, bool enforce, const char *limits)
{
    rig_config(rig);
    rig->config.enforce_quota = enforce;
    rig_start(rig);
    rig_join(rig, 'a');
    (void)create(rig, 'a', "/q", "1", 0);
    make_limits(rig, 'a', limits);
    (void)rig_said(rig);
}

/* The notes so far, all taken. */
static const char *notes(struct rig *rig, char *room, size_t size)
{
    (void)snprintf(room, size, "%.*s", (int)rig->notes.len, (const char *)rig->notes.data);
    rig->notes.len = 0;
    return room;
}

#define HARD "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3"

TEST(a_hard_limit_refuses_what_goes_over_it)
{
    struct rig rig;

    rig_with_quota(&rig, true, HARD);
    EXPECT_STR(create(&rig, 'a', "/q/1", "4567", 0), "a: reply xid=5 zxid=0x6 /q/1");
    EXPECT_STR(create(&rig, 'a', "/q/2", "890123", 0), "a: reply xid=6 zxid=0x7 err=QUOTAEXCEEDED");
    EXPECT_STR(create(&rig, 'a', "/q/2", "89012", 0), "a: reply xid=7 zxid=0x8 /q/2");
    EXPECT_STR(create(&rig, 'a', "/q/3", "", 0), "a: reply xid=8 zxid=0x9 err=QUOTAEXCEEDED");
    EXPECT_STR(create(&rig, 'a', "/qq", "no part of it", 0), "a: reply xid=9 zxid=0xa /qq");
    (void)delete (&rig, 'a', "/q/1", -1);
    EXPECT_STR(create(&rig, 'a', "/q/3", "", 0), "a: reply xid=11 zxid=0xc /q/3");
    rig_done(&rig);
}

TEST(a_quota_is_asked_before_the_version_and_after_the_rest)
{
    struct rig rig;

    rig_with_quota(&rig, true, "byteHardLimit=1;countHardLimit=1");
    EXPECT_STR(set_data(&rig, 'a', "/q", "22", 7), "a: reply xid=5 zxid=0x6 err=QUOTAEXCEEDED");
    EXPECT_STR(set_data(&rig, 'a', "/q", "2", 7), "a: reply xid=6 zxid=0x7 err=BADVERSION");
    EXPECT_STR(set_data(&rig, 'a', "/q/no", "22", 7), "a: reply xid=7 zxid=0x8 err=NONODE");
    EXPECT_STR(create(&rig, 'a', "/q", "22", 0), "a: reply xid=8 zxid=0x9 err=NODEEXISTS");
    EXPECT_STR(create(&rig, 'a', "/q/no/no", "22", 0), "a: reply xid=9 zxid=0xa err=NONODE");
    (void)set_acl(&rig, 'a', "/q", "world:anyone:r", -1);
    EXPECT_STR(set_data(&rig, 'a', "/q", "22", 7), "a: reply xid=11 zxid=0xc err=NOAUTH");
    EXPECT_STR(create(&rig, 'a', "/q/1", "22", 0), "a: reply xid=12 zxid=0xd err=NOAUTH");
    rig_done(&rig);
}

/* As Apache has it, whose usage is that of its tree. */
TEST(what_is_in_flight_does_not_count_but_for_the_size_of_the_data_replaced)
{
    struct multi multi = {{0}};
    struct rig rig;

    rig_with_quota(&rig, true, "byteHardLimit=6;countHardLimit=2");
    rig.hold = true;
    (void)create(&rig, 'a', "/q/1", "", 0);
    (void)create(&rig, 'a', "/q/2", "", 0);
    (void)set_data(&rig, 'a', "/q", "12345", -1);
    (void)set_data(&rig, 'a', "/q", "1234567890", -1);
    EXPECT_STR(
        rig_commit_all(&rig),
        "a: reply xid=5 zxid=0x6 /q/1; a: reply xid=6 zxid=0x7 /q/2; "
        "a: reply xid=7 zxid=0x8 {c=0x2 m=0x8 p=0x7 ct=1000000 v=1 cv=2 av=0 len=5 kids=2}; "
        "a: reply xid=8 zxid=0x9 {c=0x2 m=0x9 p=0x7 ct=1000000 v=2 cv=2 av=0 len=10 kids=2}");
    rig.hold = false;
    (void)delete (&rig, 'a', "/q/1", -1);
    /* Two znodes as committed: the one deleted here still counts. */
    multi_delete(&multi, "/q/2", -1);
    multi_create(&multi, "/q/3", NULL, 0);
    EXPECT_STR(multi_send(&rig, 'a', OP_MULTI, &multi),
               "a: reply xid=10 zxid=0xb (error OK, error QUOTAEXCEEDED)");
    rig_done(&rig);
}

TEST(without_enforcement_a_hard_limit_refuses_nothing)
{
    struct rig rig;
    char room[200];

    rig_with_quota(&rig, false, "count=1,bytes=1=;byteHardLimit=1;countHardLimit=1");
    EXPECT_STR(create(&rig, 'a', "/q/1", "22", 0), "a: reply xid=5 zxid=0x6 /q/1");
    EXPECT_STR(notes(&rig, room, sizeof room), "");
    rig_done(&rig);
}

TEST(a_soft_limit_is_noted_now_and_then)
{
    struct rig rig;
    char room[400];

    rig_with_quota(&rig, true, "count=1,bytes=100");
    EXPECT_STR(create(&rig, 'a', "/q/1", "22", 0), "a: reply xid=5 zxid=0x6 /q/1");
    EXPECT_STR(notes(&rig, room, sizeof room),
               "quota: over the soft limit: path=/q count=2 limit=1 unsaid=0; allowed; ");
    (void)create(&rig, 'a', "/q/2", "", 0);
    (void)create(&rig, 'a', "/q/3", "", 0);
    EXPECT_STR(notes(&rig, room, sizeof room), "");
    (void)rig_sleep(&rig, 60000);
    rig_join(&rig, 'b');
    (void)set_data(&rig, 'b', "/q", "1", -1);
    EXPECT_STR(notes(&rig, room, sizeof room), "");
    (void)create(&rig, 'b', "/q/4", "", 0);
    EXPECT_STR(notes(&rig, room, sizeof room),
               "quota: over the soft limit: path=/q count=5 limit=1 unsaid=2; allowed; ");
    rig_done(&rig);
}

TEST(limits_that_make_no_sense_limit_nothing)
{
    static const char *const texts[] = {"", "nonsense", "countHardLimit=,byteHardLimit=x", NULL};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct rig rig;

        rig_with_quota(&rig, true, texts[i]);
        EXPECT_STR(create(&rig, 'a', "/q/1", "22", 0), "a: reply xid=5 zxid=0x6 /q/1");
        rig_done(&rig);
    }
}

TEST(limits_without_stats_limit_nothing)
{
    struct rig rig;

    rig_with_quota(&rig, true, "countHardLimit=1");
    (void)delete (&rig, 'a', "/zookeeper/quota/q/zookeeper_stats", -1);
    EXPECT_STR(create(&rig, 'a', "/q/1", "", 0), "a: reply xid=6 zxid=0x7 /q/1");
    rig_done(&rig);
}
