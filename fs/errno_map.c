/* errno_map: see errno_map.h. */
#include "fs/errno_map.h"

#include <errno.h>

/* Why, where it is not plain:
 *   ZSYSTEMERROR   zkfsd refuses writes with it while its disk is full; Apache never sends it
 *   ZBADVERSION    another writer was first: the handle's copy is stale
 *   ZSESSION*      the session behind a handle is gone, and with it what the handle stood for
 *   ZUNIMPLEMENTED a server that is too old, or switched off there: as on any file system */
#define ERRNO_TABLE(X)                       \
    X(ZOK, 0)                                \
    X(ZSYSTEMERROR, ENOSPC)                  \
    X(ZRUNTIMEINCONSISTENCY, EIO)            \
    X(ZDATAINCONSISTENCY, EIO)               \
    X(ZCONNECTIONLOSS, EIO)                  \
    X(ZMARSHALLINGERROR, EIO)                \
    X(ZUNIMPLEMENTED, EOPNOTSUPP)            \
    X(ZOPERATIONTIMEOUT, ETIMEDOUT)          \
    X(ZBADARGUMENTS, EINVAL)                 \
    X(ZUNKNOWNSESSION, EIO)                  \
    X(ZNEWCONFIGNOQUORUM, EBUSY)             \
    X(ZRECONFIGINPROGRESS, EBUSY)            \
    X(ZAPIERROR, EIO)                        \
    X(ZNONODE, ENOENT)                       \
    X(ZNOAUTH, EACCES)                       \
    X(ZBADVERSION, ESTALE)                   \
    X(ZNOCHILDRENFOREPHEMERALS, ENOTDIR)     \
    X(ZNODEEXISTS, EEXIST)                   \
    X(ZNOTEMPTY, ENOTEMPTY)                  \
    X(ZSESSIONEXPIRED, EIO)                  \
    X(ZINVALIDCALLBACK, EIO)                 \
    X(ZINVALIDACL, EINVAL)                   \
    X(ZAUTHFAILED, EACCES)                   \
    X(ZSESSIONMOVED, EIO)                    \
    X(ZNOTREADONLY, EROFS)                   \
    X(ZEPHEMERALONLOCALSESSION, EOPNOTSUPP)  \
    X(ZNOWATCHER, EINVAL)                    \
    X(ZREQUESTTIMEOUT, ETIMEDOUT)            \
    X(ZRECONFIGDISABLED, EOPNOTSUPP)         \
    X(ZSESSIONCLOSEDREQUIRESASLAUTH, EACCES) \
    X(ZQUOTAEXCEEDED, EDQUOT)                \
    X(ZTHROTTLEDOP, EBUSY)

int errno_of_zk(enum zk_err err)
{
    switch (err) {
#define X(name, number) \
    case name:          \
        return number;
        ERRNO_TABLE(X)
#undef X
    }
    return EIO;
}

int errno_of_transport(int rc)
{
    switch (rc) {
    case 0:
        return 0;
    case -E2BIG:
        return EFBIG;
    case -EAGAIN:
        return ENOBUFS;
    default:
        return EIO;
    }
}
