/*
 * format_rig: a formatter, lines that are fed to it, and what it gave: records, well-formed
 * and in order, and how far each stream may be committed.
 */
#ifndef TESTS_FORMAT_RIG_H
#define TESTS_FORMAT_RIG_H

#include <check.h>

#include "conf/config.h"
#include "format/format.h"
#include "util/clock.h"

#define NOW 1769904000000LL /* 2026-02-01T00:00:00Z */
#define US "\x1f"
#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))
#define LINES_MAX 4096
#define STREAMS_MAX 16

/* Records of auditd, of several lines and of one; a line of a container. */
#define SYSCALL(serial, name)                                                                      \
	"type=SYSCALL msg=audit(1700000000." serial "): syscall=59 success=no comm=\"" name "\"\n"
#define PATH(serial, item, name)                                                                   \
	"type=PATH msg=audit(1700000000." serial "): item=" item " name=\"" name "\"\n"
#define PROCTITLE(serial) "type=PROCTITLE msg=audit(1700000000." serial "): proctitle=6C73002D6C\n"
#define USER(serial) "type=USER_CMD msg=audit(1700000000." serial "): msg='cmd=6C73 res=success'\n"
#define DOCKER(text, stream)                                                                       \
	"{\"log\":\"" text "\",\"stream\":\"" stream "\",\"time\":\"2026-01-31T23:59:59.5Z\"}\n"

struct decoder;

struct got {
	char *lines[LINES_MAX];
	const struct stream *of[LINES_MAX];
	bool cut[LINES_MAX];
	int n;
	const struct stream *streams[STREAMS_MAX];
	uint64_t position[STREAMS_MAX];
	int nstreams;
	bool cut_away; /* a position may go back */
	struct decoder *decoder; /* text may go on as it is; lines are kept as they are decoded */
};

struct fx {
	struct source_conf conf;
	struct stream stream;
	struct format *f;
	struct got got;
	size_t fed;
};

/* A formatter of ${format}, or of records that begin with ${multiline} (NULL: none). */
struct fx *fx_of(int format, const char *multiline);
void fx_end(struct fx *r);
/* The rig after all of ${text}, flushed. */
struct fx *fx_after(int format, const char *text);
/* The same; it is one record, well-formed. */
struct fx *fx_record_of(int format, const char *text);
/* A formatter of lines of the spool. */
struct fx *fx_spool(int format, const char *multiline);

/* Feed it more of its stream, or of another. */
void fx_feed(struct fx *r, struct sv text);
/* Nothing waits: all that was fed may be committed. */
void fx_check_all_given(struct fx *r);
void fx_feed_stream(struct fx *r, const struct stream *stream, uint64_t offset, struct sv text);
/* Nothing more comes of what waits. */
void fx_flush(struct fx *r);
/* For format_chunk() and the like; the context is a struct got. */
void fx_got_chunk(void *ctx, const struct chunk *chunk);
/* Up to where the stream may be committed. */
uint64_t *fx_position(struct got *g, const struct stream *stream);
void fx_forget(struct got *g);

/* The part ${name} of line ${i}, in one of a few static places; NULL when absent. */
const char *fx_part(const struct fx *r, int i, const char *name);
/* It is ${value}; NULL: absent. */
void fx_expect(const struct fx *r, int i, const char *name, const char *value);
/* A line is well-formed: OFFSET, then NAME=VALUE, header parts we know, once and first, the
 * message last. */
void fx_check_form(const char *line);

/* Run a suite of one case in UTC; what main() returns. */
int fx_main(const char *name, void (*add)(TCase *tc));

#endif
