/* zkcli_commands: the table of commands, and how one is run. */
#include "fs/zkcli.h"

#include "proto/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int cli_help(struct cli *cli, const struct args *args)
{
    (void)cli;
    (void)args;
    cli_usage(stdout);
    return EXIT_SUCCESS;
}

static int cli_version(struct cli *cli, const struct args *args)
{
    (void)cli;
    (void)args;
    printf("ZooKeeper CLI version: zkfs %s, built on %s\n", ZKFS_VERSION, ZKFS_RELEASE_DATE);
    return EXIT_SUCCESS;
}

#define RECONFIG_USAGE                                                      \
    "[-s] [-v version] [[-file path] | [-members server.ID=SPEC[,...]]] | " \
    "[-add server.ID=SPEC[,...]] [-remove ID[,...]]"

/* The flag w leaves a watch; what it tells is of use only where the session goes on. */
const struct cli_command cli_commands[] = {
    {"addWatch", "m:", 1, 1, false,
     "[-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE] - default is "
     "PERSISTENT_RECURSIVE",
     cli_add_watch},
    {"addauth", "", 1, 2, false, "scheme auth", cli_add_auth},
    {"close", "", 0, 0, true, "", cli_close},
    {"config", "cws", 0, 0, false, "[-c] [-w] [-s]", cli_config},
    {"connect", "", 0, 1, true, "host:port", cli_connect},
    {"create", "sect:", 1, 3, false, "[-s] [-e] [-c] [-t ttl] path [data] [acl]", cli_create},
    {"delete", "v:", 1, 1, false, "[-v version] path", cli_delete},
    {"deleteall", "b:", 1, 1, false, "path [-b batch size]", cli_delete_all},
    {"delquota", "nbNB", 1, 1, false, "[-n|-b|-N|-B] path", cli_del_quota},
    {"exit", "", 0, 0, true, "", cli_quit},
    {"get", "swbx", 1, 1, false, "[-s] [-w] [-b] [-x] path", cli_get},
    {"getAcl", "s", 1, 1, false, "[-s] path", cli_get_acl},
    {"getAllChildrenNumber", "", 1, 1, false, "path", cli_get_all_children_number},
    {"getEphemerals", "", 0, 1, false, "path", cli_get_ephemerals},
    {"help", "", 0, 0, true, "", cli_help},
    {"history", "", 0, 0, true, "", cli_history},
    {"listquota", "", 1, 1, false, "path", cli_list_quota},
    {"ls", "swR", 1, 1, false, "[-s] [-w] [-R] path", cli_ls},
    {"printwatches", "", 0, 1, true, "on|off", cli_print_watches},
    {"quit", "", 0, 0, true, "", cli_quit},
    {"reconfig", "sv: file: members: add: remove:", 0, 0, false, RECONFIG_USAGE, cli_reconfig},
    {"redo", "", 1, 1, true, "cmdno", cli_redo},
    {"removewatches", "cdpral", 1, 1, false, "path [-c|-d|-p|-r|-a] [-l]", cli_remove_watches},
    {"set", "sv:b", 2, 2, false, "[-s] [-v version] [-b] path data", cli_set},
    {"setAcl", "sv:R", 2, 2, false, "[-s] [-v version] [-R] path acl", cli_set_acl},
    {"setquota", "n:b:N:B:", 1, 1, false, "-n|-b|-N|-B val path", cli_set_quota},
    {"stat", "w", 1, 1, false, "[-w] path", cli_stat},
    {"sync", "", 1, 1, false, "path", cli_sync},
    {"version", "", 0, 0, true, "", cli_version},
    {"whoami", "", 0, 0, false, "", cli_who_am_i},
    {NULL, NULL, 0, 0, false, NULL, NULL},
};

const struct cli_command *cli_command_find(const char *name)
{
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        if (strcmp(command->name, name) == 0)
            return command;
    }
    return NULL;
}

void cli_usage(FILE *file)
{
    (void)fputs("usage: zkcli [-server HOST:PORT[,HOST:PORT...][/CHROOT]] [-timeout MS] [-r] "
                "[-waitforconnection] [CMD [ARGS]]\n",
                file);
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
        (void)fprintf(file, "\t%s %s\n", command->name, command->usage);
}

int cli_run(struct cli *cli, int count, char *const *words)
{
    const struct cli_command *command = cli_command_find(words[0]);
    struct args args;
    struct errtext why;

    if (command == NULL) {
        (void)fflush(stdout); /* in the order in which it happened; checked at exit */
        cli_usage(stderr);
        (void)cli_say("Command not found: Command not found %s", words[0]);
        return EXIT_NOT_FOUND;
    }
    if (args_parse(count - 1, words + 1, command->flags, &args, &why) < 0)
        return cli_say("%s\n%s %s", why.text, command->name, command->usage);
    if (args.count < command->operands_min || args.count > command->operands_max)
        return cli_say("%s %s", command->name, command->usage);
    if (!command->is_local && !cli_session_wait(cli))
        return EXIT_FAILURE;
    return command->run(cli, &args);
}
