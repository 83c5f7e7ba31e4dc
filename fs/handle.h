/* handle: one open file description: the version that its reads see, and what it has written.
 *
 * Reads: a handle pins one version of the value. A READ at offset 0, and the first READ after
 * end of file was told, take the newest; any other continues the pinned one, so that no reader
 * gets the head of one value and the tail of another.
 *
 * Writes: `content` is the file as this handle's writes leave it, or, of an O_APPEND handle, the
 * bytes to append. commit_rule.h says when it goes to the server; ops_commit.c brings it there,
 * one commit at a time: while `busy`, further requests wait in `queue`.
 *
 * Single threaded; knows neither FUSE nor the server. */
#ifndef ZKFS_FS_HANDLE_H
#define ZKFS_FS_HANDLE_H

#include "fs/commit_rule.h"
#include "fs/inode.h"
#include "fs/timeouts.h"
#include "proto/base/blob.h"

/* How content becomes the new value. */
enum handle_kind {
    HANDLE_WHOLE,  /* it is the new value: the file was new, or truncated */
    HANDLE_EDIT,   /* it is an edited copy of `pinned`: commits only over that version */
    HANDLE_APPEND, /* it goes behind the newest value */
};

struct handle {
    struct list of_inode;
    struct inode *inode; /* a reference */
    int32_t opener;      /* thread that opened it; 0: not in our pid namespace */
    bool writable;
    bool truncates; /* O_TRUNC: what is there when the znode is to be made does not count */
    bool counted;   /* in the inode's `unmade` */

    struct blob *pinned; /* NULL: none yet */
    struct zk_stat pinned_stat;
    bool eof_told;

    enum handle_kind kind;
    struct commit_rule rule;
    struct buf content;
    bool loaded;        /* EDIT: content is there */
    int torn_errno;     /* WHOLE: why the head of the value was dropped; its tail is no value */
    int deferred_errno; /* of a commit that nobody waited for; for the next who asks */
    struct blob *acl;   /* of the znode to be made: an encoded vector; NULL for the default */
    bool busy;
    struct list queue;
    struct timeout grace, quiet;
};

/* What came before the handle. */
enum handle_origin {
    HANDLE_OPENED,  /* the file was there */
    HANDLE_PENDING, /* it is still to be made, by this handle; counted in the inode's `unmade` */
    HANDLE_MADE,    /* it was just made, empty */
};

/* FLAGS as of open(2). Shares INODE. Gives a handle, to be ended with handle_free(). */
struct handle *handle_new(struct inode *inode, int flags, enum handle_origin origin,
                          enum commit_mode mode, int32_t opener);
/* Not while busy. Gives the inode reference back to TABLE. */
void handle_free(struct handle *handle, struct inode_table *table);

/* Whether a READ is answered from what this handle has written, as it is not committed yet. */
bool handle_reads_own(const struct handle *handle);

/* Whether a READ at OFFSET must have the newest version first. */
bool handle_wants_newest(const struct handle *handle, uint64_t offset);

/* Takes over a reference to DATA as the pinned version. */
void handle_pin(struct handle *handle, struct blob *data, const struct zk_stat *stat);

/* The bytes that a READ gets; notes that end of file was told. Borrowed until the next call. */
struct jute_bytes handle_read(struct handle *handle, uint64_t offset, size_t size);

/* An EDIT handle takes its pinned version as content; once, before the first change. */
void handle_load(struct handle *handle);

/* Whether the file is empty as this handle sees it. */
bool handle_is_empty(const struct handle *handle);

/* Writes into content: over a hole come zeros; an O_APPEND handle ignores OFFSET. */
void handle_write(struct handle *handle, uint64_t offset, const void *data, size_t size);
void handle_truncate(struct handle *handle, uint64_t size);

/* From now on content is the whole value, whatever the file held: ftruncate(2) to 0. */
void handle_overwrite(struct handle *handle);

/* The size after a write of SIZE bytes at OFFSET, without it. */
uint64_t handle_size_after(const struct handle *handle, uint64_t offset, size_t size);

/* What is written is void, as ERROR says. Of a whole value nothing is taken after that, before it
 * begins anew. */
void handle_drop(struct handle *handle, int error);

/* The errno for bytes at OFFSET that would continue a value whose head was dropped; else 0. */
int handle_refuses(const struct handle *handle, uint64_t offset);

/* CONTENT is on the server with STAT; an EDIT handle's next change is made to this version. */
void handle_committed(struct handle *handle, const struct zk_stat *stat);

/* Whether a handle of INODE is just making its znode, or soon will: worth waiting for. */
bool handles_settling(const struct inode *inode);

/* The size that the opener sees. */
uint64_t handle_size(const struct handle *handle);

/* The deferred error, once. */
int handle_take_error(struct handle *handle);

#endif
