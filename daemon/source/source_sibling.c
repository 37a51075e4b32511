/*
 * source_sibling: the rotated files that belong to a path, by their names.
 *
 * NAME.1, NAME.2.gz, NAME-20260101, NAME.20260101-120000.zst, NAME.old; and where
 * NAME is STEM.log also STEM-20260101.log and STEM.1.log.gz.  A name is only a
 * reason to look: what a file is, and whether it is wanted, others find out.
 */
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "conf/config.h"
#include "source/source_internal.h"
#include "util/num.h"
#include "util/xalloc.h"

#define NUMBER_DIGITS 5 /* more are a date */

struct search {
	struct source_siblings found;
	struct source_fs_cache *cache;
	const char *path; /* no sibling of itself */
};

/* ---- names ------------------------------------------------------------------------ */

/* Does ${s} say which rotation it is?  ".1", "-20260101T12", ".old" */
static bool
is_stamp(struct sv s)
{
	if (sv_is(s, ".old") || sv_is(s, ".bak") || sv_is(s, ".prev"))
		return true;
	if (s.n < 2 || strchr(".-_", s.p[0]) == NULL || s.p[1] < '0' || s.p[1] > '9')
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (strchr("0123456789-_.:+TZ", s.p[i]) == NULL)
			return false;
	return true;
}

static bool
begins_with(struct sv s, struct sv start)
{
	return s.n >= start.n && sv_eq((struct sv){s.p, start.n}, start);
}

static bool
ends_with(struct sv s, struct sv end)
{
	return s.n >= end.n && sv_eq(sv_from(s, s.n - end.n), end);
}

/* The part of ${name} that says which rotation of ${base} it is. */
static bool
find_stamp(const char *base, const char *name, struct sv *stamp)
{
	size_t suffix = source_archive_suffix(name);
	struct sv b = sv_str(base), n = {name, strlen(name) - suffix}, stem, ext;
	const char *dot = strrchr(base, '.');

	*stamp = sv_from(n, b.n);
	if (begins_with(n, b))
		return is_stamp(*stamp) || (stamp->n == 0 && suffix > 0);
	if (dot == NULL || dot == base)
		return false;
	stem = (struct sv){base, (size_t)(dot - base)};
	ext = sv_str(dot);
	if (n.n < b.n || !begins_with(n, stem) || !ends_with(n, ext))
		return false;
	*stamp = (struct sv){n.p + stem.n, n.n - b.n};
	return is_stamp(*stamp);
}

bool
source_sibling_is(const char *path, const char *other)
{
	const char *a = strrchr(path, '/'), *b = strrchr(other, '/');
	struct sv stamp;

	return a != NULL && b != NULL && a - path == b - other &&
	    memcmp(path, other, (size_t)(a - path)) == 0 && find_stamp(a + 1, b + 1, &stamp);
}

/* Of "app.1.log" and "app-20260101.log" it is "app.log", but "app-1.log" is a log of its
 * own. */
static bool
is_rotation(struct sv stamp)
{
	size_t digits = 0;

	for (size_t i = 0; i < stamp.n; i++)
		digits += stamp.p[i] >= '0' && stamp.p[i] <= '9';
	return is_stamp(stamp) && (stamp.p[0] == '.' || digits >= 8);
}

static char *
without(const char *path, struct sv part, size_t suffix)
{
	size_t before = (size_t)(part.p - path);

	return xasprintf("%.*s%.*s", (int)before, path,
	    (int)(strlen(path) - before - part.n - suffix), part.p + part.n);
}

char *
source_sibling_log(
    const char *path, bool (*is_log)(const struct source_set *s, const char *path),
    const struct source_set *s)
{
	const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
	size_t suffix = source_archive_suffix(name);
	const char *end = name + strlen(name) - suffix, *dot = memrchr(name, '.', (size_t)(end - name));

	for (const char *p = name + 1; p < end; p++) {
		struct sv rest = {p, (size_t)(end - p)}, middle = rest;
		char *log;

		if (dot != NULL && dot > p)
			middle.n = (size_t)(dot - p);
		if (!is_stamp(rest) && !is_rotation(middle))
			continue;
		log = without(path, is_stamp(rest) ? rest : middle, suffix);
		if (is_log(s, log))
			return log;
		free(log);
	}
	return NULL;
}

static long
number_of(struct sv stamp)
{
	int64_t number;

	if (stamp.n >= 2 && stamp.n <= NUMBER_DIGITS + 1 &&
	    num_int(sv_from(stamp, 1), 0, 99999, &number))
		return (long)number;
	return -1;
}

/* ---- files ------------------------------------------------------------------------ */

/* What compresses a file keeps its time, or but the seconds of it. */
static int64_t
modified(const struct stat *st)
{
	int64_t ns = st->st_mtim.tv_nsec;

	return (int64_t)st->st_mtim.tv_sec * 1000000000 + (ns == 0 ? 999999999 : ns);
}

