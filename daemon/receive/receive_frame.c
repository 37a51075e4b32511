/*
 * receive_frame: see receive_frame.h.  Keeps no bytes: what is not used up is the
 * caller's.  What it finds depends on the bytes alone, never on how they were cut
 * into calls; each decision waits until it has the bytes that it needs.
 */
#include "receive/receive_frame.h"

#define COUNT_DIGITS 7
#define PRI_DIGITS 3

enum head { HEAD_COUNT, HEAD_LINE, HEAD_UNSURE };
enum step { STEP_ON, STEP_MORE, STEP_WAIT, STEP_LOST };

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* How many digits ${s} begins with; counts no more than one beyond ${most}. */
static size_t
digits(struct sv s, size_t most)
{
	size_t n = 0;

	while (n < s.n && n <= most && is_digit(s.p[n]))
		n++;
	return n;
}

/* Is there a <PRI>?  Sets its length. */
static enum head
parse_pri(struct sv s, size_t *length)
{
	size_t n;

	if (s.n == 0)
		return HEAD_UNSURE;
	if (s.p[0] != '<')
		return HEAD_LINE;
	n = digits(sv_from(s, 1), PRI_DIGITS);
	if (n > PRI_DIGITS)
		return HEAD_LINE;
	if (s.n == n + 1)
		return HEAD_UNSURE;
	if (n == 0 || s.p[n + 1] != '>')
		return HEAD_LINE;
	*length = n + 2;
	return HEAD_COUNT;
}

/* With HEAD_COUNT sets ${head}, the bytes of count and blank, and ${count}. */
static enum head
parse_head(struct sv s, size_t *head, size_t *count)
{
	size_t n = digits(s, COUNT_DIGITS), pri = 0;
	enum head kind;

	if (n == 0 || n > COUNT_DIGITS || s.p[0] == '0')
		return HEAD_LINE;
	if (n == s.n)
		return HEAD_UNSURE;
	if (s.p[n] != ' ')
		return HEAD_LINE;
	kind = parse_pri(sv_from(s, n + 1), &pri);
	if (kind != HEAD_COUNT)
		return kind;
	*head = n + 1;
	*count = 0;
	for (size_t i = 0; i < n; i++)
		*count = *count * 10 + (size_t)(s.p[i] - '0');
	return *count >= pri ? HEAD_COUNT : HEAD_LINE;
}

struct sv
receive_frame_strip(struct sv m)
{
	while (m.n > 0 && (m.p[m.n - 1] == '\n' || m.p[m.n - 1] == '\r' || m.p[m.n - 1] == '\0'))
		m.n--;
	return m;
}

/* Where the line at the start of ${s} ends; s.n when it does not.  The first
 * ${seen} bytes were looked at before. */
static size_t
end_of_line(const struct receive_frame *f, struct sv s, size_t seen)
{
	struct sv rest = sv_from(s, seen);
	const char *end = rest.n == 0 ? NULL : memchr(rest.p, '\n', rest.n);
	const char *nul = NULL;

	if (!f->lines && rest.n > 0)
		nul = memchr(rest.p, '\0', end == NULL ? rest.n : (size_t)(end - rest.p));
	if (nul != NULL)
		end = nul;
	return end == NULL ? s.n : (size_t)(end - s.p);
}

/* Offer ${m}, no more than max of it. */
static bool
offer(struct receive_frame *f, struct sv m, receive_frame_cb *take, void *ctx)
{
	size_t over = m.n > f->max ? m.n - f->max : 0;

	m.n -= over;
	if (m.n > 0 && !take(ctx, m))
		return false;
	f->cut += over > 0;
	f->cut_bytes += over;
	f->seen = 0;
	return true;
}

static enum step
skip_bytes(struct receive_frame *f, struct sv s, size_t *n)
{
	*n = s.n < f->skip ? s.n : (size_t)f->skip;
	f->skip -= *n;
	f->cut_bytes += *n;
	return STEP_ON;
}

