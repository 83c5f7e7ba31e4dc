/* The codec: what goes in comes out, and nothing from outside makes it leave its bytes. */
#include "proto/acl_text.h"
#include "proto/base/rng.h"
#include "proto/txn.h"
#include "tests/unit/test.h"

#include <errno.h>

TEST(a_cut_record_is_bad_at_every_length)
{
    struct zk_acl entry = {.perms = 31, .scheme = jute_str("world"), .id = jute_str("anyone")};
    struct zk_create_request in = {.path = jute_str("/a"),
                                   .data = jute_str("data"),
                                   .acl = {.count = 1, .items = &entry},
                                   .flags = 3};
    struct zk_create_request out;
    struct arena arena = {0};
    struct buf b = {0};

    put_create_request(&b, &in);
    for (size_t len = 0; len <= b.len; len++) {
        struct jute_reader r = jute_reader(b.data, len, &arena);

        get_create_request(&r, &out);
        EXPECT_EQ(r.bad, len < b.len);
    }
    EXPECT(jute_equal(out.path, in.path) && jute_equal(out.data, in.data));
    EXPECT_EQ(out.acl.count, 1);
    EXPECT(jute_equal(out.acl.items[0].id, entry.id));
    EXPECT_EQ(out.flags, 3);
    buf_done(&b);
    arena_done(&arena);
}

TEST(null_and_empty_are_different)
{
    struct zk_set_data_txn in = {.path = jute_str(""), .data = JUTE_NULL, .version = 1}, out;
    struct buf b = {0};
    struct jute_reader r;

    put_set_data_txn(&b, &in);
    r = jute_reader(b.data, b.len, NULL);
    get_set_data_txn(&r, &out);
    EXPECT_EQ(out.path.len, 0);
    EXPECT_EQ(out.data.len, -1);
    buf_done(&b);
}

TEST(a_hostile_count_is_refused_before_memory_is_taken)
{
    /* 2^31-1 strings announced, none there. */
    static const uint8_t bytes[] = {0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    struct arena arena = {0};
    struct jute_reader r = jute_reader(bytes, sizeof bytes, &arena);
    struct zk_vec_ustring v;

    get_vec_ustring(&r, &v);
    EXPECT(r.bad);
    EXPECT(arena.chunks == NULL);
}

TEST(a_negative_length_other_than_null_is_bad)
{
    static const uint8_t bytes[] = {0xff, 0xff, 0xff, 0xfe};
    struct jute_reader r = jute_reader(bytes, sizeof bytes, NULL);
    struct jute_bytes v;

    get_ustring(&r, &v);
    EXPECT(r.bad);
}

TEST(a_connect_request_may_lack_its_read_only_flag)
{
    struct zk_connect_request in = {.timeout = 4000, .passwd = JUTE_NULL, .read_only = -1}, out;
    struct buf b = {0};
    struct jute_reader r;

    put_connect_request(&b, &in);
    EXPECT_EQ(b.len, 28);
    r = jute_reader(b.data, b.len, NULL);
    get_connect_request(&r, &out);
    EXPECT(!r.bad);
    EXPECT_EQ(out.read_only, -1);
    buf_done(&b);
}

static void expect_round_trip(const struct txn *txn)
{
    struct arena arena = {0};
    struct buf b = {0}, again = {0};
    struct txn out;

    txn_encode(&b, txn);
    EXPECT(txn_decode(b.data, b.len, &arena, &out));
    EXPECT_EQ(out.has_digest, txn->has_digest);
    EXPECT_EQ(out.has_paths, txn->has_paths);
    txn_encode(&again, &out);
    EXPECT_EQ(again.len, b.len);
    EXPECT_MEM(again.data, b.data, b.len);
    EXPECT_EQ(txn_zxid(b.data), txn->hdr.zxid);
    buf_done(&b);
    buf_done(&again);
    arena_done(&arena);
}

TEST(close_session_is_told_apart_with_and_without_paths_and_digest)
{
    struct jute_bytes paths[] = {jute_str("/a"), jute_str("/b")};
    struct txn txn = {.hdr = {.client_id = 9, .zxid = 7, .type = OP_CLOSE_SESSION},
                      .digest = {.version = DIGEST_VERSION, .tree_digest = 12345}};

    for (int form = 0; form < 4; form++) {
        txn.has_paths = (form & 1) != 0;
        txn.has_digest = (form & 2) != 0;
        txn.close_session.paths = (struct zk_vec_ustring){.count = 2, .items = paths};
        expect_round_trip(&txn);
    }
}

TEST(bytes_behind_a_txn_make_it_no_txn)
{
    struct txn txn = {.hdr = {.zxid = 7, .type = OP_ERROR}, .error = {.err = -101}}, out;
    struct buf b = {0};

    txn_encode(&b, &txn);
    EXPECT(txn_decode(b.data, b.len, NULL, &out));
    put_i32(&b, 0);
    EXPECT(!txn_decode(b.data, b.len, NULL, &out));
    buf_done(&b);
}

TEST(an_acl_survives_its_text)
{
    const char *text = "world:anyone:r,digest:bob:fyVmFCwVbTJYrznoSu1koqYEYF0=:cdrwa,"
                       "x509:CN=a\\,O=b:w";
    struct arena arena = {0};
    struct zk_vec_acl acl;
    struct buf b = {0};

    EXPECT_EQ(acl_text_parse(text, strlen(text), &arena, &acl, NULL), 0);
    EXPECT_EQ(acl.count, 3);
    EXPECT(jute_equal(acl.items[1].id, jute_str("bob:fyVmFCwVbTJYrznoSu1koqYEYF0=")));
    EXPECT(jute_equal(acl.items[2].id, jute_str("CN=a,O=b")));
    acl_text_put(&b, &acl);
    EXPECT_STR(buf_cstr(&b), text);
    buf_done(&b);
    arena_done(&arena);
}

TEST(a_bad_acl_text_names_the_entry)
{
    static const char *const bad[] = {"", "world", "world:anyone", "world:anyone:x", "a:b:c,"};
    struct arena arena = {0};
    struct errtext why;
    struct zk_vec_acl acl;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        EXPECT_EQ(acl_text_parse(bad[i], strlen(bad[i]), &arena, &acl, &why), -EINVAL);
    EXPECT_STR(why.text, "ACL entry \"\": must be SCHEME:ID:PERMS");
    arena_done(&arena);
}
