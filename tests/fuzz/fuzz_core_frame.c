/* fuzz_core_frame: anything that clients can send to a core, in any order with commits,
 * passing time and lost connections. The input is a script: a byte says what happens,
 * the bytes after it with what. Frames are raw, or a known operation with a raw body, or
 * well-formed ones on a few paths, so that the depths are reached as well. What must
 * hold: no crash, no leak, no ASSERT; what is sent parses as frames; and the digest of
 * the tree that prepare foretold is the one that apply finds (rig_done). */
#include "proto/base/assert.h"
#include "tests/support/core_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct script {
    const uint8_t *p, *end;
};

static uint8_t next(struct script *s)
{
    return s->p == s->end ? 0 : *s->p++;
}

static const char names[] = "abcd";

static const char *const paths[] = {
    "/",
    "",
    "/a",
    "/a/b",
    "/a/b/c",
    "/a/s-",
    "/a/b/",
    "/e",
    "/x",
    NULL,
    "/..",
    "a",
    "//",
    "/zookeeper",
    "/zookeeper/quota",
    "/zookeeper/config",
};

static const char *next_path(struct script *s)
{
    return paths[next(s) % (sizeof paths / sizeof *paths)];
}

static struct rig_client *client_of(struct rig *rig, char name)
{
    for (size_t i = 0; i < RIG_CLIENTS_MAX; i++)
        if (rig->clients[i].client != NULL && rig->clients[i].name == name)
            return &rig->clients[i];
    return NULL;
}

/* Opens the connection if need be; one that was closed is opened again. */
static char next_client(struct rig *rig, struct script *s)
{
    char name = names[next(s) % 4];
    struct rig_client *client = client_of(rig, name);

    if (client != NULL && client->closed) {
        rig_gone(rig, name);
        client = NULL;
    }
    if (client == NULL)
        rig_join(rig, name);
    return name;
}

/* What the answer to the handshake, at its place, says of the session. */
static void learn_session(struct rig_client *client, const struct buf *out)
{
    struct jute_reader r = jute_reader(out->data + 4, out->len - 4, NULL);
    struct zk_connect_response response;

    get_connect_response(&r, &response);
    ASSERT(!r.bad && response.passwd.len == SESSION_PASSWORD_BYTES);
    client->connected = true;
    client->session_id = response.session_id;
    memcpy(client->password, response.passwd.data, SESSION_PASSWORD_BYTES);
}

/* Takes what is to be sent, which must be whole frames. */
static void drain(struct rig *rig)
{
    for (size_t i = 0; i < RIG_CLIENTS_MAX; i++) {
        struct buf *out;
        size_t at = 0;

        if (rig->clients[i].client == NULL)
            continue;
        out = core_client_out(rig->clients[i].client);
        if (out->len > 0 && !rig->clients[i].connected)
            learn_session(&rig->clients[i], out);
        while (at < out->len) {
            ASSERT(out->len - at >= 4);
            at += 4 + (size_t)load_be32(out->data + at);
        }
        ASSERT(at == out->len);
        out->len = 0;
    }
}

static void raw_frame(struct rig *rig, struct script *s, bool has_header)
{
    char name = next_client(rig, s);
    size_t len = next(s);
    struct buf b = {0};

    if (has_header)
        put_request_header(&b, &(struct zk_request_header){.xid = 7, .type = (int8_t)next(s)});
    while (len-- > 0)
        *buf_extend(&b, 1) = next(s);
    core_frame(rig->core, client_of(rig, name)->client, b.data, b.len, &rig->now);
    buf_done(&b);
}

/* A connection with a handshake of its own making, perhaps for a session of another. */
static void connect_anyhow(struct rig *rig, struct script *s)
{
    char name = names[next(s) % 4];
    struct rig_client *of = client_of(rig, names[next(s) % 4]);
    struct zk_connect_request req = {.timeout = next(s) * 100, .last_zxid_seen = next(s) & 1};

    if (of != NULL) {
        req.session_id = of->session_id;
        req.passwd = (struct jute_bytes){.data = of->password, .len = SESSION_PASSWORD_BYTES};
    }
    if (client_of(rig, name) != NULL)
        return;
    rig_open(rig, name);
    (void)rig_connect(rig, name, &req);
}

