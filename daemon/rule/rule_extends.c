/*
 * rule_extends: rules that take from others what they do not say themselves.  Done once all
 * files are read and overrides are merged, and before anything is built.
 */
#include <string.h>

#include "rule/rule_internal.h"

#define DEPTH_MAX 16 /* rules that extend each other in a row */

/* What a rule does not take: a rule that is switched off may still be there for others, and
 * its tests are its own. */
static const char *const own[] = {"id", "enabled", "extends", "tests", NULL};

static const char *const conditions[] = {"count", "distinct", "sum", "all_of", "sequence", "absent",
    "first_seen", "spike", "rate"};

#define NCONDITIONS (sizeof(conditions) / sizeof(conditions[0]))

static const struct conf_string *
extends_of(const struct rule_load *l, const struct rule_defs *defs, const struct rule_def *def)
{
	if (defs == &l->incidents)
		return &((const struct incident_conf *)(const void *)def->conf)->extends;
	return &((const struct event_conf *)(const void *)def->conf)->extends;
}

static bool
is_set(const void *conf, const char *key)
{
	return conf_is_set(&rule_incident_table, conf, key);
}

/* Drop ${key} unless ${over} will give it. */
static void
drop(void *base, const void *over, const char *key)
{
	if (is_set(base, key) && !is_set(over, key))
		conf_unset(&rule_incident_table, base, key);
}

void
rule_extends_drop(void *base, const void *over)
{
	bool any = false;

	for (size_t i = 0; i < NCONDITIONS; i++)
		any |= is_set(over, conditions[i]);
	if (!any)
		return;
	for (size_t i = 0; i < NCONDITIONS; i++)
		drop(base, over, conditions[i]);
	/* What only goes with some. */
	if (!is_set(over, "absent"))
		drop(base, over, "each");
	if (is_set(over, "absent") || is_set(over, "first_seen"))
		drop(base, over, "within");
	if (is_set(over, "sequence") || is_set(over, "all_of"))
		drop(base, over, "on");
}

/* Of an incident rule without what its own condition drives out. */
static void
take(const struct rule_defs *defs, struct rule_def *def, const struct rule_def *from)
{
	static const char *const none[] = {NULL};
	struct incident_conf base = {.enabled = true};

	if (defs->table != &rule_incident_table) {
		conf_inherit(defs->table, def->conf, from->conf, own);
		return;
	}
	conf_inherit(defs->table, &base, from->conf, none);
	rule_extends_drop(&base, def->conf);
	conf_inherit(defs->table, def->conf, &base, own);
	conf_clear(defs->table, &base);
}

static void
report_unknown(
    struct rule_load *l, const struct rule_defs *defs, const struct conf_string *name)
{
	const char *near = rule_defs_nearest(defs, name->s);

	diag_error(l->diag, name->at, "there is no %s rule \"%s\" to extend%s%s%s",
	    defs == &l->incidents ? "incident" : "event", name->s,
	    near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
	    near == NULL ? "" : "\"?");
}

/* The rule that ${def} extends, or NULL. */
static struct rule_def *
base_of(struct rule_load *l, const struct rule_defs *defs, const struct rule_def *def)
{
	const struct conf_string *name = extends_of(l, defs, def);
	struct rule_def *base;

	if (name->s == NULL)
		return NULL;
	base = rule_defs_find(defs, name->s);
	if (base == NULL)
		report_unknown(l, defs, name);
	return base;
}

static void
resolve(struct rule_load *l, struct rule_defs *defs, struct rule_def *def, int depth)
{
	struct rule_def *base;

	if (def->extended == RULE_DEF_DONE)
		return;
	if (def->extended == RULE_DEF_BUSY || depth > DEPTH_MAX) {
		diag_error(l->diag, def->at,
		    def->extended == RULE_DEF_BUSY ? "\"%s\" extends itself"
		                                   : "\"%s\" is extended over too many rules",
		    def->conf->id.s);
		return;
	}
	def->extended = RULE_DEF_BUSY;
	base = base_of(l, defs, def);
	if (base != NULL) {
		resolve(l, defs, base, depth + 1);
		take(defs, def, base);
	}
	def->extended = RULE_DEF_DONE;
}

void
rule_extends_resolve(struct rule_load *l, struct rule_defs *defs)
{
	for (size_t i = 0; i < defs->n; i++)
		resolve(l, defs, &defs->v[i], 1);
}
