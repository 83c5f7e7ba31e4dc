/* zkcli_script: commands line by line. A thread reads standard input when a line is wanted, so that
 * the session lives on and events are printed meanwhile, and so that nothing has to be done to the
 * file: making it non-blocking would make it so for all who share it. */
#include "fs/zkcli.h"

#include "fs/zkcli_words.h"
#include "proto/base/list.h"
#include "proto/base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longer than any request that a server takes. */
#define LINE_BYTES_MAX ((size_t)2 << 20)
#define HISTORY_MAX 1000
#define HISTORY_SHOWN 11

struct history {
    char *lines[HISTORY_MAX]; /* line N at N % HISTORY_MAX */
    int64_t count;            /* lines before the present one, which is line COUNT */
    bool is_redoing;
};

struct script {
    struct cli *cli;
    uv_work_t work;
    char chunk[4096];
    ssize_t got; /* bytes of CHUNK; 0 at the end, or -errno */
    bool is_reading, ended;
    struct buf text; /* read so far; the first TAKEN bytes are done with */
    size_t taken;
};

/* ---- lines */

static void read_chunk(uv_work_t *work)
{
    struct script *script = CONTAINER_OF(work, struct script, work);

    do {
        script->got = read(STDIN_FILENO, script->chunk, sizeof script->chunk);
    } while (script->got < 0 && errno == EINTR);
    if (script->got < 0)
        script->got = -errno;
}

static void on_chunk(uv_work_t *work, int rc)
{
    struct script *script = CONTAINER_OF(work, struct script, work);

    (void)rc; /* never cancelled */
    script->is_reading = false;
    script->ended = script->got <= 0;
    if (script->got > 0)
        buf_append(&script->text, script->chunk, (size_t)script->got);
}

static void await_chunk(struct script *script)
{
    memmove(script->text.data, script->text.data + script->taken, script->text.len - script->taken);
    script->text.len -= script->taken;
    script->taken = 0;
    script->is_reading = true;
    (void)uv_queue_work(script->cli->loop, &script->work, read_chunk,
                        on_chunk); /* has a callback */
    while (script->is_reading)
        (void)uv_run(script->cli->loop, UV_RUN_ONCE); /* the callbacks tell what happened */
}

static char *refuse_input(struct script *script, int rc)
{
    script->got = rc;
    return NULL;
}

/* The next line, without its end, borrowed until the next call; NULL: no more, or an error in
 * script->got. */
static char *next_line(struct script *script)
{
    size_t searched = 0;

    for (;;) {
        char *begin = buf_cstr(&script->text) + script->taken;
        size_t len = script->text.len - script->taken;
        char *newline = memchr(begin + searched, '\n', len - searched);

        if (newline == NULL && !script->ended && len < LINE_BYTES_MAX) {
            searched = len;
            await_chunk(script);
            continue;
        }
        if (newline == NULL && len == 0)
            return NULL;
        if (newline == NULL && !script->ended)
            return refuse_input(script, -E2BIG);
        if (newline != NULL)
            *newline = '\0';
        script->taken += newline == NULL ? len : (size_t)(newline - begin) + 1;
        if (strlen(begin) < (newline == NULL ? len : (size_t)(newline - begin)))
            return refuse_input(script, -EILSEQ); /* a NUL: no text */
        return begin;
    }
}

/* ---- history */

static void history_set(struct history *history, const char *line)
{
    char **place = &history->lines[history->count % HISTORY_MAX];

    free(*place);
    *place = xstrdup(line);
}

static void history_free(struct history *history)
{
    for (size_t i = 0; i < HISTORY_MAX; i++)
        free(history->lines[i]);
    free(history);
}

int cli_history(struct cli *cli, const struct args *args)
{
    const struct history *history = cli->history;
    int64_t first;

    (void)args;
    if (history == NULL)
        return EXIT_SUCCESS;
    first = history->count < HISTORY_SHOWN ? 0 : history->count - HISTORY_SHOWN + 1;
    for (int64_t i = first; i <= history->count; i++)
        printf("%" PRId64 " - %s\n", i, history->lines[i % HISTORY_MAX]);
    return EXIT_SUCCESS;
}

/* ---- running */

static int run_line(struct cli *cli, const char *line)
{
    char *copy = xstrdup(line);
    struct words words;
    struct errtext why;
    int status;

    if (words_split(copy, &words, &why) < 0)
        status = cli_say("%s", why.text);
    else
        status = cli_run(cli, words.count, words.items);
    free(copy);
    return status;
}

/* The line takes the place of "redo N" in the history, as in zkCli.sh. */
int cli_redo(struct cli *cli, const struct args *args)
{
    struct history *history = cli->history;
    struct errtext why;
    int64_t number;
    char *line;
    int status;

    if (args_i64(args->operands[0], &number, &why) < 0)
        return cli_say("%s", why.text);
    if (history == NULL || number < 0 || number >= history->count ||
        number <= history->count - HISTORY_MAX)
        return cli_say("Command index out of range");
    if (history->is_redoing) /* a line that may well be this one */
        return cli_say("No redoing redos");
    line = xstrdup(history->lines[number % HISTORY_MAX]);
    history_set(history, line);
    history->is_redoing = true;
    status = run_line(cli, line);
    history->is_redoing = false;
    free(line);
    return status;
}

int cli_quit(struct cli *cli, const struct args *args)
{
    (void)args;
    cli->quits = true;
    return EXIT_SUCCESS;
}

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t\r\v\f")] == '\0';
}

static void prompt(const struct cli *cli)
{
    static const char *const states[] = {[CLIENT_CONNECTING] = "CONNECTING",
                                         [CLIENT_CONNECTED] = "CONNECTED",
                                         [CLIENT_LOST] = "CLOSED"};

    if (!cli->is_terminal)
        return;
    printf("[zk: %s(%s) %" PRId64 "] ", cli->hosts,
           states[cli->client == NULL ? CLIENT_LOST : cli->state], cli->history->count);
    (void)fflush(stdout); /* checked at exit */
}

/* Whether another line was run; *status is the last command's, which quit leaves alone. */
static bool run_next(struct script *script, int *status)
{
    struct cli *cli = script->cli;
    char *line;
    int result;

    prompt(cli);
    line = next_line(script);
    if (line == NULL && cli->is_terminal)
        (void)putchar('\n'); /* behind the prompt */
    if (line == NULL)
        return false;
    if (is_blank(line))
        return true;
    history_set(cli->history, line);
    result = run_line(cli, line);
    cli->history->count++;
    if (!cli->quits)
        *status = result;
    (void)fflush(stdout); /* whoever waits for it may be waiting now; checked at exit */
    return !cli->quits;
}

int cli_run_script(struct cli *cli)
{
    struct script script = {.cli = cli};
    int status = EXIT_SUCCESS;

    cli->history = xcalloc(1, sizeof *cli->history);
    while (run_next(&script, &status))
        continue;
    if (script.got < 0)
        status = cli_say("standard input: %s", strerror((int)-script.got));
    buf_done(&script.text);
    history_free(cli->history);
    cli->history = NULL;
    return status;
}
