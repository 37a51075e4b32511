/*
 * log: what the daemon says about itself, on standard error, one line a
 * message: "triaged: TOKEN: text".  Under systemd the line starts with the
 * priority as <N>.  Text is made harmless (vis) on the way out.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* ${program} is borrowed for ever.  Before this call: "triaged", INFO. */
void log_open(const char *program, enum log_level most);

/* ${token} names the module.  No newline at the end of ${fmt}. */
void log_error(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *token, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
