/*
 * rule_variables: texts with a name, put into a rule file where ${NAME} stands.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/suggest.h"
#include "rule/rule_file.h"
#include "util/xalloc.h"

#define TEXT_MAX 65536 /* bytes of a text with all that is put into it */
#define NAME_BYTES "abcdefghijklmnopqrstuvwxyz0123456789_"

struct variables {
	const struct conf_pair *v;
	size_t n; /* that may be used */
	size_t all;
	struct diag *diag;
};

static const char *
find(const struct variables *vars, struct sv name)
{
	for (size_t i = 0; i < vars->n; i++)
		if (sv_is(name, vars->v[i].name.s))
			return vars->v[i].values.n == 1 ? vars->v[i].values.v[0].s : "";
	return NULL;
}

static void
report_unknown(const struct variables *vars, struct sv name, struct mark at)
{
	const char **names = xcalloc(vars->all, sizeof(*names));
	const char *near;

	for (size_t i = 0; i < vars->n; i++)
		names[i] = vars->v[i].name.s;
	near = conf_suggest(name, names, vars->n);
	diag_error(vars->diag, at, "there is no variable \"%.*s\" in this file%s%s%s%s",
	    name.n > 80 ? 80 : (int)name.n, name.p, vars->n < vars->all ? " above this one" : "",
	    near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
	    near == NULL ? "" : "\"?");
	free(names);
}

/* The name in "${NAME}" that ${p} begins with; empty when it does not. */
static struct sv
name_at(const char *p)
{
	size_t n = p[0] == '$' && p[1] == '{' ? strspn(p + 2, NAME_BYTES) : 0;

	return (struct sv){p + 2, n > 0 && p[2 + n] == '}' ? n : 0};
}

static void
expand(const struct variables *vars, struct conf_string *text)
{
	struct buf out = BUF_INIT;
	const char *p = text->s;

	if (p == NULL || strstr(p, "${") == NULL)
		return;
	while (*p != '\0') {
		struct sv name = name_at(p);
		const char *value = name.n == 0 ? NULL : find(vars, name);

		if (p[0] == '\\' && p[1] != '\0') { /* of a pattern: what follows is itself */
			buf_add(&out, p, 2);
			p += 2;
			continue;
		}
		if (name.n > 0 && value == NULL)
			report_unknown(vars, name, text->at);
		if (value == NULL) {
			buf_putc(&out, *p++);
			continue;
		}
		buf_puts(&out, value);
		p += name.n + 3;
		if (out.n > TEXT_MAX) {
			diag_error(vars->diag, text->at, "with its variables longer than %d bytes",
			    TEXT_MAX);
			buf_free(&out);
			return;
		}
	}
	free(text->s);
	text->s = buf_steal(&out);
}

static void
expand_strings(const struct variables *vars, struct conf_strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		expand(vars, &s->v[i]);
}

static void
expand_map(const struct variables *vars, struct conf_map *map)
{
	for (size_t i = 0; i < map->n; i++)
		expand_strings(vars, &map->v[i].values);
}

static void
expand_maps(const struct variables *vars, struct conf_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		expand_map(vars, &maps->v[i]);
}

static void
expand_event(const struct variables *vars, struct event_conf *e)
{
	expand_strings(vars, &e->where.program);
	expand_strings(vars, &e->where.host);
	expand_map(vars, &e->where.fields);
	expand_strings(vars, &e->match);
	expand_maps(vars, &e->unless);
}

static void
expand_steps(const struct variables *vars, struct conf_list *list)
{
	struct step_conf *steps = list->v;

	for (size_t i = 0; i < list->n; i++) {
		expand_map(vars, &steps[i].where);
		expand_maps(vars, &steps[i].unless);
	}
}

static void
expand_incident(const struct variables *vars, struct incident_conf *i)
{
	expand_map(vars, &i->where);
	expand_maps(vars, &i->unless);
	expand_steps(vars, &i->all_of);
	expand_steps(vars, &i->sequence);
}

/* Each may use those above it, so there are no circles. */
static void
expand_themselves(struct variables *vars, struct conf_map *map)
{
	for (vars->n = 0; vars->n < map->n; vars->n++) {
		struct conf_pair *pair = &map->v[vars->n];

		if (pair->name.s[strspn(pair->name.s, NAME_BYTES)] != '\0')
			diag_error(vars->diag, pair->name.at,
			    "\"%s\": a variable's name has lower-case letters, digits and '_'",
			    pair->name.s);
		if (pair->values.n != 1)
			diag_error(vars->diag, pair->name.at, "variable \"%s\" needs one text",
			    pair->name.s);
		expand_strings(vars, &pair->values);
	}
}

void
rule_variables_expand(struct rules_conf *conf, struct diag *diag)
{
	struct variables vars = {conf->variables.v, 0, conf->variables.n, diag};
	struct list_conf *lists = conf->lists.v;
	struct event_conf *events = conf->events.v;
	struct incident_conf *incidents = conf->incidents.v;

	expand_themselves(&vars, &conf->variables);
	for (size_t i = 0; i < conf->lists.n; i++)
		expand_strings(&vars, &lists[i].values);
	for (size_t i = 0; i < conf->events.n; i++)
		expand_event(&vars, &events[i]);
	for (size_t i = 0; i < conf->incidents.n; i++)
		expand_incident(&vars, &incidents[i]);
}
