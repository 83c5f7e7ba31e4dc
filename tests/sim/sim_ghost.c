/* sim_ghost: see sim_ghost.h. */
#include "tests/sim/sim_ghost.h"

#include "proto/base/mem.h"
#include "replication/window.h"
#include "store/tree.h"
#include "tests/sim/sim_multi.h"

#include <stdlib.h>

static const struct hash_key key = {.k0 = 1, .k1 = 2};

void sim_ghost_init(struct sim_ghost *ghost)
{
    ghost->tree = tree_new(&key);
    ghost->fresh_digest = tree_digest(ghost->tree);
}

void sim_ghost_done(struct sim_ghost *ghost)
{
    tree_free(ghost->tree);
    for (size_t i = 0; i < ghost->epoch_count; i++) {
        for (size_t j = 0; j < ghost->epochs[i].count; j++)
            blob_unref(ghost->epochs[i].txns[j]);
        free(ghost->epochs[i].txns);
    }
    for (size_t i = 0; i < ghost->count; i++)
        blob_unref(ghost->committed[i].txn);
    for (int i = 0; i < SIM_CLIENTS_MAX; i++) {
        sim_history_done(&ghost->clients[i]);
        sim_history_done(&ghost->groups[i]);
    }
    sim_watched_done(&ghost->watched);
    free(ghost->sessions);
    free(ghost->epochs);
    free(ghost->committed);
}

static bool wrong(struct sim_ghost *ghost, const char *complaint)
{
    ghost->complaint = complaint;
    return false;
}

static struct sim_epoch *epoch_find(const struct sim_ghost *ghost, zk_epoch epoch)
{
    /* Questions are about late ones. */
    for (size_t i = ghost->epoch_count; i > 0; i--)
        if (ghost->epochs[i - 1].epoch == epoch)
            return &ghost->epochs[i - 1];
    return NULL;
}

bool sim_ghost_lead(struct sim_ghost *ghost, zk_epoch epoch, int leader)
{
    struct sim_epoch *found = epoch_find(ghost, epoch);

    if (found != NULL)
        return found->leader == leader || wrong(ghost, "two leaders in one epoch");
    if (ghost->epoch_count == ghost->epoch_cap) {
        ghost->epoch_cap = ghost->epoch_cap == 0 ? 16 : ghost->epoch_cap * 2;
        ghost->epochs = xrealloc(ghost->epochs, ghost->epoch_cap * sizeof *ghost->epochs);
    }
    ghost->epochs[ghost->epoch_count++] =
        (struct sim_epoch){.epoch = epoch, .leader = leader, .first = 1};
    return true;
}

bool sim_ghost_propose(struct sim_ghost *ghost, int leader, zk_zxid zxid, struct blob *txn)
{
    struct sim_epoch *epoch = epoch_find(ghost, zxid_epoch(zxid));

    if (epoch == NULL)
        return wrong(ghost, "a proposal of an epoch that nobody leads");
    if (epoch->leader != leader)
        return wrong(ghost, "a proposal of another leader's epoch");
    if (zxid_counter(zxid) != epoch->first + epoch->count)
        return wrong(ghost, "a proposal's zxid is not the next one");
    if (zxid_counter(zxid) > ghost->counter_limit)
        return wrong(ghost, "the counter of a zxid runs over");
    if (epoch->count == epoch->cap) {
        epoch->cap = epoch->cap == 0 ? 16 : epoch->cap * 2;
        epoch->txns = xrealloc(epoch->txns, epoch->cap * sizeof(struct blob *));
    }
    epoch->txns[epoch->count++] = blob_ref(txn);
    return true;
}

struct blob *sim_ghost_proposed(const struct sim_ghost *ghost, zk_zxid zxid)
{
    struct sim_epoch *epoch = epoch_find(ghost, zxid_epoch(zxid));
    uint32_t i;

    if (epoch == NULL || zxid_counter(zxid) < epoch->first)
        return NULL;
    i = zxid_counter(zxid) - epoch->first;
    return i < epoch->count ? epoch->txns[i] : NULL;
}

/* A client's writes are committed in their order, and none twice: it waits for the fate of a
 * session before it begins another, and a server that has lost a session has lost its voice. */
static bool note_values(struct sim_ghost *ghost, const struct sim_txn *txn)
{
    if (txn->change_count > SIM_CHANGES_MAX)
        return wrong(ghost, "more is changed than any client asks for");
    for (size_t i = 0; i < txn->change_count; i++) {
        const struct sim_change *change = &txn->changes[i];
        struct sim_history *history = &ghost->clients[change->name.client % SIM_CLIENTS_MAX];

        if (change->name.place != SIM_PLACE_OWN)
            continue;
        if (sim_history_last(history).seq >= change->seq)
            return wrong(ghost, "a client's writes are committed twice, or not in their order");
        sim_history_add(history, txn->zxid, change->seq);
    }
    return true;
}

