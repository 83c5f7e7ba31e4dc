/* Quorum packets between bytes and messages: what real peers said comes back as the same
 * bytes, a packet that is not whole yet waits, and one that cannot be is refused. */
#include "proto/errors.h"
#include "proto/opcodes.h"
#include "proto/records.h"
#include "replication/packet.h"
#include "tests/support/hex.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS "tests/vectors/peer.jsonl"

static void check_bytes(const struct buf *frame)
{
    struct peer_msg msg;
    struct buf again = {0};

    for (size_t len = 0; len < frame->len; len++)
        EXPECT_EQ(packet_decode(frame->data, len, &msg), 0);
    EXPECT_EQ(packet_decode(frame->data, frame->len, &msg), frame->len);
    packet_encode(&again, &msg);
    EXPECT_EQ(again.len, frame->len);
    EXPECT_MEM(again.data, frame->data, again.len);
    peer_msg_done(&msg);
    buf_done(&again);
}

TEST(the_recorded_packets_become_messages_and_the_same_bytes_again)
{
    FILE *file = fopen(VECTORS, "r");
    struct buf frame = {0};
    char *line = NULL;
    size_t cap = 0;
    int count = 0;

    EXPECT(file != NULL);
    while (getline(&line, &cap, file) > 0) {
        if (strstr(line, "\"channel\": \"quorum\"") == NULL || strstr(line, "\"stream\": ") != NULL)
            continue;
        unhex(strstr(line, "\"hex\": \"") + 8, &frame);
        check_bytes(&frame);
        count++;
    }
    EXPECT(count > 200);
    (void)fclose(file);
    free(line);
    buf_done(&frame);
}

static int decode(struct buf *b)
{
    struct peer_msg msg = {0};
    int rc = packet_decode(b->data, b->len, &msg);

    peer_msg_done(&msg);
    b->len = 0;
    return rc;
}

static void put_head(struct buf *b, int32_t type, int32_t data_len)
{
    put_i32(b, type);
    put_i64(b, 0x100000001);
    put_i32(b, data_len);
}

TEST(lengths_out_of_bounds_are_refused_before_their_bytes_come)
{
    struct buf b = {0};

    put_head(&b, ACK, PACKET_DATA_MAX);
    EXPECT_EQ(decode(&b), 0);
    put_head(&b, ACK, PACKET_DATA_MAX + 1);
    EXPECT_EQ(decode(&b), -EBADMSG);
    put_head(&b, ACK, -2);
    EXPECT_EQ(decode(&b), -EBADMSG);

    put_head(&b, ACK, -1);
    put_i32(&b, PACKET_IDS_MAX);
    EXPECT_EQ(decode(&b), 0);
    put_head(&b, ACK, -1);
    put_i32(&b, PACKET_IDS_MAX + 1);
    EXPECT_EQ(decode(&b), -EBADMSG);
    put_head(&b, ACK, -1);
    put_i32(&b, 1);
    put_i32(&b, PACKET_AUTH_BYTES_MAX + 1);
    EXPECT_EQ(decode(&b), -EBADMSG);
    buf_done(&b);
}

/* A PROPOSAL of 0x100000001 with the first LEN bytes of an error txn of ZXID and TYPE. */
static int decode_proposal(int32_t type, zk_zxid zxid, size_t len)
{
    struct zk_txn_header hdr = {.type = type, .zxid = zxid};
    struct buf b = {0}, txn = {0};
    int rc;

    put_txn_header(&txn, &hdr);
    put_error_txn(&txn, &(struct zk_error_txn){.err = ZNONODE});
    put_head(&b, PROPOSAL, (int32_t)len);
    buf_append(&b, txn.data, len);
    put_i32(&b, -1);
    rc = decode(&b);
    buf_done(&b);
    buf_done(&txn);
    return rc;
}

/* A txn whose header says another zxid than its packet would be logged under a wrong name;
 * one that cannot be applied would be met again at every start. */
TEST(proposals_that_are_not_txns_of_their_zxid_are_refused)
{
    EXPECT_EQ(decode_proposal(OP_ERROR, 0x100000001, 36), 56);
    EXPECT_EQ(decode_proposal(OP_ERROR, 0x100000002, 36), -EBADMSG);
    EXPECT_EQ(decode_proposal(OP_ERROR, 0x100000001, 35), -EBADMSG);
    EXPECT_EQ(decode_proposal(OP_ERROR, 0x100000001, 32), -EBADMSG);
    EXPECT_EQ(decode_proposal(77, 0x100000001, 36), -EBADMSG);
    EXPECT_EQ(decode_proposal(OP_CREATE, 0x100000001, 36), -EBADMSG);
}

TEST(data_that_is_not_what_the_type_says_is_refused)
{
    struct buf b = {0};

    put_head(&b, PROPOSAL, -1);
    put_i32(&b, -1);
    EXPECT_EQ(decode(&b), -EBADMSG);
    put_head(&b, ACKEPOCH, 2);
    buf_append(&b, "12", 2);
    put_i32(&b, -1);
    EXPECT_EQ(decode(&b), -EBADMSG);
    put_head(&b, PING, 5);
    buf_append(&b, "12345", 5);
    put_i32(&b, -1);
    EXPECT_EQ(decode(&b), -EBADMSG);
    buf_done(&b);
}

TEST(a_type_of_a_later_version_passes_without_its_data)
{
    struct peer_msg msg;
    struct buf b = {0};

    put_head(&b, 77, 3);
    buf_append(&b, "abc", 3);
    put_i32(&b, -1);
    EXPECT_EQ(packet_decode(b.data, b.len, &msg), b.len);
    EXPECT_EQ(msg.type, 77);
    EXPECT(msg.data == NULL);
    peer_msg_done(&msg);
    buf_done(&b);
}
