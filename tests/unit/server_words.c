/* The four-letter words: which are answered, and the exact text that monitoring
 * programs read. */
#include "server/admin_words.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static void on_unknown(void *arg, const char *word)
{
    struct buf *unknown = arg;

    buf_printf(unknown, "<%s>", word);
}

static admin_word_set allow(const char *list)
{
    struct buf unknown = {0};
    admin_word_set set = 0;

    admin_words_allow(list, on_unknown, &unknown, &set);
    EXPECT_EQ(unknown.len, 0);
    return set;
}

static const struct core_figures no_figures;

static void busy_facts(void *arg, struct admin_facts *ret)
{
    static struct core_figures figures;

    (void)arg;
    figures = no_figures;
    for (int64_t ms = 0; ms < 100; ms++)
        histogram_add(&figures.reads, ms);
    summary_add(&figures.changed, 5000);
    ret->figures = &figures;
    ret->mode = "standalone";
    ret->zxid = 0x1a;
    ret->znodes = 5;
    ret->ephemerals = 2;
    ret->data_bytes = 44;
    ret->uptime_ms = 629;
    ret->open_fds = 26;
    ret->max_fds = 20000;
    ret->core.packets_received = 10;
    ret->core.packets_sent = 9;
    ret->core.outstanding = 1;
    ret->core.sessions = 4;
    ret->core.watches = 6;
    ret->core.latency = (struct summary){.min = 0, .max = 12, .sum = 14, .count = 30};
    summary_add(&ret->syncs, 3);
    ret->connections.open = 3;
}

static void idle_facts(void *arg, struct admin_facts *ret)
{
    (void)arg;
    ret->figures = &no_figures;
    ret->mode = "standalone";
}

static void no_facts(void *arg, struct admin_facts *ret)
{
    (void)arg;
    (void)ret;
    EXPECT(false);
}

/* What becomes of the bytes TEXT when WHITELIST is allowed. Only short answers: there is no
 * core, and there are no connections. */
static enum word_outcome ask(const char *whitelist, const char *text,
                             void (*facts)(void *arg, struct admin_facts *ret), struct buf *b)
{
    struct admin admin = {
        .allowed = allow(whitelist), .trace_mask = ADMIN_TRACE_MASK, .facts = facts};
    struct admin_answer *rest = NULL;
    enum word_outcome outcome =
        admin_words_answer(&admin, (const uint8_t *)text, strlen(text), b, &rest);

    EXPECT(rest == NULL);
    return outcome;
}

static void answers(const char *whitelist, const char *name,
                    void (*facts)(void *arg, struct admin_facts *ret), const char *expected)
{
    struct buf b = {0};

    EXPECT_EQ(ask(whitelist, name, facts, &b), WORD_ANSWERED);
    EXPECT_STR(buf_cstr(&b), expected);
    buf_done(&b);
}

TEST(ruok_and_isro_are_four_and_two_bytes_without_a_newline)
{
    answers("*", "ruok", no_facts, "imok");
    answers("*", "isro", no_facts, "rw");
}

TEST(srvr_reads_as_apaches)
{
    answers("srvr", "srvr", busy_facts,
            "Zookeeper version: 3.8.0-zkfs-0.1.0, built on 2026-11-21 00:00 UTC\n"
            "Latency min/avg/max: 0/0.4667/12\n"
            "Received: 10\n"
            "Sent: 9\n"
            "Connections: 3\n"
            "Outstanding: 1\n"
            "Zxid: 0x1a\n"
            "Mode: standalone\n"
            "Node count: 5\n");
}

TEST(a_fresh_server_has_a_latency_of_0_0)
{
    struct buf b = {0};

    EXPECT_EQ(ask("srvr", "srvr", idle_facts, &b), WORD_ANSWERED);
    EXPECT(strstr(buf_cstr(&b), "Latency min/avg/max: 0/0.0/0\n") != NULL);
    buf_done(&b);
}

