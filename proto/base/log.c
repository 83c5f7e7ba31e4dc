/* log: see log.h. A line is one write(2), so that lines of threads and of
 * child processes do not mix. */
#include "proto/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static enum log_level log_level_max = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    log_level_max = level;
}

static size_t put_head(char *line, size_t size, enum log_level level)
{
    static const char *const names[] = {"ERROR", "WARN ", "INFO ", "DEBUG"};
    struct timespec now;
    struct tm tm;
    size_t len;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &tm);
    len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
    return len + (size_t)snprintf(line + len, size - len, ".%03ldZ %s ", now.tv_nsec / 1000000,
                                  names[level]);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    size_t len;
    int body;
    va_list ap;

    if (level > log_level_max)
        return;
    len = put_head(line, sizeof line, level);
    va_start(ap, fmt);
    body = vsnprintf(line + len, sizeof line - len - 1, fmt, ap);
    va_end(ap);
    if (body < 0)
        return;
    len += (size_t)body < sizeof line - len - 1 ? (size_t)body : sizeof line - len - 2;
    line[len++] = '\n';
    (void)!write(STDERR_FILENO, line, len); /* nowhere to tell about it */
}
