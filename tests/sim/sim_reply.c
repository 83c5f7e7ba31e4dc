/* sim_reply: what clients hear, and whether that is what they are promised (sim_client.h). */
#include "tests/sim/sim.h"

#include "proto/errors.h"
#include "proto/records.h"

#include <inttypes.h>
#include <string.h>

/* ---------------------------------------------------------------- sessions */

static void forget_session(struct sim_client *client)
{
    client->session = 0;
    client->watching = 0;
    for (int i = 0; i < SIM_EPHEMERALS_MAX; i++)
        client->ephemerals[i] = SIM_ABSENT;
    sim_sequence_session_ended(client);
}

static void on_connected(struct sim *sim, struct sim_client *client, struct jute_reader *r)
{
    struct zk_connect_response response;
    const struct sim_session *session;

    get_connect_response(r, &response);
    SIM_REQUIRE(sim, !r->bad, "client %u: a malformed ConnectResponse", client->id);
    if (response.session_id == 0) {
        session = sim_ghost_session(&sim->ghost, client->session);
        SIM_REQUIRE(sim, session != NULL && session->closed != 0,
                    "client %u: its session 0x%" PRIx64 " is called expired, and is not (14)",
                    client->id, client->session);
        sim->cover.expired++;
        forget_session(client);
        return; /* and the server hangs up */
    }
    SIM_REQUIRE(sim, client->session == 0 || client->session == response.session_id,
                "client %u: it is given another session", client->id);
    session = sim_ghost_session(&sim->ghost, response.session_id);
    SIM_REQUIRE(sim, session != NULL, "client %u: its session was never committed", client->id);
    sim->cover.sessions += client->session == 0;
    sim->cover.reattached += client->session != 0;
    client->session = response.session_id;
    memcpy(client->password, response.passwd.data, SESSION_PASSWORD_BYTES);
    client->timeout_ms = response.timeout;
    client->state = CLIENT_ON;
    client->on_since = sim->now;
    if (sim_chance(sim, 4))
        client->watching = 0; /* it does without */
    if (client->watching != 0)
        sim_client_ask(sim, client, SIM_OP_SET_WATCHES);
}

/* Does it speak often enough, with what a leader may be late in hearing of it? */
static bool speaks_in_time(const struct sim *sim, const struct sim_client *client)
{
    return client->timeout_ms * SIM_MS >
           2 * client->pace + 2 * sim->config.tick_ms * SIM_MS + 4 * sim->net.delay_max;
}

/* When all is well, a session whose client is there does not expire. */
void sim_client_session_closed(struct sim *sim, const struct sim_txn *txn)
{
    const struct sim_session *session = sim_ghost_session(&sim->ghost, txn->session);

    for (int i = 0; i < sim->client_count; i++) {
        const struct sim_client *client = &sim->clients[i];
        int64_t enough = 2 * (client->timeout_ms + sim->config.tick_ms) * SIM_MS;

        if (client->session != txn->session || session->asked || client->state != CLIENT_ON ||
            !speaks_in_time(sim, client) || sim->settled_at == 0 || sim->over)
            continue;
        SIM_REQUIRE(sim,
                    sim->now - sim->settled_at < enough || sim->now - client->on_since < enough,
                    "client %d: its session of %d ms expires while it is there, since %.4f s; it "
                    "spoke %.4f s ago (14)",
                    i, client->timeout_ms, (double)client->on_since / 1e6,
                    (double)(sim->now - client->heard_at) / 1e6);
    }
}

/* ---------------------------------------------------------------- answers */

bool sim_reply_refused(enum zk_err err)
{
    return err == ZSYSTEMERROR || err == ZSESSIONMOVED || err == ZSESSIONEXPIRED;
}