static void some_multi(struct rig *rig, struct script *s)
{
    char name = next_client(rig, s);
    struct multi multi = {0};

    for (int parts = next(s) % 5; parts > 0; parts--) {
        switch (next(s) % 4) {
        case 0:
            multi_create(&multi, next_path(s), "m", next(s) % 8);
            break;
        case 1:
            multi_set_data(&multi, next_path(s), "mm", (int8_t)next(s));
            break;
        case 2:
            multi_delete(&multi, next_path(s), -1);
            break;
        default:
            multi_check(&multi, next_path(s), (int8_t)next(s));
        }
    }
    (void)multi_send(rig, name, OP_MULTI, &multi);
}

static void some_watches(struct rig *rig, struct script *s)
{
    char name = next_client(rig, s);
    struct buf b = {0};
    struct jute_bytes path = jute_str("/a/b");
    struct zk_vec_ustring one = {.count = 1, .items = &path};

    put_set_watches2(&b, &(struct zk_set_watches2){.relative_zxid = next(s),
                                                   .data = one,
                                                   .exist = one,
                                                   .child = one,
                                                   .persistent = one,
                                                   .persistent_recursive = one});
    (void)rig_request(rig, name, OP_SET_WATCHES2, &b);
    buf_done(&b);
}

static void good_request(struct rig *rig, struct script *s)
{
    uint8_t what = next(s) % 18;
    char name = next_client(rig, s);
    const char *path = next_path(s);
    uint8_t more = next(s);

    switch (what) {
    case 0:
    case 1:
        (void)create(rig, name, path, more & 8 ? "data" : NULL, more % 8);
        break;
    case 2:
        (void)create2(rig, name, path, "", more % 6);
        break;
    case 3:
    case 4:
        (void)delete (rig, name, path, (int8_t)(more | 0x80));
        break;
    case 5:
        (void)set_data(rig, name, path, "data", (int8_t)more);
        break;
    case 6:
        (void)set_acl(rig, name, path == NULL ? "/" : path,
                      more & 1 ? "world:anyone:r,ip:127.0.0.0/8:cda" : "auth::cdrwa", -1);
        break;
    case 7:
        (void)create_acl(rig, name, path == NULL ? "/" : path, "digest:u:hash:r,digest:u:h:cdwa");
        break;
    case 8:
        (void)exists(rig, name, path, more & 1);
        break;
    case 9:
        (void)get_data(rig, name, path, more & 1);
        break;
    case 10:
        (void)get_children2(rig, name, path, more & 1);
        break;
    case 11:
        (void)acl_of(rig, name, path);
        break;
    case 12:
        (void)add_watch(rig, name, path, more % 3);
        break;
    case 13:
        (void)remove_watches(rig, name, path, more % 7);
        break;
    case 14:
        (void)add_auth(rig, name, more & 1 ? "digest" : "ip", "u:p");
        break;
    case 15:
        (void)close_session(rig, name);
        break;
    case 16:
        some_multi(rig, s);
        break;
    default:
        some_watches(rig, s);
    }
}

static void lose(struct rig *rig, char name)
{
    if (client_of(rig, name) != NULL)
        rig_gone(rig, name);
}

static void step(struct rig *rig, struct script *s)
{
    switch (next(s) % 16) {
    case 0:
        raw_frame(rig, s, false);
        break;
    case 1:
        raw_frame(rig, s, true);
        break;
    case 2:
        connect_anyhow(rig, s);
        break;
    case 3:
        rig->hold = !rig->hold;
        break;
    case 4:
        if (rig->proposal_count > 0)
            (void)rig_commit(rig);
        break;
    case 5:
        lose(rig, names[next(s) % 4]);
        break;
    case 6:
        (void)rig_sleep(rig, next(s) * 4);
        break;
    case 7:
        rig->storage_full = next(s) & 1;
        break;
    default:
        good_request(rig, s);
    }
    drain(rig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {.p = data, .end = data + size};
    struct rig rig;

    rig_config(&rig);
    rig.mute = true;
    rig.config.extended_types = true;
    rig.config.super_digest = "u:hash";
    rig_start(&rig);
    while (script.p < script.end)
        step(&rig, &script);
    rig.hold = false;
    (void)rig_commit_all(&rig);
    rig_done(&rig);
    return 0;
}
