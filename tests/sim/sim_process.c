/* sim_process: see sim_process.h. These take the place of proto/base's assert and log. */
#include "tests/sim/sim_process.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_LSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_LSAN 1
#endif
#endif
#ifdef HAVE_LSAN
#include <sanitizer/lsan_interface.h>
#else
static void __lsan_disable(void)
{
}
static void __lsan_enable(void)
{
}
#endif

/* The simulator is one thread, and one server's job runs at a time. */
static jmp_buf *end;
static char last_words[256];
static void (*on_log)(void *arg, const char *line);
static void *on_log_arg;

bool sim_process_run(void (*run)(void *arg), void *arg, bool may_die)
{
    jmp_buf here;
    volatile bool lived = false;

    end = &here;
    if (may_die)
        __lsan_disable();
    if (setjmp(here) == 0) {
        run(arg);
        lived = true;
    }
    if (may_die)
        __lsan_enable();
    end = NULL;
    return lived;
}

_Noreturn void sim_process_kill(void)
{
    ASSERT(end != NULL);
    last_words[0] = '\0';
    longjmp(*end, 1);
}

const char *sim_process_last_words(void)
{
    return last_words;
}

void sim_process_on_log(void (*hear)(void *arg, const char *line), void *arg)
{
    on_log = hear;
    on_log_arg = arg;
}

_Noreturn void assert_failed(const char *cond, const char *file, int line, const char *func)
{
    (void)fprintf(stderr, "BUG   %s:%d: %s: assertion failed: %s\n", file, line, func, cond);
    abort();
}

_Noreturn void die(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(last_words, sizeof last_words, fmt, args); /* a longer sentence is cut */
    va_end(args);
    if (end != NULL)
        longjmp(*end, 1);
    (void)fprintf(stderr, "FATAL %s\n", last_words);
    abort();
}

void log_set_level(enum log_level level)
{
    (void)level; /* who hears decides */
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char line[256];
    va_list args;

    (void)level;
    if (on_log == NULL)
        return;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args); /* a longer sentence is cut */
    va_end(args);
    on_log(on_log_arg, line);
}
