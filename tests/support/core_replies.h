/* core_replies: the frames in a connection's out buffer as text; see core_host.h. */
#ifndef ZKFS_TESTS_SUPPORT_CORE_REPLIES_H
#define ZKFS_TESTS_SUPPORT_CORE_REPLIES_H

#include "tests/support/core_host.h"

/* Appends what CLIENT was sent since the last call, and that it was closed, and takes
 * it from the buffer; entries are parted by "; ". A frame that cannot be decoded, or
 * has bytes left over, ends the test. */
void replies_print(struct buf *said, struct rig_client *client);

#endif
