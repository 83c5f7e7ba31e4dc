/* commit_rule: when the bytes that were written to an open file go to the server. Pure: events
 * in, decisions out. One rule per handle.
 *
 * A reader must never see part of one write(2), nor the truncation before it; one command should
 * be one transaction; and a shell tells of a failing write(2) but not of a failing close(2).
 * From the outside, `echo x > f` is OPEN or CREATE, FLUSH (bash closes its copy of the
 * descriptor first), WRITE, FLUSH, RELEASE. Hence:
 *
 *   WRITE    commits there and then, if it is the first one, on an empty file, shorter than
 *            COMMIT_WRITE_MAX and not a whole number of pages (a longer value comes in more
 *            than one WRITE, of whole pages but for the last). An append of such a size
 *            commits every time. Else the bytes are collected.
 *   FLUSH    by the opener commits what is collected. With nothing written it may be bash's
 *            first one: only the second commits the empty file. By others: nothing, it is a
 *            child that ends with a copy of the descriptor.
 *   FSYNC, RELEASE, and a second (COMMIT_QUIET_MS) without a WRITE commit what is there.
 *   A file that is to be made is made, empty, when nothing has been written by the second
 *   FLUSH, a SETATTR, or COMMIT_GRACE_MS after the CREATE.
 *
 * With COMMIT_AT_CLOSE no WRITE commits, and neither does quiet. */
#ifndef ZKFS_FS_COMMIT_RULE_H
#define ZKFS_FS_COMMIT_RULE_H

#include "fs/mount_options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMIT_PAGE 4096
/* The kernel cuts a longer write(2) into pieces of 1 MiB, less what the caller's buffer lies
 * behind the beginning of a page: no piece but the last is shorter than this. */
#define COMMIT_WRITE_MAX (((size_t)1 << 20) - COMMIT_PAGE)
#define COMMIT_QUIET_MS 1000
#define COMMIT_GRACE_MS 50

enum commit_decision {
    COMMIT_NOTHING, /* now; what is collected stays */
    COMMIT_NOW,     /* and answer the request with the outcome */
};

struct commit_rule {
    enum commit_mode mode;
    bool makes;   /* the file does not exist yet */
    bool owes;    /* even with nothing written there is something to commit: it is to be made, or
                     was truncated */
    bool dirty;   /* bytes are collected */
    bool begun;   /* something was written since it was last empty */
    bool appends; /* the handle is O_APPEND: each WRITE is a change of its own */
    unsigned idle_flushes; /* of the opener, since then, with nothing written */
};

/* MAKES: opened by CREATE, the file is not there yet. TRUNCATES: O_TRUNC. */
void commit_rule_init(struct commit_rule *rule, enum commit_mode mode, bool makes, bool truncates,
                      bool appends);

/* SIZE bytes are to be written at OFFSET; IS_EMPTY: of the file as this handle sees it. With
 * COMMIT_NOTHING they are collected, and quiet begins again. */
enum commit_decision commit_rule_write(struct commit_rule *rule, uint64_t offset, size_t size,
                                       bool is_empty);
/* By the opener; nobody else's FLUSH means anything. */
enum commit_decision commit_rule_flush(struct commit_rule *rule);
enum commit_decision commit_rule_sync(const struct commit_rule *rule);
enum commit_decision commit_rule_release(const struct commit_rule *rule);
enum commit_decision commit_rule_quiet(const struct commit_rule *rule);
/* For the grace after CREATE, SETATTR and whatever else wants the file to be there. */
enum commit_decision commit_rule_settle(const struct commit_rule *rule);

/* ftruncate(2) to SIZE. To 0: what was written is void, and the next WRITE is a first one. */
void commit_rule_truncate(struct commit_rule *rule, uint64_t size);

/* The outcome of a COMMIT_NOW. After a failure nothing is owed: it was told, and the next WRITE
 * is a first one again; the caller drops the bytes. */
void commit_rule_committed(struct commit_rule *rule);
void commit_rule_failed(struct commit_rule *rule);

/* Whether the handle differs from what the server has. */
static inline bool commit_rule_pending(const struct commit_rule *rule)
{
    return rule->dirty || rule->owes;
}

#endif
