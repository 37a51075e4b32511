/*
 * yaml_text: the characters of a file before the YAML parser sees them.
 *
 * libyaml names a byte offset for what is not UTF-8 and gives up; here it gets a
 * line and a column, and reading goes on.  Line ends other than LF and CR LF are
 * refused, so that libyaml, editors and diag count the same lines.
 */
#include <string.h>

#include "conf/conf_internal.h"
#include "conf/yaml_tree.h"
#include "util/vis.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define REPORTS_MAX 10             /* lines with such characters before this is no text */

static bool
ascii_allowed(unsigned char c)
{
	return (c >= 0x20 && c < 0x7f) || c == '\t' || c == '\n';
}

static bool
starts(struct sv s, const char *prefix)
{
	return s.n >= strlen(prefix) && memcmp(s.p, prefix, strlen(prefix)) == 0;
}

static bool
is_utf8(struct sv s)
{
	struct buf scratch = BUF_INIT;
	bool clean = vis_utf8(&scratch, s);

	buf_free(&scratch);
	return clean;
}

/* What is wrong with the one character ${c}; NULL when nothing is. */
static const char *
complain(struct sv c)
{
	unsigned char lead = (unsigned char)c.p[0];

	if (lead < 0x80)
		return ascii_allowed(lead) ? NULL : "a control character";
	if (!is_utf8(c))
		return "not UTF-8 text";
	if (starts(c, "\xe2\x80\xa8") || starts(c, "\xe2\x80\xa9") || starts(c, "\xc2\x85"))
		return "a line end other than a newline";
	if (lead == 0xc2 && (unsigned char)c.p[1] < 0xa0)
		return "a control character";
	if (starts(c, "\xef\xbb\xbf"))
		return "a byte order mark inside the text";
	if (starts(c, "\xef\xbf\xbe") || starts(c, "\xef\xbf\xbf"))
		return "not a character";
	return NULL;
}

static void
report(struct diag *diag, struct mark at, const char *what, struct sv c)
{
	struct buf hex = BUF_INIT;

	for (size_t i = 0; i < c.n; i++)
		buf_printf(&hex, " %02x", (unsigned char)c.p[i]);
	diag_error(diag, at, "%s (byte%s)", what, buf_str(&hex));
	buf_free(&hex);
}

/* Append the longest run of harmless ASCII inside one line; returns its length. */
static size_t
add_run(struct buf *out, struct sv text)
{
	size_t n = 0;

	while (n < text.n && text.p[n] != '\n' && ascii_allowed((unsigned char)text.p[n]))
		n++;
	buf_add(out, text.p, n);
	return n;
}

bool
yaml_text_clean(struct buf *out, struct sv text, const struct conf_file *file, struct diag *diag)
{
	struct mark at = {file, 1, 1};
	int reported_line = 0, reports = 0;

	while (text.n > 0) {
		size_t n = add_run(out, text);
		const char *wrong;

		at.column += (int)n;
		text = sv_from(text, n);
		if (text.n == 0)
			break;
		if (text.p[0] == '\n' || starts(text, "\r\n")) {
			buf_putc(out, '\n');
			text = sv_from(text, text.p[0] == '\n' ? 1 : 2);
			at = (struct mark){file, at.line + 1, 1};
			continue;
		}
		n = conf_char_length(text);
		wrong = complain((struct sv){text.p, n});
		if (wrong != NULL && at.line != reported_line) {
			if (++reports > REPORTS_MAX) {
				diag_error(diag, at, "too many such characters: this is no text");
				return false;
			}
			report(diag, at, wrong, (struct sv){text.p, n});
			reported_line = at.line;
		}
		if (wrong != NULL)
			buf_puts(out, REPLACEMENT);
		else
			buf_add(out, text.p, n);
		at.column++;
		text = sv_from(text, n);
	}
	return true;
}
