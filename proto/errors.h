/* errors: the protocol's answers, by their numbers on the wire [KeeperException.Code].
 * They are not errno values and collide with them: a variable that holds one
 * is called `err`, one that holds -errno is called `rc`. */
#ifndef ZKFS_PROTO_ERRORS_H
#define ZKFS_PROTO_ERRORS_H

/*       code                 number  for a person to read */
#define ZK_ERRORS(X)                                                                     \
    X(ZOK, 0, "ok")                                                                      \
    X(ZSYSTEMERROR, -1, "system error")                                                  \
    X(ZRUNTIMEINCONSISTENCY, -2, "not attempted, an earlier operation failed")           \
    X(ZDATAINCONSISTENCY, -3, "data inconsistency")                                      \
    X(ZCONNECTIONLOSS, -4, "connection lost")                                            \
    X(ZMARSHALLINGERROR, -5, "request cannot be decoded")                                \
    X(ZUNIMPLEMENTED, -6, "operation not supported")                                     \
    X(ZOPERATIONTIMEOUT, -7, "operation timed out")                                      \
    X(ZBADARGUMENTS, -8, "bad arguments")                                                \
    X(ZUNKNOWNSESSION, -12, "unknown session")                                           \
    X(ZNEWCONFIGNOQUORUM, -13, "no quorum of the new configuration")                     \
    X(ZRECONFIGINPROGRESS, -14, "another reconfiguration is in progress")                \
    X(ZAPIERROR, -100, "API error")                                                      \
    X(ZNONODE, -101, "no such znode")                                                    \
    X(ZNOAUTH, -102, "not permitted by the ACL")                                         \
    X(ZBADVERSION, -103, "version does not match")                                       \
    X(ZNOCHILDRENFOREPHEMERALS, -108, "an ephemeral znode cannot have children")         \
    X(ZNODEEXISTS, -110, "znode exists")                                                 \
    X(ZNOTEMPTY, -111, "znode has children")                                             \
    X(ZSESSIONEXPIRED, -112, "session expired")                                          \
    X(ZINVALIDCALLBACK, -113, "invalid callback")                                        \
    X(ZINVALIDACL, -114, "invalid ACL")                                                  \
    X(ZAUTHFAILED, -115, "authentication failed")                                        \
    X(ZSESSIONMOVED, -118, "session moved to another server")                            \
    X(ZNOTREADONLY, -119, "server is read-only")                                         \
    X(ZEPHEMERALONLOCALSESSION, -120, "ephemeral znode on a local session")              \
    X(ZNOWATCHER, -121, "no such watch")                                                 \
    X(ZREQUESTTIMEOUT, -122, "request timed out")                                        \
    X(ZRECONFIGDISABLED, -123, "reconfiguration is disabled")                            \
    X(ZSESSIONCLOSEDREQUIRESASLAUTH, -124, "session closed: authentication is required") \
    X(ZQUOTAEXCEEDED, -125, "quota exceeded")                                            \
    X(ZTHROTTLEDOP, -127, "operation throttled")

enum zk_err {
#define X(name, number, text) name = number,
    ZK_ERRORS(X)
#undef X
};

/* The name without its Z ("NONODE") and the text; for an unknown number
 * "UNKNOWN" and "unknown error". Any thread; the strings are constants. */
const char *zk_err_name(int err);
const char *zk_err_text(int err);

#endif
