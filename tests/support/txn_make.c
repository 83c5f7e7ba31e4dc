/* txn_make: see txn_make.h. */
#include "tests/support/txn_make.h"

#include "proto/base/assert.h"
#include "proto/errors.h"

#include <stdio.h>

static struct zk_acl anyone_all = {.perms = PERM_ALL,
                                   .scheme = {.data = (const uint8_t *)"world", .len = 5},
                                   .id = {.data = (const uint8_t *)"anyone", .len = 6}};
static struct zk_acl anyone_read = {.perms = PERM_READ,
                                    .scheme = {.data = (const uint8_t *)"world", .len = 5},
                                    .id = {.data = (const uint8_t *)"anyone", .len = 6}};

const struct zk_vec_acl txn_acl_open = {.count = 1, .items = &anyone_all};
const struct zk_vec_acl txn_acl_read = {.count = 1, .items = &anyone_read};
const struct zk_vec_acl txn_acl_null = {.count = -1};

void txn_make_done(struct txn_maker *maker)
{
    arena_done(&maker->arena);
}

struct txn txn_of_type(struct txn_maker *m, int32_t type)
{
    return (struct txn){
        .hdr = {.client_id = m->client_id, .zxid = ++m->zxid, .time = ++m->time, .type = type}};
}

static struct jute_bytes bytes_or_null(const char *s)
{
    return s == NULL ? JUTE_NULL : jute_str(s);
}

struct txn txn_create(struct txn_maker *m, const char *path, const char *data)
{
    struct txn txn = txn_of_type(m, OP_CREATE);

    txn.create = (struct zk_create_txn){.path = jute_str(path),
                                        .data = bytes_or_null(data),
                                        .acl = txn_acl_open,
                                        .parent_cversion = -1};
    return txn;
}

struct txn txn_create_ephemeral(struct txn_maker *m, const char *path)
{
    struct txn txn = txn_create(m, path, "");

    txn.create.ephemeral = true;
    return txn;
}

struct txn txn_delete(struct txn_maker *m, const char *path)
{
    struct txn txn = txn_of_type(m, OP_DELETE);

    txn.del.path = jute_str(path);
    return txn;
}

struct txn txn_set_data(struct txn_maker *m, const char *path, const char *data, int32_t version)
{
    struct txn txn = txn_of_type(m, OP_SET_DATA);

    txn.set_data = (struct zk_set_data_txn){
        .path = jute_str(path), .data = bytes_or_null(data), .version = version};
    return txn;
}

struct txn txn_set_acl(struct txn_maker *m, const char *path, const struct zk_vec_acl *acl,
                       int32_t version)
{
    struct txn txn = txn_of_type(m, OP_SET_ACL);

    txn.set_acl = (struct zk_set_acl_txn){.path = jute_str(path), .acl = *acl, .version = version};
    return txn;
}

struct txn txn_create_session(struct txn_maker *m, int32_t timeout_ms)
{
    struct txn txn = txn_of_type(m, OP_CREATE_SESSION);

    txn.create_session.timeout = timeout_ms;
    return txn;
}

struct txn txn_error(struct txn_maker *m, int32_t err)
{
    struct txn txn = txn_of_type(m, OP_ERROR);

    txn.error.err = err;
    return txn;
}

static struct jute_bytes in_arena(struct txn_maker *m, const struct buf *bytes)
{
    uint8_t *copy = arena_alloc(&m->arena, bytes->len + 1);

    if (bytes->len > 0)
        memcpy(copy, bytes->data, bytes->len);
    copy[bytes->len] = '\0';
    return (struct jute_bytes){.data = copy, .len = (int32_t)bytes->len};
}

struct txn txn_multi(struct txn_maker *m, const struct txn *parts, int count)
{
    struct txn txn = txn_of_type(m, OP_MULTI);
    struct zk_sub_txn *subs = arena_alloc(&m->arena, ((size_t)count + 1) * sizeof *subs);

    for (int i = 0; i < count; i++) {
        struct buf body = {0};

        txn_encode_body(&body, &parts[i]);
        subs[i] = (struct zk_sub_txn){.type = parts[i].hdr.type, .data = in_arena(m, &body)};
        buf_done(&body);
    }
    txn.multi.txns = (struct zk_vec_sub_txn){.count = count, .items = subs};
    return txn;
}

/* ---- at random ---- */

static uint64_t below(struct txn_maker *m, uint64_t limit)
{
    return rng_below(&m->rng, limit);
}

static const char *random_quota_path(struct txn_maker *m)
{
    static const char *const paths[] = {"/zookeeper/quota/a/zookeeper_limits",
                                        "/zookeeper/quota/a/zookeeper_stats",
                                        "/zookeeper/quota/a/b/zookeeper_limits",
                                        "/zookeeper/quota/a/b/zookeeper_stats",
                                        "/zookeeper/quota/a/b",
                                        "/zookeeper/quota/zookeeper_limits"};

    return paths[below(m, sizeof paths / sizeof *paths)];
}

static const char *random_path(struct txn_maker *m)
{
    static const char *const absurd[] = {"",
                                         "x",
                                         "/",
                                         "//",
                                         "/a/",
                                         "/a//b",
                                         "a/b",
                                         "/zookeeper",
                                         "/zookeeper/quota/a",
                                         "/zookeeper/config"};
    struct buf path = {0};
    uint64_t depth = 1 + below(m, 3);
    const char *ret;

    if (below(m, 25) == 0)
        return absurd[below(m, sizeof absurd / sizeof *absurd)];
    if (below(m, 6) == 0)
        return random_quota_path(m);
    for (uint64_t i = 0; i < depth; i++)
        buf_printf(&path, "/%c", (int)('a' + below(m, 4)));
    if (below(m, 10) == 0)
        buf_printf(&path, "%010d", (int)below(m, 3));
    ret = (const char *)in_arena(m, &path).data;
    buf_done(&path);
    return ret;
}

