/* ip_match: see ip_match.h. inet_pton() is arithmetic on text; no socket here. */
#include "server/core/ip_match.h"

#include <arpa/inet.h>

/* Longer than any address with a prefix length. */
#define ID_BYTES_MAX 64

struct network {
    uint8_t bytes[16];
    unsigned size; /* 4 or 16 */
    unsigned bits; /* that count */
};

/* A number up to MAX as Integer.parseInt reads it: there may be a sign and leading zeros. */
static bool parse_number(const char *text, unsigned max, unsigned *ret)
{
    bool negative = *text == '-';
    unsigned number = 0;

    if (*text == '-' || *text == '+')
        text++;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        number = number * 10 + (unsigned)(*text - '0');
        if (number > max)
            return false;
    }
    *ret = number;
    return !negative || number == 0;
}

/* Four numbers; inet_pton() takes no leading zeros, and Apache does
 * [IPAuthenticationProvider.v4addr2Bytes]. TEXT is cut up. */
static bool parse_v4(char *text, uint8_t bytes[4])
{
    for (int i = 0; i < 4; i++) {
        char *dot = strchr(text, '.');
        unsigned number;

        if ((dot == NULL) != (i == 3))
            return false;
        if (dot != NULL)
            *dot = '\0';
        if (!parse_number(text, UINT8_MAX, &number))
            return false;
        bytes[i] = (uint8_t)number;
        text += strlen(text) + 1; /* behind the last one nothing is read */
    }
    return true;
}

static bool parse(struct jute_bytes id, struct network *ret)
{
    char text[ID_BYTES_MAX];
    char *slash;

    if (id.len <= 0 || id.len >= ID_BYTES_MAX || memchr(id.data, '\0', (size_t)id.len) != NULL)
        return false;
    memcpy(text, id.data, (size_t)id.len);
    text[id.len] = '\0';
    slash = strchr(text, '/');
    if (slash != NULL)
        *slash = '\0';
    ret->size = strchr(text, ':') == NULL ? 4 : 16;
    if (ret->size == 4 ? !parse_v4(text, ret->bytes) : inet_pton(AF_INET6, text, ret->bytes) != 1)
        return false;
    ret->bits = ret->size * 8;
    return slash == NULL || parse_number(slash + 1, ret->size * 8, &ret->bits);
}

bool ip_id_valid(struct jute_bytes id)
{
    struct network network;

    return parse(id, &network);
}

bool ip_matches(struct jute_bytes address, struct jute_bytes id)
{
    struct network peer, network;
    unsigned whole, rest;

    if (!parse(address, &peer) || !parse(id, &network) || peer.size != network.size)
        return false;
    whole = network.bits / 8;
    rest = network.bits % 8;
    if (memcmp(peer.bytes, network.bytes, whole) != 0)
        return false;
    return rest == 0 || (peer.bytes[whole] ^ network.bytes[whole]) >> (8 - rest) == 0;
}
