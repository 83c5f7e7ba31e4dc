/* The watch table against a plain model of it, and with many watchers of one path. */
#include "proto/base/mem.h"
#include "proto/base/rng.h"
#include "proto/path.h"
#include "server/core/watch_table.h"
#include "tests/unit/test.h"

#include <stdlib.h>

static const struct hash_key key = {.k0 = 3, .k1 = 4};

#define WATCHERS 6
#define PATHS 7
#define NO_LIMIT ((size_t)1 << 40)

static const char *const paths[PATHS] = {"/", "/a", "/a/b", "/a/b/c", "/ab", "/a/d", "/x"};

struct model {
    struct watch_table table;
    struct watcher watchers[WATCHERS];
    unsigned modes[WATCHERS][PATHS];
    int told[WATCHERS];
};

static void on_told(void *arg, struct watcher *watcher)
{
    struct model *m = arg;

    m->told[watcher - m->watchers]++;
}

/* Whether the model's watcher W hears of TYPE at path P; its one-shots are used up. */
static bool model_fires(struct model *m, size_t w, size_t p, enum event_type type)
{
    unsigned here = WATCH_DATA | WATCH_PERSISTENT | WATCH_RECURSIVE;
    bool heard;

    if (type == EVENT_NODE_DELETED)
        here |= WATCH_CHILD;
    if (type == EVENT_NODE_CHILDREN_CHANGED)
        here = WATCH_CHILD | WATCH_PERSISTENT;
    heard = (m->modes[w][p] & here) != 0;
    m->modes[w][p] &= ~(here & (WATCH_DATA | WATCH_CHILD));
    for (size_t up = 0; up < PATHS && type != EVENT_NODE_CHILDREN_CHANGED; up++)
        if (path_is_within(jute_str(paths[p]), jute_str(paths[up])) &&
            (m->modes[w][up] & WATCH_RECURSIVE))
            heard = true;
    return heard;
}

static void fire(struct model *m, size_t p, enum event_type type)
{
    memset(m->told, 0, sizeof m->told);
    watch_table_fire(&m->table, jute_str(paths[p]), type, on_told, m);
    for (size_t w = 0; w < WATCHERS; w++)
        EXPECT_EQ(m->told[w], model_fires(m, w, p, type));
}

static void step(struct model *m, struct rng *rng)
{
    size_t w = rng_below(rng, WATCHERS), p = rng_below(rng, PATHS);
    unsigned modes = 1 + (unsigned)rng_below(rng, 15);

    switch (rng_below(rng, 8)) {
    case 0:
    case 1:
    case 2:
        EXPECT(watch_table_add(&m->table, &m->watchers[w], jute_str(paths[p]), modes));
        m->modes[w][p] |= modes;
        break;
    case 3:
        EXPECT_EQ(watch_table_remove(&m->table, &m->watchers[w], jute_str(paths[p]), modes),
                  m->modes[w][p] & modes);
        m->modes[w][p] &= ~modes;
        break;
    case 4:
        if (rng_below(rng, 8) != 0)
            break;
        watch_table_forget(&m->table, &m->watchers[w]);
        memset(m->modes[w], 0, sizeof m->modes[w]);
        break;
    default:
        fire(m, p, (enum event_type)(1 + rng_below(rng, 4)));
    }
    EXPECT_EQ(watch_table_modes(&m->table, &m->watchers[w], jute_str(paths[p])), m->modes[w][p]);
}

static void check_counts(const struct model *m)
{
    size_t watches = 0, recursive = 0;

    for (size_t w = 0; w < WATCHERS; w++) {
        size_t own = 0;

        for (size_t p = 0; p < PATHS; p++) {
            own += m->modes[w][p] != 0;
            recursive += (m->modes[w][p] & WATCH_RECURSIVE) != 0;
        }
        EXPECT_EQ(m->watchers[w].count, own);
        EXPECT_EQ(m->watchers[w].bytes == 0, own == 0);
        watches += own;
    }
    EXPECT_EQ(m->table.watches, watches);
    EXPECT_EQ(m->table.recursive, recursive);
}

TEST(the_table_does_what_a_plain_model_does)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct model m = {.told = {0}};
        struct rng rng = rng_seeded(seed);

        watch_table_init(&m.table, &key, NO_LIMIT);
        for (int i = 0; i < 2000; i++) {
            step(&m, &rng);
            check_counts(&m);
        }
        for (size_t w = 0; w < WATCHERS; w++)
            watch_table_forget(&m.table, &m.watchers[w]);
        EXPECT_EQ(m.table.paths.count, 0);
        watch_table_done(&m.table);
    }
}

static void count_told(void *arg, struct watcher *watcher)
{
    size_t *told = arg;

    (void)watcher;
    (*told)++;
}

/* Quadratic work here would be minutes, not a moment. */
TEST(a_hundred_thousand_watchers_of_one_path_come_and_go_in_linear_time)
{
    enum { COUNT = 100000 };
    struct watcher *watchers = xcalloc(COUNT, sizeof *watchers);
    struct watch_table table;
    size_t told = 0;

    watch_table_init(&table, &key, NO_LIMIT);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT; i++)
            EXPECT(watch_table_add(&table, &watchers[i], jute_str("/x"), WATCH_DATA));
        EXPECT_EQ(table.paths.count, 1);
        if (round < 2)
            watch_table_fire(&table, jute_str("/x"), EVENT_NODE_DATA_CHANGED, count_told, &told);
    }
    EXPECT_EQ(told, 2 * COUNT);
    for (size_t i = 0; i < COUNT; i++)
        watch_table_forget(&table, &watchers[i]);
    EXPECT_EQ(table.watches, 0);
    watch_table_done(&table);
    free(watchers);
}