/* What the clients' files know of what they ask for. */
static bool note_clients(struct sim_ghost *ghost, const struct sim_txn *txn)
{
    const char *complaint = sim_multi_note(ghost->groups, txn);

    if (complaint == NULL)
        complaint = sim_sequence_note(&ghost->sequence, txn);
    if (complaint == NULL)
        complaint = sim_reap_note(&ghost->reap, txn);
    return complaint == NULL || wrong(ghost, complaint);
}

static void open_session(struct sim_ghost *ghost, const struct sim_txn *txn)
{
    if (ghost->session_count == ghost->session_cap) {
        ghost->session_cap = ghost->session_cap == 0 ? 32 : ghost->session_cap * 2;
        ghost->sessions = xrealloc(ghost->sessions, ghost->session_cap * sizeof *ghost->sessions);
    }
    ghost->sessions[ghost->session_count++] =
        (struct sim_session){.id = txn->session, .opened = txn->zxid};
}

/* 14: one closeSession or none; nothing in its name after it, and nothing that it owns. What the
 * leader does of itself is done in nobody's name. */
static bool note_session(struct sim_ghost *ghost, const struct sim_txn *txn)
{
    struct sim_session *session = sim_ghost_session(ghost, txn->session);

    if (txn->type == OP_ERROR || (txn->type == OP_DELETE_CONTAINER && txn->session == 0))
        return true;
    if (txn->type == OP_CREATE_SESSION) {
        if (session != NULL)
            return wrong(ghost, "a session is opened twice (14)");
        open_session(ghost, txn);
        return true;
    }
    if (session == NULL || session->closed != 0)
        return wrong(ghost, "something is done in the name of a session that is not open (14)");
    if (txn->type != OP_CLOSE_SESSION)
        return true;
    session->closed = txn->zxid;
    if (tree_ephemeral_first(ghost->tree, txn->session) != NULL)
        return wrong(ghost, "an ephemeral outlives its session (14)");
    return true;
}

bool sim_ghost_commit(struct sim_ghost *ghost, zk_zxid zxid, struct blob *txn)
{
    struct blob *proposed = sim_ghost_proposed(ghost, zxid);

    if (proposed == NULL)
        return wrong(ghost, "committed without ever being proposed");
    if (proposed != txn && sim_blob_hash(proposed) != sim_blob_hash(txn))
        return wrong(ghost, "committed with other bytes than proposed");
    if (ghost->count > 0 && !zxid_follows(sim_ghost_end(ghost), zxid))
        return wrong(ghost, "committed with a hole before it, or a step back");
    if (!sim_txn_apply(ghost->tree, txn, &ghost->last))
        return wrong(ghost, "prepared against another state than the one before it");
    if (!note_session(ghost, &ghost->last) || !note_values(ghost, &ghost->last) ||
        !note_clients(ghost, &ghost->last))
        return false;
    sim_watch_note(ghost, &ghost->last);
    if (ghost->count == ghost->cap) {
        ghost->cap = ghost->cap == 0 ? 64 : ghost->cap * 2;
        ghost->committed = xrealloc(ghost->committed, ghost->cap * sizeof *ghost->committed);
    }
    ghost->committed[ghost->count++] = (struct sim_committed){
        .zxid = zxid, .digest = tree_digest(ghost->tree), .txn = blob_ref(txn)};
    return true;
}

struct sim_session *sim_ghost_session(const struct sim_ghost *ghost, int64_t id)
{
    for (size_t i = ghost->session_count; i > 0; i--)
        if (ghost->sessions[i - 1].id == id)
            return &ghost->sessions[i - 1];
    return NULL;
}

struct sim_value sim_ghost_value(const struct sim_ghost *ghost, uint32_t client, zk_zxid zxid)
{
    return sim_history_at(&ghost->clients[client], zxid);
}

const struct blob *sim_ghost_committed(const struct sim_ghost *ghost, zk_zxid zxid)
{
    size_t i = sim_ghost_index(ghost, zxid);

    return i > 0 && ghost->committed[i - 1].zxid == zxid ? ghost->committed[i - 1].txn : NULL;
}

size_t sim_ghost_index(const struct sim_ghost *ghost, zk_zxid zxid)
{
    size_t low = 0, high = ghost->count;

    if (high > 0 && ghost->committed[high - 1].zxid <= zxid)
        return high;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (ghost->committed[middle].zxid <= zxid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

zk_zxid sim_ghost_end(const struct sim_ghost *ghost)
{
    return ghost->count == 0 ? 0 : ghost->committed[ghost->count - 1].zxid;
}

uint64_t sim_ghost_digest(const struct sim_ghost *ghost, size_t count)
{
    return count == 0 ? ghost->fresh_digest : ghost->committed[count - 1].digest;
}
