/*
 * offline: configuration and rules for the commands that need no daemon.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "geoip/geoip.h"
#include "rule/rule_live.h"
#include "rule/ruleset.h"
#include "util/xalloc.h"

#ifndef TRIAGED_RULESDIR
#define TRIAGED_RULESDIR "/usr/share/triaged/rules"
#endif
#ifndef TRIAGED_SYSCONFDIR
#define TRIAGED_SYSCONFDIR "/etc/triaged"
#endif

#define DIRS_MAX 64
#define TREE_DEPTH 3 /* folders that a build may lie below its source */

static bool
is_there(const char *path)
{
	return access(path, R_OK) == 0;
}

/* The rules of the source tree that a program which was not installed lies in:
 * rules/ beside it, or in one of the folders above.  ${path} holds PATH_MAX
 * bytes. */
static const char *
build_tree_rules(char *path)
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - sizeof("/rules"));

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	for (int up = 0; up < TREE_DEPTH; up++) {
		char *slash = strrchr(path, '/');

		if (slash == NULL)
			return NULL;
		memcpy(slash, "/rules", sizeof("/rules"));
		if (is_there(path))
			return path;
		*slash = '\0';
	}
	return NULL;
}

static size_t
installed_rules(const char **list, char *path)
{
	size_t n = 0;
	const char *own;

	if (is_there(TRIAGED_RULESDIR))
		list[n++] = TRIAGED_RULESDIR;
	else if ((own = build_tree_rules(path)) != NULL)
		list[n++] = own;
	if (is_there(TRIAGED_SYSCONFDIR "/rules.d"))
		list[n++] = TRIAGED_SYSCONFDIR "/rules.d";
	return n;
}

static void
load_rules(const struct cli *cli, const char *const *dirs, size_t ndirs, struct offline *out)
{
	const char *list[DIRS_MAX];
	char path[PATH_MAX];
	size_t n = 0;

	if (ndirs > 0) {
		for (; n < ndirs && n < DIRS_MAX; n++)
			list[n] = dirs[n];
	} else if (cli->config != NULL) {
		for (; n < out->config->rules.n && n < DIRS_MAX; n++)
			list[n] = out->config->rules.v[n].s;
	} else {
		n = installed_rules(list, path);
	}
	if (n == 0)
		diag_error_path(out->diag, TRIAGED_RULESDIR, "no rules are installed; name a directory");
	else
		out->rules = ruleset_load(list, n, &out->config->match, out->diag);
}

static void
load_geoip(struct offline *out)
{
	const struct geoip_conf *conf = &out->config->geoip;

	if (conf->country.s != NULL || conf->asn.s != NULL)
		out->geoip = geoip_new(conf->country.s, conf->asn.s);
}

static bool
is_given(const struct cli *cli, const char *list)
{
	size_t n = strlen(list);

	for (size_t i = 0; i < cli->nlists; i++)
		if (strncmp(cli->lists[i], list, n) == 0 && cli->lists[i][n] == '=')
			return true;
	return false;
}

static void
fill_lists(const struct cli *cli, struct offline *out)
{
	for (size_t i = 0; i < cli->nlists; i++) {
		const char *equals = strchr(cli->lists[i], '=');
		char *list = xstrndup(cli->lists[i], (size_t)(equals - cli->lists[i]));

		if (!rule_live_fill(out->rules, list, equals + 1, out->diag))
			fprintf(stderr, "triagectl: --list %s: no rule looks up what such a list has in "
			    "Redis\n", list);
		free(list);
	}
}

/* Once for each list. */
static void
tell_of_lists(const struct cli *cli, const struct ruleset *rules)
{
	for (size_t i = 0; i < ruleset_nlives(rules); i++) {
		const char *list = ruleset_live(rules, i)->list;
		size_t j = 0;

		if (ruleset_live(rules, i)->set == NULL)
			continue;
		while (ruleset_live(rules, j)->set == NULL ||
		    strcmp(ruleset_live(rules, j)->list, list) != 0)
			j++;
		if (j == i && !is_given(cli, list))
			fprintf(stderr, "triagectl: what list %s has in Redis is not known here; --list "
			    "%s=FILE gives it\n", list, list);
	}
}

bool
offline_load(
    const struct cli *cli, const char *const *dirs, size_t ndirs, struct offline *out)
{
	struct buf errors = BUF_INIT;
	bool good;

	*out = (struct offline){.diag = diag_new()};
	if (cli->config != NULL) {
		out->config = config_read(cli->config, out->diag);
	} else {
		out->config = xcalloc(1, sizeof(*out->config));
		conf_read_text("defaults", "{}\n", 3, &config_table, out->config, out->diag);
	}
	if (out->config != NULL)
		load_rules(cli, dirs, ndirs, out);
	if (out->rules != NULL)
		fill_lists(cli, out);
	good = diag_errors(out->diag) == 0 && out->rules != NULL;
	if (good) {
		load_geoip(out);
		tell_of_lists(cli, out->rules);
	}
	if (!good) {
		diag_print(out->diag, &errors);
		fputs(buf_str(&errors), stderr);
		offline_free(out);
	}
	buf_free(&errors);
	return good;
}

void
offline_free(struct offline *o)
{
	geoip_free(&o->geoip);
	ruleset_unref(&o->rules);
	config_free(&o->config);
	diag_free(&o->diag);
}
