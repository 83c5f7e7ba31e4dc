/* fuzz_core_request: an ensemble of three cores, whatever its clients, its network and a
 * learner that is out of its mind do. The input is a script: a byte says what happens, the
 * bytes after it with what. Requests of that learner are raw, or have a head that means
 * something. What must hold: no crash, no leak, no ASSERT; in the end all trees are the
 * same, with the digests that prepare foretold (trio_done); and on every connection that
 * its client has not given up for a later one, replies come in the order of the requests
 * with zxids that do not fall, and a create is told of its own path. (All connections
 * count their requests from 1, so cxids meet all the time. As clients do, these write only
 * when they have been told that they are connected, and never again on a connection that
 * they have given up.) */
#include "proto/base/assert.h"
#include "tests/support/core_ensemble.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONNECTIONS_MAX 32
#define REQUESTS_MAX 100
#define STRANGER 99 /* the connection of the learner that is out of its mind */
#define STRANGERS_ID INT64_C(0x0900000000000000)

struct connection {
    int server;
    bool open;
    int64_t session_id; /* 0: not known yet, or asked for and not given */
    uint8_t password[SESSION_PASSWORD_BYTES];
    bool eager; /* creates something as soon as it is connected */
    int born;   /* the later one has the session */
    int32_t asked, answered;
    zk_zxid zxid;
    int paths[REQUESTS_MAX + 1]; /* of a create: the number in its path; else 0 */
};

struct scene {
    const uint8_t *p, *end;
    struct trio trio;
    struct connection connections[CONNECTIONS_MAX];
    int births, paths;
};

static uint8_t next(struct scene *s)
{
    return s->p == s->end ? 0 : *s->p++;
}

static char name_of(const struct scene *s, const struct connection *c)
{
    return (char)('a' + (c - s->connections));
}

static struct rig *rig_of(struct scene *s, const struct connection *c)
{
    return trio_rig(&s->trio, c->server);
}

/* ---------------------------------------------------------------- what is said */

static bool is_latest(const struct scene *s, const struct connection *c)
{
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i].session_id == c->session_id && s->connections[i].born > c->born)
            return false;
    return true;
}

static void connected(struct connection *c, struct jute_reader *r)
{
    struct zk_connect_response response;

    get_connect_response(r, &response);
    ASSERT(!r->bad && response.passwd.len == SESSION_PASSWORD_BYTES);
    ASSERT(c->session_id == 0 || response.session_id == c->session_id || response.session_id == 0);
    c->session_id = response.session_id;
    memcpy(c->password, response.passwd.data, SESSION_PASSWORD_BYTES);
}

static void replied(struct scene *s, struct connection *c, struct jute_reader *r)
{
    struct zk_reply_header header;
    struct jute_bytes path;
    char expected[32];
    int number;

    get_reply_header(r, &header);
    ASSERT(!r->bad);
    if (header.xid < 0)
        return;
    ASSERT(header.xid == c->answered + 1 && header.xid <= c->asked);
    c->answered++;
    ASSERT(header.zxid >= c->zxid);
    c->zxid = header.zxid;
    number = c->paths[header.xid];
    if (header.err != ZOK || number == 0 || !is_latest(s, c))
        return;
    (void)snprintf(expected, sizeof expected, "/%d", number);
    get_ustring(r, &path);
    ASSERT(jute_equal(path, jute_str(expected)));
}

/* A client that knows that it is connected, and has not gone on to another connection. */
static void ask_create(struct scene *s, struct connection *c, bool ephemeral)
{
    char path[32];

    if (c->asked == REQUESTS_MAX || c->session_id == 0 || !is_latest(s, c) ||
        !rig_client(rig_of(s, c), name_of(s, c))->connected)
        return;
    c->paths[++c->asked] = ++s->paths;
    (void)snprintf(path, sizeof path, "/%d", s->paths);
    (void)create(rig_of(s, c), name_of(s, c), path, "data", ephemeral ? 1 : 0);
}

static void hear(struct scene *s, struct connection *c)
{
    struct rig_client *client = rig_client(rig_of(s, c), name_of(s, c));
    struct buf *out = core_client_out(client->client);
    size_t at = 0;

    while (at < out->len) {
        struct jute_reader r;
        size_t len;

        ASSERT(out->len - at >= 4);
        len = load_be32(out->data + at);
        ASSERT(out->len - at - 4 >= len);
        r = jute_reader(out->data + at + 4, len, NULL);
        if (!client->connected)
            connected(c, &r);
        else
            replied(s, c, &r);
        client->connected = true;
        at += 4 + len;
    }
    out->len = 0;
    if (client->connected && c->eager && !client->closed) {
        c->eager = false;
        ask_create(s, c, false);
    }
    if (client->closed) {
        rig_gone(rig_of(s, c), client->name);
        c->open = false;
    }
}

/* ---------------------------------------------------------------- clients */

static struct connection *some(struct scene *s)
{
    return &s->connections[next(s) % CONNECTIONS_MAX];
}

/* Gives the new one; NULL: that could not be done. */
static struct connection *open_one(struct scene *s, const struct connection *of)
{
    struct connection *c = some(s);
    struct zk_connect_request req = {.timeout = next(s) * 10};

