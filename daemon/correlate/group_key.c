/*
 * group_key: see group_key.h.
 */
#include "correlate/group_key.h"

#include <assert.h>

#include "model/event.h"
#include "util/digest.h"
#include "util/hash.h"
#include "util/json.h"
#include "util/num.h"
#include "util/vis.h"

/* Cut a value that is too long; what it was is told by its hash. */
static void
bound(struct buf *value)
{
	char hash[DIGEST_HEX_SIZE];

	if (value->n <= GROUP_KEY_VALUE_MAX)
		return;
	digest_sha256_hex(buf_view(value), hash);
	value->n = GROUP_KEY_VALUE_MAX - DIGEST_HEX_SIZE;
	buf_putc(value, '~');
	buf_puts(value, hash);
}

/* "11:192.0.2.10"; for each event, so in one piece. */
static void
put_value(struct buf *out, const char *p, size_t n)
{
	char *to = buf_reserve(out, n + 4), *at = to;

	static_assert(GROUP_KEY_VALUE_MAX < 1000, "three digits");
	if (n >= 100)
		*at++ = (char)('0' + n / 100);
	if (n >= 10)
		*at++ = (char)('0' + n / 10 % 10);
	*at++ = (char)('0' + n % 10);
	*at++ = ':';
	memcpy(at, p, n);
	at[n] = '\0';
	out->n += (size_t)(at - to) + n;
}

static bool
put_made(const struct rule_key *key, const struct event *e, struct buf *out)
{
	struct buf value = BUF_INIT;
	bool has = rule_key_value(key, e, &value);

	if (has) {
		bound(&value);
		put_value(out, buf_str(&value), value.n);
	}
	buf_free(&value);
	return has;
}

/* Most are as the event has them, and need no copy of their own. */
static bool
name_value(const struct rule_key *key, const struct event *e, struct buf *out)
{
	const struct sv *plain = rule_key_is_plain(key) ? event_field(e, key->field) : NULL;

	if (plain == NULL || plain->n > GROUP_KEY_VALUE_MAX)
		return put_made(key, e, out);
	put_value(out, plain->p, plain->n);
	return true;
}

bool
group_key_name(const struct incident_rule *rule, const struct event *e, struct buf *out)
{
	for (size_t i = 0; i < rule->nby; i++)
		if (!name_value(&rule->by[i], e, out))
			return false;
	return true;
}

struct sv
group_key_value(struct sv key, size_t i)
{
	struct sv none = {"", 0}, value;
	const char *colon;
	int64_t n;

	for (;; i--) {
		colon = key.n == 0 ? NULL : memchr(key.p, ':', key.n);
		if (colon == NULL || !num_int((struct sv){key.p, (size_t)(colon - key.p)}, 0,
		        (int64_t)key.n, &n))
			return none;
		value = sv_from(key, (size_t)(colon - key.p) + 1);
		if ((size_t)n > value.n)
			return none;
		if (i == 0)
			return (struct sv){value.p, (size_t)n};
		key = sv_from(value, (size_t)n);
	}
}

void
group_key_json(const struct incident_rule *rule, struct sv key, struct buf *out)
{
	buf_putc(out, '{');
	for (size_t i = 0; i < rule->nby; i++) {
		if (i > 0)
			buf_putc(out, ',');
		json_quote(out, sv_str(rule->by[i].field));
		buf_putc(out, ':');
		json_quote(out, group_key_value(key, i));
	}
	buf_putc(out, '}');
}

/* Is the placeholder ${name} (as a capture is spelt, source_ip) the field
 * ${dotted} (source.ip)? */
static bool
spells(struct sv name, const char *dotted)
{
	if (name.n != strlen(dotted))
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] != (dotted[i] == '.' ? '_' : dotted[i]))
			return false;
	return true;
}

/* Write the value of placeholder ${name}; false when there is none of that name. */
static bool
fill_in(const struct incident_rule *rule, struct sv key, struct sv name, struct buf *out)
{
	for (size_t i = 0; i < rule->nby; i++) {
		if (spells(name, rule->by[i].field)) {
			vis_utf8(out, group_key_value(key, i));
			return true;
		}
	}
	return false;
}

void
group_key_title(const struct incident_rule *rule, struct sv key, struct buf *out)
{
	struct sv rest = sv_str(rule->title);

	while (rest.n > 0) {
		const char *open = memchr(rest.p, '{', rest.n);
		size_t before = open == NULL ? rest.n : (size_t)(open - rest.p);
		const char *end = open == NULL ? NULL : memchr(open, '}', rest.n - before);

		buf_add(out, rest.p, before);
		rest = sv_from(rest, before);
		if (end != NULL &&
		    fill_in(rule, key, (struct sv){open + 1, (size_t)(end - open) - 1}, out)) {
			rest = sv_from(rest, (size_t)(end - open) + 1);
		} else if (rest.n > 0) {
			buf_putc(out, '{');
			rest = sv_from(rest, 1);
		}
	}
}

unsigned
group_key_partition(const struct incident_rule *rule, struct sv key, unsigned n)
{
	struct hash_key k = {0x7472696167656421ULL ^ rule->identity, 0x706172746974696fULL};

	return n <= 1 ? 0 : (unsigned)(hash_bytes(k, key) % n);
}
