/* admin_words: the four-letter words, by which operators and their scripts ask a
 * server how it is [FourLetterCommands]. The answers are Apache's to the byte,
 * as far as programs read them; what Apache tells of Java is left out, and no figure
 * is made up. Thread: the loop. */
#ifndef ZKFS_SERVER_ADMIN_WORDS_H
#define ZKFS_SERVER_ADMIN_WORDS_H

#include "proto/base/buf.h"
#include "server/config.h"
#include "server/connections.h"
#include "server/core/core.h"

#include <stdbool.h>
#include <stdint.h>

/* The figures of a server at one moment. */
struct admin_facts {
    const char *mode; /* "standalone" */
    zk_zxid zxid;     /* last applied */
    size_t znodes, ephemerals;
    uint64_t data_bytes; /* paths and data */
    uint64_t checkpoint_bytes, log_bytes;
    uint64_t checkpoints; /* taken since the start */
    int64_t uptime_ms;
    int64_t open_fds, max_fds;
    int32_t client_port;
    struct core_stats core;
    const struct core_figures *figures;
    struct summary syncs, sync_groups; /* ms for each group of txns, and the txns in each */
    struct summary checkpoint_times;   /* ms */
    struct summary opened;             /* ms that loading took, once */
    struct connections_stats connections;
};

typedef uint64_t admin_word_set; /* a bit for each row of the table */

/* What the words are answered from, and what they change. */
struct admin {
    admin_word_set allowed;
    int64_t trace_mask; /* of gtmk and stmk: kept, without effect */
    const struct config *config;
    struct core *core;
    struct connections *connections;
    void (*facts)(void *arg, struct admin_facts *ret); /* asked only when needed */
    const struct core_time *(*now)(void *arg);
    void *arg;
};

#define ADMIN_TRACE_MASK 306 /* ZooTrace's default */

/* Adds the words of LIST ("a, b" or "*") to *RET. What it names and nobody can
 * answer is skipped, and told to UNKNOWN. */
void admin_words_allow(const char *list, void (*unknown)(void *arg, const char *word), void *arg,
                       admin_word_set *ret);

struct admin_answer;

/* DATA, of LEN >= 4 bytes, is what a connection began with. A short answer is
 * appended, nothing to telnet's interrupt. Of what may be long *RET_REST is given instead, to
 * be ended with admin_answer_end(). */
enum word_outcome admin_words_answer(struct admin *admin, const uint8_t *data, size_t len,
                                     struct buf *answer, struct admin_answer **ret_rest);

/* Appends the next slice of A to B. False: it was the last one. */
bool admin_answer_more(struct admin_answer *a, struct buf *b);
void admin_answer_end(struct admin_answer *a);

#endif
