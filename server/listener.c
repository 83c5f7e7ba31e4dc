/* listener: see listener.h.
 *
 * When the process has no descriptor left, the backlog would stay readable for
 * ever and the loop spin. So one descriptor is kept in reserve: it is given up to
 * accept the connection and close it, and the client tries another server. When
 * even that does not help, nothing is accepted for a while. */
#include "server/listener.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCEPT_BURST 64 /* then the clients that are here have their turn */
#define PAUSE_MS 500
#define COMPLAINT_INTERVAL_MS 60000

struct listener {
    uv_poll_t poll;
    uv_timer_t pause;
    uv_loop_t *loop;
    listener_accept_cb accepted;
    void *arg;
    int fd;
    int spare_fd;
    int backlog;
    int handles_open;
    uint64_t next_complaint_ms;
};

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Once a minute: whoever waits for descriptors waits in numbers. */
static void complain(struct listener *l, int error)
{
    if (uv_now(l->loop) < l->next_complaint_ms)
        return;
    l->next_complaint_ms = uv_now(l->loop) + COMPLAINT_INTERVAL_MS;
    log_error("listener: cannot accept connections: cause=\"%s\"; turning clients away; raise the "
              "limit of open files or lower maxCnxns",
              strerror(error));
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
    struct listener *l = timer->data;

    (void)uv_poll_start(&l->poll, UV_READABLE, on_readable); /* cannot fail: it is initialised */
}

/* Turns the first waiting connection away with the spare descriptor. Gives 0, or
 * -errno: -EAGAIN when nobody waits, which accept(2) did not tell: it takes a
 * descriptor before it looks. */
static int turn_away(struct listener *l)
{
    int fd, rc = 0;

    if (l->spare_fd < 0)
        return -EMFILE;
    (void)close(l->spare_fd);
    fd = accept(l->fd, NULL, NULL);
    if (fd >= 0)
        (void)close(fd);
    else
        rc = -errno;
    l->spare_fd = open_spare();
    return rc;
}

static void pause_accepting(struct listener *l)
{
    (void)uv_poll_stop(&l->poll);
    (void)uv_timer_start(&l->pause, on_pause_over, PAUSE_MS, 0);
}

/* No descriptor is left. True when one client was turned away and others may wait. */
static bool survive_shortage(struct listener *l, int error)
{
    int rc = turn_away(l);

    if (rc == -EAGAIN)
        return false;
    complain(l, error);
    if (rc < 0)
        pause_accepting(l);
    return rc == 0;
}

/* What accept(2) said. True when it is worth another try at once. */
static bool survive_accept_error(struct listener *l, int error)
{
    switch (error) {
    case EAGAIN:
        return false;
    case EINTR:
    case ECONNABORTED: /* the client was quicker; likewise errors of its network */
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    case EMFILE:
    case ENFILE:
        return survive_shortage(l, error);
    default:
        complain(l, error);
        pause_accepting(l);
        return false;
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;

    (void)status; /* an error shows in accept(2) as well */
    (void)events;
    for (int i = 0; i < ACCEPT_BURST; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof peer;
        int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            l->accepted(l->arg, fd, &peer);
        else if (!survive_accept_error(l, errno))
            break;
    }
}

/* Binds the socket of one address. IPv6's "all" takes IPv4 as well. */
static int bind_address(const struct sockaddr *address, socklen_t len, int *ret_fd)
{
    int on = 1, off = 0, rc = 0;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        (address->sa_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0) ||
        bind(fd, address, len) < 0)
        rc = -errno;
    if (rc < 0)
        (void)close(fd);
    else
        *ret_fd = fd;
    return rc;
}

static int bind_all(int port, int *ret_fd)
{
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_any};
    struct sockaddr_in four = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_ANY)};
    int rc = bind_address((struct sockaddr *)&six, sizeof six, ret_fd);

    if (rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL)
        return bind_address((struct sockaddr *)&four, sizeof four, ret_fd); /* IPv6 is off */
    return rc;
}

static int bind_host(const char *host, int port, int *ret_fd, struct errtext *why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    char service[16];
    int rc;

    (void)snprintf(service, sizeof service, "%d", port);
    rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0)
        return errtext_set(why, -EADDRNOTAVAIL, "clientPortAddress: cannot resolve %s: %s", host,
                           gai_strerror(rc));
    rc = bind_address(found->ai_addr, found->ai_addrlen, ret_fd);
    freeaddrinfo(found);
    if (rc < 0)
        (void)errtext_set(why, rc, "clientPort: cannot listen on %s port %d: %s", host, port,
                          strerror(-rc));
    return rc;
}

static int bind_port(const struct listener_config *config, int *ret_fd, struct errtext *why)
{
    int rc;

    if (config->address != NULL)
        return bind_host(config->address, config->port, ret_fd, why);
    rc = bind_all(config->port, ret_fd);
    if (rc < 0)
        (void)errtext_set(why, rc, "clientPort: cannot listen on port %d: %s", config->port,
                          strerror(-rc));
    return rc;
}

int listener_open(uv_loop_t *loop, const struct listener_config *config,
                  listener_accept_cb accepted, void *arg, struct listener **ret,
                  struct errtext *why)
{
    struct listener *l;
    int fd = -1;
    int rc = bind_port(config, &fd, why);

    if (rc < 0)
        return rc;
    l = xcalloc(1, sizeof *l);
    l->loop = loop;
    l->accepted = accepted;
    l->arg = arg;
    l->fd = fd;
    l->spare_fd = open_spare();
    l->backlog = config->backlog < 0 ? SOMAXCONN : config->backlog;
    l->handles_open = 2;
    l->poll.data = l->pause.data = l;
    rc = uv_poll_init(loop, &l->poll, fd);
    if (rc < 0)
        die("listener: cannot poll a socket: %s", uv_strerror(rc));
    (void)uv_timer_init(loop, &l->pause);
    *ret = l;
    return 0;
}

int listener_start(struct listener *l, struct errtext *why)
{
    if (listen(l->fd, l->backlog) < 0)
        return errtext_errno(why, "clientPort: cannot listen on port %d", listener_port(l));
    (void)uv_poll_start(&l->poll, UV_READABLE, on_readable);
    return 0;
}

int listener_port(const struct listener *l)
{
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;

    if (getsockname(l->fd, (struct sockaddr *)&bound, &len) < 0)
        return 0;
    if (bound.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&bound)->sin6_port);
    return ntohs(((struct sockaddr_in *)&bound)->sin_port);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;

    if (--l->handles_open == 0)
        free(l);
}

void listener_close(struct listener *l)
{
    if (l == NULL)
        return;
    uv_close((uv_handle_t *)&l->poll, on_handle_closed);
    uv_close((uv_handle_t *)&l->pause, on_handle_closed);
    (void)close(l->fd);
    if (l->spare_fd >= 0)
        (void)close(l->spare_fd);
}
