/* admin_mntr: the figures that monitoring reads [ServerMetrics, MonitorCommand]. Of Apache's
 * some 650 keys those that mean something here and are measured; a tool that asks for a
 * queue between Apache's threads finds no key, rather than a nought. */
#include "server/admin_answer.h"
#include "server/version.h"

#include <inttypes.h>

static void put(struct buf *b, const char *key, int64_t value)
{
    buf_printf(b, "zk_%s\t%" PRId64 "\n", key, value);
}

static void put_count(struct buf *b, const char *key, uint64_t value)
{
    buf_printf(b, "zk_%s\t%" PRIu64 "\n", key, value);
}

static void put_summary(struct buf *b, const char *key, const struct summary *values)
{
    buf_printf(b, "zk_avg_%s\t", key);
    admin_put_average(values, b);
    buf_printf(b, "\nzk_min_%s\t%" PRId64 "\nzk_max_%s\t%" PRId64 "\n", key, values->min, key,
               values->max);
    buf_printf(b, "zk_cnt_%s\t%" PRId64 "\nzk_sum_%s\t%" PRId64 "\n", key, values->count, key,
               values->sum);
}

static void put_histogram(struct buf *b, const char *key, const struct histogram *values)
{
    static const struct {
        const char *name;
        unsigned per_mille;
    } quantiles[] = {{"p50", 500}, {"p95", 950}, {"p99", 990}, {"p999", 999}};

    put_summary(b, key, &values->all);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        buf_printf(b, "zk_%s_%s\t%" PRId64 "\n", quantiles[i].name, key,
                   histogram_quantile(values, quantiles[i].per_mille));
}

static void put_essentials(const struct admin_facts *f, struct buf *b)
{
    buf_printf(b, "zk_version\t%s\n", ZKFS_VERSION_LINE);
    buf_printf(b, "zk_server_state\t%s\n", f->mode);
    buf_printf(b, "zk_avg_latency\t");
    admin_put_average(&f->core.latency, b);
    buf_printf(b, "\n");
    put(b, "max_latency", f->core.latency.max);
    put(b, "min_latency", f->core.latency.min);
    put_count(b, "packets_received", f->core.packets_received);
    put_count(b, "packets_sent", f->core.packets_sent);
    put_count(b, "num_alive_connections", f->connections.open);
    put_count(b, "outstanding_requests", f->core.outstanding);
    put_count(b, "znode_count", f->znodes);
    put_count(b, "watch_count", f->core.watches);
    put_count(b, "ephemerals_count", f->ephemerals);
    put_count(b, "approximate_data_size", f->data_bytes);
    put(b, "open_file_descriptor_count", f->open_fds);
    put(b, "max_file_descriptor_count", f->max_fds);
    put_count(b, "global_sessions", f->core.sessions);
    put(b, "local_sessions", 0);
    put(b, "uptime", f->uptime_ms);
}

static void put_counters(const struct admin_facts *f, struct buf *b)
{
    put(b, "last_client_response_size", f->core.replies.last);
    put(b, "min_client_response_size", f->core.replies.min);
    put(b, "max_client_response_size", f->core.replies.max);
    put_count(b, "auth_failed_count", f->core.auth_failed);
    put_count(b, "commit_count", f->core.commits);
    put_count(b, "snap_count", f->checkpoints);
    put_count(b, "digest_mismatches_count", f->core.digest_mismatches);
    put_count(b, "stale_sessions_expired", f->core.sessions_expired);
    put_count(b, "connection_request_count", f->core.connect_requests);
    put_count(b, "connection_revalidate_count", f->core.revalidations);
    put_count(b, "connection_rejected", f->connections.rejected);
    put_count(b, "large_requests_rejected", f->connections.large_rejected);
    put_count(b, "request_throttle_wait_count", f->connections.held_up);
    put_count(b, "stale_requests_dropped", f->connections.stale);
    put_count(b, "throttled_ops", f->core.throttled);
    put_count(b, "sessionless_connections_expired", f->connections.handshakes_expired);
    put_count(b, "bytes_received_count", f->connections.bytes_received);
    put_count(b, "response_bytes", f->connections.bytes_sent);
    put_count(b, "watch_bytes", f->core.event_bytes);
    put_count(b, "ensemble_auth_success", f->core.ensemble_auth.right);
    put_count(b, "ensemble_auth_skip", f->core.ensemble_auth.none);
    put_count(b, "ensemble_auth_fail", f->core.ensemble_auth.wrong);
}

/* Times are in milliseconds. */
static void put_figures(const struct admin_facts *f, struct buf *b)
{
    put_histogram(b, "readlatency", &f->figures->reads);
    put_histogram(b, "updatelatency", &f->figures->updates);
    put_histogram(b, "propagation_latency", &f->figures->propagation);
    put_summary(b, "node_created_watch_count", &f->figures->created);
    put_summary(b, "node_deleted_watch_count", &f->figures->deleted);
    put_summary(b, "node_changed_watch_count", &f->figures->changed);
    put_summary(b, "node_children_watch_count", &f->figures->children);
    put_summary(b, "fsynctime", &f->syncs);
    put_summary(b, "sync_processor_batch_size", &f->sync_groups);
    put_summary(b, "snapshottime", &f->checkpoint_times);
    put_summary(b, "dbinittime", &f->opened);
}

void admin_put_mntr(const struct admin_facts *f, struct buf *b)
{
    put_essentials(f, b);
    buf_printf(b, "zk_connection_drop_probability\t");
    admin_put_average(&(struct summary){.count = 10000,
                                        .sum = (int64_t)(10000 * f->connections.drop_probability)},
                      b);
    buf_printf(b, "\n");
    put_counters(f, b);
    put_figures(f, b);
}
