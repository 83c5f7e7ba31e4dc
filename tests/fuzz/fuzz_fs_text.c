/* Fuzzer of what users type for the client side: lines and words of zkcli, lists of servers,
 * options of the mount. The first byte says which. */
#include "fs/hosts.h"
#include "fs/mount_options.h"
#include "fs/zkcli_args.h"
#include "fs/zkcli_words.h"
#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Flags as the commands have them: with values, without, and a long one. */
static const char *const flags[] = {"", "sRw", "sv:", "scet:", "dcalo file:"};

static void check_words(char *line)
{
    size_t len = strlen(line);
    struct errtext why = {.text = ""};
    struct words words;
    struct args args;
    int64_t number;

    if (words_split(line, &words, &why) < 0) {
        ASSERT(why.text[0] != '\0');
        return;
    }
    ASSERT(words.count >= 0 && words.count <= WORDS_MAX);
    for (int i = 0; i < words.count; i++) {
        ASSERT(words.items[i] >= line && words.items[i] <= line + len);
        (void)args_i64(words.items[i], &number, &why);
    }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (args_parse(words.count, words.items, flags[i], &args, &why) == 0)
            ASSERT(args.count >= 0 && args.count <= ARGS_OPERANDS_MAX);
}

static void check_hosts(const char *text)
{
    struct errtext why = {.text = ""};
    struct hosts hosts = {0};

    if (hosts_parse(text, &hosts, &why) < 0) {
        ASSERT(why.text[0] != '\0');
        return;
    }
    ASSERT(hosts.count > 0);
    ASSERT(hosts.chroot[0] == '\0' || (hosts.chroot[0] == '/' && hosts.chroot[1] != '\0'));
    hosts_done(&hosts);
}

static void check_options(char *text)
{
    char program[] = "mount.zkfs", source[] = "127.0.0.1:2181", directory[] = "/mnt", flag[] = "-o";
    char *argv[] = {program, source, directory, flag, text, NULL};
    struct mount_options options = {0};
    struct errtext why = {.text = ""};

    if (mount_options_parse(5, argv, &options, &why) < 0)
        ASSERT(why.text[0] != '\0');
    mount_options_done(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0)
        return 0;
    text = xmalloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] % 3 == 0)
        check_words(text);
    else if (data[0] % 3 == 1)
        check_hosts(text);
    else
        check_options(text);
    free(text);
    return 0;
}
