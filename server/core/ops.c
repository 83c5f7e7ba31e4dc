/* ops: see ops.h. Here the table, and how bodies are decoded. */
#include "server/core/ops.h"

#include "proto/base/assert.h"
#include "proto/multi.h"
#include "server/core/prepare.h"
#include "server/core/read.h"

/* Apache trips over a null path here, and answers that it cannot decode. */
static void refuse_null(struct jute_reader *r, struct jute_bytes path)
{
    if (path.len < 0)
        r->bad = true;
}

static void decode_create(struct jute_reader *r, union request_body *ret)
{
    struct zk_create_request req;

    get_create_request(r, &req);
    ret->create = (struct zk_create_ttl_request){
        .path = req.path, .data = req.data, .acl = req.acl, .flags = req.flags, .ttl = -1};
}

static void decode_create_ttl(struct jute_reader *r, union request_body *ret)
{
    get_create_ttl_request(r, &ret->create);
}

static void decode_delete(struct jute_reader *r, union request_body *ret)
{
    get_path_version_request(r, &ret->path_version);
    refuse_null(r, ret->path_version.path);
}

static void decode_check(struct jute_reader *r, union request_body *ret)
{
    get_path_version_request(r, &ret->path_version);
}

static void decode_set_data(struct jute_reader *r, union request_body *ret)
{
    get_set_data_request(r, &ret->set_data);
}

static void decode_set_acl(struct jute_reader *r, union request_body *ret)
{
    get_set_acl_request(r, &ret->set_acl);
}

static void decode_path_watch(struct jute_reader *r, union request_body *ret)
{
    get_path_watch_request(r, &ret->path_watch);
    refuse_null(r, ret->path_watch.path);
}

/* The flag is there, and means nothing: a multiRead leaves no watches. */
static void decode_part_of_read(struct jute_reader *r, union request_body *ret)
{
    decode_path_watch(r, ret);
    ret->path_watch.watch = false;
}

static void decode_path(struct jute_reader *r, union request_body *ret)
{
    get_path_request(r, &ret->path);
    refuse_null(r, ret->path.path);
}

/* For sync, which only echoes it, and getEphemerals, where null means all. */
static void decode_any_path(struct jute_reader *r, union request_body *ret)
{
    get_path_request(r, &ret->path);
}

static void decode_watch_type(struct jute_reader *r, union request_body *ret)
{
    get_watch_type_request(r, &ret->watch_type);
}

static void decode_add_watch(struct jute_reader *r, union request_body *ret)
{
    get_add_watch_request(r, &ret->add_watch);
    refuse_null(r, ret->add_watch.path);
}

static void refuse_nulls(struct jute_reader *r, const struct zk_vec_ustring *paths)
{
    if (paths->count < 0)
        r->bad = true;
    for (int32_t i = 0; i < paths->count && !r->bad; i++)
        refuse_null(r, paths->items[i]);
}

static void decode_set_watches(struct jute_reader *r, union request_body *ret)
{
    struct zk_set_watches set;

    get_set_watches(r, &set);
    refuse_nulls(r, &set.data);
    refuse_nulls(r, &set.exist);
    refuse_nulls(r, &set.child);
    ret->set_watches = (struct zk_set_watches2){.relative_zxid = set.relative_zxid,
                                                .data = set.data,
                                                .exist = set.exist,
                                                .child = set.child};
}

static void decode_set_watches2(struct jute_reader *r, union request_body *ret)
{
    struct zk_set_watches2 *set = &ret->set_watches;

    get_set_watches2(r, set);
    refuse_nulls(r, &set->data);
    refuse_nulls(r, &set->exist);
    refuse_nulls(r, &set->child);
    refuse_nulls(r, &set->persistent);
    refuse_nulls(r, &set->persistent_recursive);
}

static void decode_reconfig(struct jute_reader *r, union request_body *ret)
{
    get_reconfig_request(r, &ret->reconfig);
}

/* The parts of a multi or multiRead up to the header that says done; each may be an
 * operation with FLAG only. */
static void decode_parts(struct jute_reader *r, unsigned flag, struct multi_request *ret)
{
    struct sub_request *parts = NULL;
    int32_t count = 0, cap = 0, type;

    while (multi_next(r, &type)) {
        if (count == cap) {
            struct sub_request *old = parts;

            cap = cap == 0 ? 4 : cap * 2;
            parts = arena_alloc(r->arena, (size_t)cap * sizeof *parts);
            if (count > 0)
                memcpy(parts, old, (size_t)count * sizeof *parts);
        }
        parts[count].handler = op_find(type);
        if (parts[count].handler == NULL || (parts[count].handler->flags & flag) == 0) {
            r->bad = true;
            break;
        }
        if (flag == OP_IN_MULTI_READ)
            decode_part_of_read(r, &parts[count].body);
        else
            parts[count].handler->decode(r, &parts[count].body);
        /* Apache asks for the parent of each before it looks at any [getPendingChanges]. */
        refuse_null(r, request_body_path(&parts[count].body));
        count++;
    }
    *ret = (struct multi_request){.count = count, .items = parts};
}

