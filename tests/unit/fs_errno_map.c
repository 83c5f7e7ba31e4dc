/* Every answer of a server has an errno that a program can act on. */
#include "tests/unit/test.h"

#include "fs/errno_map.h"

#include <errno.h>

TEST(each_error_of_the_protocol_has_an_errno)
{
#define X(name, number, text) EXPECT((errno_of_zk(name) == 0) == (name == ZOK));
    ZK_ERRORS(X)
#undef X
}

TEST(the_errors_that_scripts_test_for)
{
    EXPECT_EQ(errno_of_zk(ZNONODE), ENOENT);
    EXPECT_EQ(errno_of_zk(ZNODEEXISTS), EEXIST);
    EXPECT_EQ(errno_of_zk(ZNOTEMPTY), ENOTEMPTY);
    EXPECT_EQ(errno_of_zk(ZNOAUTH), EACCES);
    EXPECT_EQ(errno_of_zk(ZBADVERSION), ESTALE);
    EXPECT_EQ(errno_of_zk(ZNOCHILDRENFOREPHEMERALS), ENOTDIR);
    EXPECT_EQ(errno_of_zk(ZQUOTAEXCEEDED), EDQUOT);
    EXPECT_EQ(errno_of_zk(ZNOTREADONLY), EROFS);
    EXPECT_EQ(errno_of_zk(ZSYSTEMERROR), ENOSPC);
}

TEST(a_number_from_a_newer_server_is_an_io_error)
{
    EXPECT_EQ(errno_of_zk((enum zk_err) - 999), EIO);
}

TEST(too_long_for_the_server_is_a_file_too_big)
{
    EXPECT_EQ(errno_of_transport(-E2BIG), EFBIG);
    EXPECT_EQ(errno_of_transport(-ECONNRESET), EIO);
    EXPECT_EQ(errno_of_transport(0), 0);
}
