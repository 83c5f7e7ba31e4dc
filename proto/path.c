/* path: see path.h. */
#include "proto/path.h"

#include "proto/base/assert.h"

/* One character at P (P < END): its code point and, as result, its length in
 * bytes; 0 when the bytes are not UTF-8 (overlong forms included). */
static int utf8_decode(const uint8_t *p, const uint8_t *end, uint32_t *ret_code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int len = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
    uint32_t code;

    if (len == 0 || end - p < len)
        return 0;
    code = len == 1 ? *p : *p & (0x7fu >> len);
    for (int i = 1; i < len; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < least[len])
        return 0;
    *ret_code = code;
    return len;
}

static bool character_allowed(uint32_t c)
{
    return c > 0x1f && !(c >= 0x7f && c <= 0x9f) && !(c >= 0xd800 && c <= 0xf8ff) && c < 0xfff0;
}

static bool refuse(const char **ret_why, const char *why)
{
    if (ret_why != NULL)
        *ret_why = why;
    return false;
}

static bool component_valid(const uint8_t *p, const uint8_t *end, const char **ret_why)
{
    if (p == end)
        return refuse(ret_why, "empty component");
    if (p[0] == '.' && (end - p == 1 || (end - p == 2 && p[1] == '.')))
        return refuse(ret_why, "relative path component");
    while (p < end) {
        uint32_t code;
        int len = utf8_decode(p, end, &code);

        if (len == 0)
            return refuse(ret_why, "not UTF-8");
        if (!character_allowed(code))
            return refuse(ret_why, "forbidden character");
        p += len;
    }
    return true;
}

bool path_valid(struct jute_bytes path, const char **ret_why)
{
    const uint8_t *p = path.data, *end;

    if (path.len <= 0)
        return refuse(ret_why, "empty path");
    end = p + path.len;
    if (*p != '/')
        return refuse(ret_why, "path must start with /");
    if (path.len == 1)
        return true;
    while (p < end) {
        const uint8_t *slash = memchr(p + 1, '/', (size_t)(end - p - 1));
        const uint8_t *stop = slash == NULL ? end : slash;

        if (!component_valid(p + 1, stop, ret_why))
            return false;
        p = stop;
    }
    return true;
}

bool path_name_valid(struct jute_bytes name, const char **ret_why)
{
    if (name.len > 0 && memchr(name.data, '/', (size_t)name.len) != NULL)
        return refuse(ret_why, "slash in a name");
    return component_valid(name.data, name.data + jute_size(name), ret_why);
}

static const uint8_t *last_slash(struct jute_bytes path)
{
    const uint8_t *slash = path.len <= 0 ? NULL : memrchr(path.data, '/', (size_t)path.len);

    ASSERT(slash != NULL);
    return slash;
}

struct jute_bytes path_parent(struct jute_bytes path)
{
    int32_t len = (int32_t)(last_slash(path) - path.data);

    return (struct jute_bytes){.data = path.data, .len = len == 0 ? 1 : len};
}

struct jute_bytes path_name(struct jute_bytes path)
{
    const uint8_t *name = last_slash(path) + 1;

    return (struct jute_bytes){.data = name, .len = path.len - (int32_t)(name - path.data)};
}

bool path_is_within(struct jute_bytes path, struct jute_bytes ancestor)
{
    if (ancestor.len == 1)
        return path.len > 0;
    return path.len >= ancestor.len &&
           memcmp(path.data, ancestor.data, (size_t)ancestor.len) == 0 &&
           (path.len == ancestor.len || path.data[ancestor.len] == '/');
}
