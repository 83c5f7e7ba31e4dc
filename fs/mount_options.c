/* mount_options: see mount_options.h. The options come in three kinds: ours, in one table with
 * a function each; those of libfuse and the kernel, handed on as they are; and those that
 * mount(8) and fstab(5) mean for themselves or for others, ignored. Anything else is an error:
 * a misspelt `ro` must not be a writable mount. */
#include "fs/mount_options.h"

#include "proto/base/mem.h"
#include "proto/path.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char mount_options_help[] =
    "usage: mount.zkfs HOST[:PORT][,HOST[:PORT]...] DIRECTORY [-f] [-v] [-o OPTION,...]\n"
    "       mount -t zkfs HOST[:PORT][,HOST[:PORT]...] DIRECTORY [-o OPTION,...]\n"
    "\n"
    "Mounts the znodes of a ZooKeeper ensemble at DIRECTORY. Returns when the mount\n"
    "serves. Ends, and ends its session, with `umount DIRECTORY`.\n"
    "\n"
    "  -f, --foreground      stay in the foreground (mount(8) means `fake` by -f and\n"
    "                        hands it on: `mount -f -t zkfs` does mount)\n"
    "  -v, --verbose         log more, on stderr\n"
    "  -o OPTION,...         ro                    refuse all writes\n"
    "                        uid=N, gid=N          owner and group of all files (the caller's)\n"
    "                        umask=OCTAL           permission bits not shown (the caller's)\n"
    "                        session_timeout=TIME  milliseconds, or with a unit: 10s, 500ms (10s)\n"
    "                        commit=write|close    when a write reaches the server: at once, so\n"
    "                                              that `echo x > f` tells its errors, or\n"
    "                                              everything together at the close (write)\n"
    "                        ctl=NAME              name of the hidden control directory (.zk)\n"
    "                        allow_other, ...      options of FUSE and of mount(8)\n"
    "  -s, -n                accepted for mount(8), no effect\n"
    "  -h, --help            this text\n"
    "  -V, --version         the version\n"
    "\n"
    "exit status: 0 mounted, 1 wrong usage, 32 cannot mount\n";

/* Handed on. A word that ends in '=' stands for any value. */
static const char *const fuse_words[] = {
    "allow_other", "allow_root",   "auto_unmount", "default_permissions",
    "suid",        "nosuid",       "dev",          "nodev",
    "exec",        "noexec",       "async",        "sync",
    "dirsync",     "max_read=",    "fscontext=",   "context=",
    "defcontext=", "rootcontext=", "fsname=",      "debug",
};

/* Meant for mount(8), systemd or somebody else; or about times of access, which no znode has. */
static const char *const ignored_words[] = {
    "defaults",      "_netdev",    "nofail",      "auto",       "noauto",
    "user",          "user=",      "nouser",      "users",      "owner",
    "group",         "comment=",   "x-",          "nomand",     "mand",
    "silent",        "loud",       "iversion",    "noiversion", "lazytime",
    "nolazytime",    "symfollow",  "nosymfollow", "atime",      "noatime",
    "diratime",      "nodiratime", "relatime",    "norelatime", "strictatime",
    "nostrictatime",
};

static bool word_in(const char *const *words, size_t count, const char *option)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(words[i]);
        bool is_prefix = words[i][len - 1] == '=' || words[i][len - 1] == '-';

        if (is_prefix ? strncmp(option, words[i], len) == 0 : strcmp(option, words[i]) == 0)
            return true;
    }
    return false;
}

static int parse_number(const char *text, int base, unsigned long max, unsigned long *ret)
{
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return -EINVAL;
    errno = 0;
    *ret = strtoul(text, &end, base);
    return *end == '\0' && errno == 0 && *ret <= max ? 0 : -EINVAL;
}

static int set_uid(struct mount_options *o, const char *value, struct errtext *why)
{
    unsigned long n;

    if (parse_number(value, 10, UINT32_MAX - 1, &n) < 0)
        return errtext_set(why, -EINVAL, "uid=%s: not a user id", value);
    o->uid = (uid_t)n;
    return 0;
}

static int set_gid(struct mount_options *o, const char *value, struct errtext *why)
{
    unsigned long n;

    if (parse_number(value, 10, UINT32_MAX - 1, &n) < 0)
        return errtext_set(why, -EINVAL, "gid=%s: not a group id", value);
    o->gid = (gid_t)n;
    return 0;
}

static int set_umask(struct mount_options *o, const char *value, struct errtext *why)
{
    unsigned long n;

    if (parse_number(value, 8, 0777, &n) < 0)
        return errtext_set(why, -EINVAL, "umask=%s: not an octal number up to 777", value);
    o->umask = (mode_t)n;
    return 0;
}

static int set_session_timeout(struct mount_options *o, const char *value, struct errtext *why)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(value, &end, 10);
    if (end != value && strcmp(end, "s") == 0 && n <= INT_MAX / 1000)
        n *= 1000;
    else if (end == value || (*end != '\0' && strcmp(end, "ms") != 0))
        n = 0;
    if (errno != 0 || n < 1 || n > INT_MAX)
        return errtext_set(why, -EINVAL,
                           "session_timeout=%s: not a time in milliseconds (or 10s, 500ms)", value);
    o->session_timeout_ms = (int32_t)n;
    return 0;
}

static int set_commit(struct mount_options *o, const char *value, struct errtext *why)
{
    if (strcmp(value, "write") == 0)
        o->commit = COMMIT_AT_WRITE;
    else if (strcmp(value, "close") == 0)
        o->commit = COMMIT_AT_CLOSE;
    else
        return errtext_set(why, -EINVAL, "commit=%s: write or close is expected", value);
    return 0;
}

