/* client_ops: one function for each operation, which encodes it and queues it. Paths
 * get their chroot here, and lose it again. */
#include "fs/client_impl.h"

#include "proto/base/assert.h"
#include "proto/multi.h"

/* ---- chroot */

struct jute_bytes client_server_path(struct client *client, struct jute_bytes path)
{
    const char *chroot = client->hosts.chroot;
    bool is_root = path.len == 1 && path.data[0] == '/';

    if (chroot[0] == '\0')
        return path;
    client->path_text.len = 0;
    buf_append(&client->path_text, chroot, strlen(chroot));
    if (!is_root)
        buf_append(&client->path_text, path.data, jute_size(path));
    return (struct jute_bytes){.data = client->path_text.data,
                               .len = (int32_t)client->path_text.len};
}

struct jute_bytes client_user_path(const struct client *client, struct jute_bytes path)
{
    int32_t len = (int32_t)strlen(client->hosts.chroot);

    if (len == 0 || path.len < len || memcmp(path.data, client->hosts.chroot, (size_t)len) != 0)
        return path;
    if (path.len == len)
        return jute_str("/");
    if (path.data[len] != '/')
        return path;
    return (struct jute_bytes){.data = path.data + len, .len = path.len - len};
}

/* ---- what the operations have in common */

static const struct zk_vec_acl *acl_or_open(const struct zk_vec_acl *acl)
{
    static struct zk_acl anyone = {
        .perms = PERM_ALL,
        .scheme = {.data = (const uint8_t *)"world", .len = 5},
        .id = {.data = (const uint8_t *)"anyone", .len = 6},
    };
    static const struct zk_vec_acl open = {.count = 1, .items = &anyone};

    return acl == NULL ? &open : acl;
}

static struct client_request *submit_path_watch(struct client *client, int32_t op,
                                                struct jute_bytes path, int watch,
                                                client_reply_cb cb, void *arg)
{
    struct client_request *request = request_new(client, op, cb, arg);
    struct zk_path_watch_request record = {.path = client_server_path(client, path),
                                           .watch = watch != 0};

    request->watch = (uint8_t)watch;
    put_path_watch_request(&request->frame, &record);
    return queue_submit(client, request);
}

static struct client_request *submit_path(struct client *client, int32_t op, struct jute_bytes path,
                                          client_reply_cb cb, void *arg)
{
    struct client_request *request = request_new(client, op, cb, arg);
    struct zk_path_request record = {.path = client_server_path(client, path)};

    put_path_request(&request->frame, &record);
    return queue_submit(client, request);
}

/* ---- writes; the put_ functions serve single operations and multis */

/* The mode decides the operation that the server takes it with. */
static enum zk_op create_op(enum create_mode mode)
{
    switch (mode) {
    case CREATE_CONTAINER:
        return OP_CREATE_CONTAINER;
    case CREATE_PERSISTENT_TTL:
    case CREATE_PERSISTENT_SEQUENTIAL_TTL:
        return OP_CREATE_TTL;
    default:
        return OP_CREATE2;
    }
}

static void put_create(struct client *client, struct buf *b, const struct client_op *op)
{
    struct zk_create_request record = {.path = client_server_path(client, op->path),
                                       .data = op->data,
                                       .acl = *acl_or_open(op->acl),
                                       .flags = op->mode};

    put_create_request(b, &record);
    if (create_op(op->mode) == OP_CREATE_TTL)
        put_i64(b, op->ttl_ms); /* the last field of create_ttl_request, which begins alike */
}

static void put_path_version(struct client *client, struct buf *b, const struct client_op *op)
{
    struct zk_path_version_request record = {.path = client_server_path(client, op->path),
                                             .version = op->version};

    put_path_version_request(b, &record);
}

static void put_set_data(struct client *client, struct buf *b, const struct client_op *op)
{
    struct zk_set_data_request record = {
        .path = client_server_path(client, op->path), .data = op->data, .version = op->version};

    put_set_data_request(b, &record);
}