static struct jute_bytes random_data(struct txn_maker *m)
{
    struct buf data = {0};
    struct jute_bytes ret;
    uint64_t len = below(m, 40);

    if (below(m, 8) == 0)
        return JUTE_NULL;
    if (below(m, 8) == 0)
        buf_printf(&data, "count=%d,bytes=%d", (int)below(m, 9), (int)below(m, 99));
    else
        for (uint64_t i = 0; i < len; i++)
            *buf_extend(&data, 1) = (uint8_t)rng_next(&m->rng);
    ret = in_arena(m, &data);
    buf_done(&data);
    return ret;
}

static struct zk_vec_acl random_acl(struct txn_maker *m)
{
    struct zk_acl *items;

    switch (below(m, 5)) {
    case 0:
        return txn_acl_read;
    case 1:
        return txn_acl_null;
    case 2:
        items = arena_alloc(&m->arena, 2 * sizeof *items);
        items[0] = anyone_read;
        items[1] = (struct zk_acl){.perms = (int32_t)below(m, 3), .id = JUTE_NULL};
        return (struct zk_vec_acl){.count = 1 + (int32_t)below(m, 2), .items = items};
    case 3:
        return (struct zk_vec_acl){.count = 0};
    default:
        return txn_acl_open;
    }
}

static int32_t random_cversion(struct txn_maker *m)
{
    return below(m, 3) == 0 ? -1 : (int32_t)below(m, 200);
}

/* What makes a quota is not: in which order a session's ephemerals go would show. */
static bool random_ephemeral(struct txn_maker *m, const char *path)
{
    return below(m, 2) == 0 && strncmp(path, "/zookeeper", strlen("/zookeeper")) != 0;
}

static void fill_create(struct txn_maker *m, struct txn *txn)
{
    const char *path = random_path(m);

    if (txn->hdr.type == OP_CREATE_CONTAINER)
        txn->create_container =
            (struct zk_create_container_txn){.path = jute_str(path),
                                             .data = random_data(m),
                                             .acl = random_acl(m),
                                             .parent_cversion = random_cversion(m)};
    else if (txn->hdr.type == OP_CREATE_TTL)
        txn->create_ttl = (struct zk_create_ttl_txn){.path = jute_str(path),
                                                     .data = random_data(m),
                                                     .acl = random_acl(m),
                                                     .parent_cversion = random_cversion(m),
                                                     .ttl = 1 + (int64_t)below(m, 100)};
    else
        txn->create = (struct zk_create_txn){.path = jute_str(path),
                                             .data = random_data(m),
                                             .acl = random_acl(m),
                                             .ephemeral = random_ephemeral(m, path),
                                             .parent_cversion = random_cversion(m)};
}

static struct txn random_part(struct txn_maker *m)
{
    static const int32_t types[] = {
        OP_CREATE,     OP_CREATE,  OP_CREATE2, OP_CREATE,           OP_CREATE_CONTAINER,
        OP_CREATE_TTL, OP_DELETE,  OP_DELETE,  OP_DELETE_CONTAINER, OP_SET_DATA,
        OP_SET_DATA,   OP_SET_ACL, OP_CHECK};
    struct txn txn = txn_of_type(m, types[below(m, sizeof types / sizeof *types)]);

    switch (txn.hdr.type) {
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
        txn.del.path = jute_str(random_path(m));
        break;
    case OP_SET_DATA:
        txn.set_data = (struct zk_set_data_txn){.path = jute_str(random_path(m)),
                                                .data = random_data(m),
                                                .version = (int32_t)below(m, 9)};
        break;
    case OP_SET_ACL:
        txn.set_acl = (struct zk_set_acl_txn){.path = jute_str(random_path(m)),
                                              .acl = random_acl(m),
                                              .version = (int32_t)below(m, 9)};
        break;
    case OP_CHECK:
        txn.check = (struct zk_check_version_txn){.path = jute_str(random_path(m))};
        break;
    default:
        fill_create(m, &txn);
    }
    return txn;
}

static struct txn random_multi(struct txn_maker *m)
{
    struct txn parts[4];
    int count = (int)below(m, 5);

    for (int i = 0; i < count; i++)
        parts[i] =
            below(m, 20) == 0 ? txn_error(m, below(m, 2) == 0 ? ZOK : ZNONODE) : random_part(m);
    return txn_multi(m, parts, count);
}

static struct txn random_close(struct txn_maker *m)
{
    struct txn txn = txn_of_type(m, OP_CLOSE_SESSION);
    struct jute_bytes *paths = arena_alloc(&m->arena, 3 * sizeof *paths);

    txn.has_paths = below(m, 3) > 0;
    for (int i = 0; i < 3; i++)
        paths[i] = jute_str(random_path(m));
    txn.close_session.paths =
        (struct zk_vec_ustring){.count = txn.has_paths ? (int32_t)below(m, 4) : -1, .items = paths};
    return txn;
}

struct txn txn_random(struct txn_maker *m)
{
    m->client_id = 1 + (int64_t)below(m, 4);
    switch (below(m, 20)) {
    case 0:
        return txn_create_session(m, 1000 + (int32_t)below(m, 3));
    case 1:
        return random_close(m);
    case 2:
        return txn_error(m, ZNONODE);
    case 3:
    case 4:
        return random_multi(m);
    default:
        return random_part(m);
    }
}
