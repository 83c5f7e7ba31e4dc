/* zkcli_write: the commands that change something. */
#include "fs/zkcli.h"

#include "fs/zkcli_format.h"
#include "fs/zkcli_walk.h"
#include "proto/acl_text.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of -v, or "any". */
static int version_arg(const struct args *args, int32_t *ret_version)
{
    struct errtext why;

    *ret_version = ANY_VERSION;
    if (args->values['v'] != NULL && args_i32(args->values['v'], ret_version, &why) < 0)
        return cli_say("%s", why.text);
    return EXIT_SUCCESS;
}

static int acl_arg(const char *text, struct arena *arena, struct zk_vec_acl *ret_acl)
{
    struct errtext why;

    if (acl_text_parse(text, strlen(text), arena, ret_acl, &why) < 0)
        return cli_say("%s", why.text);
    return EXIT_SUCCESS;
}

static void print_stat_if_asked(struct call *call, const struct client_reply *reply)
{
    if (call->args->flags['s'])
        cli_print_stat(&reply->stat);
}

/* ---- create */

static int create_mode_arg(const struct args *args, enum create_mode *ret_mode, int64_t *ret_ttl_ms)
{
    bool sequential = args->flags['s'], ephemeral = args->flags['e'];
    struct errtext why;

    if (args->flags['c'] && (sequential || ephemeral))
        return cli_say("-c cannot be combined with -s or -e. Containers cannot be ephemeral or "
                       "sequential.");
    if (args->flags['t'] && (ephemeral || args->flags['c']))
        return cli_say("TTLs cannot be used with %s znodes", ephemeral ? "Ephemeral" : "Container");
    *ret_ttl_ms = 0;
    *ret_mode = ephemeral ? (sequential ? CREATE_EPHEMERAL_SEQUENTIAL : CREATE_EPHEMERAL)
                          : (sequential ? CREATE_PERSISTENT_SEQUENTIAL : CREATE_PERSISTENT);
    if (args->flags['c'])
        *ret_mode = CREATE_CONTAINER;
    if (!args->flags['t'])
        return EXIT_SUCCESS;
    *ret_mode = sequential ? CREATE_PERSISTENT_SEQUENTIAL_TTL : CREATE_PERSISTENT_TTL;
    return args_i64(args->values['t'], ret_ttl_ms, &why) < 0
               ? cli_say("-t argument must be a long value")
               : EXIT_SUCCESS;
}

static void print_created(struct call *call, const struct client_reply *reply)
{
    (void)call;
    (void)cli_say("Created %.*s", (int)jute_size(reply->path), (const char *)reply->path.data);
}

int cli_create(struct cli *cli, const struct args *args)
{
    struct call call = {.cli = cli, .path = args->operands[0], .on_ok = print_created};
    struct jute_bytes path = jute_str(call.path);
    struct jute_bytes data = args->count > 1 ? jute_str(args->operands[1]) : JUTE_NULL;
    struct zk_vec_acl acl;
    struct arena arena = {0};
    enum create_mode mode = CREATE_PERSISTENT;
    int64_t ttl_ms;
    int status = create_mode_arg(args, &mode, &ttl_ms);

    /* A sequential name is complete only at the server: "/s/" is fine there. */
    if (status == EXIT_SUCCESS && !args->flags['s'] && cli_path(call.path).len < 0)
        status = EXIT_FAILURE;
    if (status == EXIT_SUCCESS && args->count > 2)
        status = acl_arg(args->operands[2], &arena, &acl);
    if (status == EXIT_SUCCESS) {
        (void)client_create(cli->client, path, data, args->count > 2 ? &acl : NULL, mode, ttl_ms,
                            CALL(&call));
        cli_wait(cli);
        status = call.status;
    }
    arena_done(&arena);
    return status;
}

/* ---- set, delete, setAcl */

