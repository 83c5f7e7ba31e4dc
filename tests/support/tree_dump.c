/* tree_dump: see tree_dump.h. */
#include "tests/support/tree_dump.h"

#include "proto/base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

static void put_hex(struct buf *out, struct jute_bytes bytes)
{
    if (bytes.len < 0)
        buf_printf(out, "null");
    for (int32_t i = 0; i < bytes.len; i++)
        buf_printf(out, "%02x", bytes.data[i]);
}

void dump_znode(struct buf *out, struct jute_bytes path, const struct zk_stat_persisted *stat,
                struct jute_bytes data, const struct zk_vec_acl *acl, uint32_t children)
{
    struct buf acl_bytes = {0};

    put_vec_acl(&acl_bytes, acl);
    buf_append(out, path.data, (size_t)path.len);
    buf_printf(out, " ");
    print_stat_persisted(out, stat);
    buf_printf(out, " children=%u data=", children);
    put_hex(out, data);
    buf_printf(out, " acl=");
    put_hex(out, (struct jute_bytes){.data = acl_bytes.data, .len = (int32_t)acl_bytes.len});
    buf_printf(out, "\n");
    buf_done(&acl_bytes);
}

void dump_session(struct buf *out, int64_t id, int32_t timeout_ms)
{
    buf_printf(out, "session 0x%" PRIx64 " timeout=%d\n", (uint64_t)id, timeout_ms);
}

void dump_totals(struct buf *out, zk_zxid zxid, uint64_t digest, uint64_t znodes,
                 uint64_t ephemerals, uint64_t data_bytes)
{
    buf_printf(out,
               "total zxid=0x%" PRIx64 " digest=0x%" PRIx64 " znodes=%" PRIu64
               " ephemerals=%" PRIu64 " bytes=%" PRIu64 "\n",
               (uint64_t)zxid, digest, znodes, ephemerals, data_bytes);
}

static int compare_lines(const void *a, const void *b)
{
    const char *const *line_a = a, *const *line_b = b;

    return strcmp(*line_a, *line_b);
}

void dump_sort(struct buf *text)
{
    struct buf sorted = {0};
    size_t count = 0;
    char **lines = xcalloc(text->len + 1, sizeof *lines), *save = NULL;

    for (char *line = strtok_r(buf_cstr(text), "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save))
        lines[count++] = line;
    qsort(lines, count, sizeof *lines, compare_lines);
    for (size_t i = 0; i < count; i++)
        buf_printf(&sorted, "%s\n", lines[i]);
    free(lines);
    buf_done(text);
    *text = sorted;
}

static void dump_one(const struct tree *tree, const struct znode *znode, struct buf *out)
{
    struct zk_stat_persisted stat;
    struct buf path = {0};

    znode_path(tree, znode, &path);
    znode_stat_persisted(tree, znode, &stat);
    dump_znode(out, (struct jute_bytes){.data = path.data, .len = (int32_t)path.len}, &stat,
               znode_data(znode), tree_acl(tree, znode_acl_id(znode)), znode_child_count(znode));
    buf_done(&path);
}

static size_t znodes_in(const struct buf *list)
{
    return list->len / sizeof(const struct znode *);
}

/* All znodes, parents first: each one found adds its children to the list. */
static void dump_znodes(const struct tree *tree, struct buf *out)
{
    const struct znode *znode = tree_lookup(tree, jute_str("/"));
    struct buf list = {0};

    buf_append(&list, &znode, sizeof znode);
    for (size_t i = 0; i < znodes_in(&list); i++) {
        memcpy(&znode, list.data + i * sizeof znode, sizeof znode);
        dump_one(tree, znode, out);
        for (uint32_t child = 0; child < znode_child_count(znode); child++) {
            const struct znode *found = znode_child(tree, znode, child);

            buf_append(&list, &found, sizeof found);
        }
    }
    buf_done(&list);
}

static void visit_session(void *arg, int64_t id, int32_t timeout_ms)
{
    dump_session(arg, id, timeout_ms);
}

void tree_dump(const struct tree *tree, struct buf *ret)
{
    ret->len = 0;
    dump_znodes(tree, ret);
    tree_sessions_walk(tree, visit_session, ret);
    dump_totals(ret, tree_zxid(tree), tree_digest(tree), tree_znode_count(tree),
                tree_ephemeral_count(tree), tree_data_bytes(tree));
    dump_sort(ret);
}
