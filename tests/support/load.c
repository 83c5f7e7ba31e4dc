/* load: see load.h. */
#include "tests/support/load.h"

#include "proto/records.h"
#include "proto/types.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SESSION_TIMEOUT_MS 30000
#define LOOPBACK_MORE 0x7f010000u /* 127.1.0.0 */
#define FRAME_MAX (64u * 1024 * 1024)

_Noreturn void load_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)fputs("load: ", stderr);
    (void)vfprintf(stderr, fmt, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

uint64_t load_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int load_dial(int port, uint16_t source)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(LOOPBACK_MORE | source)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    if (fd < 0)
        load_fail("cannot make a socket: %s", strerror(errno));
    /* Both are hints. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (source != 0 && bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
        load_fail("cannot bind to a loopback address: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        load_fail("cannot connect to port %d: %s", port, strerror(errno));
    return fd;
}

size_t load_frame_begin(struct buf *b)
{
    (void)buf_extend(b, LOAD_FRAME_HEAD);
    return b->len;
}

void load_frame_end(struct buf *b, size_t start)
{
    store_be32(b->data + start - LOAD_FRAME_HEAD, (uint32_t)(b->len - start));
}

void load_write(int fd, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0)
            load_fail("cannot write: %s", strerror(errno));
        p += n;
        len -= (size_t)n;
    }
}

void load_read(int fd, void *data, size_t len)
{
    uint8_t *p = data;

    while (len > 0) {
        ssize_t n = read(fd, p, len);

        if (n <= 0)
            load_fail("the server closed the connection");
        p += n;
        len -= (size_t)n;
    }
}

void load_put_connect(struct buf *b)
{
    uint8_t passwd[SESSION_PASSWORD_BYTES] = {0};
    struct zk_connect_request hello = {.timeout = SESSION_TIMEOUT_MS,
                                       .passwd = {.data = passwd, .len = sizeof passwd}};
    size_t start = load_frame_begin(b);

    put_connect_request(b, &hello);
    load_frame_end(b, start);
}

void load_read_frame(int fd, struct buf *b)
{
    uint8_t head[LOAD_FRAME_HEAD];
    uint32_t len;

    load_read(fd, head, sizeof head);
    len = load_be32(head);
    if (len > FRAME_MAX)
        load_fail("a frame of %u bytes", len);
    b->len = 0;
    load_read(fd, buf_extend(b, len), len);
}

int64_t load_handshake(int fd)
{
    struct zk_connect_response reply;
    struct jute_reader r;
    struct buf b = {0};

    load_put_connect(&b);
    load_write(fd, b.data, b.len);
    load_read_frame(fd, &b);
    r = jute_reader(b.data, b.len, NULL);
    get_connect_response(&r, &reply);
    if (r.bad || reply.timeout <= 0)
        load_fail("the server refuses a session");
    buf_done(&b);
    return reply.session_id;
}
