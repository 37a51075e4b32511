/*
 * log: see log.h.
 */
#include "util/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/vis.h"

static const char *name = "triaged";
static enum log_level limit = LOG_LEVEL_INFO;
static int to_journal = -1;

void
log_open(const char *program, enum log_level most)
{
	name = program;
	limit = most;
	to_journal = getenv("JOURNAL_STREAM") != NULL;
}

__attribute__((format(printf, 3, 0))) static void
say(enum log_level level, const char *token, const char *fmt, va_list ap)
{
	struct buf line = BUF_INIT;
	char text[2048];
	int n;

	if (level > limit)
		return;
	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0)
		return;
	if (to_journal == 1)
		buf_printf(&line, "<%d>", (int)level);
	buf_printf(&line, "%s: %s: ", name, token);
	vis_text(&line, sv_str(text));
	buf_putc(&line, '\n');
	if (write(STDERR_FILENO, line.p, line.n) < 0) {
		/* Nobody is left to tell. */
	}
	buf_free(&line);
}

#define LOG_AT(function, level)                                                                   \
	void function(const char *token, const char *fmt, ...)                                    \
	{                                                                                         \
		va_list ap;                                                                       \
                                                                                                  \
		va_start(ap, fmt);                                                                \
		say(level, token, fmt, ap);                                                       \
		va_end(ap);                                                                       \
	}

LOG_AT(log_error, LOG_LEVEL_ERROR)
LOG_AT(log_warn, LOG_LEVEL_WARN)
LOG_AT(log_info, LOG_LEVEL_INFO)
LOG_AT(log_debug, LOG_LEVEL_DEBUG)
