/* connections_walk: the connections one by one, for the four-letter words. */
#include "proto/base/mem.h"
#include "server/connection.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

/* Java's SelectionKey.OP_READ and OP_WRITE. */
#define INTEREST_READ 1
#define INTEREST_WRITE 4

struct connections_walk {
    struct connections *all;
    struct list link;
    struct list *next; /* in all->open; its head: there is no further one */
};

struct connections_walk *connections_walk_begin(struct connections *all)
{
    struct connections_walk *walk = xcalloc(1, sizeof *walk);

    walk->all = all;
    walk->next = all->open.next;
    list_push_back(&all->walks, &walk->link);
    return walk;
}

void connections_walk_leave(struct connections *all, struct connection *c)
{
    LIST_FOR(it, &all->walks)
    {
        struct connections_walk *walk = CONTAINER_OF(it, struct connections_walk, link);

        if (walk->next == &c->link)
            walk->next = c->link.next;
    }
}

/* All eight groups of an IPv6 address, as Java writes them. */
static void print_peer(int fd, char *text, size_t size)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&peer;
    const struct sockaddr_in *four = (const struct sockaddr_in *)&peer;
    const uint8_t *b = six->sin6_addr.s6_addr;

    (void)snprintf(text, size, "?");
    if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0)
        return; /* gone already */
    if (peer.ss_family == AF_INET) {
        b = (const uint8_t *)&four->sin_addr;
        (void)snprintf(text, size, "%d.%d.%d.%d:%d", b[0], b[1], b[2], b[3], ntohs(four->sin_port));
    } else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
        (void)snprintf(text, size, "%d.%d.%d.%d:%d", b[12], b[13], b[14], b[15],
                       ntohs(six->sin6_port));
    } else {
        (void)snprintf(text, size, "[%x:%x:%x:%x:%x:%x:%x:%x]:%d", b[0] << 8 | b[1],
                       b[2] << 8 | b[3], b[4] << 8 | b[5], b[6] << 8 | b[7], b[8] << 8 | b[9],
                       b[10] << 8 | b[11], b[12] << 8 | b[13], b[14] << 8 | b[15],
                       ntohs(six->sin6_port));
    }
}

bool connections_walk_next(struct connections_walk *walk, struct connection_facts *ret)
{
    const struct connection *c;

    if (walk->next == &walk->all->open)
        return false;
    c = CONTAINER_OF(walk->next, struct connection, link);
    walk->next = walk->next->next;
    print_peer(c->fd, ret->peer, sizeof ret->peer);
    ret->interest_ops = (c->paused || c->finishing ? 0 : INTEREST_READ) |
                        (c->blocked && c->answer == NULL ? INTEREST_WRITE : 0);
    ret->outstanding = core_client_outstanding(c->client).requests;
    ret->stats = core_client_stats(c->client);
    ret->deadline_mono_ms =
        ret->stats.session_id == 0 ? c->deadline_ms : ret->stats.expires_mono_ms;
    return true;
}

void connections_walk_end(struct connections_walk *walk)
{
    if (walk == NULL)
        return;
    list_remove(&walk->link);
    free(walk);
}

void connections_reset_each(struct connections *all)
{
    LIST_FOR(it, &all->open)
    core_client_stats_reset(CONTAINER_OF(it, struct connection, link)->client);
}
