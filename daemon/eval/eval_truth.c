/*
 * eval_truth: see eval_truth.h.  Two forms of truth:
 *
 *  {"incidents": [{"sources": ["192.0.2.1"]}, ...]}: these must be named, and nobody
 *  else; with an empty list nothing may open.
 *
 *  {"must_alert": [{"host": "192.0.2.1"}, ...], "should_alert": [...],
 *  "must_not_alert": [...]}: nothing is said of others.
 */
#include "eval/eval_truth.h"

#include <stdlib.h>
#include <string.h>

#include "eval/eval_host.h"
#include "util/xalloc.h"

struct judge {
	struct eval_verdict *verdict;
	eval_truth_cb *said;
	void *ctx;
};

json_t *
eval_truth_read(const char *path, struct buf *error)
{
	json_error_t why;
	json_t *truth = json_load_file(path, 0, &why);

	if (truth == NULL) {
		buf_printf(error, "%s:%d: %s", path, why.line, why.text);
	} else if (!json_is_array(json_object_get(truth, "incidents")) &&
	    !json_is_array(json_object_get(truth, "must_alert"))) {
		buf_printf(error, "%s: expected \"incidents\" or \"must_alert\", a list", path);
		json_decref(truth);
		truth = NULL;
	}
	return truth;
}

const char *
eval_truth_source(const json_t *truth)
{
	const char *source = json_string_value(json_object_get(truth, "source"));

	return source == NULL ? "pattern" : source;
}

/* ---- whom incidents name ------------------------------------------------------ */

/* What ${inc} is about, if it is a host: the value of its key that tells the source. */
static const char *
named_by(const json_t *inc)
{
	json_t *key = json_object_get(inc, "key"), *value;
	const char *field;

	json_object_foreach(key, field, value)
	{
		if (eval_host_is_source(field))
			return json_string_value(value);
	}
	return NULL;
}

static bool
has_in_key(const json_t *inc, const char *text)
{
	json_t *key = json_object_get(inc, "key"), *value;
	const char *field;

	json_object_foreach(key, field, value)
	{
		if (json_is_string(value) && strcmp(json_string_value(value), text) == 0)
			return true;
	}
	return false;
}

static bool
is_about(const json_t *inc, const char *who)
{
	const char *host = named_by(inc);

	return (host != NULL && eval_host_same(who, sv_str(host))) || has_in_key(inc, who);
}

static bool
is_named(const json_t *incidents, const char *who)
{
	json_t *inc;
	size_t i;

	json_array_foreach(incidents, i, inc)
	{
		if (is_about(inc, who))
			return true;
	}
	return false;
}

static bool
any_without_host(const json_t *incidents)
{
	json_t *inc;
	size_t i;

	json_array_foreach(incidents, i, inc)
	{
		if (named_by(inc) == NULL)
			return true;
	}
	return false;
}

static void
tell(const struct judge *j, const char *what, const char *host, const char *rules)
{
	if (j->said != NULL)
		j->said(j->ctx, what, host, rules);
}

/* The rules of all incidents about ${host}. */
static void
tell_blamed(const struct judge *j, const json_t *incidents, const char *host)
{
	struct buf rules = BUF_INIT;
	json_t *inc;
	size_t i;

	json_array_foreach(incidents, i, inc)
	{
		if (!is_about(inc, host))
			continue;
		buf_puts(&rules, rules.n > 0 ? " " : "");
		buf_puts(&rules, json_string_value(json_object_get(inc, "rule")));
	}
	tell(j, "blamed", host, buf_str(&rules));
	buf_free(&rules);
}

/* ---- the incidents that must open, and no others -------------------------------- */

static bool
is_known(const json_t *names, const char *who)
{
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		if (eval_host_same(json_string_value(name), sv_str(who)))
			return true;
	}
	return false;
}

/* The sources of all incidents of ${truth}, each once. */
static json_t *
asserted(const json_t *truth)
{
	json_t *all = json_array(), *inc, *name;
	size_t i, k;

	json_array_foreach(json_object_get(truth, "incidents"), i, inc)
	{
		json_array_foreach(json_object_get(inc, "sources"), k, name)
		{
			if (json_is_string(name) && !is_known(all, json_string_value(name)))
				json_array_append(all, name);
		}
	}
	return all;
}

/* May incidents blame hosts that are not among ${names}?  When only users or processes
 * are, it is not known which hosts are theirs. */
static bool
names_hosts(const json_t *names)
{
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		if (eval_host_is_address(json_string_value(name)))
			return true;
	}
	return json_array_size(names) == 0;
}

static void
judge_others(const struct judge *j, const json_t *names, const json_t *incidents)
{
	json_t *blamed = json_array(), *inc;
	size_t i;

	json_array_foreach(incidents, i, inc)
	{
		const char *host = named_by(inc);

		if (host == NULL) {
			if (json_array_size(names) > 0)
				continue;
			j->verdict->blamed++;
			tell(j, "blamed", "", json_string_value(json_object_get(inc, "rule")));
		} else if (!is_known(names, host) && !is_known(blamed, host)) {
			json_array_append_new(blamed, json_string(host));
			j->verdict->blamed++;
			tell_blamed(j, incidents, host);
		}
	}
	json_decref(blamed);
}

/* An incident that names no host may be about a user or a process: which field of the
 * log the truth took that from is not known. */
static bool
is_located(const json_t *incidents, const char *who)
{
	return is_named(incidents, who) ||
	    (!eval_host_is_address(who) && any_without_host(incidents));
}

static void
judge_asserted(const struct judge *j, const json_t *truth, const json_t *incidents)
{
	json_t *names = asserted(truth), *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		const char *who = json_string_value(name);

		j->verdict->wanted++;
		if (is_located(incidents, who))
			j->verdict->located++;
		else
			tell(j, "missed", who, "");
	}
	if (names_hosts(names))
		judge_others(j, names, incidents);
	json_decref(names);
}

/* ---- the hosts that must, should or must not be named ----------------------------- */

static void
judge_hosts(const struct judge *j, const json_t *list, const json_t *incidents, uint64_t *all,
    uint64_t *named, const char *missing)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		const char *host = json_string_value(json_object_get(entry, "host"));

		if (host == NULL)
			continue;
		++*all;
		if (is_named(incidents, host))
			++*named;
		else if (missing != NULL)
			tell(j, missing, host, "");
	}
}

static void
judge_silent(const struct judge *j, const json_t *list, const json_t *incidents)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		const char *host = json_string_value(json_object_get(entry, "host"));

		if (host != NULL && is_named(incidents, host)) {
			j->verdict->blamed++;
			tell_blamed(j, incidents, host);
		}
	}
}

void
eval_truth_judge(const json_t *truth, const json_t *incidents, struct eval_verdict *v,
    eval_truth_cb *said, void *ctx)
{
	struct judge j = {.verdict = v, .said = said, .ctx = ctx};

	*v = (struct eval_verdict){.wanted = 0};
	if (json_is_array(json_object_get(truth, "incidents"))) {
		judge_asserted(&j, truth, incidents);
		return;
	}
	judge_hosts(&j, json_object_get(truth, "must_alert"), incidents, &v->wanted, &v->located,
	    "missed");
	judge_hosts(&j, json_object_get(truth, "should_alert"), incidents, &v->welcome,
	    &v->welcomed, "not named");
	judge_silent(&j, json_object_get(truth, "must_not_alert"), incidents);
}