static void decode_multi(struct jute_reader *r, union request_body *ret)
{
    struct multi_request parts;

    decode_parts(r, OP_IN_MULTI, &parts);
    ret->multi = parts;
}

static void decode_multi_read(struct jute_reader *r, union request_body *ret)
{
    struct multi_request parts;

    decode_parts(r, OP_IN_MULTI_READ, &parts);
    ret->multi = parts;
}

/* Codes are few and lie in three ranges, so the table is looked up by place. */
#define SLOT(code) ((code) < 0 ? 21 - (code) : (code) < 100 ? (code) : (code)-77)
#define SLOTS (SLOT(OP_CLOSE_SESSION) + 1)

#define READ(code, flag, decode_fn, read_fn) \
    [SLOT(code)] = {.op = (code),            \
                    .kind = KIND_READ,       \
                    .flags = (flag),         \
                    .decode = (decode_fn),   \
                    .read = (read_fn)}
#define WRITE(code, flag, decode_fn, prepare_fn) \
    [SLOT(code)] = {.op = (code),                \
                    .kind = KIND_WRITE,          \
                    .flags = (flag),             \
                    .decode = (decode_fn),       \
                    .prepare = (prepare_fn)}
#define SET_WATCHES(code, decode_fn)       \
    [SLOT(code)] = {.op = (code),          \
                    .kind = KIND_READ,     \
                    .decode = (decode_fn), \
                    .read = read_nothing,  \
                    .before = catch_up_watches}
#define AT_ONCE(code) [SLOT(code)] = {.op = (code), .kind = KIND_AUTH}

#define PART OP_IN_MULTI
#define PART_FILLS (OP_IN_MULTI | OP_NEEDS_SPACE)

static const struct op_handler handlers[SLOTS] = {
    WRITE(OP_CREATE, PART_FILLS, decode_create, prepare_create),
    WRITE(OP_CREATE2, PART_FILLS, decode_create, prepare_create),
    WRITE(OP_CREATE_CONTAINER, PART_FILLS, decode_create, prepare_create),
    WRITE(OP_CREATE_TTL, PART_FILLS, decode_create_ttl, prepare_create),
    WRITE(OP_DELETE, PART, decode_delete, prepare_delete),
    WRITE(OP_DELETE_CONTAINER, 0, NULL, prepare_client_delete_container),
    WRITE(OP_SET_DATA, PART_FILLS, decode_set_data, prepare_set_data),
    WRITE(OP_SET_ACL, OP_NEEDS_SPACE, decode_set_acl, prepare_set_acl),
    WRITE(OP_CHECK, PART | OP_PART_ONLY, decode_check, prepare_check),
    WRITE(OP_MULTI, OP_NEEDS_SPACE, decode_multi, prepare_multi),
    WRITE(OP_RECONFIG, 0, decode_reconfig, prepare_reconfig),
    WRITE(OP_CLOSE_SESSION, 0, NULL, prepare_close_session),
    READ(OP_EXISTS, 0, decode_path_watch, read_exists),
    READ(OP_GET_DATA, OP_IN_MULTI_READ, decode_path_watch, read_get_data),
    READ(OP_GET_CHILDREN, OP_IN_MULTI_READ, decode_path_watch, read_get_children),
    READ(OP_GET_CHILDREN2, 0, decode_path_watch, read_get_children2),
    READ(OP_GET_ACL, 0, decode_path, read_get_acl),
    READ(OP_SYNC, 0, decode_any_path, read_sync),
    READ(OP_PING, 0, NULL, read_nothing),
    READ(OP_GET_EPHEMERALS, OP_WALKS, decode_any_path, read_get_ephemerals),
    READ(OP_GET_ALL_CHILDREN_NUMBER, OP_WALKS, decode_path, read_all_children_number),
    READ(OP_WHO_AM_I, 0, NULL, read_who_am_i),
    READ(OP_MULTI_READ, 0, decode_multi_read, read_multi),
    SET_WATCHES(OP_SET_WATCHES, decode_set_watches),
    SET_WATCHES(OP_SET_WATCHES2, decode_set_watches2),
    READ(OP_ADD_WATCH, 0, decode_add_watch, read_add_watch),
    READ(OP_CHECK_WATCHES, 0, decode_watch_type, read_check_watches),
    READ(OP_REMOVE_WATCHES, 0, decode_watch_type, read_remove_watches),
    AT_ONCE(OP_AUTH),
    AT_ONCE(OP_SASL),
};

const struct op_handler *op_find(int32_t op)
{
    int64_t slot = SLOT((int64_t)op);

    if (op == 0 || slot < 0 || slot >= SLOTS || handlers[slot].op != op)
        return NULL;
    return &handlers[slot];
}

const struct op_handler *op_create_session(void)
{
    static const struct op_handler handler = {
        .op = OP_CREATE_SESSION, .kind = KIND_WRITE, .prepare = prepare_create_session};

    return &handler;
}

const struct op_handler *op_delete_container(void)
{
    static const struct op_handler handler = {.op = OP_DELETE_CONTAINER,
                                              .kind = KIND_WRITE,
                                              .decode = decode_path,
                                              .prepare = prepare_delete_container};

    return &handler;
}
