/* crc32c: the Castagnoli CRC [RFC 3720, appendix B.4] over our own files. */
#ifndef ZKFS_PROTO_BASE_CRC32C_H
#define ZKFS_PROTO_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The CRC of the bytes of CRC followed by DATA; start with CRC 0. Any thread. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);

#endif
