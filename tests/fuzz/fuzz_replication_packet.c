/* Fuzzer of quorum packets: whatever decodes, encodes to bytes that decode to the same message;
 * no more is taken than there is. The input is a stream of packets, as it comes from a socket. */
#include "proto/base/assert.h"
#include "replication/packet.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A type that we do not know loses its data, a boolean of 2 becomes 1: so what was encoded is
 * decoded and encoded once more, and then nothing may change. */
static void encode_again(const struct peer_msg *msg)
{
    struct buf first = {0}, second = {0};
    struct peer_msg again;

    packet_encode(&first, msg);
    ASSERT(packet_decode(first.data, first.len, &again) == (int)first.len);
    packet_encode(&second, &again);
    ASSERT(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    peer_msg_done(&again);
    buf_done(&first);
    buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct peer_msg msg;
    struct buf text = {0};

    for (;;) {
        int rc = packet_decode(data, size, &msg);

        if (rc <= 0)
            break;
        ASSERT((size_t)rc <= size);
        encode_again(&msg);
        packet_print(&text, &msg);
        peer_msg_done(&msg);
        data += rc;
        size -= (size_t)rc;
    }
    buf_done(&text);
    return 0;
}