int cli_set(struct cli *cli, const struct args *args)
{
    struct call call = {
        .cli = cli, .path = args->operands[0], .args = args, .on_ok = print_stat_if_asked};
    struct jute_bytes path = cli_path(call.path), data = jute_str(args->operands[1]);
    struct buf bytes = {0};
    struct errtext why;
    int32_t version;

    if (path.len < 0 || version_arg(args, &version) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    if (args->flags['b']) {
        if (base64_decode(&bytes, args->operands[1], &why) < 0)
            call.status = cli_say("%s", why.text);
        data = (struct jute_bytes){.data = bytes.data, .len = (int32_t)bytes.len};
    }
    if (call.status == EXIT_SUCCESS) {
        (void)client_set_data(cli->client, path, data, version, CALL(&call));
        cli_wait(cli);
    }
    buf_done(&bytes);
    return call.status;
}

int cli_delete(struct cli *cli, const struct args *args)
{
    struct call call = {.cli = cli, .path = args->operands[0]};
    struct jute_bytes path = cli_path(call.path);
    int32_t version;

    if (path.len < 0 || version_arg(args, &version) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    (void)client_delete(cli->client, path, version, CALL(&call));
    cli_wait(cli);
    return call.status;
}

/* ---- subtrees */

/* A znode below the root of the command that is gone by now is no failure. */
static void on_deleted(void *arg, const struct client_reply *reply)
{
    struct call *call = arg;

    if (reply->rc == 0 && reply->err == ZNONODE && strcmp(call->path, call->args->operands[0]) != 0)
        call->cli->due--;
    else
        cli_on_reply(arg, reply);
}

/* How many deletes are under way at once, the value of -b. */
static int batch_arg(const struct args *args, int *ret_batch)
{
    struct errtext why;
    int32_t batch = CLI_PIPELINE;

    if (args->values['b'] != NULL && args_i32(args->values['b'], &batch, &why) < 0)
        return cli_say("-b argument must be an int value");
    if (batch <= 0)
        return cli_say("Batch size must be greater than zero");
    *ret_batch = batch;
    return EXIT_SUCCESS;
}

int cli_delete_all(struct cli *cli, const struct args *args)
{
    struct walk walk;
    struct call *calls;
    int status = EXIT_FAILURE, batch;

    if (cli_path(args->operands[0]).len < 0 || batch_arg(args, &batch) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    if (walk_subtree(cli, args->operands[0], &walk) == EXIT_SUCCESS) {
        calls = xcalloc(walk.count, sizeof *calls);
        status = EXIT_SUCCESS;
        for (size_t i = walk.count; i > 0; i--) { /* children first */
            struct call *call = &calls[i - 1];

            *call = (struct call){.cli = cli, .path = walk.paths[i - 1], .args = args};
            cli_wait_below(cli, batch - 1);
            (void)client_delete(cli->client, jute_str(call->path), ANY_VERSION, on_deleted,
                                cli_call_begin(call));
        }
        cli_wait(cli);
        for (size_t i = 0; i < walk.count; i++)
            status = calls[i].status != EXIT_SUCCESS ? EXIT_FAILURE : status;
        free(calls);
    }
    walk_done(&walk);
    return status;
}

static int set_acl_of_all(struct cli *cli, const struct args *args, const struct walk *walk,
                          const struct zk_vec_acl *acl, int32_t version)
{
    struct call *calls = xcalloc(walk->count, sizeof *calls);
    int status = EXIT_SUCCESS;

    for (size_t i = 0; i < walk->count; i++) {
        calls[i] = (struct call){
            .cli = cli, .path = walk->paths[i], .args = args, .on_ok = print_stat_if_asked};
        cli_wait_below(cli, CLI_PIPELINE);
        (void)client_set_acl(cli->client, jute_str(walk->paths[i]), acl, version, CALL(&calls[i]));
    }
    cli_wait(cli);
    for (size_t i = 0; i < walk->count; i++)
        status = calls[i].status != EXIT_SUCCESS ? EXIT_FAILURE : status;
    free(calls);
    return status;
}

int cli_set_acl(struct cli *cli, const struct args *args)
{
    const char *root = args->operands[0];
    struct walk walk = {0};
    struct zk_vec_acl acl;
    struct arena arena = {0};
    int32_t version;
    int status = EXIT_FAILURE;

    if (cli_path(root).len >= 0 && version_arg(args, &version) == EXIT_SUCCESS)
        status = acl_arg(args->operands[1], &arena, &acl);
    if (status == EXIT_SUCCESS && args->flags['R'])
        status = walk_subtree(cli, root, &walk);
    else if (status == EXIT_SUCCESS)
        walk_single(root, &walk);
    if (status == EXIT_SUCCESS)
        status = set_acl_of_all(cli, args, &walk, &acl, version);
    walk_done(&walk);
    arena_done(&arena);
    return status;
}

int cli_add_auth(struct cli *cli, const struct args *args)
{
    struct call call = {.cli = cli};

    client_add_auth(cli->client, jute_str(args->operands[0]),
                    jute_str(args->count > 1 ? args->operands[1] : ""), CALL(&call));
    cli_wait(cli);
    return call.status;
}
