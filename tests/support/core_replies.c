/* core_replies: see core_replies.h. */
#include "tests/support/core_replies.h"

#include "proto/acl_text.h"
#include "proto/base/assert.h"

#include <inttypes.h>

static void entry(struct buf *said, const struct rig_client *client)
{
    buf_printf(said, "%s%c: ", said->len > 0 ? "; " : "", client->name);
}

static void print_text(struct buf *said, struct jute_bytes text)
{
    if (text.len < 0)
        buf_printf(said, " null");
    else if (text.len == 0)
        buf_printf(said, " ''");
    else
        buf_printf(said, " %.*s", (int)text.len, (const char *)text.data);
}

/* Short, and without what is nothing; m: mzxid, p: pzxid. */
static void print_stat_short(struct buf *said, const struct zk_stat *stat)
{
    buf_printf(said, " {c=0x%" PRIx64, stat->czxid);
    if (stat->mzxid != stat->czxid)
        buf_printf(said, " m=0x%" PRIx64, stat->mzxid);
    if (stat->pzxid != stat->czxid)
        buf_printf(said, " p=0x%" PRIx64, stat->pzxid);
    if (stat->ctime != 0)
        buf_printf(said, " ct=%" PRId64, stat->ctime);
    if (stat->mtime != stat->ctime)
        buf_printf(said, " mt=%" PRId64, stat->mtime);
    buf_printf(said, " v=%" PRId32 " cv=%" PRId32 " av=%" PRId32, stat->version, stat->cversion,
               stat->aversion);
    if (stat->ephemeral_owner != 0)
        buf_printf(said, " own=0x%" PRIx64, stat->ephemeral_owner);
    buf_printf(said, " len=%" PRId32 " kids=%" PRId32 "}", stat->data_length, stat->num_children);
}

static void print_texts(struct buf *said, const struct zk_vec_ustring *texts)
{
    buf_printf(said, " [");
    for (int32_t i = 0; i < texts->count; i++)
        buf_printf(said, "%s%.*s", i == 0 ? "" : ",", (int)texts->items[i].len,
                   (const char *)texts->items[i].data);
    buf_printf(said, "]");
}

static void print_body(struct buf *said, struct jute_reader *r, int32_t op);

static void print_parts(struct buf *said, struct jute_reader *r)
{
    const char *separator = " (";

    for (;;) {
        struct zk_multi_header header;

        get_multi_header(r, &header);
        if (r->bad || header.done)
            break;
        buf_printf(said, "%s%s", separator, zk_op_name(header.type));
        separator = ", ";
        if (header.type == OP_ERROR) {
            struct zk_error_response error;

            get_error_response(r, &error);
            ASSERT(error.err == header.err);
            buf_printf(said, " %s", zk_err_name(error.err));
        } else {
            print_body(said, r, header.type);
        }
    }
    buf_printf(said, "%s)", *separator == ',' ? "" : " (");
}

static void print_who(struct buf *said, const struct zk_who_am_i_response *who)
{
    for (int32_t i = 0; i < who->info.count; i++) {
        print_text(said, who->info.items[i].auth_scheme);
        buf_printf(said, ":");
        print_text(said, who->info.items[i].user);
    }
}

/* The records that the reply to OP consists of, printed one after the other. Long because every
 * operation has its line here. */
