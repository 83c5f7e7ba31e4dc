/* admin_words: the four-letter words, by which operators and their scripts ask a
 * server how it is [FourLetterCommands]. The answers are Apache's to the byte,
 * as far as programs read them. Pure: the figures come with the question. */
#ifndef ZKFS_SERVER_ADMIN_WORDS_H
#define ZKFS_SERVER_ADMIN_WORDS_H

#include "proto/base/buf.h"
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
    int64_t uptime_ms;
    int64_t open_fds, max_fds;
    struct core_stats core;
    struct connections_stats connections;
};

typedef uint64_t admin_word_set; /* a bit for each row of the table */

/* Adds the words of LIST ("a, b" or "*") to *RET. What it names and nobody can
 * answer is skipped, and told to UNKNOWN. */
void admin_words_allow(const char *list, void (*unknown)(void *arg, const char *word), void *arg,
                       admin_word_set *ret);

/* Whether the first four bytes of a connection, big-endian, are a word. If so, the
 * answer is appended: nothing for telnet's interrupt. FACTS fills in what there is
 * to tell; it is asked only for words that need it. */
bool admin_words_answer(admin_word_set allowed, uint32_t word,
                        void (*facts)(void *arg, struct admin_facts *ret), void *arg,
                        struct buf *answer);

#endif
