/* zkcli_words: see zkcli_words.h. */
#include "fs/zkcli_words.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define BLANKS " \t\r\n\v\f"

int words_split(char *line, struct words *ret_words, struct errtext *why)
{
    struct words words = {.count = 0};
    char *at = line + strspn(line, BLANKS);

    while (*at != '\0') {
        bool is_quoted = *at == '\'' || *at == '"';
        char *begin = is_quoted ? at + 1 : at;
        char *end = is_quoted ? strchr(begin, *at) : begin + strcspn(begin, BLANKS);

        if (end == NULL)
            return errtext_set(why, -EINVAL, "Quote without an end: %s", at);
        if (words.count == WORDS_MAX)
            return errtext_set(why, -EINVAL, "More than %d words", WORDS_MAX);
        words.items[words.count++] = begin;
        at = *end == '\0' ? end : end + 1;
        *end = '\0';
        at += strspn(at, BLANKS);
    }
    *ret_words = words;
    return 0;
}
