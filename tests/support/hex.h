/* hex: bytes as the recorded vectors write them. */
#ifndef ZKFS_TESTS_SUPPORT_HEX_H
#define ZKFS_TESTS_SUPPORT_HEX_H

#include "proto/base/buf.h"

/* Replaces what is in RET by the bytes that HEX names, up to the first character that is no
 * (lower case) digit. */
void unhex(const char *hex, struct buf *ret);

#endif
