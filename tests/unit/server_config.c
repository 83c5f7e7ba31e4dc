/* What a zoo.cfg may say, and what an operator reads when it is wrong. */
#include "proto/base/buf.h"
#include "server/config.h"
#include "server/config_keys.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DIR_AND_PORT "dataDir=/d\nclientPort=2181\n"

struct notes {
    char text[4096];
};

static void on_note(void *arg, bool is_warning, const char *text)
{
    struct notes *notes = arg;
    size_t len = strlen(notes->text);

    (void)snprintf(notes->text + len, sizeof notes->text - len, "%s %s\n",
                   is_warning ? "warn" : "info", text);
}

static struct config parse(const char *text)
{
    struct notes notes = {0};
    struct errtext why = {0};
    struct config config;
    int rc = config_parse("zoo.cfg", text, strlen(text), on_note, &notes, &config, &why);

    EXPECT_STR(why.text, "");
    EXPECT_EQ(rc, 0);
    EXPECT_STR(notes.text, "");
    return config;
}

static void refused(const char *text, const char *expected)
{
    struct notes notes = {0};
    struct errtext why = {0};
    struct config config;

    EXPECT_EQ(config_parse("zoo.cfg", text, strlen(text), on_note, &notes, &config, &why), -EINVAL);
    EXPECT_STR(why.text, expected);
}

static void noted(const char *text, const char *expected)
{
    struct notes notes = {0};
    struct config config;

    EXPECT_EQ(config_parse("zoo.cfg", text, strlen(text), on_note, &notes, &config, NULL), 0);
    EXPECT_STR(notes.text, expected);
    config_done(&config);
}

TEST(a_file_with_directory_and_port_alone_has_apaches_defaults)
{
    struct config c = parse(DIR_AND_PORT);

    EXPECT_STR(c.data_dir, "/d");
    EXPECT_STR(c.data_log_dir, "/d");
    EXPECT_STR(c.client_port_address, NULL);
    EXPECT_STR(c.words_whitelist, "srvr");
    EXPECT_EQ(c.client_port, 2181);
    EXPECT_EQ(c.listen_backlog, -1);
    EXPECT_EQ(c.tick_ms, 3000);
    EXPECT_EQ(c.min_session_timeout_ms, 6000);
    EXPECT_EQ(c.max_session_timeout_ms, 60000);
    EXPECT_EQ(c.client_cnxns_max, 60);
    EXPECT_EQ(c.cnxns_max, 0);
    EXPECT_EQ(c.handshake_timeout_ms, 10000);
    EXPECT_EQ(c.frame_bytes_max, 0xfffff);
    EXPECT_EQ(c.outstanding_max, 1000);
    EXPECT_EQ(c.snap_count, 0);
    EXPECT_EQ(c.segment_kib, 0);
    EXPECT(!c.tcp_keep_alive);
    EXPECT(!c.skip_acl);
    EXPECT(!c.extended_types);
    EXPECT(c.digest_enabled);
    EXPECT_STR(c.digest_algorithm, "SHA1");
    EXPECT_STR(c.super_digest, NULL);
    config_done(&c);
}

