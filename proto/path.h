/* path: what ZooKeeper takes for the path of a znode [PathUtils]. Paths are
 * UTF-8 bytes with a length, without a NUL behind them. */
#ifndef ZKFS_PROTO_PATH_H
#define ZKFS_PROTO_PATH_H

#include "proto/jute.h"

/* Whether a znode may have this path: absolute, no trailing or double slash, no
 * "." or "..", valid UTF-8, none of the characters that Apache refuses: U+0000 to
 * U+001F, U+007F to U+009F, U+D800 to U+F8FF, U+FFF0 to U+FFFF and all
 * above U+FFFF (two surrogates in Java's eyes). On refusal WHY, unless NULL, gets
 * a constant that says what is wrong. */
bool path_valid(struct jute_bytes path, const char **ret_why);

/* Whether a znode may have this name: one component of a valid path. */
bool path_name_valid(struct jute_bytes name, const char **ret_why);

/* The path of the parent: "/" for a top-level znode. PATH has a slash in it. */
struct jute_bytes path_parent(struct jute_bytes path);

/* The last component; empty for "/" (and for a path that ends in a slash). */
struct jute_bytes path_name(struct jute_bytes path);

/* Whether PATH is ANCESTOR or below it, by whole components. */
bool path_is_within(struct jute_bytes path, struct jute_bytes ancestor);

#endif
