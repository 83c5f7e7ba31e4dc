/* prepare_create: create, create2, createContainer, createTTL. The op code decides
 * how the znode is kept, the flags whether it is ephemeral or sequential: so a
 * create with the flag of a container makes a plain znode, as Apache's does. */
#include "proto/path.h"
#include "server/core/acl.h"
#include "server/core/prepare.h"
#include "server/core/quota_check.h"
#include "server/core/session_tracker.h"

#include <stdio.h>

/* "-2147483648" and its NUL. */
#define SEQUENCE_BYTES 12

#define SESSION_PATH_BYTES_MAX (64u << 20)

static bool mode_is_ttl(int32_t mode)
{
    return mode == CREATE_PERSISTENT_TTL || mode == CREATE_PERSISTENT_SEQUENTIAL_TTL;
}

static bool mode_is_ephemeral(int32_t mode)
{
    return mode == CREATE_EPHEMERAL || mode == CREATE_EPHEMERAL_SEQUENTIAL;
}

static bool mode_is_sequential(int32_t mode)
{
    return mode == CREATE_PERSISTENT_SEQUENTIAL || mode == CREATE_EPHEMERAL_SEQUENTIAL ||
           mode == CREATE_PERSISTENT_SEQUENTIAL_TTL;
}

/* A TTL comes with op createTTL and only there: Apache lets others pass, and dies when
 * it applies what they give. */
static enum zk_err check_mode(const struct prepare *p, const struct zk_create_ttl_request *req)
{
    if (p->in_multi && mode_is_ttl(req->flags) && p->op != OP_CREATE_TTL)
        return ZMARSHALLINGERROR; /* Apache takes the record for one with a TTL [Op.create] */
    if (req->flags < CREATE_PERSISTENT || req->flags > CREATE_PERSISTENT_SEQUENTIAL_TTL)
        return ZBADARGUMENTS;
    if (mode_is_ttl(req->flags) && !p->config->extended_types)
        return ZUNIMPLEMENTED;
    if (mode_is_ttl(req->flags) != (p->op == OP_CREATE_TTL))
        return ZBADARGUMENTS;
    if (mode_is_ttl(req->flags) && (req->ttl <= 0 || req->ttl > (int64_t)OWNER_TTL_MAX_MS))
        return ZBADARGUMENTS;
    return ZOK;
}

/* What can be told of a path before its suffix is known. Apache trips over a null one. */
static enum zk_err check_path(struct jute_bytes path)
{
    if (path.len < 0)
        return ZMARSHALLINGERROR;
    if (path.len == 0 || memchr(path.data, '/', (size_t)path.len) == NULL ||
        memchr(path.data, '\0', (size_t)path.len) != NULL)
        return ZBADARGUMENTS;
    return ZOK;
}

static struct jute_bytes with_sequence(struct jute_bytes path, int32_t sequence,
                                       struct arena *arena)
{
    uint8_t *bytes = arena_alloc(arena, (size_t)path.len + SEQUENCE_BYTES);
    int len;

    memcpy(bytes, path.data, (size_t)path.len);
    len = snprintf((char *)bytes + path.len, SEQUENCE_BYTES, "%010d", sequence);
    return (struct jute_bytes){.data = bytes, .len = path.len + len};
}

static bool is_ephemeral(const struct prepare *p, int64_t owner)
{
    bool is_ttl = (uint64_t)owner >= OWNER_TTL_MARK && p->config->extended_types;

    return owner != 0 && owner != OWNER_CONTAINER && !is_ttl;
}

/* The path that the znode will have, judged together with its parent. */
static enum zk_err judge_path(const struct prepare *p, const struct zk_create_ttl_request *req,
                              struct jute_bytes *ret_path, int32_t *ret_parent_cversion)
{
    struct planned_znode parent_room, room;
    const struct planned_znode *parent;
    struct jute_bytes path = req->path;
    enum zk_err err = prepare_find(p, path_parent(req->path), PERM_CREATE, &parent_room, &parent);

    if (err != ZOK)
        return err;
    if (mode_is_sequential(req->flags))
        path = with_sequence(path, parent->stat.cversion, p->arena);
    if (!path_valid(path, NULL) || path_name(path).len > TREE_NAME_MAX)
        return ZBADARGUMENTS;
    if (plan_find(p->plan, path, &room) != NULL)
        return ZNODEEXISTS;
    if (is_ephemeral(p, parent->stat.ephemeral_owner))
        return ZNOCHILDRENFOREPHEMERALS;
    *ret_path = path;
    *ret_parent_cversion = plan_next_cversion(parent->stat.cversion);
    return ZOK;
}

/* ephemeralOwner as it is stored [EphemeralType]. */
static int64_t owner_of(const struct prepare *p, const struct zk_create_ttl_request *req)
{
    if (p->op == OP_CREATE_CONTAINER)
        return OWNER_CONTAINER;
    if (p->op == OP_CREATE_TTL)
        return (int64_t)(OWNER_TTL_MARK | (uint64_t)req->ttl);
    return mode_is_ephemeral(req->flags) ? p->session->id : 0;
}

static void fill_txn(const struct prepare *p, const struct zk_create_ttl_request *req,
                     const struct plan_create *planned, int32_t parent_cversion, struct txn *txn)
{
    switch (p->op) {
    case OP_CREATE_CONTAINER:
        txn->create_container =
            (struct zk_create_container_txn){.path = planned->path,
                                             .data = planned->data,
                                             .acl = *planned->acl,
                                             .parent_cversion = parent_cversion};
        break;
    case OP_CREATE_TTL:
        txn->create_ttl = (struct zk_create_ttl_txn){.path = planned->path,
                                                     .data = planned->data,
                                                     .acl = *planned->acl,
                                                     .parent_cversion = parent_cversion,
                                                     .ttl = req->ttl};
        break;
    default:
        txn->create = (struct zk_create_txn){.path = planned->path,
                                             .data = planned->data,
                                             .acl = *planned->acl,
                                             .ephemeral = mode_is_ephemeral(req->flags),
                                             .parent_cversion = parent_cversion};
    }
}

static bool session_has_room(const struct prepare *p, struct jute_bytes path)
{
    uint64_t max = p->config->session_path_bytes_max;

    if (max == 0)
        max = SESSION_PATH_BYTES_MAX;
    return plan_ephemeral_path_bytes(p->plan, p->session) + jute_size(path) <= max;
}

enum zk_err prepare_create(struct prepare *p, const union request_body *body, struct txn *ret_txn)
{
    const struct zk_create_ttl_request *req = &body->create;
    struct plan_create planned = {.data = req->data, .time_ms = p->time_ms};
    struct zk_vec_acl acl;
    int32_t parent_cversion;
    enum zk_err err = check_mode(p, req);

    if (err == ZOK)
        err = check_path(req->path);
    if (err != ZOK)
        return err;
    err = acl_fixup(&req->acl, p->who, p->config->digest_off, p->arena, &acl);
    if (err != ZOK)
        return err;
    err = judge_path(p, req, &planned.path, &parent_cversion);
    if (err != ZOK)
        return err;
    err = quota_check(p->core, planned.path, 1, (int64_t)jute_size(req->data), p->mono_ms);
    if (err != ZOK)
        return err;
    planned.acl = &acl;
    planned.owner = owner_of(p, req);
    planned.session = planned.owner == p->session->id ? p->session : NULL;
    if (planned.session != NULL && !session_has_room(p, planned.path))
        return ZQUOTAEXCEEDED;
    fill_txn(p, req, &planned, parent_cversion, ret_txn);
    plan_create(p->plan, &planned);
    return ZOK;
}
