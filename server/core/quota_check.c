/* quota_check: see quota_check.h. */
#include "server/core/quota_check.h"

#include "server/core/core_state.h"
#include "store/quota.h"

#include <inttypes.h>
#include <stdio.h>

/* Between two notes: a client over its soft limit may write as often as it likes. */
#define NOTE_PAUSE_MS 60000

/* One of the two things that a quota limits. */
struct judged {
    const char *what;
    int64_t more, used, soft, hard; /* limits: -1 for none */
};

static void note_soft(struct core *core, const struct quota *quota, const struct judged *judged,
                      int64_t mono_ms)
{
    struct quota_notes *notes = &core->quota_notes;
    char text[400];

    if (mono_ms < notes->next_ms) {
        notes->unsaid++;
        return;
    }
    (void)snprintf(text, sizeof text,
                   "quota: over the soft limit: path=%.*s %s=%" PRId64 " limit=%" PRId64
                   " unsaid=%" PRIu64 "; allowed",
                   quota->path.len < 200 ? quota->path.len : 200, (const char *)quota->path.data,
                   judged->what, judged->used + judged->more, judged->soft, notes->unsaid);
    core->host.note(core->host.arg, text);
    notes->next_ms = mono_ms + NOTE_PAUSE_MS;
    notes->unsaid = 0;
}

/* Where there is a hard limit the soft one means nothing. What takes nothing more, or
 * gives back, is judged all the same, but for what it does not touch: then an owner
 * who is over a limit cannot even make small of big, as with Apache. */
static enum zk_err judge(struct core *core, const struct quota *quota, const struct judged *judged,
                         int64_t mono_ms)
{
    int64_t limit = judged->hard > -1 ? judged->hard : judged->soft;

    if (judged->more == 0 || limit <= -1 || judged->used + judged->more <= limit)
        return ZOK;
    if (judged->hard <= -1)
        note_soft(core, quota, judged, mono_ms);
    else if (core->config.enforce_quota)
        return ZQUOTAEXCEEDED;
    return ZOK;
}

enum zk_err quota_check(struct core *core, struct jute_bytes path, int count, int64_t bytes,
                        int64_t mono_ms)
{
    struct quota quota;
    enum zk_err err;

    if (!quota_find(core->tree, path, &quota) || !quota.has_used)
        return ZOK;
    err = judge(core, &quota,
                &(struct judged){.what = "count",
                                 .more = count,
                                 .used = quota.used.count,
                                 .soft = quota.limits.count,
                                 .hard = quota.limits.count_hard},
                mono_ms);
    if (err != ZOK)
        return err;
    return judge(core, &quota,
                 &(struct judged){.what = "bytes",
                                  .more = bytes,
                                  .used = quota.used.bytes,
                                  .soft = quota.limits.bytes,
                                  .hard = quota.limits.bytes_hard},
                 mono_ms);
}
