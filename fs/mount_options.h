/* mount_options: the command line of mount.zkfs, as a person or mount(8) writes it. Pure. */
#ifndef ZKFS_FS_MOUNT_OPTIONS_H
#define ZKFS_FS_MOUNT_OPTIONS_H

#include "proto/base/buf.h"
#include "proto/base/errtext.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* When a write becomes a setData: see commit_rule.h. */
enum commit_mode {
    COMMIT_AT_WRITE,
    COMMIT_AT_CLOSE,
};

struct mount_options {
    const char *source;      /* HOST:PORT,...; borrowed from argv */
    const char *mount_point; /* borrowed from argv */
    bool foreground;
    bool verbose;
    bool help, version; /* then nothing else counts */
    bool read_only;
    uid_t uid; /* owner of all that is shown */
    gid_t gid;
    mode_t umask;               /* permission bits never shown */
    int32_t session_timeout_ms; /* 0: the default of the client library */
    enum commit_mode commit;
    char *control_name; /* of the hidden directory; ".zk" */
    struct buf fuse;    /* options for libfuse and the kernel, comma-separated, escaped */
};

/* Reads ARGV; what is not said gets its default (uid, gid and umask those of the caller, given
 * in OPTIONS beforehand). OPTIONS is to be ended with mount_options_done(), after an error too.
 * Errors: -EINVAL, WHY says which word and what is wrong with it. */
int mount_options_parse(int argc, char **argv, struct mount_options *options, struct errtext *why);
void mount_options_done(struct mount_options *options);

/* What --help prints. */
extern const char mount_options_help[];

/* TEXT with a backslash before each comma and backslash, as the option strings of libfuse want
 * it (a source HOST,HOST is one value). Appends. */
void mount_options_escape(struct buf *b, const char *text);

#endif
