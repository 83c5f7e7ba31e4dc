/* The command line, from people and from mount(8). */
#include "tests/unit/test.h"

#include "fs/mount_options.h"

#include <errno.h>
#include <string.h>

#define WORDS_MAX 12

struct parsed {
    struct mount_options options;
    struct errtext why;
    int rc;
    char words[WORDS_MAX][128];
};

/* Parses "mount.zkfs" and the words of LINE, separated by blanks. */
static void parse(struct parsed *p, const char *line)
{
    char *argv[WORDS_MAX + 1];
    int argc = 1;

    memset(p, 0, sizeof *p);
    memcpy(p->words[0], "mount.zkfs", 11);
    for (const char *word = line; *word != '\0' && argc < WORDS_MAX; argc++) {
        size_t len = strcspn(word, " ");

        EXPECT(len < sizeof p->words[argc]);
        memcpy(p->words[argc], word, len);
        word += len + (word[len] == ' ');
    }
    for (int i = 0; i < argc; i++)
        argv[i] = p->words[i];
    argv[argc] = NULL;
    p->options = (struct mount_options){.uid = 1, .gid = 2, .umask = 022};
    p->rc = mount_options_parse(argc, argv, &p->options, &p->why);
}

static void expect_error(const char *line, const char *part)
{
    struct parsed p;

    parse(&p, line);
    EXPECT_EQ(p.rc, -EINVAL);
    if (strstr(p.why.text, part) == NULL)
        EXPECT_STR(p.why.text, part);
    mount_options_done(&p.options);
}

TEST(source_and_directory_are_enough)
{
    struct parsed p;

    parse(&p, "zk1:2181,zk2:2181 /mnt");
    EXPECT_EQ(p.rc, 0);
    EXPECT_STR(p.options.source, "zk1:2181,zk2:2181");
    EXPECT_STR(p.options.mount_point, "/mnt");
    EXPECT_STR(p.options.control_name, ".zk");
    EXPECT_EQ(p.options.commit, COMMIT_AT_WRITE);
    EXPECT_EQ(p.options.session_timeout_ms, 0);
    EXPECT_EQ(p.options.uid, 1);
    EXPECT_EQ(p.options.umask, 022);
    EXPECT(!p.options.foreground);
    EXPECT_STR(buf_cstr(&p.options.fuse), "rw");
    mount_options_done(&p.options);
}

TEST(all_of_ours)
{
    struct parsed p;

    parse(&p, "h d -f -o ro,uid=7,gid=8,umask=027,session_timeout=5s,commit=close,ctl=.ctl");
    EXPECT_EQ(p.rc, 0);
    EXPECT(p.options.foreground);
    EXPECT(p.options.read_only);
    EXPECT_EQ(p.options.uid, 7);
    EXPECT_EQ(p.options.gid, 8);
    EXPECT_EQ(p.options.umask, 027);
    EXPECT_EQ(p.options.session_timeout_ms, 5000);
    EXPECT_EQ(p.options.commit, COMMIT_AT_CLOSE);
    EXPECT_STR(p.options.control_name, ".ctl");
    EXPECT_STR(buf_cstr(&p.options.fuse), "ro");
    mount_options_done(&p.options);
}

TEST(the_words_of_mount_8_in_its_order)
{
    struct parsed p;

    parse(&p, "h d -s -n -v -o rw,noexec,nosuid,nodev,_netdev,nofail,relatime,user=bob,x-y.z=1");
    EXPECT_EQ(p.rc, 0);
    EXPECT(p.options.verbose);
    EXPECT(!p.options.foreground);
    EXPECT_STR(buf_cstr(&p.options.fuse), "noexec,nosuid,nodev,rw");
    mount_options_done(&p.options);
}

TEST(of_ro_and_rw_the_last_one_counts)
{
    struct parsed p;

    parse(&p, "-o rw,ro h d -orw");
    EXPECT_EQ(p.rc, 0);
    EXPECT(!p.options.read_only);
    mount_options_done(&p.options);
}

TEST(times_with_and_without_a_unit)
{
    struct parsed p;

    parse(&p, "h d -o session_timeout=1500");
    EXPECT_EQ(p.options.session_timeout_ms, 1500);
    mount_options_done(&p.options);
    parse(&p, "h d -o session_timeout=1500ms");
    EXPECT_EQ(p.options.session_timeout_ms, 1500);
    mount_options_done(&p.options);
}

TEST(what_is_wrong_is_named)
{
    expect_error("h d -o allow_other,nonsense", "'nonsense'");
    expect_error("h d -o rO", "'rO'");
    expect_error("h d -o uid=bob", "uid=bob");
    expect_error("h d -o uid=", "uid=");
    expect_error("h d -o gid=-1", "gid=-1");
    expect_error("h d -o umask=9", "umask=9");
    expect_error("h d -o umask=1777", "umask=1777");
    expect_error("h d -o session_timeout=soon", "session_timeout=soon");
    expect_error("h d -o session_timeout=0", "session_timeout=0");
    expect_error("h d -o session_timeout=9999999999s", "session_timeout=");
    expect_error("h d -o commit=never", "commit=never");
    expect_error("h d -o ctl=a/b", "ctl=a/b");
    expect_error("h d -o ctl=..", "ctl=..");
    expect_error("h d -o remount,ro", "remount");
    expect_error("h d -x", "-x");
    expect_error("h d --nonsense", "--nonsense");
    expect_error("h d -o", "-o");
    expect_error("h d e", "'e'");
    expect_error("h", "directory");
    expect_error("", "directory");
}

TEST(a_comma_in_a_value_is_escaped_for_libfuse)
{
    struct buf b = {0};

    mount_options_escape(&b, "a:1,b\\c");
    EXPECT_STR(buf_cstr(&b), "a:1\\,b\\\\c");
    buf_done(&b);
}

TEST(an_escaped_comma_stays_in_its_option)
{
    struct parsed p;

    parse(&p, "h d -o context=a\\,b,allow_other");
    EXPECT_EQ(p.rc, 0);
    EXPECT_STR(buf_cstr(&p.options.fuse), "context=a\\,b,allow_other,rw");
    mount_options_done(&p.options);
}

TEST(help_and_version_want_nothing_else)
{
    struct parsed p;

    parse(&p, "--help");
    EXPECT_EQ(p.rc, 0);
    EXPECT(p.options.help);
    mount_options_done(&p.options);
    parse(&p, "-V");
    EXPECT_EQ(p.rc, 0);
    EXPECT(p.options.version);
    mount_options_done(&p.options);
}
