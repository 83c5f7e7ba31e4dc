/* packet: see packet.h. A packet is decoded in two steps: its frame (type, zxid,
 * data, authinfo) with the limits, then its data by type. */
#include "replication/packet.h"

#include "proto/base/arena.h"
#include "proto/records.h"
#include "proto/txn.h"

#include <errno.h>
#include <inttypes.h>

/* The frame of one packet, borrowed from the bytes. */
struct frame {
    int32_t type;
    int64_t zxid;
    struct jute_bytes data;
    struct jute_bytes auth; /* the vector as it stands, count included; null: -1 */
};

/* A length in front of bytes: 1 when it and they are there, 0 when not yet. */
static int take_bytes(struct jute_reader *r, size_t max, struct jute_bytes *ret)
{
    int32_t len;

    if (jute_left(r) < 4)
        return 0;
    get_i32(r, &len);
    *ret = (struct jute_bytes){.data = r->p, .len = len};
    if (len == -1)
        return 1;
    if (len < 0 || (size_t)len > max)
        return -EBADMSG;
    if (jute_left(r) < (size_t)len)
        return 0;
    r->p += len;
    return 1;
}

/* The vector of ids: its extent only. */
static int take_ids(struct jute_reader *r, struct jute_bytes *ret)
{
    const uint8_t *start = r->p;
    struct jute_bytes part;
    int32_t count;

    if (jute_left(r) < 4)
        return 0;
    get_i32(r, &count);
    if (count < -1 || count > PACKET_IDS_MAX)
        return -EBADMSG;
    for (int32_t i = 0; i < 2 * count; i++) {
        int rc = take_bytes(r, PACKET_AUTH_BYTES_MAX, &part);

        if (rc <= 0)
            return rc;
        if (r->p - start > PACKET_AUTH_BYTES_MAX)
            return -EBADMSG;
    }
    ret->data = start;
    ret->len = count == -1 ? -1 : (int32_t)(r->p - start);
    return 1;
}

static int take_frame(struct jute_reader *r, struct frame *ret)
{
    int rc;

    if (jute_left(r) < 12)
        return 0;
    get_i32(r, &ret->type);
    get_i64(r, &ret->zxid);
    rc = take_bytes(r, PACKET_DATA_MAX, &ret->data);
    return rc <= 0 ? rc : take_ids(r, &ret->auth);
}

static struct blob *blob_of(struct jute_bytes bytes)
{
    return bytes.len < 0 ? NULL : blob_copy(bytes.data, (size_t)bytes.len);
}

/* Old learners say less: the sid, or the sid and a protocol version. (Who does not say who it is,
 * as those before 3.3 do not, is refused.) */
static bool decode_learner_info(struct jute_bytes data, struct peer_msg *ret)
{
    struct jute_reader r = jute_reader(data.data, jute_size(data), NULL);
    size_t len = jute_size(data);

    if (len != 8 && len != 12 && len != 20)
        return false;
    get_i64(&r, &ret->sid);
    if (len >= 12)
        get_i32(&r, &ret->protocol);
    if (len == 20)
        get_i64(&r, &ret->config_version);
    return true;
}

/* To the leader 12 bytes, from it 9. */
static bool decode_revalidate(struct jute_bytes data, struct peer_msg *ret)
{
    struct jute_reader r = jute_reader(data.data, jute_size(data), NULL);

    get_i64(&r, &ret->session_id);
    ret->is_answer = jute_size(data) != 12;
    if (!ret->is_answer)
        get_i32(&r, &ret->timeout_ms);
    else
        get_boolean(&r, &ret->valid);
    return !r.bad && jute_left(&r) == 0;
}

static bool decode_i32(struct jute_bytes data, int32_t *ret)
{
    struct jute_reader r = jute_reader(data.data, jute_size(data), NULL);

    get_i32(&r, ret);
    return !r.bad && jute_left(&r) == 0;
}

/* The designated leader, and with INFORM the txn behind it. */
static bool decode_activate(const struct frame *frame, struct peer_msg *ret)
{
    struct jute_reader r = jute_reader(frame->data.data, jute_size(frame->data), NULL);

    get_i64(&r, &ret->sid);
    if (r.bad)
        return false;
    if (frame->type == INFORMANDACTIVATE)
        ret->data = blob_copy(r.p, jute_left(&r));
    return true;
}

/* A whole txn, of the packet's zxid. What is logged will be applied, here and at every start
 * from then on: one that makes no sense must not come so far. */
