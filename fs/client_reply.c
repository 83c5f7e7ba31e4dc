/* client_reply: the bodies of replies. Strings point into the frame, vectors lie in
 * the client's arena; both end with the callback. */
#include "fs/client_impl.h"

#include "proto/multi.h"

/* The results of a multi end with a header that says so [MultiResponse]. A create2
 * comes back as create, without Stat, from servers before 3.10. */
static void decode_result(struct client *client, int32_t type, struct jute_reader *r,
                          struct client_result *ret_result)
{
    struct zk_error_response failure;

    switch (type) {
    case OP_CREATE:
        get_ustring(r, &ret_result->path);
        break;
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        get_ustring(r, &ret_result->path);
        get_stat(r, &ret_result->stat);
        ret_result->has_stat = true;
        break;
    case OP_SET_DATA:
        get_stat(r, &ret_result->stat);
        ret_result->has_stat = true;
        break;
    case OP_DELETE:
    case OP_CHECK:
        break;
    case OP_ERROR:
        get_error_response(r, &failure);
        ret_result->err = failure.err;
        break;
    default:
        r->bad = true;
    }
    ret_result->path = client_user_path(client, ret_result->path);
}

static void decode_multi(struct client *client, struct jute_reader *r,
                         struct client_reply *ret_reply)
{
    /* A result takes 9 bytes at least, so the frame's length bounds the array. */
    size_t max = jute_left(r) / 9;
    int32_t type;

    ret_reply->results = arena_alloc(r->arena, (max + 1) * sizeof *ret_reply->results);
    while (multi_next(r, &type)) {
        struct client_result *result = &ret_reply->results[ret_reply->result_count];

        *result = (struct client_result){.path = JUTE_NULL};
        decode_result(client, type, r, result);
        if (r->bad)
            return;
        if (ret_reply->err == ZOK)
            ret_reply->err = result->err;
        ret_reply->result_count++;
    }
}

/* Paths of ephemerals come as the server knows them. */
static void strip_chroot(const struct client *client, struct zk_vec_ustring *paths)
{
    for (int32_t i = 0; i < paths->count; i++)
        paths->items[i] = client_user_path(client, paths->items[i]);
}

bool reply_decode(struct client *client, int32_t op, struct jute_reader *r,
                  struct client_reply *ret_reply)
{
    switch (op) {
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        get_ustring(r, &ret_reply->path);
        get_stat(r, &ret_reply->stat);
        break;
    case OP_SYNC:
        get_ustring(r, &ret_reply->path);
        break;
    case OP_EXISTS:
    case OP_SET_DATA:
    case OP_SET_ACL:
        get_stat(r, &ret_reply->stat);
        break;
    case OP_GET_DATA:
    case OP_RECONFIG:
        get_buffer(r, &ret_reply->data);
        get_stat(r, &ret_reply->stat);
        break;
    case OP_GET_ACL:
        get_vec_acl(r, &ret_reply->acl);
        get_stat(r, &ret_reply->stat);
        break;
    case OP_GET_CHILDREN2:
        get_vec_ustring(r, &ret_reply->children);
        get_stat(r, &ret_reply->stat);
        break;
    case OP_GET_EPHEMERALS:
        get_vec_ustring(r, &ret_reply->children);
        if (!r->bad)
            strip_chroot(client, &ret_reply->children);
        break;
    case OP_GET_ALL_CHILDREN_NUMBER:
        get_i32(r, &ret_reply->number);
        break;
    case OP_WHO_AM_I:
        get_vec_client_info(r, &ret_reply->identities);
        break;
    case OP_MULTI:
        decode_multi(client, r, ret_reply);
        break;
    default: /* a header alone */
        break;
    }
    ret_reply->path = client_user_path(client, ret_reply->path);
    return !r->bad;
}
