/* zkcli_call: requests of commands, and what their failures are called. */
#include "fs/zkcli.h"

#include "proto/base/assert.h"
#include "proto/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int cli_say(const char *fmt, ...)
{
    va_list args;

    (void)fflush(stdout); /* in the order in which it happened; checked at exit */
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return EXIT_FAILURE;
}

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
    case ZBADARGUMENTS:
        return "Arguments are not valid : ";
    case ZINVALIDACL:
        return "Acl is not valid : ";
    case ZNOTREADONLY:
        return "Not a read-only call: ";
    case ZNOCHILDRENFOREPHEMERALS:
        return "Ephemerals cannot have children: ";
    case ZQUOTAEXCEEDED:
        return "Quota has exceeded : ";
    default:
        return NULL;
    }
}

/* KeeperException's names of the others. */
static const char *error_name(enum zk_err err)
{
    switch (err) {
    case ZSYSTEMERROR:
        return "SystemError";
    case ZCONNECTIONLOSS:
        return "ConnectionLoss";
    case ZMARSHALLINGERROR:
        return "MarshallingError";
    case ZUNIMPLEMENTED:
        return "Unimplemented";
    case ZOPERATIONTIMEOUT:
        return "OperationTimeout";
    case ZNEWCONFIGNOQUORUM:
        return "NewConfigNoQuorum";
    case ZRECONFIGINPROGRESS:
        return "ReconfigInProgress";
    case ZSESSIONEXPIRED:
        return "Session expired";
    case ZAUTHFAILED:
        return "AuthFailed";
    case ZSESSIONMOVED:
        return "Session moved";
    case ZEPHEMERALONLOCALSESSION:
        return "Ephemeral node on local session";
    case ZNOWATCHER:
        return "No such watcher";
    case ZRECONFIGDISABLED:
        return "Reconfig is disabled";
    case ZSESSIONCLOSEDREQUIRESASLAUTH:
        return "Session closed because client failed to authenticate";
    case ZTHROTTLEDOP:
        return "Op throttled due to high load";
    default:
        return zk_err_name(err);
    }
}

/* As KeeperException says it; PATH may be NULL. */
static void say_error(enum zk_err err, const char *path)
{
    (void)cli_say("KeeperErrorCode = %s%s%s", error_name(err), path == NULL ? "" : " for ",
                  path == NULL ? "" : path);
}

static void say_no_answer(int rc, const char *path)
{
    const char *of = path == NULL ? "request" : path;

    switch (rc) {
    case -ECONNRESET: /* whether it was done is unknown */
        say_error(ZCONNECTIONLOSS, path);
        break;
    case -ESTALE:
        say_error(ZSESSIONEXPIRED, path);
        break;
    case -E2BIG:
        (void)cli_say("Longer than the servers take (1 MiB): %s", of);
        break;
    case -EMSGSIZE:
        (void)cli_say("The answer is too long: %s", of);
        break;
    default:
        (void)cli_say("No answer (%s): %s", uv_strerror(rc), of);
    }
}

static void say_failure(int rc, enum zk_err err, const char *path)
{
    const char *words = path == NULL ? NULL : failure_words(err);

    if (rc != 0)
        say_no_answer(rc, path);
    else if (words != NULL)
        (void)cli_say("%s%s", words, path);
    else
        say_error(err, path);
}

void cli_say_failure(const struct client_reply *reply, const char *path)
{
    say_failure(reply->rc, reply->err, path);
}

/* PathUtils' words for the usual mistakes. */
struct jute_bytes cli_path(const char *path)
{
    struct jute_bytes bytes = jute_str(path);
    const char *why;

    if (path_valid(bytes, &why))
        return bytes;
    if (path[0] == '\0')
        (void)cli_say("Path length must be > 0");
    else if (path[0] != '/')
        (void)cli_say("Path must start with / character");
    else if (path[strlen(path) - 1] == '/')
        (void)cli_say("Path must not end with / character");
    else
        (void)cli_say("Invalid path string \"%s\" caused by %s", path, why);
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

/* ---- answers */

void cli_on_answer(void *arg, const struct client_reply *reply)
{
    struct answer *answer = arg;

    ASSERT(answer->cli->due > 0);
    answer->cli->due--;
    answer->rc = reply->rc;
    answer->err = reply->err;
    answer->stat = reply->stat;
    answer->data.len = 0;
    if (reply->rc == 0 && reply->err == ZOK)
        buf_append(&answer->data, reply->data.data, jute_size(reply->data));
}

struct answer *cli_answer_begin(struct answer *answer)
{
    answer->cli->due++;
    return answer;
}

bool answer_wait(struct answer *answer)
{
    cli_wait(answer->cli);
    return answer->rc == 0 && answer->err == ZOK;
}

void answer_done(struct answer *answer)
{
    buf_done(&answer->data);
}

int answer_say(const struct answer *answer, const char *path)
{
    say_failure(answer->rc, answer->err, path);
    return EXIT_FAILURE;
}

/* ---- Stat */

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
