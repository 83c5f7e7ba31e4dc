/* fs_trace: a client under test and all that it told, as text: one word or two for
 * each callback, "; " between them. */
#ifndef ZKFS_TESTS_SUPPORT_FS_TRACE_H
#define ZKFS_TESTS_SUPPORT_FS_TRACE_H

#include "fs/client.h"
#include "tests/support/fs_fake.h"

struct trace {
    uv_loop_t loop;
    struct client *client; /* NULL once its done callback was called */
    struct buf text;
    struct client_reply last; /* of the last reply; what it points to is gone */
};

/* A request's own text: trace_reply() as its callback, with this as its argument. */
struct traced {
    struct trace *trace;
    const char *name;
};

/* Makes a loop and, with HOSTS, a client of a CONFIG whose hosts are these. */
void trace_init(struct trace *trace);
void trace_client(struct trace *trace, struct client_config config, const char *hosts);
/* The same with the port of FAKE and a session timeout. */
void trace_connect(struct trace *trace, struct fake *fake, int32_t timeout_ms);

/* Appends NAME and what the reply says: "NAME ZOK-like-name" or "NAME rc=-ECODE". */
void trace_reply(void *arg, const struct client_reply *reply);

/* What was told since the last call; waits until it is as long as EXPECTED, so that what is
 * compared is complete. Surplus text fails the next one. */
const char *trace_text(struct trace *trace, const char *expected);
#define EXPECT_TRACE(trace, expected) EXPECT_STR(trace_text(trace, expected), expected)

/* Waits for the client to be closed and ends the loop, which must be empty. */
void trace_end(struct trace *trace);
/* client_close() that notes "closed". */
void trace_close(struct trace *trace);

#endif
