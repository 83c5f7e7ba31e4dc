/* sim_process: where a process ends, in one that has many. A store that can promise
 * nothing any more calls die(): whoever runs below sim_process_run() ends only that, as a
 * crash that leaves everything as it is. Its lines for the operator's log come here too. */
#ifndef ZKFS_TESTS_SIM_SIM_PROCESS_H
#define ZKFS_TESTS_SIM_SIM_PROCESS_H

#include <stdbool.h>

/* False: it died in the middle, and what it held in its hands is lost with it. MAY_DIE:
 * such a loss is no leak (to a sanitizer). */
bool sim_process_run(void (*run)(void *arg), void *arg, bool may_die);

/* Ends, at this point, what runs: as kill -9 does. */
_Noreturn void sim_process_kill(void);

/* What the one that died last had to say; "" if it was killed. */
const char *sim_process_last_words(void);

/* HEAR is told every line of a log; NULL: nobody. */
void sim_process_on_log(void (*hear)(void *arg, const char *line), void *arg);

#endif
