/* zkcli: runs one command against an ensemble and says by its exit status whether it
 * succeeded. */
#include "fs/zkcli.h"

#include "proto/base/list.h"
#include "proto/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_TIMEOUT_MS 30000
/* For the first connection, without -waitforconnection. */
#define CONNECT_MS 5000

struct options {
    const char *server;
    int32_t timeout_ms;
    bool wait; /* for a connection, as long as the timeout */
};

/* Takes the options in front of the command. Gives how many words they are, or -1. */
static int parse_options(int count, char **words, struct options *ret_options)
{
    int i = 0;

    while (i < count && words[i][0] == '-') {
        const char *word = words[i][1] == '-' ? words[i] + 1 : words[i];
        struct errtext why;

        if (strcmp(word, "-waitforconnection") == 0) {
            ret_options->wait = true;
            i++;
        } else if (strcmp(word, "-server") == 0 && i + 1 < count) {
            ret_options->server = words[i + 1];
            i += 2;
        } else if (strcmp(word, "-timeout") == 0 && i + 1 < count) {
            if (args_i32(words[i + 1], &ret_options->timeout_ms, &why) < 0 ||
                ret_options->timeout_ms <= 0) {
                (void)fprintf(stderr, "-timeout: not a number of milliseconds: %s\n", words[i + 1]);
                return -1;
            }
            i += 2;
        } else {
            (void)fprintf(stderr, "Unrecognized option: %s\n", words[i]);
            cli_usage(stderr);
            return -1;
        }
    }
    return i;
}

/* ---- the session */

static void on_state(void *arg, enum client_state state)
{
    ((struct cli *)arg)->state = state;
}

static void on_connect_timer(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* Whether a server has taken the session in time; says it when not. */
static bool wait_connected(struct cli *cli, const struct options *options)
{
    bool expired = false;
    uint64_t ms = (uint64_t)options->timeout_ms;
    struct client_info info;

    if (!options->wait && ms > CONNECT_MS)
        ms = CONNECT_MS;
    (void)uv_timer_init(cli->loop, &cli->timer); /* cannot fail */
    cli->timer.data = &expired;
    (void)uv_timer_start(&cli->timer, on_connect_timer, ms, 0); /* has a callback */
    while (cli->state == CLIENT_CONNECTING && !expired)
        (void)uv_run(cli->loop, UV_RUN_ONCE); /* the callbacks tell what happened */
    uv_close((uv_handle_t *)&cli->timer, NULL);
    if (cli->state == CLIENT_CONNECTED)
        return true;
    client_info(cli->client, &info);
    (void)fprintf(stderr, "Not connected: no server of %s in %d ms (%s)\n", options->server,
                  (int)ms, info.trouble);
    return false;
}

static int run_connected(struct cli *cli, const struct options *options,
                         const struct cli_command *command, const struct args *args)
{
    struct client_callbacks callbacks = {.state = on_state, .arg = cli};
    struct client_config config = {.hosts = options->server,
                                   .session_timeout_ms = options->timeout_ms};
    struct errtext why;
    int status = EXIT_FAILURE;

    if (client_new(cli->loop, &config, &callbacks, &cli->client, &why) < 0) {
        (void)fprintf(stderr, "%s\n", why.text);
        return EXIT_FAILURE;
    }
    if (wait_connected(cli, options))
        status = command->run(cli, args);
    client_close(cli->client, NULL, NULL);
    (void)uv_run(cli->loop, UV_RUN_DEFAULT); /* until it is closed */
    return status;
}

/* ---- main */

static int run(struct cli *cli, const struct options *options, int count, char **words)
{
    const struct cli_command *command = cli_command_find(words[0]);
    struct args args;
    struct errtext why;

    if (command == NULL) {
        (void)fprintf(stderr, "Command not found: Command not found %s\n", words[0]);
        cli_usage(stderr);
        return EXIT_FAILURE;
    }
    if (args_parse(count - 1, words + 1, command->flags, &args, &why) < 0) {
        (void)fprintf(stderr, "%s\n%s %s\n", why.text, command->name, command->usage);
        return EXIT_FAILURE;
    }
    if (args.count < command->operands_min || args.count > command->operands_max) {
        (void)fprintf(stderr, "%s %s\n", command->name, command->usage);
        return EXIT_FAILURE;
    }
    if (command->is_local)
        return command->run(cli, &args);
    return run_connected(cli, options, command, &args);
}

int main(int argc, char **argv)
{
    struct options options = {.server = "localhost:2181", .timeout_ms = SESSION_TIMEOUT_MS};
    struct cli cli = {.loop = uv_default_loop(), .state = CLIENT_CONNECTING};
    int taken = parse_options(argc - 1, argv + 1, &options);
    int status;

    if (taken < 0)
        return EXIT_FAILURE;
    if (taken == argc - 1) {
        cli_usage(stderr);
        return EXIT_FAILURE;
    }
    /* The commands say what failed; the library's story is for servers. */
    log_set_level(LOG_LEVEL_ERROR);
    status = run(&cli, &options, argc - 1 - taken, argv + 1 + taken);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("zkcli: standard output");
        return EXIT_FAILURE;
    }
    return status;
}