static void
add(struct search *s, const char *path, struct sv stamp)
{
	struct source_sibling sibling = {.archive = source_archive_suffix(path) > 0};
	struct stat st;

	if (strcmp(path, s->path) == 0 || lstat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    source_identity_of(s->cache, path, &sibling.id) != 0 ||
	    source_siblings_find(&s->found, &sibling.id) < s->found.n)
		return;
	sibling.path = xstrdup(path);
	sibling.size = (uint64_t)st.st_size;
	sibling.modified = modified(&st);
	sibling.number = number_of(stamp);
	sibling.stamp = stamp.n == 0 ? "" : sibling.path + (stamp.p - path);
	XGROW(s->found.v, s->found.n);
	s->found.v[s->found.n++] = sibling;
}

static void
add_named(struct search *s, const char *dir, const char *name, const char *base, bool elsewhere)
{
	char path[PATH_MAX];
	const char *slash;
	struct sv stamp;

	if (!find_stamp(base, name, &stamp)) {
		if (!elsewhere || strcmp(name, base) != 0)
			return;
		stamp = (struct sv){NULL, 0};
	}
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return;
	slash = path + strlen(dir) + 1;
	if (stamp.n > 0)
		stamp.p = slash + (stamp.p - name);
	add(s, path, stamp);
}

/* In another place than its own a file may also have kept its name. */
static void
add_dir(struct search *s, const char *dir, const char *base, bool elsewhere)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (e->d_type == DT_REG || e->d_type == DT_UNKNOWN)
			add_named(s, dir, e->d_name, base, elsewhere);
	closedir(d);
}

static void
add_own_dir(struct search *s, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir;

	if (slash == NULL)
		return;
	dir = slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
	add_dir(s, dir, slash + 1, false);
	free(dir);
}

/* What a pattern gives is believed to be of any of the source's files. */
static void
add_rotated(struct search *s, const char *pattern, const char *base)
{
	struct stat st;
	glob_t found;

	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *path = found.gl_pathv[i], *name = strrchr(path, '/');
			struct sv stamp;

			if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
				add_dir(s, path, base, true);
				continue;
			}
			if (name == NULL || !find_stamp(base, name + 1, &stamp))
				stamp = (struct sv){NULL, 0};
			add(s, path, stamp);
		}
	globfree(&found);
}

/* ---- order ------------------------------------------------------------------------ */

static int
by_number(const void *va, const void *vb)
{
	const struct source_sibling *a = va, *b = vb;

	return (a->number < b->number) - (a->number > b->number);
}

static int
by_stamp(const void *va, const void *vb)
{
	const struct source_sibling *a = va, *b = vb;

	return strcmp(a->stamp, b->stamp);
}

static int
by_time(const void *va, const void *vb)
{
	const struct source_sibling *a = va, *b = vb;

	return (a->modified > b->modified) - (a->modified < b->modified);
}

/* The order that the names give, where they all agree on one. */
static void
sort(struct source_siblings *s)
{
	size_t numbers = 0, stamps = 0;

	for (size_t i = 0; i < s->n; i++) {
		numbers += s->v[i].number >= 0;
		stamps += s->v[i].number < 0 && s->v[i].stamp[0] != '\0' &&
		    s->v[i].stamp[1] >= '0' && s->v[i].stamp[1] <= '9';
	}
	s->ordered = numbers == s->n || stamps == s->n;
	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v),
		    numbers == s->n ? by_number : stamps == s->n ? by_stamp : by_time);
}

/* NAME.1.gz is not whole while there still is NAME.1. */
static bool
is_being_made(const struct source_siblings *s, const struct source_sibling *archive)
{
	size_t n = strlen(archive->path) - source_archive_suffix(archive->path);

	for (size_t i = 0; i < s->n; i++)
		if (strlen(s->v[i].path) == n && memcmp(s->v[i].path, archive->path, n) == 0)
			return true;
	return false;
}

static void
drop_unfinished(struct source_siblings *s)
{
	for (size_t i = 0; i < s->n;) {
		if (!s->v[i].archive || !is_being_made(s, &s->v[i])) {
			i++;
			continue;
		}
		free(s->v[i].path);
		s->n--;
		memmove(s->v + i, s->v + i + 1, (s->n - i) * sizeof(*s->v));
	}
}

struct source_siblings
source_siblings_of(
    const struct source_conf *conf, const char *path, struct source_fs_cache *cache)
{
	struct search s = {.cache = cache, .path = path};
	char *real = realpath(path, NULL);
	const char *slash = strrchr(path, '/');

	add_own_dir(&s, path);
	if (real != NULL && strcmp(real, path) != 0) {
		s.path = real;
		add_own_dir(&s, real);
	}
	for (size_t i = 0; i < conf->rotated.n; i++)
		add_rotated(&s, conf->rotated.v[i].s, slash == NULL ? path : slash + 1);
	free(real);
	drop_unfinished(&s.found);
	sort(&s.found);
	return s.found;
}

void
source_siblings_free(struct source_siblings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].path);
	free(s->v);
	*s = (struct source_siblings){NULL, 0, false};
}

size_t
source_siblings_find(const struct source_siblings *s, const struct source_id *id)
{
	size_t i = 0;

	while (i < s->n && !source_identity_eq(&s->v[i].id, id))
		i++;
	return i;
}
