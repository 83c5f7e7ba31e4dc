/* errtext: see errtext.h. */
#include "proto/base/errtext.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int errtext_set(struct errtext *why, int rc, const char *fmt, ...)
{
    va_list ap;

    if (why == NULL)
        return rc;
    va_start(ap, fmt);
    (void)vsnprintf(why->text, sizeof why->text, fmt, ap);
    va_end(ap);
    return rc;
}

int errtext_errno(struct errtext *why, const char *fmt, ...)
{
    int err = errno;
    char head[sizeof why->text];
    va_list ap;

    if (why == NULL)
        return -err;
    va_start(ap, fmt);
    (void)vsnprintf(head, sizeof head, fmt, ap);
    va_end(ap);
    /* The cause matters most: cut the head before the cause. */
    (void)snprintf(why->text, sizeof why->text, "%.380s: %s", head, strerror(err));
    return -err;
}

void errtext_prefix(struct errtext *why, const char *fmt, ...)
{
    char old[sizeof why->text];
    char head[sizeof why->text];
    va_list ap;

    if (why == NULL)
        return;
    memcpy(old, why->text, sizeof old);
    va_start(ap, fmt);
    (void)vsnprintf(head, sizeof head, fmt, ap);
    va_end(ap);
    (void)snprintf(why->text, sizeof why->text, "%.200s: %.300s", head, old);
}
