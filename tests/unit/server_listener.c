/* The listening socket: what an operator is told when it cannot be had, and what
 * clients see when there are no file descriptors left. */
#include "server/listener.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct rig {
    uv_loop_t loop;
    struct listener *listener;
    int accepted_count, accepted_fd;
};

static void on_accept(void *arg, int fd, const struct sockaddr_storage *peer)
{
    struct rig *rig = arg;

    EXPECT(peer->ss_family == AF_INET || peer->ss_family == AF_INET6);
    rig->accepted_count++;
    rig->accepted_fd = fd;
}

static void rig_open(struct rig *rig, const char *address)
{
    struct listener_config config = {.address = address, .backlog = -1};
    struct errtext why;

    *rig = (struct rig){0};
    EXPECT_EQ(uv_loop_init(&rig->loop), 0);
    EXPECT_EQ(listener_open(&rig->loop, &config, on_accept, rig, &rig->listener, &why), 0);
    EXPECT_EQ(listener_start(rig->listener, &why), 0);
    EXPECT(listener_port(rig->listener) > 0);
}

static void rig_done(struct rig *rig)
{
    listener_close(rig->listener);
    (void)uv_run(&rig->loop, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&rig->loop), 0);
}

/* Connects FD, a socket, to the listener over IPv4. */
static void connect_to(const struct rig *rig, int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)listener_port(rig->listener)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    EXPECT_EQ(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
}

static void refused(const char *address, int port, int expected_rc, const char *expected)
{
    struct listener_config config = {.address = address, .port = port, .backlog = -1};
    struct listener *listener = NULL;
    struct errtext why;
    uv_loop_t loop;

    EXPECT_EQ(uv_loop_init(&loop), 0);
    EXPECT_EQ(listener_open(&loop, &config, on_accept, NULL, &listener, &why), expected_rc);
    EXPECT(strstr(why.text, expected) != NULL);
    EXPECT(listener == NULL);
    EXPECT_EQ(uv_loop_close(&loop), 0);
}

TEST(without_an_address_ipv4_and_ipv6_are_served)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    struct rig rig;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int fd6 = socket(AF_INET6, SOCK_STREAM, 0);

    rig_open(&rig, NULL);
    connect_to(&rig, fd);
    (void)uv_run(&rig.loop, UV_RUN_ONCE);
    EXPECT_EQ(rig.accepted_count, 1);
    (void)close(rig.accepted_fd);
    six.sin6_port = htons((uint16_t)listener_port(rig.listener));
    if (fd6 >= 0 && connect(fd6, (struct sockaddr *)&six, sizeof six) == 0) {
        (void)uv_run(&rig.loop, UV_RUN_ONCE);
        EXPECT_EQ(rig.accepted_count, 2);
        (void)close(rig.accepted_fd);
    }
    (void)close(fd);
    (void)close(fd6);
    rig_done(&rig);
}

TEST(a_port_in_use_is_named)
{
    struct rig rig;
    char port[128];

    rig_open(&rig, "127.0.0.1");
    (void)snprintf(port, sizeof port, "127.0.0.1 port %d: Address already in use",
                   listener_port(rig.listener));
    refused("127.0.0.1", listener_port(rig.listener), -EADDRINUSE, port);
    rig_done(&rig);
}

TEST(an_address_that_is_not_ours_and_a_name_that_is_none_are_named)
{
    refused("192.0.2.1", 0, -EADDRNOTAVAIL, "192.0.2.1 port 0: Cannot assign requested address");
    refused("no.such.host.invalid", 0, -EADDRNOTAVAIL, "cannot resolve no.such.host.invalid");
}

TEST(without_descriptors_clients_are_turned_away_and_later_ones_served)
{
    struct rig rig;
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
    int held[64], count = 0, away = -1, served = -1;
    char c;

    rig_open(&rig, "127.0.0.1");
    away = socket(AF_INET, SOCK_STREAM, 0);
    served = socket(AF_INET, SOCK_STREAM, 0);
    (void)uv_run(&rig.loop, UV_RUN_NOWAIT); /* opens what the loop needs */
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while ((held[count] = dup(STDERR_FILENO)) >= 0)
        count++;
    EXPECT_EQ(errno, EMFILE);

    connect_to(&rig, away);
    (void)uv_run(&rig.loop, UV_RUN_ONCE);
    EXPECT_EQ(rig.accepted_count, 0);
    EXPECT_EQ(recv(away, &c, 1, 0), 0);

    while (count > 0)
        (void)close(held[--count]);
    connect_to(&rig, served);
    (void)uv_run(&rig.loop, UV_RUN_ONCE);
    EXPECT_EQ(rig.accepted_count, 1);
    (void)close(rig.accepted_fd);
    (void)close(away);
    (void)close(served);
    rig_done(&rig);
}

TEST(the_descriptor_in_reserve_is_there_again_for_the_next_shortage)
{
    struct rig rig;
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
    int clients[5], held;
    char c;

    rig_open(&rig, "127.0.0.1");
    for (int i = 0; i < 5; i++)
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
    (void)uv_run(&rig.loop, UV_RUN_NOWAIT);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    do
        held = dup(STDERR_FILENO);
    while (held >= 0);
    for (int i = 0; i < 5; i++) {
        connect_to(&rig, clients[i]);
        (void)uv_run(&rig.loop, UV_RUN_ONCE);
        EXPECT_EQ(recv(clients[i], &c, 1, 0), 0);
        (void)close(clients[i]);
        EXPECT(dup(STDERR_FILENO) >= 0); /* as the test gives one back, it takes it again */
    }
    EXPECT_EQ(rig.accepted_count, 0);
    rig_done(&rig);
}
