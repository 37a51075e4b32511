/*
 * check_conf_secret: secrets in the file or in files of their own, which are never printed.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "conf_rig.h"
#include "rig.h"
#include "util/xalloc.h"

static char *
secret_from_file(const char *contents)
{
	char *dir = rig_dir(), *path = rig_file(dir, "secret", contents);
	char *text = xasprintf("name: a\nkey_file: %s\n", path), *secret;
	const struct car *car = cr_expect_read(text);

	ck_assert(car->key.is_file);
	secret = conf_secret(&car->key, cr_diag());
	free(text);
	free(path);
	rig_remove(&dir);
	return secret;
}

START_TEST(secret_comes_from_its_file_without_the_newline)
{
	char *secret = secret_from_file(" a b \r\n\n");

	ck_assert_str_eq(secret, " a b");
	free(secret);
}
END_TEST

START_TEST(secret_file_without_a_secret_is_an_error)
{
	ck_assert_ptr_null(secret_from_file("\n"));
	ck_assert_ptr_nonnull(strstr(cr_errors(), "cannot be used: it is empty"));
}
END_TEST

START_TEST(secret_file_that_is_missing_is_an_error)
{
	const struct car *car = cr_expect_read("name: a\nkey_file: /nonexistent/x");

	ck_assert_ptr_null(conf_secret(&car->key, cr_diag()));
	ck_assert_ptr_nonnull(strstr(cr_errors(),
	    "car.yaml:2:11: the secret in /nonexistent/x cannot be used: No such file"));
}
END_TEST

/* Whatever is wrong with the line of a secret, the secret is not repeated. */
static const char *const leaks[] = {
    "{name: a, key: hunter2, doors: 1}",
    "{name: a, \"key\" : hunter2, doors: 1}",
    "key: hunter2\nkey: hunter2",
    "{key: hunter2, key_file: /x}",
    "key: !x hunter2",
    "key:\n  !x hunter2",
    "key: \"hunter2",
    "key: hunter2: x",
    "kye: hunter2",
    "key_file: hunter2",
    "doors: 1 # key: hunter2",
};

START_TEST(secret_is_never_printed)
{
	ck_assert_int_eq(cr_read(leaks[_i]), -1);
	ck_assert_msg(strstr(cr_errors(), "hunter2") == NULL, "%s", cr_errors());
	ck_assert_ptr_nonnull(strstr(cr_errors(), "(hidden)\n"));
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, secret_comes_from_its_file_without_the_newline);
	tcase_add_test(tc, secret_file_without_a_secret_is_an_error);
	tcase_add_test(tc, secret_file_that_is_missing_is_an_error);
	tcase_add_loop_test(tc, secret_is_never_printed, 0, COUNT(leaks));
}

int
main(void)
{
	return cr_run("conf_secret", add_tests);
}
