/* The texts that zkcli takes apart and makes: words of a line, base64, dumps, addresses. */
#include "fs/zkcli_format.h"
#include "fs/zkcli_words.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The words of LINE, each in brackets; borrowed. */
static const char *split(const char *line)
{
    static char text[sizeof(struct errtext)];
    struct words words;
    struct errtext why;
    char copy[256];
    size_t len = 0;

    (void)snprintf(copy, sizeof copy, "%s", line);
    if (words_split(copy, &words, &why) < 0) {
        (void)snprintf(text, sizeof text, "%s", why.text);
        return text;
    }
    text[0] = '\0';
    for (int i = 0; i < words.count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "[%s]", words.items[i]);
    return text;
}

TEST(blanks_separate_words)
{
    EXPECT_STR(split("create /a  hello"), "[create][/a][hello]");
    EXPECT_STR(split(" \tls   / \r"), "[ls][/]");
    EXPECT_STR(split(""), "");
    EXPECT_STR(split("  \t"), "");
}

TEST(a_quoted_word_holds_blanks_and_the_other_quote)
{
    EXPECT_STR(split("create '/sp ace' \"d a\""), "[create][/sp ace][d a]");
    EXPECT_STR(split("set /a 'it\"s'"), "[set][/a][it\"s]");
    EXPECT_STR(split("set /a \"it's\" x"), "[set][/a][it's][x]");
    EXPECT_STR(split("set /a ''"), "[set][/a][]");
    EXPECT_STR(split("'ls' '/'"), "[ls][/]");
    EXPECT_STR(split("'a'b"), "[a][b]");
}

TEST(quotes_within_a_word_and_backslashes_are_characters)
{
    EXPECT_STR(split("create /q\"uo\"te x\"y\""), "[create][/q\"uo\"te][x\"y\"]");
    EXPECT_STR(split("create /sl a\\\"b"), "[create][/sl][a\\\"b]");
}

TEST(a_quote_without_an_end_is_refused)
{
    EXPECT_STR(split("ls \"/"), "Quote without an end: \"/");
    EXPECT_STR(split("ls '"), "Quote without an end: '");
}

TEST(words_have_a_limit)
{
    char line[2 * WORDS_MAX + 3];
    struct words words;
    struct errtext why;

    memset(line, ' ', sizeof line);
    for (size_t i = 0; i < WORDS_MAX; i++)
        line[2 * i] = 'w';
    line[2 * WORDS_MAX] = '\0';
    EXPECT_EQ(words_split(line, &words, &why), 0);
    EXPECT_EQ(words.count, WORDS_MAX);
    memset(line, ' ', sizeof line);
    for (size_t i = 0; i <= WORDS_MAX; i++)
        line[2 * i] = 'w';
    line[2 * WORDS_MAX + 1] = '\0';
    EXPECT_EQ(words_split(line, &words, &why), -EINVAL);
}

/* ---- base64: the vectors of RFC 4648 */

static const char *encode(const char *text)
{
    static struct buf b;

    b.len = 0;
    base64_put(&b, jute_str(text));
    return buf_cstr(&b);
}

static const char *decode(const char *text)
{
    static struct buf b;
    struct errtext why;

    b.len = 0;
    return base64_decode(&b, text, &why) < 0 ? "refused" : buf_cstr(&b);
}

TEST(base64_goes_there_and_back)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff", "+/8="},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        EXPECT_STR(encode(pairs[i][0]), pairs[i][1]);
        EXPECT_STR(decode(pairs[i][1]), pairs[i][0]);
    }
}

TEST(what_is_not_canonical_base64_is_refused)
{
    static const char *const texts[] = {"Z",      "Zg",       "Zg=",  "Zm9v=", "=",
                                        "====",   "Z===",     "Zh==", "Zm9=",  "Zm 9v",
                                        "Zm9v\n", "Zg==Zg==", "Zm-_", "Z=g="};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        EXPECT_STR(decode(texts[i]), "refused");
}

/* ---- dumps: as netty's prettyHexDump, which zkCli.sh uses, prints them */

TEST(a_dump_has_sixteen_bytes_a_line)
{
    struct buf b = {0};

    hexdump_put(&b, jute_str("hello world, 0123456789\n\xc3\xa4x"));
    EXPECT_STR(buf_cstr(&b),
               "         +-------------------------------------------------+\n"
               "         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n"
               "+--------+-------------------------------------------------+----------------+\n"
               "|00000000| 68 65 6c 6c 6f 20 77 6f 72 6c 64 2c 20 30 31 32 |hello world, 012|\n"
               "|00000010| 33 34 35 36 37 38 39 0a c3 a4 78                |3456789...x     |\n"
               "+--------+-------------------------------------------------+----------------+");
    b.len = 0;
    hexdump_put(&b, jute_str(""));
    EXPECT_EQ(b.len, 0);
    hexdump_put(&b, JUTE_NULL);
    EXPECT_EQ(b.len, 0);
    buf_done(&b);
}

/* ---- the clients' addresses of a configuration */

static const char *clients(const char *config)
{
    static struct buf b;

    b.len = 0;
    config_clients_put(&b, jute_str(config));
    return buf_cstr(&b);
}

TEST(the_addresses_for_clients_stand_behind_the_semicolon)
{
    EXPECT_STR(clients(""), " ");
    EXPECT_STR(clients("server.1=h1:2888:3888:participant;0.0.0.0:2181\n"
                       "server.2=h2:2888:3888:observer;2182\n"
                       "server.3=h3:2888:3888\n"
                       "server.4=h4:2888:3888;[::1]:2184\n"
                       "group.1=1:2\n"
                       "version=100000004"),
               "100000004 0.0.0.0:2181,0.0.0.0:2182,[::1]:2184");
    EXPECT_STR(clients("server.1"), " ");
    EXPECT_STR(clients("version="), " ");
}
