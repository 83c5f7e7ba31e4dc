/* zkcli_read: the commands that look. */
#include "fs/zkcli.h"

#include "fs/zkcli_walk.h"
#include "proto/acl_text.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
    const struct jute_bytes *p = a, *q = b;
    size_t p_len = jute_size(*p), q_len = jute_size(*q);
    size_t len = p_len < q_len ? p_len : q_len;
    int order = len == 0 ? 0 : memcmp(p->data, q->data, len);

    return order != 0 ? order : (p_len > q_len) - (p_len < q_len);
}

static void show_children(struct call *call, const struct client_reply *reply)
{
    const struct zk_vec_ustring *children = &reply->children;

    if (children->count > 0)
        qsort(children->items, (size_t)children->count, sizeof *children->items, compare_names);
    (void)putchar('[');
    for (int32_t i = 0; i < children->count; i++)
        printf("%s%.*s", i == 0 ? "" : ", ", (int)children->items[i].len,
               (const char *)children->items[i].data);
    (void)puts("]");
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
    struct jute_bytes path = cli_path(call.path);

    if (path.len < 0)
        return EXIT_FAILURE;
    if (args->flags['R'])
        return list_recursively(cli, call.path);
    (void)client_get_children(cli->client, path, args->flags['w'], CALL(&call));
    cli_wait(cli);
    return call.status;
}

static void show_data(struct call *call, const struct client_reply *reply)
{
    if (reply->data.len < 0)
        printf("null");
    else
        (void)fwrite(reply->data.data, 1, jute_size(reply->data), stdout); /* checked at exit */
    (void)putchar('\n');
    if (call->args->flags['s'])
        cli_print_stat(&reply->stat);
}

int cli_get(struct cli *cli, const struct args *args)
{
    struct call call = {.cli = cli, .path = args->operands[0], .args = args, .on_ok = show_data};
    struct jute_bytes path = cli_path(call.path);

    if (path.len < 0)
        return EXIT_FAILURE;
    (void)client_get_data(cli->client, path, args->flags['w'], CALL(&call));
    cli_wait(cli);
    return call.status;
}

static void show_reply_stat(struct call *call, const struct client_reply *reply)
{
    (void)call;
    cli_print_stat(&reply->stat);
}

int cli_stat(struct cli *cli, const struct args *args)
{
    struct call call = {.cli = cli, .path = args->operands[0], .on_ok = show_reply_stat};
    struct jute_bytes path = cli_path(call.path);

    if (path.len < 0)
        return EXIT_FAILURE;
    (void)client_exists(cli->client, path, args->flags['w'], CALL(&call));
    cli_wait(cli);
    return call.status;
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
    struct jute_bytes path = cli_path(call.path);

    if (path.len < 0)
        return EXIT_FAILURE;
    (void)client_get_acl(cli->client, path, CALL(&call));
    cli_wait(cli);
    return call.status;
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
    struct jute_bytes path = cli_path(call.path);

    if (path.len < 0)
        return EXIT_FAILURE;
    (void)client_sync(cli->client, path, CALL(&call));
    cli_wait(cli);
    return call.status;
}
