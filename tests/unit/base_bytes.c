/* Buffers, arenas, blobs, and the sums that files rely on. */
#include "proto/base/arena.h"
#include "proto/base/blob.h"
#include "proto/base/buf.h"
#include "proto/base/crc32c.h"
#include "proto/base/errtext.h"
#include "proto/base/hash.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

TEST(crc32c_of_the_published_examples)
{
    /* RFC 3720, appendix B.4 */
    uint8_t bytes[32] = {0};

    EXPECT_EQ(crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    EXPECT_EQ(crc32c(0, bytes, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    EXPECT_EQ(crc32c(0, bytes, 32), 0x46dd794e);
    EXPECT_EQ(crc32c(0, "123456789", 9), 0xe3069283);
}

TEST(crc32c_may_be_computed_in_pieces)
{
    const char *text = "the quick brown fox jumps over the lazy dog";
    size_t len = strlen(text);

    for (size_t cut = 0; cut <= len; cut++)
        EXPECT_EQ(crc32c(crc32c(0, text, cut), text + cut, len - cut), crc32c(0, text, len));
}

TEST(siphash_depends_on_every_byte_and_on_the_key)
{
    struct hash_key key = {1, 2}, other = {1, 3};
    uint8_t bytes[64] = {0};

    for (size_t len = 1; len <= sizeof bytes; len++) {
        uint64_t before = hash_bytes(&key, bytes, len);

        EXPECT(before != hash_bytes(&other, bytes, len));
        EXPECT(before != hash_bytes(&key, bytes, len - 1));
        bytes[len - 1] ^= 1;
        EXPECT(before != hash_bytes(&key, bytes, len));
        bytes[len - 1] ^= 1;
    }
}

TEST(a_buf_keeps_what_was_written_while_it_grows)
{
    struct buf b = {0};

    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%03d,", i);
    EXPECT_EQ(b.len, 4000);
    EXPECT_MEM(&b.data[3108], "777,", 4); /* 4 bytes each */
    EXPECT_EQ(strlen(buf_cstr(&b)), 4000);
    buf_done(&b);
    EXPECT(b.data == NULL);
}

TEST(pieces_of_an_arena_do_not_overlap_and_are_aligned)
{
    struct arena a = {0};

    for (int round = 0; round < 3; round++) {
        char *pieces[100];

        for (size_t i = 0; i < 100; i++) {
            pieces[i] = arena_alloc(&a, i * 13);
            EXPECT_EQ((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
            memset(pieces[i], (int)i, i * 13);
        }
        for (size_t i = 1; i < 100; i++)
            EXPECT(pieces[i][0] == (char)i && pieces[i][i * 13 - 1] == (char)i);
        arena_reset(&a);
    }
    EXPECT(arena_alloc(&a, 1000000) != NULL);
    arena_done(&a);
}

TEST(a_blob_lives_until_its_last_holder_leaves)
{
    struct blob *blob = blob_copy("abc", 3);

    EXPECT(blob_ref(blob) == blob);
    blob_unref(blob);
    EXPECT_MEM(blob->data, "abc", 3);
    blob_unref(blob);
    blob_unref(NULL);
}

TEST(an_error_text_says_where_first_and_why_last)
{
    struct errtext why;

    errno = ENOSPC;
    EXPECT_EQ(errtext_errno(&why, "cannot write %s", "meta.tmp"), -ENOSPC);
    errtext_prefix(&why, "dataDir %s", "/data");
    EXPECT_STR(why.text, "dataDir /data: cannot write meta.tmp: No space left on device");
}
