/* session_id: see session_id.h. */
#include "server/core/session_id.h"

#include <string.h>

/* java.util.Random: a 48-bit linear congruential generator [Knuth, 3.2.1]. */
#define LCG_FACTOR UINT64_C(0x5DEECE66D)
#define LCG_ADDEND UINT64_C(0xB)
#define LCG_MASK ((UINT64_C(1) << 48) - 1)

/* Half of the ids of a millisecond: at least the other half is left before the next one begins. */
#define SALT_MASK 0x7fffu

/* ZooKeeperServer.superSecret: the same in every release. */
#define SECRET INT64_C(0xB3415C00)

int64_t session_id_first(int64_t clock_ms, uint16_t salt, uint8_t sid)
{
    uint64_t low = ((uint64_t)clock_ms << 24) >> 8 | (salt & SALT_MASK);
    int64_t id = (int64_t)(low | (uint64_t)sid << 56);

    return id == 0 || id == OWNER_CONTAINER ? session_id_next(id) : id;
}

int64_t session_id_next(int64_t id)
{
    uint64_t next = (uint64_t)id + 1;

    if (next == 0 || (int64_t)next == OWNER_CONTAINER)
        next++;
    return (int64_t)next;
}

void session_password(int64_t id, uint8_t ret[SESSION_PASSWORD_BYTES])
{
    uint64_t s = ((uint64_t)(id ^ SECRET) ^ LCG_FACTOR) & LCG_MASK;

    for (int i = 0; i < SESSION_PASSWORD_BYTES; i += 4) {
        s = (s * LCG_FACTOR + LCG_ADDEND) & LCG_MASK;
        for (int byte = 0; byte < 4; byte++)
            ret[i + byte] = (uint8_t)(s >> (16 + 8 * byte));
    }
}

bool session_password_ok(int64_t id, struct jute_bytes given)
{
    uint8_t password[SESSION_PASSWORD_BYTES];

    session_password(id, password);
    return id != 0 && given.len == SESSION_PASSWORD_BYTES &&
           memcmp(given.data, password, sizeof password) == 0;
}
