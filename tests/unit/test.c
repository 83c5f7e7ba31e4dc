/* The runner behind test.h: a child per test, its output kept in an anonymous file until the
 * verdict is known. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEFAULT_TIMEOUT_S = 180, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_ALIVE = 97 };

static struct {
    struct test *first;
    struct test **tail;
    const struct test *running;
    bool no_fork;
    pid_t aborting; /* the child of an EXPECT_ABORT */
    int timeout_ms;
    int passed;
    int failed;
} runner;

static void or_die(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(EXIT_USAGE);
}

void test_register(struct test *test)
{
    if (runner.tail == NULL)
        runner.tail = &runner.first;
    *runner.tail = test;
    runner.tail = &test->next;
}

/* ---- what a failing EXPECT does ---- */

/* In a child the test is over. With --nofork a debugger shall see the place. */
void test_fail(const char *file, int line, const char *format, ...)
{
    va_list args;

    (void)fflush(stdout);
    (void)fprintf(stderr, "%s:%d: %s: ", file, line, runner.running->name);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    if (runner.no_fork)
        abort();
    _exit(EXIT_FAILED);
}

static const char *integer_text(test_integer value, char *text, size_t size)
{
    if (value < 0)
        (void)snprintf(text, size, "%" PRId64, (int64_t)value);
    else
        (void)snprintf(text, size, "%" PRIu64 " (0x%" PRIx64 ")", (uint64_t)value, (uint64_t)value);
    return text;
}

void test_eq(const char *file, int line, const char *a_text, const char *b_text, test_integer a,
             test_integer b)
{
    char a_value[64];
    char b_value[64];

    if (a == b)
        return;
    test_fail(file, line, "EXPECT_EQ(%s, %s): %s is not %s", a_text, b_text,
              integer_text(a, a_value, sizeof(a_value)), integer_text(b, b_value, sizeof(b_value)));
}

void test_str(const char *file, int line, const char *a_text, const char *b_text, const char *a,
              const char *b)
{
    if (a == b || (a != NULL && b != NULL && strcmp(a, b) == 0))
        return;
    test_fail(file, line, "EXPECT_STR(%s, %s): \"%s\" is not \"%s\"", a_text, b_text,
              a != NULL ? a : "(NULL)", b != NULL ? b : "(NULL)");
}

void test_mem(const char *file, int line, const char *a_text, const char *b_text, const void *a,
              const void *b, size_t length)
{
    const unsigned char *a_bytes = a;
    const unsigned char *b_bytes = b;

    for (size_t i = 0; i < length; i++)
        if (a_bytes[i] != b_bytes[i])
            test_fail(file, line, "EXPECT_MEM(%s, %s, %zu): byte %zu: 0x%02x is not 0x%02x", a_text,
                      b_text, length, i, a_bytes[i], b_bytes[i]);
}

/* ---- EXPECT_ABORT ---- */

/* True in a child that is to abort; its core file and its words are nobody's concern. */
bool test_fork_to_abort(void)
{
    const struct rlimit no_core = {0, 0};

    (void)fflush(NULL);
    runner.aborting = fork();
    or_die(runner.aborting >= 0, "fork");
    if (runner.aborting != 0)
        return false;
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGABRT, SIG_DFL);
    or_die(dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO) >= 0, "/dev/null");
    return true;
}

void test_exit_alive(void)
{
    _exit(EXIT_ALIVE);
}

void test_aborted(const char *file, int line, const char *text)
{
    int status = 0;

    or_die(waitpid(runner.aborting, &status, 0) == runner.aborting, "waitpid");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        return;
    if (WIFSIGNALED(status))
        test_fail(file, line, "EXPECT_ABORT(%s): signal %d instead", text, WTERMSIG(status));
    if (WEXITSTATUS(status) == EXIT_ALIVE)
        test_fail(file, line, "EXPECT_ABORT(%s): it did not", text);
    test_fail(file, line, "EXPECT_ABORT(%s): exit status %d instead", text, WEXITSTATUS(status));
}

/* ---- running ---- */