TEST(every_used_key_is_stored)
{
    struct config c = parse("tickTime=500\ndataDir=/data\ndataLogDir=/log\nclientPort=0\n"
                            "clientPortAddress=127.0.0.1\nmaxClientCnxns=0\n"
                            "minSessionTimeout=700\nmaxSessionTimeout=9000\nsnapCount=10\n"
                            "autopurge.snapRetainCount=3\nautopurge.purgeInterval=1\n"
                            "4lw.commands.whitelist=ruok, srvr\njute.maxbuffer=2097151\n"
                            "maxCnxns=7\nglobalOutstandingLimit=8\npreAllocSize=64\n"
                            "nio.sessionlessCnxnTimeout=900\nclientPortListenBacklog=9\n"
                            "clientTcpKeepAlive=true\ninitLimit=10\nsyncLimit=5\nskipACL=yes\n"
                            "extendedTypesEnabled=true\nreconfigEnabled=true\n"
                            "DigestAuthenticationProvider.enabled=false\n"
                            "DigestAuthenticationProvider.digestAlg=SHA3-256\n"
                            "DigestAuthenticationProvider.superDigest=super:HASH\n");

    EXPECT_STR(c.data_dir, "/data");
    EXPECT_STR(c.data_log_dir, "/log");
    EXPECT_STR(c.client_port_address, "127.0.0.1");
    EXPECT_STR(c.words_whitelist, "ruok, srvr");
    EXPECT_EQ(c.client_port, 0);
    EXPECT_EQ(c.listen_backlog, 9);
    EXPECT_EQ(c.tick_ms, 500);
    EXPECT_EQ(c.min_session_timeout_ms, 700);
    EXPECT_EQ(c.max_session_timeout_ms, 9000);
    EXPECT_EQ(c.client_cnxns_max, 0);
    EXPECT_EQ(c.cnxns_max, 7);
    EXPECT_EQ(c.handshake_timeout_ms, 900);
    EXPECT_EQ(c.frame_bytes_max, 2097151);
    EXPECT_EQ(c.outstanding_max, 8);
    EXPECT_EQ(c.snap_count, 10);
    EXPECT_EQ(c.segment_kib, 64);
    EXPECT(c.tcp_keep_alive);
    EXPECT(c.skip_acl);
    EXPECT(c.extended_types);
    EXPECT(c.reconfig_enabled);
    EXPECT(!c.digest_enabled);
    EXPECT_STR(c.digest_algorithm, "SHA3-256");
    EXPECT_STR(c.super_digest, "super:HASH");
    config_done(&c);
}

TEST(javas_ways_to_write_a_property_are_understood)
{
    struct config c = parse("# a comment \\\n! another\r\n"
                            "\n  \t\n"
                            "  dataDir \t:  /a b\\\n"
                            "      /c\\u00e9\\ttab  \r\n"
                            "clientPort 2181\r"
                            "tick\\u0054ime = \\\n"
                            "1\n"
                            "4lw.commands.whitelist=\n"
                            "maxClientCnxns:12");

    EXPECT_STR(c.data_dir, "/a b/c\xc3\xa9\ttab");
    EXPECT_EQ(c.client_port, 2181);
    EXPECT_EQ(c.tick_ms, 1);
    EXPECT_STR(c.words_whitelist, "");
    EXPECT_EQ(c.client_cnxns_max, 12);
    config_done(&c);
}

TEST(two_backslashes_at_the_end_of_a_line_are_one_backslash)
{
    struct config c = parse("clientPort=1\ndataDir=/d\\\\\ntickTime=5\n");

    EXPECT_STR(c.data_dir, "/d\\");
    EXPECT_EQ(c.tick_ms, 5);
    config_done(&c);
}

TEST(an_unknown_key_is_a_warning_with_file_and_line)
{
    noted(DIR_AND_PORT "# x\nfoo=1\n", "warn zoo.cfg:4: unknown key \"foo\" ignored\n");
    noted(DIR_AND_PORT "ticktime=1\n", "warn zoo.cfg:3: unknown key \"ticktime\" ignored\n");
    noted(DIR_AND_PORT "ssl.=1\n", "warn zoo.cfg:3: unknown key \"ssl.\" ignored\n");
}

TEST(what_a_terminal_could_not_show_is_escaped_in_messages)
{
    noted(DIR_AND_PORT "\xff\\n\x1b[2J=1\n",
          "warn zoo.cfg:3: unknown key \"\\xff\\x0a\\x1b[2J\" ignored\n");
    refused("dataDir=/d\nclientPort=\x07\n",
            "zoo.cfg:2: clientPort: \"\\x07\" is not a whole number from 0 to 65535");
}

TEST(a_key_given_twice_is_a_warning_and_the_last_one_wins)
{
    noted(DIR_AND_PORT "tickTime=1\ntickTime=2\n",
          "warn zoo.cfg:4: tickTime stands in line 3 as well; this line wins\n");
}

TEST(a_known_key_without_effect_is_told)
{
    noted(DIR_AND_PORT "ssl.keyStore.location=/k\n",
          "info zoo.cfg:3: ssl.keyStore.location has no effect in this version\n");
}

