/* zkcli_format: see zkcli_format.h. OpenSSL has base64 too, but loading libcrypto takes longer than
 * all else that zkcli does. */
#include "fs/zkcli_format.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *b, struct jute_bytes data)
{
    size_t len = jute_size(data);

    for (size_t i = 0; i < len; i += 3) {
        size_t count = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)data.data[i] << 16;
        uint8_t *out = buf_extend(b, 4);

        if (count > 1)
            bits |= (uint32_t)data.data[i + 1] << 8;
        if (count > 2)
            bits |= data.data[i + 2];
        for (size_t k = 0; k < 4; k++)
            out[k] = k > count ? '=' : (uint8_t)digits[bits >> (18 - 6 * k) & 63];
    }
}

/* Four digits at TEXT, the last PADDING of which are '='. */
static bool decode_group(struct buf *b, const char *text, size_t padding)
{
    uint32_t bits = 0;

    for (size_t k = 0; k < 4 - padding; k++) {
        const char *digit = memchr(digits, text[k], sizeof digits - 1);

        if (digit == NULL)
            return false;
        bits |= (uint32_t)(digit - digits) << (18 - 6 * k);
    }
    if ((bits & ((1u << (8 * padding)) - 1)) != 0)
        return false; /* bits that mean nothing */
    for (size_t k = 0; k < 3 - padding; k++)
        *buf_extend(b, 1) = (uint8_t)(bits >> (16 - 8 * k));
    return true;
}

int base64_decode(struct buf *b, const char *text, struct errtext *why)
{
    size_t len = strlen(text), padding = 0;

    while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < len; i += 4) {
        if (len - i < 4 || !decode_group(b, text + i, i + 4 == len ? padding : 0))
            return errtext_set(why, -EINVAL, "Not base64: %s", text);
    }
    return 0;
}

void hexdump_put(struct buf *b, struct jute_bytes data)
{
    static const char rule[] = "+-------------------------------------------------+";
    size_t len = jute_size(data);

    if (len == 0)
        return;
    buf_printf(b, "         %s\n         |", rule);
    for (int i = 0; i < 16; i++)
        buf_printf(b, "  %x", (unsigned)i);
    buf_printf(b, " |\n+--------%s----------------+", rule);
    for (size_t row = 0; row < len; row += 16) {
        size_t count = len - row < 16 ? len - row : 16;

        buf_printf(b, "\n|%08zx|", row);
        for (size_t i = 0; i < count; i++)
            buf_printf(b, " %02x", data.data[row + i]);
        buf_printf(b, "%*s |", (int)(3 * (16 - count)), "");
        for (size_t i = 0; i < count; i++) {
            uint8_t c = data.data[row + i];

            buf_printf(b, "%c", c > 0x1f && c < 0x7f ? c : '.');
        }
        buf_printf(b, "%*s|", (int)(16 - count), "");
    }
    buf_printf(b, "\n+--------%s----------------+", rule);
}

/* The address for clients of a server's line. */
static void put_client(struct buf *b, const char *line, size_t len)
{
    const char *semicolon = memrchr(line, ';', len);
    const char *address;

    if (semicolon == NULL)
        return;
    address = semicolon + 1;
    if (b->len > 0)
        buf_append(b, ",", 1);
    len -= (size_t)(address - line);
    if (memchr(address, ':', len) == NULL)
        buf_printf(b, "0.0.0.0:"); /* a port alone */
    buf_append(b, address, len);
}

void config_clients_put(struct buf *b, struct jute_bytes config)
{
    static const char server_key[] = "server.", version_key[] = "version=";
    const char *at = (const char *)config.data, *end = at + jute_size(config);
    struct buf clients = {0};

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((newline == NULL ? end : newline) - at);

        if (len >= sizeof version_key - 1 && memcmp(at, version_key, sizeof version_key - 1) == 0)
            buf_append(b, at + sizeof version_key - 1, len - (sizeof version_key - 1));
        else if (len >= sizeof server_key - 1 && memcmp(at, server_key, sizeof server_key - 1) == 0)
            put_client(&clients, at, len);
        at += len + 1;
    }
    buf_append(b, " ", 1);
    buf_append(b, clients.data, clients.len);
    buf_done(&clients);
}
