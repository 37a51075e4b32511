/*
 * format_try: some text through a format, for tests of rules and for people.
 */
#include "conf/config.h"
#include "format/format.h"

#define TRY_LINE 65536 /* bytes of a record, as max_line has it */

void
format_try(
    const struct source_conf *conf, struct sv text, int64_t now, format_cb *cb, void *ctx)
{
	struct stream stream = {
	    .id = "-", .source = "-", .path = "-", .program = conf->program.s};
	struct chunk chunk = {.stream = &stream, .number = 1, .data = text};
	struct buf error = BUF_INIT;
	struct format *f;

	f = format_new(conf, TRY_LINE, &error);
	if (f != NULL) {
		format_chunk(f, &chunk, now, cb, ctx);
		format_flush(f, INT64_MAX, cb, ctx);
	}
	format_free(&f);
	buf_free(&error);
}
