/* admin_words: see admin_words.h. One table says which words there are; a row
 * without a function is a word of Apache's that this version does not answer: like
 * one that is not on the whitelist, and not as the length of a frame. */
#include "server/admin_words.h"

#include "server/version.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TELNET_INTERRUPT 0xfff4fffdu

typedef void (*word_answer)(const struct admin_facts *facts, struct buf *b);

/* The mean, as Java prints a double that was rounded to four digits: "0.0", "0.47". */
static void put_average(struct buf *b, const struct core_latency *latency)
{
    char text[64];
    size_t len;
    double average = latency->count == 0 ? 0 : (double)latency->sum_ms / (double)latency->count;

    len = (size_t)snprintf(text, sizeof text, "%.4f", average);
    while (len > 3 && text[len - 1] == '0' && text[len - 2] != '.')
        len--;
    buf_append(b, text, len);
}

static void answer_ruok(const struct admin_facts *facts, struct buf *b)
{
    (void)facts;
    buf_printf(b, "imok");
}

static void answer_isro(const struct admin_facts *facts, struct buf *b)
{
    (void)facts;
    buf_printf(b, "rw");
}

static void answer_srvr(const struct admin_facts *f, struct buf *b)
{
    buf_printf(b, "Zookeeper version: %s\n", ZKFS_VERSION_LINE);
    buf_printf(b, "Latency min/avg/max: %" PRId64 "/", f->core.latency.min_ms);
    put_average(b, &f->core.latency);
    buf_printf(b, "/%" PRId64 "\n", f->core.latency.max_ms);
    buf_printf(b, "Received: %" PRIu64 "\n", f->core.packets_received);
    buf_printf(b, "Sent: %" PRIu64 "\n", f->core.packets_sent);
    buf_printf(b, "Connections: %zu\n", f->connections.open);
    buf_printf(b, "Outstanding: %zu\n", f->core.outstanding);
    buf_printf(b, "Zxid: 0x%" PRIx64 "\n", (uint64_t)f->zxid);
    buf_printf(b, "Mode: %s\n", f->mode);
    buf_printf(b, "Node count: %zu\n", f->znodes);
}

static void put_figure(struct buf *b, const char *key, int64_t value)
{
    buf_printf(b, "zk_%s\t%" PRId64 "\n", key, value);
}

static void answer_mntr(const struct admin_facts *f, struct buf *b)
{
    buf_printf(b, "zk_version\t%s\n", ZKFS_VERSION_LINE);
    buf_printf(b, "zk_server_state\t%s\n", f->mode);
    buf_printf(b, "zk_avg_latency\t");
    put_average(b, &f->core.latency);
    buf_printf(b, "\n");
    put_figure(b, "max_latency", f->core.latency.max_ms);
    put_figure(b, "min_latency", f->core.latency.min_ms);
    put_figure(b, "packets_received", (int64_t)f->core.packets_received);
    put_figure(b, "packets_sent", (int64_t)f->core.packets_sent);
    put_figure(b, "num_alive_connections", (int64_t)f->connections.open);
    put_figure(b, "outstanding_requests", (int64_t)f->core.outstanding);
    put_figure(b, "znode_count", (int64_t)f->znodes);
    put_figure(b, "watch_count", (int64_t)f->core.watches);
    put_figure(b, "ephemerals_count", (int64_t)f->ephemerals);
    put_figure(b, "approximate_data_size", (int64_t)f->data_bytes);
    put_figure(b, "open_file_descriptor_count", f->open_fds);
    put_figure(b, "max_file_descriptor_count", f->max_fds);
    put_figure(b, "global_sessions", (int64_t)f->core.sessions);
    put_figure(b, "local_sessions", 0);
    put_figure(b, "uptime", f->uptime_ms);
    buf_printf(b, "zk_connection_drop_probability\t0.0\n");
    put_figure(b, "auth_failed_count", (int64_t)f->core.auth_failed);
    put_figure(b, "commit_count", (int64_t)f->core.commits);
    put_figure(b, "digest_mismatches_count", (int64_t)f->core.digest_mismatches);
    put_figure(b, "stale_sessions_expired", (int64_t)f->core.sessions_expired);
    put_figure(b, "connection_request_count", (int64_t)f->connections.accepted);
    put_figure(b, "connection_rejected", (int64_t)f->connections.rejected);
    put_figure(b, "sessionless_connections_expired", (int64_t)f->connections.handshakes_expired);
    put_figure(b, "bytes_received_count", (int64_t)f->connections.bytes_received);
    put_figure(b, "response_bytes", (int64_t)f->connections.bytes_sent);
}

static const struct word {
    const char *name;
    word_answer answer; /* NULL: not in this version */
    bool wants_facts;
} words[] = {
    {"ruok", answer_ruok, false}, {"srvr", answer_srvr, true}, {"mntr", answer_mntr, true},
    {"isro", answer_isro, false}, {"conf", NULL, false},       {"cons", NULL, false},
    {"crst", NULL, false},        {"dirs", NULL, false},       {"dump", NULL, false},
    {"envi", NULL, false},        {"gtmk", NULL, false},       {"hash", NULL, false},
    {"srst", NULL, false},        {"stat", NULL, false},       {"stmk", NULL, false},
    {"wchc", NULL, false},        {"wchp", NULL, false},       {"wchs", NULL, false},
};

#define WORD_COUNT (sizeof words / sizeof words[0])

_Static_assert(WORD_COUNT <= 8 * sizeof(admin_word_set), "a bit for each word");

static const struct word *find_word(const char *name, size_t len)
{
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (len == 4 && memcmp(words[i].name, name, 4) == 0)
            return &words[i];
    }
    return NULL;
}

static admin_word_set bit_of(const struct word *word)
{
    return word->answer == NULL ? 0 : (admin_word_set)1 << (word - words);
}

static void allow_one(const char *name, size_t len, void (*unknown)(void *arg, const char *word),
                      void *arg, admin_word_set *ret)
{
    const struct word *word = find_word(name, len);
    char text[64];

    if (len == 1 && *name == '*') {
        for (size_t i = 0; i < WORD_COUNT; i++)
            *ret |= bit_of(&words[i]);
    } else if (word != NULL && word->answer != NULL) {
        *ret |= bit_of(word);
    } else if (len > 0) {
        (void)snprintf(text, sizeof text, "%.*s", (int)(len < 60 ? len : 60), name);
        unknown(arg, text);
    }
}

void admin_words_allow(const char *list, void (*unknown)(void *arg, const char *word), void *arg,
                       admin_word_set *ret)
{
    static const char separators[] = ", \t";

    while (*list != '\0') {
        size_t len = strcspn(list, separators);

        allow_one(list, len, unknown, arg, ret);
        list += len;
        list += strspn(list, separators);
    }
}

bool admin_words_answer(admin_word_set allowed, uint32_t number,
                        void (*facts)(void *arg, struct admin_facts *ret), void *arg,
                        struct buf *answer)
{
    char name[] = {(char)(number >> 24), (char)(number >> 16), (char)(number >> 8), (char)number,
                   '\0'};
    const struct word *word = find_word(name, 4);
    struct admin_facts known = {0};

    if (number == TELNET_INTERRUPT)
        return true;
    if (word == NULL)
        return false;
    if ((allowed & bit_of(word)) == 0) {
        buf_printf(answer, "%s is not executed because it is not in the whitelist.\n", name);
        return true;
    }
    if (word->wants_facts)
        facts(arg, &known);
    word->answer(&known, answer);
    return true;
}
