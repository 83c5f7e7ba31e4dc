/* ops_call: see ops_call.h. */
#define FUSE_USE_VERSION 314
#include "fs/ops_call.h"

#include "fs/errno_map.h"
#include "proto/base/assert.h"
#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>

/* Never ends the call at once: libfuse may call this in the middle of a step. */
static void on_interrupt(fuse_req_t req, void *arg)
{
    struct call *call = arg;
    struct mount *mount = call->mount;
    bool answer_is_near = call->request != NULL && mount->client_state == CLIENT_CONNECTED;

    (void)req;
    timeout_start(answer_is_near ? &mount->interrupts : &mount->aborts, &call->interrupt);
}

struct call *call_new(struct mount *mount, struct fuse_req *req, struct inode *inode)
{
    struct call *call = xcalloc(1, sizeof *call);

    call->mount = mount;
    call->req = req;
    call->inode = inode_ref(inode);
    list_init(&call->queue);
    timeout_init(&call->interrupt);
    list_push_back(&mount->calls, &call->link);
    if (req != NULL)
        fuse_req_interrupt_func(req, on_interrupt, call);
    return call;
}

void call_free(struct call *call)
{
    struct mount *mount = call->mount;

    ASSERT(call->request == NULL);
    timeout_stop(&call->interrupt);
    list_remove(&call->queue);
    list_remove(&call->link);
    inode_unref(&mount->inodes, call->inode);
    buf_done(&call->path);
    buf_done(&call->text);
    blob_unref(call->bytes);
    blob_unref(call->found.acl);
    blob_unref(call->payload);
    free(call);
    if (mount->on_idle != NULL && list_empty(&mount->calls))
        mount->on_idle(mount);
}

void call_error(struct call *call, int error)
{
    /* The kernel has given up a request that it does not know any more: nothing to do then. */
    if (call->req != NULL)
        (void)fuse_reply_err(call->req, error);
    call_free(call);
}

int call_errno(const struct client_reply *reply)
{
    return reply->rc != 0 ? errno_of_transport(reply->rc) : errno_of_zk(reply->err);
}

static void send_held(struct call *call)
{
    call->client = call->mount->client;
    call->zxid_before = mount_zxid(call->mount);
    call->send(call);
    ASSERT(call->request != NULL);
}

/* As many as the client has room for, oldest first. The rest waits for the next call that ends or
 * begins: there is one, as a client without requests has room. */
static void release_held(struct mount *mount)
{
    while (!list_empty(&mount->held) && client_has_room(mount->client))
        (void)call_resume_first(&mount->held);
}

void call_send(struct call *call, enum call_effect effect, void (*send)(struct call *call),
               void (*done)(struct call *call, const struct client_reply *reply))
{
    call->effect = effect;
    call->send = send;
    call->done = done;
    call_enqueue(call, &call->mount->held, send_held);
    release_held(call->mount);
}

void call_on_reply(void *arg, const struct client_reply *reply)
{
    struct call *call = arg;
    struct mount *mount = call->mount;

    call->request = NULL;
    if (reply->rc == -ESTALE && (!reply->was_sent || call->effect == CALL_READS))
        call_send(call, call->effect, call->send, call->done);
    else
        call->done(call, reply);
    release_held(mount);
}

/* The caller shall not wait any longer. */
static void abort_call(struct call *call)
{
    bool unsent = true;
    int error = EINTR;

    timeout_stop(&call->interrupt);
    list_remove(&call->queue);
    if (call->request != NULL)
        unsent = client_cancel(call->client, call->request);
    call->request = NULL;
    if (call->outcome_unknown || (!unsent && call->effect == CALL_WRITES)) {
        log_warn("mount: outcome unknown: path=\"%s\" cause=\"interrupted before the server "
                 "answered\"; the caller gets EIO",
                 buf_cstr(&call->path));
        error = EIO;
    }
    if (call->on_abort != NULL)
        call->on_abort(call, error);
    else
        call_error(call, error);
}

static void on_interrupt_timeout(void *arg, struct timeout *timeout)
{
    (void)arg;
    struct call *call = CONTAINER_OF(timeout, struct call, interrupt);
    struct mount *mount = call->mount;

    abort_call(call);
    release_held(mount);
}

void call_connection_lost(struct mount *mount)
{
    while (!list_empty(&mount->interrupts.waiting)) {
        struct timeout *first = CONTAINER_OF(mount->interrupts.waiting.next, struct timeout, link);

        timeout_start(&mount->aborts, first);
    }
    LIST_FOR_SAFE(it, &mount->calls)
    {
        struct call *call = CONTAINER_OF(it, struct call, link);

        if (call->on_offline == NULL || (call->request == NULL && list_empty(&call->queue)))
            continue;
        if (call->request != NULL)
            (void)client_cancel(call->client, call->request); /* reads only: nothing to undo */
        call->request = NULL;
        list_remove(&call->queue);
        call->on_offline(call);
    }
    release_held(mount);
}

void call_enqueue(struct call *call, struct list *queue, void (*resume)(struct call *call))
{
    call->resume = resume;
    list_push_back(queue, &call->queue);
}

bool call_resume_first(struct list *queue)
{
    struct list *first = list_pop_front(queue);
    struct call *call;

    if (first == NULL)
        return false;
    call = CONTAINER_OF(first, struct call, queue);
    call->resume(call);
    return true;
}

void call_set_path(struct call *call, const struct inode *dir, const char *name)
{
    call->path.len = 0;
    buf_append(&call->path, dir->path, dir->path_len);
    if (name != NULL) {
        if (dir->path_len > 1)
            buf_append(&call->path, "/", 1);
        buf_append(&call->path, name, strlen(name));
    }
}

void call_queues_init(struct mount *mount)
{
    list_init(&mount->calls);
    list_init(&mount->held);
    timeout_queue_init(&mount->interrupts, mount->loop, MOUNT_INTERRUPT_MS, on_interrupt_timeout,
                       mount);
    timeout_queue_init(&mount->aborts, mount->loop, 0, on_interrupt_timeout, mount);
}
