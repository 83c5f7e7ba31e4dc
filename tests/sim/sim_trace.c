/* sim_trace: see sim_trace.h. */
#include "tests/sim/sim_trace.h"

#include "proto/base/hash.h"
#include "replication/packet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_item(const struct sim_trace_item *item)
{
    printf("%10.4f  ", (double)item->at / 1e6);
    if (item->server != 0)
        printf("s%d ", item->server);
    else
        printf("   ");
    if (item->text[0] != '\0')
        printf("%s %s\n", item->what, item->text);
    else
        printf("%s 0x%" PRIx64 " 0x%" PRIx64 "\n", item->what, (uint64_t)item->a,
               (uint64_t)item->b);
}

static struct sim_trace_item *add(struct sim_trace *trace, int64_t at, int server, const char *what,
                                  int64_t a, int64_t b)
{
    struct sim_trace_item *item = &trace->items[trace->count++ % SIM_TRACE_KEPT];

    item->at = at;
    item->server = server;
    item->what = what;
    item->a = a;
    item->b = b;
    item->text[0] = '\0';
    trace->hash = hash_u64(trace->hash + (uint64_t)at * 31 + (uint64_t)server);
    trace->hash =
        (trace->hash ^ (uint64_t)a) * 0x9e3779b97f4a7c15u + (uint64_t)b + (uint8_t)what[0];
    return item;
}

void sim_trace(struct sim_trace *trace, int64_t at, int server, const char *what, int64_t a,
               int64_t b)
{
    struct sim_trace_item *item = add(trace, at, server, what, a, b);

    if (trace->loud)
        print_item(item);
}

static void set_text(struct sim_trace_item *item, struct buf *b)
{
    (void)snprintf(item->text, sizeof item->text, "%s", buf_cstr(b)); /* a long one is cut */
    buf_done(b);
}

void sim_trace_action(struct sim_trace *trace, int64_t at, int server,
                      const struct zab_action *action)
{
    struct sim_trace_item *item = add(trace, at, server, "does", action->zxid ^ action->msg.zxid,
                                      (int64_t)(action->kind + (uint64_t)action->msg.type * 64 +
                                                action->conn * 4096 + (uint64_t)action->sid * 7));
    struct buf b = {0};

    if (!trace->worded && !trace->loud)
        return;
    zab_action_print(&b, action);
    set_text(item, &b);
    if (trace->loud)
        print_item(item);
}

void sim_trace_packet(struct sim_trace *trace, int64_t at, int server, uint64_t conn,
                      const struct peer_msg *msg)
{
    struct sim_trace_item *item =
        add(trace, at, server, "gets", msg->zxid, (int64_t)(conn * 32 + (uint64_t)msg->type));
    struct buf b = {0};

    if (!trace->worded && !trace->loud)
        return;
    buf_printf(&b, "from conn %" PRIu64 ": ", conn);
    packet_print(&b, msg);
    set_text(item, &b);
    if (trace->loud)
        print_item(item);
}

void sim_trace_print(const struct sim_trace *trace, uint64_t count)
{
    uint64_t first;

    if (count > SIM_TRACE_KEPT)
        count = SIM_TRACE_KEPT;
    first = trace->count > count ? trace->count - count : 0;
    for (uint64_t i = first; i < trace->count; i++)
        print_item(&trace->items[i % SIM_TRACE_KEPT]);
}
