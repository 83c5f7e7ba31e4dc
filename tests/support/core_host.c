/* core_host: see core_host.h. Here the surroundings; core_requests.c makes requests,
 * core_replies.c makes text of what comes back. */
#include "tests/support/core_host.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "proto/txn.h"
#include "server/core/session_id.h"
#include "store/tree.h"
#include "tests/support/core_replies.h"

#include <stdlib.h>

static zk_zxid next_zxid(void *arg)
{
    const struct rig *rig = arg;

    return rig->last_zxid + 1;
}

static void propose(void *arg, struct blob *txn)
{
    struct rig *rig = arg;

    if (rig->proposal_count == rig->proposal_cap) {
        rig->proposal_cap = rig->proposal_cap == 0 ? 16 : rig->proposal_cap * 2;
        rig->proposals = xrealloc(rig->proposals, rig->proposal_cap * sizeof *rig->proposals);
    }
    rig->proposals[rig->proposal_count++] = txn;
    rig->last_zxid++;
}

static bool storage_full(void *arg)
{
    const struct rig *rig = arg;

    return rig->storage_full;
}

static void output(void *arg, struct core_client *client)
{
    struct rig *rig = arg;

    ASSERT(core_client_out(client)->len > 0);
    rig->outputs++;
}

static void told(void *arg, struct core_client *client)
{
    struct rig *rig = arg;

    ASSERT(core_client_out(client)->len > 0);
    rig->told++;
}

static void on_close(void *arg, struct core_client *client, const char *why)
{
    struct rig_client *owner = core_client_owner(client);

    (void)arg;
    ASSERT(!owner->closed);
    owner->closed = true;
    owner->why = why;
}

static void note(void *arg, const char *text)
{
    struct rig *rig = arg;

    buf_printf(&rig->notes, "%s; ", text);
}

void rig_config(struct rig *rig)
{
    *rig = (struct rig){
        .config = {.tick_ms = 100,
                   .min_session_timeout_ms = 200,
                   .max_session_timeout_ms = 2000,
                   .first_session_id = session_id_first(1, 0, 1),
                   .hash_key = {.k0 = 1, .k1 = 2}},
        .host = {.next_zxid = next_zxid,
                 .propose = propose,
                 .storage_full = storage_full,
                 .output = output,
                 .told = told,
                 .close = on_close,
                 .note = note},
        .now = {.mono_ms = 5000, .wall_ms = 1000000},
    };
}

void rig_start(struct rig *rig)
{
    rig->host.arg = rig;
    rig->tree = tree_new(&rig->config.hash_key);
    rig->core = core_new(&rig->config, &rig->host, rig->tree, &rig->now);
}

void rig_init(struct rig *rig)
{
    rig_config(rig);
    rig_start(rig);
}

static void close_all(struct rig *rig)
{
    for (size_t i = 0; i < RIG_CLIENTS_MAX; i++) {
        if (rig->clients[i].client != NULL)
            core_client_gone(rig->core, rig->clients[i].client);
        rig->clients[i].client = NULL;
    }
}

void rig_done(struct rig *rig)
{
    close_all(rig);
    ASSERT(rig->notes.len == 0);
    ASSERT(core_stats(rig->core).digest_mismatches == 0);
    ASSERT(core_stats(rig->core).outstanding == 0);
    ASSERT(core_stats(rig->core).watches == 0);
    core_free(rig->core);
    tree_free(rig->tree);
    for (size_t i = 0; i < rig->proposal_count; i++)
        blob_unref(rig->proposals[i]);
    free(rig->proposals);
    buf_done(&rig->notes);
    buf_done(&rig->said);
}

void rig_restart(struct rig *rig)
{
    (void)rig_commit_all(rig);
    close_all(rig);
    core_free(rig->core);
    rig->config.first_session_id += 1000;
    rig->core = core_new(&rig->config, &rig->host, rig->tree, &rig->now);
}

const char *rig_said(struct rig *rig)
{
    rig->said.len = 0;
    for (size_t i = 0; i < RIG_CLIENTS_MAX && !rig->mute; i++)
        if (rig->clients[i].client != NULL)
            replies_print(&rig->said, &rig->clients[i]);
    return buf_cstr(&rig->said);
}

static void commit_one(struct rig *rig)
{
    struct blob *txn = rig->proposals[0];

    rig->proposal_count--;
    memmove(rig->proposals, rig->proposals + 1, rig->proposal_count * sizeof *rig->proposals);
    core_commit(rig->core, txn_zxid(txn->data), txn, &rig->now);
    blob_unref(txn);
}

const char *rig_commit(struct rig *rig)
{
    ASSERT(rig->proposal_count > 0);
    commit_one(rig);
    return rig_said(rig);
}

const char *rig_commit_all(struct rig *rig)
{
    while (rig->proposal_count > 0)
        commit_one(rig);
    return rig_said(rig);
}

/* What a request led to: with the quorum at hand, to the end. */
static const char *outcome(struct rig *rig)
{
    return rig->hold ? rig_said(rig) : rig_commit_all(rig);
}

const char *rig_sleep(struct rig *rig, int64_t ms)
{
    int64_t until = rig->now.mono_ms + ms;
    int64_t next;

    while ((next = core_next_tick(rig->core, &rig->now)) <= until) {
        rig->now.wall_ms += next - rig->now.mono_ms;
        rig->now.mono_ms = next;
        core_tick(rig->core, &rig->now);
    }
    rig->now.wall_ms += until - rig->now.mono_ms;
    rig->now.mono_ms = until;
    return outcome(rig);
}

struct rig_client *rig_client(struct rig *rig, char name)
{
    for (size_t i = 0; i < RIG_CLIENTS_MAX; i++)
        if (rig->clients[i].client != NULL && rig->clients[i].name == name)
            return &rig->clients[i];
    ASSERT(!"a connection of this name is open");
    return NULL;
}

void rig_open(struct rig *rig, char name)
{
    size_t i = 0;

    while (rig->clients[i].client != NULL)
        ASSERT(++i < RIG_CLIENTS_MAX);
    rig->clients[i] = (struct rig_client){.name = name, .next_xid = 1};
    rig->clients[i].client = core_client_new(rig->core, &rig->clients[i], "127.0.0.1", &rig->now);
}

void rig_join(struct rig *rig, char name)
{
    const char *said;

    rig_open(rig, name);
    said = rig_connect(rig, name, &(struct zk_connect_request){.timeout = 2000});
    ASSERT(rig->hold || rig->mute || strstr(said, "connected") != NULL);
}

void rig_gone(struct rig *rig, char name)
{
    struct rig_client *client = rig_client(rig, name);

    core_client_gone(rig->core, client->client);
    client->client = NULL;
}

const char *rig_frame(struct rig *rig, char name, const void *payload, size_t len)
{
    /* A copy without a byte to spare: the sanitizer sees a read beyond it. */
    uint8_t *copy = xmemdup(payload, len);

    (rig->late ? core_frame_late : core_frame)(rig->core, rig_client(rig, name)->client, copy, len,
                                               &rig->now);
    free(copy);
    return outcome(rig);
}
