/* settings: see settings.h. */
#include "server/settings.h"

#include "proto/base/assert.h"
#include "server/core/session_id.h"

#include <sys/random.h>

/* The id that a server without an ensemble has in its session ids, as Apache's. */
#define STANDALONE_SID 1

/* Of the log's segments, unless preAllocSize says otherwise. */
#define SEGMENT_BYTES ((uint64_t)16 << 20)
#define SEGMENT_SLACK_BYTES ((uint64_t)32 << 10)

static struct hash_key random_key(void)
{
    struct hash_key key;

    if (getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key)
        die("server: the system gives no random bytes");
    return key;
}

/* The txn of the longest request fits into a segment: names, ACLs and versions that
 * the server adds may double it. */
static uint64_t segment_bytes(const struct config *config)
{
    uint64_t wanted =
        config->segment_kib == 0 ? SEGMENT_BYTES : (uint64_t)config->segment_kib * 1024;
    uint64_t least = 2 * (uint64_t)config->frame_bytes_max + SEGMENT_SLACK_BYTES;
    uint64_t bytes = wanted > least ? wanted : least;

    return (bytes + DISK_PAGE - 1) / DISK_PAGE * DISK_PAGE;
}

struct store_config settings_store(const struct config *config)
{
    return (struct store_config){
        .data_dir = config->data_dir,
        .log_dir = config->data_log_dir,
        .key = random_key(),
        .segment_bytes = segment_bytes(config),
        .snap_count = (uint64_t)config->snap_count,
    };
}

static size_t large_request_bytes(const struct config *config)
{
    return config->large_request_bytes > 0 ? (size_t)config->large_request_bytes : 0;
}

struct core_config settings_core(const struct config *config, size_t txn_bytes_max, int64_t wall_ms)
{
    return (struct core_config){
        .tick_ms = config->tick_ms,
        .min_session_timeout_ms = config->min_session_timeout_ms,
        .max_session_timeout_ms = config->max_session_timeout_ms,
        .container_check_interval_ms = config->container_check_interval_ms,
        .container_max_per_minute = config->container_max_per_minute,
        .container_never_used_ms = config->container_never_used_ms,
        .extended_types = config->extended_types,
        .reconfig_enabled = config->reconfig_enabled,
        .enforce_quota = config->enforce_quota,
        .large_request_bytes = large_request_bytes(config),
        .skip_acl = config->skip_acl,
        .digest_off = !config->digest_enabled,
        .digest_algorithm = config->digest_algorithm,
        .super_digest = config->super_digest,
        .auth_schemes = config->enforce_auth ? config->auth_schemes : NULL,
        .ensemble_names = config->ensemble_names,
        .first_session_id = session_id_first(wall_ms, (uint16_t)random_key().k0, STANDALONE_SID),
        .txn_bytes_max = txn_bytes_max,
        .hash_key = random_key(),
    };
}

struct connections_config settings_connections(const struct config *config)
{
    return (struct connections_config){
        .per_address_max = config->client_cnxns_max,
        .total_max = config->cnxns_max,
        .handshake_timeout_ms = config->handshake_timeout_ms,
        .frame_bytes_max = config->frame_bytes_max,
        .outstanding_max = config->outstanding_max,
        .throttle_max = config->request_throttle ? config->requests_throttle_max : 0,
        .late_ms = config->throttled_op_wait_ms,
        .closes_stale = config->throttle_drops_stale && config->throttle_checks_latency,
        .large_request_bytes = large_request_bytes(config),
        .large_requests_max = (size_t)config->large_requests_max,
        .session_throttle = config->session_throttle,
        .tcp_keep_alive = config->tcp_keep_alive,
        .hash_key = random_key(),
        .random_seed = random_key().k0,
    };
}
