/* sim_ghost: see sim_ghost.h. */
#include "tests/sim/sim_ghost.h"

#include "proto/base/mem.h"
#include "replication/window.h"
#include "store/tree.h"

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

/* A client's writes of one connection are committed in order, and none twice. (Between its
 * connections there is no order: an old request may come late.) */
static bool check_client(struct sim_ghost *ghost, const struct sim_write *write)
{
    struct sim_client_history *client = &ghost->clients[write->client];
    uint8_t bit = (uint8_t)(1u << (write->seq & 7));

    if (write->seq / 8 >= sizeof client->committed)
        return wrong(ghost, "more writes than the ghost has room for");
    if (client->committed[write->seq / 8] & bit)
        return wrong(ghost, "a client's write was committed twice");
    client->committed[write->seq / 8] |= bit;
    if (write->gen == client->gen && write->seq <= client->seq)
        return wrong(ghost, "a client's writes on one connection changed their order");
    client->gen = write->gen;
    client->seq = write->seq;
    return true;
}

bool sim_ghost_commit(struct sim_ghost *ghost, zk_zxid zxid, struct blob *txn)
{
    struct blob *proposed = sim_ghost_proposed(ghost, zxid);
    struct sim_write write;

    if (proposed == NULL)
        return wrong(ghost, "committed without ever being proposed");
    if (proposed != txn && sim_blob_hash(proposed) != sim_blob_hash(txn))
        return wrong(ghost, "committed with other bytes than proposed");
    if (ghost->count > 0 && !zxid_follows(sim_ghost_end(ghost), zxid))
        return wrong(ghost, "committed with a hole before it, or a step back");
    if (!sim_txn_write(txn, &write))
        return wrong(ghost, "committed something strange");
    if (!check_client(ghost, &write))
        return false;
    if (!sim_txn_apply(ghost->tree, txn))
        return wrong(ghost, "prepared against another state than the one before it");
    if (ghost->count == ghost->cap) {
        ghost->cap = ghost->cap == 0 ? 64 : ghost->cap * 2;
        ghost->committed = xrealloc(ghost->committed, ghost->cap * sizeof *ghost->committed);
    }
    ghost->committed[ghost->count++] = (struct sim_committed){
        .zxid = zxid, .digest = tree_digest(ghost->tree), .txn = blob_ref(txn)};
    return true;
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