struct client_request *client_create(struct client *client, struct jute_bytes path,
                                     struct jute_bytes data, const struct zk_vec_acl *acl,
                                     enum create_mode mode, int64_t ttl_ms, client_reply_cb cb,
                                     void *arg)
{
    struct client_request *request = request_new(client, create_op(mode), cb, arg);
    struct client_op op = {.path = path, .data = data, .acl = acl, .mode = mode, .ttl_ms = ttl_ms};

    put_create(client, &request->frame, &op);
    return queue_submit(client, request);
}

struct client_request *client_delete(struct client *client, struct jute_bytes path, int32_t version,
                                     client_reply_cb cb, void *arg)
{
    struct client_request *request = request_new(client, OP_DELETE, cb, arg);
    struct client_op op = {.path = path, .version = version};

    put_path_version(client, &request->frame, &op);
    return queue_submit(client, request);
}

struct client_request *client_exists(struct client *client, struct jute_bytes path, bool watch,
                                     client_reply_cb cb, void *arg)
{
    return submit_path_watch(client, OP_EXISTS, path, watch ? WATCH_EXIST : 0, cb, arg);
}

struct client_request *client_get_data(struct client *client, struct jute_bytes path, bool watch,
                                       client_reply_cb cb, void *arg)
{
    return submit_path_watch(client, OP_GET_DATA, path, watch ? WATCH_DATA : 0, cb, arg);
}

struct client_request *client_set_data(struct client *client, struct jute_bytes path,
                                       struct jute_bytes data, int32_t version, client_reply_cb cb,
                                       void *arg)
{
    struct client_request *request = request_new(client, OP_SET_DATA, cb, arg);
    struct client_op op = {.path = path, .data = data, .version = version};

    put_set_data(client, &request->frame, &op);
    return queue_submit(client, request);
}

struct client_request *client_get_children(struct client *client, struct jute_bytes path,
                                           bool watch, client_reply_cb cb, void *arg)
{
    return submit_path_watch(client, OP_GET_CHILDREN2, path, watch ? WATCH_CHILD : 0, cb, arg);
}

struct client_request *client_get_acl(struct client *client, struct jute_bytes path,
                                      client_reply_cb cb, void *arg)
{
    return submit_path(client, OP_GET_ACL, path, cb, arg);
}

struct client_request *client_set_acl(struct client *client, struct jute_bytes path,
                                      const struct zk_vec_acl *acl, int32_t version,
                                      client_reply_cb cb, void *arg)
{
    struct client_request *request = request_new(client, OP_SET_ACL, cb, arg);
    struct zk_set_acl_request record = {
        .path = client_server_path(client, path), .acl = *acl_or_open(acl), .version = version};

    put_set_acl_request(&request->frame, &record);
    return queue_submit(client, request);
}

struct client_request *client_sync(struct client *client, struct jute_bytes path,
                                   client_reply_cb cb, void *arg)
{
    return submit_path(client, OP_SYNC, path, cb, arg);
}

struct client_request *client_get_ephemerals(struct client *client, struct jute_bytes prefix,
                                             client_reply_cb cb, void *arg)
{
    return submit_path(client, OP_GET_EPHEMERALS, prefix, cb, arg);
}

struct client_request *client_get_all_children_number(struct client *client, struct jute_bytes path,
                                                      client_reply_cb cb, void *arg)
{
    return submit_path(client, OP_GET_ALL_CHILDREN_NUMBER, path, cb, arg);
}

struct client_request *client_who_am_i(struct client *client, client_reply_cb cb, void *arg)
{
    return queue_submit(client, request_new(client, OP_WHO_AM_I, cb, arg));
}

/* ---- configuration: no chroot here */

struct client_request *client_get_config(struct client *client, bool watch, client_reply_cb cb,
                                         void *arg)
{
    struct client_request *request = request_new(client, OP_GET_DATA, cb, arg);
    struct zk_path_watch_request record = {.path = jute_str("/zookeeper/config"), .watch = watch};

    request->watch = watch ? WATCH_DATA : 0;
    put_path_watch_request(&request->frame, &record);
    return queue_submit(client, request);
}

struct client_request *client_reconfig(struct client *client, struct jute_bytes joining,
                                       struct jute_bytes leaving, struct jute_bytes members,
                                       int64_t from_config, client_reply_cb cb, void *arg)
{
    struct client_request *request = request_new(client, OP_RECONFIG, cb, arg);
    struct zk_reconfig_request record = {.joining_servers = joining,
                                         .leaving_servers = leaving,
                                         .new_members = members,
                                         .cur_config_id = from_config};

    put_reconfig_request(&request->frame, &record);
    return queue_submit(client, request);
}

