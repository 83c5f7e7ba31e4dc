/* mount_main: mount.zkfs. */
#include "fs/mount_daemon.h"
#include "fs/mount_loop.h"
#include "proto/base/log.h"
#include "proto/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool serves_foreground(void *arg)
{
    (void)arg;
    return true;
}

static bool serves_background(void *arg)
{
    log_set_level(LOG_LEVEL_INFO);
    return daemon_ready(*(int *)arg);
}

static int complain(const char *text, int status)
{
    (void)fprintf(stderr, "mount.zkfs: %s\n", text);
    return status;
}

/* Takes over OPTIONS. */
static int run(struct mount_options *options)
{
    struct errtext why;
    char *path;
    int ready_fd, status;

    if (mount_point_prepare(options->mount_point, &path, &why) < 0) {
        mount_options_done(options);
        return complain(why.text, MOUNT_EXIT_FAILURE);
    }
    options->mount_point = path;
    /* A terminal is for what went wrong, not for the story of the session. */
    log_set_level(options->verbose      ? LOG_LEVEL_DEBUG
                  : options->foreground ? LOG_LEVEL_INFO
                                        : LOG_LEVEL_WARN);
    if (!options->foreground && daemon_start(&ready_fd, &why) < 0) {
        status = complain(why.text, MOUNT_EXIT_FAILURE);
        mount_options_done(options);
    } else if (chdir("/") < 0) { /* neither below the own mount nor in anybody's way */
        status = complain("cannot go to /", MOUNT_EXIT_FAILURE);
        mount_options_done(options);
    } else {
        status = mount_loop_run(
            options, options->foreground ? serves_foreground : serves_background, &ready_fd);
    }
    free(path);
    return status;
}

int main(int argc, char **argv)
{
    struct mount_options options = {.uid = getuid(), .gid = getgid()};
    struct errtext why;
    int rc;

    options.umask = umask(0);
    (void)umask(options.umask);
    rc = mount_options_parse(argc, argv, &options, &why);
    if (rc == 0 && !options.help && !options.version)
        return run(&options);
    if (rc < 0)
        (void)fprintf(stderr,
                      "mount.zkfs: %s\nusage: mount.zkfs HOST:PORT,... DIRECTORY "
                      "[-f] [-o OPTIONS]; mount.zkfs --help tells more\n",
                      why.text);
    else if (options.help)
        (void)fputs(mount_options_help, stdout);
    else
        (void)puts("mount.zkfs " ZKFS_VERSION);
    mount_options_done(&options);
    return rc < 0 ? MOUNT_EXIT_USAGE : 0;
}
