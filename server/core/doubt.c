/* doubt: see doubt.h. */
#include "server/core/doubt.h"

#include "proto/base/assert.h"
#include "server/core/client.h"
#include "server/core/connect.h"
#include "server/core/core_state.h"

static void ask(struct core *core)
{
    core->doubts.asking = true;
    core->doubts.asked++;
    core->host.sync(core->host.arg, 0, sync_table_add(&core->syncs, NULL));
}

/* The number of the sync that begins after this moment. */
static uint64_t join(struct core *core)
{
    if (core->doubts.asking)
        return core->doubts.asked + 1;
    ask(core);
    return core->doubts.asked;
}

void doubt_client(struct core_client *client, int64_t session_id)
{
    client->state = CLIENT_RETURNING;
    client->stats.session_id = session_id;
    client->awaited = (zk_zxid)join(client->core);
    list_push_back(&client->core->returning, &client->waiting);
}

void doubt_remote(struct core *core, uint64_t conn, int64_t session_id)
{
    verdicts_add(
        &core->doubts.remote,
        &(struct verdict){.conn = conn, .session_id = session_id, .zxid = (zk_zxid)join(core)});
}

/* Should the session be there by now, it is as if it were asked for now; the timeout is the
 * one that it has. There is room for the verdict, as the doubt is gone. */
static void settle_remote(struct core *core, const struct verdict *verdict,
                          const struct core_time *now)
{
    bool has_room;

    if (tracker_find(&core->sessions, verdict->session_id) == NULL) {
        core->host.revalidate_answer(core->host.arg, verdict->conn, verdict->session_id, false);
        return;
    }
    has_room = core_revalidate(core, verdict->conn, verdict->session_id, 0, now);
    ASSERT(has_room);
}

void doubt_settle(struct core *core, const struct core_time *now)
{
    zk_zxid done = (zk_zxid)core->doubts.asked;
    struct verdict verdict;

    core->doubts.asking = false;
    while (verdicts_take(&core->doubts.remote, done, &verdict))
        settle_remote(core, &verdict, now);
    LIST_FOR_SAFE(link, &core->returning)
    {
        struct core_client *client = CONTAINER_OF(link, struct core_client, waiting);

        if (client->awaited <= done)
            connect_confirmed(client);
    }
    if (!core->doubts.asking && (core->doubts.remote.count > 0 || !list_empty(&core->returning)))
        ask(core);
}
