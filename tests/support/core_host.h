/* core_host: surroundings for a core in a test: a tree of its own, a clock that stands
 * still, connections without sockets, and a quorum that decides when told. Whatever
 * the core says is turned into text, one entry for each frame and each closing, so
 * that a test compares the whole of it and a surplus message fails as well:
 *
 *     a: reply xid=1 zxid=0x2 /x; a: closed: session closed; b: event created /x zxid=0x2
 *
 * Connections are named by a letter. What one says comes in its order; connections are
 * told of in the order in which they were opened. xids count from 1 per connection. */
#ifndef ZKFS_TESTS_SUPPORT_CORE_HOST_H
#define ZKFS_TESTS_SUPPORT_CORE_HOST_H

#include "proto/errors.h"
#include "proto/opcodes.h"
#include "proto/records.h"
#include "server/core/core.h"

#define RIG_CLIENTS_MAX 32
#define RIG_SENT_MAX 512

struct rig_client {
    char name;
    struct core_client *client;
    int32_t next_xid;
    bool connected; /* the ConnectResponse has been seen */
    bool closed;    /* the core has asked for it */
    bool told;      /* and that has been said */
    bool silent;    /* its output is not read */
    const char *why;
    int64_t session_id;
    uint8_t password[SESSION_PASSWORD_BYTES];
    struct {
        int32_t xid, op;
    } sent[RIG_SENT_MAX]; /* to know what a reply answers */
    size_t sent_count;
};

struct rig {
    struct core_config config;
    struct core_host host;
    struct core *core;
    struct tree *tree;
    struct core_time now;
    zk_zxid last_zxid;
    bool hold; /* proposals wait for rig_commit() */
    bool mute; /* says nothing: the caller takes the bytes from the connections */
    bool late; /* frames have waited too long in front of the core */
    bool storage_full;
    size_t outputs, told; /* calls of these two of the host */
    struct blob **proposals;
    size_t proposal_count, proposal_cap;
    struct rig_client clients[RIG_CLIENTS_MAX]; /* client NULL: a free place */
    struct buf notes;
    struct buf said;
};

/* A core over a fresh tree: ticks of 100 ms, timeouts from 200 to 2000 ms, 5000 ms on the
 * monotonic clock, 1000000 on the wall. Change rig->config in between, if need be. */
void rig_config(struct rig *rig);
void rig_start(struct rig *rig);
/* Both at once. */
void rig_init(struct rig *rig);

/* Fails the test if the core noted an alarm, or if the tree's digest was foretold wrongly. */
void rig_done(struct rig *rig);

/* The same tree under a new core, as after a restart; connections are gone. */
void rig_restart(struct rig *rig);

/* What has been said since the last call; "" for nothing. Borrowed until then. */
const char *rig_said(struct rig *rig);

/* Commits the oldest proposal; all of them. Give what is said then. */
const char *rig_commit(struct rig *rig);
const char *rig_commit_all(struct rig *rig);

/* Time passes, with core_tick() at each tick. */
const char *rig_sleep(struct rig *rig, int64_t ms);

/* Opens a connection and, with JOIN, a session on it whose answer is swallowed. */
void rig_open(struct rig *rig, char name);
void rig_join(struct rig *rig, char name);
/* The connection is lost; the session stays. NAME may be opened again. */
void rig_gone(struct rig *rig, char name);
struct rig_client *rig_client(struct rig *rig, char name);

/* Frames. Each gives what is said. */
const char *rig_connect(struct rig *rig, char name, const struct zk_connect_request *req);
/* Comes back to the session that connection OF has, or had. */
const char *rig_reattach(struct rig *rig, char name, const struct rig_client *of);
const char *rig_frame(struct rig *rig, char name, const void *payload, size_t len);
/* A request of type OP with BODY behind the header, with the next xid. */
const char *rig_request(struct rig *rig, char name, int32_t op, const struct buf *body);

/* Requests; DATA NULL is null. */
const char *create(struct rig *rig, char name, const char *path, const char *data, int32_t flags);
const char *create2(struct rig *rig, char name, const char *path, const char *data, int32_t flags);
const char *create_ttl(struct rig *rig, char name, const char *path, int64_t ttl_ms);
const char *create_acl(struct rig *rig, char name, const char *path, const char *acl);
const char *delete (struct rig *rig, char name, const char *path, int32_t version);
const char *set_data(struct rig *rig, char name, const char *path, const char *data,
                     int32_t version);
const char *set_acl(struct rig *rig, char name, const char *path, const char *acl, int32_t version);
const char *exists(struct rig *rig, char name, const char *path, bool watch);
const char *get_data(struct rig *rig, char name, const char *path, bool watch);
const char *get_children(struct rig *rig, char name, const char *path, bool watch);
const char *get_children2(struct rig *rig, char name, const char *path, bool watch);
const char *acl_of(struct rig *rig, char name, const char *path);
const char *sync_path(struct rig *rig, char name, const char *path);
const char *ping(struct rig *rig, char name);
const char *close_session(struct rig *rig, char name);
const char *add_auth(struct rig *rig, char name, const char *scheme, const char *auth);
const char *add_watch(struct rig *rig, char name, const char *path, int32_t mode);
const char *remove_watches(struct rig *rig, char name, const char *path, int32_t type);

/* A multi, part by part, then sent. */
struct multi {
    struct buf body;
};
void multi_create(struct multi *multi, const char *path, const char *data, int32_t flags);
void multi_set_data(struct multi *multi, const char *path, const char *data, int32_t version);
void multi_delete(struct multi *multi, const char *path, int32_t version);
void multi_check(struct multi *multi, const char *path, int32_t version);
void multi_read(struct multi *multi, int32_t op, const char *path);
const char *multi_send(struct rig *rig, char name, int32_t op, struct multi *multi);

#endif
