/* version: what the server calls itself. Header only. */
#ifndef ZKFS_SERVER_VERSION_H
#define ZKFS_SERVER_VERSION_H

#include "proto/version.h"

/* In the form of Apache's, as monitoring scripts pick it apart: the release of
 * the protocol that we speak, a dash, what identifies the build, ", built on DATE". */
#define ZKFS_VERSION_LINE "3.8.0-zkfs-" ZKFS_VERSION ", built on " ZKFS_RELEASE_DATE

#endif
