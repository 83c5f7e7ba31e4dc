/* config: what a zoo.cfg says, checked. The rows of config_keys.c decide what is
 * allowed; the keys have Apache's names and meanings, and one addition:
 * clientPort=0 picks a free port. */
#ifndef ZKFS_SERVER_CONFIG_H
#define ZKFS_SERVER_CONFIG_H

#include "proto/base/errtext.h"
#include "server/session_throttle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every field has its default once config_read() has succeeded. */
struct config {
    char *data_dir;
    char *data_log_dir;
    char *client_port_address; /* NULL: all addresses */
    char *words_whitelist;     /* four-letter words: "a,b" or "*" */
    char *auth_schemes;        /* of which a client needs one, with commas; see enforce_auth */
    char *ensemble_names;      /* with commas; NULL: there is no scheme "ensemble" */
    char *digest_algorithm;    /* of the auth scheme digest; acl_digest_known() */
    char *super_digest;        /* USER:HASH; NULL: there is no super user */
    int32_t client_port;       /* 0: any free one */
    int32_t listen_backlog;    /* -1: the system's */
    int32_t tick_ms;
    int32_t min_session_timeout_ms;
    int32_t max_session_timeout_ms;
    int32_t client_cnxns_max; /* per address; 0: no limit */
    int32_t cnxns_max;        /* in all; 0: no limit */
    int32_t handshake_timeout_ms;
    int32_t frame_bytes_max;
    int32_t outstanding_max; /* requests in the pipeline of the whole server */
    int32_t snap_count;      /* txns between checkpoints; 0: their bytes decide */
    int32_t segment_kib;     /* of the transaction log; 0: the store's own */
    int32_t container_check_interval_ms;
    int32_t container_max_per_minute;
    int32_t container_never_used_ms; /* 0: never */
    struct session_throttle_config session_throttle;
    int32_t requests_throttle_max; /* requests in work; 0: no limit */
    int32_t throttled_op_wait_ms;  /* of one that had to wait for that; 0: for ever */
    int32_t large_request_bytes;   /* longer ones are large; -1: none is */
    int32_t large_requests_max;    /* bytes of the large ones in work */
    bool request_throttle;         /* false: as if the limit were 0 */
    bool throttle_drops_stale, throttle_checks_latency;
    bool tcp_keep_alive;
    bool extended_types;
    bool reconfig_enabled;
    bool enforce_quota;
    bool skip_acl;
    bool digest_enabled; /* the auth scheme */
    bool enforce_auth;
    bool read_only_mode;
};

/* A line for the log about something that does not keep the server from
 * starting: an unknown key, a key without effect. From inside config_read(). */
typedef void (*config_note_cb)(void *arg, bool is_warning, const char *text);

/* Reads the file PATH. Gives *RET, to be ended with config_done().
 * Errors, with WHY naming file, line, key and what is allowed:
 *   -EINVAL           the text is wrong
 *   -ENOENT, ...      from the system call that failed */
int config_read(const char *path, config_note_cb note, void *arg, struct config *ret,
                struct errtext *why);

/* The same for TEXT; NAME stands for the file in messages. */
int config_parse(const char *name, const char *text, size_t len, config_note_cb note, void *arg,
                 struct config *ret, struct errtext *why);

/* A zeroed config is fine. */
void config_done(struct config *config);

#endif
