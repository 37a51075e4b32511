/*
 * ruleset_rig: see ruleset_rig.h.
 */
#include "ruleset_rig.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/config.h"
#include "rig.h"
#include "util/buf.h"
#include "util/xalloc.h"

/* A fixture of Check has no argument. */
static char *dir;
static struct buf errors; /* what the last load printed, the directory left out */

static void
make_dir(void)
{
	dir = rig_dir();
}

static void
remove_dir(void)
{
	rig_remove(&dir);
	buf_free(&errors);
}

char *
rs_path(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

void
rs_put(const char *name, const char *text)
{
	char *folder = rs_path(name);

	*strrchr(folder, '/') = '\0';
	mkdir(folder, 0700);
	free(rig_file(dir, name, text));
	free(folder);
}

/* Print ${d} into errors with "base/" for DIR/base/. */
static void
keep_errors(const struct diag *d)
{
	struct buf all = BUF_INIT;
	size_t n = strlen(dir) + 1;
	const char *p, *at;

	diag_print(d, &all);
	buf_free(&errors);
	for (p = buf_str(&all); (at = strstr(p, dir)) != NULL; p = at + n)
		buf_add(&errors, p, (size_t)(at - p));
	buf_puts(&errors, p);
	buf_free(&all);
}

struct ruleset *
rs_load(const char *const *names, size_t n)
{
	struct diag *d = diag_new();
	char *paths[4];
	struct ruleset *rs;

	ck_assert_uint_le(n, sizeof(paths) / sizeof(paths[0]));
	for (size_t i = 0; i < n; i++)
		paths[i] = rs_path(names[i]);
	rs = ruleset_load((const char *const *)paths, n, &rig_limits, d);
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	keep_errors(d);
	ck_assert(rs == NULL || diag_errors(d) == 0);
	diag_free(&d);
	return rs;
}

struct ruleset *
rs_load_base(void)
{
	return rs_load((const char *const[]){"base"}, 1);
}

struct ruleset *
rs_load_base_and_site(void)
{
	return rs_load((const char *const[]){"base", "site"}, 2);
}

void
rs_expect_loaded(const struct ruleset *rs)
{
	ck_assert_msg(rs != NULL, "%s", buf_str(&errors));
}

void
rs_expect_error(struct ruleset *rs, const char *words)
{
	ck_assert_ptr_null(rs);
	ck_assert_msg(strstr(buf_str(&errors), words) != NULL, "\"%s\" not in:\n%s", words,
	    buf_str(&errors));
}

void
rs_refuse(const char *text, const char *words)
{
	rs_put("base/a.yaml", text);
	rs_expect_error(rs_load_base(), words);
}

int
rs_run(const char *name, void (*add_tests)(TCase *tc))
{
	return rig_run_case(name, make_dir, remove_dir, add_tests);
}