/* (A full disk refuses a write before there is a txn.) */
void sim_reply_outcome(struct sim *sim, const struct sim_reply *reply)
{
    const struct blob *txn = sim_ghost_committed(&sim->ghost, reply->zxid);

    sim->cover.refused += sim_reply_refused(reply->err);
    if (reply->err == ZSYSTEMERROR)
        return;
    SIM_REQUIRE(sim,
                txn != NULL && (int64_t)load_be64(txn->data) == reply->client->session &&
                    (int32_t)load_be32(txn->data + 8) == reply->op->xid,
                "client %u: xid %d is answered with 0x%" PRIx64 ", which is not its outcome",
                reply->client->id, reply->op->xid, reply->zxid);
}

static void on_write(struct sim *sim, const struct sim_reply *reply)
{
    struct sim_client *client = reply->client;

    sim_reply_outcome(sim, reply);
    SIM_REQUIRE(sim,
                reply->err == ZOK || reply->err == ZNODEEXISTS || sim_reply_refused(reply->err),
                "client %u: a write gives error %d", client->id, reply->err);
    if (reply->err == ZOK || reply->err == ZNODEEXISTS)
        client->made = true;
    if (reply->err != ZOK)
        return;
    client->acked = reply->op->seq;
    if (sim->now - sim->last_ack_at > sim->cover.longest_outage)
        sim->cover.longest_outage = sim->now - sim->last_ack_at;
    sim->last_ack_at = sim->now;
    sim->cover.acked++;
}

/* What is read is what was there at the zxid that the answer names. */
static void on_read(struct sim *sim, const struct sim_reply *reply)
{
    struct sim_client *client = reply->client;
    uint32_t whose = reply->op->kind == SIM_OP_WATCH ? reply->op->seq : client->id;
    struct sim_value value = sim_ghost_value(&sim->ghost, whose, reply->zxid);
    struct zk_get_data_response response = {0};

    if (reply->err == ZOK)
        get_get_data_response(reply->body, &response);
    SIM_REQUIRE(sim,
                !reply->body->bad && reply->err == (value.zxid == 0 ? ZNONODE : ZOK) &&
                    (value.zxid == 0 || (response.stat.mzxid == value.zxid &&
                                         sim_data_seq(response.data) == value.seq)),
                "client %u: at 0x%" PRIx64 " it reads in /c%u what was not there (13)", client->id,
                reply->zxid, whose);
    SIM_REQUIRE(sim, whose != client->id || value.seq >= client->acked,
                "client %u does not read its write (13)", client->id);
    if (reply->op->kind == SIM_OP_WATCH && reply->err == ZOK)
        sim_watch_value(client, whose, reply->zxid);
    sim->cover.reads++;
}

/* An ephemeral is there, or not, as its owner knows; when he does not, he knows it now. */
static void on_ephemeral(struct sim *sim, const struct sim_reply *reply)
{
    struct sim_client *client = reply->client;
    enum sim_presence *presence = &client->ephemerals[reply->op->seq], was = *presence;
    bool is_there = reply->err == ZOK, is_refused = sim_reply_refused(reply->err);
    struct zk_stat_response response;

    if (reply->op->kind != SIM_OP_EXISTS)
        sim_reply_outcome(sim, reply);
    if (reply->op->kind == SIM_OP_EPHEMERAL)
        is_there = reply->err == ZNODEEXISTS;
    SIM_REQUIRE(sim, is_refused || was == SIM_UNKNOWN || is_there == (was == SIM_PRESENT),
                "client %u: its ephemeral %u is %s at 0x%" PRIx64 ", and should not be (14)",
                client->id, reply->op->seq, is_there ? "there" : "gone", reply->zxid);
    if (is_refused)
        return;
    *presence = is_there ? SIM_PRESENT : SIM_ABSENT;
    if (reply->op->kind == SIM_OP_EPHEMERAL)
        *presence = SIM_PRESENT;
    if (reply->op->kind == SIM_OP_DELETE)
        *presence = SIM_ABSENT;
    if (reply->op->kind == SIM_OP_EXISTS && is_there) {
        get_stat_response(reply->body, &response);
        SIM_REQUIRE(sim, !reply->body->bad && response.stat.ephemeral_owner == client->session,
                    "client %u: its ephemeral belongs to another session (14)", client->id);
    }
    sim->cover.ephemerals++;
}

