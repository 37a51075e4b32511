/*
 * format_access: access logs of web servers, common and combined, also with the
 * virtual host in front and more behind.  Clients write most of such a line: what
 * they can put into it must not move the fields.
 */
#include <arpa/inet.h>

#include "format/format_internal.h"

#define STAMP_LENGTH 26 /* 10/Oct/2000:13:55:36 -0700 */
#define FRONT_MAX 4096  /* bytes before the stamp */

static bool
is_address(struct sv s)
{
	unsigned char address[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];

	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* ---- pieces ------------------------------------------------------------------ */

static struct sv
take_word(struct sv *s)
{
	const char *blank = s->n == 0 ? NULL : memchr(s->p, ' ', s->n);
	struct sv word = {s->p, blank == NULL ? s->n : (size_t)(blank - s->p)};

	*s = sv_from(*s, word.n + 1);
	return word;
}

/* What a server wrote as \" or \xHH is what the client sent. */
static struct sv
unescape(struct format *f, struct sv s)
{
	struct buf *b = &f->scratch;
	size_t begin = b->n;

	if (s.n == 0 || memchr(s.p, '\\', s.n) == NULL)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\\' || i + 1 == s.n) {
			buf_putc(b, s.p[i]);
		} else if (s.p[i + 1] == 'x' && i + 3 < s.n && format_hex_digit(s.p[i + 2]) >= 0 &&
		    format_hex_digit(s.p[i + 3]) >= 0) {
			buf_putc(b, (char)(format_hex_digit(s.p[i + 2]) * 16 + format_hex_digit(s.p[i + 3])));
			i += 3;
		} else if (s.p[i + 1] == '"' || s.p[i + 1] == '\\') {
			buf_putc(b, s.p[++i]);
		} else {
			buf_putc(b, '\\');
		}
	}
	f->record.head.dirty = true;
	return (struct sv){b->p + begin, b->n - begin};
}

/* "...": up to the quote that is not escaped. */
static bool
take_quoted(struct sv *s, struct sv *inside)
{
	size_t i = 1;

	if (s->n == 0 || s->p[0] != '"')
		return false;
	while (i < s->n && s->p[i] != '"')
		i += s->p[i] == '\\' ? 2 : 1;
	if (i >= s->n)
		return false;
	*inside = (struct sv){s->p + 1, i - 1};
	*s = sv_from(*s, i + 1);
	if (s->n > 0 && s->p[0] == ' ')
		*s = sv_from(*s, 1);
	return true;
}

/* A field that is there: "-" stands for nothing. */
static void
add(struct format *f, struct sv name, struct sv value)
{
	if (value.n > 0 && !sv_eq(value, SV("-")))
		format_record_field(f, name, unescape(f, value));
}

/* ---- the line ---------------------------------------------------------------- */

/* Where " [STAMP] \"" begins: no quote of a client is without a backslash. */
static bool
find_stamp(struct sv s, size_t *at)
{
	size_t end = s.n < FRONT_MAX ? s.n : FRONT_MAX;

	for (size_t i = 0; i + STAMP_LENGTH + 5 <= end; i++) {
		const char *p = memmem(s.p + i, end - i, " [", 2);

		if (p == NULL)
			return false;
		i = (size_t)(p - s.p);
		if (i + STAMP_LENGTH + 5 > s.n)
			return false;
		if (p[4] == '/' && memcmp(p + 2 + STAMP_LENGTH, "] \"", 3) == 0) {
			*at = i;
			return true;
		}
	}
	return false;
}

static void
add_client(struct format *f, struct sv client)
{
	if (is_address(client))
		add(f, SV("source.ip"), client);
	else
		add(f, SV("source.domain"), client);
}

/* "vhost:port": the port apart. */
static void
add_server(struct format *f, struct sv server)
{
	const char *colon = memrchr(server.p, ':', server.n);
	size_t n = colon == NULL ? server.n : (size_t)(colon - server.p);

	add(f, SV("url.domain"), (struct sv){server.p, n});
	if (colon != NULL)
		add(f, SV("url.port"), sv_from(server, n + 1));
}

/* "client ident user", or "server client ident user".  A user may have blanks. */
static bool
read_front(struct format *f, struct sv front)
{
	struct sv first = take_word(&front), rest = front, second = take_word(&rest);

	if (first.n == 0 || front.n == 0)
		return false;
	if (!is_address(first) && is_address(second)) {
		add_server(f, first);
		first = second;
		front = rest;
	}
	add_client(f, first);
	take_word(&front); /* ident: nobody has one */
	add(f, SV("user.name"), front);
	return true;
}

/* "GET /path HTTP/1.1"; what is no request has none of its fields. */
static void
read_request(struct format *f, struct sv request)
{
	struct sv rest = request, method = take_word(&rest), version = {rest.p, 0};
	const char *last = rest.n == 0 ? NULL : memrchr(rest.p, ' ', rest.n);

	if (last != NULL)
		version = sv_from(rest, (size_t)(last + 1 - rest.p));
	if (version.n > 5 && memcmp(version.p, "HTTP/", 5) == 0)
		rest.n = (size_t)(last - rest.p);
	else
		version.n = 0;
	if (rest.n == 0)
		return;
	add(f, SV("http.request.method"), method);
	add(f, SV("url.original"), rest);
	if (version.n > 0)
		add(f, SV("http.version"), sv_from(version, 5));
}

static bool
read_status(struct format *f, struct sv *s)
{
	struct sv status = take_word(s);

	if (status.n != 3 || status.p[0] < '1' || status.p[0] > '9')
		return false;
	add(f, SV("http.response.status_code"), status);
	add(f, SV("http.response.body.bytes"), take_word(s));
	return true;
}

static bool
read_request_line(struct format *f, struct sv s)
{
	struct sv request, referrer, agent;
	size_t at;

	if (!find_stamp(s, &at) || !read_front(f, (struct sv){s.p, at}))
		return false;
	format_record_time(f, format_time_access(f, (struct sv){s.p + at + 2, STAMP_LENGTH}));
	s = sv_from(s, at + STAMP_LENGTH + 4);
	if (!take_quoted(&s, &request))
		return false;
	read_request(f, request);
	if (!read_status(f, &s))
		return false;
	if (take_quoted(&s, &referrer)) {
		add(f, SV("http.request.referrer"), referrer);
		if (take_quoted(&s, &agent))
			add(f, SV("user_agent.original"), agent);
	}
	return true;
}

static bool
read_text(struct format *f, struct sv text)
{
	struct format_head before = f->record.head;

	f->scratch.n = 0;
	buf_reserve(&f->scratch, text.n);
	if (read_request_line(f, text)) {
		f->record.head.message = text;
		return true;
	}
	f->record.head = before;
	return false;
}

static void
read_access(struct format *f, const struct format_line *in)
{
	format_record_begin(f);
	if (read_text(f, in->text) || read_text(f, format_record_header(f, in, in->text)))
		format_give(f, in);
	else
		format_misfit(f, in);
}

const struct format_kind format_access = {.line = read_access, .program = "access"};
