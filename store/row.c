/* row: see row.h. */
#include "store/row.h"

#include "proto/base/bytes.h"

static void put_u64(struct buf *b, uint64_t v)
{
    store_be64(buf_extend(b, 8), v);
}

static void get_u64(struct jute_reader *r, uint64_t *ret)
{
    const uint8_t *p = jute_take(r, 8);

    *ret = p == NULL ? 0 : load_be64(p);
}

static void put_u32(struct buf *b, uint32_t v)
{
    store_be32(buf_extend(b, 4), v);
}

static void get_u32(struct jute_reader *r, uint32_t *ret)
{
    const uint8_t *p = jute_take(r, 4);

    *ret = p == NULL ? 0 : load_be32(p);
}

static void put_key(struct buf *rows, enum row_kind kind, uint64_t key)
{
    *buf_extend(rows, 1) = (uint8_t)kind;
    put_u64(rows, key);
}

void row_put(struct buf *rows, const struct row *row)
{
    put_key(rows, row->kind, row->key);
    put_buffer(rows, row->value);
}

bool row_get(struct jute_reader *r, struct row *ret)
{
    const uint8_t *kind = jute_take(r, 1);

    if (kind == NULL || *kind < ROW_GLOBAL || *kind > ROW_ZNODE) {
        r->bad = true;
        return false;
    }
    ret->kind = (enum row_kind) * kind;
    get_u64(r, &ret->key);
    get_buffer(r, &ret->value);
    return !r->bad;
}

/* A value is written behind room for its length, which is filled in at its end. */
static size_t value_begin(struct buf *rows, enum row_kind kind, uint64_t key)
{
    put_key(rows, kind, key);
    put_u32(rows, 0);
    return rows->len;
}

static void value_end(struct buf *rows, size_t begin)
{
    store_be32(rows->data + begin - 4, (uint32_t)(rows->len - begin));
}

static bool value_whole(const struct jute_reader *r)
{
    return !r->bad && jute_left(r) == 0;
}

void row_put_deleted(struct buf *rows, enum row_kind kind, uint64_t key)
{
    row_put(rows, &(struct row){.kind = kind, .key = key, .value = JUTE_NULL});
}

void row_put_global(struct buf *rows, const struct row_global *value)
{
    size_t begin = value_begin(rows, ROW_GLOBAL, 0);

    put_i64(rows, value->zxid);
    put_u64(rows, value->next_id);
    put_u64(rows, value->znode_count);
    put_u64(rows, value->digest);
    value_end(rows, begin);
}

bool row_get_global(struct jute_bytes value, struct row_global *ret)
{
    struct jute_reader r = jute_reader(value.data, jute_size(value), NULL);

    get_i64(&r, &ret->zxid);
    get_u64(&r, &ret->next_id);
    get_u64(&r, &ret->znode_count);
    get_u64(&r, &ret->digest);
    return value_whole(&r);
}

void row_put_acl(struct buf *rows, uint32_t id, const struct zk_vec_acl *value)
{
    size_t begin = value_begin(rows, ROW_ACL, id);

    put_vec_acl(rows, value);
    value_end(rows, begin);
}

bool row_get_acl(struct jute_bytes value, struct arena *arena, struct zk_vec_acl *ret)
{
    struct jute_reader r = jute_reader(value.data, jute_size(value), arena);

    get_vec_acl(&r, ret);
    return value_whole(&r);
}

void row_put_session(struct buf *rows, int64_t id, const struct row_session *value)
{
    size_t begin = value_begin(rows, ROW_SESSION, (uint64_t)id);

    put_i32(rows, value->timeout_ms);
    value_end(rows, begin);
}

bool row_get_session(struct jute_bytes value, struct row_session *ret)
{
    struct jute_reader r = jute_reader(value.data, jute_size(value), NULL);

    get_i32(&r, &ret->timeout_ms);
    return value_whole(&r);
}

void row_put_znode(struct buf *rows, uint64_t id, const struct row_znode *value)
{
    size_t begin = value_begin(rows, ROW_ZNODE, id);

    put_u64(rows, value->parent_id);
    put_buffer(rows, value->name);
    put_stat_persisted(rows, &value->stat);
    put_u32(rows, value->acl_id);
    put_buffer(rows, value->data);
    value_end(rows, begin);
}

bool row_get_znode(struct jute_bytes value, struct row_znode *ret)
{
    struct jute_reader r = jute_reader(value.data, jute_size(value), NULL);

    get_u64(&r, &ret->parent_id);
    get_buffer(&r, &ret->name);
    get_stat_persisted(&r, &ret->stat);
    get_u32(&r, &ret->acl_id);
    get_buffer(&r, &ret->data);
    return value_whole(&r);
}
