/* quota_text: the data of a quota's znodes [StatsTrack]: "count=N,bytes=M" in the stats; in the
 * limits as well, and there ";byteHardLimit=H;countHardLimit=K" may follow, behind a stray '='
 * that makes old parsers stop. -1 is no limit. Plain value, pure. */
#ifndef ZKFS_PROTO_QUOTA_TEXT_H
#define ZKFS_PROTO_QUOTA_TEXT_H

#include "proto/base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define QUOTA_NO_LIMIT (-1)

struct quota_limits {
    int64_t count, bytes;           /* what is used; in limits soft: a line in the server's log */
    int64_t count_hard, bytes_hard; /* with enforceQuota: ZQUOTAEXCEEDED */
};

/* Pairs of key=number with "," or ";" between them; what follows a second "=" is passed over. What
 * is missing, unknown or no number is -1. */
struct quota_limits quota_text_parse(const void *text, size_t len);

/* Appends all four, as zkCli.sh does. */
void quota_text_put(struct buf *b, const struct quota_limits *limits);

#endif
