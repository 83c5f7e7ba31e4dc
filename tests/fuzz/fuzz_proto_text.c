/* Fuzzer of the texts that travel in the protocol: paths, ACLs and quotas. The first byte says
 * which; what is taken for good has the properties that others rely on. */
#include "proto/acl_text.h"
#include "proto/base/arena.h"
#include "proto/base/assert.h"
#include "proto/path.h"
#include "proto/quota_text.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct jute_bytes bytes_of(const struct buf *b)
{
    return (struct jute_bytes){.data = b->data, .len = (int32_t)b->len};
}

/* A name is what makes a path of "/" and itself. */
static void check_name(struct jute_bytes name)
{
    struct buf path = {0};

    buf_append(&path, "/", 1);
    buf_append(&path, name.data, jute_size(name));
    if (memchr(name.data, '/', jute_size(name)) == NULL && name.len > 0)
        ASSERT(path_name_valid(name, NULL) == path_valid(bytes_of(&path), NULL));
    else
        ASSERT(!path_name_valid(name, NULL));
    buf_done(&path);
}

static void check_path(struct jute_bytes path)
{
    static const struct jute_bytes root = {.data = (const uint8_t *)"/", .len = 1};
    const char *why = NULL;

    if (!path_valid(path, &why)) {
        ASSERT(why != NULL);
        return;
    }
    ASSERT(path_valid(path_parent(path), NULL));
    ASSERT(path_is_within(path, path_parent(path)));
    ASSERT(path_is_within(path, root));
    ASSERT(jute_equal(path, root) || path_name_valid(path_name(path), NULL));
}

/* What is read, is written, and what is written is read as the same. */
static void check_acl(const char *text, size_t len)
{
    struct arena arena = {0};
    struct zk_vec_acl acl;
    struct buf first = {0}, second = {0};
    struct errtext why = {.text = ""};

    if (acl_text_parse(text, len, &arena, &acl, &why) == 0) {
        acl_text_put(&first, &acl);
        ASSERT(acl_text_parse((const char *)first.data, first.len, &arena, &acl, &why) == 0);
        acl_text_put(&second, &acl);
        ASSERT(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    } else {
        ASSERT(why.text[0] != '\0');
    }
    buf_done(&first);
    buf_done(&second);
    arena_done(&arena);
}

static void check_quota(const void *text, size_t len)
{
    struct quota_limits first = quota_text_parse(text, len), second;
    struct buf b = {0};

    quota_text_put(&b, &first);
    second = quota_text_parse(b.data, b.len);
    ASSERT(memcmp(&first, &second, sizeof first) == 0);
    buf_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jute_bytes text;

    if (size == 0)
        return 0;
    text = (struct jute_bytes){.data = data + 1, .len = (int32_t)size - 1};
    switch (data[0] % 4) {
    case 0:
        check_path(text);
        break;
    case 1:
        check_name(text);
        break;
    case 2:
        check_acl((const char *)text.data, jute_size(text));
        break;
    default:
        check_quota(text.data, jute_size(text));
        break;
    }
    return 0;
}
