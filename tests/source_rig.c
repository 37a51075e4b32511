/*
 * source_rig: see source_rig.h.
 */
#include "source_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "util/log.h"
#include "util/xalloc.h"

/* ---- the state's part ---------------------------------------------------------- */

struct known *
rig_known(struct rig *r, const char *stream, const char *path)
{
	struct known *k = r->now, *end = r->now + r->nnow;

	while (k < end && strcmp(k->stream, stream) != 0)
		k++;
	if (k == end) {
		ck_assert_uint_lt(r->nnow++, STREAMS);
		*k = (struct known){.stream = xstrdup(stream)};
	}
	free(k->path);
	k->path = xstrdup(path);
	return k;
}

static void
clear(struct known *v, size_t *n)
{
	for (size_t i = 0; i < *n; i++) {
		free(v[i].stream);
		free(v[i].path);
	}
	*n = 0;
}

static void
copy(struct known *to, size_t *nto, const struct known *from, size_t n)
{
	clear(to, nto);
	for (size_t i = 0; i < n; i++) {
		if (from[i].done)
			continue;
		to[*nto] = from[i];
		to[*nto].stream = xstrdup(from[i].stream);
		to[(*nto)++].path = xstrdup(from[i].path);
	}
}

static void
keep_ended(struct rig *r)
{
	for (size_t i = 0; i < r->nnow; i++) {
		if (!r->now[i].done)
			continue;
		XGROW(r->ended, r->nended);
		r->ended[r->nended] = r->now[i];
		r->ended[r->nended].stream = xstrdup(r->now[i].stream);
		r->ended[r->nended++].path = xstrdup(r->now[i].path);
	}
}

void
rig_commit(struct rig *r)
{
	keep_ended(r);
	copy(r->committed, &r->ncommitted, r->now, r->nnow);
	for (size_t i = 0; i < r->nnow; i++)
		source_committed(r->set, r->now[i].stream, r->now[i].offset);
	copy(r->now, &r->nnow, r->committed, r->ncommitted);
	r->text_committed = r->text.n;
	r->told_committed = r->told.n;
}

static void
forget_after(struct buf *b, size_t n)
{
	if (b->n == 0)
		return;
	b->n = n;
	b->p[n] = '\0';
}

static struct position
position_of(const struct known *k)
{
	return (struct position){.stream = k->stream,
	    .path = k->path,
	    .offset = k->offset,
	    .check = k->check,
	    .done = k->done};
}

void
rig_start(struct rig *r)
{
	size_t n = r->nended;
	struct position *positions = xcalloc(n + r->ncommitted + 1, sizeof(*positions));

	copy(r->now, &r->nnow, r->committed, r->ncommitted);
	forget_after(&r->text, r->text_committed);
	forget_after(&r->told, r->told_committed);
	for (size_t i = 0; i < n; i++)
		positions[i] = position_of(&r->ended[i]);
	for (size_t i = 0; i < r->ncommitted; i++)
		positions[n + i] = position_of(&r->committed[i]);
	source_start(r->set, positions, n + r->ncommitted);
	free(positions);
}

static void
got_position(void *ctx, const struct position *pos)
{
	struct rig *r = ctx;
	struct known *k = rig_known(r, pos->stream, pos->path);

	r->calls++;
	ck_assert(!r->set->paused);
	k->offset = pos->offset;
	k->check = pos->check;
	k->done = pos->done;
}

