/* quota_text: see quota_text.h. */
#include "proto/quota_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
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

/* A decimal number up to the end of the word, or the stray '='. */
static bool parse_number(const char *text, size_t len, int64_t *ret_number)
{
    char digits[24];
    char *end;
    long long number;

    if (len > 0 && text[len - 1] == '=')
        len--;
    if (len == 0 || len >= sizeof digits)
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    errno = 0;
    number = strtoll(digits, &end, 10);
    if (errno != 0 || *end != '\0')
        return false;
    *ret_number = number;
    return true;
}

static void parse_word(struct quota_limits *limits, const char *word, size_t len)
{
    const char *equals = memchr(word, '=', len);
    int64_t *value, number;

    if (equals == NULL)
        return;
    value = field(limits, word, (size_t)(equals - word));
    if (value != NULL && parse_number(equals + 1, len - (size_t)(equals + 1 - word), &number))
        *value = number;
}

struct quota_limits quota_text_parse(const void *text, size_t len)
{
    struct quota_limits limits = {QUOTA_NO_LIMIT, QUOTA_NO_LIMIT, QUOTA_NO_LIMIT, QUOTA_NO_LIMIT};
    const char *at = len == 0 ? "" : text;

    for (size_t begin = 0, i = 0; i <= len; i++) {
        if (i == len || at[i] == ',' || at[i] == ';') {
            parse_word(&limits, at + begin, i - begin);
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
