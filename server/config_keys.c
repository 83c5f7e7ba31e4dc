/* config_keys: the table. The order is that of `zkfsd --help`: what is used
 * first; after that what is only known [QuorumPeerConfig; ZooKeeper
 * Administrator's Guide, "Configuration Parameters"]. */
#include "server/config_keys.h"

#include "server/config.h"
#include "server/core/acl_digest.h"

#include <string.h>

#define NOT_KEPT (-1)
#define FIELD(name) ((ptrdiff_t)offsetof(struct config, name))

#define INT(key, field, least, most, normal, about)                            \
    {                                                                          \
        key, CONFIG_INT, CONFIG_USED, FIELD(field), least, most, normal, about \
    }
#define BOOL(key, field, normal, about)                                  \
    {                                                                    \
        key, CONFIG_BOOL, CONFIG_USED, FIELD(field), 0, 0, normal, about \
    }
#define TEXT(key, field, shortest, normal, about)                               \
    {                                                                           \
        key, CONFIG_TEXT, CONFIG_USED, FIELD(field), shortest, 0, normal, about \
    }

#define REAL(key, field, normal, about)                                  \
    {                                                                    \
        key, CONFIG_REAL, CONFIG_USED, FIELD(field), 0, 0, normal, about \
    }

/* Checked as far as that keeps a typing mistake from passing unseen. */
#define SILENT_INT(key, least, most)                                      \
    {                                                                     \
        key, CONFIG_INT, CONFIG_SILENT, NOT_KEPT, least, most, NULL, NULL \
    }
#define SILENT_BOOL(key)                                            \
    {                                                               \
        key, CONFIG_BOOL, CONFIG_SILENT, NOT_KEPT, 0, 0, NULL, NULL \
    }
#define SILENT(key)                                                \
    {                                                              \
        key, CONFIG_ANY, CONFIG_SILENT, NOT_KEPT, 0, 0, NULL, NULL \
    }
#define NOT_YET(key)                                                \
    {                                                               \
        key, CONFIG_ANY, CONFIG_NOT_YET, NOT_KEPT, 0, 0, NULL, NULL \
    }
#define INSTEAD(key, about)                                          \
    {                                                                \
        key, CONFIG_ANY, CONFIG_INSTEAD, NOT_KEPT, 0, 0, NULL, about \
    }
#define STAYS_ON(key, about)                                           \
    {                                                                  \
        key, CONFIG_BOOL, CONFIG_STAYS_ON, NOT_KEPT, 0, 0, NULL, about \
    }
#define UNSAFE(key)                                                \
    {                                                              \
        key, CONFIG_ANY, CONFIG_UNSAFE, NOT_KEPT, 0, 0, NULL, NULL \
    }
#define REFUSED(key, about)                                          \
    {                                                                \
        key, CONFIG_ANY, CONFIG_REFUSED, NOT_KEPT, 0, 0, NULL, about \
    }

#define NO_ENSEMBLE \
    "this version runs standalone only; take the server.N, group.N and weight.N lines out"

