/* Fuzzer of txns: whatever decodes, encodes again to the same bytes and can be applied; and the
 * tree that comes out of it is whole (a freeze of it loads again, which checks the digest). The
 * input is a sequence of txns, each behind its length in two bytes. */
#include "proto/base/assert.h"
#include "proto/base/mem.h"
#include "store/apply.h"
#include "store/freeze.h"
#include "store/tree_load.h"

#include <stdlib.h>

#define ROW_BYTES_MIN 13

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

static int compare_rows(const void *a, const void *b)
{
    const struct row *row_a = a, *row_b = b;

    if (row_a->kind != row_b->kind)
        return row_a->kind < row_b->kind ? -1 : 1;
    return row_a->key < row_b->key ? -1 : row_a->key > row_b->key;
}

/* The rows as a checkpoint would give them; to be freed. */
static struct row *sorted_rows(const struct buf *bytes, size_t *ret_count)
{
    struct jute_reader r = jute_reader(bytes->data, bytes->len, NULL);
    struct row *rows = xmalloc((bytes->len / ROW_BYTES_MIN + 1) * sizeof *rows);

    *ret_count = 0;
    while (jute_left(&r) > 0)
        ASSERT(row_get(&r, &rows[(*ret_count)++]));
    qsort(rows, *ret_count, sizeof *rows, compare_rows);
    return rows;
}

static void load_again(struct tree *tree)
{
    struct tree_load *load = tree_load_new(&key);
    struct buf bytes = {0};
    struct tree *loaded;
    struct row *rows;
    size_t count;

    tree_freeze_begin(tree, FREEZE_ALL);
    while (tree_freeze_next(tree, 4096, &bytes))
        ;
    tree_freeze_end(tree, true);
    rows = sorted_rows(&bytes, &count);
    for (size_t i = 0; i < count; i++)
        ASSERT(tree_load_row(load, &rows[i], NULL) == 0);
    ASSERT(tree_load_done(load, &loaded, NULL) == 0);
    ASSERT(tree_zxid(loaded) == tree_zxid(tree));
    ASSERT(tree_session_count(loaded) == tree_session_count(tree));
    ASSERT(tree_ephemeral_count(loaded) == tree_ephemeral_count(tree));
    ASSERT(tree_data_bytes(loaded) == tree_data_bytes(tree));
    ASSERT(tree_acl_count(loaded) == tree_acl_count(tree));
    tree_free(loaded);
    free(rows);
    buf_done(&bytes);
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
