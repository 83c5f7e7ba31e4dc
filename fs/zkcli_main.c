/* zkcli: runs one command against an ensemble, or those of standard input, and says by its exit
 * status whether it, or the last one, succeeded. */
#include "fs/zkcli.h"

#include "proto/base/log.h"
#include "proto/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSION_TIMEOUT_MS 30000

static bool timeout_option(struct cli *cli, const char *text)
{
    struct errtext why;

    if (args_i32(text, &cli->timeout_ms, &why) == 0 && cli->timeout_ms > 0)
        return true;
    (void)cli_say("-timeout: not a number of milliseconds: %s", text);
    return false;
}

/* An option with the word behind it. Gives false for one that is none, or not well-formed. */
static bool value_option(struct cli *cli, const char *name, const char *value)
{
    if (strcmp(name, "-timeout") == 0)
        return timeout_option(cli, value);
    if (strcmp(name, "-server") == 0) {
        free(cli->hosts);
        cli->hosts = xstrdup(value);
        return true;
    }
    if (strcmp(name, "-client-configuration") == 0) {
        (void)cli_say("-client-configuration: Java's properties are not used: %s", value);
        return true;
    }
    return false;
}

/* Takes the options in front of the command. Gives how many words they are, or -1. */
static int parse_options(struct cli *cli, int count, char **words)
{
    int i = 0;

    while (i < count && words[i][0] == '-') {
        const char *name = words[i][1] == '-' ? words[i] + 1 : words[i];

        if (strcmp(name, "-waitforconnection") == 0) {
            cli->waits_long = true;
            i++;
        } else if (strcmp(name, "-r") == 0) {
            cli->read_only = true;
            i++;
        } else if (i + 1 < count && value_option(cli, name, words[i + 1])) {
            i += 2;
        } else {
            (void)cli_say("Unrecognized option: %s", words[i]);
            cli_usage(stderr);
            return -1;
        }
    }
    return i;
}

/* ---- main */

/* Commands that need no session do not wait for one. */
static bool needs_session(const char *name)
{
    const struct cli_command *command = cli_command_find(name);

    return command != NULL && !command->is_local;
}

static int run(struct cli *cli, int count, char **words)
{
    int status = EXIT_FAILURE;

    cli->is_script = count == 0;
    cli->is_terminal = cli->is_script && isatty(STDIN_FILENO);
    if ((!cli->is_script && !needs_session(words[0])) || cli_session_open(cli))
        status = cli->is_script ? cli_run_script(cli) : cli_run(cli, count, words);
    cli_session_close(cli);
    return status;
}

int main(int argc, char **argv)
{
    struct cli cli = {.loop = uv_default_loop(),
                      .hosts = xstrdup("localhost:2181"),
                      .timeout_ms = SESSION_TIMEOUT_MS};
    int taken = parse_options(&cli, argc - 1, argv + 1);
    int status = EXIT_FAILURE;

    /* The commands say what failed; the library's story is for servers. */
    log_set_level(LOG_LEVEL_ERROR);
    (void)uv_timer_init(cli.loop, &cli.timer); /* cannot fail */
    if (taken >= 0)
        status = run(&cli, argc - 1 - taken, argv + 1 + taken);
    uv_close((uv_handle_t *)&cli.timer, NULL);
    (void)uv_run(cli.loop, UV_RUN_DEFAULT); /* until all is closed */
    free(cli.hosts);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("zkcli: standard output");
        return EXIT_FAILURE;
    }
    return status;
}
