/* row: see row.h. */
#include "store/row.h"

#include "proto/base/bytes.h"
#include "store/acl_table.h"

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

/* ---- a znode ---- */

/* What most znodes do not have, or have twice, is left out; a bit tells that it is there. */
enum znode_part {
    PART_MZXID = 1 << 0, /* if it is not czxid */
    PART_PZXID = 1 << 1, /* the same */
    PART_MTIME = 1 << 2, /* if it is not ctime */
    PART_VERSION = 1 << 3,
    PART_CVERSION = 1 << 4,
    PART_AVERSION = 1 << 5,
    PART_OWNER = 1 << 6,
    PART_ACL = 1 << 7,
    PART_DATA = 1 << 8, /* it may be empty; else it is null */
    PART_ALL = (1 << 9) - 1,
};

static uint32_t znode_parts(const struct row_znode *value)
{
    const struct zk_stat_persisted *stat = &value->stat;
    uint32_t parts = 0;

    parts |= stat->mzxid != stat->czxid ? PART_MZXID : 0;
    parts |= stat->pzxid != stat->czxid ? PART_PZXID : 0;
    parts |= stat->mtime != stat->ctime ? PART_MTIME : 0;
    parts |= stat->version != 0 ? PART_VERSION : 0;
    parts |= stat->cversion != 0 ? PART_CVERSION : 0;
    parts |= stat->aversion != 0 ? PART_AVERSION : 0;
    parts |= stat->ephemeral_owner != 0 ? PART_OWNER : 0;
    parts |= value->acl_id != TREE_ACL_OPEN ? PART_ACL : 0;
    parts |= value->data.len >= 0 ? PART_DATA : 0;
    return parts;
}

static void put_parts(struct buf *rows, uint32_t parts, const struct row_znode *value)
{
    const struct zk_stat_persisted *stat = &value->stat;

    if (parts & PART_MZXID)
        put_i64(rows, stat->mzxid);
    if (parts & PART_PZXID)
        put_i64(rows, stat->pzxid);
    if (parts & PART_MTIME)
        put_i64(rows, stat->mtime);
    if (parts & PART_VERSION)
        put_i32(rows, stat->version);
    if (parts & PART_CVERSION)
        put_i32(rows, stat->cversion);
    if (parts & PART_AVERSION)
        put_i32(rows, stat->aversion);
    if (parts & PART_OWNER)
        put_i64(rows, stat->ephemeral_owner);
    if (parts & PART_ACL)
        put_u32(rows, value->acl_id);
    if (parts & PART_DATA)
        put_buffer(rows, value->data);
}

static void get_parts(struct jute_reader *r, uint32_t parts, struct row_znode *ret)
{
    struct zk_stat_persisted *stat = &ret->stat;

    if (parts & PART_MZXID)
        get_i64(r, &stat->mzxid);
    if (parts & PART_PZXID)
        get_i64(r, &stat->pzxid);
    if (parts & PART_MTIME)
        get_i64(r, &stat->mtime);
    if (parts & PART_VERSION)
        get_i32(r, &stat->version);
    if (parts & PART_CVERSION)
        get_i32(r, &stat->cversion);
    if (parts & PART_AVERSION)
        get_i32(r, &stat->aversion);
    if (parts & PART_OWNER)
        get_i64(r, &stat->ephemeral_owner);
    if (parts & PART_ACL)
        get_u32(r, &ret->acl_id);
    if (parts & PART_DATA)
        get_buffer(r, &ret->data);
}

void row_put_znode(struct buf *rows, uint64_t id, const struct row_znode *value)
{
    size_t begin = value_begin(rows, ROW_ZNODE, id);
    uint32_t parts = znode_parts(value);

    put_u32(rows, parts);
    put_u64(rows, value->parent_id);
    put_buffer(rows, value->name);
    put_i64(rows, value->stat.czxid);
    put_i64(rows, value->stat.ctime);
    put_parts(rows, parts, value);
    value_end(rows, begin);
}

bool row_get_znode(struct jute_bytes value, struct row_znode *ret)
{
    struct jute_reader r = jute_reader(value.data, jute_size(value), NULL);
    uint32_t parts;

    *ret = (struct row_znode){.acl_id = TREE_ACL_OPEN, .data = JUTE_NULL};
    get_u32(&r, &parts);
    get_u64(&r, &ret->parent_id);
    get_buffer(&r, &ret->name);
    get_i64(&r, &ret->stat.czxid);
    get_i64(&r, &ret->stat.ctime);
    ret->stat.mzxid = ret->stat.pzxid = ret->stat.czxid;
    ret->stat.mtime = ret->stat.ctime;
    get_parts(&r, parts, ret);
    return (parts & ~(uint32_t)PART_ALL) == 0 && value_whole(&r);
}
