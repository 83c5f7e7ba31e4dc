/* properties: the text format of a zoo.cfg, Java's properties file
 * [java.util.Properties.load]: `key=value`, `key: value` or `key value`,
 * comments behind # or !, a backslash at the end of a line continues it, the
 * usual escapes. Differs in two points: bytes above 127 are taken as they are
 * (UTF-8, where Java reads Latin-1), and blanks behind a value do not count, as
 * Apache trims them. Pure. */
#ifndef ZKFS_SERVER_PROPERTIES_H
#define ZKFS_SERVER_PROPERTIES_H

#include "proto/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* A cursor over borrowed text; what it holds ends with properties_done(). */
struct properties {
    const char *p, *end;
    int next_line;
    /* The property that was read last. */
    int line; /* where it begins */
    struct buf key, value;
};

struct properties properties_over(const char *text, size_t len);
void properties_done(struct properties *in);

/* Reads the next property. 1: key and value are there, NUL-terminated, valid
 * until the next call; 0: the text is over; -EINVAL: the line IN->line cannot be
 * read, *RET_WHY is a constant that says why. The next call goes on behind it. */
int properties_next(struct properties *in, const char **ret_why);

#endif
