/*
 * spool_rig: see spool_rig.h.
 */
#include "spool_rig.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/spool_line.h"
#include "util/clock.h"
#include "util/xalloc.h"

/* ---- a spool ------------------------------------------------------------------------- */

static void
got_room(void *ctx)
{
	((struct sp *)ctx)->rooms++;
}

static void
got_trouble(void *ctx, const struct trouble *t)
{
	struct sp *r = ctx;

	ck_assert_str_eq(t->source, "net");
	ck_assert_uint_gt(strlen(t->text), 0);
	if (t->kind == TROUBLE_DENIED) {
		r->denied++;
	} else if (t->kind == TROUBLE_WELL) {
		r->well++;
	} else {
		r->gaps++;
		r->lost += t->lost;
		r->kind = t->kind;
		r->path = t->path != NULL;
	}
}

static struct spool *
open_at(struct sp *r, const char *dir, uint64_t max_bytes, size_t max_line)
{
	static const struct spool_cb cb = {got_room, got_trouble};
	struct spool_conf conf = {
	    .source = "net", .dir = dir, .max_bytes = max_bytes, .max_line = max_line};

	return spool_open(r->ev, &conf, &cb, r);
}

void
sp_start(struct sp *r, uint64_t max_bytes)
{
	r->spool = open_at(r, r->segments, max_bytes, 65536);
	ck_assert_ptr_nonnull(r->spool);
}

struct spool *
sp_try_open(struct sp *r, const char *dir)
{
	return open_at(r, dir, MIB, 256);
}

void
sp_new(struct sp *r)
{
	*r = (struct sp){.ev = ev_new(), .dir = rig_dir()};
	r->segments = xasprintf("%s/spool/net", r->dir);
}

void
sp_open(struct sp *r, uint64_t max_bytes)
{
	sp_new(r);
	sp_start(r, max_bytes);
}

void
sp_close(struct sp *r)
{
	spool_close(&r->spool);
	ev_free(&r->ev);
	free(r->segments);
	rig_remove(&r->dir);
}

/* ---- messages ------------------------------------------------------------------------ */

bool
sp_add(struct sp *r, unsigned i, size_t size)
{
	struct buf m = BUF_INIT;
	bool ok;

	buf_printf(&m, "m%u ", i);
	while (m.n < size)
		buf_putc(&m, (char)('a' + m.n % 26));
	ok = spool_add(r->spool, clock_now(), SV("udp:192.0.2.1"), buf_view(&m));
	buf_free(&m);
	return ok;
}

static bool
is_synced(void *ctx)
{
	return spool_is_synced(((struct sp *)ctx)->spool);
}

void
sp_turn_until_synced(struct sp *r)
{
	rig_turn_until(r->ev, is_synced, r, SP_WAIT);
}

void
sp_add_and_sync(struct sp *r, unsigned from, unsigned n, size_t size)
{
	for (unsigned i = 0; i < n; i++)
		ck_assert(sp_add(r, from + i, size));
	sp_turn_until_synced(r);
}

/* ---- what is on disk --------------------------------------------------------------- */

static int
is_segment(const struct dirent *e)
{
	return e->d_type == DT_REG && strlen(e->d_name) == 20 &&
	    strcmp(e->d_name + 16, ".log") == 0;
}

struct listing {
	struct dirent **names;
	size_t n;
};

static struct listing
list(const struct sp *r)
{
	struct listing l;
	int n = scandir(r->segments, &l.names, is_segment, alphasort);

	ck_assert_int_ge(n, 0);
	l.n = (size_t)n;
	return l;
}

static void
list_free(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->names[i]);
	free(l->names);
}

static char *
path_of(const struct sp *r, const struct listing *l, size_t i)
{
	ck_assert_uint_lt(i, l->n);
	return xasprintf("%s/%s", r->segments, l->names[i]->d_name);
}

size_t
sp_count(const struct sp *r)
{
	struct listing l = list(r);

	list_free(&l);
	return l.n;
}

char *
sp_segment(const struct sp *r, size_t i)
{
	struct listing l = list(r);
	char *path = path_of(r, &l, i);

	list_free(&l);
	return path;
}

char *
sp_newest_segment(const struct sp *r)
{
	struct listing l = list(r);
	char *path;

	ck_assert_uint_gt(l.n, 0);
	path = path_of(r, &l, l.n - 1);
	list_free(&l);
	return path;
}

/* What is gone already was committed before. */
static void
commit_to_its_end(struct sp *r, const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		spool_committed(r->spool, path, (uint64_t)st.st_size);
	else
		ck_assert_int_eq(errno, ENOENT);
}

void
sp_commit(struct sp *r, size_t spare)
{
	struct listing l = list(r);

	for (size_t i = 0; i + spare < l.n; i++) {
		char *path = path_of(r, &l, i);

		commit_to_its_end(r, path);
		free(path);
	}
	list_free(&l);
}

void
sp_remove_segments(const struct sp *r)
{
	struct listing l = list(r);

	for (size_t i = 0; i < l.n; i++) {
		char *path = path_of(r, &l, i);

		ck_assert_int_eq(unlink(path), 0);
		free(path);
	}
	list_free(&l);
}

uint64_t
sp_size(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return (uint64_t)st.st_size;
}

struct buf
sp_content(const char *path)
{
	struct buf b = BUF_INIT;
	FILE *f = fopen(path, "re");
	size_t got;

	ck_assert_ptr_nonnull(f);
	while ((got = fread(buf_reserve(&b, MIB), 1, MIB, f)) > 0)
		b.n += got;
	fclose(f);
	return b;
}

/* Count message numbers into ${seen}; all lines must be whole and intact. */
static void
read_lines(struct sv lines, unsigned *seen)
{
	while (lines.n > 0) {
		const char *newline = memchr(lines.p, '\n', lines.n);
		struct spool_line line;
		char number[16] = "";
		unsigned long i;
		struct sv one;

		one = (struct sv){lines.p, newline == NULL ? lines.n : (size_t)(newline - lines.p)};
		if (newline == NULL || !spool_line_intact(one) || !spool_line_parse(one, &line) ||
		    line.message.n < 3)
			ck_abort_msg("not a whole line: %.*s", SV_FMT(one));
		memcpy(number, line.message.p + 1, line.message.n > 15 ? 15 : line.message.n - 1);
		i = strtoul(number, NULL, 10);
		if (i >= NUMBERS)
			ck_abort_msg("not one of ours: %.*s", SV_FMT(one));
		seen[i]++;
		lines = sv_from(lines, one.n + 1);
	}
}

unsigned *
sp_read_all(const struct sp *r)
{
	unsigned *seen = xcalloc(NUMBERS, sizeof(*seen));
	struct listing l = list(r);

	for (size_t i = 0; i < l.n; i++) {
		char *path = path_of(r, &l, i);
		struct buf b = sp_content(path);

		read_lines(buf_view(&b), seen);
		buf_free(&b);
		free(path);
	}
	list_free(&l);
	return seen;
}

void
sp_check_messages(const struct sp *r, unsigned must, unsigned may)
{
	unsigned *seen = sp_read_all(r);

	for (unsigned i = 0; i < NUMBERS; i++)
		if ((i < must && seen[i] != 1) || seen[i] > (i < may ? 1 : 0))
			ck_abort_msg("message %u came %u times", i, seen[i]);
	free(seen);
}

int
sp_run(const char *name, void (*add_tests)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 120);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
