/* zkcli_words: a typed line taken apart into words as zkCli.sh does: blanks separate them; a word
 * that begins with ' or " reaches to the next one like it, and is what lies between. Quotes
 * elsewhere and backslashes are characters like any other. Pure. */
#ifndef ZKFS_FS_ZKCLI_WORDS_H
#define ZKFS_FS_ZKCLI_WORDS_H

#include "proto/base/errtext.h"

#define WORDS_MAX 64

struct words {
    char *items[WORDS_MAX]; /* into the line */
    int count;              /* 0 for a blank line */
};

/* Cuts LINE into words, in place: it gets NULs and must outlive them.
 * Errors: -EINVAL, a quote without its other half or too many words; WHY says which. */
int words_split(char *line, struct words *ret_words, struct errtext *why);

#endif