static void
got_lines(void *ctx, const struct chunk *chunk)
{
	struct rig *r = ctx;
	struct known *k = rig_known(r, chunk->stream->id, chunk->stream->path);

	r->calls++;
	ck_assert_msg(!r->set->paused, "lines while paused");
	ck_assert_msg(!k->done, "lines of a stream that was done");
	ck_assert_uint_ge(chunk->offset, k->offset);
	ck_assert_uint_ge(chunk->next, chunk->offset + chunk->data.n);
	ck_assert_uint_eq(chunk->number, 0);
	ck_assert_uint_gt(chunk->data.n, 0);
	if (strstr(buf_str(&r->told), "unreadable") == NULL)
		ck_assert_uint_ne(chunk->check, 0);
	ck_assert_str_eq(chunk->stream->source, "test");
	k->offset = chunk->next;
	k->check = chunk->check;
	buf_sv(&r->text, chunk->data);
	if (r->pause_after > 0 && --r->pause_after == 0)
		source_pause(r->set);
	if (r->rewind) {
		r->rewind = false;
		rig_start(r);
	}
}

static void
got_trouble(void *ctx, const struct trouble *t)
{
	static const char *const names[] = TROUBLE_NAMES;
	struct rig *r = ctx;

	r->calls++;
	ck_assert_msg(!r->set->paused, "trouble while paused");
	ck_assert_str_eq(t->source, "test");
	ck_assert_ptr_nonnull(t->text);
	ck_assert_uint_le(t->from, t->to);
	buf_puts(&r->told, names[t->kind]);
	if (t->stream != NULL)
		buf_printf(&r->told, " %llu-%llu", (unsigned long long)t->from,
		    (unsigned long long)t->to);
	buf_putc(&r->told, '\n');
}

/* ---- the rig --------------------------------------------------------------------- */

void
rig_create_set(struct rig *r)
{
	static const struct source_cb cb = {.lines = got_lines, .position = got_position,
	    .trouble = got_trouble};

	r->set = source_new(r->ev, r->conf, r->nconf, MAX_LINE, &cb, r);
	source_set_grace(r->set, 1000000);
}

char *
rig_path(const struct rig *r, const char *name)
{
	return xasprintf("%s/%s", r->dir, name);
}

static void
add_source(struct rig *r, char *id, int begin, const char *pattern)
{
	struct conf_string *file = &r->files[r->nconf];

	file->s = rig_path(r, pattern);
	r->conf[r->nconf++] = (struct source_conf){
	    .id = {.s = id}, .files = {.v = file, .n = 1}, .start = begin};
}

struct rig *
rig_open(int begin, const char *pattern)
{
	static char id[] = "test";
	struct rig *r = xcalloc(1, sizeof(*r));

	log_open("check", LOG_LEVEL_ERROR);
	r->dir = rig_dir();
	r->ev = ev_new();
	add_source(r, id, begin, pattern);
	rig_create_set(r);
	return r;
}

void
rig_close(struct rig *r)
{
	source_free(&r->set);
	ev_free(&r->ev);
	clear(r->now, &r->nnow);
	clear(r->committed, &r->ncommitted);
	clear(r->ended, &r->nended);
	free(r->ended);
	for (size_t i = 0; i < r->nconf; i++)
		free(r->files[i].s);
	free(r->rotated.s);
	buf_free(&r->text);
	buf_free(&r->told);
	rig_remove(&r->dir);
	free(r);
}

void
rig_turn(struct rig *r)
{
	for (int idle = 0; idle < 30; idle++) {
		size_t before = r->calls;

		ev_turn(r->ev, false);
		if (r->calls != before)
			idle = 0;
	}
}

void
rig_settle(struct rig *r)
{
	source_rescan_now(r->set);
	rig_turn(r);
}

void
rig_finish(struct rig *r)
{
	source_set_grace(r->set, 0);
	for (int i = 0; i < 4; i++) {
		rig_settle(r);
		rig_commit(r);
	}
	rig_settle(r);
}

void
rig_stop(struct rig *r)
{
	source_free(&r->set);
}

void
rig_restart(struct rig *r)
{
	source_free(&r->set);
	rig_create_set(r);
	rig_start(r);
}

void
rig_append(const struct rig *r, const char *name, struct sv text)
{
	char *path = rig_path(r, name);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text.p, text.n), (ssize_t)text.n);
	close(fd);
	free(path);
}

void
rig_say(const struct rig *r, const char *name, const char *text)
{
	rig_append(r, name, sv_str(text));
}

