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

static bool parse_bits(const char *text, unsigned max, unsigned *ret)
{
    unsigned bits = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        bits = bits * 10 + (unsigned)(*text - '0');
        if (bits > max)
            return false;
    }
    *ret = bits;
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
    if (inet_pton(AF_INET, text, ret->bytes) == 1)
        ret->size = 4;
    else if (inet_pton(AF_INET6, text, ret->bytes) == 1)
        ret->size = 16;
    else
        return false;
    ret->bits = ret->size * 8;
    return slash == NULL || parse_bits(slash + 1, ret->size * 8, &ret->bits);
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
