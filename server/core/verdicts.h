/* verdicts: what a leader has found about the sessions that clients bring to learners,
 * kept until the txns that were proposed before are committed: see core_revalidate().
 * In the order of asking. Pure. */
#ifndef ZKFS_SERVER_CORE_VERDICTS_H
#define ZKFS_SERVER_CORE_VERDICTS_H

#include "proto/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As many clients may well come back at once after a learner was lost. More are not waited for,
 * here and in doubt.h together. */
#define VERDICTS_MAX ((size_t)1 << 20)

struct verdict {
    uint64_t conn; /* of the learner that asks */
    int64_t session_id;
    bool valid;
    zk_zxid zxid; /* may be told when this one is committed */
};

/* A ring; a zeroed one is empty. */
struct verdicts {
    struct verdict *items;
    size_t first, count, cap;
};

/* There is room. Zxids never fall. */
void verdicts_add(struct verdicts *verdicts, const struct verdict *verdict);

/* Takes the oldest, if it may be told at ZXID. */
bool verdicts_take(struct verdicts *verdicts, zk_zxid zxid, struct verdict *ret);

/* Forgets them all, and gives the memory back. */
void verdicts_clear(struct verdicts *verdicts);

#endif
