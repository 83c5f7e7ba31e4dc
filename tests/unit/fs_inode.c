/* Identity and looks of znodes as files. */
#include "tests/unit/test.h"

#include "fs/inode.h"

#include <string.h>

#define PATH(text) jute_str(text)

static uint64_t ino_of(struct inode_table *table, const char *path, zk_zxid czxid,
                       enum inode_shape shape)
{
    struct inode *inode = inode_get(table, PATH(path), czxid, shape);
    uint64_t ino = inode->ino;

    inode_unref(table, inode);
    return ino;
}

TEST(a_znode_keeps_its_inode_as_long_as_somebody_refers_to_it)
{
    struct inode_table table;
    struct inode *a, *b;

    inode_table_init(&table);
    a = inode_get(&table, PATH("/a"), 5, SHAPE_FILE);
    b = inode_get(&table, PATH("/a"), 5, SHAPE_FILE);
    EXPECT(a == b);
    a->nlookup = 2;
    inode_unref(&table, a);
    inode_unref(&table, b);
    EXPECT(inode_by_id(&table, a->nodeid) == a);
    inode_forget(&table, a, 1);
    EXPECT(inode_find(&table, PATH("/a"), 5, SHAPE_FILE) == a);
    inode_forget(&table, a, 1);
    EXPECT(inode_find(&table, PATH("/a"), 5, SHAPE_FILE) == NULL);
    EXPECT_EQ(table.by_id.count, 0);
    inode_table_done(&table);
}

TEST(made_again_or_of_another_shape_it_is_another_file)
{
    struct inode_table table;
    struct inode *inodes[5];

    inode_table_init(&table);
    inodes[0] = inode_get(&table, PATH("/a"), 5, SHAPE_FILE);
    inodes[1] = inode_get(&table, PATH("/a"), 6, SHAPE_FILE);
    inodes[2] = inode_get(&table, PATH("/a"), 5, SHAPE_DIR);
    inodes[3] = inode_get(&table, PATH("/a"), 5, SHAPE_CONTROL_DIR);
    inodes[4] = inode_get(&table, PATH("/b"), 5, SHAPE_FILE);
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < i; k++) {
            EXPECT(inodes[i]->nodeid != inodes[k]->nodeid);
            EXPECT(inodes[i]->ino != inodes[k]->ino);
        }
    }
    for (int i = 0; i < 5; i++)
        inode_unref(&table, inodes[i]);
    inode_table_done(&table);
}

TEST(the_number_is_the_same_on_every_mount)
{
    struct inode_table one, two;

    inode_table_init(&one);
    inode_table_init(&two);
    (void)ino_of(&two, "/other", 1, SHAPE_FILE);
    EXPECT_EQ(ino_of(&one, "/a/b", 5, SHAPE_FILE), ino_of(&two, "/a/b", 5, SHAPE_FILE));
    EXPECT_EQ(ino_of(&one, "/", 0, SHAPE_DIR), INODE_ROOT);
    inode_table_done(&one);
    inode_table_done(&two);
}

TEST(control_files_have_numbers_of_their_own)
{
    struct inode_table table;
    struct inode *root_control, *file;

    inode_table_init(&table);
    root_control = inode_get(&table, PATH("/"), 0, SHAPE_CONTROL_DIR);
    file = inode_get(&table, PATH("/a"), 1, SHAPE_FILE);
    EXPECT(root_control->nodeid & INODE_CONTROL_BIT);
    EXPECT(root_control->ino & INODE_CONTROL_BIT);
    EXPECT(!(file->nodeid & INODE_CONTROL_BIT));
    EXPECT(!(file->ino & INODE_CONTROL_BIT));
    inode_unref(&table, root_control);
    inode_unref(&table, file);
    inode_table_done(&table);
}

TEST(a_file_that_was_pending_is_found_when_it_is_made)
{
    struct inode_table table;
    struct zk_stat stat = {.czxid = 9};
    struct inode *inode;
    uint64_t nodeid;

    inode_table_init(&table);
    inode = inode_get(&table, PATH("/new"), CZXID_PENDING, SHAPE_FILE);
    nodeid = inode->nodeid;
    inode_made(&table, inode, &stat);
    EXPECT(inode_find(&table, PATH("/new"), 9, SHAPE_FILE) == inode);
    EXPECT(inode_find(&table, PATH("/new"), CZXID_PENDING, SHAPE_FILE) == NULL);
    EXPECT_EQ(inode->nodeid, nodeid);
    inode_unref(&table, inode);
    EXPECT_EQ(table.by_id.count, 0);
    inode_table_done(&table);
}

TEST(a_file_that_others_found_first_keeps_both_inodes_apart)
{
    struct inode_table table;
    struct zk_stat stat = {.czxid = 9};
    struct inode *pending, *found;

    inode_table_init(&table);
    pending = inode_get(&table, PATH("/new"), CZXID_PENDING, SHAPE_FILE);
    found = inode_get(&table, PATH("/new"), 9, SHAPE_FILE);
    inode_made(&table, pending, &stat);
    EXPECT(inode_find(&table, PATH("/new"), 9, SHAPE_FILE) == found);
    EXPECT(inode_by_id(&table, pending->nodeid) == pending);
    inode_unref(&table, pending);
    EXPECT(inode_find(&table, PATH("/new"), 9, SHAPE_FILE) == found);
    inode_unref(&table, found);
    inode_table_done(&table);
}

