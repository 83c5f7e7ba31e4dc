/* When bytes that were written become a transaction, told as the requests that shells and tools
 * send (oplog's traces of bash, dash, cp, dd, vim, touch). */
#include "tests/unit/test.h"

#include "fs/commit_rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A handle as the rule sees it: how long the file is, and what was committed, in order. */
struct story {
    struct commit_rule rule;
    size_t size;
    bool fails;     /* the server refuses */
    char told[256]; /* "WRITE 2: commit 2; FLUSH: -; " */
};

static struct story opened(enum commit_mode mode, bool makes, bool truncates)
{
    struct story s = {.size = 0};

    commit_rule_init(&s.rule, mode, makes, truncates, false);
    return s;
}

__attribute__((format(printf, 2, 3))) static void tell(struct story *s, const char *format, ...)
{
    size_t len = strlen(s->told);
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(s->told + len, sizeof s->told - len, format, ap);
    va_end(ap);
}

static void decided(struct story *s, const char *event, enum commit_decision decision)
{
    if (decision == COMMIT_NOTHING) {
        tell(s, "%s -; ", event);
    } else if (s->fails) {
        tell(s, "%s refused; ", event);
        commit_rule_failed(&s->rule);
        s->size = 0;
    } else {
        tell(s, "%s commit %zu; ", event, s->size);
        commit_rule_committed(&s->rule);
    }
}

static void write_at(struct story *s, uint64_t offset, size_t size)
{
    enum commit_decision decision = commit_rule_write(&s->rule, offset, size, s->size == 0);

    s->size = offset + size > s->size ? offset + size : s->size;
    decided(s, "write", decision);
}

static void flush(struct story *s)
{
    decided(s, "flush", commit_rule_flush(&s->rule));
}

static void release(struct story *s)
{
    decided(s, "release", commit_rule_release(&s->rule));
}

static void quiet(struct story *s)
{
    decided(s, "quiet", commit_rule_quiet(&s->rule));
}

static void settle(struct story *s)
{
    decided(s, "settle", commit_rule_settle(&s->rule));
}

TEST(echo_into_a_new_file_is_one_commit_at_its_write)
{
    struct story s = opened(COMMIT_AT_WRITE, true, true);

    flush(&s); /* bash closes its copy before it writes */
    write_at(&s, 0, 2);
    flush(&s);
    release(&s);
    EXPECT_STR(s.told, "flush -; write commit 2; flush -; release -; ");
}

TEST(echo_into_an_old_file_never_commits_the_truncation)
{
    struct story s = opened(COMMIT_AT_WRITE, false, true);

    flush(&s);
    write_at(&s, 0, 2);
    flush(&s);
    release(&s);
    EXPECT_STR(s.told, "flush -; write commit 2; flush -; release -; ");
}

TEST(a_group_commits_its_first_line_and_the_whole_at_its_end)
{
    struct story s = opened(COMMIT_AT_WRITE, false, true);

    flush(&s);
    write_at(&s, 0, 2);
    write_at(&s, 2, 2);
    flush(&s);
    release(&s);
    EXPECT_STR(s.told, "flush -; write commit 2; write -; flush commit 4; release -; ");
}

TEST(a_long_copy_commits_once_at_its_close)
{
    struct story s = opened(COMMIT_AT_WRITE, false, true);

    write_at(&s, 0, 131072);
    write_at(&s, 131072, 131072);
    write_at(&s, 262144, 77);
    flush(&s);
    release(&s);
    EXPECT_STR(s.told, "write -; write -; write -; flush commit 262221; release -; ");
}

TEST(whole_pages_may_be_a_piece)
{
    struct story s = opened(COMMIT_AT_WRITE, false, true);

    write_at(&s, 0, 4096);
    EXPECT_STR(s.told, "write -; ");
}

/* write(2) of 1.1 MB from a buffer that begins in the middle of a page. */
TEST(the_first_piece_of_a_write_that_the_kernel_cuts_is_no_value)
{
    struct story s = opened(COMMIT_AT_WRITE, false, true);

    write_at(&s, 0, ((size_t)1 << 20) - 16);
    EXPECT_STR(s.told, "write -; ");
}

TEST(the_largest_write_that_is_surely_whole_commits)
{
    struct story s = opened(COMMIT_AT_WRITE, false, true);

    write_at(&s, 0, COMMIT_WRITE_MAX - 1);
    EXPECT_STR(s.told, "write commit 1044479; ");
}

TEST(a_write_behind_a_hole_is_collected)
{
    struct story s = opened(COMMIT_AT_WRITE, false, true);

    write_at(&s, 10, 5);
    release(&s);
    EXPECT_STR(s.told, "write -; release commit 15; ");
}

