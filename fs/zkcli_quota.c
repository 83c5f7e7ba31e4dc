/* zkcli_quota: quotas, which are plain znodes to a client: /zookeeper/quota/PATH/zookeeper_limits
 * says them, zookeeper_stats beside it, kept by the servers, what is used. */
#include "fs/zkcli.h"

#include "fs/zkcli_walk.h"
#include "proto/base/mem.h"
#include "proto/quota_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTA_ROOT "/zookeeper/quota"
#define LIMITS "/zookeeper_limits"
#define STATS "/zookeeper_stats"

/* The four limits by their flags; *ret_flag: the one that is given, or 0. */
static int limit_arg(const struct args *args, char *ret_flag)
{
    *ret_flag = 0;
    for (const char *flag = "nbNB"; *flag != '\0'; flag++) {
        if (!args->flags[(unsigned char)*flag])
            continue;
        if (*ret_flag != 0)
            return cli_say("Only one of -n, -b, -N, -B");
        *ret_flag = *flag;
    }
    return EXIT_SUCCESS;
}

static void set_limit(struct quota_limits *limits, char flag, int64_t value)
{
    switch (flag) {
    case 'n':
        limits->count = value;
        break;
    case 'b':
        limits->bytes = value;
        break;
    case 'N':
        limits->count_hard = value;
        break;
    default:
        limits->bytes_hard = value;
    }
}

/* PATH as one that may have a quota; false, and said: it is none. */
static bool quota_path_check(const struct cli *cli, const char *path)
{
    static const char own[] = "/zookeeper";
    size_t len = sizeof own - 1;

    if (cli_path(path).len < 0)
        return false;
    if (strchr(cli->hosts, '/') != NULL)
        (void)cli_say("Quotas are kept outside of a chroot: connect without one");
    else if (strcmp(path, "/") == 0)
        (void)cli_say("There is no quota on /");
    else if (strncmp(path, own, len) == 0 && (path[len] == '/' || path[len] == '\0'))
        (void)cli_say("cannot set a quota under %s", own);
    else
        return true;
    return false;
}

/* ---- single steps, which give EXIT_SUCCESS or have said what went wrong */

static bool get(struct answer *answer, const char *path)
{
    (void)client_get_data(answer->cli->client, jute_str(path), false, ANSWER(answer));
    return answer_wait(answer);
}

static bool is_missing(const struct answer *answer)
{
    return answer->rc == 0 && answer->err == ZNONODE;
}

/* One that exists is fine. */
static int create(struct cli *cli, const char *path, struct jute_bytes data)
{
    struct answer answer = {.cli = cli};
    int status = EXIT_SUCCESS;

    (void)client_create(cli->client, jute_str(path), data, NULL, CREATE_PERSISTENT, 0,
                        ANSWER(&answer));
    if (!answer_wait(&answer) && (answer.rc != 0 || answer.err != ZNODEEXISTS))
        status = answer_say(&answer, path);
    answer_done(&answer);
    return status;
}

static int set(struct cli *cli, const char *path, struct buf *text, int32_t version)
{
    struct answer answer = {.cli = cli};
    int status = EXIT_SUCCESS;

    (void)client_set_data(cli->client, jute_str(path), jute_str(buf_cstr(text)), version,
                          ANSWER(&answer));
    if (!answer_wait(&answer))
        status = answer_say(&answer, path);
    answer_done(&answer);
    return status;
}

/* One that is missing is fine. */
static int delete (struct cli *cli, const char *path)
{
    struct answer answer = {.cli = cli};
    int status = EXIT_SUCCESS;

    (void)client_delete(cli->client, jute_str(path), ANY_VERSION, ANSWER(&answer));
    if (!answer_wait(&answer) && !is_missing(&answer))
        status = answer_say(&answer, path);
    answer_done(&answer);
    return status;
}

/* ---- setquota */

static int check_exists(struct cli *cli, const char *path)
{
    struct answer answer = {.cli = cli};
    int status = EXIT_SUCCESS;

    if (!get(&answer, path))
        status =
            is_missing(&answer) ? cli_say("%s does not exist.", path) : answer_say(&answer, path);
    answer_done(&answer);
    return status;
}