static void on_synced(struct sim *sim, const struct sim_reply *reply)
{
    SIM_REQUIRE(sim, reply->err == ZOK && reply->zxid >= reply->op->at_least,
                "client %u: after a sync it sees 0x%" PRIx64 ", but 0x%" PRIx64
                " was committed before",
                reply->client->id, reply->zxid, reply->op->at_least);
    sim->cover.syncs++;
}

static void on_closed(struct sim *sim, const struct sim_reply *reply)
{
    const struct sim_session *session = sim_ghost_session(&sim->ghost, reply->client->session);

    SIM_REQUIRE(sim, reply->err != ZOK || (session != NULL && session->closed != 0),
                "client %u: the end of its session is answered and not committed (14)",
                reply->client->id);
    if (session != NULL && session->closed != 0)
        forget_session(reply->client);
    sim->cover.closed++;
}

static void on_reply(struct sim *sim, struct sim_client *client, const struct sim_reply *reply)
{
    switch (reply->op->kind) {
    case SIM_OP_WRITE:
        on_write(sim, reply);
        break;
    case SIM_OP_READ:
    case SIM_OP_WATCH:
        on_read(sim, reply);
        break;
    case SIM_OP_SYNC:
        on_synced(sim, reply);
        break;
    case SIM_OP_CLOSE:
        on_closed(sim, reply);
        break;
    case SIM_OP_GROUP_WRITE:
    case SIM_OP_GROUP_SPOILED:
    case SIM_OP_GROUP_READ:
        sim_multi_reply(sim, reply);
        break;
    case SIM_OP_TICKET_PARENT:
    case SIM_OP_TICKET:
    case SIM_OP_TICKET_DELETE:
    case SIM_OP_TICKET_LOOK:
        sim_sequence_reply(sim, reply);
        break;
    case SIM_OP_MORTAL:
    case SIM_OP_MORTAL_SET:
    case SIM_OP_MEMBER:
    case SIM_OP_MEMBER_DELETE:
        sim_reap_reply(sim, reply);
        break;
    case SIM_OP_LOOK:
    case SIM_OP_LIST:
    case SIM_OP_SET_WATCHES:
        sim_watch_reply(sim, reply);
        break;
    default:
        on_ephemeral(sim, reply);
        break;
    }
    client->asked_at = sim->now;
}

void sim_client_hears(struct sim *sim, uint32_t id, uint64_t line, const struct blob *frame)
{
    struct sim_client *client = &sim->clients[id];
    struct jute_reader r = jute_reader(frame->data, frame->len, NULL);
    struct zk_reply_header header;
    struct zk_watcher_event event;
    struct sim_reply reply;

    if (client->line != line)
        return;
    if (client->state == CLIENT_OPENING) {
        on_connected(sim, client, &r);
        return;
    }
    get_reply_header(&r, &header);
    SIM_REQUIRE(sim, !r.bad, "client %u: a malformed answer", id);
    if (header.xid == XID_WATCH_EVENT) {
        get_watcher_event(&r, &event);
        SIM_REQUIRE(sim, !r.bad, "client %u: a malformed event", id);
        sim_watch_event(sim, client, header.zxid, &event);
        return;
    }
    SIM_REQUIRE(sim, header.zxid >= client->seen,
                "client %u: time went back, from 0x%" PRIx64 " to 0x%" PRIx64 " (13)", id,
                client->seen, header.zxid);
    sim_watch_check(sim, client, header.zxid);
    client->seen = header.zxid;
    if (header.xid == XID_PING)
        return;
    reply = (struct sim_reply){.client = client,
                               .op = &client->ops[client->replied % SIM_OPS_MAX],
                               .zxid = header.zxid,
                               .err = (enum zk_err)header.err,
                               .body = &r};
    SIM_REQUIRE(sim, client->replied < client->asked && reply.op->xid == header.xid,
                "client %u: xid %d is answered out of turn", id, header.xid);
    client->replied++;
    sim_say(sim, 0, "client, xid is answered", id, header.xid);
    on_reply(sim, client, &reply);
}