const struct config_key config_keys[] = {
    TEXT("dataDir", data_dir, 1, NULL, "directory of the checkpoints and of myid; required"),
    TEXT("dataLogDir", data_log_dir, 1, NULL, "directory of the transaction log; dataDir if unset"),
    INT("clientPort", client_port, 0, 65535, NULL,
        "TCP port for clients; 0 picks a free one; required"),
    TEXT("clientPortAddress", client_port_address, 1, NULL,
         "address or host name to listen on; all addresses if unset"),
    INT("clientPortListenBacklog", listen_backlog, -1, INT32_MAX, "-1",
        "connections that wait to be accepted; -1 is what the system allows"),
    INT("tickTime", tick_ms, 1, 3600000, "3000", "the unit of time in milliseconds"),
    INT("minSessionTimeout", min_session_timeout_ms, -1, INT32_MAX, "-1",
        "shortest session timeout in ms; -1 is 2 ticks"),
    INT("maxSessionTimeout", max_session_timeout_ms, -1, INT32_MAX, "-1",
        "longest session timeout in ms; -1 is 20 ticks"),
    INT("maxClientCnxns", client_cnxns_max, 0, INT32_MAX, "60",
        "connections from one address; 0 is no limit"),
    INT("maxCnxns", cnxns_max, 0, INT32_MAX, "0", "connections in all; 0 is no limit"),
    INT("nio.sessionlessCnxnTimeout", handshake_timeout_ms, 1, INT32_MAX, "10000",
        "ms within which a new connection must ask for a session"),
    INT("jute.maxbuffer", frame_bytes_max, 1024, 64 << 20, "1048575", "longest request in bytes"),
    INT("globalOutstandingLimit", outstanding_max, 1, INT32_MAX, "1000",
        "requests in work; beyond it nothing is read from clients that wait for an answer"),
    BOOL("request_throttle", request_throttle, "true",
         "false turns request_throttle_max_requests off"),
    INT("request_throttle_max_requests", requests_throttle_max, 0, INT32_MAX, "0",
        "requests in work; beyond it no client gets on with another one; 0 is no limit"),
    INT("throttled_op_wait_time", throttled_op_wait_ms, 0, INT32_MAX, "0",
        "ms after which a request that waits for that is answered THROTTLEDOP; 0: never"),
    BOOL("request_throttle_drop_stale", throttle_drops_stale, "true",
         "false turns request_stale_latency_check off"),
    BOOL("request_stale_latency_check", throttle_checks_latency, "false",
         "true: a client whose request waits longer than its session timeout is closed"),
    INT("largeRequestThreshold", large_request_bytes, -1, INT32_MAX, "-1",
        "a longer request, in bytes, is a large one; -1: none is"),
    INT("largeRequestMaxBytes", large_requests_max, 1, INT32_MAX, "104857600",
        "bytes of large requests in work; a client with one more is closed"),
    INT("connection_throttle_tokens", session_throttle.tokens_max, 0, INT32_MAX, "0",
        "sessions that may be asked for in one go; who asks for one more is closed; 0 is no "
        "limit"),
    INT("connection_throttle_fill_time", session_throttle.fill_ms, 1, INT32_MAX, "1",
        "ms after which connection_throttle_fill_count more may be asked for"),
    INT("connection_throttle_fill_count", session_throttle.fill_count, 0, INT32_MAX, "1",
        "sessions more after connection_throttle_fill_time"),
    INT("connection_throttle_freeze_time", session_throttle.freeze_ms, -1, INT32_MAX, "-1",
        "ms between two changes of the chance to be closed when asking; -1: there is no chance "
        "in it"),
    REAL("connection_throttle_drop_increase", session_throttle.drop_increase, "0.02",
         "by which the chance rises when there is nothing left"),
    REAL("connection_throttle_drop_decrease", session_throttle.drop_decrease, "0.002",
         "by which the chance falls"),
    REAL("connection_throttle_decrease_ratio", session_throttle.decrease_ratio, "0",
         "the part of connection_throttle_tokens that may be missing when the chance falls"),
    BOOL("connection_throttle_weight_enabled", session_throttle.weighted, "false",
         "true: sessions that are taken up again count for less than new ones"),
    INT("connection_throttle_global_session_weight", session_throttle.new_weight, 1, INT32_MAX, "3",
        "what a new session counts for"),
    INT("connection_throttle_renew_session_weight", session_throttle.renew_weight, 1, INT32_MAX,
        "2", "what a session counts for that is taken up again"),
    INT("connection_throttle_local_session_weight", session_throttle.local_weight, 1, INT32_MAX,
        "1", "the least that both of these are"),
    INT("snapCount", snap_count, 2, INT32_MAX, NULL,
        "txns after which a checkpoint is taken; by the size of the log alone if unset"),
    INT("preAllocSize", segment_kib, 64, 1 << 20, NULL,
        "size of a segment of the transaction log in KiB, at least twice jute.maxbuffer; 16384 if "
        "unset"),
    BOOL("clientTcpKeepAlive", tcp_keep_alive, "false", "TCP keep-alive on client connections"),
    TEXT("4lw.commands.whitelist", words_whitelist, 0, "srvr",
         "four-letter words that are answered: a list with commas, or *"),
    BOOL("readonlymode.enabled", read_only_mode, "false",
         "true: the word isro is answered whatever the whitelist says"),
    BOOL("extendedTypesEnabled", extended_types, "false", "znodes with a time to live (TTL)"),
    INT("znode.container.checkIntervalMs", container_check_interval_ms, 1, INT32_MAX, "60000",
        "ms between two searches for containers and TTL znodes to delete"),
    INT("znode.container.maxPerMinute", container_max_per_minute, 1, INT32_MAX, "10000",
        "containers and TTL znodes deleted in a minute at most"),
    INT("znode.container.maxNeverUsedIntervalMs", container_never_used_ms, 0, INT32_MAX, "300000",
        "ms after which a container goes that never had a child; 0: it stays"),
    BOOL("reconfigEnabled", reconfig_enabled, "false",
         "whether the operation reconfig exists; a standalone server has nothing to change by it"),
    BOOL("enforceQuota", enforce_quota, "false", "hard limits of quotas are kept, not only noted"),
    BOOL("skipACL", skip_acl, "no", "yes: ACLs are stored and not checked"),
    BOOL("DigestAuthenticationProvider.enabled", digest_enabled, "true",
         "false: there is no auth scheme digest, and what ACLs say of it helps nobody"),
    TEXT("DigestAuthenticationProvider.digestAlg", digest_algorithm, 1, ACL_DIGEST_STANDARD,
         "the hash of the auth scheme digest: SHA1, SHA-256, SHA3-256 ..., as Java names them"),
    TEXT("DigestAuthenticationProvider.superDigest", super_digest, 1, NULL,
         "USER:HASH of the user whom no ACL stops; none if unset"),
    BOOL("enforce.auth.enabled", enforce_auth, "false",
         "true: who has not authenticated by one of enforce.auth.schemes is sent away"),
    TEXT("enforce.auth.schemes", auth_schemes, 1, NULL,
         "the schemes of enforce.auth.enabled, with commas: digest, ip"),
    TEXT("ensembleAuthName", ensemble_names, 1, NULL,
         "names of this ensemble, with commas: a client that asks for another one by the auth "
         "scheme ensemble is sent away"),

    REFUSED("server.*", NO_ENSEMBLE),
    REFUSED("group.*", NO_ENSEMBLE),
    REFUSED("weight.*", NO_ENSEMBLE),
    REFUSED("dynamicConfigFile", NO_ENSEMBLE),
    /* Ensembles: harmless in a standalone server, and in every sample file. */
    SILENT_INT("initLimit", 1, INT32_MAX),
    SILENT_INT("syncLimit", 1, INT32_MAX),
    SILENT_INT("connectToLearnerMasterLimit", 0, INT32_MAX),
    SILENT_INT("electionAlg", 0, 3),
    SILENT("peerType"),
    SILENT_BOOL("standaloneEnabled"),
    SILENT_BOOL("quorumListenOnAllIPs"),
    SILENT_INT("observerMasterPort", 0, 65535),
    SILENT_BOOL("syncEnabled"),
    SILENT_BOOL("sslQuorum"),
    SILENT_BOOL("portUnification"),
    SILENT_BOOL("sslQuorumReloadCertFiles"),
    SILENT("quorum.*"),
    SILENT("multiAddress.*"),
    SILENT("oraclePath"),
    SILENT("leaderServes"),
    SILENT("cnxTimeout"),
    SILENT("quorumCnxnTimeoutMs"),
    SILENT("electionPortBindRetry"),
    SILENT("observer.*"),
    SILENT("leader.*"),
    SILENT("learner.*"),
    SILENT("follower.*"),
    SILENT("maxTimeToWaitForEpoch"),
    SILENT("fastleader.*"),
    SILENT_BOOL("tcpKeepAlive"),
    SILENT("skipTxnSync"),
    SILENT_BOOL("localSessionsEnabled"),
    SILENT_BOOL("localSessionsUpgradingEnabled"),

    /* Files and threads of Apache's that we do not have. */
    SILENT_INT("autopurge.snapRetainCount", 0, INT32_MAX),
    {"autopurge.purgeInterval", CONFIG_HOURS, CONFIG_SILENT, NOT_KEPT, 0, 0, NULL, NULL},
    SILENT("snapSizeLimitInKb"),
    SILENT("txnLogSizeLimitInKb"),
    SILENT("snapshot.*"),
    SILENT("serializeLastProcessedZxid.enabled"),
    SILENT("closeSessionTxn.enabled"),
    SILENT("flushDelay"),
    SILENT("maxWriteQueuePollTime"),
    SILENT("maxBatchSize"),
    SILENT("commitProcessor.*"),
    SILENT("nio.*"),
    SILENT("netty.*"),
    INSTEAD("serverCnxnFactory", "no Java class is loaded; connections are served as always"),
    SILENT("maxResponseCacheSize"),
    SILENT("maxGetChildrenResponseCacheSize"),
    INSTEAD("watchManagerName", "no Java class is loaded; watches are kept as always"),
    SILENT("watcherClean*"),
    SILENT("jvm.*"),
    SILENT("fsync.warningthresholdms"),
    SILENT("intBufferStartingSizeBytes"),
    SILENT("bitHashCacheSize"),
    SILENT("pathStats.*"),
    SILENT("enableEagerACLCheck"),
    SILENT_INT("request_throttle_stall_time", 0, INT32_MAX),
    SILENT_INT("request_throttler.shutdownTimeout", 0, INT32_MAX),
    STAYS_ON("request_stale_connection_check",
             "what a closed connection has sent is dropped all the same"),
    SILENT_BOOL("IPAuthenticationProvider.usexforwardedfor"), /* of the AdminServer's clients */

    NOT_YET("secureClientPort"),
    NOT_YET("secureClientPortAddress"),
    INSTEAD("ssl.authProvider", "no Java class is loaded"),
    INSTEAD("ssl.context.supplier.class", "no Java class is loaded"),
    NOT_YET("ssl.*"),
    NOT_YET("client.portUnification"),
    NOT_YET("fips-mode"),
    NOT_YET("sslQuorum.*"),
    STAYS_ON("forceSync", "every write is synced to disk all the same"),
    STAYS_ON("digest.enabled", "the digest of the tree is kept all the same"),
    NOT_YET("emulate353TTLNodes"),
    NOT_YET("X509AuthenticationProvider.*"),
    NOT_YET("superUser"),
    INSTEAD("authProvider.*",
            "no Java class is loaded; the schemes are world, auth, digest, ip and x509"),
    NOT_YET("admin.*"),
    INSTEAD("audit.impl.class", "no Java class is loaded"),
    NOT_YET("audit.*"),
    INSTEAD("metricsProvider.*", "no Java class is loaded; the word mntr tells the figures"),

    UNSAFE("sessionRequireClientSASLAuth"),
    SILENT("allowSaslFailedClients"),
    SILENT("requireClientAuthScheme"),
};

