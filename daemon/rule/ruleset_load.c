/*
 * ruleset_load: rule files found, read, and folded into one set of definitions;
 * then built.
 *
 * Each path is a layer: within one an id is defined once, a later one overrides
 * by id.  Nothing of a load outlives it: the rule set copies what it needs.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rule/rule_internal.h"
#include "util/log.h"
#include "util/xalloc.h"

static struct rule_load *
load_new(struct diag *diag)
{
	struct rule_load *l = xcalloc(1, sizeof(*l));

	l->diag = diag;
	l->errors_before = diag_errors(diag);
	l->lists.table = &rule_list_table;
	l->events.table = &rule_event_table;
	l->incidents.table = &rule_incident_table;
	return l;
}

static void
free_defs(struct rule_defs *defs)
{
	free(defs->v);
	rule_index_free(&defs->ids);
}

static void
load_free(struct rule_load *l)
{
	for (size_t i = 0; i < l->nfiles; i++)
		rule_file_free(&l->files[i]);
	free(l->files);
	free_defs(&l->lists);
	free_defs(&l->events);
	free_defs(&l->incidents);
	buf_free(&l->hashes);
	free(l);
}

static int
yaml_name(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	/* Not alphasort(): the order must not hang on the locale. */
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void
add_def(struct rule_load *l, struct rule_defs *defs, struct rule_file *f, struct def_conf *conf)
{
	struct rule_def *def = rule_defs_find(defs, conf->id.s);

	if (def == NULL) {
		rule_index_add(&defs->ids, conf->id.s, defs->n);
		XGROW(defs->v, defs->n);
		defs->v[defs->n++] = (struct rule_def){.conf = conf,
		    .file = f,
		    .defined = conf->id.at,
		    .layer = l->layer,
		    .at = conf->id.at};
		return;
	}
	if (def->layer == l->layer) {
		diag_error(l->diag, conf->id.at, "\"%s\" is defined twice: also at %s:%d", conf->id.s,
		    conf_file_path(def->at.file), def->at.line);
		return;
	}
	def->overrides = f;
	def->layer = l->layer;
	def->at = conf->id.at;
	if (defs->table == &rule_incident_table)
		rule_extends_drop(def->conf, conf);
	conf_merge(defs->table, def->conf, conf);
}

static void
add_defs(struct rule_load *l, struct rule_defs *defs, struct rule_file *f, struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		void *conf = (char *)list->v + i * defs->table->size;
		struct def_conf *def = conf;

		if (def->id.s == NULL)
			conf_check_required(defs->table, def, l->diag);
		else if (rule_check_id(&def->id, "id", l->diag))
			add_def(l, defs, f, def);
	}
}

static void
add_file(struct rule_load *l, struct rule_file *f)
{
	if (f == NULL)
		return;
	XGROW(l->files, l->nfiles);
	l->files[l->nfiles++] = f;
	buf_puts(&l->hashes, f->hash);
	add_defs(l, &l->lists, f, &f->conf.lists);
	add_defs(l, &l->events, f, &f->conf.events);
	add_defs(l, &l->incidents, f, &f->conf.incidents);
}

static void
add_directory(struct rule_load *l, const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, yaml_name, by_name);

	if (n < 0) {
		diag_error_path(l->diag, path, "%s", strerror(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		char *file = xasprintf("%s/%s", path, names[i]->d_name);

		add_file(l, rule_file_read(file, l->diag));
		free(file);
		free(names[i]);
	}
	free(names);
}

static void
add_path(struct rule_load *l, const char *path)
{
	struct stat st;

	l->layer++;
	if (stat(path, &st) != 0)
		diag_error_path(l->diag, path, "%s", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		add_directory(l, path);
	else
		add_file(l, rule_file_read(path, l->diag));
}

static void
probe_jit(struct ruleset *rs)
{
	if (!rs->limits.jit || rule_pattern_jit_works())
		return;
	rs->limits.jit = false;
	log_warn("rules", "PCRE2 cannot compile patterns to machine code here (is memory that is "
	    "both writable and executable forbidden?): they are interpreted, which is slower");
}

/* Takes ${l}. */
static struct ruleset *
build(struct rule_load *l, const struct match_conf *limits)
{
	struct ruleset *rs = ruleset_new(limits);

	probe_jit(rs);
	rule_values_check(l);
	rule_extends_resolve(l, &l->events);
	rule_extends_resolve(l, &l->incidents);
	rule_events_build(rs, l);
	rule_incidents_build(rs, l);
	rule_live_load(rs, l);
	if (diag_errors(l->diag) == l->errors_before)
		rule_derived_mark(rs);
	digest_sha256_hex(buf_view(&l->hashes), rs->hash);
	if (diag_errors(l->diag) > l->errors_before)
		ruleset_unref(&rs);
	load_free(l);
	return rs;
}

struct ruleset *
ruleset_load(
    const char *const *paths, size_t npaths, const struct match_conf *limits, struct diag *diag)
{
	struct rule_load *l = load_new(diag);

	for (size_t i = 0; i < npaths; i++)
		add_path(l, paths[i]);
	return build(l, limits);
}

struct ruleset *
ruleset_load_text(const char *path, const char *text, size_t n, const struct match_conf *limits,
    struct diag *diag)
{
	struct rule_load *l = load_new(diag);

	add_file(l, rule_file_parse(path, xstrndup(text, n), n, diag));
	return build(l, limits);
}
