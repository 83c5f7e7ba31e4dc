/* The text of a quota. */
#include "proto/quota_text.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

/* TEXT read and written again; borrowed. */
static const char *again(const char *text)
{
    static struct buf b;
    struct quota_limits limits = quota_text_parse(text, strlen(text));

    b.len = 0;
    quota_text_put(&b, &limits);
    return buf_cstr(&b);
}

#define NONE "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=-1"

TEST(a_quota_as_zkcli_sh_writes_it_is_read_and_written)
{
    EXPECT_STR(again("count=10,bytes=-1=;byteHardLimit=1000;countHardLimit=20"),
               "count=10,bytes=-1=;byteHardLimit=1000;countHardLimit=20");
    EXPECT_STR(again(NONE), NONE);
}

TEST(a_quota_of_old_clients_has_no_hard_limits)
{
    EXPECT_STR(again("count=5,bytes=7"), "count=5,bytes=7=;byteHardLimit=-1;countHardLimit=-1");
}

TEST(what_is_no_quota_is_no_limit)
{
    static const char *const texts[] = {
        "",         "count",           "count=",  "count=x,bytes=1x",
        "counts=1", "=,=;=",           ",,,;;;",  "count=99999999999999999999",
        "xcount=1", "countHardLimi=1", "bytes==", "count=999999999999999999999999"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        EXPECT_STR(again(texts[i]), NONE);
    EXPECT_EQ(quota_text_parse(NULL, 0).count, QUOTA_NO_LIMIT);
}

TEST(only_the_given_bytes_are_read)
{
    EXPECT_EQ(quota_text_parse("count=123", 8).count, 12);
    EXPECT_EQ(quota_text_parse("count=9223372036854775807", 25).count, INT64_MAX);
}

TEST(limits_are_read_as_apache_writes_them)
{
    static const struct {
        const char *text;
        struct quota_limits figures;
    } cases[] = {
        {"count=10,bytes=20", {10, 20, -1, -1}},
        {"count=10,bytes=-1=;byteHardLimit=1000;countHardLimit=-1", {10, -1, -1, 1000}},
        {"countHardLimit=3;,;byteHardLimit=+4", {-1, -1, 3, 4}},
        {"count=,bytes=0", {-1, 0, -1, -1}},
        {",;count=1", {1, -1, -1, -1}},
        {"count =1,Bytes=2,bytes= 3", {-1, -1, -1, -1}},
        {"count", {-1, -1, -1, -1}},
        {"=5", {-1, -1, -1, -1}},
        {"", {-1, -1, -1, -1}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct quota_limits got = quota_text_parse(cases[i].text, strlen(cases[i].text));

        EXPECT_MEM(&got, &cases[i].figures, sizeof got);
    }
}
