/* fs_trace: see fs_trace.h. */
#include "tests/support/fs_trace.h"

#include "proto/base/log.h"
#include "tests/unit/test.h"

#include <string.h>

static void note(struct trace *trace, const char *text)
{
    buf_printf(&trace->text, "%s%s", trace->text.len == 0 ? "" : "; ", text);
}

static void on_state(void *arg, enum client_state state)
{
    static const char *const names[] = {"connecting", "connected", "lost"};

    note(arg, names[state]);
}

static void on_event(void *arg, const struct client_event *event)
{
    static const char *const names[] = {[EVENT_NODE_CREATED] = "created",
                                        [EVENT_NODE_DELETED] = "deleted",
                                        [EVENT_NODE_DATA_CHANGED] = "changed",
                                        [EVENT_NODE_CHILDREN_CHANGED] = "children"};
    struct trace *trace = arg;

    note(trace, names[event->type]);
    buf_printf(&trace->text, " %.*s", (int)event->path.len, (const char *)event->path.data);
    if (event->zxid != 0)
        buf_printf(&trace->text, " 0x%llx", (unsigned long long)event->zxid);
}

void trace_init(struct trace *trace)
{
    *trace = (struct trace){0};
    EXPECT_EQ(uv_loop_init(&trace->loop), 0);
}

void trace_client(struct trace *trace, struct client_config config, const char *hosts)
{
    struct client_callbacks callbacks = {.state = on_state, .event = on_event, .arg = trace};
    struct errtext why = {{0}};

    config.hosts = hosts;
    if (config.seed == 0)
        config.seed = 1;
    if (client_new(&trace->loop, &config, &callbacks, &trace->client, &why) != 0)
        test_fail(__FILE__, __LINE__, "client_new: %s", why.text);
}

void trace_connect(struct trace *trace, struct fake *fake, int32_t timeout_ms)
{
    char hosts[64];

    (void)snprintf(hosts, sizeof hosts, "127.0.0.1:%u", fake_port(fake));
    trace_client(trace, (struct client_config){.session_timeout_ms = timeout_ms}, hosts);
}

static const char *rc_name(int rc)
{
    switch (rc) {
    case -ECONNRESET:
        return "-ECONNRESET";
    case -ESTALE:
        return "-ESTALE";
    case -ECANCELED:
        return "-ECANCELED";
    case -EAGAIN:
        return "-EAGAIN";
    case -E2BIG:
        return "-E2BIG";
    case -EMSGSIZE:
        return "-EMSGSIZE";
    case -EBADMSG:
        return "-EBADMSG";
    default:
        return "?";
    }
}

void trace_reply(void *arg, const struct client_reply *reply)
{
    const struct traced *traced = arg;
    struct trace *trace = traced->trace;

    note(trace, traced->name);
    if (reply->rc == 0)
        buf_printf(&trace->text, " %s", zk_err_name(reply->err));
    else
        buf_printf(&trace->text, " %s%s", rc_name(reply->rc), reply->was_sent ? " sent" : "");
    if (reply->rc == 0 && reply->err == ZOK && reply->path.len > 0)
        buf_printf(&trace->text, " %.*s", (int)reply->path.len, (const char *)reply->path.data);
    if (reply->rc == 0 && reply->err == ZOK && reply->data.len > 0 && reply->data.len < 64)
        buf_printf(&trace->text, " %.*s", (int)reply->data.len, (const char *)reply->data.data);
    trace->last = *reply;
}

struct awaited {
    struct trace *trace;
    size_t len;
};

static bool is_told(void *arg)
{
    struct awaited *awaited = arg;

    return awaited->trace->text.len >= awaited->len;
}

const char *trace_text(struct trace *trace, const char *expected)
{
    static char told[4096]; /* shown until the next call */
    struct awaited awaited = {.trace = trace, .len = strlen(expected)};
    char what[4096];

    (void)snprintf(what, sizeof what, "\"%s\"; told so far: \"%s\"", expected,
                   buf_cstr(&trace->text));
    fake_wait(&trace->loop, is_told, &awaited, what);
    (void)snprintf(told, sizeof told, "%s", buf_cstr(&trace->text));
    trace->text.len = 0;
    return told;
}

static void on_done(void *arg)
{
    struct trace *trace = arg;

    trace->client = NULL;
    note(trace, "closed");
}

void trace_close(struct trace *trace)
{
    client_close(trace->client, on_done, trace);
}

static bool is_gone(void *arg)
{
    return ((struct trace *)arg)->client == NULL;
}

void trace_end(struct trace *trace)
{
    fake_wait(&trace->loop, is_gone, trace, "the client to be closed");
    (void)uv_run(&trace->loop, UV_RUN_DEFAULT); /* what is closing, closes */
    EXPECT_EQ(uv_loop_close(&trace->loop), 0);
    buf_done(&trace->text);
}
