/* admin_words: see admin_words.h. One table says which words there are; here are also the
 * short answers, which are made at once. */
#include "server/admin_words.h"

#include "proto/base/bytes.h"
#include "server/admin_answer.h"
#include "server/version.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define TELNET_INTERRUPT 0xfff4fffdu
#define WORD_BYTES 4
#define MASK_BYTES 8 /* what follows stmk */

/* A short answer; ARGUMENT is what followed the word, of the row's length. */
typedef void (*word_answer)(struct admin *admin, const uint8_t *argument, struct buf *b);
typedef struct admin_answer *(*word_long_answer)(const struct admin *admin);

static struct admin_facts facts_of(const struct admin *admin)
{
    struct admin_facts facts = {0};

    admin->facts(admin->arg, &facts);
    return facts;
}

static void answer_ruok(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    (void)admin;
    (void)argument;
    buf_printf(b, "imok");
}

static void answer_isro(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    (void)admin;
    (void)argument;
    buf_printf(b, "rw");
}

void admin_put_average(const struct summary *values, struct buf *b)
{
    char text[64];
    size_t len;
    double average = values->count == 0 ? 0 : (double)values->sum / (double)values->count;

    len = (size_t)snprintf(text, sizeof text, "%.4f", average);
    while (len > 3 && text[len - 1] == '0' && text[len - 2] != '.')
        len--;
    buf_append(b, text, len);
}

void admin_put_version(struct buf *b)
{
    buf_printf(b, "Zookeeper version: %s\n", ZKFS_VERSION_LINE);
}

void admin_put_server(const struct admin_facts *f, struct buf *b)
{
    buf_printf(b, "Latency min/avg/max: %" PRId64 "/", f->core.latency.min);
    admin_put_average(&f->core.latency, b);
    buf_printf(b, "/%" PRId64 "\n", f->core.latency.max);
    buf_printf(b, "Received: %" PRIu64 "\n", f->core.packets_received);
    buf_printf(b, "Sent: %" PRIu64 "\n", f->core.packets_sent);
    buf_printf(b, "Connections: %zu\n", f->connections.open);
    buf_printf(b, "Outstanding: %zu\n", f->core.outstanding);
    buf_printf(b, "Zxid: 0x%" PRIx64 "\n", (uint64_t)f->zxid);
    buf_printf(b, "Mode: %s\n", f->mode);
    buf_printf(b, "Node count: %zu\n", f->znodes);
}

static void answer_srvr(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    struct admin_facts facts = facts_of(admin);

    (void)argument;
    admin_put_version(b);
    admin_put_server(&facts, b);
}

static void answer_mntr(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    struct admin_facts facts = facts_of(admin);

    (void)argument;
    admin_put_mntr(&facts, b);
}

/* Apache's dataDir is that of its snapshots, a folder in the one of zoo.cfg: so is ours. */
static void answer_conf(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    const struct config *c = admin->config;
    struct admin_facts facts = facts_of(admin);

    (void)argument;
    buf_printf(b, "clientPort=%d\nsecureClientPort=-1\n", facts.client_port);
    buf_printf(b, "dataDir=%s/zkfs\ndataDirSize=%" PRIu64 "\n", c->data_dir,
               facts.checkpoint_bytes);
    buf_printf(b, "dataLogDir=%s/zkfs\ndataLogSize=%" PRIu64 "\n", c->data_log_dir,
               facts.log_bytes);
    buf_printf(b, "tickTime=%d\nmaxClientCnxns=%d\n", c->tick_ms, c->client_cnxns_max);
    buf_printf(b, "minSessionTimeout=%d\nmaxSessionTimeout=%d\n", c->min_session_timeout_ms,
               c->max_session_timeout_ms);
    buf_printf(b, "clientPortListenBacklog=%d\nserverId=0\n", c->listen_backlog);
}

static void answer_dirs(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    struct admin_facts facts = facts_of(admin);

    (void)argument;
    buf_printf(b, "datadir_size: %" PRIu64 "\nlogdir_size: %" PRIu64 "\n", facts.checkpoint_bytes,
               facts.log_bytes);
}

/* Apache's lines without those about Java. */
static void answer_envi(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    struct utsname system;
    const struct passwd *user = getpwuid(getuid());
    char dir[4096];

    (void)admin;
    (void)argument;
    (void)uname(&system); /* fails for a bad address only */
    buf_printf(b, "Environment:\nzookeeper.version=%s\nhost.name=%s\n", ZKFS_VERSION_LINE,
               system.nodename);
    buf_printf(b, "os.name=%s\nos.arch=%s\nos.version=%s\n", system.sysname, system.machine,
               system.release);
    if (user != NULL)
        buf_printf(b, "user.name=%s\nuser.home=%s\n", user->pw_name, user->pw_dir);
    if (getcwd(dir, sizeof dir) != NULL)
        buf_printf(b, "user.dir=%s\n", dir);
}

