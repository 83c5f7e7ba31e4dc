/* properties: see properties.h. A first pass joins a logical line from its
 * natural ones, a second one splits it and resolves the escapes. */
#include "server/properties.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

struct properties properties_over(const char *text, size_t len)
{
    return (struct properties){.p = text, .end = text + len, .next_line = 1};
}

void properties_done(struct properties *in)
{
    buf_done(&in->key);
    buf_done(&in->value);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

/* The natural line at the cursor, which moves behind its end (\n, \r or \r\n). */
static const char *take_line(struct properties *in, size_t *ret_len)
{
    const char *start = in->p;

    while (in->p < in->end && *in->p != '\n' && *in->p != '\r')
        in->p++;
    *ret_len = (size_t)(in->p - start);
    if (in->p + 1 < in->end && in->p[0] == '\r' && in->p[1] == '\n')
        in->p++;
    if (in->p < in->end)
        in->p++;
    in->next_line++;
    return start;
}

/* An odd number of backslashes at the end: the next line belongs to it. */
static bool line_continues(const char *line, size_t len)
{
    size_t slashes = 0;

    while (slashes < len && line[len - 1 - slashes] == '\\')
        slashes++;
    return slashes % 2 == 1;
}

static void skip_blanks(const char **line, size_t *len)
{
    while (*len > 0 && is_blank(**line)) {
        ++*line;
        --*len;
    }
}

/* The next line that is neither empty nor a comment, with those that continue
 * it, appended to TEXT. */
static bool take_logical_line(struct properties *in, struct buf *text)
{
    while (in->p < in->end) {
        size_t len;
        const char *line;
        bool more;

        in->line = in->next_line;
        line = take_line(in, &len);
        skip_blanks(&line, &len);
        if (len == 0 || *line == '#' || *line == '!')
            continue;
        do {
            more = line_continues(line, len);
            buf_append(text, line, len - (more ? 1 : 0));
            if (!more || in->p == in->end)
                break;
            line = take_line(in, &len);
            skip_blanks(&line, &len);
        } while (true);
        return true;
    }
    return false;
}

static void put_utf8(struct buf *b, unsigned code)
{
    if (code < 0x80) {
        *buf_extend(b, 1) = (uint8_t)code;
    } else if (code < 0x800) {
        uint8_t *p = buf_extend(b, 2);

        p[0] = (uint8_t)(0xc0 | code >> 6);
        p[1] = (uint8_t)(0x80 | (code & 0x3f));
    } else {
        uint8_t *p = buf_extend(b, 3);

        p[0] = (uint8_t)(0xe0 | code >> 12);
        p[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        p[2] = (uint8_t)(0x80 | (code & 0x3f));
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* What stands behind the u of \uXXXX. */
static const char *put_unicode(struct buf *b, const char *p, const char *end)
{
    unsigned code = 0;

    if (end - p < 4)
        return NULL;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);

        if (digit < 0)
            return NULL;
        code = code << 4 | (unsigned)digit;
    }
    if (code == 0 || (code >= 0xd800 && code <= 0xdfff))
        return NULL; /* no text that a setting could mean */
    put_utf8(b, code);
    return p + 4;
}

/* One character at P, which may be an escape, to B. Gives the place behind it,
 * or NULL when it is malformed. */
static const char *put_char(struct buf *b, const char *p, const char *end)
{
    char c = *p++;

    if (c == '\\' && p < end) {
        c = *p++;
        switch (c) {
        case 'u':
            return put_unicode(b, p, end);
        case 't':
            c = '\t';
            break;
        case 'n':
            c = '\n';
            break;
        case 'r':
            c = '\r';
            break;
        case 'f':
            c = '\f';
            break;
        default:
            break; /* any other character stands for itself */
        }
    }
    *buf_extend(b, 1) = (uint8_t)c;
    return p;
}

static const char *skip_separator(const char *p, const char *end)
{
    bool seen = false;

    while (p < end && (is_blank(*p) || (!seen && (*p == '=' || *p == ':')))) {
        seen |= !is_blank(*p);
        p++;
    }
    return p;
}

static const char *split(const char *p, const char *end, struct buf *key, struct buf *value)
{
    while (p != NULL && p < end && !is_blank(*p) && *p != '=' && *p != ':')
        p = put_char(key, p, end);
    if (p == NULL)
        return "malformed \\uXXXX escape";
    p = skip_separator(p, end);
    while (p != NULL && p < end)
        p = put_char(value, p, end);
    if (p == NULL)
        return "malformed \\uXXXX escape";
    while (value->len > 0 && isspace(value->data[value->len - 1]))
        value->len--;
    return NULL;
}

int properties_next(struct properties *in, const char **ret_why)
{
    struct buf text = {0};
    const char *wrong, *line;

    in->key.len = in->value.len = 0;
    if (!take_logical_line(in, &text))
        return 0; /* nothing was appended, so there is nothing to free */
    line = buf_cstr(&text);
    if (strlen(line) != text.len)
        wrong = "there is a NUL byte in this line";
    else
        wrong = split(line, line + text.len, &in->key, &in->value);
    buf_cstr(&in->key);
    buf_cstr(&in->value);
    buf_done(&text);
    if (wrong == NULL)
        return 1;
    *ret_why = wrong;
    return -EINVAL;
}
