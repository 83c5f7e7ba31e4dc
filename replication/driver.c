/* driver: see driver.h. */
#include "replication/driver.h"

#include "proto/base/mem.h"
#include "replication/solo.h"
#include "store/store.h"

#include <stdlib.h>

struct driver {
    struct solo *solo;
    struct store *store;
    struct zab_app app;
    struct solo_actions spare; /* memory of an action list that is not in use */
};

struct driver *driver_new(struct store *store, const struct zab_app *app)
{
    struct driver *driver = xcalloc(1, sizeof *driver);

    driver->solo = solo_new(store_log_end(store));
    driver->store = store;
    driver->app = *app;
    return driver;
}

void driver_free(struct driver *driver)
{
    if (driver == NULL)
        return;
    solo_free(driver->solo);
    solo_actions_done(&driver->spare);
    free(driver);
}

zk_zxid driver_next_zxid(const struct driver *driver)
{
    return solo_next_zxid(driver->solo);
}

/* A commit may propose, which is an event of its own inside ours: so each event
 * has its list, and the usual single one reuses the memory. */
static struct solo_actions actions_take(struct driver *driver)
{
    struct solo_actions actions = driver->spare;

    driver->spare = (struct solo_actions){0};
    return actions;
}

static void perform(struct driver *driver, struct solo_actions *actions)
{
    zk_zxid applied = 0;

    for (size_t i = 0; i < actions->count; i++) {
        const struct solo_action *action = &actions->items[i];

        switch (action->kind) {
        case SOLO_APPEND:
            store_append(driver->store, action->txn);
            break;
        case SOLO_COMMIT:
            driver->app.commit(driver->app.arg, action->zxid, action->txn);
            applied = action->zxid;
            break;
        }
    }
    if (applied != 0) {
        store_committed(driver->store, applied);
        store_applied(driver->store, applied);
    }
    solo_actions_clear(actions);
    if (driver->spare.items == NULL)
        driver->spare = *actions;
    else
        solo_actions_done(actions);
}

void driver_propose(struct driver *driver, struct blob *txn)
{
    struct solo_actions actions = actions_take(driver);

    solo_propose(driver->solo, txn, &actions);
    perform(driver, &actions);
}

void driver_durable(struct driver *driver, zk_zxid zxid)
{
    struct solo_actions actions = actions_take(driver);

    solo_durable(driver->solo, zxid, &actions);
    perform(driver, &actions);
}

size_t driver_outstanding(const struct driver *driver)
{
    return solo_outstanding(driver->solo);
}
