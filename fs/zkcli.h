/* zkcli: the command line client. A command is a row of one table; it makes requests with
 * CALL() and waits with cli_wait(), so it reads from top to bottom. Results go to stdout,
 * messages to stderr, in zkCli.sh's words.
 *
 *   zkcli_main.c      options; one command, or a script
 *   zkcli_script.c    commands from standard input, history
 *   zkcli_session.c   the session, and what is told about it
 *   zkcli_commands.c  the table; runs one command
 *   zkcli_call.c      requests, failures, Stat
 *   zkcli_read.c, zkcli_write.c, zkcli_watch.c, zkcli_quota.c, zkcli_config.c   the commands
 *   zkcli_args, zkcli_words, zkcli_format, zkcli_walk   parts */
#ifndef ZKFS_FS_ZKCLI_H
#define ZKFS_FS_ZKCLI_H

#include "fs/client.h"
#include "fs/zkcli_args.h"
#include "proto/base/buf.h"

#include <stdio.h>

/* Of a command that does not exist, as in a shell. */
#define EXIT_NOT_FOUND 127

struct history;

struct cli {
    uv_loop_t *loop;
    char *hosts; /* owned */
    int32_t timeout_ms;
    bool waits_long;       /* for the first connection as long as the timeout */
    bool read_only;        /* is content with a read-only server */
    bool is_script;        /* more than one command */
    bool is_terminal;      /* that is typed */
    uv_timer_t timer;      /* when to give up on finding a server */
    struct client *client; /* NULL before cli_session_open() and after cli_session_close() */
    enum client_state state;
    int due;            /* calls without an answer */
    bool hides_watches; /* printwatches off */
    bool quits;
    struct history *history; /* of a script, else NULL */
};

/* A command gives EXIT_SUCCESS or another status, and has said why. */
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
/* Runs the command WORDS[0]; gives its exit status. */
int cli_run(struct cli *cli, int count, char *const *words);

/* zkcli_script.c */

/* Runs the commands of standard input, or those that are typed. Gives the status of the last one.
 */
int cli_run_script(struct cli *cli);

/* zkcli_session.c */

/* Makes a session, not yet connected. False: the connect string is none, which is said. */
bool cli_session_open(struct cli *cli);
/* Waits for a server; false, and said: there is no session (any more). */
bool cli_session_wait(struct cli *cli);
/* Ends the session, if there is one. */
void cli_session_close(struct cli *cli);
/* Prints an event, PATH JUTE_NULL for one of the session, ZXID 0 for an unknown one. */
void cli_print_event(const struct cli *cli, const char *state, const char *type,
                     struct jute_bytes path, zk_zxid zxid);

/* zkcli_call.c */

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

/* A request whose answer a command looks at itself, without a word about failures. */
struct answer {
    struct cli *cli;
    int rc;
    enum zk_err err;
    struct buf data; /* of getData and reconfig */
    struct zk_stat stat;
};
/* The arguments of a request: on_call with ANSWER; then answer_wait() gives true for ZOK. Its end
 * is answer_done(), its beginning {.cli = cli}; it may be used again. */
#define ANSWER(answer) cli_on_answer, cli_answer_begin(answer)
void cli_on_answer(void *arg, const struct client_reply *reply);
struct answer *cli_answer_begin(struct answer *answer);
bool answer_wait(struct answer *answer);
void answer_done(struct answer *answer);
/* Says what went wrong. Gives EXIT_FAILURE. */
int answer_say(const struct answer *answer, const char *path);

/* Prints the text, a line. Gives EXIT_FAILURE. */
int cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The commands. zkcli_read.c */
int cli_ls(struct cli *cli, const struct args *args);
int cli_get(struct cli *cli, const struct args *args);
int cli_stat(struct cli *cli, const struct args *args);
int cli_get_acl(struct cli *cli, const struct args *args);
int cli_sync(struct cli *cli, const struct args *args);
int cli_get_ephemerals(struct cli *cli, const struct args *args);
int cli_get_all_children_number(struct cli *cli, const struct args *args);
int cli_who_am_i(struct cli *cli, const struct args *args);

/* zkcli_write.c */
int cli_create(struct cli *cli, const struct args *args);
int cli_set(struct cli *cli, const struct args *args);
int cli_delete(struct cli *cli, const struct args *args);
int cli_delete_all(struct cli *cli, const struct args *args);
int cli_set_acl(struct cli *cli, const struct args *args);
int cli_add_auth(struct cli *cli, const struct args *args);

/* zkcli_watch.c */
int cli_add_watch(struct cli *cli, const struct args *args);
int cli_remove_watches(struct cli *cli, const struct args *args);
int cli_print_watches(struct cli *cli, const struct args *args);

/* zkcli_quota.c */
int cli_set_quota(struct cli *cli, const struct args *args);
int cli_list_quota(struct cli *cli, const struct args *args);
int cli_del_quota(struct cli *cli, const struct args *args);

/* zkcli_config.c */
int cli_config(struct cli *cli, const struct args *args);
int cli_reconfig(struct cli *cli, const struct args *args);

/* zkcli_session.c */
int cli_connect(struct cli *cli, const struct args *args);
int cli_close(struct cli *cli, const struct args *args);

/* zkcli_script.c */
int cli_history(struct cli *cli, const struct args *args);
int cli_redo(struct cli *cli, const struct args *args);
int cli_quit(struct cli *cli, const struct args *args);

#endif