TEST(a_wrong_value_is_an_error_that_says_what_is_allowed)
{
    refused(DIR_AND_PORT "tickTime=abc\n",
            "zoo.cfg:3: tickTime: \"abc\" is not a whole number from 1 to 3600000");
    refused(DIR_AND_PORT "tickTime=\n",
            "zoo.cfg:3: tickTime: \"\" is not a whole number from 1 to 3600000");
    refused(DIR_AND_PORT "tickTime=0\n",
            "zoo.cfg:3: tickTime: \"0\" is not a whole number from 1 to 3600000");
    refused(DIR_AND_PORT "tickTime=5 # five\n",
            "zoo.cfg:3: tickTime: \"5 # five\" is not a whole number from 1 to 3600000");
    refused(DIR_AND_PORT "tickTime=99999999999999999999\n",
            "zoo.cfg:3: tickTime: \"99999999999999999999\" is not a whole number from 1 to "
            "3600000");
    refused(DIR_AND_PORT "snapCount=0x10\n",
            "zoo.cfg:3: snapCount: \"0x10\" is not a whole number from 2 to 2147483647");
    refused("dataDir=/d\nclientPort=65536\n",
            "zoo.cfg:2: clientPort: \"65536\" is not a whole number from 0 to 65535");
    refused("dataDir=/d\nclientPort=-1\n",
            "zoo.cfg:2: clientPort: \"-1\" is not a whole number from 0 to 65535");
    refused("dataDir=\n", "zoo.cfg:1: dataDir: \"\" is not a text that is not empty");
    refused(DIR_AND_PORT "clientTcpKeepAlive=maybe\n",
            "zoo.cfg:3: clientTcpKeepAlive: \"maybe\" is not true or false");
    refused(DIR_AND_PORT "autopurge.purgeInterval=5x\n",
            "zoo.cfg:3: autopurge.purgeInterval: \"5x\" is not a number of hours, or one with ms, "
            "s, m, h or d behind it");
    refused(DIR_AND_PORT "initLimit=ten\n",
            "zoo.cfg:3: initLimit: \"ten\" is not a whole number from 1 to 2147483647");
}

TEST(what_is_required_is_named)
{
    refused("clientPort=2181\n",
            "zoo.cfg: dataDir is missing; add dataDir=DIRECTORY, the place of the data");
    refused("dataDir=/d\n",
            "zoo.cfg: clientPort is missing; add clientPort=2181, or 0 for a free port");
    refused("", "zoo.cfg: dataDir is missing; add dataDir=DIRECTORY, the place of the data");
}

TEST(a_shortest_session_timeout_above_the_longest_is_refused)
{
    refused(DIR_AND_PORT "minSessionTimeout=60001\n",
            "zoo.cfg: minSessionTimeout (60001 ms) is above maxSessionTimeout (60000 ms)");
}

TEST(a_shortest_session_timeout_of_nothing_is_refused)
{
    refused(DIR_AND_PORT "minSessionTimeout=0\n",
            "zoo.cfg:3: minSessionTimeout: 0 is no time for a session; -1 is 2 ticks");
}

TEST(a_hash_that_nobody_knows_is_refused)
{
    refused(DIR_AND_PORT "DigestAuthenticationProvider.digestAlg=SHA257\n",
            "zoo.cfg:3: DigestAuthenticationProvider.digestAlg: there is no hash \"SHA257\"; SHA1, "
            "SHA-256, SHA-384, SHA-512 and SHA3-256 are among those there are");
}

TEST(members_of_an_ensemble_are_refused_until_there_is_one)
{
    refused(DIR_AND_PORT "server.1=h:2888:3888\n",
            "zoo.cfg:3: server.1: this version runs standalone only; take the server.N, group.N "
            "and weight.N lines out");
}

TEST(a_key_that_promises_safety_is_not_ignored)
{
    refused(DIR_AND_PORT "sessionRequireClientSASLAuth=true\n",
            "zoo.cfg:3: sessionRequireClientSASLAuth: this version cannot enforce it; take the "
            "line out to run without");
    noted(DIR_AND_PORT "sessionRequireClientSASLAuth=false\n", "");
}

