/*
 * journal_rig: see journal_rig.h.
 */
#include "journal_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"
#include "util/xalloc.h"

#define REMOTE "/lib/systemd/systemd-journal-remote"

/* ---- the state's part --------------------------------------------------------------- */

static void
know(struct jr *r, const char *cursor, uint64_t offset)
{
	free(r->cursor);
	r->cursor = xstrdup(cursor);
	r->offset = offset;
	r->known = true;
}

/* The next "line N" in what is left: its number; NULL at the end. */
static const char *
find_number(struct sv *left)
{
	static const char key[] = "@message=line ";
	const char *p = memmem(left->p, left->n, key, sizeof(key) - 1);

	if (p == NULL)
		return NULL;
	p += sizeof(key) - 1;
	*left = sv_from(*left, (size_t)(p - left->p));
	return p;
}

static void
got_lines(void *ctx, const struct chunk *chunk)
{
	struct jr *r = ctx;
	struct sv left = chunk->data;

	ck_assert_msg(!r->paused, "lines while paused");
	ck_assert_str_eq(chunk->stream->id, "journal:test");
	ck_assert_int_eq(chunk->form, LINE_FIELDS);
	ck_assert_uint_eq(chunk->offset, r->offset);
	ck_assert_uint_ge(chunk->next, chunk->offset + sv_count(chunk->data, '\n'));
	know(r, chunk->stream->path, chunk->next);
	buf_sv(&r->text, chunk->data);
	while (find_number(&left) != NULL)
		r->nlines++;
	if (r->pause_after > 0 && --r->pause_after == 0) {
		r->paused = true;
		source_journal_pause(r->journal);
	}
}

static void
got_position(void *ctx, const struct position *pos)
{
	struct jr *r = ctx;

	ck_assert(!r->paused);
	r->positions++;
	know(r, pos->path, pos->offset);
}

static void
got_trouble(void *ctx, const struct trouble *t)
{
	static const char *const names[] = TROUBLE_NAMES;
	struct jr *r = ctx;

	ck_assert_str_eq(t->source, "test");
	buf_printf(&r->troubles, "%s %llu %s\n", names[t->kind], (unsigned long long)t->lost,
	    t->text);
}

void
jr_commit(struct jr *r)
{
	free(r->committed);
	r->committed = xstrdup(r->cursor);
	r->committed_offset = r->offset;
	r->committed_text = r->text.n;
	r->committed_lines = r->nlines;
}

void
jr_start(struct jr *r)
{
	struct position pos = {
	    .stream = "journal:test", .path = r->committed, .offset = r->committed_offset};

	r->text.n = r->committed_text;
	r->nlines = r->committed_lines;
	if (r->text.p != NULL)
		r->text.p[r->text.n] = '\0';
	r->offset = r->committed_offset;
	source_journal_start(r->journal, r->committed != NULL ? &pos : NULL);
}

/* ---- the rig -------------------------------------------------------------------------- */

void
jr_create(struct jr *r)
{
	static const struct source_cb cb = {
	    .lines = got_lines, .position = got_position, .trouble = got_trouble};

	r->journal = source_journal_new(r->ev, &r->conf, MAX_LINE, &cb, r);
}

/* The directory is made, and nothing follows yet. */
static struct jr *
prepare(int begin)
{
	static char id[] = "test";
	struct jr *r = xcalloc(1, sizeof(*r));

	log_open("check", LOG_LEVEL_ERROR);
	r->dir = rig_dir();
	r->ev = ev_new();
	r->conf = (struct source_conf){.id = {.s = id}, .start = begin};
	return r;
}

static void
follow(struct jr *r, char *path)
{
	r->path = path;
	r->conf.journal.s = path;
	jr_create(r);
}

struct jr *
jr_open(int begin, const char *name)
{
	struct jr *r = prepare(begin);

	follow(r, name == NULL ? xstrdup(r->dir) : jr_path(r, name));
	return r;
}

struct jr *
jr_open_where(int begin, const char *where)
{
	struct jr *r = prepare(begin);

	follow(r, xstrdup(where));
	return r;
}

void
jr_close(struct jr *r)
{
	source_journal_free(&r->journal);
	ev_free(&r->ev);
	buf_free(&r->text);
	buf_free(&r->troubles);
	free(r->cursor);
	free(r->committed);
	free(r->path);
	rig_remove(&r->dir);
	free(r);
}

void
jr_restart(struct jr *r)
{
	source_journal_free(&r->journal);
	jr_create(r);
	jr_start(r);
}

void
jr_restart_from(struct jr *r, const char *cursor, uint64_t offset)
{
	free(r->committed);
	r->committed = xstrdup(cursor);
	r->committed_offset = offset;
	jr_restart(r);
}

/* ---- what it came to ------------------------------------------------------------------ */

static bool
has_lines(void *ctx)
{
	struct jr *r = ctx;

	return sv_count(buf_view(&r->text), '\n') >= r->wanted;
}

