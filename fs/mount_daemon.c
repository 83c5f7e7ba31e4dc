/* mount_daemon: see mount_daemon.h. */
#include "fs/mount_daemon.h"

#include "proto/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ------------------------------------------------------------------ the mount point */

/* realpath(3) asks the directory itself, which a dead mount does not answer: then its parent. */
static char *absolute_path(const char *dir)
{
    char *path = realpath(dir, NULL);
    char *copy, *parent, *whole;
    int error = errno;

    if (path != NULL || error != ENOTCONN)
        return path;
    copy = xstrdup(dir);
    parent = realpath(dirname(copy), NULL);
    free(copy);
    if (parent == NULL)
        return NULL;
    copy = xstrdup(dir);
    whole = xasprintf("%s/%s", strcmp(parent, "/") == 0 ? "" : parent, basename(copy));
    free(parent);
    free(copy);
    return whole;
}

/* A path as /proc/self/mountinfo writes it: blanks, backslashes and line ends in octal. */
static bool same_path(const char *escaped, const char *path)
{
    for (; *escaped != '\0' && *path != '\0'; path++) {
        char c = *escaped++;

        if (c == '\\') {
            char digits[4] = {0};

            (void)snprintf(digits, sizeof digits, "%.3s", escaped);
            c = (char)strtol(digits, NULL, 8);
            escaped += strlen(digits);
        }
        if (c != *path)
            return false;
    }
    return *escaped == *path;
}

/* Whether what is mounted at PATH, topmost, is ours by its type. */
static bool is_zkfs(const char *path)
{
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t size = 0;
    bool ours = false;

    while (mounts != NULL && getline(&line, &size, mounts) > 0) {
        char *where = line, *type = strstr(line, " - ");

        for (int i = 0; i < 4 && where != NULL; i++)
            where = strchr(where + 1, ' ');
        if (where == NULL || type == NULL)
            continue;
        where++;
        where[strcspn(where, " ")] = '\0';
        if (same_path(where, path))
            ours = strncmp(type, " - fuse.zkfs ", 13) == 0;
    }
    free(line);
    if (mounts != NULL)
        (void)fclose(mounts);
    return ours;
}

static int detach_dead(const char *path, const char *dir, struct errtext *why)
{
    if (umount2(path, MNT_DETACH) < 0)
        return errtext_errno(why, "%s: a mount whose daemon is dead cannot be detached", dir);
    (void)fprintf(stderr, "mount.zkfs: %s: detached a mount whose daemon is dead\n", dir);
    return 0;
}

static int check_directory(const char *path, const char *dir, struct errtext *why)
{
    struct stat st;
    int rc = 0;

    /* There may be several, one over the other. */
    while (rc == 0 && stat(path, &st) < 0) {
        if (errno == ENOTCONN && is_zkfs(path))
            rc = detach_dead(path, dir, why);
        else
            rc = errtext_errno(why, "cannot mount at %s", dir);
    }
    if (rc == 0 && !S_ISDIR(st.st_mode))
        rc = errtext_set(why, -ENOTDIR, "%s is not a directory", dir);
    return rc;
}

int mount_point_prepare(const char *dir, char **ret_path, struct errtext *why)
{
    char *path = absolute_path(dir);
    int rc;

    if (path == NULL)
        return errtext_errno(why, "cannot mount at %s", dir);
    rc = check_directory(path, dir, why);
    if (rc < 0)
        free(path);
    else
        *ret_path = path;
    return rc;
}

/* ------------------------------------------------------------------ the background */

/* The parent: waits for the byte that daemon_ready() sends, or for the child's end. */
_Noreturn static void await_child(pid_t child, int ready_fd)
{
    char byte;
    ssize_t n;
    int status;

    do {
        n = read(ready_fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(0);
    if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) != 0)
        _exit(WEXITSTATUS(status));
    _exit(MOUNT_EXIT_FAILURE);
}

int daemon_start(int *ret_ready_fd, struct errtext *why)
{
    int fds[2];
    pid_t child;

    /* A shell's descriptors would stay open for as long as the mount. */
    (void)close_range(3, ~0u, 0);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return errtext_errno(why, "no pipe");
    child = fork();
    if (child < 0)
        return errtext_errno(why, "no child process");
    if (child > 0) {
        (void)close(fds[1]);
        await_child(child, fds[0]);
    }
    (void)close(fds[0]);
    (void)setsid(); /* fails only for a leader of a process group, which a child is not */
    *ret_ready_fd = fds[1];
    return 0;
}

/* A datagram to /dev/log for each line, where there is such a thing; else nowhere. */
static int system_log(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

bool daemon_ready(int ready_fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int log = system_log();
    bool told = write(ready_fd, "", 1) == 1;

    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)close(null);
    }
    if (log >= 0) {
        (void)dup2(log, STDERR_FILENO);
        (void)close(log);
    }
    (void)close(ready_fd);
    return told;
}
