/* quota_text: see quota_text.h. */
#include "proto/quota_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* The field of that name; NULL for none. */
static int64_t *field(struct quota_limits *limits, const char *name, size_t len)
{
    const struct {
        const char *name;
        int64_t *value;
    } fields[] = {
        {"count", &limits->count},
        {"bytes", &limits->bytes},
        {"countHardLimit", &limits->count_hard},
        {"byteHardLimit", &limits->bytes_hard},
    };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strlen(fields[i].name) == len && memcmp(fields[i].name, name, len) == 0)
            return fields[i].value;
    }
    return NULL;
}

static bool parse_number(const char *text, size_t len, int64_t *ret_number)
{
    char digits[24], *end;
    intmax_t number;

    if (len == 0 || len >= sizeof digits || isspace((unsigned char)text[0]))
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    errno = 0;
    number = strtoimax(digits, &end, 10);
    if (errno != 0 || *end != '\0')
        return false;
    *ret_number = number;
    return true;
}

static void parse_pair(struct quota_limits *limits, const char *pair, size_t len)
{
    const char *end = pair + len, *equals = memchr(pair, '=', len), *stop;
    int64_t *value;

    if (equals == NULL)
        return;
    value = field(limits, pair, (size_t)(equals - pair));
    stop = memchr(equals + 1, '=', (size_t)(end - equals - 1));
    if (value != NULL)
        (void)parse_number(equals + 1, (size_t)((stop == NULL ? end : stop) - equals - 1),
                           value); /* no number: it stays -1 */
}

struct quota_limits quota_text_parse(const void *text, size_t len)
{
    struct quota_limits limits = {QUOTA_NO_LIMIT, QUOTA_NO_LIMIT, QUOTA_NO_LIMIT, QUOTA_NO_LIMIT};
    const char *at = len == 0 ? "" : text;

    for (size_t begin = 0, i = 0; i <= len; i++) {
        if (i == len || at[i] == ',' || at[i] == ';') {
            parse_pair(&limits, at + begin, i - begin);
            begin = i + 1;
        }
    }
    return limits;
}

void quota_text_put(struct buf *b, const struct quota_limits *limits)
{
    buf_printf(
        b, "count=%" PRId64 ",bytes=%" PRId64 "=;byteHardLimit=%" PRId64 ";countHardLimit=%" PRId64,
        limits->count, limits->bytes, limits->bytes_hard, limits->count_hard);
}
