/* notification: see notification.h. */
#include "proto/notification.h"

#include "proto/quorum_types.h"
#include "proto/types.h"

#define BYTES_3_3 28
#define BYTES_3_4_0 36
#define BYTES_3_4_6 40

bool notification_decode(const void *data, size_t len, struct zk_notification *ret)
{
    struct jute_reader r = jute_reader(data, len, NULL);

    *ret = (struct zk_notification){.config = JUTE_NULL};
    get_i32(&r, &ret->state);
    get_i64(&r, &ret->leader);
    get_i64(&r, &ret->zxid);
    get_i64(&r, &ret->round);
    if (len == BYTES_3_3) {
        ret->peer_epoch = zxid_epoch(ret->zxid);
    } else {
        get_i64(&r, &ret->peer_epoch);
        if (len != BYTES_3_4_0)
            get_i32(&r, &ret->version);
        if (len != BYTES_3_4_0 && len != BYTES_3_4_6)
            get_buffer(&r, &ret->config);
        else
            ret->version = 0; /* 3.4.6 says 1, and means this form */
    }
    return !r.bad && ret->state >= PEER_LOOKING && ret->state <= PEER_OBSERVING;
}