static void print_body(struct buf *said, struct jute_reader *r, int32_t op)
{
    union {
        struct zk_path_response path;
        struct zk_path_stat_response path_stat;
        struct zk_stat_response stat;
        struct zk_get_data_response data;
        struct zk_get_children_response children;
        struct zk_get_children2_response children2;
        struct zk_get_acl_response acl;
        struct zk_get_all_children_number_response number;
        struct zk_who_am_i_response who;
        struct zk_error_response error;
        struct zk_sasl_packet sasl;
    } u;

    switch (op) {
    case OP_CREATE:
    case OP_SYNC:
        get_path_response(r, &u.path);
        print_text(said, u.path.path);
        break;
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        get_path_stat_response(r, &u.path_stat);
        print_text(said, u.path_stat.path);
        print_stat_short(said, &u.path_stat.stat);
        break;
    case OP_EXISTS:
    case OP_SET_DATA:
    case OP_SET_ACL:
        get_stat_response(r, &u.stat);
        print_stat_short(said, &u.stat.stat);
        break;
    case OP_GET_DATA:
        get_get_data_response(r, &u.data);
        print_text(said, u.data.data);
        print_stat_short(said, &u.data.stat);
        break;
    case OP_GET_CHILDREN:
    case OP_GET_EPHEMERALS:
        get_get_children_response(r, &u.children);
        print_texts(said, &u.children.children);
        break;
    case OP_GET_CHILDREN2:
        get_get_children2_response(r, &u.children2);
        print_texts(said, &u.children2.children);
        print_stat_short(said, &u.children2.stat);
        break;
    case OP_GET_ACL:
        get_get_acl_response(r, &u.acl);
        buf_printf(said, " ");
        acl_text_put(said, &u.acl.acl);
        print_stat_short(said, &u.acl.stat);
        break;
    case OP_GET_ALL_CHILDREN_NUMBER:
        get_get_all_children_number_response(r, &u.number);
        buf_printf(said, " %" PRId32, u.number.total);
        break;
    case OP_WHO_AM_I:
        get_who_am_i_response(r, &u.who);
        print_who(said, &u.who);
        break;
    case OP_ADD_WATCH:
        get_error_response(r, &u.error);
        buf_printf(said, " %" PRId32, u.error.err);
        break;
    case OP_SASL:
        get_sasl_packet(r, &u.sasl);
        print_text(said, u.sasl.token);
        break;
    case OP_MULTI:
    case OP_MULTI_READ:
        print_parts(said, r);
        break;
    default:
        break;
    }
}

static void print_connected(struct buf *said, struct jute_reader *r, struct rig_client *client)
{
    struct zk_connect_response response;

    get_connect_response(r, &response);
    ASSERT(response.passwd.len == SESSION_PASSWORD_BYTES);
    client->connected = true;
    client->session_id = response.session_id;
    memcpy(client->password, response.passwd.data, SESSION_PASSWORD_BYTES);
    if (response.session_id == 0)
        buf_printf(said, "expired");
    else
        buf_printf(said, "connected timeout=%" PRId32, response.timeout);
    if (response.read_only != 0)
        buf_printf(said, " readOnly=%d", response.read_only);
}

static void print_event(struct buf *said, struct jute_reader *r, zk_zxid zxid)
{
    static const char *const names[] = {"none", "created", "deleted", "changed", "children"};
    struct zk_watcher_event event;

    get_watcher_event(r, &event);
    ASSERT(event.type > 0 && event.type < 5);
    ASSERT(event.state == EVENT_STATE_CONNECTED);
    buf_printf(said, "event %s", names[event.type]);
    print_text(said, event.path);
    if (zxid != -1)
        buf_printf(said, " zxid=0x%" PRIx64, zxid);
}

static int32_t op_of(const struct rig_client *client, int32_t xid)
{
    for (size_t i = client->sent_count; i-- > 0;)
        if (client->sent[i % RIG_SENT_MAX].xid == xid)
            return client->sent[i % RIG_SENT_MAX].op;
    return 0;
}

static void print_reply(struct buf *said, struct jute_reader *r, const struct rig_client *client)
{
    struct zk_reply_header header;

    get_reply_header(r, &header);
    if (header.xid == XID_WATCH_EVENT) {
        print_event(said, r, header.zxid);
        return;
    }
    buf_printf(said, "reply xid=%" PRId32, header.xid);
    if (header.zxid == -1)
        buf_printf(said, " zxid=-1");
    else
        buf_printf(said, " zxid=0x%" PRIx64, header.zxid);
    if (header.err != ZOK)
        buf_printf(said, " err=%s", zk_err_name(header.err));
    else
        print_body(said, r, op_of(client, header.xid));
}

static void print_frame(struct buf *said, struct rig_client *client, const uint8_t *data,
                        size_t len)
{
    struct arena arena = {0};
    struct jute_reader r = jute_reader(data, len, &arena);

    entry(said, client);
    if (client->connected)
        print_reply(said, &r, client);
    else
        print_connected(said, &r, client);
    ASSERT(!r.bad);
    ASSERT(jute_left(&r) == 0);
    arena_done(&arena);
}

void replies_print(struct buf *said, struct rig_client *client)
{
    struct buf *out = core_client_out(client->client);
    size_t at = 0;

    if (client->silent)
        return;
    while (at < out->len) {
        size_t len = load_be32(out->data + at);

        ASSERT(len <= out->len - at - 4);
        print_frame(said, client, out->data + at + 4, len);
        at += 4 + len;
    }
    buf_done(out);
    if (client->closed && !client->told) {
        entry(said, client);
        buf_printf(said, "closed: %s", client->why);
        client->told = true;
    }
}
