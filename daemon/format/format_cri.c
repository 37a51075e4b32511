/*
 * format_cri: container logs on a Kubernetes node, "TIME STREAM TAGS TEXT".  Of a
 * long line all parts but the last have the tag P.
 */
#include "format/format_internal.h"

static bool
take_word(struct sv *s, struct sv *word)
{
	const char *blank = memchr(s->p, ' ', s->n);

	if (blank == NULL)
		return false;
	*word = (struct sv){s->p, (size_t)(blank - s->p)};
	*s = sv_from(*s, word->n + 1);
	return true;
}

/* "F", "P", "P:other:tags" */
static bool
read_tags(struct sv tags, bool *last)
{
	if (tags.n == 0 || (tags.n > 1 && tags.p[1] != ':'))
		return false;
	*last = tags.p[0] == 'F';
	return *last || tags.p[0] == 'P';
}

static bool
read_part(struct format *f, const struct format_line *in, struct format_line *part,
    struct sv *stream, bool *last)
{
	struct sv rest = in->text, time, tags;
	int64_t ms;

	/* An empty text may have lost its blank. */
	if (!take_word(&rest, &time) || !take_word(&rest, stream))
		return false;
	if (!take_word(&rest, &tags)) {
		tags = rest;
		rest = sv_from(rest, rest.n);
	}
	ms = format_time_text(f, time);
	if (ms < 0 || !(sv_is(*stream, "stdout") || sv_is(*stream, "stderr")) ||
	    !read_tags(tags, last))
		return false;
	*part = *in;
	part->text = rest;
	part->time = ms;
	return true;
}

static void
keep_stem(struct format *f, struct format_line *part, struct sv stream)
{
	format_record_begin(f);
	format_record_field(f, SV("stream"), stream);
	f->stem.n = 0;
	part->nstem = format_out_stem(&f->stem, f, "");
	part->stem = buf_view(&f->stem);
}

static void
give(struct format *f, const struct format_line *in)
{
	format_record_begin(f);
	format_record_time(f, in->time);
	format_give_text(f, in, in->text);
}

static void
read_cri(struct format *f, const struct format_line *in)
{
	struct format_entry *e;
	struct format_line part;
	struct sv stream;
	bool last;

	if (!read_part(f, in, &part, &stream, &last)) {
		format_misfit(f, in);
		return;
	}
	e = format_join_find(f, in, stream);
	if (e == NULL && !last) {
		keep_stem(f, &part, stream);
		e = format_join_open(f, &part, stream);
	}
	if (e != NULL) {
		format_join_add(f, e, &part, 0);
		if (last)
			format_join_close(f, e);
	} else if (part.text.n > 0) {
		keep_stem(f, &part, stream);
		give(f, &part);
	}
}

const struct format_kind format_cri = {.line = read_cri, .joined = give};
