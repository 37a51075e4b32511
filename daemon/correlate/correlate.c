/*
 * correlate: see correlate.h.  Owns the gathering batch and an index of its
 * entries by group name; the window test here only decides which event times
 * must travel, and is the same as the one in state/triaged.lua.
 */
#include "correlate/correlate.h"

#include <stdlib.h>

#include "correlate/correlate_internal.h"
#include "rule/ruleset.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/json.h"
#include "util/vis.h"
#include "util/xalloc.h"

#define FULL_ENTRIES 4096
#define FULL_BYTES (8U << 20)

struct correlator {
	struct batch *batch;
	struct group_index index; /* group name -> its latest entry in the batch */
	struct buf group;         /* scratch: the name of the group at hand */
	struct correlate_stats stats;
};

struct correlator *
correlator_new(void)
{
	struct correlator *c = xcalloc(1, sizeof(*c));

	c->batch = xcalloc(1, sizeof(*c->batch));
	group_index_init(&c->index);
	return c;
}

void
correlator_free(struct correlator **cp)
{
	struct correlator *c = *cp;

	if (c == NULL)
		return;
	batch_free(&c->batch);
	group_index_free(&c->index);
	buf_free(&c->group);
	free(c);
	*cp = NULL;
}

/* Write the group's name: no two keys share one.  False when ${e} lacks a field. */
static bool
name_group(struct buf *out, const struct incident_rule *rule, const struct event *e)
{
	out->n = 0;
	buf_puts(out, rule->id);
	buf_putc(out, '|');
	for (size_t i = 0; i < rule->nby; i++) {
		const struct sv *value = event_field(e, rule->by[i]);

		if (value == NULL)
			return false;
		buf_printf(out, "%zu:", value->n);
		buf_sv(out, *value);
	}
	return true;
}

