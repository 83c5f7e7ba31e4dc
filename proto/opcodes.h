/* opcodes: the operations of the client protocol and the types of txns, by
 * their numbers on the wire [ZooDefs.OpCode]. */
#ifndef ZKFS_PROTO_OPCODES_H
#define ZKFS_PROTO_OPCODES_H

/*       op                 number  name in logs      word in `cons` */
#define ZK_OPS(X)                                                        \
    X(OP_NOTIFICATION, 0, "notification", "NOTI")                        \
    X(OP_CREATE, 1, "create", "CREA")                                    \
    X(OP_DELETE, 2, "delete", "DELE")                                    \
    X(OP_EXISTS, 3, "exists", "EXIS")                                    \
    X(OP_GET_DATA, 4, "getData", "GETD")                                 \
    X(OP_SET_DATA, 5, "setData", "SETD")                                 \
    X(OP_GET_ACL, 6, "getACL", "GETA")                                   \
    X(OP_SET_ACL, 7, "setACL", "SETA")                                   \
    X(OP_GET_CHILDREN, 8, "getChildren", "GETC")                         \
    X(OP_SYNC, 9, "sync", "SYNC")                                        \
    X(OP_PING, 11, "ping", "PING")                                       \
    X(OP_GET_CHILDREN2, 12, "getChildren2", "GETC")                      \
    X(OP_CHECK, 13, "check", "CHEC")                                     \
    X(OP_MULTI, 14, "multi", "MULT")                                     \
    X(OP_CREATE2, 15, "create2", "CREA")                                 \
    X(OP_RECONFIG, 16, "reconfig", "RECO")                               \
    X(OP_CHECK_WATCHES, 17, "checkWatches", "CHKW")                      \
    X(OP_REMOVE_WATCHES, 18, "removeWatches", "REMW")                    \
    X(OP_CREATE_CONTAINER, 19, "createContainer", "CREA")                \
    X(OP_DELETE_CONTAINER, 20, "deleteContainer", "DELE")                \
    X(OP_CREATE_TTL, 21, "createTTL", "CREA")                            \
    X(OP_MULTI_READ, 22, "multiRead", "MLTR")                            \
    X(OP_AUTH, 100, "auth", "AUTH")                                      \
    X(OP_SET_WATCHES, 101, "setWatches", "SETW")                         \
    X(OP_SASL, 102, "sasl", "SASL")                                      \
    X(OP_GET_EPHEMERALS, 103, "getEphemerals", "GETE")                   \
    X(OP_GET_ALL_CHILDREN_NUMBER, 104, "getAllChildrenNumber", "GETACN") \
    X(OP_SET_WATCHES2, 105, "setWatches2", "STW2")                       \
    X(OP_ADD_WATCH, 106, "addWatch", "ADDW")                             \
    X(OP_WHO_AM_I, 107, "whoAmI", "HOMI")                                \
    X(OP_CREATE_SESSION, -10, "createSession", "SESS")                   \
    X(OP_CLOSE_SESSION, -11, "closeSession", "CLOS")                     \
    X(OP_ERROR, -1, "error", "NA")

enum zk_op {
#define X(name, number, text, word) name = number,
    ZK_OPS(X)
#undef X
};

/* The name ("setData") and Apache's word ("SETD"); "unknown" and "NA" for a
 * number that is none of ours. Any thread; the strings are constants. */
const char *zk_op_name(int op);
const char *zk_op_word(int op);

#endif
