/* A main() for a fuzzer where libFuzzer is not at hand (gcc): replays the inputs of a corpus,
 * then runs a number of random mutations of them. Same seed, same inputs. For the coverage-guided
 * search there is `make fuzz`; this is its regression test and a smoke test.
 *
 *     fuzz_x [-runs=N] [-seed=N] [-crash=FILE] [FILE | DIRECTORY]...
 *
 * The fuzzer runs in a child with the input in shared memory, so that whatever ends the child (a
 * sanitizer, an ASSERT, a hang of more than 60 s) the input is at hand: it is written to FILE.
 * Exit status 0 when nothing went wrong, 1 when an input did, 2 for wrong arguments. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 16, CORPUS_MAX = 4096, MUTATIONS_MAX = 8, HANG_S = 60 };

struct input {
    uint8_t *data;
    size_t size;
};

/* What the child is at, for the parent to read when it has died. */
struct current {
    size_t size;
    uint64_t runs;
    uint8_t data[INPUT_MAX];
};

struct fuzz {
    struct input corpus[CORPUS_MAX];
    size_t corpus_count;
    struct current *current;
    uint64_t random;
};

static void or_die(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- corpus ---- */

static void load_file(struct fuzz *f, const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_MAX);
    size_t size;

    or_die(file != NULL, path);
    or_die(data != NULL, "malloc");
    size = fread(data, 1, INPUT_MAX, file);
    or_die(!ferror(file), path);
    (void)fclose(file);
    errno = E2BIG;
    or_die(f->corpus_count < CORPUS_MAX, "corpus");
    f->corpus[f->corpus_count++] = (struct input){data, size};
}

/* Sorted: the same seed must meet the same inputs in the same order. */
static void load(struct fuzz *f, const char *path)
{
    struct dirent **entries;
    struct stat st;
    int count;

    or_die(stat(path, &st) == 0, path);
    if (!S_ISDIR(st.st_mode)) {
        load_file(f, path);
        return;
    }
    count = scandir(path, &entries, NULL, alphasort);
    or_die(count >= 0, path);
    for (int i = 0; i < count; i++) {
        char *file;

        or_die(asprintf(&file, "%s/%s", path, entries[i]->d_name) >= 0, "asprintf");
        if (entries[i]->d_name[0] != '.')
            load_file(f, file);
        free(file);
        free(entries[i]);
    }
    free(entries);
}

/* ---- mutation ---- */

/* xorshift64*: all that is asked of it is to be the same everywhere. */
static uint64_t next_random(struct fuzz *f)
{
    f->random ^= f->random >> 12;
    f->random ^= f->random << 25;
    f->random ^= f->random >> 27;
    return f->random * UINT64_C(0x2545F4914F6CDD1D);
}

static size_t below(struct fuzz *f, size_t limit)
{
    return limit == 0 ? 0 : (size_t)(next_random(f) >> 16) % limit;
}

/* Lengths and counts are big-endian 32-bit integers in our formats: the ones that hurt. */
static void put_interesting(struct fuzz *f, struct current *c)
{
    static const uint32_t interesting[] = {0,          1,        2,          0x7f,       0xff,
                                           0xffff,     0x10000,  0x7fffffff, 0x80000000, 0xffffffff,
                                           0xfffffffe, 0x100000, 0x3fffffff};
    uint32_t value = interesting[below(f, sizeof(interesting) / sizeof(interesting[0]))];
    size_t at;

    if (c->size < sizeof(value))
        return;
    at = below(f, c->size - sizeof(value) + 1);
    for (size_t i = 0; i < sizeof(value); i++)
        c->data[at + i] = (uint8_t)(value >> (24 - 8 * i));
}

static void remove_bytes(struct fuzz *f, struct current *c)
{
    size_t at = below(f, c->size);
    size_t length = below(f, c->size - at + 1);

    memmove(c->data + at, c->data + at + length, c->size - at - length);
    c->size -= length;
}

/* Puts a piece of some input of the corpus anywhere. */
static void splice(struct fuzz *f, struct current *c)
{
    const struct input *other = &f->corpus[below(f, f->corpus_count)];
    size_t from = below(f, other->size);
    size_t length = below(f, other->size - from + 1);
    size_t at = below(f, c->size + 1);

    if (c->size + length > INPUT_MAX)
        return;
    memmove(c->data + at + length, c->data + at, c->size - at);
    memcpy(c->data + at, other->data + from, length);
    c->size += length;
}

