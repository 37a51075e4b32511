/*
 * rule_identity: a number for what an incident rule counts and how.  While it stays the
 * same, what is remembered of the rule's groups holds; title, severity and the like are not
 * in it, nor is the order of what has none, nor what lists hold.
 */
#include <stdlib.h>
#include <string.h>

#include "rule/rule_internal.h"
#include "util/xalloc.h"

/* ---- texts, each with its length before it, so that no two are one -------------- */

static void
put(struct buf *out, const char *s)
{
	if (s == NULL)
		buf_puts(out, "- ");
	else
		buf_printf(out, "%zu:%s ", strlen(s), s);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Takes the ${n} texts of ${v}. */
static void
put_sorted(struct buf *out, char **v, size_t n)
{
	if (n > 0)
		qsort(v, n, sizeof(*v), by_text);
	buf_printf(out, "%zu(", n);
	for (size_t i = 0; i < n; i++) {
		put(out, v[i]);
		free(v[i]);
	}
	buf_putc(out, ')');
	free(v);
}

static void
put_strings(struct buf *out, const struct conf_strings *s)
{
	char **v = xcalloc(s->n, sizeof(*v));

	for (size_t i = 0; i < s->n; i++)
		v[i] = xstrdup(s->v[i].s);
	put_sorted(out, v, s->n);
}

static void
put_map(struct buf *out, const struct conf_map *map)
{
	char **v = xcalloc(map->n, sizeof(*v));

	for (size_t i = 0; i < map->n; i++) {
		struct buf pair = BUF_INIT;

		put(&pair, map->v[i].name.s);
		put_strings(&pair, &map->v[i].values);
		v[i] = buf_steal(&pair);
	}
	put_sorted(out, v, map->n);
}

static void
put_maps(struct buf *out, const struct conf_maps *maps)
{
	char **v = xcalloc(maps->n, sizeof(*v));

	for (size_t i = 0; i < maps->n; i++) {
		struct buf map = BUF_INIT;

		put_map(&map, &maps->v[i]);
		v[i] = buf_steal(&map);
	}
	put_sorted(out, v, maps->n);
}

/* ---- the rule ------------------------------------------------------------------- */

static void
put_condition(struct buf *out, const struct condition *c)
{
	buf_printf(out, "%d %lld %lld %lld %lld %lld %lld %u %u ", (int)c->kind, (long long)c->within,
	    (long long)c->least, (long long)c->below, (long long)c->learning, (long long)c->slots,
	    (long long)c->factor, c->nsteps, (unsigned)c->negative);
	put(out, c->field);
}

static void
put_keys(struct buf *out, const struct incident_rule *rule)
{
	buf_printf(out, "%zu ", rule->nby);
	for (size_t i = 0; i < rule->nby; i++) {
		const struct rule_key *key = &rule->by[i];

		put(out, key->field);
		buf_printf(out, "%d %d %d ", key->lower, key->bits4, key->bits6);
	}
}

static void
put_steps(struct buf *out, const struct incident_conf *conf)
{
	const struct conf_list *list = rule_condition_steps(conf);
	const struct step_conf *steps = list == NULL ? NULL : list->v;

	put_strings(out, &conf->on);
	put_map(out, &conf->where);
	put_maps(out, &conf->unless);
	for (size_t i = 0; list != NULL && i < list->n; i++) {
		put_strings(out, &steps[i].on);
		put_strings(out, &steps[i].not);
		put_map(out, &steps[i].where);
		put_maps(out, &steps[i].unless);
	}
}

uint64_t
rule_identity(const struct incident_rule *rule, const struct incident_conf *conf)
{
	struct buf text = BUF_INIT;
	unsigned char hash[DIGEST_SIZE];
	uint64_t id = 0;

	put(&text, rule->id);
	put_condition(&text, &rule->condition);
	put_keys(&text, rule);
	put_steps(&text, conf);
	put_strings(&text, &conf->outside.hours);
	put_strings(&text, &conf->outside.days);
	put(&text, conf->outside.zone.s);
	put(&text, conf->each.s);
	digest_sha256(buf_view(&text), hash);
	for (size_t i = 0; i < sizeof(id); i++)
		id = id << 8 | hash[i];
	buf_free(&text);
	return id;
}
