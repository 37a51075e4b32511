/*
 * source_journal_files: the files a journal consists of, looked at one by one, since
 * libsystemd passes over those that it cannot read and says nothing.
 *
 * Runs in a job.  Reads no entries.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "source/source_journal_internal.h"
#include "util/xalloc.h"

typedef void file_fn(void *ctx, const char *dir, const struct dirent *entry);

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

/* "~" is what journald appends when the file was not closed properly. */
static bool
is_journal(const char *name)
{
	return ends_with(name, ".journal") || ends_with(name, ".journal~");
}

/* Of one machine: its id, and perhaps a namespace. */
static bool
is_machine(const char *name)
{
	size_t n = strspn(name, "0123456789abcdef");

	return n == 32 && (name[n] == '\0' || name[n] == '.');
}

/* Returns 0 or an errno. */
static int
each_in(const char *dir, bool deeper, file_fn *fn, void *ctx)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	if (d == NULL)
		return errno;
	while ((entry = readdir(d)) != NULL) {
		if (is_journal(entry->d_name)) {
			fn(ctx, dir, entry);
		} else if (deeper && is_machine(entry->d_name)) {
			char *sub = xasprintf("%s/%s", dir, entry->d_name);

			each_in(sub, false, fn, ctx);
			free(sub);
		}
	}
	closedir(d);
	return 0;
}

static int
each_of_system(file_fn *fn, void *ctx)
{
	static const char *const roots[] = {"/var/log/journal", "/run/log/journal"};
	char machine[SD_ID128_STRING_MAX];
	sd_id128_t id;
	int worst = 0;

	if (sd_id128_get_machine(&id) < 0)
		return ENOENT;
	sd_id128_to_string(id, machine);
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		char *dir = xasprintf("%s/%s", roots[i], machine);
		int error = each_in(dir, false, fn, ctx);

		if (error == EACCES)
			worst = error;
		free(dir);
	}
	return worst;
}

/* ---- can they be read? -------------------------------------------------------- */

struct look {
	struct source_journal_files *files;
	uint64_t since;
};

static void
note_denied(struct source_journal_files *f, const char *path)
{
	if (f->denied++ == 0)
		f->first_denied = xstrdup(path);
}

static void
note_damaged(const struct look *l, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && (uint64_t)st.st_mtim.tv_sec * 1000000 < l->since)
		return;
	XGROW(l->files->damaged, l->files->ndamaged);
	l->files->damaged[l->files->ndamaged++] = xstrdup(path);
}

static void
look_at(const struct look *l, const char *path)
{
	const char *paths[] = {path, NULL};
	sd_journal *j = NULL;
	int r = sd_journal_open_files(&j, paths, 0);

	if (r >= 0)
		l->files->readable++;
	else if (r == -EACCES || r == -EPERM)
		note_denied(l->files, path);
	else if (r != -ENOENT)
		note_damaged(l, path);
	sd_journal_close(j);
}

static void
look_at_entry(void *ctx, const char *dir, const struct dirent *entry)
{
	const struct look *l = ctx;
	char *path = xasprintf("%s/%s", dir, entry->d_name);

	l->files->users += strncmp(entry->d_name, "user-", 5) == 0;
	look_at(l, path);
	free(path);
}

void
source_journal_files_look(struct source_journal_files *f, const char *where, uint64_t since)
{
	struct look look = {f, since};
	int error;

	*f = (struct source_journal_files){0};
	if (where[0] != '/')
		error = each_of_system(look_at_entry, &look);
	else
		error = each_in(where, true, look_at_entry, &look);
	if (error == ENOTDIR)
		look_at(&look, where);
	else if (error == EACCES)
		note_denied(f, where);
}

void
source_journal_files_free(struct source_journal_files *f)
{
	for (size_t i = 0; i < f->ndamaged; i++)
		free(f->damaged[i]);
	free(f->damaged);
	free(f->first_denied);
	*f = (struct source_journal_files){0};
}

/* ---- have they changed? ------------------------------------------------------- */

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* A sum, since the order of a directory means nothing. */
static void
add_stamp(void *ctx, const char *dir, const struct dirent *entry)
{
	uint64_t *sum = ctx, h = mix(strlen(dir), entry->d_ino);

	for (const char *p = entry->d_name; *p != '\0'; p++)
		h = mix(h, (unsigned char)*p);
	*sum += h;
}

uint64_t
source_journal_files_stamp(const char *where)
{
	uint64_t sum = 0;
	struct stat st;

	if (where[0] != '/')
		each_of_system(add_stamp, &sum);
	else if (each_in(where, true, add_stamp, &sum) == ENOTDIR && stat(where, &st) == 0)
		sum = mix(st.st_dev, st.st_ino);
	return sum;
}