const size_t config_key_count = sizeof config_keys / sizeof config_keys[0];

/* Names by which the Administrator's Guide calls a key in its headings, and files have it;
 * Apache itself takes only the other ones. */
static const struct {
    const char *other, *name;
} other_names[] = {
    {"connectionMaxTokens", "connection_throttle_tokens"},
    {"connectionTokenFillTime", "connection_throttle_fill_time"},
    {"connectionTokenFillCount", "connection_throttle_fill_count"},
    {"connectionFreezeTime", "connection_throttle_freeze_time"},
    {"connectionDropIncrease", "connection_throttle_drop_increase"},
    {"connectionDropDecrease", "connection_throttle_drop_decrease"},
    {"connectionDecreaseRatio", "connection_throttle_decrease_ratio"},
    {"requestThrottleLimit", "request_throttle_max_requests"},
    {"requestThrottleStallTime", "request_throttle_stall_time"},
    {"requestThrottleDropStale", "request_throttle_drop_stale"},
    {"requestStaleLatencyCheck", "request_stale_latency_check"},
    {"requestStaleConnectionCheck", "request_stale_connection_check"},
    {"throttledOpWaitTime", "throttled_op_wait_time"},
};

static const char *usual_name(const char *name)
{
    static const char prefix[] = "zookeeper.";

    if (strncmp(name, prefix, sizeof prefix - 1) == 0)
        name += sizeof prefix - 1;
    for (size_t i = 0; i < sizeof other_names / sizeof other_names[0]; i++)
        if (strcmp(name, other_names[i].other) == 0)
            return other_names[i].name;
    return name;
}

static int key_matches(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);

    if (pattern[len - 1] != '*')
        return strcmp(pattern, name) == 0;
    return strncmp(pattern, name, len - 1) == 0 && name[len - 1] != '\0';
}

const struct config_key *config_key_find(const char *name)
{
    name = usual_name(name);
    for (size_t i = 0; i < config_key_count; i++) {
        if (key_matches(config_keys[i].name, name))
            return &config_keys[i];
    }
    return NULL;
}
