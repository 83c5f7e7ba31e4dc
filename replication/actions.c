/* actions: see actions.h. */
#include "replication/actions.h"

#include "proto/base/mem.h"
#include "replication/packet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void zab_actions_clear(struct zab_actions *actions)
{
    for (size_t i = 0; i < actions->count; i++) {
        struct zab_action *action = &actions->items[i];

        peer_msg_done(&action->msg);
        blob_unref(action->data);
        blob_unref(action->auth);
        free(action->text);
    }
    actions->count = 0;
}

void zab_actions_done(struct zab_actions *actions)
{
    zab_actions_clear(actions);
    free(actions->items);
    *actions = (struct zab_actions){0};
}

struct zab_action *zab_action_add(struct zab_actions *out, enum zab_action_kind kind)
{
    if (out->count == out->cap) {
        out->cap = out->cap == 0 ? 16 : out->cap * 2;
        out->items = xrealloc(out->items, out->cap * sizeof *out->items);
    }
    out->items[out->count] = (struct zab_action){.kind = kind};
    return &out->items[out->count++];
}

void zab_action_send(struct zab_actions *out, uint64_t conn, const struct peer_msg *msg)
{
    struct zab_action *action = zab_action_add(out, ZAB_SEND);

    action->conn = conn;
    action->msg = *msg;
}

void zab_action_close(struct zab_actions *out, uint64_t conn, const char *why)
{
    struct zab_action *action = zab_action_add(out, ZAB_CLOSE);

    action->conn = conn;
    action->text = xstrdup(why);
}

__attribute__((format(printf, 3, 0))) static void
add_text(struct zab_actions *out, enum zab_action_kind kind, const char *fmt, va_list args)
{
    struct buf b = {0};
    char text[512];

    (void)vsnprintf(text, sizeof text, fmt, args); /* a longer sentence is cut */
    buf_append(&b, text, strlen(text));
    zab_action_add(out, kind)->text = xstrdup(buf_cstr(&b));
    buf_done(&b);
}

void zab_action_note(struct zab_actions *out, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_text(out, ZAB_NOTE, fmt, args);
    va_end(args);
}

void zab_action_alarm(struct zab_actions *out, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_text(out, ZAB_ALARM, fmt, args);
    va_end(args);
}

const char *zab_action_name(enum zab_action_kind kind)
{
    static const char *const names[] = {
#define X(name) #name,
        ZAB_ACTIONS(X)
#undef X
    };

    return names[kind];
}

const char *zab_role_name(enum zab_role role)
{
    static const char *const names[] = {"LOOKING", "FOLLOWING", "LEADING", "OBSERVING"};

    return names[role];
}

static void print_vote(struct buf *b, const struct vote *vote)
{
    if (vote->leader == VOTE_NOBODY)
        buf_printf(b, "nobody");
    else
        buf_printf(b, "%" PRId64 " 0x%" PRIx64 " epoch %" PRId64, vote->leader,
                   (uint64_t)vote->zxid, vote->epoch);
}

static void print_ballot(struct buf *b, const struct ballot *ballot)
{
    static const char *const states[] = {"looking", "following", "leading", "observing"};

    buf_printf(b, "%s round %" PRId64 " vote ", states[ballot->state], ballot->round);
    print_vote(b, &ballot->vote);
}

void zab_action_print(struct buf *b, const struct zab_action *a)
{
    uint64_t zxid = (uint64_t)a->zxid;

    for (const char *c = zab_action_name(a->kind); *c != '\0'; c++)
        buf_printf(b, "%c", *c == '_' ? '-' : *c | 0x20);
    switch (a->kind) {
    case ZAB_NOTIFY:
        buf_printf(b, " %" PRId64 " ", a->sid);
        print_ballot(b, &a->ballot);
        break;
    case ZAB_DIAL:
        buf_printf(b, " %" PRId64, a->sid);
        break;
    case ZAB_SEND:
        buf_printf(b, " %" PRIu64 " ", a->conn);
        packet_print(b, &a->msg);
        break;
    case ZAB_CLOSE:
        buf_printf(b, " %" PRIu64 " (%s)", a->conn, a->text);
        break;
    case ZAB_STREAM:
        buf_printf(b, " %" PRIu64, a->conn);
        break;
    case ZAB_APPEND:
    case ZAB_TRUNCATE:
    case ZAB_APPLY:
    case ZAB_SNAP_OPEN:
    case ZAB_SNAP_STAGE:
        buf_printf(b, " 0x%" PRIx64, zxid);
        break;
    case ZAB_META:
        buf_printf(b, " accepted %" PRIu32 " current %" PRIu32, a->accepted, a->current);
        break;
    case ZAB_SNAP_BEGIN:
        buf_printf(b, " %" PRIu64 " 0x%" PRIx64, a->conn, zxid);
        break;
    case ZAB_SNAP_INSTALL:
        buf_printf(b, " 0x%" PRIx64 " accepted %" PRIu32 " current %" PRIu32, zxid, a->accepted,
                   a->current);
        break;
    case ZAB_ROLE:
        buf_printf(b, " %s%s", zab_role_name(a->role), a->serving ? " serving" : "");
        break;
    case ZAB_REQUEST:
    case ZAB_TOUCHED:
        buf_printf(b, " of %" PRId64, a->sid);
        break;
    case ZAB_REVALIDATE:
        buf_printf(b, " of %" PRId64 " 0x%" PRIx64, a->sid, (uint64_t)a->session_id);
        break;
    case ZAB_REVALIDATED:
        buf_printf(b, " 0x%" PRIx64 " %s", (uint64_t)a->session_id, a->valid ? "valid" : "gone");
        break;
    case ZAB_SYNCED:
        buf_printf(b, " %" PRIu64, a->cookie);
        break;
    case ZAB_NOTE:
    case ZAB_ALARM:
        buf_printf(b, " %s", a->text);
        break;
    case ZAB_SNAP_SHUT:
    case ZAB_SNAP_DROP:
    case ZAB_ASK_TOUCHED:
    case ZAB_CONFIG:
    case ZAB_STOPPED:
        break;
    }
}
