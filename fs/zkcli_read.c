/* zkcli_read: the commands that look. */
#include "fs/zkcli.h"

#include "fs/zkcli_format.h"
#include "fs/zkcli_walk.h"
#include "proto/acl_text.h"
#include "proto/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request of the session library that takes a path; one that leaves a watch if asked. */
typedef struct client_request *(*path_request)(struct client *client, struct jute_bytes path,
                                               client_reply_cb cb, void *arg);
typedef struct client_request *(*look_request)(struct client *client, struct jute_bytes path,
                                               bool watch, client_reply_cb cb, void *arg);

static int ask(struct call *call, path_request request)
{
    struct jute_bytes path = cli_path(call->path);

    if (path.len < 0)
        return EXIT_FAILURE;
    (void)request(call->cli->client, path, CALL(call));
    cli_wait(call->cli);
    return call->status;
}

static int look(struct call *call, look_request request)
{
    struct jute_bytes path = cli_path(call->path);

    if (path.len < 0)
        return EXIT_FAILURE;
    (void)request(call->cli->client, path, call->args->flags['w'], CALL(call));
    cli_wait(call->cli);
    return call->status;
}

static int compare_names(const void *a, const void *b)
{
    const struct jute_bytes *p = a, *q = b;
    size_t p_len = jute_size(*p), q_len = jute_size(*q);
    size_t len = p_len < q_len ? p_len : q_len;
    int order = len == 0 ? 0 : memcmp(p->data, q->data, len);

    return order != 0 ? order : (p_len > q_len) - (p_len < q_len);
}

static void print_sorted(const struct zk_vec_ustring *children)
{
    if (children->count > 0)
        qsort(children->items, (size_t)children->count, sizeof *children->items, compare_names);
    (void)putchar('[');
    for (int32_t i = 0; i < children->count; i++)
        printf("%s%.*s", i == 0 ? "" : ", ", (int)children->items[i].len,
               (const char *)children->items[i].data);
    (void)puts("]");
}

static void show_children(struct call *call, const struct client_reply *reply)
{
    print_sorted(&reply->children);
    if (call->args->flags['s'])
        cli_print_stat(&reply->stat);
}

static int list_recursively(struct cli *cli, const char *path)
{
    struct walk walk;
    int status = walk_subtree(cli, path, &walk);

    if (status == EXIT_SUCCESS) {
        for (size_t i = 0; i < walk.count; i++)
            (void)puts(walk.paths[i]);
    }
    walk_done(&walk);
    return status;
}

int cli_ls(struct cli *cli, const struct args *args)
{
    struct call call = {
        .cli = cli, .path = args->operands[0], .args = args, .on_ok = show_children};

    if (!args->flags['R'])
        return look(&call, client_get_children);
    return cli_path(call.path).len < 0 ? EXIT_FAILURE : list_recursively(cli, call.path);
}

static void show_data(struct call *call, const struct client_reply *reply)
{
    struct buf text = {0};

    if (reply->data.len < 0)
        buf_printf(&text, "null");
    else if (call->args->flags['b'])
        base64_put(&text, reply->data);
    else if (call->args->flags['x'])
        hexdump_put(&text, reply->data);
    else
        buf_append(&text, reply->data.data, jute_size(reply->data));
    buf_append(&text, "\n", 1);
    (void)fwrite(text.data, 1, text.len, stdout); /* checked at exit */
    buf_done(&text);
    if (call->args->flags['s'])
        cli_print_stat(&reply->stat);
}

int cli_get(struct cli *cli, const struct args *args)
{
    struct call call = {.cli = cli, .path = args->operands[0], .args = args, .on_ok = show_data};

    if (args->flags['b'] && args->flags['x'])
        return cli_say("-b and -x exclude each other");
    return look(&call, client_get_data);
}

static void show_reply_stat(struct call *call, const struct client_reply *reply)
{
    (void)call;
    cli_print_stat(&reply->stat);
}

int cli_stat(struct cli *cli, const struct args *args)
{
    struct call call = {
        .cli = cli, .path = args->operands[0], .args = args, .on_ok = show_reply_stat};

    return look(&call, client_exists);
}

static void show_acl(struct call *call, const struct client_reply *reply)
{
    struct buf text = {0};

    for (int32_t i = 0; i < reply->acl.count; i++) {
        const struct zk_acl *acl = &reply->acl.items[i];

        buf_printf(&text, "'%.*s,'%.*s\n: ", (int)jute_size(acl->scheme),
                   (const char *)acl->scheme.data, (int)jute_size(acl->id),
                   (const char *)acl->id.data);
        acl_text_put_perms(&text, acl->perms);
        buf_append(&text, "\n", 1);
    }
    (void)fputs(buf_cstr(&text), stdout); /* checked at exit */
    buf_done(&text);
    if (call->args->flags['s'])
        cli_print_stat(&reply->stat);
}

int cli_get_acl(struct cli *cli, const struct args *args)
{
    struct call call = {.cli = cli, .path = args->operands[0], .args = args, .on_ok = show_acl};

    return ask(&call, client_get_acl);
}

static void show_synced(struct call *call, const struct client_reply *reply)
{
    (void)call;
    (void)reply;
    (void)puts("Sync is OK");
}

int cli_sync(struct cli *cli, const struct args *args)
{
    struct call call = {.cli = cli, .path = args->operands[0], .on_ok = show_synced};

    return ask(&call, client_sync);
}

static void show_ephemerals(struct call *call, const struct client_reply *reply)
{
    (void)call;
    print_sorted(&reply->children);
}

int cli_get_ephemerals(struct cli *cli, const struct args *args)
{
    struct call call = {
        .cli = cli, .path = args->count > 0 ? args->operands[0] : "/", .on_ok = show_ephemerals};

    return ask(&call, client_get_ephemerals);
}

static void show_number(struct call *call, const struct client_reply *reply)
{
    (void)call;
    printf("%" PRId32 "\n", reply->number);
}

int cli_get_all_children_number(struct cli *cli, const struct args *args)
{
    struct call call = {.cli = cli, .path = args->operands[0], .on_ok = show_number};

    return ask(&call, client_get_all_children_number);
}

static void show_identities(struct call *call, const struct client_reply *reply)
{
    (void)call;
    (void)puts("Auth scheme: User");
    for (int32_t i = 0; i < reply->identities.count; i++) {
        const struct zk_client_info *info = &reply->identities.items[i];

        printf("%.*s: %.*s\n", (int)jute_size(info->auth_scheme),
               (const char *)info->auth_scheme.data, (int)jute_size(info->user),
               (const char *)info->user.data);
    }
}

int cli_who_am_i(struct cli *cli, const struct args *args)
{
    struct call call = {.cli = cli, .on_ok = show_identities};

    (void)args;
    (void)client_who_am_i(cli->client, CALL(&call));
    cli_wait(cli);
    return call.status;
}