TEST(enforced_authentication_needs_a_scheme_that_somebody_can_use)
{
    refused(DIR_AND_PORT "enforce.auth.enabled=true\n",
            "zoo.cfg: enforce.auth.enabled needs enforce.auth.schemes, such as "
            "enforce.auth.schemes=digest");
    refused(DIR_AND_PORT "enforce.auth.enabled=true\nenforce.auth.schemes=digest,sasl\n",
            "zoo.cfg:4: enforce.auth.schemes: nobody can authenticate by \"sasl\" here; ip is "
            "there, and digest unless it is off");
    refused(DIR_AND_PORT "enforce.auth.enabled=true\nenforce.auth.schemes=digest\n"
                         "DigestAuthenticationProvider.enabled=false\n",
            "zoo.cfg:4: enforce.auth.schemes: nobody can authenticate by \"digest\" here; ip is "
            "there, and digest unless it is off");
    noted(DIR_AND_PORT "enforce.auth.enabled=true\nenforce.auth.schemes=digest, ip\n", "");
    noted(DIR_AND_PORT "enforce.auth.enabled=false\nenforce.auth.schemes=sasl\n", "");
}

TEST(a_java_class_is_a_warning_that_says_what_is_done_instead)
{
    noted(DIR_AND_PORT "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n",
          "warn zoo.cfg:3: serverCnxnFactory: no Java class is loaded; connections are served as "
          "always\n");
    noted(DIR_AND_PORT
          "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n",
          "warn zoo.cfg:3: authProvider.1: no Java class is loaded; the schemes are world, auth, "
          "digest, ip and x509\n");
    noted(DIR_AND_PORT "metricsProvider.className=x.PrometheusMetricsProvider\n",
          "warn zoo.cfg:3: metricsProvider.className: no Java class is loaded; the word mntr tells "
          "the figures\n");
}

TEST(what_makes_writes_safe_stays_on_and_says_so)
{
    noted(DIR_AND_PORT "forceSync=no\n",
          "warn zoo.cfg:3: forceSync: every write is synced to disk all the same\n");
    noted(DIR_AND_PORT "digest.enabled=false\n",
          "warn zoo.cfg:3: digest.enabled: the digest of the tree is kept all the same\n");
    noted(DIR_AND_PORT "forceSync=yes\ndigest.enabled=true\n", "");
}

TEST(what_is_no_properties_file_is_refused_with_its_line)
{
    struct notes notes = {0};
    struct errtext why = {0};
    struct config config;
    static const char nul[] = "dataDir=/d\ntick\0Time=1\n";

    refused("\n\ndataDir=\\u12\n", "zoo.cfg:3: malformed \\uXXXX escape");
    refused("dataDir=\\ud800\n", "zoo.cfg:1: malformed \\uXXXX escape");
    refused("\\u00=1\n", "zoo.cfg:1: malformed \\uXXXX escape");
    EXPECT_EQ(config_parse("zoo.cfg", nul, sizeof nul - 1, on_note, &notes, &config, &why),
              -EINVAL);
    EXPECT_STR(why.text, "zoo.cfg:2: there is a NUL byte in this line");
}

TEST(any_bytes_end_in_a_config_or_in_an_error)
{
    static const char *const pieces[] = {"\\", "\n", "\r", "=", ":", " ", "dataDir", "u0041", "#"};
    unsigned seed = 1;

    for (int i = 0; i < 20000; i++) {
        struct buf text = {0};
        struct notes notes = {0};
        struct config config;

        for (int j = 0; j < 12; j++) {
            seed = seed * 1103515245u + 12345u;
            buf_printf(&text, "%s", pieces[(seed >> 16) % (sizeof pieces / sizeof pieces[0])]);
        }
        if (config_parse("f", buf_cstr(&text), text.len, on_note, &notes, &config, NULL) == 0)
            config_done(&config);
        buf_done(&text);
    }
}

TEST(a_file_that_is_not_there_is_named)
{
    struct errtext why = {0};
    struct config config;

    EXPECT_EQ(config_read("/nonexistent/zoo.cfg", on_note, NULL, &config, &why), -ENOENT);
    EXPECT_STR(why.text, "cannot open /nonexistent/zoo.cfg: No such file or directory");
}

