/* zkcli: the command line client. A command is a row of one table; it makes requests with
 * call_begin() and waits with cli_wait(), so it reads from top to bottom. Results go to stdout,
 * messages to stderr, in zkCli.sh's words. */
#ifndef ZKFS_FS_ZKCLI_H
#define ZKFS_FS_ZKCLI_H

#include "fs/client.h"
#include "fs/zkcli_args.h"

#include <stdio.h>

struct cli {
    uv_loop_t *loop;
    uv_timer_t timer;      /* of the first connection */
    struct client *client; /* NULL for a command that needs none */
    enum client_state state;
    int due; /* calls without an answer */
};

/* A command gives EXIT_SUCCESS or EXIT_FAILURE, and has said why. */
struct cli_command {
    const char *name;
    const char *flags; /* see args_parse() */
    int operands_min, operands_max;
    bool is_local; /* needs no session */
    const char *usage;
    int (*run)(struct cli *cli, const struct args *args);
};

/* The table, by name, ended by a NULL name. */
extern const struct cli_command cli_commands[];

/* The command of that NAME, or NULL. */
const struct cli_command *cli_command_find(const char *name);
/* Prints the usage of all. */
void cli_usage(FILE *file);

/* One request and what its command needs of it. */
struct call {
    struct cli *cli;
    const char *path; /* for messages */
    const struct args *args;
    /* Called for a reply that is ZOK; may be NULL. */
    void (*on_ok)(struct call *call, const struct client_reply *reply);
    int status; /* EXIT_FAILURE after an error, which has been said */
};

/* The arguments of a request: on_call with CALL, which must live until cli_wait() returns. */
#define CALL(call) cli_on_reply, cli_call_begin(call)
void cli_on_reply(void *arg, const struct client_reply *reply);
struct call *cli_call_begin(struct call *call);

/* Runs the loop until all calls are answered. */
void cli_wait(struct cli *cli);
/* Until not more than MAX are open, for commands that pipeline. */
void cli_wait_below(struct cli *cli, int max);

/* PATH as a path of the protocol; NULL-like (len -1) for one that is none, which is then said. */
struct jute_bytes cli_path(const char *path);

/* Says what a reply that is no success means for PATH. */
void cli_say_failure(const struct client_reply *reply, const char *path);

void cli_print_stat(const struct zk_stat *stat);

/* zkcli_read.c */
int cli_ls(struct cli *cli, const struct args *args);
int cli_get(struct cli *cli, const struct args *args);
int cli_stat(struct cli *cli, const struct args *args);
int cli_get_acl(struct cli *cli, const struct args *args);
int cli_sync(struct cli *cli, const struct args *args);

/* zkcli_write.c */
int cli_create(struct cli *cli, const struct args *args);
int cli_set(struct cli *cli, const struct args *args);
int cli_delete(struct cli *cli, const struct args *args);
int cli_delete_all(struct cli *cli, const struct args *args);
int cli_set_acl(struct cli *cli, const struct args *args);

#endif
