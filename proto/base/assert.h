/* assert: the two ways to stop. ASSERT for a bug of ours (stays on in
 * releases), die() when nothing can be promised any more (disk lost, out of
 * memory). Never for bytes from a socket or a disk, or for configuration. */
#ifndef ZKFS_PROTO_BASE_ASSERT_H
#define ZKFS_PROTO_BASE_ASSERT_H

#define ASSERT(cond)                                            \
    do {                                                        \
        if (__builtin_expect(!(cond), 0))                       \
            assert_failed(#cond, __FILE__, __LINE__, __func__); \
    } while (0)

_Noreturn void assert_failed(const char *cond, const char *file, int line, const char *func);

/* Ends the process with the message on stderr, as a crash (abort) that leaves
 * everything durable as it is. Say what, where and what to do. Any thread. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
