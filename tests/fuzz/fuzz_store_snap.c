/* Fuzzer of the stream of a SNAP: whatever is accepted gives a tree that can be sent again, and
 * that stream gives the same tree. The first byte is how the rest is cut into parts. */
#include "proto/base/assert.h"
#include "store/stream.h"
#include "store/stream_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hash_key key = {.k0 = 11, .k1 = 12};

static struct tree *load(const uint8_t *data, size_t size, size_t part)
{
    struct stream_load *loading = stream_load_new(&key, 1);
    struct tree *tree = NULL;
    struct errtext why;
    size_t used = 0;
    int rc = 0;

    for (size_t at = 0; rc == 0 && at < size; at += part)
        rc = stream_load_feed(loading, data + at, size - at < part ? size - at : part, &used, &why);
    if (rc == 1)
        tree = stream_load_take(loading);
    stream_load_free(loading);
    return tree;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tree *tree = size < 2 ? NULL : load(data + 1, size - 1, 1 + data[0]), *again;
    struct tree_stream *stream;
    struct buf bytes = {0};

    if (tree == NULL)
        return 0;
    stream = tree_stream_open(tree);
    while (tree_stream_next(stream, 100, &bytes) > 0)
        ;
    tree_stream_close(stream);
    again = load(bytes.data, bytes.len, bytes.len);
    ASSERT(again != NULL);
    ASSERT(tree_digest(again) == tree_digest(tree));
    ASSERT(tree_znode_count(again) == tree_znode_count(tree));
    ASSERT(tree_data_bytes(again) == tree_data_bytes(tree));
    tree_free(again);
    tree_free(tree);
    buf_done(&bytes);
    return 0;
}
