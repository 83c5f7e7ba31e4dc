/* The core below the connections of server_connections_rig.h, which alone includes this:
 * the frames say what it shall do. */
#ifndef ZKFS_TESTS_UNIT_SERVER_CONNECTIONS_CORE_H
#define ZKFS_TESTS_UNIT_SERVER_CONNECTIONS_CORE_H

#include "proto/base/bytes.h"
#include "proto/base/mem.h"
#include "server/connections.h"

#include <stdlib.h>
#include <string.h>

/* What the first byte of a frame asks for. */
enum ask {
    ASK_ECHO = 'e',  /* the frame as the answer */
    ASK_LATER = 'l', /* the frame as the answer, at answer_later() */
    ASK_BIG = 'b',   /* BIG_BYTES as the answer */
    ASK_END = 'x',   /* the frame as the answer, then the end */
    ASK_WALK = 'w',  /* a long walk, then the frame as the answer */
    ASK_TELL = 't',  /* the frame as an event to all others, then as the answer */
};
#define BIG_BYTES 600000u

struct core_client {
    struct core *core;
    void *owner;
    struct buf out;
    struct buf later; /* answers that are due */
    size_t waiting;
    char ip[64];
    struct core_client *next;
};

struct core {
    struct core_client *clients;
    size_t frames, clients_gone, waiting;
    size_t announced;
    size_t heard;
    size_t large_bytes;
    int32_t timeout_ms;
    uint64_t walked;
};

struct core_client *core_client_new(struct core *core, void *owner, const char *ip_text,
                                    const struct core_time *now)
{
    struct core_client *client = xcalloc(1, sizeof *client);

    (void)now;
    client->core = core;
    client->owner = owner;
    (void)strncpy(client->ip, ip_text, sizeof client->ip - 1);
    client->next = core->clients;
    core->clients = client;
    return client;
}

void core_client_gone(struct core *core, struct core_client *client)
{
    struct core_client **link = &core->clients;

    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    core->clients_gone++;
    core->waiting -= client->waiting;
    buf_done(&client->out);
    buf_done(&client->later);
    free(client);
}

void *core_client_owner(const struct core_client *client)
{
    return client->owner;
}

struct buf *core_client_out(struct core_client *client)
{
    return &client->out;
}

struct core_outstanding core_client_outstanding(const struct core_client *client)
{
    return (struct core_outstanding){.requests = client->waiting, .bytes = client->later.len};
}

uint64_t core_walked(const struct core *core)
{
    return core->walked;
}

void core_client_word(struct core_client *client)
{
    (void)client;
}

struct core_client_stats core_client_stats(const struct core_client *client)
{
    return (struct core_client_stats){.timeout_ms = client->core->timeout_ms};
}

void core_client_stats_reset(struct core_client *client)
{
    (void)client;
}

size_t core_unanswered(const struct core *core)
{
    return core->waiting;
}

static inline void put_frame(struct buf *b, const void *payload, size_t len)
{
    store_be32(buf_extend(b, 4), (uint32_t)len);
    buf_append(b, payload, len);
}

static inline void answer(struct core_client *client, const void *payload, size_t len)
{
    bool was_empty = client->out.len == 0;

    connection_room(client, len + 4);
    put_frame(&client->out, payload, len);
    if (was_empty)
        connection_output(client);
}

static inline void tell_others(struct core_client *client, const void *payload, size_t len)
{
    for (struct core_client *other = client->core->clients; other != NULL; other = other->next) {
        if (other == client)
            continue;
        put_frame(&other->out, payload, len);
        connection_told(other);
    }
}

void core_frame(struct core *core, struct core_client *client, const uint8_t *payload, size_t len,
                const struct core_time *now)
{
    (void)now;
    core->frames++;
    switch (len > 0 ? (char)payload[0] : ASK_END) {
    case ASK_LATER:
        put_frame(&client->later, payload, len);
        client->waiting++;
        core->waiting++;
        break;
    case ASK_BIG: {
        void *big = xcalloc(1, BIG_BYTES);

        answer(client, big, BIG_BYTES);
        free(big);
        break;
    }
    case ASK_TELL:
        tell_others(client, payload, len);
        answer(client, payload, len);
        break;
    case ASK_WALK:
        core->walked += 1000000;
        answer(client, payload, len);
        break;
    case ASK_END:
        answer(client, payload, len);
        connection_finish(client, "test");
        break;
    default:
        answer(client, payload, len);
    }
}

/* The frame with "late" in front is the answer. */
void core_frame_late(struct core *core, struct core_client *client, const uint8_t *payload,
                     size_t len, const struct core_time *now)
{
    struct buf text = {0};

    (void)now;
    core->frames++;
    buf_append(&text, "late", 4);
    buf_append(&text, payload, len);
    answer(client, text.data, text.len);
    buf_done(&text);
}

bool core_connect_renews(const uint8_t *payload, size_t len)
{
    return len > 1 && payload[1] == 'r';
}

size_t core_large_bytes(const struct core *core)
{
    return core->large_bytes;
}

void core_client_heard(struct core_client *client, const struct core_time *now)
{
    (void)now;
    client->core->heard++;
}

void core_ahead(const struct core *core, const struct jute_bytes *payloads, size_t count)
{
    struct core *mine = (struct core *)(uintptr_t)core; /* a hint, so the real one is const */

    (void)payloads;
    mine->announced += count;
}

static inline void answer_later(struct core_client *client)
{
    client->core->waiting -= client->waiting;
    client->waiting = 0;
    if (client->later.len == 0)
        return;
    if (client->out.len == 0)
        connection_output(client);
    buf_append(&client->out, client->later.data, client->later.len);
    client->later.len = 0;
}

#endif
