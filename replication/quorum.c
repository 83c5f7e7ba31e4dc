/* quorum: see quorum.h. A quorums has its voters in one ascending table; a
 * configuration is the bits of its own voters in it. */
#include "replication/quorum.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <stdlib.h>

/* One configuration. A set of voters is enough when it is a majority of MEMBERS;
 * a kind with weights or groups would stand here beside it. */
struct quorum {
    voter_bits members;
};

struct quorums {
    int refs;
    size_t voter_count;
    int64_t voters[QUORUM_VOTERS_MAX]; /* ascending */
    size_t config_count;               /* 1 or 2 */
    struct quorum configs[2];
};

static bool quorum_is_enough(const struct quorum *quorum, voter_bits voters)
{
    int have = __builtin_popcountll(voters & quorum->members);

    return have > __builtin_popcountll(quorum->members) / 2;
}

static void voter_insert(struct quorums *quorums, int64_t sid)
{
    size_t i = quorums->voter_count;

    if (quorums_bit(quorums, sid) != 0)
        return;
    ASSERT(i < QUORUM_VOTERS_MAX);
    for (; i > 0 && quorums->voters[i - 1] > sid; i--)
        quorums->voters[i] = quorums->voters[i - 1];
    quorums->voters[i] = sid;
    quorums->voter_count++;
}

static void config_add(struct quorums *quorums, const int64_t *voters, size_t count)
{
    struct quorum *quorum = &quorums->configs[quorums->config_count++];

    ASSERT(count > 0);
    for (size_t i = 0; i < count; i++)
        quorum->members |= quorums_bit(quorums, voters[i]);
    ASSERT((size_t)__builtin_popcountll(quorum->members) == count);
}

struct quorums *quorums_new(const int64_t *voters, size_t count)
{
    struct quorums *quorums = xcalloc(1, sizeof *quorums);

    quorums->refs = 1;
    for (size_t i = 0; i < count; i++)
        voter_insert(quorums, voters[i]);
    config_add(quorums, voters, count);
    return quorums;
}

struct quorums *quorums_new_joint(const int64_t *committed, size_t committed_count,
                                  const int64_t *last_seen, size_t last_seen_count)
{
    struct quorums *quorums = xcalloc(1, sizeof *quorums);

    quorums->refs = 1;
    for (size_t i = 0; i < committed_count; i++)
        voter_insert(quorums, committed[i]);
    for (size_t i = 0; i < last_seen_count; i++)
        voter_insert(quorums, last_seen[i]);
    config_add(quorums, committed, committed_count);
    config_add(quorums, last_seen, last_seen_count);
    return quorums;
}

struct quorums *quorums_ref(struct quorums *quorums)
{
    quorums->refs++;
    return quorums;
}

void quorums_unref(struct quorums *quorums)
{
    if (quorums != NULL && --quorums->refs == 0)
        free(quorums);
}

voter_bits quorums_bit(const struct quorums *quorums, int64_t sid)
{
    for (size_t i = 0; i < quorums->voter_count; i++)
        if (quorums->voters[i] == sid)
            return (voter_bits)1 << i;
    return 0;
}

size_t quorums_voter_count(const struct quorums *quorums)
{
    return quorums->voter_count;
}

int64_t quorums_voter(const struct quorums *quorums, size_t i)
{
    ASSERT(i < quorums->voter_count);
    return quorums->voters[i];
}

bool quorums_have(const struct quorums *quorums, voter_bits voters)
{
    for (size_t i = 0; i < quorums->config_count; i++)
        if (!quorum_is_enough(&quorums->configs[i], voters))
            return false;
    return true;
}
