/* What an open file reads, and what its writes make of the value. */
#include "tests/unit/test.h"

#include "fs/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct bed {
    struct inode_table table;
    struct inode *inode;
    struct handle *handle;
};

static struct bed open_file(int flags, enum handle_origin origin)
{
    struct bed bed;

    inode_table_init(&bed.table);
    bed.inode = inode_get(&bed.table, jute_str("/f"), origin == HANDLE_PENDING ? CZXID_PENDING : 7,
                          SHAPE_FILE);
    bed.handle = handle_new(bed.inode, flags, origin, COMMIT_AT_WRITE, 1);
    return bed;
}

static void close_file(struct bed *bed)
{
    if (bed->handle->counted) {
        bed->handle->counted = false;
        bed->inode->unmade--;
    }
    handle_free(bed->handle, &bed->table);
    inode_unref(&bed->table, bed->inode);
    EXPECT_EQ(bed->table.by_id.count, 0);
    inode_table_done(&bed->table);
}

static void pin(struct handle *handle, const char *value, int32_t version)
{
    struct zk_stat stat = {.czxid = 7, .version = version};

    handle_pin(handle, blob_copy(value, strlen(value)), &stat);
}

/* The file as READs of 4 bytes see it, from OFFSET to the end of file. */
static const char *read_all(struct handle *handle, uint64_t offset)
{
    static char text[64];
    size_t len = 0;
    struct jute_bytes piece;

    while ((piece = handle_read(handle, offset + len, 4)).len > 0) {
        memcpy(text + len, piece.data, (size_t)piece.len);
        len += (size_t)piece.len;
    }
    text[len] = '\0';
    return text;
}

static const char *content(struct handle *handle)
{
    return buf_cstr(&handle->content);
}

TEST(a_reader_finishes_the_version_that_it_began)
{
    struct bed bed = open_file(O_RDONLY, HANDLE_OPENED);

    EXPECT(handle_wants_newest(bed.handle, 0));
    EXPECT(handle_wants_newest(bed.handle, 9)); /* nothing is pinned yet */
    pin(bed.handle, "0123456789", 1);
    EXPECT(!handle_wants_newest(bed.handle, 4));
    EXPECT(handle_wants_newest(bed.handle, 0));
    EXPECT_STR(read_all(bed.handle, 0), "0123456789");
    close_file(&bed);
}

TEST(after_the_end_of_file_the_newest_version_goes_on)
{
    struct bed bed = open_file(O_RDONLY, HANDLE_OPENED);

    pin(bed.handle, "abc", 1);
    EXPECT_EQ(handle_read(bed.handle, 0, 100).len, 3);
    EXPECT(!handle_wants_newest(bed.handle, 3)); /* a short read has not told the end */
    EXPECT_EQ(handle_read(bed.handle, 3, 100).len, 0);
    EXPECT(handle_wants_newest(bed.handle, 3)); /* tail -f */
    pin(bed.handle, "abcdef", 2);
    EXPECT_STR(read_all(bed.handle, 3), "def");
    close_file(&bed);
}

TEST(a_truncating_writer_begins_with_nothing)
{
    struct bed bed = open_file(O_RDWR | O_TRUNC, HANDLE_OPENED);

    EXPECT_EQ(bed.handle->kind, HANDLE_WHOLE);
    EXPECT(handle_is_empty(bed.handle));
    EXPECT(handle_reads_own(bed.handle)); /* it sees its truncation, nobody else does */
    EXPECT_STR(read_all(bed.handle, 0), "");
    handle_write(bed.handle, 0, "ab", 2);
    handle_write(bed.handle, 4, "ef", 2);
    EXPECT_MEM(bed.handle->content.data, "ab\0\0ef", 6);
    EXPECT_EQ(handle_size(bed.handle), 6);
    close_file(&bed);
}

TEST(an_editor_works_on_a_copy_of_the_pinned_version)
{
    struct bed bed = open_file(O_RDWR, HANDLE_OPENED);

    EXPECT_EQ(bed.handle->kind, HANDLE_EDIT);
    pin(bed.handle, "hello", 3);
    handle_load(bed.handle);
    handle_write(bed.handle, 1, "EL", 2);
    EXPECT_STR(content(bed.handle), "hELlo");
    EXPECT_EQ(bed.handle->pinned_stat.version, 3);
    handle_truncate(bed.handle, 3);
    EXPECT_STR(content(bed.handle), "hEL");
    handle_truncate(bed.handle, 5);
    EXPECT_MEM(bed.handle->content.data, "hEL\0\0", 5);
    close_file(&bed);
}

