/* test: the C unit test framework.
 *
 *     #include "tests/unit/test.h"
 *
 *     TEST(a_behaviour_that_must_not_break)
 *     {
 *         EXPECT_EQ(buf_length(&b), 4);
 *     }
 *
 * One file tests/unit/ROOM_subject.c is one program; the Makefile links it with its room and the
 * rooms below. Each TEST runs in a child process of its own, with a time limit, so that a crash,
 * a hang, an exit or a leak (under a sanitizer) fails that test and no other. The first EXPECT
 * that does not hold ends its test. What a test prints is shown only when it fails.
 *
 *     build/unit/base_buf                    runs all tests
 *     build/unit/base_buf NAME...            runs these
 *     build/unit/base_buf --list             prints the names
 *     gdb --args build/unit/base_buf --nofork NAME
 *                                            in this process, stops at the failing line
 *
 * Exit status 0 when all passed, 1 when one failed, 2 for a test name that does not exist. The
 * limit is 180 s for a test, or what ZKFS_TEST_TIMEOUT_S says. */
#ifndef ZKFS_TESTS_UNIT_TEST_H
#define ZKFS_TESTS_UNIT_TEST_H

#include <stdbool.h>
#include <stddef.h>

/* 1 under a sanitizer, where much takes ten times as long: for tests that then try less. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_SANITIZED 1
#endif
#endif
#ifndef TEST_SANITIZED
#define TEST_SANITIZED 0
#endif

/* The tests of a program in the order of its source; a list, as the constructors fill it before
 * main() runs. */
struct test {
    const char *name;
    const char *file;
    int line;
    bool is_example; /* runs only when named: it is there to fail under another test's eyes */
    void (*run)(void);
    struct test *next;
};

void test_register(struct test *test);

#define TEST(name) TEST_DEFINE(name, false)
#define TEST_EXAMPLE(name) TEST_DEFINE(name, true)

#define TEST_DEFINE(test_name, example)                                 \
    static void test_name(void);                                        \
    __attribute__((constructor)) static void register_##test_name(void) \
    {                                                                   \
        static struct test test = {.name = #test_name,                  \
                                   .file = __FILE__,                    \
                                   .line = __LINE__,                    \
                                   .is_example = (example),             \
                                   .run = (test_name)};                 \
        test_register(&test);                                           \
    }                                                                   \
    static void test_name(void)

/* Holds any integer of ours, signed or not, without a change of value. */
__extension__ typedef __int128 test_integer;

/* COND holds. */
#define EXPECT(cond) ((cond) ? (void)0 : test_fail(__FILE__, __LINE__, "EXPECT(%s)", #cond))

/* Two integers are the same; prints both. For pointers use EXPECT(p == q). */
#define EXPECT_EQ(a, b) test_eq(__FILE__, __LINE__, #a, #b, (a), (b))

/* Two strings are the same; NULL is the same as NULL only. */
#define EXPECT_STR(a, b) test_str(__FILE__, __LINE__, #a, #b, (a), (b))

/* LENGTH bytes are the same; prints where they begin to differ. */
#define EXPECT_MEM(a, b, length) test_mem(__FILE__, __LINE__, #a, #b, (a), (b), (length))

/* STATEMENT ends the process by abort(), as ASSERT does, when run in a child. */
#define EXPECT_ABORT(statement)                       \
    do {                                              \
        if (test_fork_to_abort()) {                   \
            statement;                                \
            test_exit_alive();                        \
        }                                             \
        test_aborted(__FILE__, __LINE__, #statement); \
    } while (0)

/* The functions behind the macros. */
__attribute__((noreturn, format(printf, 3, 4))) void test_fail(const char *file, int line,
                                                               const char *format, ...);
void test_eq(const char *file, int line, const char *a_text, const char *b_text, test_integer a,
             test_integer b);
void test_str(const char *file, int line, const char *a_text, const char *b_text, const char *a,
              const char *b);
void test_mem(const char *file, int line, const char *a_text, const char *b_text, const void *a,
              const void *b, size_t length);
bool test_fork_to_abort(void);
__attribute__((noreturn)) void test_exit_alive(void);
void test_aborted(const char *file, int line, const char *text);

#endif
