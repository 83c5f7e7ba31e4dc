/* read_watches: setWatches and setWatches2 after a reconnect, addWatch, checkWatches,
 * removeWatches. */
#include "server/core/core_state.h"
#include "server/core/read.h"
#include "server/core/reply.h"

/* Types of watches in checkWatches and removeWatches [Watcher.WatcherType]. */
enum watch_type {
    WATCH_TYPE_CHILDREN = 1,
    WATCH_TYPE_DATA = 2,
    WATCH_TYPE_ANY = 3,
    WATCH_TYPE_PERSISTENT = 4,
    WATCH_TYPE_PERSISTENT_RECURSIVE = 5,
};

static bool arm(struct reading *r, struct jute_bytes path, unsigned modes)
{
    return watch_table_add(&r->core->watches, &r->client->watcher, path, modes);
}

/* A client that cannot have its watches back must not believe it has them. */
static void arm_or_close(struct reading *r, struct jute_bytes path, unsigned modes)
{
    if (!arm(r, path, modes))
        client_close(r->client, "too many watches");
}

/* A catch-up event belongs to no one change, so it names no zxid. */
static void tell_missed(struct reading *r, enum event_type type, struct jute_bytes path)
{
    r->core->scratch.len = 0;
    event_encode(&r->core->scratch, type, path, -1);
    event_send(r->client, &r->core->scratch);
}

static void catch_up_data(struct reading *r, struct jute_bytes path, zk_zxid seen)
{
    const struct znode *znode = tree_lookup(r->tree, path);
    struct zk_stat stat;

    if (znode == NULL) {
        tell_missed(r, EVENT_NODE_DELETED, path);
        return;
    }
    znode_stat(r->tree, znode, &stat);
    if (stat.mzxid > seen)
        tell_missed(r, EVENT_NODE_DATA_CHANGED, path);
    else
        arm_or_close(r, path, WATCH_DATA);
}

static void catch_up_exist(struct reading *r, struct jute_bytes path)
{
    if (tree_lookup(r->tree, path) != NULL)
        tell_missed(r, EVENT_NODE_CREATED, path);
    else
        arm_or_close(r, path, WATCH_DATA);
}

static void catch_up_child(struct reading *r, struct jute_bytes path, zk_zxid seen)
{
    const struct znode *znode = tree_lookup(r->tree, path);

    if (znode == NULL)
        tell_missed(r, EVENT_NODE_DELETED, path);
    else if (znode_pzxid(znode) > seen)
        tell_missed(r, EVENT_NODE_CHILDREN_CHANGED, path);
    else
        arm_or_close(r, path, WATCH_CHILD);
}

void catch_up_watches(struct reading *r, const union request_body *body)
{
    const struct zk_set_watches2 *set = &body->set_watches;

    for (int32_t i = 0; i < set->data.count; i++)
        catch_up_data(r, set->data.items[i], set->relative_zxid);
    for (int32_t i = 0; i < set->exist.count; i++)
        catch_up_exist(r, set->exist.items[i]);
    for (int32_t i = 0; i < set->child.count; i++)
        catch_up_child(r, set->child.items[i], set->relative_zxid);
    for (int32_t i = 0; i < set->persistent.count; i++)
        arm_or_close(r, set->persistent.items[i], WATCH_PERSISTENT);
    for (int32_t i = 0; i < set->persistent_recursive.count; i++)
        arm_or_close(r, set->persistent_recursive.items[i], WATCH_RECURSIVE);
}

/* The body of the reply is an error code of its own (ErrorResponse). */
enum zk_err read_add_watch(struct reading *r, const union request_body *body, struct buf *out)
{
    const struct zk_add_watch_request *req = &body->add_watch;

    if (req->mode != ADD_WATCH_PERSISTENT && req->mode != ADD_WATCH_PERSISTENT_RECURSIVE)
        return ZMARSHALLINGERROR;
    if (!arm(r, req->path, req->mode == ADD_WATCH_PERSISTENT ? WATCH_PERSISTENT : WATCH_RECURSIVE))
        return ZSYSTEMERROR;
    put_error_response(out, &(struct zk_error_response){.err = ZOK});
    return ZOK;
}

/* The modes that a type means, as since 3.9 (ZOOKEEPER-4466, -4472); 0: no such type. */
static unsigned modes_of(int32_t type)
{
    switch (type) {
    case WATCH_TYPE_CHILDREN:
        return WATCH_CHILD;
    case WATCH_TYPE_DATA:
        return WATCH_DATA;
    case WATCH_TYPE_ANY:
        return WATCH_DATA | WATCH_CHILD | WATCH_PERSISTENT | WATCH_RECURSIVE;
    case WATCH_TYPE_PERSISTENT:
        return WATCH_PERSISTENT;
    case WATCH_TYPE_PERSISTENT_RECURSIVE:
        return WATCH_RECURSIVE;
    default:
        return 0;
    }
}

enum zk_err read_check_watches(struct reading *r, const union request_body *body, struct buf *out)
{
    const struct zk_watch_type_request *req = &body->watch_type;
    unsigned modes = modes_of(req->type);

    (void)out;
    if (modes == 0)
        return ZMARSHALLINGERROR;
    if ((watch_table_modes(&r->core->watches, &r->client->watcher, req->path) & modes) == 0)
        return ZNOWATCHER;
    return ZOK;
}

enum zk_err read_remove_watches(struct reading *r, const union request_body *body, struct buf *out)
{
    const struct zk_watch_type_request *req = &body->watch_type;
    unsigned modes = modes_of(req->type);

    (void)out;
    if (modes == 0)
        return ZMARSHALLINGERROR;
    if (watch_table_remove(&r->core->watches, &r->client->watcher, req->path, modes) == 0)
        return ZNOWATCHER;
    return ZOK;
}