static enum inode_shape shape(int32_t cversion, int32_t length, int64_t owner, bool empty)
{
    struct zk_stat stat = {.cversion = cversion, .data_length = length, .ephemeral_owner = owner};

    return shape_of(PATH("/n"), &stat, empty);
}

TEST(the_mapping)
{
    EXPECT_EQ(shape(0, 0, 0, true), SHAPE_DIR);     /* empty: mkdir, ensure_path */
    EXPECT_EQ(shape(0, 0, 0, false), SHAPE_FILE);   /* null: touch */
    EXPECT_EQ(shape(0, 5, 0, false), SHAPE_FILE);   /* a value */
    EXPECT_EQ(shape(1, 5, 0, false), SHAPE_DIR);    /* a value, and a child */
    EXPECT_EQ(shape(2, 0, 0, false), SHAPE_DIR);    /* it had a child */
    EXPECT_EQ(shape(-1, 0, 0, false), SHAPE_DIR);   /* a built-in parent */
    EXPECT_EQ(shape(0, 0, 0x17, true), SHAPE_FILE); /* an ephemeral never has children */
    EXPECT_EQ(shape_of(PATH("/"), &(struct zk_stat){.data_length = 3}, false), SHAPE_DIR);
}

TEST(only_a_znode_without_data_and_children_needs_a_second_look)
{
    EXPECT(shape_needs_data(PATH("/n"), &(struct zk_stat){.cversion = 0}));
    EXPECT(!shape_needs_data(PATH("/n"), &(struct zk_stat){.data_length = 1}));
    EXPECT(!shape_needs_data(PATH("/n"), &(struct zk_stat){.cversion = 2}));
    EXPECT(!shape_needs_data(PATH("/n"), &(struct zk_stat){.ephemeral_owner = 1}));
    EXPECT(!shape_needs_data(PATH("/"), &(struct zk_stat){.cversion = 0}));
}

static mode_t mode_with(enum inode_shape shape, int32_t perms, mode_t umask)
{
    struct inode inode = {.shape = shape, .perms = perms};
    struct mount_options options = {.umask = umask};
    struct stat attr;

    inode_attr(&inode, &options, &attr);
    return attr.st_mode;
}

TEST(mode_bits_come_from_the_acl)
{
    EXPECT_EQ(mode_with(SHAPE_FILE, PERM_ALL, 022), S_IFREG | 0644);
    EXPECT_EQ(mode_with(SHAPE_FILE, PERM_READ, 0), S_IFREG | 0444);
    EXPECT_EQ(mode_with(SHAPE_FILE, PERM_WRITE | PERM_ADMIN, 0), S_IFREG | 0222);
    EXPECT_EQ(mode_with(SHAPE_DIR, PERM_ALL, 022), S_IFDIR | 0755);
    EXPECT_EQ(mode_with(SHAPE_DIR, PERM_READ | PERM_WRITE, 0), S_IFDIR | 0555);
    EXPECT_EQ(mode_with(SHAPE_DIR, 0, 0), S_IFDIR | 0111);
    EXPECT_EQ(mode_with(SHAPE_CONTROL_DIR, 0, 0), S_IFDIR | 0555);
}

TEST(who_has_no_credentials_has_what_the_world_has)
{
    struct zk_acl items[] = {
        {.perms = PERM_ALL, .scheme = jute_str("digest"), .id = jute_str("bob:x")},
        {.perms = PERM_READ, .scheme = jute_str("world"), .id = jute_str("anyone")},
        {.perms = PERM_CREATE, .scheme = jute_str("ip"), .id = jute_str("10.0.0.0/8")},
    };

    EXPECT_EQ(acl_perms(&(struct zk_vec_acl){.count = 1, .items = items}), 0);
    EXPECT_EQ(acl_perms(&(struct zk_vec_acl){.count = 3, .items = items}), PERM_READ | PERM_CREATE);
    EXPECT_EQ(acl_perms(&(struct zk_vec_acl){.count = 0}), PERM_ALL);
}

TEST(two_values_of_one_millisecond_differ_in_their_mtime)
{
    struct inode inode = {.shape = SHAPE_FILE, .stat = {.mtime = 1700000000123, .version = 4}};
    struct mount_options options = {.uid = 5, .gid = 6};
    struct stat attr;

    inode_attr(&inode, &options, &attr);
    EXPECT_EQ(attr.st_mtim.tv_sec, 1700000000);
    EXPECT_EQ(attr.st_mtim.tv_nsec, 123000004);
    EXPECT_EQ(attr.st_uid, 5);
    EXPECT_EQ(attr.st_gid, 6);
    EXPECT_EQ(attr.st_blksize, 1 << 20);
}

TEST(a_time_before_1970_is_a_time)
{
    struct inode inode = {.shape = SHAPE_FILE, .stat = {.mtime = -1}};
    struct mount_options options = {.umask = 0};
    struct stat attr;

    inode_attr(&inode, &options, &attr);
    EXPECT_EQ(attr.st_mtim.tv_sec, -1);
    EXPECT_EQ(attr.st_mtim.tv_nsec, 999000000);
}
