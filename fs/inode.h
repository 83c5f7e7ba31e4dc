/* inode: the table of the files that the kernel knows, or that are open. A znode's identity is
 * (path, czxid, shape): one made again at the same path, or one that turns from file to
 * directory, is another file with another number, while a changed value keeps it. Single
 * threaded; knows neither FUSE nor the server. */
#ifndef ZKFS_FS_INODE_H
#define ZKFS_FS_INODE_H

#include "fs/mount_options.h"
#include "proto/base/hmap.h"
#include "proto/base/list.h"
#include "proto/records.h"
#include "proto/types.h"

#include <sys/stat.h>

enum inode_shape {
    SHAPE_DIR,
    SHAPE_FILE,
    SHAPE_CONTROL_DIR,  /* D/.zk of the directory D whose path it has */
    SHAPE_CONTROL_DATA, /* D/.zk/data */
};

/* The czxid of a file that has been opened but is not made yet (commit_rule.h). */
#define CZXID_PENDING (-1)

#define INODE_ROOT 1u
/* In the numbers of everything below a control directory. */
#define INODE_CONTROL_BIT (UINT64_C(1) << 63)

struct inode {
    struct hmap_node by_id, by_key; /* by_key only when `keyed` */
    bool keyed;
    uint64_t nodeid; /* for the kernel, never reused */
    uint64_t ino;    /* st_ino: the same on every mount and after every restart */
    enum inode_shape shape;
    zk_zxid czxid;
    uint64_t nlookup; /* the kernel's references */
    uint32_t refs;    /* those of handles and calls */
    /* As last seen; what an open file shows when its znode has gone. */
    struct zk_stat stat;
    int32_t perms;       /* that this session has, as far as the ACL tells: PERM_* */
    struct list handles; /* of open files: handle.h */
    uint32_t unmade;     /* handles that are still to make the znode */
    struct list waiting; /* calls that go on when `unmade` is 0: ops_call.h */
    uint32_t path_len;
    char path[]; /* of the znode; for control files that of their directory */
};

struct inode_table {
    struct hmap by_id, by_key;
    uint64_t next_id;
};

void inode_table_init(struct inode_table *table);
/* Frees all inodes, whatever refers to them. */
void inode_table_done(struct inode_table *table);

/* The inode with this identity, made when there is none; one reference more (refs), to be given
 * back with inode_unref. The root directory "/" always gets INODE_ROOT. */
struct inode *inode_get(struct inode_table *table, struct jute_bytes path, zk_zxid czxid,
                        enum inode_shape shape);

/* The same if it is there; no reference, NULL else. */
struct inode *inode_find(struct inode_table *table, struct jute_bytes path, zk_zxid czxid,
                         enum inode_shape shape);

/* By the kernel's number, which it has from us; no reference. NULL for the root before it is made.
 */
struct inode *inode_by_id(struct inode_table *table, uint64_t nodeid);

static inline struct inode *inode_ref(struct inode *inode)
{
    inode->refs++;
    return inode;
}

/* One reference less; frees the inode when nobody, the kernel neither, refers to it. NULL is
 * accepted. */
void inode_unref(struct inode_table *table, struct inode *inode);

/* The kernel forgets COUNT of its references. */
void inode_forget(struct inode_table *table, struct inode *inode, uint64_t count);

/* The pending INODE has become a znode. It keeps its numbers; when the kernel already knows the
 * same znode under others, INODE stays for those who have it open and is not found any more. */
void inode_made(struct inode_table *table, struct inode *inode, const struct zk_stat *stat);

static inline bool inode_is_pending(const struct inode *inode)
{
    return inode->czxid == CZXID_PENDING;
}

static inline struct jute_bytes inode_path(const struct inode *inode)
{
    return (struct jute_bytes){.data = (const uint8_t *)inode->path,
                               .len = (int32_t)inode->path_len};
}

static inline bool inode_is_control(const struct inode *inode)
{
    return inode->shape == SHAPE_CONTROL_DIR || inode->shape == SHAPE_CONTROL_DATA;
}

/* What the mapping says for a znode: a directory when it has or had a child, or when it is
 * persistent and its data is empty, but not null; the root always. EMPTY (length 0, not null)
 * is asked for only when shape_needs_data says so. */
bool shape_needs_data(struct jute_bytes path, const struct zk_stat *stat);
enum inode_shape shape_of(struct jute_bytes path, const struct zk_stat *stat, bool empty);

/* The permissions that ACL gives to a session without credentials: those of world, and those of
 * ip, whose address a client cannot compare: the server has the last word. */
int32_t acl_perms(const struct zk_vec_acl *acl);

/* What stat(2) shows: mode from `perms`, size and times from `stat`, owner and umask from OPTIONS.
 */
void inode_attr(const struct inode *inode, const struct mount_options *options,
                struct stat *ret_attr);

#endif
