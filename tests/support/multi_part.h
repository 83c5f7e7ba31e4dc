/* multi_part: any part of a multi or multiRead as a value, in a request or in a reply, for
 * tests that read and write both sides. */
#ifndef ZKFS_TESTS_SUPPORT_MULTI_PART_H
#define ZKFS_TESTS_SUPPORT_MULTI_PART_H

#include "proto/multi.h"

/* TYPE and the side it stands on say which member holds; multi_part.c has the table. */
struct multi_part {
    int32_t type;
    union {
        struct zk_create_request create;
        struct zk_create_ttl_request create_ttl;
        struct zk_path_version_request path_version;
        struct zk_set_data_request set_data;
        struct zk_path_watch_request path_watch;
        struct zk_path_response path;
        struct zk_path_stat_response path_stat;
        struct zk_stat_response stat;
        struct zk_get_data_response get_data;
        struct zk_get_children_response get_children;
        struct zk_error_response error;
    };
};

enum multi_side { MULTI_REQUEST, MULTI_REPLY };

/* Reads the next part: false at the end mark, or when R has become bad: a type that has no
 * place there, or bytes that do not fit. */
bool multi_part_get(struct jute_reader *r, enum multi_side side, struct multi_part *ret);

/* Appends PART; the end mark is multi_put_end(). */
void multi_part_put(struct buf *b, enum multi_side side, const struct multi_part *part);

#endif
