/* An ensemble of one: a proposal is appended at once and committed when the disk has it. */
#include "proto/base/buf.h"
#include "proto/txn.h"
#include "replication/solo.h"
#include "tests/unit/test.h"

#include <inttypes.h>
#include <stdio.h>

static struct blob *txn_with(zk_zxid zxid)
{
    struct txn txn = {.hdr = {.zxid = zxid, .type = OP_ERROR}};
    struct buf b = {0};
    struct blob *blob;

    txn_encode(&b, &txn);
    blob = blob_copy(b.data, b.len);
    buf_done(&b);
    return blob;
}

/* The actions as text, "append 0x1; commit 0x1"; empties the list. */
static const char *told(struct solo_actions *actions)
{
    static char text[512];
    int at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < actions->count; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%s%s 0x%" PRIx64, i == 0 ? "" : "; ",
                       actions->items[i].kind == SOLO_APPEND ? "append" : "commit",
                       (uint64_t)actions->items[i].zxid);
    solo_actions_clear(actions);
    return text;
}

static const char *propose(struct solo *solo, zk_zxid zxid, struct solo_actions *actions)
{
    solo_propose(solo, txn_with(zxid), actions);
    return told(actions);
}

static const char *durable(struct solo *solo, zk_zxid zxid, struct solo_actions *actions)
{
    solo_durable(solo, zxid, actions);
    return told(actions);
}

TEST(a_commit_waits_for_the_disk_and_comes_once_in_order)
{
    struct solo_actions actions = {0};
    struct solo *solo = solo_new(0x10);

    EXPECT_EQ(solo_next_zxid(solo), 0x11);
    EXPECT_STR(propose(solo, 0x11, &actions), "append 0x11");
    EXPECT_STR(propose(solo, 0x12, &actions), "append 0x12");
    EXPECT_STR(propose(solo, 0x13, &actions), "append 0x13");
    EXPECT_STR(durable(solo, 0x12, &actions), "commit 0x11; commit 0x12");
    EXPECT_STR(durable(solo, 0x12, &actions), "");
    EXPECT_EQ(solo_outstanding(solo), 1);
    EXPECT_STR(durable(solo, 0x13, &actions), "commit 0x13");
    solo_actions_done(&actions);
    solo_free(solo);
}

TEST(a_proposal_out_of_order_is_a_bug_and_stops)
{
    struct solo_actions actions = {0};
    struct solo *solo = solo_new(0);

    EXPECT_ABORT(propose(solo, 2, &actions));
    EXPECT_ABORT(durable(solo, 1, &actions)); /* never appended */
    solo_free(solo);
}

TEST(after_the_last_counter_comes_a_new_epoch)
{
    struct solo_actions actions = {0};
    struct solo *solo = solo_new(0x4fffffffe);

    EXPECT_STR(propose(solo, 0x4ffffffff, &actions), "append 0x4ffffffff");
    EXPECT_STR(propose(solo, 0x500000001, &actions), "append 0x500000001");
    EXPECT_STR(durable(solo, 0x500000001, &actions), "commit 0x4ffffffff; commit 0x500000001");
    solo_actions_done(&actions);
    solo_free(solo);
}
