/* zkcli_format: other forms of data that commands print and read. Pure. */
#ifndef ZKFS_FS_ZKCLI_FORMAT_H
#define ZKFS_FS_ZKCLI_FORMAT_H

#include "proto/base/buf.h"
#include "proto/base/errtext.h"
#include "proto/jute.h"

/* Base64 with padding (RFC 4648, section 4). The canonical form alone is decoded.
 * Errors: -EINVAL, WHY says so; B may then have grown. */
void base64_put(struct buf *b, struct jute_bytes data);
int base64_decode(struct buf *b, const char *text, struct errtext *why);

/* The table of zkCli.sh's `get -x`; nothing for no data. */
void hexdump_put(struct buf *b, struct jute_bytes data);

/* The line of `config -c`: "VERSION HOST:PORT,...", out of the text of /zookeeper/config, whose
 * lines are server.N=...;[HOST:]PORT and version=HEX. */
void config_clients_put(struct buf *b, struct jute_bytes config);

#endif
