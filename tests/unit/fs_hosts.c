/* The connect string. */
#include "fs/hosts.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <string.h>

TEST(a_list_of_hosts_ports_and_a_chroot)
{
    struct hosts hosts;

    EXPECT_EQ(hosts_parse("zk1,zk2:2200,[::1]:2300,[fe80::1%eth0]/app/one", &hosts, NULL), 0);
    EXPECT_EQ(hosts.count, 4);
    EXPECT_STR(hosts.items[0].name, "zk1");
    EXPECT_EQ(hosts.items[0].port, 2181);
    EXPECT_STR(hosts.items[1].name, "zk2");
    EXPECT_EQ(hosts.items[1].port, 2200);
    EXPECT_STR(hosts.items[2].name, "::1");
    EXPECT_EQ(hosts.items[2].port, 2300);
    EXPECT_STR(hosts.items[3].name, "fe80::1%eth0");
    EXPECT_EQ(hosts.items[3].port, 2181);
    EXPECT_STR(hosts.chroot, "/app/one");
    hosts_done(&hosts);
}

TEST(a_slash_alone_is_no_chroot)
{
    struct hosts hosts;

    EXPECT_EQ(hosts_parse("zk1/", &hosts, NULL), 0);
    EXPECT_STR(hosts.chroot, "");
    hosts_done(&hosts);
}

TEST(what_is_no_connect_string_is_refused_with_the_reason)
{
    static const char *const wrong[][2] = {
        {"", "server list: '' is not HOST[:PORT] or [ADDRESS]:PORT"},
        {"a,,b", "server list: '' is not HOST[:PORT] or [ADDRESS]:PORT"},
        {"a,", "server list: '' is not HOST[:PORT] or [ADDRESS]:PORT"},
        {":2181", "server list: ':2181' is not HOST[:PORT] or [ADDRESS]:PORT"},
        {"[::1", "server list: '[::1' is not HOST[:PORT] or [ADDRESS]:PORT"},
        {"[]:1", "server list: '[]:1' is not HOST[:PORT] or [ADDRESS]:PORT"},
        {"a:0", "server list: 'a:0': the port is not a number from 1 to 65535"},
        {"a:65536", "server list: 'a:65536': the port is not a number from 1 to 65535"},
        {"a:", "server list: 'a:': the port is not a number from 1 to 65535"},
        {"a:-1", "server list: 'a:-1': the port is not a number from 1 to 65535"},
        {"[::1]x", "server list: '[::1]x': the port is not a number from 1 to 65535"},
        {"fe80::1", "server list: 'fe80::1': the port is not a number from 1 to 65535"
                    " (an IPv6 address needs brackets)"},
        {"a/b/", "server list: chroot '/b/': empty component"},
        {"a//b", "server list: chroot '//b': empty component"},
        {"a/../b", "server list: chroot '/../b': relative path component"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct hosts hosts;
        struct errtext why = {{0}};

        EXPECT_EQ(hosts_parse(wrong[i][0], &hosts, &why), -EINVAL);
        EXPECT_STR(why.text, wrong[i][1]);
    }
}

TEST(too_many_hosts_are_refused)
{
    static char text[HOSTS_MAX * 2 + 2];
    struct hosts hosts;

    for (size_t i = 0; i <= HOSTS_MAX; i++)
        memcpy(text + 2 * i, "a,", 2);
    text[2 * HOSTS_MAX + 1] = '\0';
    EXPECT_EQ(hosts_parse(text, &hosts, NULL), -EINVAL);
    text[2 * HOSTS_MAX - 1] = '\0';
    EXPECT_EQ(hosts_parse(text, &hosts, NULL), 0);
    EXPECT_EQ(hosts.count, HOSTS_MAX);
    hosts_done(&hosts);
}

TEST(hosts_take_turns_in_an_order_of_their_own)
{
    struct hosts hosts;
    struct rng rng = rng_seeded(7);
    const struct host *first;
    bool seen[256] = {false};

    EXPECT_EQ(hosts_parse("a,b,c,d", &hosts, NULL), 0);
    hosts_shuffle(&hosts, &rng);
    first = hosts_next(&hosts);
    seen[(uint8_t)first->name[0]] = true;
    for (int i = 0; i < 3; i++)
        seen[(uint8_t)hosts_next(&hosts)->name[0]] = true;
    EXPECT(seen['a'] && seen['b'] && seen['c'] && seen['d']);
    EXPECT(hosts_next(&hosts) == first);
    hosts_done(&hosts);
}
