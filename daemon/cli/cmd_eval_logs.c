/*
 * cmd_eval_logs: the logs below a folder.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/cmd_eval.h"
#include "util/xalloc.h"

#define DEPTH_MOST 16 /* of folders in folders: links may go round in circles */

struct walk {
	cmd_eval_log_cb *got;
	void *ctx;
	int depth;
};

static bool
is_log(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && strcmp(name + n - 4, ".log") == 0;
}

static int
is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static bool walk_dir(struct walk *w, const char *dir);

static bool
walk_entry(struct walk *w, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return true; /* a link to nothing */
	if (S_ISDIR(st.st_mode))
		return walk_dir(w, path);
	return !S_ISREG(st.st_mode) || !is_log(path) || w->got(w->ctx, path);
}

static bool
walk_dir(struct walk *w, const char *dir)
{
	struct dirent **list;
	bool good = true;
	int n;

	if (w->depth == DEPTH_MOST)
		return true;
	n = scandir(dir, &list, is_visible, alphasort);
	if (n < 0) {
		cli_fail(CLI_USAGE, "%s: %s", dir, strerror(errno));
		return false;
	}
	w->depth++;
	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, list[i]->d_name);

		good = good && walk_entry(w, path);
		free(path);
		free(list[i]);
	}
	free(list);
	w->depth--;
	return good;
}

bool
cmd_eval_each_log(const char *dir, cmd_eval_log_cb *got, void *ctx)
{
	struct walk w = {.got = got, .ctx = ctx};

	return walk_dir(&w, dir);
}
