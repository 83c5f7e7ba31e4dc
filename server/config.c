/* config: see config.h. One pass over the properties stores what is written, a
 * second one over the table fills in the defaults, then what concerns several
 * keys is checked. */
#include "server/config.h"

#include "proto/base/assert.h"
#include "proto/base/buf.h"
#include "proto/base/mem.h"
#include "server/config_keys.h"
#include "server/core/acl_digest.h"
#include "server/properties.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_BYTES_MAX (1 << 20)
#define SHOWN_BYTES 200 /* of a key or a value in a message */

struct parser {
    const char *file;
    struct config *config;
    int *lines; /* by row: where the key stands; 0: nowhere */
    config_note_cb note;
    void *note_arg;
    struct errtext *why;
};

__attribute__((format(printf, 3, 4))) static void note(const struct parser *in, bool is_warning,
                                                       const char *fmt, ...)
{
    struct buf text = {0};
    char line[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    buf_printf(&text, "%s:%s", in->file, line);
    in->note(in->note_arg, is_warning, buf_cstr(&text));
    buf_done(&text);
}

/* TEXT as it may stand in a message: the file can hold anything, a terminal and a log
 * cannot. */
static const char *shown(const char *text, char room[static SHOWN_BYTES])
{
    size_t len = 0;

    for (; *text != '\0' && len < SHOWN_BYTES - sizeof "\\xff"; text++) {
        if (*text >= ' ' && *text <= '~')
            room[len++] = *text;
        else
            len += (size_t)snprintf(room + len, SHOWN_BYTES - len, "\\x%02x", (uint8_t)*text);
    }
    room[len] = '\0';
    return room;
}

static void *field_of(struct config *config, const struct config_key *key)
{
    return (char *)config + key->field;
}

/* The decimal number that TEXT begins with. */
static bool parse_number(const char *text, const char **ret_end, int64_t *ret)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *end;

    if (!isdigit((unsigned char)*digits))
        return false; /* strtoll would skip blanks */
    errno = 0;
    *ret = strtoll(text, &end, 10);
    *ret_end = end;
    return errno == 0;
}

static const char *set_int(const struct config_key *key, const char *value, int32_t *ret)
{
    const char *end;
    int64_t number;

    if (!parse_number(value, &end, &number) || *end != '\0' || number < key->min ||
        number > key->max)
        return "a whole number";
    *ret = (int32_t)number;
    return NULL;
}

static const char *set_bool(const char *value, bool *ret)
{
    bool yes = strcasecmp(value, "true") == 0 || strcasecmp(value, "yes") == 0;

    if (!yes && strcasecmp(value, "false") != 0 && strcasecmp(value, "no") != 0)
        return "true or false";
    *ret = yes;
    return NULL;
}

/* There is no locale but "C" here. */
static const char *set_real(const char *value, double *ret)
{
    char *end;
    double number;

    if (!isdigit((unsigned char)*value))
        return "a number like 0.02";
    number = strtod(value, &end);
    if (*end != '\0' || !(number <= 1e9))
        return "a number like 0.02";
    *ret = number;
    return NULL;
}

static const char *set_hours(const char *value, int64_t *ret)
{
    static const struct {
        const char *suffix;
        int64_t ms;
    } units[] = {{"", 3600000}, {"ms", 1},      {"s", 1000},
                 {"m", 60000},  {"h", 3600000}, {"d", 86400000}};
    const char *end;
    int64_t number;

    if (parse_number(value, &end, &number) && number >= 0 && number <= INT32_MAX) {
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
            if (strcmp(end, units[i].suffix) == 0) {
                *ret = number * units[i].ms;
                return NULL;
            }
        }
    }
    return "a number of hours, or one with ms, s, m, h or d behind it";
}

static const char *set_text(const struct config_key *key, const char *value, char **ret)
{
    if (strlen(value) < (size_t)key->min)
        return "a text that is not empty";
    free(*ret);
    *ret = xstrdup(value);
    return NULL;
}

/* Stores VALUE where KEY wants it. Gives what is allowed when it is not that. */
static const char *set_value(struct config *config, const struct config_key *key, const char *value)
{
    bool kept = key->field >= 0;
    int64_t hours_ms;
    int32_t number;
    double real;
    bool yes;

    switch (key->kind) {
    case CONFIG_INT:
        return set_int(key, value, kept ? field_of(config, key) : &number);
    case CONFIG_BOOL:
        return set_bool(value, kept ? field_of(config, key) : &yes);
    case CONFIG_REAL:
        return set_real(value, kept ? field_of(config, key) : &real);
    case CONFIG_HOURS:
        return set_hours(value, kept ? field_of(config, key) : &hours_ms);
    case CONFIG_TEXT:
        ASSERT(kept);
        return set_text(key, value, field_of(config, key));
    case CONFIG_ANY:
        break;
    }
    return NULL;
}

