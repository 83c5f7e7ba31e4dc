/* quota_text: the data of a quota's limits znode [StatsTrack]: "count=N,bytes=M", and behind it,
 * after a
 * '=' that made old parsers stop, ";byteHardLimit=H;countHardLimit=K". -1 is no limit. Plain value.
 * Pure. */
#ifndef ZKFS_PROTO_QUOTA_TEXT_H
#define ZKFS_PROTO_QUOTA_TEXT_H

#include "proto/base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define QUOTA_NO_LIMIT (-1)

struct quota_limits {
    int64_t count, bytes;           /* soft: a line in the server's log */
    int64_t count_hard, bytes_hard; /* with enforceQuota: ZQUOTAEXCEEDED */
};

/* What is missing, unknown or no number in TEXT is no limit. */
struct quota_limits quota_text_parse(const void *text, size_t len);

/* Appends all four, as zkCli.sh does. */
void quota_text_put(struct buf *b, const struct quota_limits *limits);

#endif
