/*
 * check_redis_rewrite: when the private server shall write its append-only file anew: when
 * much was added to it, and little just now.
 */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rig.h"
#include "state/redis_rewrite.h"
#include "util/xalloc.h"

#define MB (1 << 20)
#define LOOK 5000 /* ms between looks */

static char *dir;
static struct redis_rewrite rewrite;
static int64_t now;

/* The file is ${mb} large; it takes no room. */
static void
size(const char *name, off_t mb)
{
	char *path = xasprintf("%s/appendonlydir/%s", dir, name);
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, mb * MB), 0);
	close(fd);
	free(path);
}

static bool
look(void)
{
	now += LOOK;
	return redis_rewrite_is_due(&rewrite, dir, now);
}

static void
set_up(void)
{
	char *path;

	dir = rig_dir();
	path = xasprintf("%s/appendonlydir", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	free(path);
	rewrite = (struct redis_rewrite){0};
	now = 0;
}

static void
tear_down(void)
{
	rig_remove(&dir);
}

START_TEST(not_while_it_grows)
{
	for (int i = 1; i < 20; i++) {
		size("appendonly.aof.1.incr.aof", 30 * i);
		ck_assert(!look());
	}
	ck_assert(look());
}
END_TEST

START_TEST(a_little_more_is_calm)
{
	size("appendonly.aof.1.incr.aof", 100);
	ck_assert(!look());
	size("appendonly.aof.1.incr.aof", 110);
	ck_assert(look());
}
END_TEST

START_TEST(not_for_little)
{
	size("appendonly.aof.1.incr.aof", 60);
	for (int i = 0; i < 5; i++)
		ck_assert(!look());
}
END_TEST

START_TEST(not_for_less_than_there_was)
{
	size("appendonly.aof.2.base.rdb", 300);
	size("appendonly.aof.2.incr.aof", 200);
	for (int i = 0; i < 5; i++)
		ck_assert(!look());
	size("appendonly.aof.3.incr.aof", 101);
	ck_assert(!look());
	ck_assert(look());
}
END_TEST

START_TEST(once_a_minute)
{
	size("appendonly.aof.1.incr.aof", 100);
	ck_assert(!look());
	ck_assert(look());
	for (int i = 0; i < 60000 / LOOK - 1; i++)
		ck_assert(!look());
	ck_assert(look());
}
END_TEST

START_TEST(nothing_is_there)
{
	rig_remove(&dir);
	ck_assert(!look());
	ck_assert(!look());
	dir = rig_dir();
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, not_while_it_grows);
	tcase_add_test(tc, a_little_more_is_calm);
	tcase_add_test(tc, not_for_little);
	tcase_add_test(tc, not_for_less_than_there_was);
	tcase_add_test(tc, once_a_minute);
	tcase_add_test(tc, nothing_is_there);
}

int
main(void)
{
	return rig_run_case("redis_rewrite", set_up, tear_down, add_tests);
}
