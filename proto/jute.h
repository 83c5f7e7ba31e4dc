/* jute: ZooKeeper's encoding. Big-endian integers, length-prefixed bytes, no
 * tags [jute BinaryInputArchive]. A reader is a cursor over borrowed bytes that
 * can never leave them: the first thing that does not fit makes it `bad`, and
 * from then on it gives zeros, so a decoder checks once, at its end. Strings
 * and buffers that it gives point into the bytes that were read; vectors come
 * from the arena. */
#ifndef ZKFS_PROTO_JUTE_H
#define ZKFS_PROTO_JUTE_H

#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A ustring or a buffer: len -1 is null, which is not the same as empty. The
 * bytes are borrowed and not NUL-terminated. */
struct jute_bytes {
    const uint8_t *data;
    int32_t len;
};

#define JUTE_NULL ((struct jute_bytes){.data = NULL, .len = -1})

static inline struct jute_bytes jute_str(const char *s)
{
    return (struct jute_bytes){.data = (const uint8_t *)s, .len = (int32_t)strlen(s)};
}

static inline bool jute_equal(struct jute_bytes a, struct jute_bytes b)
{
    return a.len == b.len && (a.len <= 0 || memcmp(a.data, b.data, (size_t)a.len) == 0);
}

/* Bytes that count: 0 for null as well. */
static inline size_t jute_size(struct jute_bytes b)
{
    return b.len > 0 ? (size_t)b.len : 0;
}

struct jute_reader {
    const uint8_t *p, *end;
    struct arena *arena; /* for vectors; may be NULL when the record has none */
    bool bad;            /* sticky */
};

static inline struct jute_reader jute_reader(const void *data, size_t len, struct arena *arena)
{
    const uint8_t *p = data;

    /* Null bytes may be read as well, and nothing may be added to a null pointer. */
    return (struct jute_reader){.p = p, .end = len == 0 ? p : p + len, .arena = arena};
}

static inline size_t jute_left(const struct jute_reader *r)
{
    return (size_t)(r->end - r->p);
}

/* N bytes at the cursor, which moves past them; NULL and bad when fewer are left. */
static inline const uint8_t *jute_take(struct jute_reader *r, size_t n)
{
    const uint8_t *p = r->p;

    if (r->bad || jute_left(r) < n) {
        r->bad = true;
        return NULL;
    }
    r->p += n;
    return p;
}

/* The types of the protocol. get_X reads one into *RET (zero when bad); put_X
 * appends one; print_X appends text for a person. Records follow the same
 * pattern (records.h), so that one list of fields makes all three. */

typedef int32_t jute_i32;
typedef int64_t jute_i64;
typedef bool jute_boolean;
/* A boolean that old peers leave out at the very end: -1 absent, else 0 or 1. */
typedef int8_t jute_opt_boolean;
typedef struct jute_bytes jute_ustring;
typedef struct jute_bytes jute_buffer;

static inline void get_i32(struct jute_reader *r, int32_t *ret)
{
    const uint8_t *p = jute_take(r, 4);

    *ret = p == NULL ? 0 : (int32_t)load_be32(p);
}

static inline void get_i64(struct jute_reader *r, int64_t *ret)
{
    const uint8_t *p = jute_take(r, 8);

    *ret = p == NULL ? 0 : (int64_t)load_be64(p);
}

static inline void get_boolean(struct jute_reader *r, bool *ret)
{
    const uint8_t *p = jute_take(r, 1);

    *ret = p != NULL && *p != 0;
}

static inline void put_i32(struct buf *b, int32_t v)
{
    store_be32(buf_extend(b, 4), (uint32_t)v);
}

static inline void put_i64(struct buf *b, int64_t v)
{
    store_be64(buf_extend(b, 8), (uint64_t)v);
}

static inline void put_boolean(struct buf *b, bool v)
{
    *buf_extend(b, 1) = v;
}

void get_opt_boolean(struct jute_reader *r, int8_t *ret);
void put_opt_boolean(struct buf *b, int8_t v);

/* Bytes with a length in front; negative other than -1 is bad. */
void get_buffer(struct jute_reader *r, struct jute_bytes *ret);
void put_buffer(struct buf *b, struct jute_bytes v);

static inline void get_ustring(struct jute_reader *r, struct jute_bytes *ret)
{
    get_buffer(r, ret);
}

static inline void put_ustring(struct buf *b, struct jute_bytes v)
{
    put_buffer(b, v);
}

/* The count in front of a vector whose elements take at least ELEMENT_MIN bytes
 * each: -1 for null; bad when the bytes that are left cannot hold so many, so
 * a hostile count allocates nothing. */
int32_t get_vector_count(struct jute_reader *r, size_t element_min);

void print_i32(struct buf *b, int32_t v);
void print_i64(struct buf *b, int64_t v);
void print_boolean(struct buf *b, bool v);
void print_opt_boolean(struct buf *b, int8_t v);
void print_ustring(struct buf *b, struct jute_bytes v);
/* The length alone: data is not for logs. */
void print_buffer(struct buf *b, struct jute_bytes v);

#endif
