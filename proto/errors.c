/* errors: see errors.h. */
#include "proto/errors.h"

const char *zk_err_name(int err)
{
    switch (err) {
#define X(name, number, text) \
    case number:              \
        return &#name[1];
        ZK_ERRORS(X)
#undef X
    default:
        return "UNKNOWN";
    }
}

const char *zk_err_text(int err)
{
    switch (err) {
#define X(name, number, text) \
    case number:              \
        return text;
        ZK_ERRORS(X)
#undef X
    default:
        return "unknown error";
    }
}
