/* The words of a zkcli command. */
#include "fs/zkcli_args.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>

static int parse(const char *flags, struct args *args, struct errtext *why, int count,
                 const char *const *words)
{
    static char texts[16][32]; /* what ARGS points to */
    char *copies[16];

    for (int i = 0; i < count; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%s", words[i]);
        copies[i] = texts[i];
    }
    return args_parse(count, copies, flags, args, why);
}

#define PARSE(flags, args, why, ...)                                                      \
    parse(flags, args, why, sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *), \
          (const char *[]){__VA_ARGS__})

TEST(flags_may_stand_anywhere_and_have_values)
{
    struct args args;

    EXPECT_EQ(PARSE("sv:", &args, NULL, "-s", "/path", "-v", "7", "data"), 0);
    EXPECT(args.flags['s']);
    EXPECT(args.flags['v']);
    EXPECT_STR(args.values['v'], "7");
    EXPECT_EQ(args.count, 2);
    EXPECT_STR(args.operands[0], "/path");
    EXPECT_STR(args.operands[1], "data");
}

TEST(letters_may_be_written_together_and_a_value_behind_its_letter)
{
    struct args args;

    EXPECT_EQ(PARSE("swv:", &args, NULL, "-sw", "-v7", "/path"), 0);
    EXPECT(args.flags['s'] && args.flags['w'] && args.flags['v']);
    EXPECT_STR(args.values['v'], "7");
    EXPECT_EQ(PARSE("swv:", &args, NULL, "-sv", "8", "/path"), 0);
    EXPECT(args.flags['s'] && !args.flags['w']);
    EXPECT_STR(args.values['v'], "8");
    EXPECT_EQ(args.count, 1);
}

TEST(long_names_have_values_under_their_first_letter)
{
    struct args args;
    struct errtext why;

    EXPECT_EQ(PARSE("s file: add:", &args, NULL, "-add", "server.5=a:1:2;3", "-s"), 0);
    EXPECT_STR(args.values['a'], "server.5=a:1:2;3");
    EXPECT(args.flags['a'] && args.flags['s'] && !args.flags['f']);
    EXPECT_EQ(PARSE("s file: add:", &args, &why, "-fil", "x"), -EINVAL);
    EXPECT_EQ(PARSE("s file: add:", &args, &why, "-f", "x"), -EINVAL);
    EXPECT_EQ(PARSE("s file: add:", &args, &why, "-add"), -EINVAL);
    EXPECT_STR(why.text, "Missing argument for option: -add");
}

TEST(negative_numbers_and_what_follows_two_dashes_are_operands)
{
    struct args args;

    EXPECT_EQ(PARSE("v:", &args, NULL, "/path", "-5"), 0);
    EXPECT_STR(args.operands[1], "-5");
    EXPECT_EQ(PARSE("v:", &args, NULL, "-v", "-1", "--", "/path", "-v"), 0);
    EXPECT_STR(args.values['v'], "-1");
    EXPECT_STR(args.operands[1], "-v");
    EXPECT_EQ(PARSE("v:", &args, NULL, "/path", "-"), 0);
    EXPECT_STR(args.operands[1], "-");
}

TEST(what_is_unknown_or_incomplete_is_refused)
{
    struct args args;
    struct errtext why;

    EXPECT_EQ(PARSE("sv:", &args, &why, "-x"), -EINVAL);
    EXPECT_STR(why.text, "Unrecognized option: -x");
    EXPECT_EQ(PARSE("sv:", &args, &why, "-sx"), -EINVAL);
    EXPECT_STR(why.text, "Unrecognized option: -sx");
    EXPECT_EQ(PARSE("sv:", &args, &why, "-:"), -EINVAL);
    EXPECT_EQ(PARSE("sv:", &args, &why, "-sv"), -EINVAL);
    EXPECT_STR(why.text, "Missing argument for option: -sv");
    EXPECT_EQ(PARSE("sv:", &args, &why, "-v", "1", "-v", "2"), -EINVAL);
    EXPECT_STR(why.text, "Option given twice: -v");
    EXPECT_EQ(PARSE("sv:", &args, &why, "/p", "-v"), -EINVAL);
    EXPECT_STR(why.text, "Missing argument for option: -v");
    EXPECT_EQ(PARSE("", &args, &why, "1", "2", "3", "4", "5", "6", "7", "8", "9"), -EINVAL);
}

TEST(numbers_are_whole_and_in_range)
{
    struct errtext why;
    int64_t i64;
    int32_t i32;

    EXPECT_EQ(args_i32("-1", &i32, &why), 0);
    EXPECT_EQ(i32, -1);
    EXPECT_EQ(args_i32("2147483648", &i32, &why), -EINVAL);
    EXPECT_EQ(args_i64("9223372036854775807", &i64, &why), 0);
    EXPECT_EQ(i64, INT64_MAX);
    EXPECT_EQ(args_i64("9223372036854775808", &i64, &why), -EINVAL);
    EXPECT_EQ(args_i64("", &i64, &why), -EINVAL);
    EXPECT_EQ(args_i64(" 1", &i64, &why), -EINVAL);
    EXPECT_EQ(args_i64("1x", &i64, &why), -EINVAL);
}
