/* store_scene: one disk in memory, one history, and a store on it that is opened and closed. */
#ifndef ZKFS_TESTS_SUPPORT_STORE_SCENE_H
#define ZKFS_TESTS_SUPPORT_STORE_SCENE_H

#include "tests/support/store_bed.h"

extern const struct store_config defaults;

struct scene {
    struct disk *disk;
    struct history history;
    struct store_bed bed;
};

void scene_init(struct scene *s);
void scene_done(struct scene *s);

/* Opens the store; 0, or -errno with the text in BED.WHY. */
int reopen(struct scene *s);

/* A disk on which a server has logged COUNT txns and was closed. */
void after_a_server(struct scene *s, size_t count);

#endif
