/* log: lines for the operator, on stderr. What happened, to whom, what we do
 * now; facts as key=value, zxids in hex. Never from pure code, never
 * credentials, never znode data beyond its length. Any thread. */
#ifndef ZKFS_PROTO_BASE_LOG_H
#define ZKFS_PROTO_BASE_LOG_H

enum log_level {
    LOG_LEVEL_ERROR, /* somebody must act */
    LOG_LEVEL_WARN,  /* we coped */
    LOG_LEVEL_INFO,  /* the story of the server */
    LOG_LEVEL_DEBUG, /* ours */
};

/* Lines above LEVEL are dropped; info at first. Called by main before threads. */
void log_set_level(enum log_level level);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
