/* records: decoders, encoders and printers, made from records_list.h. Scalars
 * are passed by value and records by pointer, so each type names how it is
 * passed: ARG_x(v). */
#include "proto/records.h"

#define ARG_i32(v) v
#define ARG_i64(v) v
#define ARG_boolean(v) v
#define ARG_opt_boolean(v) v
#define ARG_ustring(v) v
#define ARG_buffer(v) v
#define ARG_acl(v) &v
#define ARG_id(v) &v
#define ARG_client_info(v) &v
#define ARG_sub_txn(v) &v
#define ARG_stat(v) &v
#define ARG_stat_persisted(v) &v
#define ARG_vec_ustring(v) &v
#define ARG_vec_acl(v) &v
#define ARG_vec_id(v) &v
#define ARG_vec_client_info(v) &v
#define ARG_vec_sub_txn(v) &v

#define GET_FIELD(type, name) get_##type(r, &ret->name);
#define PUT_FIELD(type, name) put_##type(b, ARG_##type(v->name));
#define PRINT_FIELD(type, name)           \
    buf_printf(b, "%s" #name "=", sep);   \
    print_##type(b, ARG_##type(v->name)); \
    sep = " ";

#define CODEC_RECORD(x)                                     \
    void get_##x(struct jute_reader *r, struct zk_##x *ret) \
    {                                                       \
        REC_##x(GET_FIELD)                                  \
    }                                                       \
    void put_##x(struct buf *b, const struct zk_##x *v)     \
    {                                                       \
        REC_##x(PUT_FIELD)                                  \
    }                                                       \
    void print_##x(struct buf *b, const struct zk_##x *v)   \
    {                                                       \
        const char *sep = "";                               \
        buf_append(b, "{", 1);                              \
        REC_##x(PRINT_FIELD)(void) sep;                     \
        buf_append(b, "}", 1);                              \
    }

/* A count that the bytes left cannot hold has been refused before anything is
 * allocated, so the arena grows at most in proportion to the frame. */
#define CODEC_VECTOR(x, element, element_min)                                        \
    void get_##x(struct jute_reader *r, struct zk_##x *ret)                          \
    {                                                                                \
        ret->items = NULL;                                                           \
        ret->count = get_vector_count(r, element_min);                               \
        if (ret->count <= 0)                                                         \
            return;                                                                  \
        ret->items = arena_alloc(r->arena, (size_t)ret->count * sizeof *ret->items); \
        for (int32_t i = 0; i < ret->count; i++)                                     \
            get_##element(r, &ret->items[i]);                                        \
    }                                                                                \
    void put_##x(struct buf *b, const struct zk_##x *v)                              \
    {                                                                                \
        put_i32(b, v->count);                                                        \
        for (int32_t i = 0; i < v->count; i++)                                       \
            put_##element(b, ARG_##element(v->items[i]));                            \
    }                                                                                \
    void print_##x(struct buf *b, const struct zk_##x *v)                            \
    {                                                                                \
        if (v->count < 0)                                                            \
            buf_printf(b, "null");                                                   \
        for (int32_t i = 0; i < v->count; i++) {                                     \
            buf_printf(b, "%s", i == 0 ? "[" : ", ");                                \
            print_##element(b, ARG_##element(v->items[i]));                          \
        }                                                                            \
        if (v->count >= 0)                                                           \
            buf_printf(b, "%s", v->count == 0 ? "[]" : "]");                         \
    }

ZK_ELEMENT_RECORDS(CODEC_RECORD)
ZK_VECTORS(CODEC_VECTOR)
ZK_RECORDS(CODEC_RECORD)
