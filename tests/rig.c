/*
 * rig: see rig.h.
 */
#include "rig.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "rule/ruleset.h"
#include "util/clock.h"
#include "util/xalloc.h"

const struct match_conf rig_limits = {.jit = true,
    .match_limit = 200000,
    .depth_limit = 20000,
    .heap_limit_kib = 2048,
    .max_length = 8192};

char *
rig_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/triaged-check.XXXXXX", tmp == NULL ? "/tmp" : tmp);

	ck_assert_ptr_nonnull(mkdtemp(dir));
	return dir;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
rig_remove(char **dir)
{
	nftw(*dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(*dir);
	*dir = NULL;
}

char *
rig_file(const char *dir, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert(fputs(text, f) >= 0);
	ck_assert_int_eq(fclose(f), 0);
	return path;
}

struct ruleset *
rig_rules(const char *yaml)
{
	struct diag *diag = diag_new();
	struct buf errors = BUF_INIT;
	char *dir = rig_dir(), *path = rig_file(dir, "rules.yaml", yaml);
	const char *paths[] = {path};
	struct ruleset *rules = ruleset_load(paths, 1, &rig_limits, diag);

	diag_print(diag, &errors);
	ck_assert_msg(rules != NULL, "%s", buf_str(&errors));
	buf_free(&errors);
	diag_free(&diag);
	free(path);
	rig_remove(&dir);
	return rules;
}

struct ruleset *
rig_try_rules(
    const char *name, const char *yaml, const struct match_conf *limits, struct buf *errors)
{
	struct diag *diag = diag_new();
	struct ruleset *rules = ruleset_load_text(name, yaml, strlen(yaml), limits, diag);

	buf_free(errors);
	diag_print(diag, errors);
	ck_assert((rules == NULL) == (diag_errors(diag) > 0));
	diag_free(&diag);
	return rules;
}

void
rig_turn_until(struct ev *ev, bool (*done)(void *ctx), void *ctx, int64_t ms)
{
	int64_t end;

	clock_update();
	end = clock_mono() + ms;
	while (!done(ctx)) {
		clock_update();
		ck_assert_msg(clock_mono() < end, "it did not happen within %lld ms", (long long)ms);
		ev_turn(ev, false);
		usleep(200);
	}
}

int
rig_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
rig_run_case(
    const char *name, void (*begin)(void), void (*end)(void), void (*add_tests)(TCase *tc))
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, begin, end);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