static int refuse_value(const struct parser *in, const struct properties *at,
                        const struct config_key *key, const char *allowed)
{
    const char *name = (const char *)at->key.data;
    char room[SHOWN_BYTES];
    const char *value = shown((const char *)at->value.data, room);

    if (key->kind == CONFIG_INT)
        return errtext_set(in->why, -EINVAL, "%s:%d: %s: \"%s\" is not %s from %d to %d", in->file,
                           at->line, name, value, allowed, key->min, key->max);
    return errtext_set(in->why, -EINVAL, "%s:%d: %s: \"%s\" is not %s", in->file, at->line, name,
                       value, allowed);
}

/* What the row says about the key's use; -EINVAL when it may not be there. */
static int judge_use(const struct parser *in, const struct properties *at,
                     const struct config_key *key)
{
    char room[SHOWN_BYTES];
    const char *name = shown((const char *)at->key.data, room);
    bool yes;

    switch (key->use) {
    case CONFIG_USED:
    case CONFIG_SILENT:
        break;
    case CONFIG_NOT_YET:
        note(in, false, "%d: %s has no effect in this version", at->line, name);
        break;
    case CONFIG_INSTEAD:
        note(in, true, "%d: %s: %s", at->line, name, key->text);
        break;
    case CONFIG_STAYS_ON:
        if (set_bool((const char *)at->value.data, &yes) == NULL && !yes)
            note(in, true, "%d: %s: %s", at->line, name, key->text);
        break;
    case CONFIG_UNSAFE:
        if (set_bool((const char *)at->value.data, &yes) == NULL && !yes)
            break;
        return errtext_set(in->why, -EINVAL,
                           "%s:%d: %s: this version cannot enforce it; take the line out to run "
                           "without",
                           in->file, at->line, name);
    case CONFIG_REFUSED:
        return errtext_set(in->why, -EINVAL, "%s:%d: %s: %s", in->file, at->line, name, key->text);
    }
    return 0;
}

static int take_property(const struct parser *in, const struct properties *at)
{
    const char *name = (const char *)at->key.data;
    const struct config_key *key = config_key_find(name);
    char room[SHOWN_BYTES];
    const char *allowed;
    int *line;
    int rc;

    if (key == NULL) {
        note(in, true, "%d: unknown key \"%s\" ignored", at->line, shown(name, room));
        return 0;
    }
    rc = judge_use(in, at, key);
    if (rc < 0)
        return rc;
    allowed = set_value(in->config, key, (const char *)at->value.data);
    if (allowed != NULL)
        return refuse_value(in, at, key, allowed);
    line = &in->lines[key - config_keys];
    if (*line != 0 && key->use == CONFIG_USED)
        note(in, true, "%d: %s stands in line %d as well; this line wins", at->line, name, *line);
    *line = at->line;
    return 0;
}

static int take_all(const struct parser *in, const char *text, size_t len)
{
    struct properties at = properties_over(text, len);
    const char *wrong;
    int rc;

    while ((rc = properties_next(&at, &wrong)) != 0) {
        if (rc < 0)
            rc = errtext_set(in->why, rc, "%s:%d: %s", in->file, at.line, wrong);
        else
            rc = take_property(in, &at);
        if (rc < 0)
            break;
    }
    properties_done(&at);
    return rc;
}

static void set_defaults(const struct parser *in)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const struct config_key *key = &config_keys[i];

        if (in->lines[i] == 0 && key->standard != NULL && key->field >= 0)
            ASSERT(set_value(in->config, key, key->standard) == NULL);
    }
}

/* Where the key NAME of the table stands in the file; 0: nowhere. */
static int line_of(const struct parser *in, const char *name)
{
    return in->lines[config_key_find(name) - config_keys];
}

static int check_digest(const struct parser *in)
{
    const char *name = in->config->digest_algorithm;

    if (acl_digest_known(name))
        return 0;
    return errtext_set(in->why, -EINVAL,
                       "%s:%d: DigestAuthenticationProvider.digestAlg: there is no hash \"%.60s\"; "
                       "SHA1, SHA-256, SHA-384, SHA-512 and SHA3-256 are among those there are",
                       in->file, line_of(in, "DigestAuthenticationProvider.digestAlg"), name);
}

