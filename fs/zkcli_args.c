/* zkcli_args: see zkcli_args.h. */
#include "fs/zkcli_args.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_flag(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && !isdigit((unsigned char)word[1]);
}

/* Takes the flag WORD; *ret_has_value: the next word belongs to it. */
static int take_flag(const char *word, const char *flags, struct args *args, bool *ret_has_value,
                     struct errtext *why)
{
    const char *known = strchr(flags, word[1]);

    if (known == NULL || word[1] == ':' || word[2] != '\0')
        return errtext_set(why, -EINVAL, "Unrecognized option: %s", word);
    args->flags[(unsigned char)word[1]] = true;
    *ret_has_value = known[1] == ':';
    return 0;
}

int args_parse(int count, char *const *words, const char *flags, struct args *ret_args,
               struct errtext *why)
{
    struct args args = {.count = 0};
    bool has_flags = true;

    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        bool has_value = false;

        if (has_flags && strcmp(word, "--") == 0) {
            has_flags = false;
        } else if (has_flags && is_flag(word)) {
            int rc = take_flag(word, flags, &args, &has_value, why);

            if (rc < 0)
                return rc;
            if (has_value && i + 1 == count)
                return errtext_set(why, -EINVAL, "Missing argument for option: %s", word);
            if (has_value)
                args.values[(unsigned char)word[1]] = words[++i];
        } else {
            if (args.count == ARGS_OPERANDS_MAX)
                return errtext_set(why, -EINVAL, "Too many arguments");
            args.operands[args.count++] = word;
        }
    }
    *ret_args = args;
    return 0;
}

int args_i64(const char *text, int64_t *ret_number, struct errtext *why)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno != 0 || *text == '\0' || *end != '\0' || isspace((unsigned char)*text))
        return errtext_set(why, -EINVAL, "Not a number: %s", text);
    *ret_number = number;
    return 0;
}

int args_i32(const char *text, int32_t *ret_number, struct errtext *why)
{
    int64_t number = 0;
    int rc = args_i64(text, &number, why);

    if (rc < 0)
        return rc;
    if (number < INT32_MIN || number > INT32_MAX)
        return errtext_set(why, -EINVAL, "Not a number of 32 bits: %s", text);
    *ret_number = (int32_t)number;
    return 0;
}
