/* Which paths a znode may have: Apache's rule, which thinks in UTF-16. */
#include "proto/path.h"
#include "tests/unit/test.h"

static bool valid(const char *path)
{
    return path_valid(jute_str(path), NULL);
}

TEST(ordinary_paths_are_valid)
{
    EXPECT(valid("/"));
    EXPECT(valid("/a"));
    EXPECT(valid("/a/b c/\xc3\xa4"));
    EXPECT(valid("/.../.x/x."));
    EXPECT(valid("/\xef\xbf\xaf")); /* U+FFEF */
    EXPECT(valid("/\xef\xa4\x80")); /* U+F900 */
}

TEST(malformed_paths_are_refused)
{
    EXPECT(!valid(""));
    EXPECT(!valid("a"));
    EXPECT(!valid("/a/"));
    EXPECT(!valid("//"));
    EXPECT(!valid("/a//b"));
    EXPECT(!valid("/."));
    EXPECT(!valid("/a/.."));
    EXPECT(!valid("/../a"));
    EXPECT(!path_valid(JUTE_NULL, NULL));
}

TEST(characters_that_apache_refuses_are_refused)
{
    struct jute_bytes nul = {.data = (const uint8_t *)"/a\0b", .len = 4};

    EXPECT(!path_valid(nul, NULL));
    EXPECT(!valid("/\x01"));
    EXPECT(!valid("/\x1f"));
    EXPECT(!valid("/\x7f"));
    EXPECT(!valid("/\xc2\x80"));         /* U+0080 */
    EXPECT(!valid("/\xc2\x9f"));         /* U+009F */
    EXPECT(valid("/\xc2\xa0"));          /* U+00A0 */
    EXPECT(!valid("/\xed\xa0\x80"));     /* U+D800, a surrogate */
    EXPECT(!valid("/\xee\x80\x80"));     /* U+E000, private use */
    EXPECT(!valid("/\xef\xa3\xbf"));     /* U+F8FF */
    EXPECT(!valid("/\xef\xbf\xb0"));     /* U+FFF0 */
    EXPECT(!valid("/\xf0\x9f\x98\x80")); /* U+1F600 is two surrogates to Java */
}

TEST(bytes_that_are_not_utf8_are_refused)
{
    EXPECT(!valid("/\xff"));
    EXPECT(!valid("/\xc3"));         /* cut */
    EXPECT(!valid("/\xc3x"));        /* no continuation */
    EXPECT(!valid("/\xc0\xaf"));     /* overlong / */
    EXPECT(!valid("/\xe0\x80\xaf")); /* overlong / */
    EXPECT(!valid("/\x80"));
}

TEST(parent_and_name_split_at_the_last_slash)
{
    struct jute_bytes path = jute_str("/a/bc");

    EXPECT(jute_equal(path_parent(path), jute_str("/a")));
    EXPECT(jute_equal(path_name(path), jute_str("bc")));
    EXPECT(jute_equal(path_parent(jute_str("/a")), jute_str("/")));
    EXPECT_EQ(path_name(jute_str("/")).len, 0);
}

TEST(within_goes_by_whole_components)
{
    EXPECT(path_is_within(jute_str("/a/b"), jute_str("/a")));
    EXPECT(path_is_within(jute_str("/a"), jute_str("/a")));
    EXPECT(path_is_within(jute_str("/a"), jute_str("/")));
    EXPECT(!path_is_within(jute_str("/ab"), jute_str("/a")));
    EXPECT(!path_is_within(jute_str("/"), jute_str("/a")));
}