__attribute__((noreturn)) static void child(const struct test *test, int output_fd)
{
    (void)setpgid(0, 0); /* so that the runner ends what the test leaves behind */
    or_die(dup2(output_fd, STDOUT_FILENO) >= 0 && dup2(output_fd, STDERR_FILENO) >= 0, "dup2");
    (void)close(output_fd);
    test->run();
    exit(EXIT_SUCCESS); /* not _exit(): the leak check is an exit handler */
}

/* Waits for PID to end, or ends it. True when it had to be ended. */
static bool wait_for_child(pid_t pid, int *ret_status)
{
    struct pollfd ended = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    int n;

    or_die(ended.fd >= 0, "pidfd_open");
    do
        n = poll(&ended, 1, runner.timeout_ms);
    while (n < 0 && errno == EINTR);
    or_die(n >= 0, "poll");
    /* The group: also what the test started and did not end. */
    (void)setpgid(pid, pid);
    (void)kill(-pid, SIGKILL);
    or_die(waitpid(pid, ret_status, 0) == pid, "waitpid");
    (void)close(ended.fd);
    return n == 0;
}

static void show_output(int output_fd)
{
    off_t offset = 0;

    (void)fflush(stdout);
    while (sendfile(STDOUT_FILENO, output_fd, &offset, 1 << 20) > 0)
        ;
}

static void show_verdict(const struct test *test, bool timed_out, int status)
{
    if (!timed_out && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILED)
        return; /* test_fail() said it all */
    (void)printf("%s:%d: %s: ", test->file, test->line, test->name);
    if (timed_out)
        (void)printf("not done after %d ms\n", runner.timeout_ms);
    else if (WIFSIGNALED(status))
        (void)printf("killed by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        (void)printf("exit status %d\n", WEXITSTATUS(status));
}

static bool run_in_child(const struct test *test)
{
    int output_fd = memfd_create("test-output", MFD_CLOEXEC);
    int status = 0;
    bool timed_out;
    bool ok;
    pid_t pid;

    or_die(output_fd >= 0, "memfd_create");
    (void)fflush(NULL);
    pid = fork();
    or_die(pid >= 0, "fork");
    if (pid == 0)
        child(test, output_fd);
    timed_out = wait_for_child(pid, &status);
    ok = !timed_out && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
    if (!ok) {
        show_output(output_fd);
        show_verdict(test, timed_out, status);
    }
    (void)close(output_fd);
    return ok;
}

static void run_test(const struct test *test)
{
    bool ok = true;

    runner.running = test;
    if (runner.no_fork)
        test->run();
    else
        ok = run_in_child(test);
    if (ok)
        runner.passed++;
    else
        runner.failed++;
}

static const struct test *find_test(const char *name)
{
    for (const struct test *test = runner.first; test != NULL; test = test->next)
        if (strcmp(test->name, name) == 0)
            return test;
    (void)fprintf(stderr, "no test is named %s; --list prints the names\n", name);
    exit(EXIT_USAGE);
}

static void list_tests(void)
{
    for (const struct test *test = runner.first; test != NULL; test = test->next)
        if (!test->is_example)
            (void)puts(test->name);
}

int main(int argc, char **argv)
{
    const char *timeout_s = getenv("ZKFS_TEST_TIMEOUT_S");
    long timeout = timeout_s != NULL ? strtol(timeout_s, NULL, 10) : 0;
    int arg = 1;

    runner.timeout_ms = 1000 * (timeout > 0 && timeout < 3600 ? (int)timeout : DEFAULT_TIMEOUT_S);
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        list_tests();
        return EXIT_SUCCESS;
    }
    if (argc > 1 && strcmp(argv[1], "--nofork") == 0) {
        runner.no_fork = true;
        arg = 2;
    }
    if (arg == argc)
        for (const struct test *test = runner.first; test != NULL; test = test->next)
            if (!test->is_example)
                run_test(test);
    for (; arg < argc; arg++)
        run_test(find_test(argv[arg]));

    (void)printf("%s: %d passed, %d failed\n", program_invocation_short_name, runner.passed,
                 runner.failed);
    return runner.failed == 0 ? EXIT_SUCCESS : EXIT_FAILED;
}
