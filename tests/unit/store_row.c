/* The value of a znode's row, in which what most znodes do not have is left out. */
#include "store/acl_table.h"
#include "store/row.h"
#include "tests/unit/test.h"

static const struct row_znode plain = {
    .parent_id = 7,
    .name = {.data = (const uint8_t *)"name", .len = 4},
    .stat = {.czxid = 11, .mzxid = 11, .pzxid = 11, .ctime = 12, .mtime = 12},
    .acl_id = TREE_ACL_OPEN,
    .data = JUTE_NULL,
};

static void check_stat(const struct zk_stat_persisted *a, const struct zk_stat_persisted *b)
{
    EXPECT_EQ(a->czxid, b->czxid);
    EXPECT_EQ(a->mzxid, b->mzxid);
    EXPECT_EQ(a->pzxid, b->pzxid);
    EXPECT_EQ(a->ctime, b->ctime);
    EXPECT_EQ(a->mtime, b->mtime);
    EXPECT_EQ(a->version, b->version);
    EXPECT_EQ(a->cversion, b->cversion);
    EXPECT_EQ(a->aversion, b->aversion);
    EXPECT_EQ(a->ephemeral_owner, b->ephemeral_owner);
}

/* Encodes, checks that it comes back, and gives the length of the value. */
static size_t check_back(const struct row_znode *value)
{
    struct buf rows = {0};
    struct jute_reader r;
    struct row_znode back;
    struct row row;
    size_t len;

    row_put_znode(&rows, 42, value);
    r = jute_reader(rows.data, rows.len, NULL);
    EXPECT(row_get(&r, &row) && jute_left(&r) == 0);
    EXPECT_EQ(row.kind, ROW_ZNODE);
    EXPECT_EQ(row.key, 42);
    EXPECT(row_get_znode(row.value, &back));
    EXPECT_EQ(back.parent_id, value->parent_id);
    EXPECT_EQ(back.acl_id, value->acl_id);
    EXPECT_EQ(back.name.len, value->name.len);
    EXPECT_MEM(back.name.data, value->name.data, (size_t)value->name.len);
    EXPECT_EQ(back.data.len, value->data.len);
    check_stat(&back.stat, &value->stat);
    len = jute_size(row.value);
    for (int32_t cut = 0; cut < row.value.len; cut++)
        EXPECT(!row_get_znode((struct jute_bytes){.data = row.value.data, .len = cut}, &back));
    buf_done(&rows);
    return len;
}

TEST(what_a_znode_does_not_have_takes_no_room)
{
    EXPECT_EQ(check_back(&plain), 4 + 8 + 8 + 8 + 8);
}

TEST(each_part_comes_back)
{
    struct row_znode values[10];
    size_t least = check_back(&plain);

    for (size_t i = 0; i < 10; i++)
        values[i] = plain;
    values[0].stat.mzxid = 13;
    values[1].stat.pzxid = 0;
    values[2].stat.mtime = -1;
    values[3].stat.version = INT32_MIN;
    values[4].stat.cversion = 5;
    values[5].stat.aversion = -1;
    values[6].stat.ephemeral_owner = INT64_MIN;
    values[7].acl_id = UINT32_MAX;
    values[8].data = (struct jute_bytes){.data = (const uint8_t *)"", .len = 0};
    values[9] = (struct row_znode){
        .name = {.data = (const uint8_t *)"", .len = 0},
        .stat = {1, 2, 3, 4, 5, 6, 7, 8, 9},
        .acl_id = 3,
        .data = {.data = (const uint8_t *)"data", .len = 4},
    };
    for (size_t i = 0; i < 10; i++)
        EXPECT(check_back(&values[i]) > least);
}

TEST(a_part_that_is_not_known_is_refused)
{
    struct buf rows = {0};
    struct row_znode back;
    struct jute_reader r;
    struct row row;

    row_put_znode(&rows, 1, &plain);
    rows.data[1 + 8 + 4 + 2] ^= 0x02; /* of the value's first four bytes */
    r = jute_reader(rows.data, rows.len, NULL);
    EXPECT(row_get(&r, &row));
    EXPECT(!row_get_znode(row.value, &back));
    buf_done(&rows);
}
