/*
 * format: lines of structured formats and lines that belong together, made into
 * lines of the one form that is scanned (LINE_FIELDS, model/fields.h).
 *
 * Between source and scan.  Text goes on as it came, in the form it came in, unless its
 * lines are joined by a pattern or have to wait behind others.  What waits for more lines is not examined yet: positions
 * given on never pass it, and what follows it waits behind it; for two seconds
 * without another line at most, and less where a bound is reached.  A record stands
 * in the chunk of the stream in which it begins; a position of another stream that
 * its lines pass over comes in the same call.  A stream must stay until a position
 * at its end has been committed.
 */
#ifndef FORMAT_FORMAT_H
#define FORMAT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/line.h"
#include "util/buf.h"

struct format;
struct source_conf;

/* NULL with a message in ${error} (to be freed with buf_free) when its multiline
 * pattern does not compile.  ${conf} is borrowed. */
struct format *format_new(const struct source_conf *conf, size_t max_line, struct buf *error);
void format_free(struct format **f);

/* Lines that are ready: a chunk of form LINE_FIELDS, one of text in the form it came in,
 * or an empty one that only says how far its stream is examined. */
typedef void format_cb(void *ctx, const struct chunk *chunk);

/* Read ${chunk}; ${now} (wall ms) is the time of lines that have none.  Fires any
 * number of times, also for other streams of the source whose lines waited.  A line
 * that is not of the format is given on with its text as the message. */
void format_chunk(
    struct format *f, const struct chunk *chunk, int64_t now, format_cb *cb, void *ctx);

/* When the first of the lines that wait shall not wait any longer: clock_mono() ms,
 * -1 when none waits. */
int64_t format_due(const struct format *f);
/* Those that are due by ${mono} are complete as they are. */
void format_flush(struct format *f, int64_t mono, format_cb *cb, void *ctx);

/* Everything starts again from the committed positions: forget what waits. */
void format_reset(struct format *f);

/* ${text}, one or more lines, as a source like ${conf} without multiline would give them
 * on; in one go, nothing waits. */
void format_try(
    const struct source_conf *conf, struct sv text, int64_t now, format_cb *cb, void *ctx);

/* What ${line} looks to be, enum source_format; FORMAT_AUTO: text.  A source of format auto
 * reads each line as what it looks to be; but lines of auditd and of Kubernetes only
 * together with the first of those that were read at once, or with JSON or CEF among them:
 * no file has them between lines of text. */
int format_guess(struct sv line);

/* Lines that were not of the format, so far. */
uint64_t format_misfits(const struct format *f);

#endif
