/* assert: see assert.h. */
#include "proto/base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_failed(const char *cond, const char *file, int line, const char *func)
{
    (void)fprintf(stderr, "BUG   %s:%d: %s: assertion failed: %s\n", file, line, func, cond);
    abort();
}

_Noreturn void die(const char *fmt, ...)
{
    va_list ap;

    (void)fputs("FATAL ", stderr);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fputc('\n', stderr);
    abort();
}
