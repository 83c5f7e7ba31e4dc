/* zkcli_call: requests of commands, and what their failures are called. */
#include "fs/zkcli.h"

#include "proto/base/assert.h"
#include "proto/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* CliWrapperException's words, for the errors that have some. */
static const char *failure_words(enum zk_err err)
{
    switch (err) {
    case ZNONODE:
        return "Node does not exist: ";
    case ZNODEEXISTS:
        return "Node already exists: ";
    case ZNOTEMPTY:
        return "Node not empty: ";
    case ZNOAUTH:
        return "Insufficient permission : ";
    case ZBADVERSION:
        return "version No is not valid : ";
    case ZINVALIDACL:
        return "Acl is not valid : ";
    case ZNOCHILDRENFOREPHEMERALS:
        return "Ephemerals cannot have children: ";
    case ZQUOTAEXCEEDED:
        return "Quota has exceeded : ";
    default:
        return NULL;
    }
}

static void say_no_answer(int rc, const char *path)
{
    switch (rc) {
    case -ECONNRESET:
        (void)fprintf(stderr, "Connection lost, whether it was done is unknown: %s\n", path);
        break;
    case -ESTALE:
        (void)fprintf(stderr, "Session expired: %s\n", path);
        break;
    case -E2BIG:
        (void)fprintf(stderr, "Longer than the servers take (1 MiB): %s\n", path);
        break;
    case -EMSGSIZE:
        (void)fprintf(stderr, "The answer is too long: %s\n", path);
        break;
    default:
        (void)fprintf(stderr, "No answer (%s): %s\n", uv_strerror(rc), path);
    }
}

void cli_say_failure(const struct client_reply *reply, const char *path)
{
    const char *words = failure_words(reply->err);

    if (reply->rc != 0)
        say_no_answer(reply->rc, path);
    else if (words != NULL)
        (void)fprintf(stderr, "%s%s\n", words, path);
    else
        (void)fprintf(stderr, "%s (%s): %s\n", zk_err_name(reply->err), zk_err_text(reply->err),
                      path);
}

struct jute_bytes cli_path(const char *path)
{
    struct jute_bytes bytes = jute_str(path);
    const char *why;

    if (path_valid(bytes, &why))
        return bytes;
    if (path[0] != '/')
        why = "path must start with /";
    (void)fprintf(stderr, "Not a path (%s): %s\n", why, path);
    return JUTE_NULL;
}

void cli_on_reply(void *arg, const struct client_reply *reply)
{
    struct call *call = arg;

    ASSERT(call->cli->due > 0);
    call->cli->due--;
    if (reply->rc != 0 || reply->err != ZOK) {
        cli_say_failure(reply, call->path);
        call->status = EXIT_FAILURE;
    } else if (call->on_ok != NULL) {
        call->on_ok(call, reply);
    }
}

struct call *cli_call_begin(struct call *call)
{
    call->cli->due++;
    return call;
}

void cli_wait_below(struct cli *cli, int max)
{
    while (cli->due > max)
        (void)uv_run(cli->loop, UV_RUN_ONCE); /* the calls themselves tell what happened */
}

void cli_wait(struct cli *cli)
{
    cli_wait_below(cli, 0);
}

/* As Java's Date does. */
static void print_time(const char *name, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[64] = "?";

    if (localtime_r(&seconds, &tm) != NULL)
        (void)strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &tm);
    printf("%s = %s\n", name, text);
}

void cli_print_stat(const struct zk_stat *stat)
{
    printf("cZxid = 0x%" PRIx64 "\n", stat->czxid);
    print_time("ctime", stat->ctime);
    printf("mZxid = 0x%" PRIx64 "\n", stat->mzxid);
    print_time("mtime", stat->mtime);
    printf("pZxid = 0x%" PRIx64 "\n", stat->pzxid);
    printf("cversion = %" PRId32 "\n", stat->cversion);
    printf("dataVersion = %" PRId32 "\n", stat->version);
    printf("aclVersion = %" PRId32 "\n", stat->aversion);
    printf("ephemeralOwner = 0x%" PRIx64 "\n", stat->ephemeral_owner);
    printf("dataLength = %" PRId32 "\n", stat->data_length);
    printf("numChildren = %" PRId32 "\n", stat->num_children);
}
