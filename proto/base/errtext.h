/* errtext: the sentence that a person will read when the machine refused.
 * Travels beside a -errno result; each layer may put what it knows in front,
 * so that the reader gets one line with file, key or path, cause and remedy. */
#ifndef ZKFS_PROTO_BASE_ERRTEXT_H
#define ZKFS_PROTO_BASE_ERRTEXT_H

struct errtext {
    char text[512];
};

/* Writes the text; longer ones are cut. Returns RC, so that a caller can say
 * `return errtext_set(why, -EINVAL, "...")`. WHY may be NULL. */
int errtext_set(struct errtext *why, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with ": " and strerror(errno) behind it; returns -errno. */
int errtext_errno(struct errtext *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " in front of what is there. */
void errtext_prefix(struct errtext *why, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