static bool decode_txn(const struct frame *frame, struct peer_msg *ret)
{
    struct arena arena = {0};
    struct txn txn;
    bool is_txn = txn_decode(frame->data.data, jute_size(frame->data), &arena, &txn);

    arena_done(&arena);
    if (!is_txn || txn.hdr.zxid != frame->zxid)
        return false;
    ret->data = blob_of(frame->data);
    return true;
}

static bool decode_data(const struct frame *frame, struct peer_msg *ret)
{
    switch (frame->type) {
    case PROPOSAL:
    case INFORM:
        return decode_txn(frame, ret);
    case FOLLOWERINFO:
    case OBSERVERINFO:
        return decode_learner_info(frame->data, ret);
    case LEADERINFO:
        return decode_i32(frame->data, &ret->protocol);
    case ACKEPOCH:
        return decode_i32(frame->data, &ret->epoch);
    case REVALIDATE:
        return decode_revalidate(frame->data, ret);
    case COMMITANDACTIVATE:
    case INFORMANDACTIVATE:
        return decode_activate(frame, ret);
    case REQUEST:
        if (jute_size(frame->data) < 16)
            return false;
        ret->auth = blob_of(frame->auth);
        ret->data = blob_of(frame->data);
        return true;
    case PING:
        if (jute_size(frame->data) % 12 != 0)
            return false;
        ret->data = blob_of(frame->data);
        return true;
    case NEWLEADER:
        ret->data = blob_of(frame->data);
        return true;
    default:
        return true;
    }
}

int packet_decode(const void *bytes, size_t len, struct peer_msg *ret)
{
    struct jute_reader r = jute_reader(bytes, len, NULL);
    struct peer_msg msg = {0};
    struct frame frame;
    int rc = take_frame(&r, &frame);

    if (rc <= 0)
        return rc;
    msg.type = frame.type;
    msg.zxid = frame.zxid;
    if (!decode_data(&frame, &msg)) {
        peer_msg_done(&msg);
        return -EBADMSG;
    }
    *ret = msg;
    return (int)(r.p - (const uint8_t *)bytes);
}

static struct jute_bytes bytes_of(const struct blob *blob)
{
    return blob == NULL ? JUTE_NULL
                        : (struct jute_bytes){.data = blob->data, .len = (int32_t)blob->len};
}

/* The data of the types that have fields of their own; false: it is MSG->data. */
static bool encode_data(struct buf *b, const struct peer_msg *msg)
{
    switch (msg->type) {
    case FOLLOWERINFO:
    case OBSERVERINFO:
        put_i64(b, msg->sid);
        put_i32(b, msg->protocol);
        put_i64(b, msg->config_version);
        return true;
    case LEADERINFO:
        put_i32(b, msg->protocol);
        return true;
    case ACKEPOCH:
        put_i32(b, msg->epoch);
        return true;
    case REVALIDATE:
        put_i64(b, msg->session_id);
        if (!msg->is_answer)
            put_i32(b, msg->timeout_ms);
        else
            put_boolean(b, msg->valid);
        return true;
    case COMMITANDACTIVATE:
        put_i64(b, msg->sid);
        return true;
    case INFORMANDACTIVATE:
        put_i64(b, msg->sid);
        buf_append(b, msg->data->data, msg->data->len);
        return true;
    default:
        return false;
    }
}

void packet_encode(struct buf *b, const struct peer_msg *msg)
{
    struct buf data = {0};

    put_i32(b, msg->type);
    put_i64(b, msg->zxid);
    if (encode_data(&data, msg))
        put_buffer(b, (struct jute_bytes){.data = data.data, .len = (int32_t)data.len});
    else
        put_buffer(b, bytes_of(msg->data));
    if (msg->auth == NULL)
        put_i32(b, -1);
    else
        buf_append(b, msg->auth->data, msg->auth->len);
    buf_done(&data);
}

void packet_print(struct buf *b, const struct peer_msg *msg)
{
    buf_printf(b, "%s", quorum_type_name(msg->type));
    switch (msg->type) {
    case FOLLOWERINFO:
    case OBSERVERINFO:
        buf_printf(b, " 0x%" PRIx64 " sid %" PRId64, (uint64_t)msg->zxid, msg->sid);
        break;
    case ACKEPOCH:
        buf_printf(b, " 0x%" PRIx64 " epoch %" PRId32, (uint64_t)msg->zxid, msg->epoch);
        break;
    case REVALIDATE:
        buf_printf(b, " 0x%" PRIx64 "%s", (uint64_t)msg->session_id,
                   !msg->is_answer ? "" : (msg->valid ? " valid" : " gone"));
        break;
    case REQUEST:
    case SYNC:
    case UPTODATE:
        break;
    default:
        buf_printf(b, " 0x%" PRIx64, (uint64_t)msg->zxid);
    }
}
