/* core_requests: the requests of core_host.h. */
#include "proto/acl_text.h"
#include "proto/base/assert.h"
#include "proto/multi.h"
#include "tests/support/core_host.h"

static struct jute_bytes text_or_null(const char *text)
{
    return text == NULL ? JUTE_NULL : jute_str(text);
}

static struct zk_acl open_entry = {
    .perms = PERM_ALL,
    .scheme = {.data = (const uint8_t *)"world", .len = 5},
    .id = {.data = (const uint8_t *)"anyone", .len = 6},
};

static const struct zk_vec_acl open_acl = {.count = 1, .items = &open_entry};

const char *rig_connect(struct rig *rig, char name, const struct zk_connect_request *req)
{
    struct buf b = {0};
    const char *said;

    put_connect_request(&b, req);
    said = rig_frame(rig, name, b.data, b.len);
    buf_done(&b);
    return said;
}

const char *rig_reattach(struct rig *rig, char name, const struct rig_client *of)
{
    struct zk_connect_request req = {
        .timeout = 2000,
        .session_id = of->session_id,
        .passwd = {.data = of->password, .len = SESSION_PASSWORD_BYTES},
    };

    rig_open(rig, name);
    return rig_connect(rig, name, &req);
}

static const char *send_with_xid(struct rig *rig, char name, int32_t xid, int32_t op,
                                 const struct buf *body)
{
    struct rig_client *client = rig_client(rig, name);
    struct buf b = {0};
    const char *said;

    client->sent[client->sent_count % RIG_SENT_MAX].xid = xid;
    client->sent[client->sent_count++ % RIG_SENT_MAX].op = op;
    put_request_header(&b, &(struct zk_request_header){.xid = xid, .type = op});
    if (body != NULL)
        buf_append(&b, body->data, body->len);
    said = rig_frame(rig, name, b.data, b.len);
    buf_done(&b);
    return said;
}

const char *rig_request(struct rig *rig, char name, int32_t op, const struct buf *body)
{
    return send_with_xid(rig, name, rig_client(rig, name)->next_xid++, op, body);
}

/* Sends BODY and frees it. */
static const char *send_body(struct rig *rig, char name, int32_t op, struct buf *body)
{
    const char *said = rig_request(rig, name, op, body);

    buf_done(body);
    return said;
}

static const char *send_create(struct rig *rig, char name, int32_t op,
                               const struct zk_create_request *req)
{
    struct buf b = {0};

    put_create_request(&b, req);
    return send_body(rig, name, op, &b);
}

const char *create(struct rig *rig, char name, const char *path, const char *data, int32_t flags)
{
    return send_create(rig, name, OP_CREATE,
                       &(struct zk_create_request){.path = text_or_null(path),
                                                   .data = text_or_null(data),
                                                   .acl = open_acl,
                                                   .flags = flags});
}

const char *create2(struct rig *rig, char name, const char *path, const char *data, int32_t flags)
{
    return send_create(rig, name, flags == CREATE_CONTAINER ? OP_CREATE_CONTAINER : OP_CREATE2,
                       &(struct zk_create_request){.path = text_or_null(path),
                                                   .data = text_or_null(data),
                                                   .acl = open_acl,
                                                   .flags = flags});
}

const char *create_ttl(struct rig *rig, char name, const char *path, int64_t ttl_ms)
{
    struct buf b = {0};

    put_create_ttl_request(&b, &(struct zk_create_ttl_request){.path = text_or_null(path),
                                                               .acl = open_acl,
                                                               .flags = CREATE_PERSISTENT_TTL,
                                                               .ttl = ttl_ms});
    return send_body(rig, name, OP_CREATE_TTL, &b);
}

static struct zk_vec_acl parse_acl(const char *text, struct arena *arena)
{
    struct zk_vec_acl acl = {.count = 0};
    struct errtext why;

    ASSERT(*text == '\0' || acl_text_parse(text, strlen(text), arena, &acl, &why) == 0);
    return acl;
}

const char *create_acl(struct rig *rig, char name, const char *path, const char *acl)
{
    struct arena arena = {0};
    const char *said = send_create(rig, name, OP_CREATE,
                                   &(struct zk_create_request){.path = jute_str(path),
                                                               .data = jute_str(""),
                                                               .acl = parse_acl(acl, &arena)});

    arena_done(&arena);
    return said;
}

const char *delete (struct rig *rig, char name, const char *path, int32_t version)
{
    struct buf b = {0};

    put_path_version_request(
        &b, &(struct zk_path_version_request){.path = text_or_null(path), .version = version});
    return send_body(rig, name, OP_DELETE, &b);
}

const char *set_data(struct rig *rig, char name, const char *path, const char *data,
                     int32_t version)
{
    struct buf b = {0};

    put_set_data_request(&b, &(struct zk_set_data_request){.path = text_or_null(path),
                                                           .data = text_or_null(data),
                                                           .version = version});
    return send_body(rig, name, OP_SET_DATA, &b);
}

