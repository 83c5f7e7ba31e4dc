/* c_client: a story told with Apache's own C client (libzookeeper_mt), which nobody here wrote.
 *
 *     c_client HOST:PORT ROOT
 *
 * Prints each step and ends with status 0 when the server did all that the client expects. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zookeeper/zookeeper.h>

#define DEADLINE_S 60

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int connected, events, last_type, answers;
static char last_path[256];

static void expect(int ok, const char *what)
{
    printf("%s: %s\n", ok ? "ok" : "FAILED", what);
    if (!ok)
        exit(1);
}

static void on_event(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)context;
    pthread_mutex_lock(&mutex);
    if (type == ZOO_SESSION_EVENT) {
        connected = state == ZOO_CONNECTED_STATE;
    } else {
        events++;
        last_type = type;
        snprintf(last_path, sizeof last_path, "%s", path);
    }
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

/* Waits until *COUNTER is at least LEAST. */
static void await(const int *counter, int least, const char *what)
{
    struct timespec end;
    int rc = 0;

    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += DEADLINE_S;
    pthread_mutex_lock(&mutex);
    while (*counter < least && rc == 0)
        rc = pthread_cond_timedwait(&changed, &mutex, &end);
    pthread_mutex_unlock(&mutex);
    expect(rc == 0, what);
}

static const char *below(const char *root, const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s%s", root, name);
    return path;
}

static void znodes(zhandle_t *zh, const char *root)
{
    char name[256], data[64];
    int len = sizeof data;
    struct Stat stat;
    struct String_vector children;

    expect(zoo_create(zh, root, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, name, sizeof name) == ZOK, "create");
    expect(zoo_create2(zh, below(root, "/a"), "one", 3, &ZOO_OPEN_ACL_UNSAFE, 0, name, sizeof name,
                       &stat) == ZOK &&
               stat.version == 0 && stat.dataLength == 3,
           "create2 gives a Stat");
    expect(zoo_set2(zh, below(root, "/a"), "three", 5, 0, &stat) == ZOK && stat.version == 1,
           "set with a version");
    expect(zoo_set(zh, below(root, "/a"), "x", 1, 0) == ZBADVERSION, "an old version is refused");
    expect(zoo_get(zh, below(root, "/a"), 0, data, &len, &stat) == ZOK && len == 5 &&
               memcmp(data, "three", 5) == 0,
           "get");
    expect(zoo_create(zh, below(root, "/s-"), NULL, -1, &ZOO_OPEN_ACL_UNSAFE,
                      ZOO_EPHEMERAL | ZOO_SEQUENCE, name, sizeof name) == ZOK &&
               strcmp(name + strlen(name) - 10, "0000000001") == 0,
           "an ephemeral sequential znode gets its number");
    expect(zoo_get_children2(zh, root, 0, &children, &stat) == ZOK && children.count == 2 &&
               stat.numChildren == 2,
           "children");
    deallocate_String_vector(&children);
    expect(zoo_delete(zh, below(root, "/missing"), -1) == ZNONODE, "delete of a missing znode");
    expect(zoo_delete(zh, root, -1) == ZNOTEMPTY, "delete of a parent");
}

static void watches(zhandle_t *zh, const char *root)
{
    struct Stat stat;
    struct String_vector children;

    expect(zoo_wexists(zh, below(root, "/w"), on_event, NULL, &stat) == ZNONODE, "exists, watching");
    expect(zoo_create(zh, below(root, "/w"), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0) == ZOK,
           "create what is watched");
    await(&events, 1, "the event comes");
    expect(last_type == ZOO_CREATED_EVENT && strcmp(last_path, below(root, "/w")) == 0, "created");
    expect(zoo_wget_children(zh, below(root, "/w"), on_event, NULL, &children) == ZOK,
           "children, watching");
    deallocate_String_vector(&children);
    expect(zoo_create(zh, below(root, "/w/c"), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0) == ZOK,
           "create a child");
    await(&events, 2, "the event comes");
    expect(last_type == ZOO_CHILD_EVENT, "children changed");
}

static void multi(zhandle_t *zh, const char *root)
{
    zoo_op_t ops[4];
    zoo_op_result_t results[4];
    char created[256];
    struct Stat stat;

    zoo_create_op_init(&ops[0], below(root, "/m"), "m", 1, &ZOO_OPEN_ACL_UNSAFE, 0, created,
                       sizeof created);
    zoo_set_op_init(&ops[1], below(root, "/m"), "mm", 2, 0, &stat);
    zoo_check_op_init(&ops[2], below(root, "/m"), 1);
    zoo_delete_op_init(&ops[3], below(root, "/a"), 1);
    expect(zoo_multi(zh, 4, ops, results) == ZOK && stat.version == 1, "a multi of four kinds");
    expect(zoo_exists(zh, below(root, "/a"), 0, &stat) == ZNONODE, "it deleted");
    zoo_delete_op_init(&ops[0], below(root, "/m"), 1);
    zoo_check_op_init(&ops[1], below(root, "/m"), 1);
    expect(zoo_multi(zh, 2, ops, results) == ZNONODE && results[1].err == ZNONODE,
           "a multi that fails says where");
    expect(zoo_exists(zh, below(root, "/m"), 0, &stat) == ZOK, "and does nothing");
}

static void acls(zhandle_t *zh, const char *root)
{
    struct ACL_vector acl = ZOO_CREATOR_ALL_ACL, read;
    struct Stat stat;

    expect(zoo_add_auth(zh, "digest", "bob:secret", 10, NULL, NULL) == ZOK, "add_auth");
    expect(zoo_create(zh, below(root, "/acl"), "", 0, &acl, 0, NULL, 0) == ZOK, "creator all");
    expect(zoo_get_acl(zh, below(root, "/acl"), &read, &stat) == ZOK && read.count == 1 &&
               strcmp(read.data[0].id.scheme, "digest") == 0 &&
               strcmp(read.data[0].id.id, "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=") == 0,
           "get_acl shows the digest");
    deallocate_ACL_vector(&read);
}

static void on_set(int rc, const struct Stat *stat, const void *data)
{
    (void)data;
    pthread_mutex_lock(&mutex);
    if (rc == ZOK && stat->version == answers + 1)
        answers++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void pipelining(zhandle_t *zh, const char *root)
{
    expect(zoo_create(zh, below(root, "/p"), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0) == ZOK,
           "create for pipelining");
    for (int i = 0; i < 500; i++)
        zoo_aset(zh, below(root, "/p"), "x", 1, i, on_set, NULL);
    await(&answers, 500, "500 sets in flight, each of the version before it, are answered in order");
}

int main(int argc, char **argv)
{
    zhandle_t *zh;

    if (argc != 3)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    zh = zookeeper_init(argv[1], on_event, 30000, NULL, NULL, 0);
    expect(zh != NULL, "init");
    await(&connected, 1, "connected");
    znodes(zh, argv[2]);
    watches(zh, argv[2]);
    multi(zh, argv[2]);
    acls(zh, argv[2]);
    pipelining(zh, argv[2]);
    expect(zookeeper_close(zh) == ZOK, "close");
    return 0;
}
