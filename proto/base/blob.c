/* blob: see blob.h. */
#include "proto/base/blob.h"

#include "proto/base/assert.h"
#include "proto/base/mem.h"

#include <stdlib.h>
#include <string.h>

struct blob *blob_new(size_t len)
{
    struct blob *blob;

    ASSERT(len <= INT32_MAX);
    blob = xmalloc(sizeof *blob + len);
    blob->refs = 1;
    blob->len = (uint32_t)len;
    return blob;
}

struct blob *blob_copy(const void *data, size_t len)
{
    struct blob *blob = blob_new(len);

    if (len > 0)
        memcpy(blob->data, data, len);
    return blob;
}

void blob_unref(struct blob *blob)
{
    if (blob == NULL)
        return;
    ASSERT(blob->refs > 0);
    if (--blob->refs == 0)
        free(blob);
}
