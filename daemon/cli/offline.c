/*
 * offline: configuration and rules for the commands that need no daemon.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
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
	good = diag_errors(out->diag) == 0 && out->rules != NULL;
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
	ruleset_unref(&o->rules);
	config_free(&o->config);
	diag_free(&o->diag);
}
