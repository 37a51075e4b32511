/*
 * fail: preloaded into the daemon, lets the Nth call of one function fail.
 *
 *   FAIL=CALL:N:ERRNO[:COUNT]   CALL is write, fdatasync, fsync, rename, open,
 *                               ftruncate or unlink; COUNT calls fail (1)
 *   FAIL_LOG=FILE               gets a line when one did
 *
 * Only files and directories count, and only in the program named by FAIL_PROGRAM: its
 * Redis is left alone.  Opening for reading counts too.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static long calls;

static bool
is_our_program(void)
{
	const char *name = getenv("FAIL_PROGRAM");

	return name != NULL && strcmp(program_invocation_short_name, name) == 0;
}

/* By system calls: what is preloaded here must not count itself. */
static void
say(const char *call, const char *path)
{
	const char *log = getenv("FAIL_LOG");
	char text[600];
	int n, fd;

	if (log == NULL)
		return;
	n = snprintf(text, sizeof(text), "%s %s\n", call, path);
	fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (fd >= 0 && n > 0)
		syscall(SYS_write, fd, text, (size_t)n);
	if (fd >= 0)
		syscall(SYS_close, fd);
}

/* Is this call one that fails?  Sets errno. */
static bool
fails(const char *call, const char *path)
{
	const char *spec = getenv("FAIL");
	size_t length = strlen(call);
	char *end;
	long first, error, count = 1, n;

	if (spec == NULL || strncmp(spec, call, length) != 0 || spec[length] != ':' || !is_our_program())
		return false;
	first = strtol(spec + length + 1, &end, 10);
	error = *end == ':' ? strtol(end + 1, &end, 10) : EIO;
	if (*end == ':')
		count = strtol(end + 1, NULL, 10);
	n = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
	if (n < first || n >= first + count)
		return false;
	say(call, path);
	errno = (int)error;
	return true;
}

static bool
fd_fails(const char *call, int fd)
{
	struct stat st;
	char link[64], path[512];
	ssize_t n;
	int saved = errno;

	if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
		errno = saved;
		return false;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	errno = saved;
	/* What it says goes to a file of the test. */
	return fd > 2 && fails(call, path);
}

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

ssize_t
write(int fd, const void *p, size_t n)
{
	return fd_fails("write", fd) ? -1 : NEXT(write)(fd, p, n);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fd_fails("write", fd) ? -1 : NEXT(pwrite)(fd, p, n, at);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return fd_fails("write", fd) ? -1 : NEXT(pwrite64)(fd, p, n, at);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	return fd_fails("write", fd) ? -1 : NEXT(writev)(fd, v, n);
}

int
fdatasync(int fd)
{
	return fd_fails("fdatasync", fd) ? -1 : NEXT(fdatasync)(fd);
}

int
fsync(int fd)
{
	return fd_fails("fsync", fd) ? -1 : NEXT(fsync)(fd);
}

int
ftruncate(int fd, off_t size)
{
	return fd_fails("ftruncate", fd) ? -1 : NEXT(ftruncate)(fd, size);
}

int
ftruncate64(int fd, off64_t size)
{
	return fd_fails("ftruncate", fd) ? -1 : NEXT(ftruncate64)(fd, size);
}

int
rename(const char *from, const char *to)
{
	return fails("rename", to) ? -1 : NEXT(rename)(from, to);
}

int
unlink(const char *path)
{
	return fails("unlink", path) ? -1 : NEXT(unlink)(path);
}

int
unlinkat(int at, const char *path, int flags)
{
	return fails("unlink", path) ? -1 : NEXT(unlinkat)(at, path, flags);
}

static mode_t
mode_of(int flags, va_list rest)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

int
open(const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	va_start(rest, flags);
	mode = mode_of(flags, rest);
	va_end(rest);
	return fails("open", path) ? -1 : NEXT(open)(path, flags, mode);
}

int
openat(int at, const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	va_start(rest, flags);
	mode = mode_of(flags, rest);
	va_end(rest);
	return fails("open", path) ? -1 : NEXT(openat)(at, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	va_start(rest, flags);
	mode = mode_of(flags, rest);
	va_end(rest);
	return fails("open", path) ? -1 : NEXT(open64)(path, flags, mode);
}

int
openat64(int at, const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	va_start(rest, flags);
	mode = mode_of(flags, rest);
	va_end(rest);
	return fails("open", path) ? -1 : NEXT(openat64)(at, path, flags, mode);
}

/* What open() is in a program built with _FORTIFY_SOURCE, when the flags are no constant. */
int
__open64_2(const char *path, int flags)
{
	return fails("open", path) ? -1 : NEXT(open64)(path, flags);
}