TEST(a_writer_that_pauses_is_committed)
{
    struct story s = opened(COMMIT_AT_WRITE, false, true);

    write_at(&s, 0, 2);
    quiet(&s); /* nothing new */
    write_at(&s, 2, 2);
    quiet(&s);
    flush(&s);
    EXPECT_STR(s.told, "write commit 2; quiet -; write -; quiet commit 4; flush -; ");
}

TEST(with_commit_at_close_nothing_is_seen_before_it)
{
    struct story s = opened(COMMIT_AT_CLOSE, false, true);

    flush(&s);
    write_at(&s, 0, 2);
    quiet(&s);
    write_at(&s, 2, 2);
    flush(&s);
    release(&s);
    EXPECT_STR(s.told, "flush -; write -; quiet -; write -; flush commit 4; "
                       "release -; ");
}

TEST(a_truncating_redirection_alone_commits_at_its_second_flush)
{
    struct story s = opened(COMMIT_AT_WRITE, false, true);

    flush(&s);
    settle(&s); /* the old value stays as long as something may still be written */
    flush(&s);
    release(&s);
    EXPECT_STR(s.told, "flush -; settle -; flush commit 0; release -; ");
}

TEST(an_empty_copy_commits_at_its_release)
{
    struct story s = opened(COMMIT_AT_WRITE, false, true);

    flush(&s);
    release(&s);
    EXPECT_STR(s.told, "flush -; release commit 0; ");
}

TEST(a_new_file_that_nobody_writes_to_is_made_empty)
{
    struct story s = opened(COMMIT_AT_WRITE, true, false);

    flush(&s);
    settle(&s);
    write_at(&s, 0, 2);
    release(&s);
    EXPECT_STR(s.told, "flush -; settle commit 0; write commit 2; release -; ");
}

TEST(a_new_file_that_is_being_written_is_not_made_empty_first)
{
    struct story s = opened(COMMIT_AT_WRITE, true, false);

    write_at(&s, 0, 4096);
    settle(&s);
    write_at(&s, 4096, 4096);
    flush(&s);
    EXPECT_STR(s.told, "write -; settle -; write -; flush commit 8192; ");
}

TEST(a_handle_that_writes_nothing_commits_nothing)
{
    struct story s = opened(COMMIT_AT_WRITE, false, false);

    flush(&s);
    flush(&s);
    settle(&s);
    decided(&s, "sync", commit_rule_sync(&s.rule));
    release(&s);
    EXPECT_STR(s.told, "flush -; flush -; settle -; sync -; release -; ");
}

TEST(an_editor_truncates_then_writes_then_syncs)
{
    struct story s = opened(COMMIT_AT_WRITE, false, false);

    s.size = 100;
    commit_rule_truncate(&s.rule, 0);
    s.size = 0;
    write_at(&s, 0, 33);
    decided(&s, "sync", commit_rule_sync(&s.rule));
    flush(&s);
    release(&s);
    EXPECT_STR(s.told, "write commit 33; sync -; flush -; release -; ");
}

TEST(truncate_1_is_committed_at_its_close_where_it_hears_of_errors)
{
    struct story s = opened(COMMIT_AT_WRITE, false, false);

    commit_rule_truncate(&s.rule, 0);
    flush(&s);
    EXPECT_STR(s.told, "flush commit 0; ");
    commit_rule_truncate(&s.rule, 10);
    s.size = 10;
    flush(&s);
    EXPECT_STR(s.told, "flush commit 0; flush commit 10; ");
}

TEST(after_a_refusal_nothing_is_owed_not_even_the_truncation)
{
    struct story s = opened(COMMIT_AT_WRITE, false, true);

    s.fails = true;
    flush(&s);
    write_at(&s, 0, 2);
    flush(&s);
    release(&s);
    EXPECT_STR(s.told, "flush -; write refused; flush -; release -; ");
}

TEST(a_write_after_a_refusal_is_a_first_one_again)
{
    struct story s = opened(COMMIT_AT_WRITE, true, false);

    s.fails = true;
    write_at(&s, 0, 2);
    s.fails = false;
    write_at(&s, 0, 3);
    release(&s);
    EXPECT_STR(s.told, "write refused; write commit 3; release -; ");
}

TEST(each_append_is_a_change_of_its_own)
{
    struct story s = {.size = 0};

    commit_rule_init(&s.rule, COMMIT_AT_WRITE, false, false, true);
    flush(&s);
    write_at(&s, 100, 2);
    flush(&s);
    write_at(&s, 102, 2);
    write_at(&s, 104, 8192);
    flush(&s);
    EXPECT_STR(s.told, "flush -; write commit 102; flush -; write commit 104; write -; "
                       "flush commit 8296; ");
}
