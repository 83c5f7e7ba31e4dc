/* ops_handle: one thing at a time on each handle, and what happens to handles by themselves: a file
 * that was opened but not written is made, empty; what was written and left is committed. */
#define FUSE_USE_VERSION 314
#include "fs/ops.h"

#include "proto/base/assert.h"
#include "proto/base/log.h"

#include <errno.h>
#include <string.h>

bool handle_enter(struct call *call, void (*resume)(struct call *call))
{
    if (call->handle->busy) {
        call_enqueue(call, &call->handle->queue, resume);
        return false;
    }
    call->handle->busy = true;
    return true;
}

/* The next one leaves in its turn; or it is the RELEASE, and HANDLE is no more. */
void handle_leave(struct handle *handle)
{
    ASSERT(handle->busy);
    handle->busy = false;
    (void)call_resume_first(&handle->queue); /* false: nobody waits */
}

static void wake_waiting(struct mount *mount, struct inode *inode)
{
    inode_ref(inode);
    while (call_resume_first(&inode->waiting))
        ;
    inode_unref(&mount->inodes, inode);
}

void handle_settled(struct mount *mount, struct handle *handle)
{
    struct inode *inode = handle->inode;

    if (handle->counted && !(handle->rule.makes && handle->rule.owes)) {
        handle->counted = false;
        inode->unmade--;
    }
    if (inode->unmade == 0 || !inode_is_pending(inode))
        wake_waiting(mount, inode);
}

void handle_abandon(struct mount *mount, struct handle *handle)
{
    commit_rule_failed(&handle->rule);
    handle_settled(mount, handle);
    handle_free(handle, &mount->inodes);
}

/* ------------------------------------------------------------------ commits that nobody waits for
 */

static void on_committed_alone(struct call *call, int error)
{
    struct handle *handle = call->handle;

    if (error != 0) {
        handle->deferred_errno = error;
        log_warn("mount: commit of a file that is still open failed: path=\"%s\" cause=\"%s\"; "
                 "its writer is told at the next write or close",
                 buf_cstr(&call->path), strerror(error));
        handle_settled(call->mount, handle); /* so that who waits for it can tell of it */
    }
    handle_leave(handle);
    call_free(call);
}

static void commit_alone(struct mount *mount, struct handle *handle)
{
    struct call *call = call_new(mount, NULL, handle->inode);

    call->handle = handle;
    handle->busy = true;
    commit(call, on_committed_alone);
}

static void settle(struct mount *mount, struct handle *handle)
{
    if (!handle->busy && commit_rule_settle(&handle->rule) == COMMIT_NOW)
        commit_alone(mount, handle);
}

void handles_settle(struct mount *mount, struct inode *inode)
{
    inode_ref(inode);
    LIST_FOR_SAFE(it, &inode->handles)
    {
        settle(mount, CONTAINER_OF(it, struct handle, of_inode));
    }
    if (!handles_settling(inode))
        wake_waiting(mount, inode); /* being written: it is made with its data */
    inode_unref(&mount->inodes, inode);
}

bool handles_unlink(struct mount *mount, struct inode *inode)
{
    LIST_FOR(it, &inode->handles)
    {
        struct handle *handle = CONTAINER_OF(it, struct handle, of_inode);

        if (handle->counted && !handle->busy) {
            timeout_stop(&handle->grace);
            timeout_stop(&handle->quiet);
            handle_drop(handle, ENOENT);
            handle_settled(mount, handle);
        }
    }
    return inode->unmade == 0;
}

void handles_on_grace(void *arg, struct timeout *timeout)
{
    handles_settle(arg, CONTAINER_OF(timeout, struct handle, grace)->inode);
}

void handles_on_quiet(void *arg, struct timeout *timeout)
{
    struct mount *mount = arg;
    struct handle *handle = CONTAINER_OF(timeout, struct handle, quiet);

    if (handle->busy)
        timeout_start(&mount->quiet, timeout);
    else if (commit_rule_quiet(&handle->rule) == COMMIT_NOW)
        commit_alone(mount, handle);
}