void
rig_move(const struct rig *r, const char *from, const char *to)
{
	char *a = rig_path(r, from), *b = rig_path(r, to);

	ck_assert_int_eq(rename(a, b), 0);
	free(a);
	free(b);
}

void
rig_cut(const struct rig *r, const char *name, off_t size)
{
	char *path = rig_path(r, name);

	ck_assert_int_eq(truncate(path, size), 0);
	free(path);
}

void
rig_erase(const struct rig *r, const char *name)
{
	char *path = rig_path(r, name);

	ck_assert_int_eq(unlink(path), 0);
	free(path);
}

void
rig_make_dir(const struct rig *r, const char *name)
{
	char *path = rig_path(r, name);

	ck_assert_int_eq(mkdir(path, 0700), 0);
	free(path);
}

const struct known *
rig_last(struct rig *r, const char *name)
{
	char *path = rig_path(r, name);
	const struct known *found = NULL;

	for (size_t i = 0; i < r->nnow; i++)
		if (strcmp(r->now[i].path, path) == 0)
			found = &r->now[i];
	free(path);
	ck_assert_ptr_nonnull(found);
	return found;
}

size_t
rig_open_files(const struct rig *r)
{
	return r->set->nfiles;
}


void
rig_rotated(struct rig *r, const char *name)
{
	rig_make_dir(r, name);
	r->rotated.s = rig_path(r, name);
	r->conf[0].rotated = (struct conf_strings){.v = &r->rotated, .n = 1};
}

/* ---- copies and archives -------------------------------------------------------- */

static struct buf
contents(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buf b = BUF_INIT;
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, st), 0);
	n = read(fd, buf_reserve(&b, (size_t)st->st_size + 1), (size_t)st->st_size);
	ck_assert_int_eq(n, st->st_size);
	b.n = (size_t)n;
	close(fd);
	return b;
}

static void
create(const char *path, struct sv text, const struct stat *times)
{
	const struct timespec when[2] = {times->st_atim, times->st_mtim};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text.p, text.n), (ssize_t)text.n);
	ck_assert_int_eq(futimens(fd, when), 0);
	close(fd);
}

void
rig_copy(const struct rig *r, const char *from, const char *to)
{
	char *a = rig_path(r, from), *b = rig_path(r, to);
	struct stat st;
	struct buf text = contents(a, &st);

	create(b, buf_view(&text), &st);
	buf_free(&text);
	free(a);
	free(b);
}

static struct buf
gzipped(struct sv text)
{
	struct buf out = BUF_INIT;
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)text.p, .avail_in = (uInt)text.n};

	ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.avail_out = (uInt)deflateBound(&z, text.n);
	z.next_out = (unsigned char *)buf_reserve(&out, z.avail_out);
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	out.n = z.total_out;
	deflateEnd(&z);
	return out;
}

static struct buf
zstded(struct sv text)
{
	struct buf out = BUF_INIT;
	size_t room = ZSTD_compressBound(text.n);

	out.n = ZSTD_compress(buf_reserve(&out, room), room, text.p, text.n, 3);
	ck_assert(!ZSTD_isError(out.n));
	return out;
}

static void
compress_file(const struct rig *r, const char *name, const char *suffix, struct buf (*how)(struct sv))
{
	char *path = rig_path(r, name), *archive = xasprintf("%s%s", path, suffix);
	struct stat st;
	struct buf text = contents(path, &st), out = how(buf_view(&text));

	create(archive, buf_view(&out), &st);
	rig_erase(r, name);
	buf_free(&text);
	buf_free(&out);
	free(path);
	free(archive);
}

void
rig_gzip(const struct rig *r, const char *name)
{
	compress_file(r, name, ".gz", gzipped);
}

void
rig_zstd(const struct rig *r, const char *name)
{
	compress_file(r, name, ".zst", zstded);
}

int
rig_main(const char *name, void (*add)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	add(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
