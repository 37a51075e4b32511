/*
 * format_json: lines that are one object of JSON each, alone or behind a syslog
 * header, with or without "@cee:".  The journal's export in JSON is no different.
 */
#include "format/format_internal.h"

static struct sv
trim(struct sv s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = sv_from(s, 1);
	return s;
}

/* The object that ${text} begins with, maybe behind a cookie. */
static bool
find_object(struct sv text, struct sv *object)
{
	text = trim(text);
	if (text.n > 5 && memcmp(text.p, "@cee:", 5) == 0)
		text = trim(sv_from(text, 5));
	*object = text;
	return text.n > 0 && text.p[0] == '{';
}

static void
read_json(struct format *f, const struct format_line *in)
{
	struct sv object, text = in->text;

	format_record_begin(f);
	if (!find_object(text, &object)) {
		text = format_record_header(f, in, text);
		if (!find_object(text, &object))
			object.n = 0;
	}
	if (object.n > 0 && format_json_object(f, &f->scratch, object))
		format_give(f, in);
	else
		format_misfit(f, in);
}

const struct format_kind format_json = {.line = read_json};
