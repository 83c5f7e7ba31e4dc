/* zkcli_commands: the table of commands. */
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

/* The flag w leaves a watch; what it tells is of use only where the session goes on. */
const struct cli_command cli_commands[] = {
    {"create", "sect:", 1, 3, false, "[-s] [-e] [-c] [-t ttl] path [data] [acl]", cli_create},
    {"delete", "v:", 1, 1, false, "[-v version] path", cli_delete},
    {"deleteall", "", 1, 1, false, "path", cli_delete_all},
    {"get", "sw", 1, 1, false, "[-s] [-w] path", cli_get},
    {"getAcl", "s", 1, 1, false, "[-s] path", cli_get_acl},
    {"help", "", 0, 0, true, "", cli_help},
    {"ls", "swR", 1, 1, false, "[-s] [-w] [-R] path", cli_ls},
    {"set", "sv:", 2, 2, false, "[-s] [-v version] path data", cli_set},
    {"setAcl", "sv:R", 2, 2, false, "[-s] [-v version] [-R] path acl", cli_set_acl},
    {"stat", "w", 1, 1, false, "[-w] path", cli_stat},
    {"sync", "", 1, 1, false, "path", cli_sync},
    {"version", "", 0, 0, true, "", cli_version},
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
    (void)fputs("usage: zkcli [-server HOST:PORT[,HOST:PORT...][/CHROOT]] [-timeout MS] "
                "[-waitforconnection] CMD [ARGS]\n",
                file);
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++)
        (void)fprintf(file, "\t%s %s\n", command->name, command->usage);
}
