/* sim_stream: snapshots on their way out: in parts of any size, some time between them, while
 * the leader goes on to apply txns. What is sent behind one waits until it has left. */
#include "proto/base/mem.h"
#include "store/stream.h"
#include "tests/sim/sim.h"

#include <errno.h>
#include <stdlib.h>

void sim_stream_done(struct sim_end *end)
{
    tree_stream_close(end->stream);
    end->stream = NULL;
    for (size_t i = 0; i < end->held_count; i++)
        peer_msg_done(&end->held[i].msg);
    free(end->held);
    end->held = NULL;
    end->held_count = end->held_cap = 0;
}

void sim_stream_hold(struct sim_end *end, const struct sim_item *item)
{
    if (end->held_count == end->held_cap) {
        end->held_cap = end->held_cap == 0 ? 16 : 2 * end->held_cap;
        end->held = xrealloc(end->held, end->held_cap * sizeof *end->held);
    }
    end->held[end->held_count++] = *item;
}

static void wait_a_while(struct sim *sim, int s, uint64_t conn)
{
    sim_after(sim, sim_between(sim, 0, sim->stream_pause), EV_STREAM, s, conn, 0);
}

void sim_net_stream(struct sim *sim, int s, uint64_t id, struct tree_stream *stream)
{
    int e;
    struct sim_conn *conn = sim_net_conn(sim, s, id, &e);

    if (conn == NULL) {
        tree_stream_close(stream);
        return;
    }
    SIM_REQUIRE(sim, conn->ends[e].stream == NULL, "s%d: two snapshots on one connection", s);
    conn->ends[e].stream = stream;
    wait_a_while(sim, s, id);
}

/* What waited for it follows. */
static void finish(struct sim *sim, struct sim_conn *conn, int e)
{
    struct sim_end *end = &conn->ends[e];

    for (size_t i = 0; i < end->held_count; i++)
        sim_net_put(sim, conn, e, end->held[i]);
    end->held_count = 0;
    sim_stream_done(end);
}

void sim_stream_part(struct sim *sim, int s, uint64_t id)
{
    int e, rc;
    struct sim_conn *conn = sim_net_conn(sim, s, id, &e);
    struct buf b = {0};

    if (conn == NULL || conn->ends[e].stream == NULL)
        return;
    rc =
        tree_stream_next(conn->ends[e].stream, (size_t)sim_between(sim, 10, sim->stream_bytes), &b);
    if (rc == -ESTALE) {
        sim_net_break(sim, s, id);
        return;
    }
    sim_net_put(sim, conn, e,
                (struct sim_item){.kind = ITEM_STREAM, .bytes = blob_copy(b.data, b.len)});
    buf_done(&b);
    zab_progress(sim->servers[s].zab, id);
    if (rc == 0)
        finish(sim, conn, e);
    else
        wait_a_while(sim, s, id);
    if (sim->healed_at == 0 && sim_chance(sim, 40))
        sim_net_cut_conn(sim, id);
}
