/* sim_app: see sim_app.h. */
#include "tests/sim/sim_app.h"

#include "proto/base/hash.h"
#include "store/apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_path_own(char path[SIM_PATH_MAX], uint32_t client)
{
    (void)snprintf(path, SIM_PATH_MAX, "/c%u", client % SIM_CLIENTS_MAX);
}

void sim_path_ephemeral(char path[SIM_PATH_MAX], uint32_t client, uint32_t k)
{
    (void)snprintf(path, SIM_PATH_MAX, "/e%u-%u", client % SIM_CLIENTS_MAX, k % SIM_EPHEMERALS_MAX);
}

void sim_path_group(char path[SIM_PATH_MAX], uint32_t client, uint32_t k)
{
    (void)snprintf(path, SIM_PATH_MAX, "/m%u-%u", client % SIM_CLIENTS_MAX, k % SIM_GROUP_SIZE);
}

void sim_path_ticket(char path[SIM_PATH_MAX], uint32_t client, uint32_t seq, uint32_t number)
{
    (void)snprintf(path, SIM_PATH_MAX, SIM_TICKET_PARENT "/%u-%u-%010u", client % SIM_CLIENTS_MAX,
                   seq, number);
}

void sim_path_mortal(char path[SIM_PATH_MAX], uint32_t client, uint32_t k, bool member)
{
    (void)snprintf(path, SIM_PATH_MAX, "/%c%u%s", k == SIM_MORTAL_TTL ? 't' : 'k',
                   client % SIM_CLIENTS_MAX, member ? "/x" : "");
}

/* A number, and what stands behind it, if anything does. */
static bool take_number(struct jute_bytes *path, char end, uint32_t *ret)
{
    uint32_t number = 0;
    int32_t i = 0;

    for (; i < path->len && path->data[i] >= '0' && path->data[i] <= '9'; i++)
        number = 10 * number + (uint32_t)(path->data[i] - '0');
    if (i == 0 || (end == '\0' ? i != path->len : i == path->len || path->data[i] != (uint8_t)end))
        return false;
    i += end != '\0';
    path->data += i;
    path->len -= i;
    *ret = number;
    return true;
}

static struct sim_name name_of_ticket(struct jute_bytes path)
{
    struct jute_bytes rest = {.data = path.data + 3, .len = path.len - 3};
    struct sim_name name = {0};

    if (take_number(&rest, '-', &name.client) && take_number(&rest, '-', &name.k) &&
        take_number(&rest, '\0', &name.number))
        name.place = SIM_PLACE_TICKET;
    return name;
}

static struct sim_name name_of_mortal(struct jute_bytes path)
{
    bool member = path.len == 5 && memcmp(path.data + 3, "/x", 2) == 0;
    struct sim_name name = {0};

    if (path.len != 3 && !member)
        return name;
    name.place = member ? SIM_PLACE_MEMBER : SIM_PLACE_MORTAL;
    name.client = (uint32_t)(path.data[2] - '0') % SIM_CLIENTS_MAX;
    name.k = path.data[1] == 't' ? SIM_MORTAL_TTL : 0;
    return name;
}

struct sim_name sim_name(struct jute_bytes path)
{
    static const struct {
        char letter;
        enum sim_place place;
        bool has_k;
    } places[] = {{'c', SIM_PLACE_OWN, false},
                  {'e', SIM_PLACE_EPHEMERAL, true},
                  {'m', SIM_PLACE_GROUP, true}};
    struct sim_name name = {0};
    struct jute_bytes rest;

    if (path.len <= 2)
        return name;
    if (path.len > 3 && memcmp(path.data, "/s/", 3) == 0)
        return name_of_ticket(path);
    if (path.data[1] == 'k' || path.data[1] == 't')
        return name_of_mortal(path);
    rest = (struct jute_bytes){.data = path.data + 2, .len = path.len - 2};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (path.data[1] != (uint8_t)places[i].letter)
            continue;
        if (take_number(&rest, places[i].has_k ? '-' : '\0', &name.client) &&
            (!places[i].has_k || take_number(&rest, '\0', &name.k)))
            name.place = places[i].place;
        break;
    }
    return name;
}

uint32_t sim_data_seq(struct jute_bytes data)
{
    char text[16] = "";

    if (jute_size(data) > 0)
        memcpy(text, data.data,
               jute_size(data) < sizeof text - 1 ? jute_size(data) : sizeof text - 1);
    return (uint32_t)strtoul(text, NULL, 10);
}

/* What OP changes; type 0: nothing. */
static struct sim_change change_of(const struct txn *op)
{
    switch (op->hdr.type) {
    case OP_CREATE:
    case OP_CREATE2:
        return (struct sim_change){.type = OP_CREATE,
                                   .name = sim_name(op->create.path),
                                   .seq = sim_data_seq(op->create.data)};
    case OP_SET_DATA:
        return (struct sim_change){.type = OP_SET_DATA,
                                   .name = sim_name(op->set_data.path),
                                   .seq = sim_data_seq(op->set_data.data)};
    case OP_CREATE_CONTAINER:
        return (struct sim_change){.type = OP_CREATE_CONTAINER,
                                   .name = sim_name(op->create_container.path)};
    case OP_CREATE_TTL:
        return (struct sim_change){.type = OP_CREATE_TTL,
                                   .name = sim_name(op->create_ttl.path),
                                   .ttl_ms = op->create_ttl.ttl};
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
        return (struct sim_change){.type = op->hdr.type, .name = sim_name(op->del.path)};
    default:
        return (struct sim_change){0};
    }
}

static void on_op(void *arg, const struct txn *op, enum zk_err err, const struct znode *znode)
{
    struct sim_txn *ret = arg;
    struct sim_change change = change_of(op);

    (void)znode;
    if (err != ZOK || change.type == 0)
        return;
    if (ret->change_count < SIM_CHANGES_MAX)
        ret->changes[ret->change_count] = change;
    ret->change_count++;
}

bool sim_txn_apply(struct tree *tree, const struct blob *blob, struct sim_txn *ret)
{
    struct tree_observer observer = {.arg = ret, .on_op = on_op};
    struct arena arena = {0};
    struct txn txn;
    bool ok = txn_decode(blob->data, blob->len, &arena, &txn) && txn.has_digest;

    if (ok) {
        *ret = (struct sim_txn){.session = txn.hdr.client_id,
                                .cxid = txn.hdr.cxid,
                                .type = txn.hdr.type,
                                .zxid = txn.hdr.zxid,
                                .time = txn.hdr.time};
        (void)tree_apply(tree, &txn, &observer);
        ok = tree_digest(tree) == (uint64_t)txn.digest.tree_digest;
    }
    arena_done(&arena);
    return ok;
}

uint64_t sim_blob_hash(const struct blob *blob)
{
    uint64_t hash = blob->len;
    size_t i = 0;

    for (; i + 8 <= blob->len; i += 8) {
        uint64_t word;

        memcpy(&word, blob->data + i, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    for (; i < blob->len; i++)
        hash = (hash ^ blob->data[i]) * 0x9e3779b97f4a7c15u;
    return hash_u64(hash);
}
