/* version: what we call ourselves. Header only. */
#ifndef ZKFS_SERVER_VERSION_H
#define ZKFS_SERVER_VERSION_H

#define ZKFS_VERSION "0.1.0"
#define ZKFS_RELEASE_DATE "2026-11-21 00:00 UTC"

/* In the form of Apache's, as monitoring scripts pick it apart: the release of
 * the protocol that we speak, a dash, what identifies the build, ", built on DATE". */
#define ZKFS_VERSION_LINE "3.8.0-zkfs-" ZKFS_VERSION ", built on " ZKFS_RELEASE_DATE

#endif
