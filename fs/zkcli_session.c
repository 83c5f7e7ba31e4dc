/* zkcli_session: the session of the commands. It has a time to find a server, at first and whenever
 * it has lost one; then it is given up, so that no command waits for ever. */
#include "fs/zkcli.h"

#include "proto/base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* For the first connection, without -waitforconnection. */
#define CONNECT_MS 5000

void cli_print_event(const struct cli *cli, const char *state, const char *type,
                     struct jute_bytes path, zk_zxid zxid)
{
    if (cli->hides_watches)
        return;
    printf("\nWATCHER::\n\nWatchedEvent state:%s type:%s path:%.*s", state, type,
           path.len < 0 ? 4 : (int)path.len, path.len < 0 ? "null" : (const char *)path.data);
    if (zxid > 0)
        printf(" zxid: %" PRId64, zxid);
    (void)putchar('\n');
    (void)fflush(stdout); /* whoever waits for it may be waiting now; checked at exit */
}

/* Not for a single command, nor for a session that never was. */
static void print_state(const struct cli *cli, const char *state)
{
    struct client_info info;

    client_info(cli->client, &info);
    if (cli->is_script && info.connects > 0)
        cli_print_event(cli, state, "None", JUTE_NULL, 0);
}

static void on_event(void *arg, const struct client_event *event)
{
    static const char *const names[] = {
        [EVENT_NODE_CREATED] = "NodeCreated",
        [EVENT_NODE_DELETED] = "NodeDeleted",
        [EVENT_NODE_DATA_CHANGED] = "NodeDataChanged",
        [EVENT_NODE_CHILDREN_CHANGED] = "NodeChildrenChanged",
    };

    cli_print_event(arg, "SyncConnected", names[event->type], event->path, event->zxid);
}

/* ---- giving up */

static int32_t patience_ms(const struct cli *cli, const struct client_info *info)
{
    if (info->connects > 0)
        return info->session_timeout_ms / 3 * 4; /* expired by then [ClientCnxn] */
    return cli->waits_long || cli->timeout_ms < CONNECT_MS ? cli->timeout_ms : CONNECT_MS;
}

static void on_patience_over(uv_timer_t *timer)
{
    struct cli *cli = timer->data;
    struct client_info info;

    client_info(cli->client, &info);
    (void)cli_say("Not connected: no server of %s in %" PRId32 " ms (%s)", cli->hosts,
                  patience_ms(cli, &info), info.trouble);
    client_give_up(cli->client);
}

static void start_patience(struct cli *cli)
{
    struct client_info info;

    client_info(cli->client, &info);
    (void)uv_timer_start(&cli->timer, on_patience_over, (uint64_t)patience_ms(cli, &info),
                         0); /* has a callback */
}

static void on_connected(struct cli *cli)
{
    struct client_info info;

    client_info(cli->client, &info);
    (void)uv_timer_stop(&cli->timer);          /* never fails */
    if (cli->is_terminal || info.connects > 1) /* scripts expect the first one */
        print_state(cli, info.read_only ? "ConnectedReadOnly" : "SyncConnected");
}

static void on_state(void *arg, enum client_state state)
{
    struct cli *cli = arg;

    cli->state = state;
    switch (state) {
    case CLIENT_CONNECTED:
        on_connected(cli);
        break;
    case CLIENT_CONNECTING:
        start_patience(cli);
        print_state(cli, "Disconnected");
        break;
    case CLIENT_LOST:
        (void)uv_timer_stop(&cli->timer); /* never fails */
        print_state(cli, "Expired");
        break;
    }
}

/* ---- its life */

bool cli_session_open(struct cli *cli)
{
    struct client_callbacks callbacks = {.state = on_state, .event = on_event, .arg = cli};
    struct client_config config = {
        .hosts = cli->hosts, .session_timeout_ms = cli->timeout_ms, .read_only = cli->read_only};
    struct errtext why;

    if (client_new(cli->loop, &config, &callbacks, &cli->client, &why) < 0) {
        (void)cli_say("%s", why.text);
        return false;
    }
    cli->state = CLIENT_CONNECTING;
    cli->timer.data = cli;
    start_patience(cli);
    return true;
}

bool cli_session_wait(struct cli *cli)
{
    if (cli->client == NULL || cli->state == CLIENT_LOST) {
        (void)cli_say("Not connected");
        return false;
    }
    while (cli->state == CLIENT_CONNECTING)
        (void)uv_run(cli->loop, UV_RUN_ONCE); /* the callbacks tell what happened */
    return cli->state == CLIENT_CONNECTED;
}

static void on_closed(void *arg)
{
    struct cli *cli = arg;

    cli->client = NULL;
}

void cli_session_close(struct cli *cli)
{
    if (cli->client == NULL)
        return;
    (void)uv_timer_stop(&cli->timer); /* never fails */
    client_close(cli->client, on_closed, cli);
    while (cli->client != NULL)
        (void)uv_run(cli->loop, UV_RUN_ONCE); /* on_closed() is called in the end */
}

/* ---- commands */

int cli_connect(struct cli *cli, const struct args *args)
{
    cli_session_close(cli);
    if (args->count > 0) {
        free(cli->hosts);
        cli->hosts = xstrdup(args->operands[0]);
    }
    return cli_session_open(cli) && cli_session_wait(cli) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cli_close(struct cli *cli, const struct args *args)
{
    (void)args;
    cli_session_close(cli);
    return EXIT_SUCCESS;
}
