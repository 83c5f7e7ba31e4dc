/* quorum_types: see quorum_types.h. */
#include "proto/quorum_types.h"

const char *quorum_type_name(int type)
{
    switch (type) {
#define X(name, number) \
    case number:        \
        return #name;
        QUORUM_TYPES(X)
#undef X
    default:
        return "unknown";
    }
}
