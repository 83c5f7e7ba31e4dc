/* handle: see handle.h. */
#include "fs/handle.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <fcntl.h>
#include <stdlib.h>

static enum handle_kind kind_of(int flags, enum handle_origin origin)
{
    if (flags & O_APPEND)
        return HANDLE_APPEND;
    return origin == HANDLE_PENDING || flags & O_TRUNC ? HANDLE_WHOLE : HANDLE_EDIT;
}

struct handle *handle_new(struct inode *inode, int flags, enum handle_origin origin,
                          enum commit_mode mode, int32_t opener)
{
    struct handle *h = xcalloc(1, sizeof *h);

    h->inode = inode_ref(inode);
    h->opener = opener;
    h->writable = (flags & O_ACCMODE) != O_RDONLY;
    h->truncates = h->writable && flags & O_TRUNC;
    h->kind = kind_of(flags, origin);
    h->counted = origin == HANDLE_PENDING;
    inode->unmade += h->counted;
    list_push_back(&inode->handles, &h->of_inode);
    list_init(&h->queue);
    timeout_init(&h->grace);
    timeout_init(&h->quiet);
    commit_rule_init(&h->rule, mode, origin == HANDLE_PENDING,
                     h->truncates && origin == HANDLE_OPENED, h->kind == HANDLE_APPEND);
    return h;
}

void handle_free(struct handle *h, struct inode_table *table)
{
    if (h == NULL)
        return;
    ASSERT(!h->busy);
    ASSERT(list_empty(&h->queue));
    ASSERT(!h->counted);
    timeout_stop(&h->grace);
    timeout_stop(&h->quiet);
    list_remove(&h->of_inode);
    inode_unref(table, h->inode);
    blob_unref(h->pinned);
    blob_unref(h->acl);
    buf_done(&h->content);
    free(h);
}

bool handle_reads_own(const struct handle *h)
{
    return h->kind != HANDLE_APPEND && commit_rule_pending(&h->rule);
}

bool handle_wants_newest(const struct handle *h, uint64_t offset)
{
    return offset == 0 || h->pinned == NULL || h->eof_told;
}

void handle_pin(struct handle *h, struct blob *data, const struct zk_stat *stat)
{
    blob_unref(h->pinned);
    h->pinned = data;
    h->pinned_stat = *stat;
    h->eof_told = false;
}

struct jute_bytes handle_read(struct handle *h, uint64_t offset, size_t size)
{
    bool own = handle_reads_own(h);
    const uint8_t *data = own ? h->content.data : h->pinned->data;
    size_t len = own ? h->content.len : h->pinned->len;
    size_t left = offset < len ? len - offset : 0;

    if (left == 0 && !own)
        h->eof_told = true;
    return (struct jute_bytes){.data = left == 0 ? NULL : data + offset,
                               .len = (int32_t)(left < size ? left : size)};
}

void handle_load(struct handle *h)
{
    ASSERT(h->kind == HANDLE_EDIT);
    ASSERT(h->pinned != NULL);
    h->content.len = 0;
    buf_append(&h->content, h->pinned->data, h->pinned->len);
    h->loaded = true;
}

bool handle_is_empty(const struct handle *h)
{
    return h->content.len == 0;
}

void handle_overwrite(struct handle *h)
{
    if (h->kind == HANDLE_EDIT)
        h->kind = HANDLE_WHOLE;
    h->content.len = 0;
}

uint64_t handle_size_after(const struct handle *h, uint64_t offset, size_t size)
{
    uint64_t end = (h->kind == HANDLE_APPEND ? h->content.len : offset) + size;

    return end > h->content.len ? end : h->content.len;
}

/* Makes the content at least SIZE bytes long. */
static void extend_to(struct handle *h, size_t size)
{
    size_t more = size > h->content.len ? size - h->content.len : 0;

    if (more > 0)
        memset(buf_extend(&h->content, more), 0, more);
}

void handle_write(struct handle *h, uint64_t offset, const void *data, size_t size)
{
    size_t at = h->kind == HANDLE_APPEND ? h->content.len : (size_t)offset;

    ASSERT(h->kind != HANDLE_EDIT || h->loaded);
    if (size == 0)
        return;
    h->torn_errno = 0;
    extend_to(h, at + size);
    memcpy(h->content.data + at, data, size);
}

void handle_truncate(struct handle *h, uint64_t size)
{
    ASSERT(h->kind != HANDLE_EDIT || h->loaded);
    extend_to(h, (size_t)size);
    h->content.len = (size_t)size;
    h->torn_errno = 0;
}

void handle_drop(struct handle *h, int error)
{
    h->content.len = 0;
    h->loaded = false;
    h->torn_errno = h->kind == HANDLE_WHOLE ? error : 0;
    if (h->kind == HANDLE_EDIT) {
        /* The next change begins with what is there then. */
        blob_unref(h->pinned);
        h->pinned = NULL;
    }
    commit_rule_failed(&h->rule);
}

int handle_refuses(const struct handle *h, uint64_t offset)
{
    return offset > 0 ? h->torn_errno : 0;
}

void handle_committed(struct handle *h, const struct zk_stat *stat)
{
    if (h->kind == HANDLE_APPEND)
        h->content.len = 0;
    /* Only O_TRUNC says that whatever others write in the meantime does not count. */
    if (h->kind == HANDLE_WHOLE && !h->truncates) {
        h->kind = HANDLE_EDIT;
        h->loaded = true;
    }
    if (h->kind == HANDLE_EDIT)
        handle_pin(h, blob_copy(h->content.data, h->content.len), stat);
    commit_rule_committed(&h->rule);
}

bool handles_settling(const struct inode *inode)
{
    LIST_FOR(it, &inode->handles)
    {
        const struct handle *h = CONTAINER_OF(it, struct handle, of_inode);

        if (h->counted && (h->busy || timeout_waits(&h->grace)))
            return true;
    }
    return false;
}

uint64_t handle_size(const struct handle *h)
{
    if (h->kind == HANDLE_APPEND)
        return (uint64_t)h->inode->stat.data_length + h->content.len;
    return h->content.len;
}

int handle_take_error(struct handle *h)
{
    int error = h->deferred_errno;

    h->deferred_errno = 0;
    return error;
}
