/* Fuzzer of election notifications, in all their forms: whatever decodes and is sent on in the
 * present form decodes to the same vote. */
#include "proto/base/assert.h"
#include "proto/notification.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zk_notification first, second;
    struct buf b = {0}, again = {0};

    if (!notification_decode(data, size, &first))
        return 0;
    put_notification(&b, &first);
    ASSERT(notification_decode(b.data, b.len, &second));
    put_notification(&again, &second);
    ASSERT(again.len == b.len && memcmp(again.data, b.data, b.len) == 0);
    buf_done(&b);
    buf_done(&again);
    return 0;
}