static bool
has_numbered(void *ctx)
{
	struct jr *r = ctx;

	return r->nlines >= r->wanted;
}

static bool
is_known(void *ctx)
{
	return ((struct jr *)ctx)->known;
}

static bool
has_trouble(void *ctx)
{
	return ((struct jr *)ctx)->troubles.n > 0;
}

void
jr_until_lines(struct jr *r, size_t n)
{
	r->wanted = n;
	rig_turn_until(r->ev, has_lines, r, JR_WAIT);
}

void
jr_until_numbered(struct jr *r, size_t n)
{
	r->wanted = n;
	rig_turn_until(r->ev, has_numbered, r, JR_WAIT);
}

void
jr_until_known(struct jr *r)
{
	rig_turn_until(r->ev, is_known, r, JR_WAIT);
}

void
jr_until_trouble(struct jr *r)
{
	rig_turn_until(r->ev, has_trouble, r, JR_WAIT);
}

void
jr_expect(const struct jr *r, const char *wanted)
{
	struct buf got = BUF_INIT;
	struct sv left = buf_view(&r->text);
	const char *p;

	while ((p = find_number(&left)) != NULL) {
		if (got.n > 0)
			buf_putc(&got, ' ');
		buf_add(&got, p, strcspn(p, "\n "));
	}
	ck_assert_str_eq(buf_str(&got), wanted);
	buf_free(&got);
}

void
jr_expect_range(const struct jr *r, unsigned from, unsigned to)
{
	struct buf wanted = BUF_INIT;

	for (unsigned n = from; n <= to; n++)
		buf_printf(&wanted, n == from ? "%u" : " %u", n);
	jr_expect(r, buf_str(&wanted));
	buf_free(&wanted);
}

bool
jr_told(const struct jr *r, const char *what)
{
	return strstr(buf_str(&r->troubles), what) != NULL;
}

void
jr_forget_troubles(struct jr *r)
{
	buf_free(&r->troubles);
}

/* ---- journal files ---------------------------------------------------------------- */

char *
jr_path(const struct jr *r, const char *name)
{
	return xasprintf("%s/%s", r->dir, name);
}

void
jr_add_stamp(struct buf *out, uint64_t n)
{
	buf_printf(out,
	    "__REALTIME_TIMESTAMP=%llu\n__MONOTONIC_TIMESTAMP=%llu\n_BOOT_ID=" BOOT "\n",
	    (unsigned long long)(T0 + n * 1000000), (unsigned long long)(n * 1000000));
}

void
jr_add_entry(struct buf *out, uint64_t n, const char *fields)
{
	jr_add_stamp(out, n);
	buf_printf(out, "MESSAGE=line %llu\n%s\n", (unsigned long long)n, fields);
}

void
jr_append_file(const char *path, const struct buf *export)
{
	char *command = xasprintf(REMOTE " -o '%s' - >/dev/null 2>&1", path);
	FILE *f = popen(command, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(export->p, 1, export->n, f), export->n);
	ck_assert_int_eq(pclose(f), 0);
	free(command);
}

void
jr_append(const struct jr *r, const char *name, uint64_t from, uint64_t to)
{
	struct buf export = BUF_INIT;
	char *path = jr_path(r, name);

	for (uint64_t n = from; n <= to; n++)
		jr_add_entry(&export, n, "_COMM=app\n");
	jr_append_file(path, &export);
	buf_free(&export);
	free(path);
}

struct buf
jr_content(const char *path)
{
	struct buf file = BUF_INIT;
	FILE *f = fopen(path, "re");

	ck_assert_ptr_nonnull(f);
	file.n = fread(buf_reserve(&file, 9 << 20), 1, 9 << 20, f);
	fclose(f);
	return file;
}

void
jr_read_cursors(const struct jr *r, char **cursors, size_t n)
{
	char *command = xasprintf("journalctl -q --file '%s/x.journal' -o export", r->dir);
	FILE *f = popen(command, "re");
	char line[512];
	size_t i = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "__CURSOR=", 9) != 0)
			continue;
		ck_assert_uint_lt(i, n);
		line[strcspn(line, "\n")] = '\0';
		cursors[i++] = xstrdup(line + 9);
	}
	ck_assert_uint_eq(i, n);
	pclose(f);
	free(command);
}

/* ---- programs ------------------------------------------------------------------------ */

bool
jr_has_remote(void)
{
	if (access(REMOTE, X_OK) == 0)
		return true;
	fprintf(stderr, REMOTE " is not there (package systemd-journal-remote): tests with "
	                       "journal files are left out\n");
	return false;
}

int
jr_run(const char *name, void (*add_tests)(TCase *tc))
{
	Suite *suite;
	TCase *tc;

	if (!jr_has_remote())
		return JR_SKIPPED;
	suite = suite_create(name);
	tc = tcase_create(name);
	tcase_set_timeout(tc, 120);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
