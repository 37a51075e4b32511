/*
 * cmd_sources_verify: the account of what is examined, made again from the files
 * that are there now and held against the daemon's.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd_sources.h"
#include "source/source_verify.h"

struct verify {
	const json_t *streams, *ended, *gaps;
	unsigned long long files, examined, behind, wrong;
};

static void
report(struct verify *v, const char *path, const char *what)
{
	cli_print_text("", path);
	printf(": %s\n", what);
	v->wrong++;
}

static const json_t *
find_stream(const json_t *list, const char *id)
{
	const json_t *s, *found = NULL;
	size_t i;

	/* The last: a stream that was begun again is told again. */
	json_array_foreach(list, i, s)
	{
		if (strcmp(cli_text(s, "stream"), id) == 0)
			found = s;
	}
	return found;
}

/* Is ${gap} of what its file had before that was cut away?  ${stream} as the daemon has
 * it open; it knows of cuts since its start. */
static bool
is_of_earlier(const json_t *gap, const json_t *stream)
{
	const char *begun = cli_text(stream, "begun");

	return strcmp(cli_text(gap, "reason"), "truncated") == 0 ||
	    (*begun != '\0' && strcmp(cli_text(gap, "time"), begun) < 0);
}

/* Bytes of ${stream} below ${end} that gaps tell of. */
static uint64_t
passed_over(const struct verify *v, const char *stream, uint64_t end)
{
	const json_t *open = find_stream(v->streams, stream);
	uint64_t sum = 0;
	const json_t *g;
	size_t i;

	json_array_foreach(v->gaps, i, g)
	{
		uint64_t from = (uint64_t)json_integer_value(json_object_get(g, "from"));
		uint64_t to = (uint64_t)json_integer_value(json_object_get(g, "to"));

		if (strcmp(cli_text(g, "stream"), stream) != 0 || from >= end ||
		    is_of_earlier(g, open))
			continue;
		sum += (to < end ? to : end) - from;
	}
	return sum;
}

static void
verify_size(struct verify *v, const char *path, const char *id, uint64_t size, uint64_t examined)
{
	uint64_t gaps = passed_over(v, id, examined);

	if (examined > size) {
		report(v, path, "is shorter than what is said to be examined");
		return;
	}
	v->files++;
	v->examined += examined - (gaps < examined ? gaps : examined);
	v->behind += size - examined;
	if (gaps > 0) {
		cli_print_text("", path);
		printf(": %llu bytes were passed over, with a reason\n",
		    (unsigned long long)gaps);
	}
	if (size > examined) {
		cli_print_text("", path);
		printf(": %llu bytes are not examined yet\n",
		    (unsigned long long)(size - examined));
	}
}

static void
verify_file(struct verify *v, const char *path)
{
	char id[SOURCE_VERIFY_ID_SIZE];
	uint64_t size;
	int error = source_verify_look(path, id, &size);
	const json_t *s;

	if (error == ENOENT)
		return;
	if (error != 0) {
		report(v, path, strerror(error));
		return;
	}
	s = find_stream(v->streams, id);
	if (s != NULL) {
		verify_size(v, path, id, size,
		    (uint64_t)json_integer_value(json_object_get(s, "offset")));
		return;
	}
	s = find_stream(v->ended, id);
	if (s != NULL)
		verify_size(v, path, id, size,
		    (uint64_t)json_integer_value(json_object_get(s, "examined")));
	else
		report(v, path, "is not known to the daemon: nothing of it is examined");
}

static void
verify_pattern(struct verify *v, const char *pattern)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		verify_file(v, found.gl_pathv[i]);
	globfree(&found);
}

/* Files that were read to their end and are still there under that name, which the
 * patterns need not cover. */
static void
verify_ended(struct verify *v)
{
	const json_t *e;
	size_t i;

	json_array_foreach(v->ended, i, e)
	{
		char id[SOURCE_VERIFY_ID_SIZE];
		uint64_t size;

		if (source_verify_look(cli_text(e, "path"), id, &size) == 0 &&
		    strcmp(id, cli_text(e, "stream")) == 0 && find_stream(v->ended, id) == e)
			verify_size(v, cli_text(e, "path"), id, size,
			    (uint64_t)json_integer_value(json_object_get(e, "examined")));
	}
}

int
cmd_sources_verify(const struct cli *cli, const json_t *answer)
{
	const json_t *unexamined = json_object_get(answer, "unexamined"), *pattern;
	struct verify v = {.streams = json_object_get(answer, "sources"),
	    .ended = json_object_get(unexamined, "ended"),
	    .gaps = json_object_get(unexamined, "gaps")};
	size_t i;

	if (!json_is_object(unexamined))
		return cli_fail(CLI_FAILED, "Redis is away: what was passed over is not known");
	json_array_foreach(json_object_get(answer, "files"), i, pattern)
	{
		verify_pattern(&v, json_string_value(pattern));
	}
	verify_ended(&v);
	if (cli->json)
		cli_print_json(json_pack("{s:I, s:I, s:I, s:I}", "files", (json_int_t)v.files,
		    "examined", (json_int_t)v.examined, "behind", (json_int_t)v.behind, "wrong",
		    (json_int_t)v.wrong));
	else
		printf("%llu files, %llu bytes examined, %llu not yet, %llu unexplained\n", v.files,
		    v.examined, v.behind, v.wrong);
	return v.wrong == 0 ? CLI_OK : CLI_FAILED;
}
