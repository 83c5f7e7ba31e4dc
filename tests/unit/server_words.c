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

static void busy_facts(void *arg, struct admin_facts *ret)
{
    (void)arg;
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
    ret->core.latency = (struct core_latency){.min_ms = 0, .max_ms = 12, .sum_ms = 14, .count = 30};
    ret->connections.open = 3;
}

static void idle_facts(void *arg, struct admin_facts *ret)
{
    (void)arg;
    ret->mode = "standalone";
}

static void no_facts(void *arg, struct admin_facts *ret)
{
    (void)arg;
    (void)ret;
    EXPECT(false);
}

static uint32_t word(const char *name)
{
    const unsigned char *c = (const unsigned char *)name;

    return (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 | (uint32_t)c[2] << 8 | c[3];
}

static void answers(const char *whitelist, const char *name,
                    void (*facts)(void *arg, struct admin_facts *ret), const char *expected)
{
    struct buf b = {0};

    EXPECT(admin_words_answer(allow(whitelist), word(name), facts, NULL, &b));
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

    EXPECT(admin_words_answer(allow("srvr"), word("srvr"), idle_facts, NULL, &b));
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
    };
    struct buf b = {0};

    EXPECT(admin_words_answer(allow("mntr"), word("mntr"), busy_facts, NULL, &b));
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        EXPECT(strstr(buf_cstr(&b), lines[i]) != NULL);
    buf_done(&b);
}

TEST(a_word_that_is_not_on_the_whitelist_is_refused_by_name)
{
    answers("srvr", "ruok", no_facts, "ruok is not executed because it is not in the whitelist.\n");
    answers("", "srvr", no_facts, "srvr is not executed because it is not in the whitelist.\n");
}

TEST(a_word_of_apaches_that_we_lack_is_refused_alike)
{
    answers("*", "wchc", no_facts, "wchc is not executed because it is not in the whitelist.\n");
}

TEST(the_whitelist_takes_blanks_and_repetitions)
{
    answers(" ruok , ruok,,srvr ", "ruok", no_facts, "imok");
}

TEST(what_the_whitelist_names_and_nobody_answers_is_told)
{
    struct buf unknown = {0};
    admin_word_set set = 0;

    admin_words_allow("stat, ruok,nonsense,**", on_unknown, &unknown, &set);
    EXPECT_STR(buf_cstr(&unknown), "<stat><nonsense><**>");
    buf_done(&unknown);
}

TEST(other_bytes_are_no_word)
{
    struct buf b = {0};

    EXPECT(!admin_words_answer(allow("*"), 45, no_facts, NULL, &b));
    EXPECT(!admin_words_answer(allow("*"), word("RUOK"), no_facts, NULL, &b));
    EXPECT(!admin_words_answer(allow("*"), word("ruo\n"), no_facts, NULL, &b));
    EXPECT_EQ(b.len, 0);
}

TEST(telnets_interrupt_is_answered_with_nothing)
{
    struct buf b = {0};

    EXPECT(admin_words_answer(allow("*"), 0xfff4fffd, no_facts, NULL, &b));
    EXPECT_EQ(b.len, 0);
}
