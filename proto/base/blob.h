/* blob: immutable bytes with many holders (a txn on its way to log, peers and
 * tree). Counted with a plain int: only the loop refs and unrefs; another
 * thread gets a blob lent for the time of a job. */
#ifndef ZKFS_PROTO_BASE_BLOB_H
#define ZKFS_PROTO_BASE_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct blob {
    int refs;
    uint32_t len;
    uint8_t data[];
};

/* Gives a blob with one reference whose LEN bytes the caller fills before it
 * shows it to anybody. */
struct blob *blob_new(size_t len);

/* Gives a copy of the bytes, with one reference. */
struct blob *blob_copy(const void *data, size_t len);

/* One more holder; returns BLOB. */
static inline struct blob *blob_ref(struct blob *blob)
{
    blob->refs++;
    return blob;
}

/* One holder less; the last one frees it. NULL is accepted. */
void blob_unref(struct blob *blob);

#endif