TEST(every_row_is_found_by_its_own_name_and_used_ones_say_what_they_are)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];
        char name[128];

        (void)snprintf(name, sizeof name, "%s%s", key->name,
                       key->name[strlen(key->name) - 1] == '*' ? "x" : "");
        EXPECT(config_key_find(name) == key);
        EXPECT((key->use == CONFIG_USED) == (key->field >= 0));
        if (key->use == CONFIG_USED || key->use == CONFIG_REFUSED)
            EXPECT(key->text != NULL);
    }
}

TEST(throttling_has_apaches_defaults_and_is_off)
{
    struct config c = parse(DIR_AND_PORT);

    EXPECT(c.request_throttle);
    EXPECT_EQ(c.requests_throttle_max, 0);
    EXPECT_EQ(c.throttled_op_wait_ms, 0);
    EXPECT(c.throttle_drops_stale);
    EXPECT(!c.throttle_checks_latency);
    EXPECT_EQ(c.large_request_bytes, -1);
    EXPECT_EQ(c.large_requests_max, 100 << 20);
    EXPECT_EQ(c.session_throttle.tokens_max, 0);
    EXPECT_EQ(c.session_throttle.fill_ms, 1);
    EXPECT_EQ(c.session_throttle.fill_count, 1);
    EXPECT_EQ(c.session_throttle.freeze_ms, -1);
    EXPECT(c.session_throttle.drop_increase == 0.02);
    EXPECT(c.session_throttle.drop_decrease == 0.002);
    EXPECT(c.session_throttle.decrease_ratio == 0);
    EXPECT(!c.session_throttle.weighted);
    EXPECT_EQ(c.session_throttle.new_weight, 3);
    EXPECT_EQ(c.session_throttle.renew_weight, 2);
    EXPECT_EQ(c.session_throttle.local_weight, 1);
    config_done(&c);
}

TEST(a_key_may_have_the_name_of_the_java_property_or_of_the_guide)
{
    struct config c = parse(DIR_AND_PORT "zookeeper.connection_throttle_tokens=7\n"
                                         "connectionDropIncrease=0.5\n"
                                         "zookeeper.maxCnxns=11\n"
                                         "requestThrottleLimit=8\n"
                                         "zookeeper.throttledOpWaitTime=9\n"
                                         "requestStaleLatencyCheck=true\n");

    EXPECT_EQ(c.session_throttle.tokens_max, 7);
    EXPECT(c.session_throttle.drop_increase == 0.5);
    EXPECT_EQ(c.cnxns_max, 11);
    EXPECT_EQ(c.requests_throttle_max, 8);
    EXPECT_EQ(c.throttled_op_wait_ms, 9);
    EXPECT(c.throttle_checks_latency);
    config_done(&c);
    noted(DIR_AND_PORT "connectionMaxTokens=1\nconnection_throttle_tokens=2\n",
          "warn zoo.cfg:4: connection_throttle_tokens stands in line 3 as well; this line wins\n");
    noted(DIR_AND_PORT "requestStaleConnectionCheck=false\nrequestThrottleStallTime=5\n",
          "warn zoo.cfg:3: requestStaleConnectionCheck: what a closed connection has sent is "
          "dropped all the same\n");
}

TEST(a_real_number_is_not_negative_and_nothing_else)
{
    refused(DIR_AND_PORT "connection_throttle_drop_increase=-0.1\n",
            "zoo.cfg:3: connection_throttle_drop_increase: \"-0.1\" is not a number like 0.02");
    refused(DIR_AND_PORT "connection_throttle_drop_increase=0.1x\n",
            "zoo.cfg:3: connection_throttle_drop_increase: \"0.1x\" is not a number like 0.02");
    refused(DIR_AND_PORT "connection_throttle_drop_increase=nan\n",
            "zoo.cfg:3: connection_throttle_drop_increase: \"nan\" is not a number like 0.02");
    refused(DIR_AND_PORT "connection_throttle_drop_increase=1e999\n",
            "zoo.cfg:3: connection_throttle_drop_increase: \"1e999\" is not a number like 0.02");
}
