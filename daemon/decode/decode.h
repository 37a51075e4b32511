/*
 * decode: the header of a line.  Pure: no allocation, no clock, never fails; a
 * line that is nothing else is plain, its whole text the message.
 */
#ifndef DECODE_DECODE_H
#define DECODE_DECODE_H

#include "model/record.h"

/* What decoding needs besides the line.  Keeps a cache of the last time stamp;
 * one per thread. */
struct decoder;

struct decoder *decoder_new(void);
void decoder_free(struct decoder **d);

/* Fill ${rec} from ${line}; views in it point into line->text.  ${now} (wall ms)
 * is the time of lines without one, and what the year of stamps that state none is
 * inferred nearest to.  Stamps without a zone are local time.
 *
 * The message is all that follows the header and the blanks after it.  A kernel's
 * "[12345.678]" belongs to it; the "(pam_unix)" of "su(pam_unix)[12]:" is dropped.
 * A line with a valid PRI and no stamp is RFC 3164 as well, of the time of reading
 * and without host.  After an ISO stamp, another form of stamp, or none, host and
 * program are taken only where they can hardly be the message.  A plain line may have
 * a time of its own: an access log's.  Of "message repeated 3 times: [ MESSAGE]", as
 * rsyslog reduces what comes again and again, the message is MESSAGE, and rec->repeat 3. */
void decode_line(struct decoder *d, const struct line *line, int64_t now, struct record *rec);
/* The same, but that a reduced message stays as it is. */
void decode_header(struct decoder *d, const struct line *line, int64_t now, struct record *rec);

const char *record_format_name(enum record_format f); /* "rfc3164" */

#endif