static void answer_hash(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    uint64_t digest;
    zk_zxid zxid;

    (void)argument;
    for (size_t i = 0; core_digest_logged(admin->core, i, &zxid, &digest); i++)
        buf_printf(b, "%" PRIx64 ": %" PRIu64 "\n", (uint64_t)zxid, digest);
}

static void answer_srst(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    (void)argument;
    core_stats_reset(admin->core);
    connections_stats_reset(admin->connections);
    buf_printf(b, "Server stats reset.\n");
}

static void answer_crst(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    (void)argument;
    connections_reset_each(admin->connections);
    buf_printf(b, "Connection stats reset.\n");
}

static void answer_gtmk(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    (void)argument;
    buf_printf(b, "%" PRId64, admin->trace_mask);
}

static void answer_stmk(struct admin *admin, const uint8_t *argument, struct buf *b)
{
    admin->trace_mask = (int64_t)load_be64(argument);
    buf_printf(b, "%" PRId64, admin->trace_mask);
}

static const struct word {
    const char *name;
    word_answer answer; /* or: */
    word_long_answer long_answer;
    size_t argument_bytes;
} words[] = {
    {.name = "ruok", .answer = answer_ruok},
    {.name = "srvr", .answer = answer_srvr},
    {.name = "mntr", .answer = answer_mntr},
    {.name = "isro", .answer = answer_isro},
    {.name = "stat", .long_answer = admin_answer_stat},
    {.name = "cons", .long_answer = admin_answer_cons},
    {.name = "dump", .long_answer = admin_answer_dump},
    {.name = "wchs", .long_answer = admin_answer_wchs},
    {.name = "wchc", .long_answer = admin_answer_wchc},
    {.name = "wchp", .long_answer = admin_answer_wchp},
    {.name = "conf", .answer = answer_conf},
    {.name = "envi", .answer = answer_envi},
    {.name = "dirs", .answer = answer_dirs},
    {.name = "hash", .answer = answer_hash},
    {.name = "srst", .answer = answer_srst},
    {.name = "crst", .answer = answer_crst},
    {.name = "gtmk", .answer = answer_gtmk},
    {.name = "stmk", .answer = answer_stmk, .argument_bytes = MASK_BYTES},
};

#define WORD_COUNT (sizeof words / sizeof words[0])

_Static_assert(WORD_COUNT <= 8 * sizeof(admin_word_set), "a bit for each word");

static const struct word *find_word(const char *name, size_t len)
{
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (len == 4 && memcmp(words[i].name, name, 4) == 0)
            return &words[i];
    }
    return NULL;
}

static admin_word_set bit_of(const struct word *word)
{
    return (admin_word_set)1 << (word - words);
}

static void allow_one(const char *name, size_t len, void (*unknown)(void *arg, const char *word),
                      void *arg, admin_word_set *ret)
{
    const struct word *word = find_word(name, len);
    char text[64];

    if (len == 1 && *name == '*') {
        for (size_t i = 0; i < WORD_COUNT; i++)
            *ret |= bit_of(&words[i]);
    } else if (word != NULL) {
        *ret |= bit_of(word);
    } else if (len > 0) {
        (void)snprintf(text, sizeof text, "%.*s", (int)(len < 60 ? len : 60), name);
        unknown(arg, text);
    }
}

void admin_words_allow(const char *list, void (*unknown)(void *arg, const char *word), void *arg,
                       admin_word_set *ret)
{
    static const char separators[] = ", \t";

    while (*list != '\0') {
        size_t len = strcspn(list, separators);

        allow_one(list, len, unknown, arg, ret);
        list += len;
        list += strspn(list, separators);
    }
}

enum word_outcome admin_words_answer(struct admin *admin, const uint8_t *data, size_t len,
                                     struct buf *answer, struct admin_answer **ret_rest)
{
    const struct word *word = find_word((const char *)data, WORD_BYTES);

    if (load_be32(data) == TELNET_INTERRUPT)
        return WORD_ANSWERED;
    if (word == NULL)
        return WORD_NONE;
    if ((admin->allowed & bit_of(word)) == 0) {
        buf_printf(answer, "%s is not executed because it is not in the whitelist.\n", word->name);
        return WORD_ANSWERED;
    }
    if (len < WORD_BYTES + word->argument_bytes)
        return WORD_CUT_SHORT;
    if (word->answer != NULL) {
        word->answer(admin, data + WORD_BYTES, answer);
        return WORD_ANSWERED;
    }
    *ret_rest = word->long_answer(admin);
    return WORD_ANSWERED;
}