TEST(after_its_commit_an_editor_goes_on_from_the_new_version)
{
    struct bed bed = open_file(O_RDWR, HANDLE_OPENED);

    pin(bed.handle, "hello", 3);
    handle_load(bed.handle);
    (void)commit_rule_write(&bed.handle->rule, 5, 1, false);
    handle_write(bed.handle, 5, "!", 1);
    handle_committed(bed.handle, &(struct zk_stat){.czxid = 7, .version = 4});
    EXPECT_EQ(bed.handle->pinned_stat.version, 4);
    EXPECT_STR(read_all(bed.handle, 1), "ello!");
    EXPECT(!handle_reads_own(bed.handle));
    close_file(&bed);
}

TEST(an_editor_that_was_refused_begins_with_what_is_there_then)
{
    struct bed bed = open_file(O_RDWR, HANDLE_OPENED);

    pin(bed.handle, "hello", 3);
    handle_load(bed.handle);
    handle_write(bed.handle, 0, "j", 1);
    handle_drop(bed.handle, ESTALE);
    EXPECT(!bed.handle->loaded);
    EXPECT(handle_wants_newest(bed.handle, 3));
    close_file(&bed);
}

TEST(the_tail_of_a_value_whose_head_was_dropped_is_refused)
{
    struct bed bed = open_file(O_WRONLY | O_TRUNC, HANDLE_OPENED);

    handle_write(bed.handle, 0, "head", 4);
    EXPECT(!handle_refuses(bed.handle, 4));
    handle_drop(bed.handle, EFBIG);
    EXPECT_EQ(handle_refuses(bed.handle, 4), EFBIG);
    EXPECT(!handle_refuses(bed.handle, 0)); /* a new beginning */
    handle_write(bed.handle, 0, "h", 1);
    EXPECT(!handle_refuses(bed.handle, 1));
    close_file(&bed);
}

TEST(an_append_ignores_its_offset)
{
    struct bed bed = open_file(O_WRONLY | O_APPEND, HANDLE_OPENED);

    EXPECT_EQ(bed.handle->kind, HANDLE_APPEND);
    EXPECT_EQ(handle_size_after(bed.handle, 1000, 2), 2);
    handle_write(bed.handle, 1000, "a", 1);
    handle_write(bed.handle, 5, "b", 1);
    EXPECT_STR(content(bed.handle), "ab");
    (void)commit_rule_write(&bed.handle->rule, 0, 2, true);
    handle_committed(bed.handle, &(struct zk_stat){.version = 1});
    EXPECT_EQ(bed.handle->content.len, 0); /* what is appended is not appended again */
    close_file(&bed);
}

TEST(a_file_to_be_made_counts_for_those_who_look_for_it)
{
    struct bed bed = open_file(O_WRONLY, HANDLE_PENDING);

    EXPECT_EQ(bed.inode->unmade, 1);
    EXPECT_EQ(bed.handle->kind, HANDLE_WHOLE);
    EXPECT(!handles_settling(bed.inode)); /* neither a grace nor a commit is running */
    bed.handle->busy = true;
    EXPECT(handles_settling(bed.inode));
    bed.handle->busy = false;
    close_file(&bed);
}

TEST(a_file_made_by_this_handle_is_edited_from_then_on_unless_it_truncates)
{
    struct bed bed = open_file(O_WRONLY, HANDLE_MADE);

    EXPECT_EQ(bed.handle->kind, HANDLE_EDIT); /* O_EXCL: over nobody else's value */
    close_file(&bed);

    bed = open_file(O_RDWR, HANDLE_PENDING);
    handle_write(bed.handle, 0, "a", 1);
    (void)commit_rule_write(&bed.handle->rule, 0, 1, true);
    handle_committed(bed.handle, &(struct zk_stat){.czxid = 9, .version = 0});
    EXPECT_EQ(bed.handle->kind, HANDLE_EDIT);
    handle_write(bed.handle, 1, "b", 1);
    EXPECT_STR(content(bed.handle), "ab");
    close_file(&bed);

    bed = open_file(O_WRONLY | O_TRUNC, HANDLE_PENDING);
    handle_committed(bed.handle, &(struct zk_stat){.czxid = 9, .version = 0});
    EXPECT_EQ(bed.handle->kind, HANDLE_WHOLE); /* the last writer wins */
    close_file(&bed);
}

TEST(an_error_that_nobody_waited_for_is_told_once)
{
    struct bed bed = open_file(O_WRONLY, HANDLE_OPENED);

    bed.handle->deferred_errno = 5;
    EXPECT_EQ(handle_take_error(bed.handle), 5);
    EXPECT_EQ(handle_take_error(bed.handle), 0);
    close_file(&bed);
}
