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

/* Whether NAME is one of the long names, which follow a blank each in FLAGS. */
static bool is_long_name(const char *name, const char *flags)
{
    size_t len = strlen(name);

    while ((flags = strchr(flags, ' ')) != NULL) {
        flags++;
        if (strncmp(flags, name, len) == 0 && flags[len] == ':')
            return true;
    }
    return false;
}

/* Whether FLAGS has the single LETTER; *ret_has_value: and it wants a value. */
static bool is_letter(char letter, const char *flags, bool *ret_has_value)
{
    size_t count = strcspn(flags, " ");
    const char *known = letter == ':' ? NULL : memchr(flags, letter, count);

    if (known == NULL)
        return false;
    *ret_has_value = known[1] == ':';
    return true;
}

/* Takes the flag WORD, or the letters of several, the last of which may have its value behind
 * it. *ret_key: whose value is the next word, or 0. */
static int take_flags(const char *word, const char *flags, struct args *args,
                      unsigned char *ret_key, struct errtext *why)
{
    *ret_key = 0;
    if (is_long_name(word + 1, flags)) {
        *ret_key = (unsigned char)word[1];
        args->flags[*ret_key] = true;
        return 0;
    }
    for (const char *at = word + 1; *at != '\0'; at++) {
        bool has_value;

        if (!is_letter(*at, flags, &has_value))
            return errtext_set(why, -EINVAL, "Unrecognized option: %s", word);
        args->flags[(unsigned char)*at] = true;
        if (has_value && at[1] == '\0')
            *ret_key = (unsigned char)*at;
        if (has_value && at[1] != '\0') {
            args->values[(unsigned char)*at] = at + 1;
            return 0;
        }
    }
    return 0;
}

int args_parse(int count, char *const *words, const char *flags, struct args *ret_args,
               struct errtext *why)
{
    struct args args = {.count = 0};
    bool has_flags = true;

    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        unsigned char key;

        if (has_flags && strcmp(word, "--") == 0) {
            has_flags = false;
        } else if (has_flags && is_flag(word)) {
            int rc = take_flags(word, flags, &args, &key, why);

            if (rc < 0)
                return rc;
            if (key != 0 && i + 1 == count)
                return errtext_set(why, -EINVAL, "Missing argument for option: %s", word);
            if (key != 0 && args.values[key] != NULL)
                return errtext_set(why, -EINVAL, "Option given twice: %s", word);
            if (key != 0)
                args.values[key] = words[++i];
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
