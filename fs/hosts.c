/* hosts: see hosts.h. */
#include "fs/hosts.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "proto/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A decimal port of LEN characters; 0 when it is none. */
static uint16_t port_parse(const char *text, size_t len)
{
    unsigned port = 0;

    if (len == 0 || len > 5)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* Where the name in TEXT..END ends, and where it begins when it is in brackets; NULL when the
 * brackets do not match. */
static const char *name_end(const char **name, const char *end)
{
    if (**name != '[') {
        const char *colon = memchr(*name, ':', (size_t)(end - *name));

        return colon == NULL ? end : colon;
    }
    (*name)++;
    return memchr(*name, ']', (size_t)(end - *name));
}

static int host_parse(const char *text, size_t len, struct host *ret_host, struct errtext *why)
{
    const char *end = text + len, *name = text;
    const char *stop = len == 0 ? NULL : name_end(&name, end);
    const char *port = stop;
    uint16_t number = HOSTS_PORT_DEFAULT;

    if (stop == NULL || stop == name)
        return errtext_set(why, -EINVAL, "'%.*s' is not HOST[:PORT] or [ADDRESS]:PORT", (int)len,
                           text);
    if (*text == '[')
        port++;
    if (port < end) {
        number = *port == ':' ? port_parse(port + 1, (size_t)(end - port - 1)) : 0;
        if (number == 0)
            return errtext_set(
                why, -EINVAL, "'%.*s': the port is not a number from 1 to 65535%s", (int)len, text,
                memchr(port, ':', (size_t)(end - port)) != memrchr(port, ':', (size_t)(end - port))
                    ? " (an IPv6 address needs brackets)"
                    : "");
    }
    *ret_host = (struct host){.name = xasprintf("%.*s", (int)(stop - name), name), .port = number};
    return 0;
}

static int chroot_parse(const char *text, char **ret_chroot, struct errtext *why)
{
    const char *cause;

    if (strcmp(text, "") == 0 || strcmp(text, "/") == 0) {
        *ret_chroot = xstrdup("");
        return 0;
    }
    if (!path_valid(jute_str(text), &cause))
        return errtext_set(why, -EINVAL, "chroot '%s': %s", text, cause);
    *ret_chroot = xstrdup(text);
    return 0;
}

static int list_parse(const char *text, size_t len, struct hosts *hosts, struct errtext *why)
{
    const char *end = text + len;

    for (;;) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma == NULL ? end : comma;
        int rc;

        if (hosts->count == HOSTS_MAX)
            return errtext_set(why, -EINVAL, "more than %d servers", HOSTS_MAX);
        hosts->items = xrealloc(hosts->items, (hosts->count + 1) * sizeof *hosts->items);
        rc = host_parse(text, (size_t)(stop - text), &hosts->items[hosts->count], why);
        if (rc < 0)
            return rc;
        hosts->count++;
        if (comma == NULL)
            return 0;
        text = comma + 1;
    }
}

int hosts_parse(const char *text, struct hosts *ret_hosts, struct errtext *why)
{
    struct hosts hosts = {0};
    size_t len = strcspn(text, "/");
    int rc;

    if (strlen(text) > INT16_MAX)
        return errtext_set(why, -EINVAL, "server list too long");
    rc = list_parse(text, len, &hosts, why);
    if (rc == 0)
        rc = chroot_parse(text + len, &hosts.chroot, why);
    if (rc < 0) {
        errtext_prefix(why, "server list");
        hosts_done(&hosts);
        return rc;
    }
    *ret_hosts = hosts;
    return 0;
}

void hosts_done(struct hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++)
        free(hosts->items[i].name);
    free(hosts->items);
    free(hosts->chroot);
    *hosts = (struct hosts){0};
}

void hosts_shuffle(struct hosts *hosts, struct rng *rng)
{
    for (size_t i = hosts->count; i > 1; i--) { /* Fisher-Yates */
        size_t j = rng_below(rng, i);
        struct host host = hosts->items[i - 1];

        hosts->items[i - 1] = hosts->items[j];
        hosts->items[j] = host;
    }
}

const struct host *hosts_next(struct hosts *hosts)
{
    const struct host *host;

    ASSERT(hosts->count > 0);
    host = &hosts->items[hosts->next];
    hosts->next = (hosts->next + 1) % hosts->count;
    return host;
}
