/*
 * source_journal_open: a handle of libsystemd on the files of a journal, and what is to
 * be said about those that cannot be read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/source_journal_reader.h"
#include "util/vis.h"
#include "util/xalloc.h"

void
source_journal_reader_close(struct source_journal_reader *r)
{
	sd_journal_close(r->j);
	r->j = NULL;
	r->fd = -1;
	r->seek = true;
}

static bool
was_told(struct source_journal_reader *r, const char *path)
{
	for (size_t i = 0; i < r->ntold; i++)
		if (strcmp(r->told[i], path) == 0)
			return true;
	XGROW(r->told, r->ntold);
	r->told[r->ntold++] = xstrdup(path);
	return false;
}

static void
tell_damaged(struct source_journal_reader *r, const struct source_journal_files *files)
{
	for (size_t i = 0; i < files->ndamaged; i++) {
		struct source_journal_piece *p;

		if (was_told(r, files->damaged[i]))
			continue;
		p = source_journal_reader_trouble(r, TROUBLE_UNREADABLE, 0);
		p->path = xstrdup(files->damaged[i]);
		p->text = xasprintf("this file is damaged and cannot be read as a journal");
	}
}

static void
set_state(struct source_journal_reader *r, const struct source_journal_files *files)
{
	r->state = TROUBLE_WELL;
	r->problem.n = 0;
	if (files->denied > 0) {
		r->state = TROUBLE_DENIED;
		buf_printf(
		    &r->problem, "%zu of the journal's files may not be read, ", files->denied);
		vis_text(&r->problem, sv_str(files->first_denied));
		buf_puts(&r->problem, " for one; members of the group systemd-journal may");
	} else if (files->readable == 0 && files->ndamaged > 0) {
		buf_puts(&r->problem, "all files of the journal are damaged");
	} else if (files->readable == 0) {
		r->state = TROUBLE_GONE;
		buf_puts(&r->problem, "there are no files of a journal");
	}
}

/* Entries before the place do not matter any more; those of files hold what is newer
 * than their last change. */
static uint64_t
oldest_of_use(const struct source_journal_reader *r)
{
	struct source_journal_cursor c;

	if (r->fresh && r->at_end)
		return UINT64_MAX;
	if (!source_journal_cursor_parse(r->at.cursor, &c) ||
	    c.realtime < SOURCE_JOURNAL_CLOCK_SLACK)
		return 0;
	return c.realtime - SOURCE_JOURNAL_CLOCK_SLACK;
}

/* Returns whether there is anything to open. */
static bool
look(struct source_journal_reader *r)
{
	struct source_journal_files files;
	bool any;

	source_journal_files_look(&files, r->where, oldest_of_use(r));
	set_state(r, &files);
	tell_damaged(r, &files);
	r->counted = files.denied == 0 && files.users == 0;
	any = files.readable > 0;
	source_journal_files_free(&files);
	return any;
}

/* journald shares the numbers out between these files. */
static bool
is_part(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;

	return strncmp(name, "system", 6) == 0 || strncmp(name, "user-", 5) == 0;
}

static int
open_handle(struct source_journal_reader *r)
{
	const char *paths[] = {r->where, NULL};
	int error;

	if (r->where[0] != '/')
		return sd_journal_open(&r->j, SD_JOURNAL_LOCAL_ONLY);
	error = sd_journal_open_directory(&r->j, r->where, 0);
	r->one_file = error == -ENOTDIR;
	if (!r->one_file)
		return error;
	if (is_part(r->where))
		r->counted = false;
	return sd_journal_open_files(&r->j, paths, 0);
}

bool
source_journal_reader_open(struct source_journal_reader *r)
{
	size_t most =
	    r->max_line > SOURCE_JOURNAL_VALUE_MAX ? r->max_line : SOURCE_JOURNAL_VALUE_MAX;
	int error;

	r->stamp = source_journal_files_stamp(r->where);
	if (!look(r))
		return false;
	error = open_handle(r);
	if (error < 0) {
		r->j = NULL;
		buf_printf(&r->problem, "cannot be opened: error %d", -error);
		return false;
	}
	/* Longer than what is kept, so that it shows what was cut. */
	sd_journal_set_data_threshold(r->j, most + 2 * FIELDS_NAME_MAX);
	r->fd = sd_journal_get_fd(r->j); /* from now on it is watched */
	r->seek = true;
	r->backwards = 0;
	return true;
}