static enum step
skip_line(struct receive_frame *f, struct sv s, size_t *n)
{
	size_t end = end_of_line(f, s, 0);

	f->cut_bytes += end;
	f->skipping = end == s.n;
	*n = end + (f->skipping ? 0 : 1);
	return STEP_ON;
}

static enum step
take_counted(struct receive_frame *f, struct sv s, size_t count, size_t *n, receive_frame_cb *take,
    void *ctx)
{
	size_t have = count < f->max ? count : f->max;

	if (s.n < have)
		return STEP_MORE;
	if (!offer(f, receive_frame_strip((struct sv){s.p, have}), take, ctx))
		return STEP_WAIT;
	f->counted = true;
	f->skip = count - have;
	f->cut += f->skip > 0;
	*n = have;
	return STEP_ON;
}

/* Its end lies beyond what a message may have: take the head. */
static enum step
take_long(struct receive_frame *f, struct sv s, size_t *n, receive_frame_cb *take, void *ctx)
{
	if (!offer(f, (struct sv){s.p, f->max}, take, ctx))
		return STEP_WAIT;
	f->cut++;
	f->skipping = true;
	*n = f->max;
	return f->counted ? STEP_LOST : STEP_ON;
}

static enum step
take_line(struct receive_frame *f, struct sv s, size_t *n, receive_frame_cb *take, void *ctx)
{
	size_t most = f->max + 2; /* with carriage return and newline */
	struct sv window = {s.p, s.n < most ? s.n : most}, line;
	size_t end = end_of_line(f, window, f->seen);

	if (end == window.n && end == most)
		return take_long(f, s, n, take, ctx);
	if (end == window.n) {
		f->seen = end;
		return STEP_MORE;
	}
	line = receive_frame_strip((struct sv){s.p, end});
	if (!offer(f, line, take, ctx)) {
		f->seen = end;
		return STEP_WAIT;
	}
	if (line.n > 0)
		f->counted = false;
	*n = end + 1;
	return STEP_ON;
}

static enum step
step(struct receive_frame *f, struct sv s, size_t *n, receive_frame_cb *take, void *ctx)
{
	size_t head = 0, count = 0;
	enum head kind = HEAD_LINE;
	enum step next;

	*n = 0;
	if (f->skip > 0)
		return skip_bytes(f, s, n);
	if (f->skipping)
		return skip_line(f, s, n);
	if (!f->lines)
		kind = parse_head(s, &head, &count);
	if (kind == HEAD_UNSURE)
		return STEP_MORE;
	if (kind == HEAD_LINE)
		return take_line(f, s, n, take, ctx);
	next = take_counted(f, sv_from(s, head), count, n, take, ctx);
	*n += next == STEP_ON ? head : 0;
	return next;
}

enum receive_frame_result
receive_frame_feed(
    struct receive_frame *f, struct sv data, size_t *used, receive_frame_cb *take, void *ctx)
{
	enum step next = STEP_ON;
	size_t n;

	*used = 0;
	while (next == STEP_ON && *used < data.n) {
		next = step(f, sv_from(data, *used), &n, take, ctx);
		*used += n;
	}
	if (next == STEP_LOST)
		return FRAME_LOST;
	return next == STEP_WAIT ? FRAME_WAIT : FRAME_MORE;
}

enum receive_frame_result
receive_frame_end(struct receive_frame *f, struct sv data, receive_frame_cb *take, void *ctx)
{
	size_t head = 0, count;

	if (data.n == 0 || f->skip > 0 || f->skipping)
		return FRAME_MORE;
	if (!f->lines && parse_head(data, &head, &count) != HEAD_COUNT)
		head = 0;
	if (!offer(f, receive_frame_strip(sv_from(data, head)), take, ctx))
		return FRAME_WAIT;
	return FRAME_MORE;
}
