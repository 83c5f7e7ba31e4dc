/* The end of the log in memory, and the marks along it. */
#include "proto/txn.h"
#include "replication/window.h"
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

static void append(struct window *h, zk_zxid zxid)
{
    struct blob *txn = script_txn(zxid);

    window_append(h, txn);
    blob_unref(txn);
}

/* The last zxid applied; 0 when none could be. */
static zk_zxid apply_all(struct window *h)
{
    struct blob *txn;
    zk_zxid zxid = 0;

    while ((txn = window_apply_next(h)) != NULL)
        zxid = txn_zxid(txn->data);
    return zxid;
}

TEST(what_may_follow_a_zxid)
{
    EXPECT(zxid_follows(0x100000001, 0x100000002));
    EXPECT(zxid_follows(0x100000000, 0x100000001));
    EXPECT(zxid_follows(0x100000007, 0x300000001));
    EXPECT(!zxid_follows(0x100000001, 0x100000001));
    EXPECT(!zxid_follows(0x100000001, 0x100000003));
    EXPECT(!zxid_follows(0x100000007, 0x200000002));
    EXPECT(!zxid_follows(0x200000007, 0x100000008));
    EXPECT(!zxid_follows(0x1ffffffff, 0x200000000)); /* that names no txn */
    EXPECT(zxid_follows(0x1ffffffff, 0x200000001));
}

TEST(only_what_is_committed_and_durable_is_applied)
{
    struct window h;

    window_init(&h, 0x100000000);
    for (uint32_t i = 1; i <= 5; i++)
        append(&h, zxid_make(1, i));
    EXPECT_EQ(apply_all(&h), 0);
    h.committed = 0x100000003;
    EXPECT_EQ(apply_all(&h), 0);
    h.durable = 0x100000002;
    EXPECT_EQ(apply_all(&h), 0x100000002);
    h.durable = 0x100000005;
    EXPECT_EQ(apply_all(&h), 0x100000003);
    window_done(&h);
}

TEST(the_window_lets_the_oldest_applied_go_and_no_other)
{
    struct window h;
    size_t one;

    window_init(&h, 0);
    append(&h, 0x100000001);
    one = h.bytes;
    for (uint32_t i = 2; i <= 100; i++)
        append(&h, zxid_make(1, i));
    window_trim(&h, 1, one);
    EXPECT_EQ(h.count, 100); /* nothing is applied yet */
    h.committed = h.durable = 0x10000000a;
    apply_all(&h);
    window_trim(&h, 1, one);
    EXPECT_EQ(h.base, 0x10000000a);
    EXPECT_EQ(h.count, 90);

    h.committed = h.durable = h.end;
    apply_all(&h);
    EXPECT_EQ(h.tail_bytes, 0);
    window_trim(&h, 20, 15 * one);
    EXPECT_EQ(h.count, 20); /* so many are kept */
    window_trim(&h, 20, 5 * one);
    EXPECT_EQ(h.count, 10); /* but not when that takes more than the double */
    window_done(&h);
}

TEST(a_truncation_takes_the_durable_mark_along_and_never_what_is_committed)
{
    struct window h;

    window_init(&h, 0);
    for (uint32_t i = 1; i <= 5; i++)
        append(&h, zxid_make(1, i));
    h.durable = h.end;
    h.committed = 0x100000002;
    window_truncate(&h, 0x100000003);
    EXPECT_EQ(h.end, 0x100000003);
    EXPECT_EQ(h.durable, 0x100000003);
    append(&h, 0x200000001);
    EXPECT(window_has(&h, 0x200000001) && !window_has(&h, 0x100000004));
    EXPECT_ABORT(window_truncate(&h, 0x100000001)); /* committed */
    EXPECT_ABORT(window_truncate(&h, 0x100000004)); /* not there */
    window_done(&h);
}
