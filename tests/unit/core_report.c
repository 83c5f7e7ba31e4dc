/* What the core tells operators about watches, sessions and ephemerals, slice by slice, while
 * the server goes on. */
#include "server/core/core_report.h"
#include "tests/support/core_host.h"
#include "tests/unit/test.h"

#include <inttypes.h>
#include <string.h>

#define ONE_STEP 1

struct told {
    struct rig *rig;
    struct buf text;
};

/* Sessions by the letter of their client. */
static char letter_of(const struct rig *rig, int64_t session_id)
{
    for (int i = 0; i < RIG_CLIENTS_MAX; i++)
        if (rig->clients[i].session_id == session_id)
            return rig->clients[i].name;
    return '?';
}

static void on_item(void *arg, enum core_report_item item, int64_t number, size_t count,
                    struct jute_bytes path)
{
    static const char *const names[] = {
        [REPORT_WATCHERS] = "watchers", [REPORT_WATCHED_PATHS] = "paths",
        [REPORT_WATCHES] = "watches",   [REPORT_OWNERS] = "owners",
        [REPORT_EXPIRY] = "expiry",     [REPORT_SESSIONS] = "sets",
    };
    struct told *told = arg;

    switch (item) {
    case REPORT_SESSION:
    case REPORT_OWNER:
        buf_printf(&told->text, "%c%s ", letter_of(told->rig, number),
                   item == REPORT_OWNER ? ":" : "");
        break;
    case REPORT_PATH:
        buf_printf(&told->text, "%.*s ", (int)path.len, (const char *)path.data);
        break;
    default:
        buf_printf(&told->text, "%s=%" PRId64, names[item], number);
        if (count > 0)
            buf_printf(&told->text, "/%zu", count);
        buf_printf(&told->text, " ");
    }
}

static const char *report(struct told *told, enum core_report_kind kind)
{
    struct core_report *r = core_report_begin(told->rig->core, kind, &told->rig->now);

    told->text.len = 0;
    while (core_report_next(r, ONE_STEP, on_item, told))
        ;
    core_report_end(r);
    return buf_cstr(&told->text);
}

TEST(watches_of_data_are_told_and_those_of_children_are_not)
{
    struct rig rig;
    struct told told = {.rig = &rig};

    rig_init(&rig);
    rig_join(&rig, 'a');
    rig_join(&rig, 'b');
    (void)create(&rig, 'a', "/x", "", 0);
    EXPECT_STR(report(&told, CORE_REPORT_WATCH_TOTALS), "watchers=0 paths=0 watches=0 ");
    EXPECT_STR(report(&told, CORE_REPORT_WATCHES_BY_SESSION), "");
    (void)get_children(&rig, 'b', "/x", true);
    EXPECT_STR(report(&told, CORE_REPORT_WATCHES_BY_PATH), "");
    (void)get_data(&rig, 'a', "/x", true);
    EXPECT_STR(report(&told, CORE_REPORT_WATCHES_BY_SESSION), "a /x ");
    EXPECT_STR(report(&told, CORE_REPORT_WATCHES_BY_PATH), "/x a ");
    EXPECT_STR(report(&told, CORE_REPORT_WATCH_TOTALS), "watchers=1 paths=1 watches=1 ");
    (void)get_data(&rig, 'b', "/x", true);
    (void)exists(&rig, 'b', "/y", true);
    EXPECT_STR(report(&told, CORE_REPORT_WATCH_TOTALS), "watchers=2 paths=2 watches=3 ");
    EXPECT_EQ(core_stats(rig.core).watches, 4); /* as mntr counts */
    rig_done(&rig);
    buf_done(&told.text);
}

TEST(sessions_are_told_in_the_order_of_their_end_and_owners_with_their_ephemerals)
{
    struct rig rig;
    struct told told = {.rig = &rig};

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)rig_sleep(&rig, 300);
    rig_join(&rig, 'b');
    (void)create(&rig, 'b', "/2", "", CREATE_EPHEMERAL);
    (void)create(&rig, 'b', "/1", "", CREATE_EPHEMERAL);
    (void)report(&told, CORE_REPORT_SESSIONS);
    EXPECT(strncmp(buf_cstr(&told.text), "sets=2/2 expiry=", 16) == 0);
    EXPECT(strstr(buf_cstr(&told.text), "/1 a expiry=") != NULL);
    EXPECT(strstr(buf_cstr(&told.text), "/1 b owners=1 b: /2 /1 ") != NULL);
    rig_done(&rig);
    buf_done(&told.text);
}

/* Takes slices until the report has told END. */
static void report_until(struct told *told, struct core_report *r, const char *end)
{
    while (strstr(buf_cstr(&told->text), end) == NULL)
        EXPECT(core_report_next(r, ONE_STEP, on_item, told));
}

static const char *rest_of(struct told *told, struct core_report *r)
{
    told->text.len = 0;
    while (core_report_next(r, ONE_STEP, on_item, told))
        ;
    core_report_end(r);
    return buf_cstr(&told->text);
}

TEST(an_ephemeral_that_goes_while_it_is_next_does_not_end_the_list)
{
    struct rig rig;
    struct told told = {.rig = &rig};
    struct core_report *r;

    rig_init(&rig);
    rig_join(&rig, 'a');
    for (char path[] = "/e1"; path[2] <= '4'; path[2]++)
        (void)create(&rig, 'a', path, "", CREATE_EPHEMERAL);
    r = core_report_begin(rig.core, CORE_REPORT_SESSIONS, &rig.now);
    report_until(&told, r, "/e1 ");
    (void)delete (&rig, 'a', "/e2", -1);
    EXPECT_STR(rest_of(&told, r), "/e3 /e4 ");
    rig_done(&rig);
    buf_done(&told.text);
}

TEST(a_session_that_goes_with_its_watches_in_the_middle_of_a_report)
{
    struct rig rig;
    struct told told = {.rig = &rig};
    struct core_report *r;

    rig_init(&rig);
    rig_join(&rig, 'a');
    (void)exists(&rig, 'a', "/1", true);
    (void)exists(&rig, 'a', "/2", true);
    (void)exists(&rig, 'a', "/3", true);
    r = core_report_begin(rig.core, CORE_REPORT_WATCHES_BY_SESSION, &rig.now);
    report_until(&told, r, "a /3 ");
    rig_gone(&rig, 'a');
    EXPECT_STR(rest_of(&told, r), "");
    rig_done(&rig);
    buf_done(&told.text);
}

TEST(the_digest_is_kept_for_every_128th_zxid)
{
    struct rig rig;
    uint64_t digest;
    zk_zxid zxid;

    rig_init(&rig);
    rig_join(&rig, 'a');
    while (rig.last_zxid < 127)
        (void)set_data(&rig, 'a', "/", "", -1);
    EXPECT(!core_digest_logged(rig.core, 0, &zxid, &digest));
    (void)set_data(&rig, 'a', "/", "", -1);
    EXPECT(core_digest_logged(rig.core, 0, &zxid, &digest));
    EXPECT_EQ(zxid, 128);
    while (rig.last_zxid < 128 * 1025)
        (void)set_data(&rig, 'a', "/", "", -1);
    EXPECT(core_digest_logged(rig.core, 0, &zxid, &digest));
    EXPECT_EQ(zxid, 256); /* the oldest made room */
    EXPECT(core_digest_logged(rig.core, 1023, &zxid, &digest));
    EXPECT_EQ(zxid, 128 * 1025);
    EXPECT(!core_digest_logged(rig.core, 1024, &zxid, &digest));
    rig_done(&rig);
}
