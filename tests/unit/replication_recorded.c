/* Our learner across from a recorded Apache leader: what it sends is what the recorded learner
 * sent, byte for byte and in the same order, from FOLLOWERINFO to the ack of UPTODATE. The disk
 * completes everything at once. (Pings and requests of clients are left out; for a DIFF with
 * txns 3.8.0 acknowledges in an order that loses data, which we do not repeat.) */
#include "replication/packet.h"
#include "replication/zab.h"
#include "tests/support/hex.h"
#include "tests/support/zab_script.h"
#include "tests/unit/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS "tests/vectors/peer.jsonl"
#define CONN 5

struct bed {
    struct zab *zab;
    struct buf sent; /* and not yet compared */
};

static void perform(struct bed *bed, struct zab_actions *actions);

static void complete(struct bed *bed, const struct zab_action *action)
{
    struct zab_actions out = {0};

    switch (action->kind) {
    case ZAB_DIAL:
        zab_dialled(bed->zab, action->ticket, CONN, &out);
        break;
    case ZAB_META:
        zab_meta_durable(bed->zab, action->ticket, &out);
        break;
    case ZAB_TRUNCATE:
        zab_log_truncated(bed->zab, action->ticket, &out);
        break;
    case ZAB_SEND:
        packet_encode(&bed->sent, &action->msg);
        break;
    default:
        break;
    }
    perform(bed, &out);
}

static void perform(struct bed *bed, struct zab_actions *actions)
{
    for (size_t i = 0; i < actions->count; i++)
        complete(bed, &actions->items[i]);
    zab_actions_done(actions);
}

/* The recorded learner, SID, begins with this log of epoch 1 and follows LEADER. */
static void bed_init(struct bed *bed, int64_t sid, int64_t leader, zk_zxid end,
                     int64_t config_version)
{
    static const int64_t sids[] = {1, 2, 3};
    struct quorums *quorums = quorums_new(sids, 3);
    struct zab_config config = {.sid = sid,
                                .quorums = quorums,
                                .config_version = config_version,
                                .tick_ms = TICK_MS,
                                .init_limit = INIT_LIMIT,
                                .sync_limit = SYNC_LIMIT};
    struct blob *entries[16];
    struct zab_disk disk = {
        .accepted = zxid_epoch(end), .current = zxid_epoch(end), .entries = entries};
    struct ballot ballot = {.vote = {.leader = leader}, .round = 9, .version = 2};
    struct zab_actions out = {0};

    for (zk_zxid zxid = zxid_make(1, 1); zxid <= end; zxid++)
        entries[disk.entry_count++] = script_txn(zxid);
    *bed = (struct bed){.zab = zab_new(&config, &disk)};
    for (size_t i = 0; i < disk.entry_count; i++)
        blob_unref(entries[i]);
    quorums_unref(quorums);
    zab_tick(bed->zab, 0, &out);
    ballot.state = PEER_LEADING;
    zab_notification(bed->zab, leader, &ballot, &out);
    ballot.state = PEER_FOLLOWING;
    zab_notification(bed->zab, 6 - sid - leader, &ballot, &out);
    perform(bed, &out);
}

static void receive(struct bed *bed, const struct buf *frame)
{
    struct zab_actions out = {0};
    struct peer_msg msg;

    EXPECT_EQ(packet_decode(frame->data, frame->len, &msg), frame->len);
    zab_packet(bed->zab, CONN, &msg, &out);
    peer_msg_done(&msg);
    perform(bed, &out);
}

static void compare(struct bed *bed, const struct buf *frame)
{
    EXPECT(bed->sent.len >= frame->len);
    EXPECT_MEM(bed->sent.data, frame->data, frame->len);
    memmove(bed->sent.data, bed->sent.data + frame->len, bed->sent.len - frame->len);
    bed->sent.len -= frame->len;
}

/* Plays SCENARIO up to its first PING; returns how many frames that were. */
static int play(struct bed *bed, const char *scenario, int64_t sid)
{
    FILE *file = fopen(VECTORS, "r");
    struct buf frame = {0};
    char *line = NULL, name[64], from[32];
    size_t cap = 0;
    int count = 0;

    EXPECT(file != NULL);
    (void)snprintf(name, sizeof name, "\"scenario\": \"%s\"", scenario);
    (void)snprintf(from, sizeof from, "\"from\": %" PRId64 ",", sid);
    while (getline(&line, &cap, file) > 0) {
        if (strstr(line, name) == NULL || strstr(line, "\"channel\": \"quorum\"") == NULL)
            continue;
        if (strstr(line, "\"PING\"") != NULL)
            break;
        unhex(strstr(line, "\"hex\": \"") + 8, &frame);
        if (strstr(line, from) != NULL)
            compare(bed, &frame);
        else
            receive(bed, &frame);
        count++;
    }
    (void)fclose(file);
    free(line);
    buf_done(&frame);
    return count;
}

static void check(const char *scenario, int64_t sid, int64_t leader, zk_zxid end,
                  int64_t config_version)
{
    struct bed bed;

    bed_init(&bed, sid, leader, end, config_version);
    EXPECT_EQ(play(&bed, scenario, sid), 8);
    EXPECT_EQ(bed.sent.len, 0);
    EXPECT(zab_view(bed.zab).serving);
    zab_free(bed.zab);
    buf_done(&bed.sent);
}

TEST(an_empty_diff_in_the_first_epoch)
{
    check("first-epoch-diff-empty", 1, 2, 0, 0);
}

TEST(an_empty_diff_in_a_new_epoch)
{
    check("new-epoch-diff-empty", 1, 3, 0x100000005, 0x100000000);
}

TEST(a_trunc_of_what_nobody_else_logged)
{
    check("trunc", 2, 3, 0x100000007, 0x100000000);
}
