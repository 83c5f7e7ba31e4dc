/* zkcli_args: the words of one command, taken apart as zkCli.sh does: flags
 * anywhere before "--", some with a value in the next word, the rest operands. A negative
 * number is no flag. Plain value; the strings are borrowed. */
#ifndef ZKFS_FS_ZKCLI_ARGS_H
#define ZKFS_FS_ZKCLI_ARGS_H

#include "proto/base/errtext.h"

#include <stdbool.h>
#include <stdint.h>

#define ARGS_OPERANDS_MAX 8

struct args {
    const char *operands[ARGS_OPERANDS_MAX];
    int count;
    bool flags[128];         /* by letter */
    const char *values[128]; /* of the flags that have one */
};

/* FLAGS as for getopt(3): "sRv:" has a value for v; " file:" behind them is -file with a value,
 * kept under its first letter. Errors: -EINVAL, WHY says which word. */
int args_parse(int count, char *const *words, const char *flags, struct args *ret_args,
               struct errtext *why);

/* A decimal number of 32 bits, or 64. Errors: -EINVAL, WHY says so. */
int args_i32(const char *text, int32_t *ret_number, struct errtext *why);
int args_i64(const char *text, int64_t *ret_number, struct errtext *why);

#endif