/* Quotas do not nest: only the longest one would count. */
static int check_no_parent_quota(struct cli *cli, const char *path)
{
    int status = EXIT_SUCCESS;

    for (const char *slash = strchr(path + 1, '/'); slash != NULL && status == EXIT_SUCCESS;
         slash = strchr(slash + 1, '/')) {
        int len = (int)(slash - path);
        char *limits = xasprintf(QUOTA_ROOT "%.*s" LIMITS, len, path);
        struct answer answer = {.cli = cli};

        if (get(&answer, limits))
            status = cli_say("%s has a parent %.*s which has a quota", path, len, path);
        else if (!is_missing(&answer))
            status = answer_say(&answer, limits);
        answer_done(&answer);
        free(limits);
    }
    return status;
}

/* The path of a quota below BASE among those of WALK, without the root; NULL for none. */
static char *quota_within(const struct walk *walk, const char *base)
{
    for (size_t i = 0; i < walk->count; i++) {
        const char *path = walk->paths[i];
        size_t len = strlen(path), tail = sizeof LIMITS - 1;

        if (len > strlen(base) + tail && strcmp(path + len - tail, LIMITS) == 0)
            return xasprintf("%.*s", (int)(len - tail - strlen(QUOTA_ROOT)),
                             path + strlen(QUOTA_ROOT));
    }
    return NULL;
}

static int check_no_child_quota(struct cli *cli, const char *path, const char *base)
{
    struct answer answer = {.cli = cli};
    struct walk walk = {0};
    char *child = NULL;
    int status = EXIT_SUCCESS;

    if (get(&answer, base))
        status = walk_subtree(cli, base, &walk);
    else if (!is_missing(&answer))
        status = answer_say(&answer, base);
    if (status == EXIT_SUCCESS)
        child = quota_within(&walk, base);
    if (child != NULL)
        status = cli_say("%s has a child %s which has a quota", path, child);
    free(child);
    walk_done(&walk);
    answer_done(&answer);
    return status;
}

/* BASE and what is above it. */
static int create_parents(struct cli *cli, const char *base)
{
    int status = EXIT_SUCCESS;

    for (const char *end = base + strlen(QUOTA_ROOT); *end != '\0' && status == EXIT_SUCCESS;) {
        char *path;

        end += 1 + strcspn(end + 1, "/");
        path = xasprintf("%.*s", (int)(end - base), base);
        status = create(cli, path, JUTE_NULL);
        free(path);
    }
    return status;
}

/* Limits before stats: only where there are limits do the servers fill in the stats. */
static int write_limits(struct cli *cli, const char *base, char flag, int64_t value)
{
    char *limits_path = xasprintf("%s" LIMITS, base), *stats_path = xasprintf("%s" STATS, base);
    struct answer answer = {.cli = cli};
    struct buf text = {0};
    bool exists = get(&answer, limits_path);
    struct quota_limits limits = quota_text_parse(answer.data.data, answer.data.len);
    int status = EXIT_SUCCESS;

    set_limit(&limits, flag, value);
    quota_text_put(&text, &limits);
    if (exists)
        status = set(cli, limits_path, &text, answer.stat.version);
    else if (!is_missing(&answer))
        status = answer_say(&answer, limits_path);
    else
        status = create(cli, limits_path, jute_str(buf_cstr(&text)));
    if (status == EXIT_SUCCESS)
        status = create(cli, stats_path, jute_str("count=0,bytes=0"));
    buf_done(&text);
    answer_done(&answer);
    free(limits_path);
    free(stats_path);
    return status;
}