const char *set_acl(struct rig *rig, char name, const char *path, const char *acl, int32_t version)
{
    struct arena arena = {0};
    struct buf b = {0};

    put_set_acl_request(&b, &(struct zk_set_acl_request){.path = text_or_null(path),
                                                         .acl = parse_acl(acl, &arena),
                                                         .version = version});
    arena_done(&arena);
    return send_body(rig, name, OP_SET_ACL, &b);
}

static const char *send_path_watch(struct rig *rig, char name, int32_t op, const char *path,
                                   bool watch)
{
    struct buf b = {0};

    put_path_watch_request(
        &b, &(struct zk_path_watch_request){.path = text_or_null(path), .watch = watch});
    return send_body(rig, name, op, &b);
}

const char *exists(struct rig *rig, char name, const char *path, bool watch)
{
    return send_path_watch(rig, name, OP_EXISTS, path, watch);
}

const char *get_data(struct rig *rig, char name, const char *path, bool watch)
{
    return send_path_watch(rig, name, OP_GET_DATA, path, watch);
}

const char *get_children(struct rig *rig, char name, const char *path, bool watch)
{
    return send_path_watch(rig, name, OP_GET_CHILDREN, path, watch);
}

const char *get_children2(struct rig *rig, char name, const char *path, bool watch)
{
    return send_path_watch(rig, name, OP_GET_CHILDREN2, path, watch);
}

static const char *send_path(struct rig *rig, char name, int32_t op, const char *path)
{
    struct buf b = {0};

    put_path_request(&b, &(struct zk_path_request){.path = text_or_null(path)});
    return send_body(rig, name, op, &b);
}

const char *acl_of(struct rig *rig, char name, const char *path)
{
    return send_path(rig, name, OP_GET_ACL, path);
}

const char *sync_path(struct rig *rig, char name, const char *path)
{
    return send_path(rig, name, OP_SYNC, path);
}

const char *ping(struct rig *rig, char name)
{
    return send_with_xid(rig, name, XID_PING, OP_PING, NULL);
}

const char *close_session(struct rig *rig, char name)
{
    return rig_request(rig, name, OP_CLOSE_SESSION, NULL);
}

const char *add_auth(struct rig *rig, char name, const char *scheme, const char *auth)
{
    struct buf b = {0};
    const char *said;

    put_auth_packet(
        &b, &(struct zk_auth_packet){.scheme = jute_str(scheme), .auth = text_or_null(auth)});
    said = send_with_xid(rig, name, XID_AUTH, OP_AUTH, &b);
    buf_done(&b);
    return said;
}

const char *add_watch(struct rig *rig, char name, const char *path, int32_t mode)
{
    struct buf b = {0};

    put_add_watch_request(&b,
                          &(struct zk_add_watch_request){.path = text_or_null(path), .mode = mode});
    return send_body(rig, name, OP_ADD_WATCH, &b);
}

const char *remove_watches(struct rig *rig, char name, const char *path, int32_t type)
{
    struct buf b = {0};

    put_watch_type_request(
        &b, &(struct zk_watch_type_request){.path = text_or_null(path), .type = type});
    return send_body(rig, name, OP_REMOVE_WATCHES, &b);
}

void multi_create(struct multi *multi, const char *path, const char *data, int32_t flags)
{
    multi_put_op(&multi->body, OP_CREATE2);
    put_create_request(&multi->body, &(struct zk_create_request){.path = text_or_null(path),
                                                                 .data = text_or_null(data),
                                                                 .acl = open_acl,
                                                                 .flags = flags});
}

void multi_set_data(struct multi *multi, const char *path, const char *data, int32_t version)
{
    multi_put_op(&multi->body, OP_SET_DATA);
    put_set_data_request(&multi->body, &(struct zk_set_data_request){.path = text_or_null(path),
                                                                     .data = text_or_null(data),
                                                                     .version = version});
}

static void multi_path_version(struct multi *multi, int32_t op, const char *path, int32_t version)
{
    multi_put_op(&multi->body, op);
    put_path_version_request(&multi->body, &(struct zk_path_version_request){
                                               .path = text_or_null(path), .version = version});
}

void multi_delete(struct multi *multi, const char *path, int32_t version)
{
    multi_path_version(multi, OP_DELETE, path, version);
}

void multi_check(struct multi *multi, const char *path, int32_t version)
{
    multi_path_version(multi, OP_CHECK, path, version);
}

void multi_read(struct multi *multi, int32_t op, const char *path)
{
    multi_put_op(&multi->body, op);
    put_path_watch_request(&multi->body,
                           &(struct zk_path_watch_request){.path = text_or_null(path)});
}

const char *multi_send(struct rig *rig, char name, int32_t op, struct multi *multi)
{
    multi_put_end(&multi->body);
    return send_body(rig, name, op, &multi->body);
}