/* Of a scheme that nobody can authenticate by, nobody could get in. */
static int check_schemes(const struct parser *in)
{
    static const char separators[] = ", \t";
    const char *list = in->config->auth_schemes;

    if (!in->config->enforce_auth)
        return 0;
    if (list == NULL)
        return errtext_set(in->why, -EINVAL,
                           "%s: enforce.auth.enabled needs enforce.auth.schemes, such as "
                           "enforce.auth.schemes=digest",
                           in->file);
    for (list += strspn(list, separators); *list != '\0'; list += strspn(list, separators)) {
        size_t len = strcspn(list, separators);

        if (!(len == 6 && memcmp(list, "digest", len) == 0 && in->config->digest_enabled) &&
            !(len == 2 && memcmp(list, "ip", len) == 0))
            return errtext_set(in->why, -EINVAL,
                               "%s:%d: enforce.auth.schemes: nobody can authenticate by \"%.*s\" "
                               "here; ip is there, and digest unless it is off",
                               in->file, line_of(in, "enforce.auth.schemes"),
                               (int)(len < 60 ? len : 60), list);
        list += len;
    }
    return 0;
}

static int check_together(const struct parser *in)
{
    struct config *c = in->config;

    if (line_of(in, "dataDir") == 0)
        return errtext_set(in->why, -EINVAL,
                           "%s: dataDir is missing; add dataDir=DIRECTORY, the place of the data",
                           in->file);
    if (line_of(in, "clientPort") == 0)
        return errtext_set(in->why, -EINVAL,
                           "%s: clientPort is missing; add clientPort=2181, or 0 for a free port",
                           in->file);
    if (c->data_log_dir == NULL)
        c->data_log_dir = xstrdup(c->data_dir);
    if (c->min_session_timeout_ms == 0)
        return errtext_set(in->why, -EINVAL,
                           "%s:%d: minSessionTimeout: 0 is no time for a session; -1 is 2 ticks",
                           in->file, line_of(in, "minSessionTimeout"));
    if (c->min_session_timeout_ms == -1)
        c->min_session_timeout_ms = 2 * c->tick_ms;
    if (c->max_session_timeout_ms == -1)
        c->max_session_timeout_ms = 20 * c->tick_ms;
    if (c->min_session_timeout_ms > c->max_session_timeout_ms)
        return errtext_set(in->why, -EINVAL,
                           "%s: minSessionTimeout (%d ms) is above maxSessionTimeout (%d ms)",
                           in->file, c->min_session_timeout_ms, c->max_session_timeout_ms);
    return check_digest(in) < 0 ? -EINVAL : check_schemes(in);
}

int config_parse(const char *name, const char *text, size_t len, config_note_cb note_cb, void *arg,
                 struct config *ret, struct errtext *why)
{
    struct config config = {0};
    struct parser in = {
        .file = name,
        .config = &config,
        .lines = xcalloc(config_key_count, sizeof(int)),
        .note = note_cb,
        .note_arg = arg,
        .why = why,
    };
    int rc = take_all(&in, text, len);

    if (rc == 0) {
        set_defaults(&in);
        rc = check_together(&in);
    }
    free(in.lines);
    if (rc < 0)
        config_done(&config);
    else
        *ret = config;
    return rc;
}

static int read_file(const char *path, struct buf *text, struct errtext *why)
{
    FILE *file = fopen(path, "re");
    char part[4096];
    size_t got;
    int rc = 0;

    if (file == NULL)
        return errtext_errno(why, "cannot open %s", path);
    while (rc == 0 && (got = fread(part, 1, sizeof part, file)) > 0) {
        buf_append(text, part, got);
        if (text->len > FILE_BYTES_MAX)
            rc = errtext_set(why, -EFBIG, "%s: longer than 1 MiB: not a zoo.cfg", path);
    }
    if (rc == 0 && ferror(file))
        rc = errtext_errno(why, "cannot read %s", path);
    (void)fclose(file); /* was only read */
    return rc;
}

int config_read(const char *path, config_note_cb note_cb, void *arg, struct config *ret,
                struct errtext *why)
{
    struct buf text = {0};
    int rc = read_file(path, &text, why);

    if (rc == 0)
        rc = config_parse(path, buf_cstr(&text), text.len, note_cb, arg, ret, why);
    buf_done(&text);
    return rc;
}

void config_done(struct config *config)
{
    free(config->data_dir);
    free(config->data_log_dir);
    free(config->client_port_address);
    free(config->words_whitelist);
    free(config->auth_schemes);
    free(config->ensemble_names);
    free(config->digest_algorithm);
    free(config->super_digest);
    *config = (struct config){0};
}
