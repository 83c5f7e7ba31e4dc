/* The state as a SNAP: exact while txns go on, the same tree at the other end, and what
 * Apache's leaders sent in the recorded joins. */
#include "proto/base/mem.h"
#include "proto/base/rng.h"
#include "store/apply.h"
#include "store/stream.h"
#include "store/stream_load.h"
#include "tests/support/hex.h"
#include "tests/support/tree_dump.h"
#include "tests/support/txn_make.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS "tests/vectors/peer.jsonl"

static const struct hash_key key = {.k0 = 1, .k1 = 2};

static void apply_random(struct tree *tree, struct txn_maker *m, int count)
{
    for (int i = 0; i < count; i++) {
        struct txn txn = txn_random(m);

        txn.has_digest = false;
        (void)tree_apply(tree, &txn, NULL);
        arena_reset(&m->arena);
    }
}

static char *dump(const struct tree *tree)
{
    struct buf text = {0};
    char *copy;

    tree_dump(tree, &text);
    copy = xstrdup(buf_cstr(&text));
    buf_done(&text);
    return copy;
}

/* Feeds the bytes in parts of PART; behind them there is something else. */
static struct tree *load(const struct buf *bytes, zk_zxid zxid, size_t part)
{
    struct stream_load *loading = stream_load_new(&key, zxid);
    struct tree *tree = NULL;
    struct errtext why;
    size_t at = 0;

    while (tree == NULL) {
        size_t len = bytes->len - at < part ? bytes->len - at : part, used = 0;
        int rc =
            len == 0 ? -ENODATA : stream_load_feed(loading, bytes->data + at, len, &used, &why);

        if (rc < 0)
            break;
        if (rc == 1) {
            EXPECT_EQ(at + used, bytes->len - 3);
            tree = stream_load_take(loading);
        }
        at += len;
    }
    stream_load_free(loading);
    return tree;
}

TEST(what_arrives_is_the_state_at_one_zxid_though_txns_go_on)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct txn_maker m = {.rng = rng_seeded(seed)};
        struct tree *tree = tree_new(&key), *copy;
        struct tree_stream *streams[2];
        struct buf bytes[2] = {{0}, {0}};
        char *before[2], *after;

        apply_random(tree, &m, 300);
        for (int i = 0; i < 2; i++) { /* the second begins while the first is under way */
            streams[i] = tree_stream_open(tree);
            EXPECT_EQ(tree_stream_zxid(streams[i]), tree_zxid(tree));
            before[i] = dump(tree);
            apply_random(tree, &m, 10);
        }
        for (int i = 0; i < 2; i++) {
            while (tree_stream_next(streams[i], 64, &bytes[i]) > 0)
                apply_random(tree, &m, (int)rng_below(&m.rng, 4));
            buf_append(&bytes[i], "abc", 3);
            copy = load(&bytes[i], tree_stream_zxid(streams[i]), i == 0 ? 7 : 1 << 20);
            EXPECT(copy != NULL);
            EXPECT(tree_provisional(copy));
            after = dump(copy);
            EXPECT_STR(after, before[i]);
            free(after);
            free(before[i]);
            tree_free(copy);
            tree_stream_close(streams[i]);
            buf_done(&bytes[i]);
        }
        tree_free(tree);
        txn_make_done(&m);
    }
}

TEST(a_stream_whose_tree_has_gone_says_so)
{
    struct tree *tree = tree_new(&key);
    struct tree_stream *stream = tree_stream_open(tree);
    struct buf out = {0};

    tree_free(tree);
    EXPECT_EQ(tree_stream_next(stream, 1000, &out), -ESTALE);
    tree_stream_close(stream);
    buf_done(&out);
}

TEST(what_apache_s_leaders_sent_is_loaded_and_sent_again)
{
    FILE *file = fopen(VECTORS, "r");
    struct buf bytes = {0}, again = {0};
    char *line = NULL;
    size_t cap = 0;
    int count = 0;

    EXPECT(file != NULL);
    while (getline(&line, &cap, file) > 0) {
        struct tree_stream *stream;
        struct tree *tree, *copy;
        char *before, *after;

        if (strstr(line, "\"stream\": ") == NULL)
            continue;
        unhex(strstr(line, "\"hex\": \"") + 8, &bytes);
        buf_append(&bytes, "abc", 3);
        tree = load(&bytes, 0x100000000, 11);
        EXPECT(tree != NULL);
        EXPECT(tree_lookup(tree, jute_str("/zookeeper/config")) != NULL);
        /* Not the same bytes: ACLs that no znode has are left out. */
        stream = tree_stream_open(tree);
        again.len = 0;
        while (tree_stream_next(stream, 100, &again) > 0)
            ;
        buf_append(&again, "abc", 3);
        copy = load(&again, 0x100000000, 1000);
        EXPECT(copy != NULL);
        before = dump(tree);
        after = dump(copy);
        EXPECT_STR(after, before);
        free(before);
        free(after);
        tree_stream_close(stream);
        tree_free(copy);
        tree_free(tree);
        count++;
    }
    EXPECT_EQ(count, 3);
    (void)fclose(file);
    free(line);
    buf_done(&bytes);
    buf_done(&again);
}

TEST(what_is_no_snapshot_is_refused)
{
    static const char *const broken[] = {
        "ffffffff",                                 /* -1 sessions */
        "0000000000000000000000012f",               /* no znode at all */
        "0000000000000000000000022f61ffffffff",     /* the root is missing */
        "00000000000000007fffffff",                 /* a path of 2 GiB */
        "00000000000000010000000000000001fffffff0", /* an ACL with -16 entries */
    };

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct buf bytes = {0};

        unhex(broken[i], &bytes);
        (void)memset(buf_extend(&bytes, 200), 0, 200);
        EXPECT(load(&bytes, 1, 5) == NULL);
        buf_done(&bytes);
    }
}

TEST(digests_are_compared_only_once_a_provisional_state_has_caught_up)
{
    struct txn_maker m = {.rng = rng_seeded(1)};
    struct tree *tree = tree_new(&key);
    struct txn txn = txn_create(&m, "/a", "x");

    tree_set_provisional(tree, true);
    txn.has_digest = true;
    txn.digest = (struct zk_txn_digest){DIGEST_VERSION, 1};
    EXPECT(!tree_apply(tree, &txn, NULL).digest_mismatch);
    EXPECT(tree_provisional(tree));
    txn = txn_error(&m, -101);
    txn.has_digest = true;
    txn.digest = (struct zk_txn_digest){DIGEST_VERSION, (int64_t)tree_digest(tree)};
    EXPECT(!tree_apply(tree, &txn, NULL).digest_mismatch);
    EXPECT(!tree_provisional(tree));
    txn.digest.tree_digest++;
    EXPECT(tree_apply(tree, &txn, NULL).digest_mismatch);
    tree_free(tree);
    txn_make_done(&m);
}