static char *
key_json(const struct incident_rule *rule, const struct event *e)
{
	struct buf out = BUF_INIT;

	buf_putc(&out, '{');
	for (size_t i = 0; i < rule->nby; i++) {
		if (i > 0)
			buf_putc(&out, ',');
		json_quote(&out, sv_str(rule->by[i]));
		buf_putc(&out, ':');
		json_quote(&out, *event_field(e, rule->by[i]));
	}
	buf_putc(&out, '}');
	return buf_steal(&out);
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

static const struct sv *
placeholder_value(const struct incident_rule *rule, const struct event *e, struct sv name)
{
	for (size_t i = 0; i < rule->nby; i++)
		if (spells(name, rule->by[i]))
			return event_field(e, rule->by[i]);
	return NULL;
}

/* The rule's title with {source_ip} and the like filled in. */
static char *
render_title(const struct incident_rule *rule, const struct event *e)
{
	struct sv rest = sv_str(rule->title);
	struct buf out = BUF_INIT;

	while (rest.n > 0) {
		const char *open = memchr(rest.p, '{', rest.n);
		size_t before = open == NULL ? rest.n : (size_t)(open - rest.p);
		const char *end = open == NULL ? NULL : memchr(open, '}', rest.n - before);
		const struct sv *value = NULL;

		buf_add(&out, rest.p, before);
		if (end != NULL) {
			size_t n = (size_t)(end - open) - 1;

			value = placeholder_value(rule, e, (struct sv){open + 1, n});
			if (value != NULL) {
				vis_utf8(&out, *value);
				before += n + 2;
			}
		}
		if (open != NULL && value == NULL) {
			buf_putc(&out, '{');
			before++;
		}
		rest = sv_from(rest, before);
	}
	return buf_steal(&out);
}

static char *
render_sample(const struct event *e)
{
	const struct line *line = e->record->line;
	struct sv all = e->record->text, text = {all.p, vis_cut(all, BATCH_SAMPLE_LINE)};
	char hash[DIGEST_HEX_SIZE];
	struct buf out = BUF_INIT;

	digest_sha256_hex(all, hash);
	buf_puts(&out, "{\"file\":");
	json_quote(&out, sv_str(line->stream->path));
	buf_printf(&out, ",\"offset\":%llu,\"sha256\":\"%s\",\"time\":\"",
	    (unsigned long long)line->offset, hash);
	clock_format(&out, e->record->time);
	buf_puts(&out, "\",\"line\":");
	json_quote(&out, text);
	buf_puts(&out, text.n < all.n || line->cut ? ",\"cut\":true}" : "}");
	return buf_steal(&out);
}

static void
hold_ruleset(struct batch *b, struct ruleset *rules)
{
	if (b->nrulesets > 0 && b->rulesets[b->nrulesets - 1] == rules)
		return;
	XGROW(b->rulesets, b->nrulesets);
	b->rulesets[b->nrulesets++] = ruleset_ref(rules);
}

static struct batch_entry *
add_entry(
    struct correlator *c, const struct incident_rule *rule, const struct event *e)
{
	struct batch *b = c->batch;
	struct batch_entry *entry;

	XGROW(b->entries, b->nentries);
	entry = &b->entries[b->nentries];
	*entry = (struct batch_entry){.rule = rule,
	    .group = xstrndup(c->group.p, c->group.n),
	    .group_n = c->group.n,
	    .title = render_title(rule, e),
	    .key = key_json(rule, e),
	    .last = e->record->time};
	group_index_put(&c->index, b, buf_view(&c->group), b->nentries);
	b->nentries++;
	b->bytes += sizeof(*entry) + 2 * c->group.n + 256;
	return entry;
}

/* Does a span of rule->within that holds the newest time hold rule->count of the
 * last 2 * count times?  Sound: if it says yes of this batch alone, it is so for
 * the group whatever came before. */
static bool
satisfied(const struct batch_entry *e)
{
	size_t keep = 2 * (size_t)e->rule->count, start = e->ntimes > keep ? e->ntimes - keep : 0;

	return window_around(
	    e->times + start, e->ntimes - start, e->rule->within, (size_t)e->rule->count);
}

static void
add_rest(struct batch_entry *e, int64_t t)
{
	bool none = e->n - 1 == e->ntimes;

	if (none || t < e->rest_first)
		e->rest_first = t;
	if (none || t > e->rest_last)
		e->rest_last = t;
}

static void
add_event(struct batch *b, struct batch_entry *entry, const struct event *e)
{
	int64_t t = e->record->time;

	entry->n++;
	if (t > entry->last)
		entry->last = t;
	if (entry->satisfied) {
		add_rest(entry, t);
	} else {
		XGROW(entry->times, entry->ntimes);
		entry->times[entry->ntimes++] = t;
		entry->satisfied = satisfied(entry);
		b->bytes += sizeof(t);
	}
	if (entry->nsamples < BATCH_SAMPLES && entry->nsamples == entry->n - 1) {
		entry->samples[entry->nsamples] = render_sample(e);
		b->bytes += strlen(entry->samples[entry->nsamples]);
		entry->nsamples++;
	}
}

static void
count_for(struct correlator *c, struct ruleset *rules, const struct incident_rule *rule,
    const struct event *e)
{
	struct batch_entry *entry = NULL;
	size_t at;

	if (!name_group(&c->group, rule, e)) {
		c->stats.missing_key++;
		return;
	}
	c->stats.counted++;
	if (group_index_get(&c->index, c->batch, buf_view(&c->group), &at))
		entry = &c->batch->entries[at];
	/* After a pause longer than rearm the group starts afresh: an entry of its
	 * own, so that the commit sees the pause.  So it does when the rule was
	 * reloaded meanwhile. */
	if (entry == NULL || entry->rule != rule || e->record->time - entry->last > rule->rearm) {
		hold_ruleset(c->batch, rules);
		entry = add_entry(c, rule, e);
	}
	add_event(c->batch, entry, e);
}

void
correlate_event(struct correlator *c, struct ruleset *rules, const struct event *e)
{
	for (size_t i = 0; i < e->rule->nincidents; i++)
		count_for(c, rules, e->rule->incidents[i], e);
}

void
correlate_position(struct correlator *c, const struct position *pos)
{
	struct batch *b = c->batch;
	size_t i = b->npositions;

	while (i > 0 && strcmp(b->positions[i - 1].stream, pos->stream) != 0)
		i--;
	if (i == 0) {
		XGROW(b->positions, b->npositions);
		i = ++b->npositions;
		b->positions[i - 1] = (struct batch_position){.stream = xstrdup(pos->stream)};
	}
	if (b->positions[i - 1].path == NULL || strcmp(b->positions[i - 1].path, pos->path) != 0) {
		free(b->positions[i - 1].path);
		b->positions[i - 1].path = xstrdup(pos->path);
	}
	b->positions[i - 1].offset = pos->offset;
	b->positions[i - 1].check = pos->check;
	b->positions[i - 1].done = pos->done;
}

static void
add_member(struct buf *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(out, ",\"%s\":", name);
	json_quote(out, sv_str(value));
}

static char *
gap_json(const struct trouble *t, int64_t now)
{
	struct buf out = BUF_INIT;

	buf_puts(&out, "{\"time\":\"");
	clock_format(&out, now);
	buf_printf(&out, "\",\"reason\":\"%s\"", trouble_name(t->kind));
	add_member(&out, "source", t->source);
	add_member(&out, "stream", t->stream);
	add_member(&out, "path", t->path);
	if (t->to > t->from)
		buf_printf(&out, ",\"from\":%llu,\"to\":%llu", (unsigned long long)t->from,
		    (unsigned long long)t->to);
	if (t->lost > 0)
		buf_printf(&out, ",\"messages\":%llu", (unsigned long long)t->lost);
	add_member(&out, "text", t->text);
	buf_putc(&out, '}');
	return buf_steal(&out);
}

void
correlate_gap(struct correlator *c, const struct trouble *t, int64_t now)
{
	struct batch *b = c->batch;
	struct buf total = BUF_INIT;
	struct batch_gap gap = {.messages = t->lost, .json = gap_json(t, now)};

	if (t->to > t->from)
		gap.bytes = t->to - t->from;
	buf_printf(&total, "%s %s", t->source, trouble_name(t->kind));
	gap.total = buf_steal(&total);
	b->bytes += sizeof(gap) + strlen(gap.json);
	XGROW(b->gaps, b->ngaps);
	b->gaps[b->ngaps++] = gap;
}

bool
correlate_pending(const struct correlator *c, bool urgent)
{
	return c->batch->nentries > 0 ||
	    (!urgent && (c->batch->npositions > 0 || c->batch->ngaps > 0));
}

bool
correlate_full(const struct correlator *c)
{
	return c->batch->nentries >= FULL_ENTRIES || c->batch->bytes >= FULL_BYTES;
}

struct batch *
correlate_take(struct correlator *c)
{
	struct batch *b = c->batch;

	c->batch = xcalloc(1, sizeof(*c->batch));
	group_index_clear(&c->index);
	return b;
}

void
correlate_reset(struct correlator *c)
{
	struct batch *b = correlate_take(c);

	batch_free(&b);
}

const struct correlate_stats *
correlate_stats(const struct correlator *c)
{
	return &c->stats;
}