TEST(mntr_has_the_keys_that_monitoring_reads)
{
    static const char *const lines[] = {
        "zk_version\t3.8.0-",
        "zk_server_state\tstandalone\n",
        "zk_avg_latency\t0.4667\n",
        "zk_max_latency\t12\n",
        "zk_min_latency\t0\n",
        "zk_packets_received\t10\n",
        "zk_packets_sent\t9\n",
        "zk_num_alive_connections\t3\n",
        "zk_outstanding_requests\t1\n",
        "zk_znode_count\t5\n",
        "zk_watch_count\t6\n",
        "zk_ephemerals_count\t2\n",
        "zk_approximate_data_size\t44\n",
        "zk_open_file_descriptor_count\t26\n",
        "zk_max_file_descriptor_count\t20000\n",
        "zk_global_sessions\t4\n",
        "zk_local_sessions\t0\n",
        "zk_uptime\t629\n",
        "zk_connection_drop_probability\t0.0\n",
        "zk_auth_failed_count\t0\n",
        "zk_avg_readlatency\t49.5\nzk_min_readlatency\t0\nzk_max_readlatency\t99\n",
        "zk_cnt_readlatency\t100\nzk_sum_readlatency\t4950\nzk_p50_readlatency\t49\n",
        "zk_p95_readlatency\t95\nzk_p99_readlatency\t99\nzk_p999_readlatency\t99\n",
        "zk_p999_updatelatency\t0\n",
        "zk_max_node_changed_watch_count\t5000\nzk_cnt_node_changed_watch_count\t1\n",
        "zk_max_fsynctime\t3\n",
    };
    struct buf b = {0};

    EXPECT_EQ(ask("mntr", "mntr", busy_facts, &b), WORD_ANSWERED);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        EXPECT(strstr(buf_cstr(&b), lines[i]) != NULL);
    buf_done(&b);
}

TEST(a_word_that_is_not_on_the_whitelist_is_refused_by_name)
{
    answers("srvr", "ruok", no_facts, "ruok is not executed because it is not in the whitelist.\n");
    answers("", "srvr", no_facts, "srvr is not executed because it is not in the whitelist.\n");
}

TEST(the_trace_mask_is_read_and_set)
{
    struct admin admin = {.allowed = allow("*"), .trace_mask = ADMIN_TRACE_MASK};
    const uint8_t set[] = {'s', 't', 'm', 'k', 0, 0, 0, 0, 0, 0, 1, 2};
    struct admin_answer *rest = NULL;
    struct buf b = {0};

    answers("*", "gtmk", no_facts, "306");
    EXPECT_EQ(admin_words_answer(&admin, set, sizeof set - 1, &b, &rest), WORD_CUT_SHORT);
    EXPECT_EQ(admin_words_answer(&admin, set, sizeof set, &b, &rest), WORD_ANSWERED);
    EXPECT_STR(buf_cstr(&b), "258");
    EXPECT_EQ(admin.trace_mask, 258);
    buf_done(&b);
}

TEST(the_whitelist_takes_blanks_and_repetitions)
{
    answers(" ruok , ruok,,srvr ", "ruok", no_facts, "imok");
}

TEST(what_the_whitelist_names_and_nobody_answers_is_told)
{
    struct buf unknown = {0};
    admin_word_set set = 0;

    admin_words_allow("stet, ruok,nonsense,**", on_unknown, &unknown, &set);
    EXPECT_STR(buf_cstr(&unknown), "<stet><nonsense><**>");
    buf_done(&unknown);
}

TEST(other_bytes_are_no_word)
{
    struct buf b = {0};

    EXPECT_EQ(ask("*", "what", no_facts, &b), WORD_NONE);
    EXPECT_EQ(ask("*", "RUOK", no_facts, &b), WORD_NONE);
    EXPECT_EQ(ask("*", "ruo\n", no_facts, &b), WORD_NONE);
    EXPECT_EQ(b.len, 0);
}

TEST(telnets_interrupt_is_answered_with_nothing)
{
    struct buf b = {0};

    EXPECT_EQ(ask("*", "\xff\xf4\xff\xfd", no_facts, &b), WORD_ANSWERED);
    EXPECT_EQ(b.len, 0);
}