int cli_set_quota(struct cli *cli, const struct args *args)
{
    const char *path = args->operands[0];
    struct errtext why;
    int64_t value;
    char flag;
    char *base;
    int status;

    if (limit_arg(args, &flag) != EXIT_SUCCESS || !quota_path_check(cli, path))
        return EXIT_FAILURE;
    if (flag == 0)
        return cli_say("Missing required option: one of -n, -b, -N, -B");
    if (args_i64(args->values[(unsigned char)flag], &value, &why) < 0)
        return cli_say("NumberFormatException happens when parsing the option value");
    if (value <= 0)
        return cli_say("the %s quota must be greater than zero",
                       flag == 'n' || flag == 'N' ? "num" : "bytes");
    base = xasprintf(QUOTA_ROOT "%s", path);
    status = check_exists(cli, path);
    if (status == EXIT_SUCCESS)
        status = check_no_child_quota(cli, path, base);
    if (status == EXIT_SUCCESS)
        status = check_no_parent_quota(cli, path);
    if (status == EXIT_SUCCESS)
        status = create_parents(cli, base);
    if (status == EXIT_SUCCESS)
        status = write_limits(cli, base, flag, value);
    free(base);
    return status;
}

/* ---- listquota */

int cli_list_quota(struct cli *cli, const struct args *args)
{
    const char *path = args->operands[0];
    struct answer answer = {.cli = cli};
    char *limits, *stats;
    int status = EXIT_SUCCESS;

    if (!quota_path_check(cli, path))
        return EXIT_FAILURE;
    limits = xasprintf(QUOTA_ROOT "%s" LIMITS, path);
    stats = xasprintf(QUOTA_ROOT "%s" STATS, path);
    (void)cli_say("absolute path is %s", limits);
    if (get(&answer, limits)) {
        printf("Output quota for %s %s\n", path, buf_cstr(&answer.data));
        if (get(&answer, stats))
            printf("Output stat for %s %s\n", path, buf_cstr(&answer.data));
        else
            status = answer_say(&answer, stats);
    } else if (is_missing(&answer)) {
        status = cli_say("quota for %s does not exist.", path);
    } else {
        status = answer_say(&answer, limits);
    }
    answer_done(&answer);
    free(limits);
    free(stats);
    return status;
}

/* ---- delquota */

/* What lies between BASE and the root of quotas goes too, as far as nothing else needs it. */
static int delete_quota(struct cli *cli, const char *base)
{
    char *path = xasprintf("%s" LIMITS, base);
    struct answer answer = {.cli = cli};
    int status = delete (cli, path);

    free(path);
    path = xasprintf("%s" STATS, base);
    if (status == EXIT_SUCCESS)
        status = delete (cli, path);
    free(path);
    path = xstrdup(base);
    while (status == EXIT_SUCCESS && strcmp(path, QUOTA_ROOT) != 0) {
        (void)client_delete(cli->client, jute_str(path), ANY_VERSION, ANSWER(&answer));
        if (!answer_wait(&answer) && !is_missing(&answer))
            break; /* in use, or not ours to delete: either way it may stay */
        *strrchr(path, '/') = '\0';
    }
    free(path);
    answer_done(&answer);
    return status;
}

int cli_del_quota(struct cli *cli, const struct args *args)
{
    const char *path = args->operands[0];
    struct answer answer = {.cli = cli};
    struct buf text = {0};
    char *base, *limits_path, flag;
    int status;

    if (limit_arg(args, &flag) != EXIT_SUCCESS || !quota_path_check(cli, path))
        return EXIT_FAILURE;
    base = xasprintf(QUOTA_ROOT "%s", path);
    limits_path = xasprintf("%s" LIMITS, base);
    if (!get(&answer, limits_path)) {
        status = is_missing(&answer) ? cli_say("Quota does not exist for %s", path)
                                     : answer_say(&answer, limits_path);
    } else if (flag == 0) {
        status = delete_quota(cli, base);
    } else {
        struct quota_limits limits = quota_text_parse(answer.data.data, answer.data.len);

        set_limit(&limits, flag, QUOTA_NO_LIMIT);
        quota_text_put(&text, &limits);
        status = set(cli, limits_path, &text, answer.stat.version);
    }
    buf_done(&text);
    answer_done(&answer);
    free(base);
    free(limits_path);
    return status;
}
