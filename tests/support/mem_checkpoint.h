/* mem_checkpoint: a checkpoint behind the interface of checkpoint.h that is a map
 * in memory, and one file on the struct disk, replaced as a whole by a commit. For
 * power cuts on mem_disk, and for the simulator. */
#ifndef ZKFS_TESTS_SUPPORT_MEM_CHECKPOINT_H
#define ZKFS_TESTS_SUPPORT_MEM_CHECKPOINT_H

#include "store/checkpoint.h"

extern const struct checkpoint_ops mem_checkpoint;

#endif
