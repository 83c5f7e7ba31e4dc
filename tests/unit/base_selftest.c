/* The test framework itself: each way in which a test can go wrong is told, and told as that
 * test's failure. The examples below fail on purpose; they run only when named, here in a
 * second copy of this program. */
#include "tests/unit/test.h"

#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TEST_EXAMPLE(example_passes)
{
    EXPECT(true);
    EXPECT_EQ(UINT64_MAX, UINT64_MAX);
    EXPECT_STR("a", "a");
    EXPECT_STR(NULL, NULL);
    EXPECT_MEM("abc", "abd", 2);
    EXPECT_ABORT(abort());
    (void)puts("a passing test is silent");
}

TEST_EXAMPLE(example_expects_in_vain)
{
    EXPECT(1 > 2);
}

TEST_EXAMPLE(example_compares_integers)
{
    EXPECT_EQ(INT64_C(-1), UINT64_MAX);
}

TEST_EXAMPLE(example_compares_strings)
{
    EXPECT_STR("one", NULL);
}

TEST_EXAMPLE(example_compares_bytes)
{
    EXPECT_MEM("abc", "abd", 3);
}

TEST_EXAMPLE(example_crashes)
{
    (void)raise(SIGKILL);
}

TEST_EXAMPLE(example_exits)
{
    exit(3);
}

TEST_EXAMPLE(example_hangs)
{
    (void)pause();
}

TEST_EXAMPLE(example_survives)
{
    EXPECT_ABORT((void)getpid());
}

/* Runs the named examples; gives the exit status, and in OUTPUT what they printed. */
static int run_examples(const char *names, char *output, size_t size)
{
    char program[PATH_MAX];
    char command[PATH_MAX + 256];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    FILE *pipe;
    int status;

    EXPECT(length > 0);
    program[length] = '\0';
    /* The limit is for the one that hangs; the others are to have the time that they need. */
    (void)snprintf(command, sizeof(command), "ZKFS_TEST_TIMEOUT_S=%d '%s' %s 2>&1",
                   strcmp(names, "example_hangs") == 0 ? 1 : 180, program, names);
    pipe = popen(command, "r");
    EXPECT(pipe != NULL);
    output[fread(output, 1, size - 1, pipe)] = '\0';
    status = pclose(pipe);
    EXPECT(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect_failure(const char *name, const char *text)
{
    char output[4096];

    EXPECT_EQ(run_examples(name, output, sizeof(output)), 1);
    if (strstr(output, text) == NULL)
        (void)printf("no \"%s\" in:\n%s", text, output);
    EXPECT(strstr(output, text) != NULL);
    EXPECT(strstr(output, name) != NULL);
    EXPECT(strstr(output, "base_selftest: 0 passed, 1 failed\n") != NULL);
}

TEST(a_passing_test_prints_nothing_but_the_count)
{
    char output[4096];

    EXPECT_EQ(run_examples("example_passes", output, sizeof(output)), 0);
    EXPECT_STR(output, "base_selftest: 1 passed, 0 failed\n");
}

TEST(a_failing_expectation_names_place_and_values)
{
    expect_failure("example_expects_in_vain", "EXPECT(1 > 2)");
    expect_failure("example_compares_integers", "-1 is not 18446744073709551615");
    expect_failure("example_compares_strings", "\"one\" is not \"(NULL)\"");
    expect_failure("example_compares_bytes", "byte 2: 0x63 is not 0x64");
}

TEST(a_crash_an_exit_and_a_hang_fail_their_test)
{
    expect_failure("example_crashes", "killed by signal 9");
    expect_failure("example_exits", "exit status 3");
    expect_failure("example_hangs", "not done after 1000 ms");
    expect_failure("example_survives", "it did not");
}

TEST(a_crash_fails_no_other_test)
{
    char output[4096];

    EXPECT_EQ(run_examples("example_crashes example_passes", output, sizeof(output)), 1);
    EXPECT(strstr(output, "base_selftest: 1 passed, 1 failed\n") != NULL);
}

TEST(a_wrong_name_is_not_taken_for_success)
{
    char output[4096];

    EXPECT_EQ(run_examples("no_such_test", output, sizeof(output)), 2);
}
