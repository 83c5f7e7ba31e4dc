/* sim: runs seeds of the simulator.
 *
 *     sim [--from S] [--seeds N | --seconds T] [--trace] [--quiet]
 *
 * Exit status 0: all were well. 1: one was not; it was run a second time, for a trace in words. */
#include "tests/sim/sim.h"

#include "proto/base/mem.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct options {
    uint64_t from, seeds;
    double seconds;
    bool trace, worded, quiet, selftest;
};

/* The process runs one seed at a time, and a failed assertion has only a signal handler. */
static struct sim *running;
static char **arguments;

/* A seed is a history: the second run comes to the same point, and tells how. The handler of
 * SIGABRT calls it: the process ends in it, so what it interrupted does not matter.
 * NOLINTBEGIN(bugprone-signal-handler) */
static _Noreturn void fail(struct sim *sim)
{
    char seed[24];

    if (sim->trace.worded) {
        sim_trace_print(&sim->trace, SIM_TRACE_KEPT);
        printf("FAILED: seed %" PRIu64 ", %d servers, %d of them vote, at %.4f s, event %" PRIu64
               ", %" PRIu64 " writes acknowledged\n"
               "again, with everything: make sim FROM=%" PRIu64 " SEEDS=1 TRACE=1\n",
               sim->seed, sim->count, sim->voters, (double)sim->now / 1e6, sim->steps,
               sim->cover.acked, sim->seed);
        (void)fflush(stdout);
        _exit(1);
    }
    (void)fflush(stdout);
    (void)snprintf(seed, sizeof seed, "%" PRIu64, sim->seed);
    execl("/proc/self/exe", arguments[0], "--from", seed, "--seeds", "1", "--worded", (char *)NULL);
    _exit(1);
}
/* NOLINTEND(bugprone-signal-handler) */

void sim_violation(struct sim *sim, const char *fmt, ...)
{
    va_list args;

    if (sim->trace.worded) {
        sim_trace_print(&sim->trace, SIM_TRACE_KEPT);
        sim->trace.count = 0;
        printf("VIOLATION: ");
        va_start(args, fmt);
        (void)vprintf(fmt, args);
        va_end(args);
        printf("\n");
    }
    fail(sim);
}

static void on_abort(int signal_number)
{
    sigset_t set;

    (void)signal_number;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGABRT);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* it would stay blocked in the second run */
    if (running != NULL)
        fail(running);
    _exit(1);
}

static double seconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t run_seed(const struct options *options, uint64_t seed, struct sim_cover *total)
{
    struct sim *sim = xcalloc(1, sizeof *sim);
    uint64_t hash;

    running = sim;
    sim->trace.loud = options->trace;
    sim->trace.worded = options->worded;
    sim_run(sim, seed);
    hash = sim->trace.hash;
    if (total != NULL)
        sim_cover_add(total, &sim->cover);
    sim_done(sim);
    running = NULL;
    free(sim);
    return hash;
}

static bool parse(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--trace") == 0)
            options->trace = options->worded = true;
        else if (strcmp(argv[i], "--worded") == 0)
            options->worded = true;
        else if (strcmp(argv[i], "--quiet") == 0)
            options->quiet = true;
        else if (value == NULL)
            return false;
        else if (strcmp(argv[i], "--from") == 0 && ++i)
            options->from = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--seeds") == 0 && ++i)
            options->seeds = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--seconds") == 0 && ++i)
            options->seconds = strtod(value, NULL);
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options options = {.from = 1, .seeds = UINT64_MAX};
    struct sim_cover total = {0};
    double start = seconds_now();
    uint64_t done = 0, hash = 0;

    arguments = argv;
    if (!parse(argc, argv, &options)) {
        fprintf(stderr, "usage: sim [--from S] [--seeds N] [--seconds T] [--trace] [--quiet]\n");
        return 2;
    }
    if (options.seconds == 0 && options.seeds == UINT64_MAX)
        options.seeds = 100;
    (void)signal(SIGABRT, on_abort);
    printf("sim: first seed %" PRIu64 "\n", options.from);
    for (; done < options.seeds; done++) {
        if (options.seconds > 0 && seconds_now() - start > options.seconds)
            break;
        hash = run_seed(&options, options.from + done, &total);
    }
    /* The same seed gives the same history, or no failure could be looked at. */
    if (done > 0 && !options.trace && run_seed(&options, options.from + done - 1, NULL) != hash) {
        printf("FAILED: seed %" PRIu64 " gave two different traces\n", options.from + done - 1);
        return 1;
    }
    if (!options.quiet)
        sim_cover_print(&total, seconds_now() - start);
    printf("sim: %" PRIu64 " seeds passed, the last one twice with the same trace\n", done);
    return 0;
}
