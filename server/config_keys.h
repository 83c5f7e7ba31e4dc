/* config_keys: every key that a zoo.cfg may hold, in one table: what it means to
 * us, what is allowed, the default. The parser, `zkfsd --help`, the manual and the
 * tests read the same rows. */
#ifndef ZKFS_SERVER_CONFIG_KEYS_H
#define ZKFS_SERVER_CONFIG_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* How a value is written, and the type of the field that takes it. */
enum config_kind {
    CONFIG_INT,   /* int32_t; decimal, within min..max */
    CONFIG_BOOL,  /* bool; true or false, yes or no */
    CONFIG_REAL,  /* double; not negative */
    CONFIG_HOURS, /* int64_t milliseconds; a number of hours, or one with ms, s, m, h, d */
    CONFIG_TEXT,  /* char *; at least min bytes */
    CONFIG_ANY,   /* not looked at */
};

/* What becomes of a key that somebody wrote. */
enum config_use {
    CONFIG_USED,
    /* Means nothing to zkfsd, and nobody misses it: knobs of Java, of Apache's
     * threads and files, of an ensemble. */
    CONFIG_SILENT,
    /* Asks for something that this version does not do: a line in the log. */
    CONFIG_NOT_YET,
    /* Names something of Java's: a warning, with the row's text on what is done instead. */
    CONFIG_INSTEAD,
    /* What it turns off stays on: a warning with the row's text, if it is false. */
    CONFIG_STAYS_ON,
    /* Promises safety that this version would not give: refused unless false. */
    CONFIG_UNSAFE,
    /* Refused, with the row's text as the reason. */
    CONFIG_REFUSED,
};

struct config_key {
    const char *name; /* "server.*": every key that begins with "server." */
    enum config_kind kind;
    enum config_use use;
    ptrdiff_t field; /* offset in struct config; -1: checked, not kept */
    int32_t min, max;
    const char *standard; /* the default as it would be written; NULL: none */
    const char *text;     /* for a person */
};

extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* The row of a key as written, or by one of its other names: with "zookeeper." in front, as a
 * Java system property has it, or as the Administrator's Guide calls it. NULL: in none. */
const struct config_key *config_key_find(const char *name);

#endif
