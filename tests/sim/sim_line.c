/* sim_line: the connections of clients: frames each way, in order, some time on their way. A line
 * has two ends that come to know at different times that it is over. */
#include "tests/sim/sim.h"

#include "proto/base/bytes.h"
#include "proto/base/mem.h"

#include <stdlib.h>

static struct sim_line *line_of(struct sim *sim, uint64_t id)
{
    struct sim_line *line = &sim->lines[id % SIM_LINES_MAX];

    return line->id == id && id != 0 ? line : NULL;
}

static void queue_push(struct sim_frames *frames, struct blob *frame)
{
    if (frames->count == frames->cap) {
        size_t cap = frames->cap == 0 ? 16 : 2 * frames->cap;
        struct blob **items = xmalloc(cap * sizeof(struct blob *));

        for (size_t i = 0; i < frames->count; i++)
            items[i] = frames->items[(frames->first + i) % frames->cap];
        free(frames->items);
        frames->items = items;
        frames->first = 0;
        frames->cap = cap;
    }
    frames->items[(frames->first + frames->count++) % frames->cap] = frame;
}

static struct blob *queue_pop(struct sim_frames *frames)
{
    struct blob *frame;

    if (frames->count == 0)
        return NULL;
    frame = frames->items[frames->first];
    frames->first = (frames->first + 1) % frames->cap;
    frames->count--;
    return frame;
}

static void queue_clear(struct sim_frames *frames)
{
    struct blob *frame;

    while ((frame = queue_pop(frames)) != NULL)
        blob_unref(frame);
}

static void queue_done(struct sim_frames *frames)
{
    queue_clear(frames);
    free(frames->items);
    *frames = (struct sim_frames){0};
}

/* FIFO in one direction. */
static void travel(struct sim *sim, int64_t *last, enum sim_event_kind kind, int server,
                   uint64_t id)
{
    int64_t at = sim->now + sim_between(sim, 50, 3 * SIM_MS);

    *last = at = at < *last ? *last : at;
    sim_at(sim, at, kind, server, id, 0);
}

/* When neither end is there any more. */
static void end_line(struct sim_line *line)
{
    if (line->client_end || line->core_client != NULL || line->opening)
        return;
    queue_done(&line->in);
    queue_done(&line->out);
    line->id = 0;
}

uint64_t sim_line_dial(struct sim *sim, uint32_t client, int server)
{
    uint64_t id = sim->line_last;
    struct sim_line *line;

    do
        line = &sim->lines[++id % SIM_LINES_MAX];
    while (line->id != 0);
    sim->line_last = id;
    *line = (struct sim_line){.id = id,
                              .client = client,
                              .server = server,
                              .life = sim->servers[server].life,
                              .client_end = true,
                              .opening = sim->servers[server].alive};
    if (line->opening)
        travel(sim, &line->to_at, EV_LINE_OPEN, server, id);
    else
        travel(sim, &line->from_at, EV_LINE_EOF, 0, id);
    return id;
}

void sim_line_send(struct sim *sim, uint64_t id, struct blob *frame)
{
    struct sim_line *line = line_of(sim, id);

    queue_push(&line->in, frame);
    travel(sim, &line->to_at, EV_LINE_FRAME, line->server, id);
}

void sim_line_hang_up(struct sim *sim, uint64_t id)
{
    struct sim_line *line = line_of(sim, id);

    line->client_end = false;
    if (line->core_client != NULL || line->opening)
        travel(sim, &line->to_at, EV_LINE_GONE, line->server, id);
    end_line(line);
}

/* ---------------------------------------------------------------- the server's end */

static void let_go(struct sim *sim, struct sim_line *line)
{
    if (line->core_client != NULL)
        core_client_gone(sim->servers[line->server].core, line->core_client);
    line->core_client = NULL;
    line->opening = line->closing = false;
    queue_clear(&line->in);
}

bool sim_line_arrive(struct sim *sim, const struct sim_event *event, struct sim_line **ret_line,
                     struct blob **ret_frame)
{
    struct sim_line *line = line_of(sim, event->a);

    if (line == NULL)
        return false;
    *ret_line = line;
    switch ((enum sim_event_kind)event->kind) {
    case EV_LINE_OPEN:
        return line->opening;
    case EV_LINE_FRAME:
        *ret_frame = queue_pop(&line->in);
        if (*ret_frame != NULL && line->core_client != NULL)
            return true;
        blob_unref(*ret_frame);
        return false;
    default:
        let_go(sim, line);
        end_line(line);
        return false;
    }
}

void sim_line_on_output(void *arg, struct core_client *client)
{
    struct sim_server *server = arg;

    (void)client;
    server->lines_dirty = true;
}

void sim_line_on_close(void *arg, struct core_client *client, const char *why)
{
    struct sim_server *server = arg;
    struct sim_line *line = core_client_owner(client);

    (void)why;
    line->closing = true;
    server->lines_dirty = true;
}

static void flush(struct sim *sim, struct sim_line *line)
{
    struct buf *out = core_client_out(line->core_client);

    for (size_t at = 0; at + 4 <= out->len; at += 4 + load_be32(out->data + at)) {
        if (!line->client_end)
            continue;
        queue_push(&line->out, blob_copy(out->data + at + 4, load_be32(out->data + at)));
        travel(sim, &line->from_at, EV_LINE_HEARS, 0, line->id);
    }
    out->len = 0;
    if (!line->closing)
        return;
    if (line->client_end)
        travel(sim, &line->from_at, EV_LINE_EOF, 0, line->id);
    let_go(sim, line);
    end_line(line);
}

void sim_lines_flush(struct sim *sim, int s)
{
    if (!sim->servers[s].lines_dirty)
        return;
    sim->servers[s].lines_dirty = false;
    for (int i = 0; i < SIM_LINES_MAX; i++)
        if (sim->lines[i].id != 0 && sim->lines[i].server == s && sim->lines[i].core_client != NULL)
            flush(sim, &sim->lines[i]);
}

void sim_lines_crash(struct sim *sim, int s)
{
    for (int i = 0; i < SIM_LINES_MAX; i++) {
        struct sim_line *line = &sim->lines[i];

        if (line->id == 0 || line->server != s)
            continue;
        let_go(sim, line);
        if (line->client_end)
            travel(sim, &line->from_at, EV_LINE_EOF, 0, line->id);
        end_line(line);
    }
    sim->servers[s].lines_dirty = false;
}

void sim_lines_done(struct sim *sim)
{
    for (int i = 0; i < SIM_LINES_MAX; i++) {
        queue_done(&sim->lines[i].in);
        queue_done(&sim->lines[i].out);
    }
}

/* ---------------------------------------------------------------- the client's end */

void sim_line_event(struct sim *sim, const struct sim_event *event)
{
    struct sim_line *line = line_of(sim, event->a);
    struct blob *frame;

    if (line == NULL || !line->client_end)
        return;
    if (event->kind == EV_LINE_EOF) {
        line->client_end = false;
        sim_client_lost(sim, line->client, line->id);
        end_line(line);
        return;
    }
    frame = queue_pop(&line->out);
    if (frame == NULL)
        return;
    sim_client_hears(sim, line->client, line->id, frame);
    blob_unref(frame);
}