/* ---- multi */

static void put_multi_op(struct client *client, struct buf *b, const struct client_op *op)
{
    multi_put_op(b, op->op == OP_CREATE2 ? (int32_t)create_op(op->mode) : (int32_t)op->op);
    switch (op->op) {
    case OP_CREATE2:
        put_create(client, b, op);
        break;
    case OP_SET_DATA:
        put_set_data(client, b, op);
        break;
    default:
        ASSERT(op->op == OP_DELETE || op->op == OP_CHECK);
        put_path_version(client, b, op);
    }
}

struct client_request *client_multi(struct client *client, const struct client_op *ops,
                                    size_t count, client_reply_cb cb, void *arg)
{
    struct client_request *request = request_new(client, OP_MULTI, cb, arg);

    for (size_t i = 0; i < count; i++)
        put_multi_op(client, &request->frame, &ops[i]);
    multi_put_end(&request->frame);
    return queue_submit(client, request);
}

/* ---- watches */

struct client_request *client_add_watch(struct client *client, struct jute_bytes path,
                                        enum add_watch_mode mode, client_reply_cb cb, void *arg)
{
    struct client_request *request = request_new(client, OP_ADD_WATCH, cb, arg);
    struct zk_add_watch_request record = {.path = client_server_path(client, path),
                                          .mode = (int32_t)mode};

    request->watch = mode == ADD_WATCH_PERSISTENT ? WATCH_PERSISTENT : WATCH_RECURSIVE;
    put_add_watch_request(&request->frame, &record);
    return queue_submit(client, request);
}

/* The kinds in our table that a server's type stands for. */
static int kinds_of(enum client_watch_type type)
{
    static const uint8_t kinds[] = {
        [CLIENT_WATCH_CHILDREN] = WATCH_CHILD,
        [CLIENT_WATCH_DATA] = WATCH_DATA | WATCH_EXIST,
        [CLIENT_WATCH_ANY] = WATCH_ALL,
        [CLIENT_WATCH_PERSISTENT] = WATCH_PERSISTENT,
        [CLIENT_WATCH_RECURSIVE] = WATCH_RECURSIVE,
    };

    return kinds[type];
}

static struct client_request *submit_watch_type(struct client *client, int32_t op,
                                                struct jute_bytes path, enum client_watch_type type,
                                                client_reply_cb cb, void *arg)
{
    struct client_request *request = request_new(client, op, cb, arg);
    struct zk_watch_type_request record = {.path = client_server_path(client, path),
                                           .type = (int32_t)type};

    put_watch_type_request(&request->frame, &record);
    if (op == OP_REMOVE_WATCHES)
        request->watch = (uint8_t)kinds_of(type);
    return queue_submit(client, request);
}

struct client_request *client_remove_watches(struct client *client, struct jute_bytes path,
                                             enum client_watch_type type, client_reply_cb cb,
                                             void *arg)
{
    return submit_watch_type(client, OP_REMOVE_WATCHES, path, type, cb, arg);
}

struct client_request *client_check_watches(struct client *client, struct jute_bytes path,
                                            enum client_watch_type type, client_reply_cb cb,
                                            void *arg)
{
    return submit_watch_type(client, OP_CHECK_WATCHES, path, type, cb, arg);
}

struct client_watched client_watched(struct client *client, struct jute_bytes path)
{
    int kinds = watch_table_kinds(&client->watches, client_server_path(client, path));

    return (struct client_watched){.children = (kinds & WATCH_CHILD) != 0,
                                   .data = (kinds & (WATCH_DATA | WATCH_EXIST)) != 0,
                                   .persistent = (kinds & WATCH_PERSISTENT) != 0,
                                   .recursive = (kinds & WATCH_RECURSIVE) != 0};
}

void client_forget_watches(struct client *client, struct jute_bytes path,
                           enum client_watch_type type)
{
    watch_table_remove(&client->watches, client_server_path(client, path), kinds_of(type));
}
