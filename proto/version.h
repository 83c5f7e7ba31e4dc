/* version: what all our programs call themselves. Header only. */
#ifndef ZKFS_PROTO_VERSION_H
#define ZKFS_PROTO_VERSION_H

#define ZKFS_VERSION "0.1.0"
#define ZKFS_RELEASE_DATE "2026-11-21 00:00 UTC"

#endif
