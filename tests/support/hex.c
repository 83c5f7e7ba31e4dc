/* hex: see hex.h. */
#include "tests/support/hex.h"

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void unhex(const char *hex, struct buf *ret)
{
    ret->len = 0;
    for (; digit(hex[0]) >= 0 && digit(hex[1]) >= 0; hex += 2)
        *buf_extend(ret, 1) = (uint8_t)(digit(hex[0]) * 16 + digit(hex[1]));
}
