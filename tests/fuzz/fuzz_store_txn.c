/* Fuzzer of txns: whatever decodes, encodes again to the same bytes and can be applied; and the
 * tree that comes out of it is whole (a freeze of it loads again, which checks the digest). The
 * input is a sequence of txns, each behind its length in two bytes. */
#include "proto/base/assert.h"
#include "store/apply.h"
#include "store/freeze.h"
#include "store/tree_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hash_key key = {.k0 = 11, .k1 = 12};

/* Booleans other than 0 and 1 are read as 1 and written as such: decode what was encoded and
 * encode that; then nothing may change any more. */
static void encode_again(const struct txn *txn, size_t len)
{
    struct buf first = {0}, second = {0};
    struct arena arena = {0};
    struct txn again;

    txn_encode(&first, txn);
    ASSERT(first.len == len);
    ASSERT(txn_decode(first.data, first.len, &arena, &again));
    txn_encode(&second, &again);
    ASSERT(second.len == first.len && memcmp(first.data, second.data, first.len) == 0);
    arena_done(&arena);
    buf_done(&first);
    buf_done(&second);
}

static void apply_one(struct tree *tree, const uint8_t *data, size_t len)
{
    struct arena arena = {0};
    struct txn txn;

    if (txn_decode(data, len, &arena, &txn)) {
        encode_again(&txn, len);
        (void)tree_apply(tree, &txn, NULL);
    }
    arena_done(&arena);
}

/* Rows come unsorted; here the kinds do come in order, but ids after a deletion may not. So only
 * what has no gap is loaded in full; otherwise the rows just have to be refused decently. */
static void load_again(struct tree *tree)
{
    struct tree_load *load = tree_load_new(&key);
    struct buf rows = {0};
    struct jute_reader r;
    struct row row;
    int rc = 0;

    tree_freeze_begin(tree, FREEZE_ALL);
    while (tree_freeze_next(tree, 4096, &rows))
        ;
    tree_freeze_end(tree, true);
    r = jute_reader(rows.data, rows.len, NULL);
    while (rc == 0 && jute_left(&r) > 0) {
        ASSERT(row_get(&r, &row));
        rc = tree_load_row(load, &row, NULL);
    }
    if (rc == 0) {
        struct tree *loaded;

        ASSERT(tree_load_done(load, &loaded, NULL) == 0);
        ASSERT(tree_digest(loaded) == tree_digest(tree));
        tree_free(loaded);
    } else {
        tree_load_abandon(load);
    }
    buf_done(&rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tree *tree = tree_new(&key);

    while (size > 2) {
        size_t len = (size_t)data[0] << 8 | data[1];

        data += 2;
        size -= 2;
        len = len < size ? len : size;
        apply_one(tree, data, len);
        data += len;
        size -= len;
    }
    load_again(tree);
    tree_free(tree);
    return 0;
}
