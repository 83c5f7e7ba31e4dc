/* zkcli_watch: the commands about watches. */
#include "fs/zkcli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_print_watches(struct cli *cli, const struct args *args)
{
    if (args->count == 0)
        printf("printwatches is %s\n", cli->hides_watches ? "off" : "on");
    else
        cli->hides_watches = strcmp(args->operands[0], "on") != 0;
    return EXIT_SUCCESS;
}

int cli_add_watch(struct cli *cli, const struct args *args)
{
    struct call call = {.cli = cli, .path = args->operands[0]};
    struct jute_bytes path = cli_path(call.path);
    const char *mode = args->values['m'];
    bool is_recursive = mode == NULL || strcasecmp(mode, "PERSISTENT_RECURSIVE") == 0;

    if (path.len < 0)
        return EXIT_FAILURE;
    if (!is_recursive && strcasecmp(mode, "PERSISTENT") != 0)
        return cli_say("The mode is PERSISTENT or PERSISTENT_RECURSIVE, not %s", mode);
    (void)client_add_watch(cli->client, path,
                           is_recursive ? ADD_WATCH_PERSISTENT_RECURSIVE : ADD_WATCH_PERSISTENT,
                           CALL(&call));
    cli_wait(cli);
    return call.status;
}

/* ---- removewatches */

static int type_arg(const struct args *args, enum client_watch_type *ret_type)
{
    static const struct {
        char flag;
        enum client_watch_type type;
    } types[] = {
        {'c', CLIENT_WATCH_CHILDREN},  {'d', CLIENT_WATCH_DATA}, {'p', CLIENT_WATCH_PERSISTENT},
        {'r', CLIENT_WATCH_RECURSIVE}, {'a', CLIENT_WATCH_ANY},
    };
    int given = 0;

    *ret_type = CLIENT_WATCH_ANY;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (args->flags[(unsigned char)types[i].flag]) {
            *ret_type = types[i].type;
            given++;
        }
    }
    return given > 1 ? cli_say("Only one of -c, -d, -p, -r, -a") : EXIT_SUCCESS;
}

/* The events that tell what is watched no more are made by the client [ZKWatchManager]. */
static void print_removed(const struct cli *cli, struct jute_bytes path,
                          enum client_watch_type type, struct client_watched had)
{
    bool any = type == CLIENT_WATCH_ANY;

    if (had.data && (any || type == CLIENT_WATCH_DATA))
        cli_print_event(cli, "SyncConnected", "DataWatchRemoved", path, 0);
    if (had.children && (any || type == CLIENT_WATCH_CHILDREN))
        cli_print_event(cli, "SyncConnected", "ChildWatchRemoved", path, 0);
    if ((had.persistent && (any || type == CLIENT_WATCH_PERSISTENT)) ||
        (had.recursive && (any || type == CLIENT_WATCH_RECURSIVE)))
        cli_print_event(cli, "SyncConnected", "PersistentWatchRemoved", path, 0);
}

int cli_remove_watches(struct cli *cli, const struct args *args)
{
    struct answer answer = {.cli = cli};
    struct jute_bytes path = cli_path(args->operands[0]);
    enum client_watch_type type;
    struct client_watched had;
    int status = EXIT_SUCCESS;

    if (path.len < 0 || type_arg(args, &type) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    had = client_watched(cli->client, path);
    (void)client_remove_watches(cli->client, path, type, ANSWER(&answer));
    if (answer_wait(&answer) || (args->flags['l'] && answer.rc != 0)) {
        client_forget_watches(cli->client, path, type);
        print_removed(cli, path, type, had);
    } else {
        status = answer_say(&answer, args->operands[0]);
    }
    answer_done(&answer);
    return status;
}
