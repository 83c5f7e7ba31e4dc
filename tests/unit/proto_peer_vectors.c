/* What real 3.8.0 peers said to each other decodes, and encodes again to the same bytes.
 * tests/vectors/peer.jsonl holds a frame a line: an election hello, a notification behind its
 * length, a quorum packet, or the stream of a SNAP. */
#include "proto/notification.h"
#include "proto/quorum_types.h"
#include "proto/txn.h"
#include "tests/support/hex.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS "tests/vectors/peer.jsonl"

#define RECODE(record, r, b)  \
    do {                      \
        struct zk_##record v; \
        get_##record(r, &v);  \
        EXPECT(!(r)->bad);    \
        put_##record(b, &v);  \
    } while (0)

/* The data of a packet that is a txn goes through the txn's codec. */
static void recode_txn(struct jute_bytes data, struct arena *arena)
{
    struct buf again = {0};
    struct txn txn;

    EXPECT(txn_decode(data.data, jute_size(data), arena, &txn));
    txn_encode(&again, &txn);
    EXPECT_EQ(again.len, data.len);
    EXPECT_MEM(again.data, data.data, again.len);
    buf_done(&again);
}

static void recode_data(const struct zk_quorum_packet *packet, struct arena *arena)
{
    struct jute_reader r = jute_reader(packet->data.data, jute_size(packet->data), arena);
    struct buf again = {0};
    bool is_request = packet->type == REQUEST;

    switch (packet->type) {
    case PROPOSAL:
    case INFORM:
        recode_txn(packet->data, arena);
        return;
    case FOLLOWERINFO:
    case OBSERVERINFO:
        RECODE(learner_info, &r, &again);
        break;
    case REQUEST:
        RECODE(forwarded_request, &r, &again);
        break;
    case PING:
        while (jute_left(&r) > 0)
            RECODE(session_timeout, &r, &again);
        break;
    case REVALIDATE:
        if (packet->data.len == 12)
            RECODE(session_timeout, &r, &again);
        else
            RECODE(session_valid, &r, &again);
        break;
    default:
        return;
    }
    EXPECT(is_request || again.len == jute_size(packet->data));
    EXPECT(again.len == 0 || memcmp(again.data, packet->data.data, again.len) == 0);
    buf_done(&again);
}

static void recode_packet(struct jute_reader *r, struct buf *again)
{
    struct zk_quorum_packet packet;

    get_quorum_packet(r, &packet);
    EXPECT(!r->bad);
    EXPECT(strcmp(quorum_type_name(packet.type), "unknown") != 0);
    put_quorum_packet(again, &packet);
    recode_data(&packet, r->arena);
}

/* Sessions, ACLs and znodes up to the path "/", then the signature. */
static void recode_stream(struct jute_reader *r, struct buf *again)
{
    struct jute_bytes path;
    int32_t count;

    for (int part = 0; part < 2; part++) {
        get_i32(r, &count);
        put_i32(again, count);
        for (int32_t i = 0; i < count; i++) {
            if (part == 0)
                RECODE(session_timeout, r, again);
            else
                RECODE(snapshot_acl, r, again);
        }
    }
    for (;;) {
        get_ustring(r, &path);
        put_ustring(again, path);
        if (r->bad || jute_equal(path, jute_str("/")))
            break;
        RECODE(data_node, r, again);
    }
    get_ustring(r, &path);
    put_ustring(again, path);
    EXPECT(jute_equal(path, jute_str(SNAPSHOT_SIGNATURE)));
}

static void recode_notification(struct jute_reader *r, struct buf *again)
{
    struct zk_notification vote;
    int32_t len;

    get_i32(r, &len);
    EXPECT(notification_decode(r->p, jute_left(r), &vote));
    (void)jute_take(r, (size_t)len);
    put_i32(again, len);
    put_notification(again, &vote);
}

static void check_line(const char *line, struct buf *frame)
{
    struct arena arena = {0};
    struct buf again = {0};
    struct jute_reader r;

    unhex(strstr(line, "\"hex\": \"") + 8, frame);
    r = jute_reader(frame->data, frame->len, &arena);
    if (strstr(line, "\"msg\": \"initial message\"") != NULL)
        RECODE(election_hello, &r, &again);
    else if (strstr(line, "\"msg\": \"notification\"") != NULL)
        recode_notification(&r, &again);
    else if (strstr(line, "\"stream\": ") != NULL)
        recode_stream(&r, &again);
    else
        recode_packet(&r, &again);
    EXPECT_EQ(jute_left(&r), 0);
    EXPECT_EQ(again.len, frame->len);
    EXPECT_MEM(again.data, frame->data, again.len);
    buf_done(&again);
    arena_done(&arena);
}

TEST(the_recorded_frames_of_peers_decode_and_encode_to_the_same_bytes)
{
    FILE *file = fopen(VECTORS, "r");
    struct buf frame = {0};
    char *line = NULL;
    size_t cap = 0;
    int count = 0;

    EXPECT(file != NULL);
    while (getline(&line, &cap, file) > 0) {
        check_line(line, &frame);
        count++;
    }
    EXPECT_EQ(count, 416);
    (void)fclose(file);
    free(line);
    buf_done(&frame);
}

/* The forms of older releases, cut from the present one: FOLLOWING, leader 2, zxid 0x500000007. */
TEST(older_notifications_are_understood_and_short_ones_refused)
{
    struct zk_notification sent = {.state = PEER_FOLLOWING,
                                   .leader = 2,
                                   .zxid = 0x500000007,
                                   .round = 3,
                                   .peer_epoch = 6,
                                   .version = NOTIFICATION_VERSION,
                                   .config = jute_str("version=0")};
    struct zk_notification seen;
    struct buf b = {0};

    put_notification(&b, &sent);
    EXPECT(notification_decode(b.data, b.len, &seen));
    EXPECT_EQ(seen.peer_epoch, 6);
    EXPECT(jute_equal(seen.config, sent.config));
    EXPECT(notification_decode(b.data, 28, &seen));
    EXPECT_EQ(seen.peer_epoch, 5);
    EXPECT_EQ(seen.version, 0);
    EXPECT(notification_decode(b.data, 36, &seen));
    EXPECT(seen.peer_epoch == 6 && seen.version == 0);
    EXPECT(notification_decode(b.data, 40, &seen));
    EXPECT(seen.peer_epoch == 6 && seen.version == 0 && seen.config.len == -1);
    for (size_t len = 0; len < b.len; len++)
        EXPECT(len == 28 || len == 36 || len == 40 || !notification_decode(b.data, len, &seen));
    b.data[3] = 4; /* no such state */
    EXPECT(!notification_decode(b.data, b.len, &seen));
    buf_done(&b);
}
