/* opcodes: see opcodes.h. */
#include "proto/opcodes.h"

const char *zk_op_name(int op)
{
    switch (op) {
#define X(name, number, text, word) \
    case number:                    \
        return text;
        ZK_OPS(X)
#undef X
    default:
        return "unknown";
    }
}

const char *zk_op_word(int op)
{
    switch (op) {
#define X(name, number, text, word) \
    case number:                    \
        return word;
        ZK_OPS(X)
#undef X
    default:
        return "NA";
    }
}