static int set_control_name(struct mount_options *o, const char *value, struct errtext *why)
{
    const char *cause;

    if (strchr(value, '/') != NULL || !path_name_valid(jute_str(value), &cause))
        return errtext_set(why, -EINVAL, "ctl=%s: not a file name", value);
    free(o->control_name);
    o->control_name = xstrdup(value);
    return 0;
}

static const struct {
    const char *name;
    int (*set)(struct mount_options *o, const char *value, struct errtext *why);
} own_options[] = {
    {"uid=", set_uid},       {"gid=", set_gid},
    {"umask=", set_umask},   {"session_timeout=", set_session_timeout},
    {"commit=", set_commit}, {"ctl=", set_control_name},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

void mount_options_escape(struct buf *b, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == ',' || *p == '\\')
            buf_append(b, "\\", 1);
        buf_append(b, p, 1);
    }
}

static void hand_on(struct mount_options *o, const char *option)
{
    if (o->fuse.len > 0)
        buf_append(&o->fuse, ",", 1);
    mount_options_escape(&o->fuse, option);
}

static int apply_option(struct mount_options *o, const char *option, struct errtext *why)
{
    for (size_t i = 0; i < COUNT(own_options); i++) {
        size_t len = strlen(own_options[i].name);

        if (strncmp(option, own_options[i].name, len) == 0)
            return own_options[i].set(o, option + len, why);
    }
    if (strcmp(option, "ro") == 0 || strcmp(option, "rw") == 0) {
        o->read_only = option[1] == 'o';
        return 0; /* the last one counts; told to the kernel at the end */
    }
    if (strcmp(option, "remount") == 0)
        return errtext_set(why, -EINVAL, "remount is not supported: unmount and mount again");
    if (word_in(fuse_words, COUNT(fuse_words), option)) {
        hand_on(o, option);
        return 0;
    }
    if (*option == '\0' || word_in(ignored_words, COUNT(ignored_words), option))
        return 0;
    return errtext_set(why, -EINVAL, "unknown option '%s'", option);
}

/* LIST is options with commas between; a backslash takes the next character as it is. */
static int apply_list(struct mount_options *o, const char *list, struct errtext *why)
{
    struct buf option = {0};
    int rc = 0;

    for (const char *p = list; rc == 0; p++) {
        if (*p == ',' || *p == '\0') {
            rc = apply_option(o, buf_cstr(&option), why);
            option.len = 0;
            if (*p == '\0')
                break;
        } else {
            if (*p == '\\' && p[1] != '\0')
                p++;
            buf_append(&option, p, 1);
        }
    }
    buf_done(&option);
    return rc;
}

/* A cluster of letters; *RET_SKIP tells that the next word of ARGV was taken as well. */
static int apply_letters(struct mount_options *o, const char *word, const char *next,
                         bool *ret_skip, struct errtext *why)
{
    for (const char *p = word + 1; *p != '\0'; p++) {
        switch (*p) {
        case 'f':
            o->foreground = true;
            break;
        case 'v':
            o->verbose = true;
            break;
        case 's':
        case 'n':
            break;
        case 'h':
            o->help = true;
            break;
        case 'V':
            o->version = true;
            break;
        case 'o':
        case 't':
        case 'N': {
            const char *value = p[1] != '\0' ? p + 1 : next;

            if (value == NULL)
                return errtext_set(why, -EINVAL, "-%c wants a value", *p);
            *ret_skip = p[1] == '\0';
            return *p == 'o' ? apply_list(o, value, why) : 0;
        }
        default:
            return errtext_set(why, -EINVAL, "unknown option -%c", *p);
        }
    }
    return 0;
}

static int apply_long(struct mount_options *o, const char *word, struct errtext *why)
{
    if (strcmp(word, "--help") == 0)
        o->help = true;
    else if (strcmp(word, "--version") == 0)
        o->version = true;
    else if (strcmp(word, "--foreground") == 0)
        o->foreground = true;
    else if (strcmp(word, "--verbose") == 0)
        o->verbose = true;
    else
        return errtext_set(why, -EINVAL, "unknown option %s", word);
    return 0;
}

static int apply_operand(struct mount_options *o, const char *word, struct errtext *why)
{
    if (o->source == NULL)
        o->source = word;
    else if (o->mount_point == NULL)
        o->mount_point = word;
    else
        return errtext_set(why, -EINVAL, "one source and one directory are expected, not '%s' too",
                           word);
    return 0;
}

int mount_options_parse(int argc, char **argv, struct mount_options *o, struct errtext *why)
{
    bool only_operands = false;
    int rc = 0;

    o->control_name = xstrdup(".zk");
    for (int i = 1; i < argc && rc == 0; i++) {
        bool skip = false;

        if (only_operands || argv[i][0] != '-' || argv[i][1] == '\0')
            rc = apply_operand(o, argv[i], why);
        else if (strcmp(argv[i], "--") == 0)
            only_operands = true;
        else if (argv[i][1] == '-')
            rc = apply_long(o, argv[i], why);
        else
            rc = apply_letters(o, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &skip, why);
        i += skip;
    }
    if (rc == 0 && !o->help && !o->version && o->mount_point == NULL)
        rc = errtext_set(why, -EINVAL, "a source (HOST:PORT,...) and a directory are expected");
    hand_on(o, o->read_only ? "ro" : "rw");
    return rc;
}

void mount_options_done(struct mount_options *o)
{
    free(o->control_name);
    buf_done(&o->fuse);
}
