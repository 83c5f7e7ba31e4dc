/* zkfsd: the server. In the foreground, logs on stderr. Exit status 0 after a clean
 * stop, 1 when it cannot start or go on, 2 for a wrong command line or zoo.cfg. */
#include "proto/base/log.h"
#include "server/config.h"
#include "server/config_keys.h"
#include "server/server.h"
#include "server/version.h"

#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define BLOCK_BYTES_MAX (1 << 20)
#define FREE_BYTES_MAX (4 << 20)

enum { EXIT_CANNOT_RUN = 1, EXIT_USAGE = 2 };

struct process {
    uv_loop_t loop;
    uv_signal_t terminate, interrupt;
    struct server *server;
};

static void print_usage(FILE *to)
{
    (void)fprintf(to, "usage: zkfsd [-cv] CONF\n"
                      "       zkfsd --help | --version\n");
}

static void print_help(void)
{
    print_usage(stdout);
    (void)printf("\nServes ZooKeeper clients from one server. CONF is a zoo.cfg.\n"
                 "  -c, --check    only check CONF\n"
                 "  -v, --verbose  log more: why each connection was closed\n"
                 "\nKeys of CONF (others of Apache ZooKeeper's are accepted without effect):\n");
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];

        if (key->use != CONFIG_USED)
            continue;
        (void)printf("  %-26s %s", key->name, key->text);
        if (key->standard != NULL)
            (void)printf(" [%s]", key->standard);
        (void)printf("\n");
    }
}

static void on_note(void *arg, bool is_warning, const char *text)
{
    (void)arg;
    if (is_warning)
        log_warn("%s", text);
    else
        log_info("%s", text);
}

/* As many connections as the administrator allows. */
static void raise_fd_limit(void)
{
    struct rlimit fds;

    if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur < fds.rlim_max) {
        fds.rlim_cur = fds.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &fds); /* works without as well */
    }
}

/* From here a second signal ends the process at once; what is acknowledged is safe. */
static void on_signal(uv_signal_t *handle, int number)
{
    struct process *process = handle->data;

    log_info("zkfsd: stopping: signal=%s", strsignal(number));
    server_stop(process->server);
    uv_close((uv_handle_t *)&process->terminate, NULL);
    uv_close((uv_handle_t *)&process->interrupt, NULL);
}

static void catch_signals(struct process *process)
{
    (void)signal(SIGPIPE, SIG_IGN);
    process->terminate.data = process->interrupt.data = process;
    (void)uv_signal_init(&process->loop, &process->terminate);
    (void)uv_signal_init(&process->loop, &process->interrupt);
    (void)uv_signal_start(&process->terminate, on_signal, SIGTERM);
    (void)uv_signal_start(&process->interrupt, on_signal, SIGINT);
}

static void run_loop(struct process *process)
{
    catch_signals(process);
    (void)fprintf(stderr, "zkfsd: ready: clientPort=%d\n", server_port(process->server));
    (void)uv_run(&process->loop, UV_RUN_DEFAULT);
    server_free(process->server);
    log_info("zkfsd: stopped");
}

/* Free memory at the end of a thread's heap goes back to the system, and blocks as large as
 * our tables may get come from it one by one. Left to itself glibc raises both bounds with the
 * first large block that is freed: then a checkpoint's pages, as many as the tree's, would stay
 * with us, and malloc_trim(3) stops every thread that wants memory while it looks for them. */
static void bound_free_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, BLOCK_BYTES_MAX); /* known options cannot fail */
    (void)mallopt(M_TRIM_THRESHOLD, FREE_BYTES_MAX);
}

static int serve(const struct config *config)
{
    struct process process = {0};
    struct errtext why;
    int status = EXIT_SUCCESS;

    raise_fd_limit();
    bound_free_memory();
    log_info("zkfsd: starting: version=%s dataDir=%s dataLogDir=%s", ZKFS_VERSION, config->data_dir,
             config->data_log_dir);
    (void)uv_loop_init(&process.loop);
    if (server_start(&process.loop, config, &process.server, &why) == 0) {
        run_loop(&process);
    } else {
        (void)fprintf(stderr, "zkfsd: %s\n", why.text);
        status = EXIT_CANNOT_RUN;
    }
    (void)uv_loop_close(&process.loop);
    return status;
}

static int run(const char *path, bool only_check)
{
    struct config config;
    struct errtext why;
    int status = EXIT_SUCCESS;

    if (config_read(path, on_note, NULL, &config, &why) < 0) {
        (void)fprintf(stderr, "zkfsd: %s\n", why.text);
        return EXIT_USAGE;
    }
    if (only_check)
        (void)printf("%s: ok\n", path);
    else
        status = serve(&config);
    config_done(&config);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"check", no_argument, NULL, 'c'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    bool only_check = false;
    int option;

    while ((option = getopt_long(argc, argv, "cvh", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            only_check = true;
            break;
        case 'v':
            log_set_level(LOG_LEVEL_DEBUG);
            break;
        case 'h':
            print_help();
            return EXIT_SUCCESS;
        case 'V':
            (void)printf("zkfsd %s\n", ZKFS_VERSION);
            return EXIT_SUCCESS;
        default:
            print_usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind + 1 != argc) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    return run(argv[optind], only_check);
}