static void mutate_once(struct fuzz *f, struct current *c)
{
    switch (below(f, 6)) {
    case 0:
        if (c->size > 0)
            c->data[below(f, c->size)] ^= (uint8_t)(1u << below(f, 8));
        break;
    case 1:
        if (c->size > 0)
            c->data[below(f, c->size)] = (uint8_t)next_random(f);
        break;
    case 2:
        put_interesting(f, c);
        break;
    case 3:
        remove_bytes(f, c);
        break;
    case 4:
        splice(f, c);
        break;
    default:
        c->size = below(f, c->size + 1);
        break;
    }
}

static void mutate(struct fuzz *f, struct current *c)
{
    const struct input *start = &f->corpus[below(f, f->corpus_count)];
    size_t count = 1 + below(f, MUTATIONS_MAX);

    memcpy(c->data, start->data, start->size);
    c->size = start->size;
    for (size_t i = 0; i < count; i++)
        mutate_once(f, c);
}

/* ---- running ---- */

/* A copy of exactly the right size, so that a sanitizer sees a read behind its end. */
static void run_current(struct current *c)
{
    uint8_t *copy = malloc(c->size > 0 ? c->size : 1);

    or_die(copy != NULL, "malloc");
    memcpy(copy, c->data, c->size);
    (void)alarm(HANG_S);
    (void)LLVMFuzzerTestOneInput(copy, c->size);
    c->runs++;
    free(copy);
}

__attribute__((noreturn)) static void child(struct fuzz *f, uint64_t runs)
{
    struct current *c = f->current;

    for (size_t i = 0; i < f->corpus_count; i++) {
        memcpy(c->data, f->corpus[i].data, f->corpus[i].size);
        c->size = f->corpus[i].size;
        run_current(c);
    }
    for (uint64_t i = 0; i < runs; i++) {
        mutate(f, c);
        run_current(c);
    }
    (void)alarm(0);
    for (size_t i = 0; i < f->corpus_count; i++)
        free(f->corpus[i].data);
    exit(EXIT_SUCCESS); /* the leak check is an exit handler */
}

static void save_crash(const struct current *c, const char *path)
{
    FILE *file = fopen(path, "wb");

    or_die(file != NULL, path);
    (void)fwrite(c->data, 1, c->size, file);
    or_die(fclose(file) == 0, path);
}

int main(int argc, char **argv)
{
    static struct fuzz f = {.random = 1};
    const char *crash_path = "crash-input";
    uint64_t runs = 0;
    int status;
    pid_t pid;

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-runs=", 6) == 0)
            runs = strtoull(argv[i] + 6, NULL, 0);
        else if (strncmp(argv[i], "-seed=", 6) == 0)
            f.random = strtoull(argv[i] + 6, NULL, 0) | 1; /* zero would stay zero */
        else if (strncmp(argv[i], "-crash=", 7) == 0)
            crash_path = argv[i] + 7;
        else
            load(&f, argv[i]);
    }
    if (f.corpus_count == 0) /* then from nothing */
        f.corpus[f.corpus_count++] = (struct input){calloc(1, 1), 1};
    f.current =
        mmap(NULL, sizeof(*f.current), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    or_die(f.current != MAP_FAILED, "mmap");

    pid = fork();
    or_die(pid >= 0, "fork");
    if (pid == 0)
        child(&f, runs);
    or_die(waitpid(pid, &status, 0) == pid, "waitpid");
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
        (void)printf("%s: %" PRIu64 " inputs, %zu of them kept\n", program_invocation_short_name,
                     f.current->runs, f.corpus_count);
        return EXIT_SUCCESS;
    }
    save_crash(f.current, crash_path);
    (void)printf("%s: input %" PRIu64 " ended it (%s %d); the input is in %s\n",
                 program_invocation_short_name, f.current->runs,
                 WIFSIGNALED(status) ? "signal" : "exit status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), crash_path);
    return EXIT_FAILURE;
}
