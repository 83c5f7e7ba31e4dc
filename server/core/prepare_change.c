/* prepare_change: delete, setData, setACL, the check of a multi, and what is always
 * refused. */
#include "proto/path.h"
#include "server/core/acl.h"
#include "server/core/prepare.h"
#include "server/core/quota_check.h"

/* These stay. The strings are compared as they are: what lies below is ordinary. */
static bool is_reserved(struct jute_bytes path)
{
    static const char *const reserved[] = {"/", "/zookeeper", "/zookeeper/quota",
                                           "/zookeeper/config"};

    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (jute_equal(path, jute_str(reserved[i])))
            return true;
    return false;
}

/* Apache looks at no more of the path than this before it looks for the parent. */
static bool delete_path_ok(struct jute_bytes path)
{
    return path.len > 0 && memchr(path.data, '/', (size_t)path.len) != NULL &&
           memchr(path.data, '\0', (size_t)path.len) == NULL && !is_reserved(path);
}

enum zk_err prepare_delete(struct prepare *p, const union request_body *body, struct txn *ret_txn)
{
    const struct zk_path_version_request *req = &body->path_version;
    struct planned_znode room;
    const struct planned_znode *znode;
    int32_t next;
    enum zk_err err;

    if (!delete_path_ok(req->path))
        return ZBADARGUMENTS;
    err = prepare_find(p, path_parent(req->path), PERM_DELETE, &room, &znode);
    if (err != ZOK)
        return err;
    znode = plan_find(p->plan, req->path, &room);
    if (znode == NULL)
        return ZNONODE;
    err = prepare_next_version(znode->stat.version, req->version, &next);
    if (err != ZOK)
        return err;
    if (znode->child_count > 0)
        return ZNOTEMPTY;
    ret_txn->del = (struct zk_delete_txn){.path = req->path};
    plan_delete(p->plan, req->path);
    return ZOK;
}

enum zk_err prepare_set_data(struct prepare *p, const union request_body *body, struct txn *ret_txn)
{
    const struct zk_set_data_request *req = &body->set_data;
    struct planned_znode room;
    const struct planned_znode *znode;
    int32_t version;
    enum zk_err err;

    if (!path_valid(req->path, NULL))
        return ZBADARGUMENTS;
    err = prepare_find(p, req->path, PERM_WRITE, &room, &znode);
    if (err != ZOK)
        return err;
    err = quota_check(p->core, req->path, 0,
                      (int64_t)jute_size(req->data) - (int64_t)znode->data_size, p->mono_ms);
    if (err != ZOK)
        return err;
    err = prepare_next_version(znode->stat.version, req->version, &version);
    if (err != ZOK)
        return err;
    ret_txn->set_data =
        (struct zk_set_data_txn){.path = req->path, .data = req->data, .version = version};
    plan_set_data(p->plan, req->path, req->data, version, p->time_ms);
    return ZOK;
}

enum zk_err prepare_set_acl(struct prepare *p, const union request_body *body, struct txn *ret_txn)
{
    const struct zk_set_acl_request *req = &body->set_acl;
    struct planned_znode room;
    const struct planned_znode *znode;
    struct zk_vec_acl acl;
    int32_t version;
    enum zk_err err;

    if (!path_valid(req->path, NULL))
        return ZBADARGUMENTS;
    err = acl_fixup(&req->acl, p->who, p->config->digest_off, p->arena, &acl);
    if (err != ZOK)
        return err;
    err = prepare_find(p, req->path, PERM_ADMIN, &room, &znode);
    if (err != ZOK)
        return err;
    err = prepare_next_version(znode->stat.aversion, req->version, &version);
    if (err != ZOK)
        return err;
    ret_txn->set_acl = (struct zk_set_acl_txn){.path = req->path, .acl = acl, .version = version};
    plan_set_acl(p->plan, req->path, &acl, version);
    return ZOK;
}

enum zk_err prepare_check(struct prepare *p, const union request_body *body, struct txn *ret_txn)
{
    const struct zk_path_version_request *req = &body->path_version;
    struct planned_znode room;
    const struct planned_znode *znode;
    int32_t version;
    enum zk_err err;

    if (!path_valid(req->path, NULL))
        return ZBADARGUMENTS;
    err = prepare_find(p, req->path, PERM_READ, &room, &znode);
    if (err != ZOK)
        return err;
    err = prepare_next_version(znode->stat.version, req->version, &version);
    if (err != ZOK)
        return err;
    ret_txn->check = (struct zk_check_version_txn){.path = req->path, .version = version};
    return ZOK;
}

/* The reaper has judged it, by the same plan. */
enum zk_err prepare_delete_container(struct prepare *p, const union request_body *body,
                                     struct txn *ret_txn)
{
    ret_txn->del = (struct zk_delete_txn){.path = body->path.path};
    plan_delete(p->plan, body->path.path);
    return ZOK;
}

/* An operation among servers. From a client, the newest Apache servers would delete
 * any empty znode without a look at its ACL; older ones refuse, and so do we. */
enum zk_err prepare_client_delete_container(struct prepare *p, const union request_body *body,
                                            struct txn *ret_txn)
{
    (void)p;
    (void)body;
    (void)ret_txn;
    return ZBADARGUMENTS;
}

/* A server alone has no configuration to change. */
enum zk_err prepare_reconfig(struct prepare *p, const union request_body *body, struct txn *ret_txn)
{
    (void)body;
    (void)ret_txn;
    return p->config->reconfig_enabled ? ZUNIMPLEMENTED : ZRECONFIGDISABLED;
}
