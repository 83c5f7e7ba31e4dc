/* store_scene: see store_scene.h. */
#include "tests/support/store_scene.h"

#include "proto/base/log.h"
#include "tests/support/mem_disk.h"
#include "tests/unit/test.h"

const struct store_config defaults = {0};

void scene_init(struct scene *s)
{
    log_set_level(LOG_LEVEL_ERROR);
    s->disk = mem_disk_new();
    history_init(&s->history, 1);
}

void scene_done(struct scene *s)
{
    history_done(&s->history);
    mem_disk_free(s->disk);
}

int reopen(struct scene *s)
{
    return store_bed_open(&s->bed, &s->history, s->disk, &defaults);
}

void after_a_server(struct scene *s, size_t count)
{
    scene_init(s);
    EXPECT_EQ(reopen(s), 0);
    for (size_t i = 0; i < count; i++) {
        store_bed_append(&s->bed, 1);
        store_bed_run_all(&s->bed);
    }
    store_bed_close(&s->bed);
}
