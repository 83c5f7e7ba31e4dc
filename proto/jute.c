/* jute: see jute.h. */
#include "proto/jute.h"

#include <inttypes.h>

void get_opt_boolean(struct jute_reader *r, int8_t *ret)
{
    bool v;

    if (!r->bad && jute_left(r) == 0) {
        *ret = -1;
        return;
    }
    get_boolean(r, &v);
    *ret = v;
}

void put_opt_boolean(struct buf *b, int8_t v)
{
    if (v >= 0)
        put_boolean(b, v != 0);
}

void get_buffer(struct jute_reader *r, struct jute_bytes *ret)
{
    int32_t len;

    *ret = JUTE_NULL;
    get_i32(r, &len);
    if (r->bad || len == -1)
        return;
    if (len < 0 || (ret->data = jute_take(r, (size_t)len)) == NULL) {
        r->bad = true;
        return;
    }
    ret->len = len;
}

void put_buffer(struct buf *b, struct jute_bytes v)
{
    put_i32(b, v.len);
    if (v.len > 0)
        buf_append(b, v.data, (size_t)v.len);
}

int32_t get_vector_count(struct jute_reader *r, size_t element_min)
{
    int32_t count;

    get_i32(r, &count);
    if (r->bad)
        return -1;
    if (count < -1 || (count > 0 && (size_t)count > jute_left(r) / element_min)) {
        r->bad = true;
        return -1;
    }
    return count;
}

void print_i32(struct buf *b, int32_t v)
{
    buf_printf(b, "%" PRId32, v);
}

void print_i64(struct buf *b, int64_t v)
{
    buf_printf(b, "0x%" PRIx64, v);
}

void print_boolean(struct buf *b, bool v)
{
    buf_printf(b, "%s", v ? "true" : "false");
}

void print_opt_boolean(struct buf *b, int8_t v)
{
    buf_printf(b, "%s", v < 0 ? "absent" : v > 0 ? "true" : "false");
}

void print_ustring(struct buf *b, struct jute_bytes v)
{
    if (v.len < 0) {
        buf_printf(b, "null");
        return;
    }
    buf_append(b, "\"", 1);
    for (int32_t i = 0; i < v.len; i++) {
        if (v.data[i] < 0x20 || v.data[i] == '"' || v.data[i] == '\\')
            buf_printf(b, "\\x%02x", v.data[i]);
        else
            buf_append(b, &v.data[i], 1);
    }
    buf_append(b, "\"", 1);
}

void print_buffer(struct buf *b, struct jute_bytes v)
{
    if (v.len < 0)
        buf_printf(b, "null");
    else
        buf_printf(b, "%" PRId32 " bytes", v.len);
}
