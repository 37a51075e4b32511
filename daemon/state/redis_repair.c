/*
 * redis_repair: see redis_repair.h.
 */
#include "state/redis_repair.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/xalloc.h"

static bool
copy_bytes(int from, int to)
{
	ssize_t n;

	do
		n = sendfile(to, from, NULL, 1 << 20);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n == 0 && fsync(to) == 0;
}

static bool
copy_file(int from_dir, int to_dir, const char *name)
{
	int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC);
	int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = from >= 0 && to >= 0 && copy_bytes(from, to);

	if (from >= 0)
		close(from);
	if (to >= 0 && close(to) < 0)
		ok = false;
	return ok;
}

static bool
copy_files(const char *from, int to_dir)
{
	DIR *d = opendir(from);
	struct dirent *entry;
	bool ok = d != NULL;

	while (ok && (entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			ok = copy_file(dirfd(d), to_dir, entry->d_name);
	if (d != NULL)
		closedir(d);
	return ok;
}

static bool
copy_dir(const char *from, const char *to)
{
	int to_dir;
	bool ok;

	if (mkdir(to, 0700) < 0)
		return false;
	to_dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = to_dir >= 0 && copy_files(from, to_dir);
	if (to_dir >= 0)
		close(to_dir);
	return ok;
}

/* Run redis-check-aof --fix, which asks once whether it may. */
static bool
check_aof(const char *manifest)
{
	char program[] = "redis-check-aof", fix[] = "--fix", *path = xstrdup(manifest);
	char *const argv[] = {program, fix, path, NULL};
	posix_spawn_file_actions_t actions;
	int answer[2], status = -1;
	pid_t pid;

	if (pipe2(answer, O_CLOEXEC) < 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, answer[0], STDIN_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) != 0)
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	close(answer[0]);
	if (write(answer[1], "y\n", 2) < 0)
		log_warn("redis", "redis-check-aof: %s", strerror(errno));
	close(answer[1]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	free(path);
	return pid > 0 && status == 0;
}

bool
redis_repair(const char *dir)
{
	char *live = xasprintf("%s/appendonlydir", dir);
	char *copy = xasprintf("%s/damaged-%lld", dir, (long long)clock_now());
	char *manifest = xasprintf("%s/appendonly.aof.manifest", live);
	bool ok = false;

	if (!copy_dir(live, copy)) {
		log_error("redis", "cannot copy %s to %s: %s", live, copy, strerror(errno));
	} else {
		ok = check_aof(manifest);
		log_warn("redis", "the append-only file was damaged: a copy is in %s, %s", copy,
		    ok ? "the original is cut back to what is whole" : "redis-check-aof cannot mend it");
	}
	free(live);
	free(copy);
	free(manifest);
	return ok;
}