    if (c->open || (of != NULL && of->session_id == 0))
        return NULL;
    if (of != NULL) {
        req.session_id = of->session_id;
        req.last_zxid_seen = next(s) % 4 == 0 ? of->zxid : 0;
        req.passwd = (struct jute_bytes){.data = of->password, .len = SESSION_PASSWORD_BYTES};
    }
    *c = (struct connection){
        .server = next(s) % TRIO, .open = true, .session_id = req.session_id, .born = ++s->births};
    rig_open(rig_of(s, c), name_of(s, c));
    (void)rig_connect(rig_of(s, c), name_of(s, c), &req);
    return c;
}

static void lose_one(struct scene *s)
{
    struct connection *c = some(s);

    if (!c->open)
        return;
    rig_gone(rig_of(s, c), name_of(s, c));
    c->open = false;
}

/* A client writes, and does the same on another server before it knows what has become of
 * it: the second one is often the first request of its connection, as the first one was. */
static void hop(struct scene *s)
{
    struct connection *from = some(s), *to;

    if (!from->open || from->session_id == 0)
        return;
    ask_create(s, from, false);
    for (int moves = next(s) % 4; moves > 0; moves--)
        (void)trio_move(&s->trio, MOVE_UP, from->server);
    to = open_one(s, from);
    if (to != NULL)
        to->eager = true;
}

static void ask(struct scene *s)
{
    struct connection *c = some(s);
    uint8_t what = next(s);
    struct rig *rig = rig_of(s, c);
    char name = name_of(s, c), path[32];

    if (!c->open || c->asked == REQUESTS_MAX)
        return;
    if (what % 8 <= 2) {
        ask_create(s, c, what & 8);
        return;
    }
    c->asked++;
    (void)snprintf(path, sizeof path, "/%d", next(s) % (s->paths + 1));
    switch (what % 8) {
    case 3:
        (void)set_data(rig, name, path, "more", -1);
        break;
    case 4:
        (void)delete (rig, name, path, -1);
        break;
    case 5:
        (void)exists(rig, name, path, what & 8);
        break;
    case 6:
        (void)sync_path(rig, name, "/");
        break;
    default:
        if (what & 8)
            (void)close_session(rig, name);
        else
            (void)get_children(rig, name, "/", true);
    }
}

/* ---------------------------------------------------------------- a learner out of its mind */

static int64_t some_session(struct scene *s)
{
    uint8_t which = next(s);

    return which & 1 ? STRANGERS_ID + which : s->connections[which % CONNECTIONS_MAX].session_id;
}

static void rave(struct scene *s, bool has_head)
{
    struct rig *leader = trio_rig(&s->trio, s->trio.leader);
    struct buf b = {0}, who = {0};
    struct blob *data, *auth;

    if (s->trio.servers[s->trio.leader].cookie_count > TRIO_SYNCS_MAX / 2)
        return; /* each may make the leader ask its quorum */
    if (has_head)
        put_forwarded_request(&b, &(struct zk_forwarded_request){.session_id = some_session(s),
                                                                 .cxid = next(s) % 8,
                                                                 .op = (int8_t)next(s)});
    for (int len = next(s) % 64; len > 0; len--)
        *buf_extend(&b, 1) = next(s);
    for (int len = next(s) % 16; len > 0; len--)
        *buf_extend(&who, 1) = next(s);
    data = blob_copy(b.data, b.len);
    auth = who.len == 0 ? NULL : blob_copy(who.data, who.len);
    if (next(s) % 4 == 0)
        (void)core_sessions_touched(leader->core, data, &leader->now);
    else
        (void)core_request(leader->core, STRANGER, data, auth, &leader->now);
    (void)core_revalidate(leader->core, STRANGER, STRANGERS_ID + next(s), next(s), &leader->now);
    blob_unref(data);
    blob_unref(auth);
    buf_done(&b);
    buf_done(&who);
}

/* ---------------------------------------------------------------- the ensemble */

/* Who lacks what is decided is not elected. */
static void elect(struct scene *s)
{
    int leader = next(s) % TRIO;

    while (s->trio.servers[leader].logged < s->trio.decided)
        leader = (leader + 1) % TRIO;
    (void)trio_elect(&s->trio, leader);
}

static void pass_time(struct scene *s)
{
    if (next(s) & 1)
        trio_ping(&s->trio);
    (void)trio_sleep(&s->trio, next(s) * 4);
}

static void step(struct scene *s)
{
    uint8_t what = next(s);

    switch (what % 16) {
    case 0:
        (void)open_one(s, NULL);
        break;
    case 1:
        (void)open_one(s, some(s));
        break;
    case 2:
        lose_one(s);
        break;
    case 3:
        if (next(s) % 8 == 0)
            elect(s);
        break;
    case 4:
        rave(s, what & 16);
        break;
    case 5:
        pass_time(s);
        break;
    case 6:
        (void)trio_settle(&s->trio);
        break;
    case 7:
    case 8:
    case 9:
    case 10:
        ask(s);
        break;
    case 11:
        hop(s);
        break;
    default:
        (void)trio_move(&s->trio, what / 16 % 3, next(s) % TRIO);
    }
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        if (s->connections[i].open)
            hear(s, &s->connections[i]);
}

static void configure(struct rig *rig)
{
    rig->mute = true;
    rig->config.extended_types = true;
    rig->config.container_check_interval_ms = 500;
    rig->config.container_max_per_minute = 60000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scene s = {.p = data, .end = data + size};

    trio_init(&s.trio, configure);
    s.trio.servers[2].is_observer = next(&s) & 1;
    while (s.p < s.end)
        step(&s);
    trio_done(&s.trio);
    return 0;
}
