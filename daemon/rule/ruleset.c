/*
 * ruleset: see ruleset.h and rule.h.
 *
 * The finished set: what it owns, who may look at it.  Reading and building are
 * in ruleset_load.c, rule_event.c and rule_incident.c.
 */
#include "rule/ruleset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"
#include "rule/rule_internal.h"
#include "util/xalloc.h"

static uint32_t
limit(int64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

struct ruleset *
ruleset_new(const struct match_conf *conf)
{
	struct ruleset *rs = xcalloc(1, sizeof(*rs));

	rs->refs = 1;
	rs->limits.jit = conf->jit;
	rs->limits.match_limit = limit(conf->match_limit);
	rs->limits.depth_limit = limit(conf->depth_limit);
	rs->limits.heap_limit_kib = limit(conf->heap_limit_kib);
	rs->limits.max_length = (size_t)conf->max_length;
	return rs;
}

void *
ruleset_keep(struct ruleset *rs, void *p)
{
	XGROW(rs->kept, rs->nkept);
	rs->kept[rs->nkept++] = p;
	return p;
}

void *
ruleset_array(struct ruleset *rs, size_t count, size_t size)
{
	return count == 0 ? NULL : ruleset_keep(rs, xcalloc(count, size));
}

const char *
ruleset_string(struct ruleset *rs, const char *s)
{
	return s == NULL ? NULL : ruleset_keep(rs, xstrdup(s));
}

const char *
ruleset_field(struct ruleset *rs, const char *capture)
{
	const struct field_spec *spec = rule_field_find(capture);
	struct buf dotted = BUF_INIT;

	if (spec != NULL)
		return spec->field;
	rule_field_dotted(&dotted, capture);
	return ruleset_keep(rs, buf_steal(&dotted));
}

struct rule_place
ruleset_place(struct ruleset *rs, struct mark at)
{
	const char *path = at.file == NULL ? NULL : conf_file_path(at.file);

	return (struct rule_place){ruleset_string(rs, path), at.line, at.column};
}

struct ruleset *
ruleset_ref(struct ruleset *rs)
{
	assert(rs->refs > 0);
	rs->refs++;
	return rs;
}

void
ruleset_unref(struct ruleset **rsp)
{
	struct ruleset *rs = *rsp;

	*rsp = NULL;
	if (rs == NULL || --rs->refs > 0)
		return;
	for (size_t i = 0; i < rs->nevents; i++)
		for (size_t j = 0; j < rs->bodies[i].npatterns; j++)
			pcre2_code_free(rs->bodies[i].patterns[j].code);
	for (size_t i = 0; i < rs->nlists; i++)
		rule_list_free(&rs->lists[i]);
	for (size_t i = 0; i < rs->nlives; i++)
		rule_list_free(&rs->lives[i]->values);
	for (size_t i = 0; i < rs->nkept; i++)
		free(rs->kept[i]);
	rule_index_free(&rs->event_ids);
	free(rs->lists);
	free(rs->lives);
	free(rs->kept);
	free(rs->events);
	free(rs->bodies);
	free(rs->incidents);
	free(rs->incident_places);
	free(rs->incident_tests);
	free(rs);
}

size_t
ruleset_nevents(const struct ruleset *rs)
{
	return rs->nevents;
}

const struct event_rule *
ruleset_event(const struct ruleset *rs, size_t i)
{
	assert(i < rs->nevents);
	return &rs->events[i];
}

const struct event_rule *
ruleset_find_event(const struct ruleset *rs, const char *id)
{
	size_t i;

	return rule_index_get(&rs->event_ids, id, &i) ? &rs->events[i] : NULL;
}

size_t
ruleset_nincidents(const struct ruleset *rs)
{
	return rs->nincidents;
}

const struct incident_rule *
ruleset_incident(const struct ruleset *rs, size_t i)
{
	assert(i < rs->nincidents);
	return &rs->incidents[i];
}

const struct rule_place *
ruleset_incident_place(const struct ruleset *rs, size_t i)
{
	assert(i < rs->nincidents);
	return &rs->incident_places[i];
}

size_t
ruleset_nincident_tests(const struct ruleset *rs)
{
	return rs->nincident_tests;
}

const struct rule_incident_test *
ruleset_incident_test(const struct ruleset *rs, size_t i)
{
	assert(i < rs->nincident_tests);
	return &rs->incident_tests[i];
}

uint32_t
ruleset_derived(const struct ruleset *rs)
{
	return rs->derived;
}

const char *
ruleset_hash(const struct ruleset *rs)
{
	return rs->hash;
}

const struct rule_limits *
ruleset_limits(const struct ruleset *rs)
{
	return &rs->limits;
}

const struct incident_rule *
ruleset_find_incident(const struct ruleset *rs, const char *id)
{
	for (size_t i = 0; i < rs->nincidents; i++)
		if (strcmp(rs->incidents[i].id, id) == 0)
			return &rs->incidents[i];
	return NULL;
}

const struct incident_rule *
ruleset_find_identity(const struct ruleset *rs, uint64_t identity)
{
	for (size_t i = 0; i < rs->nincidents; i++)
		if (rs->incidents[i].identity == identity)
			return &rs->incidents[i];
	return NULL;
}
