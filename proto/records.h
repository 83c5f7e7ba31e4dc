/* records: what records_list.h declares, as C. For each record X:
 *
 *   struct zk_X                                   its fields, in wire order
 *   void get_X(struct jute_reader *, struct zk_X *)   decodes; check r->bad at the end
 *   void put_X(struct buf *, const struct zk_X *)     appends its bytes
 *   void print_X(struct buf *, const struct zk_X *)   appends text for a person
 *
 * Decoded strings point into the bytes read, vectors into the reader's arena.
 * A vector is {count, items}; count -1 is null. Any thread. */
#ifndef ZKFS_PROTO_RECORDS_H
#define ZKFS_PROTO_RECORDS_H

#include "proto/jute.h"
#include "proto/records_list.h"

#define JUTE_FIELD(type, name) jute_##type name;
#define JUTE_RECORD(x)                                       \
    struct zk_##x {                                          \
        REC_##x(JUTE_FIELD)                                  \
    };                                                       \
    typedef struct zk_##x jute_##x;                          \
    void get_##x(struct jute_reader *r, struct zk_##x *ret); \
    void put_##x(struct buf *b, const struct zk_##x *v);     \
    void print_##x(struct buf *b, const struct zk_##x *v);
#define JUTE_VECTOR(x, element, element_min)                 \
    struct zk_##x {                                          \
        int32_t count;                                       \
        jute_##element *items;                               \
    };                                                       \
    typedef struct zk_##x jute_##x;                          \
    void get_##x(struct jute_reader *r, struct zk_##x *ret); \
    void put_##x(struct buf *b, const struct zk_##x *v);     \
    void print_##x(struct buf *b, const struct zk_##x *v);

ZK_ELEMENT_RECORDS(JUTE_RECORD)
ZK_VECTORS(JUTE_VECTOR)
ZK_RECORDS(JUTE_RECORD)

#undef JUTE_FIELD
#undef JUTE_RECORD
#undef JUTE_VECTOR

#endif
