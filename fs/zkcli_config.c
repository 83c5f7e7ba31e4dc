/* zkcli_config: the configuration of the ensemble. */
#include "fs/zkcli.h"

#include "fs/zkcli_format.h"
#include "proto/base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_config(const struct buf *config, bool clients)
{
    struct buf text = {0};

    if (clients)
        config_clients_put(&text,
                           (struct jute_bytes){.data = config->data, .len = (int32_t)config->len});
    else
        buf_append(&text, config->data, config->len);
    (void)puts(buf_cstr(&text)); /* checked at exit */
    buf_done(&text);
}

int cli_config(struct cli *cli, const struct args *args)
{
    struct answer answer = {.cli = cli};
    int status = EXIT_SUCCESS;

    (void)client_get_config(cli->client, args->flags['w'], ANSWER(&answer));
    if (answer_wait(&answer)) {
        print_config(&answer.data, args->flags['c']);
        if (args->flags['s'])
            cli_print_stat(&answer.stat);
    } else {
        status = answer_say(&answer, "/zookeeper/config");
    }
    answer_done(&answer);
    return status;
}

/* ---- reconfig */

/* The members out of a file: its lines, without blank ones and comments. */
static int read_members(const char *path, struct buf *ret_members)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    int status = EXIT_SUCCESS;

    if (file == NULL)
        return cli_say("Error processing %s (%s)", path, strerror(errno));
    while ((len = getline(&line, &cap, file)) > 0) {
        size_t blanks = strspn(line, " \t\r\n");

        while (len > 0 && isspace((unsigned char)line[len - 1]))
            len--;
        if ((size_t)len > blanks && line[blanks] != '#') {
            buf_append(ret_members, line + blanks, (size_t)len - blanks);
            buf_append(ret_members, "\n", 1);
        }
    }
    if (ferror(file))
        status = cli_say("Error processing %s (%s)", path, strerror(errno));
    free(line);
    (void)fclose(file); /* was only read */
    return status;
}

/* The value of -v, which is the hexadecimal number in the text of the configuration. */
static int config_version_arg(const struct args *args, int64_t *ret_version)
{
    const char *text = args->values['v'];
    char *end;

    *ret_version = ANY_VERSION;
    if (text == NULL)
        return EXIT_SUCCESS;
    errno = 0;
    *ret_version = strtoll(text, &end, 16);
    if (errno != 0 || end == text || *end != '\0')
        return cli_say("Not a hexadecimal number: %s", text);
    return EXIT_SUCCESS;
}

static struct jute_bytes value_of(const struct args *args, char flag)
{
    const char *value = args->values[(unsigned char)flag];

    return value == NULL ? JUTE_NULL : jute_str(value);
}

int cli_reconfig(struct cli *cli, const struct args *args)
{
    bool is_full = args->flags['f'] || args->flags['m'];
    bool is_incremental = args->flags['a'] || args->flags['r'];
    struct answer answer = {.cli = cli};
    struct buf file = {0};
    struct jute_bytes members = value_of(args, 'm');
    int64_t version;
    int status;

    if (is_full && is_incremental)
        return cli_say("Can't use -file or -members together with -add or -remove (mixing "
                       "incremental and non-incremental modes is not allowed)");
    if (args->flags['f'] && args->flags['m'])
        return cli_say("Can't use -file and -members together");
    if (!is_full && !is_incremental)
        return cli_say("Nothing to change: use -file, -members, -add or -remove");
    status = config_version_arg(args, &version);
    if (status == EXIT_SUCCESS && args->flags['f']) {
        status = read_members(args->values['f'], &file);
        members = (struct jute_bytes){.data = file.data, .len = (int32_t)file.len};
    }
    if (status == EXIT_SUCCESS) {
        (void)client_reconfig(cli->client, value_of(args, 'a'), value_of(args, 'r'), members,
                              version, ANSWER(&answer));
        if (answer_wait(&answer)) {
            (void)puts("Committed new configuration:");
            print_config(&answer.data, false);
            if (args->flags['s'])
                cli_print_stat(&answer.stat);
        } else {
            status = answer_say(&answer, NULL);
        }
    }
    buf_done(&file);
    answer_done(&answer);
    return status;
}
