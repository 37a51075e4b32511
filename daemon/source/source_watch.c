/*
 * source_watch: inotify, as a hint of when to look.
 *
 * Nothing is believed but that something may have happened: what, the scan
 * finds out.  So events of directories are not even told apart, and where a
 * watch cannot be had the scan comes to it within its second.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "ev/ev.h"
#include "source/source_internal.h"
#include "util/log.h"
#include "util/xalloc.h"

#define DIR_EVENTS                                                                                \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_ONLYDIR)

struct watched {
	int wd;
	struct source_file *file;
};

struct source_watch {
	int fd; /* -1 = no inotify */
	struct ev_fd *ready;
	struct watched *files; /* by wd, lowest first */
	size_t nfiles;
	bool complained;
	const struct source_watch_cb *cb;
	void *ctx;
};

/* Index of the first entry whose wd is not below ${wd}. */
static size_t
position(const struct source_watch *w, int wd)
{
	size_t low = 0, high = w->nfiles;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (w->files[middle].wd < wd)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
event(struct source_watch *w, const struct inotify_event *e)
{
	size_t i = position(w, e->wd);

	if (i < w->nfiles && w->files[i].wd == e->wd) {
		w->files[i].file->closed |= (e->mask & IN_CLOSE_WRITE) != 0;
		w->cb->changed(w->ctx, w->files[i].file);
	} else {
		w->cb->look(w->ctx); /* a directory, or IN_Q_OVERFLOW whose wd is -1 */
	}
}

static void
readable(void *ctx, int fd, unsigned what)
{
	struct source_watch *w = ctx;
	char events[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(fd, events, sizeof(events));

	(void)what;
	for (char *p = events; n > 0 && p < events + n;) {
		const struct inotify_event *e = (const void *)p;

		p += sizeof(*e) + e->len;
		event(w, e);
	}
}

static void
complain(struct source_watch *w, const char *what, int error)
{
	if (w->complained)
		return;
	w->complained = true;
	log_warn("source",
	    "inotify: cannot watch %s: %s%s; new lines are seen once a second instead of at once",
	    what, strerrordesc_np(error),
	    error == ENOSPC ? " (limit fs.inotify.max_user_watches reached)" : "");
}

struct source_watch *
source_watch_new(struct ev *ev, const struct source_watch_cb *cb, void *ctx)
{
	struct source_watch *w = xcalloc(1, sizeof(*w));

	w->cb = cb;
	w->ctx = ctx;
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0)
		complain(w, "anything", errno);
	else
		w->ready = ev_fd_new(ev, w->fd, EV_FD_READ, readable, w);
	return w;
}

void
source_watch_free(struct source_watch **wp)
{
	struct source_watch *w = *wp;

	if (w == NULL)
		return;
	ev_fd_free(&w->ready);
	if (w->fd >= 0)
		close(w->fd);
	free(w->files);
	free(w);
	*wp = NULL;
}

/* By its descriptor, as its name may lead to another file by now. */
void
source_watch_file(struct source_watch *w, struct source_file *f)
{
	char path[32];
	size_t i;

	if (w->fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	f->wd = inotify_add_watch(w->fd, path, IN_MODIFY | IN_CLOSE_WRITE);
	if (f->wd < 0) {
		complain(w, f->stream.path, errno);
		return;
	}
	i = position(w, f->wd);
	XGROW(w->files, w->nfiles);
	memmove(w->files + i + 1, w->files + i, (w->nfiles - i) * sizeof(*w->files));
	w->files[i] = (struct watched){f->wd, f};
	w->nfiles++;
}

void
source_watch_forget(struct source_watch *w, struct source_file *f)
{
	size_t i = position(w, f->wd);

	if (f->wd < 0)
		return;
	inotify_rm_watch(w->fd, f->wd);
	w->nfiles--;
	memmove(w->files + i, w->files + i + 1, (w->nfiles - i) * sizeof(*w->files));
	f->wd = -1;
}

/* The directory, or what there is above it.  Of a missing one the scan speaks. */
void
source_watch_dir_of(struct source_watch *w, const char *path)
{
	char dir[PATH_MAX];
	char *slash;

	if (w->fd < 0 || strlen(path) >= sizeof(dir))
		return;
	memcpy(dir, path, strlen(path) + 1);
	while ((slash = strrchr(dir, '/')) != NULL) {
		slash[slash == dir ? 1 : 0] = '\0';
		if (inotify_add_watch(w->fd, dir, DIR_EVENTS) >= 0)
			return;
		if (errno == ENOSPC || errno == ENOMEM)
			complain(w, dir, errno);
		if ((errno != ENOENT && errno != ENOTDIR) || slash == dir)
			return;
	}
}
