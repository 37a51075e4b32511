/*
 * redis_rewrite: see redis_rewrite.h.  The file is a directory: what was written anew
 * (*.base.*), and what was added since (*.incr.*).
 */
#include "state/redis_rewrite.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/xalloc.h"

#define LEAST (64U << 20) /* bytes added; less is read in a moment */
#define CALM (20U << 20)  /* bytes between two looks: a tenth of what a storm writes */
#define AGAIN 60000       /* ms; it may have failed */

static uint64_t
size_of(DIR *d, const char *name)
{
	struct stat st;

	return fstatat(dirfd(d), name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : (uint64_t)st.st_size;
}

/* Nothing is there, or not yet: nothing is large. */
static void
look(const char *dir, uint64_t *anew, uint64_t *added)
{
	char *path = xasprintf("%s/appendonlydir", dir);
	DIR *d = opendir(path);
	struct dirent *entry;

	*anew = *added = 0;
	free(path);
	while (d != NULL && (entry = readdir(d)) != NULL) {
		if (strstr(entry->d_name, ".base.") != NULL)
			*anew += size_of(d, entry->d_name);
		else if (strstr(entry->d_name, ".incr.") != NULL)
			*added += size_of(d, entry->d_name);
	}
	if (d != NULL)
		closedir(d);
}

bool
redis_rewrite_is_due(struct redis_rewrite *r, const char *dir, int64_t now)
{
	uint64_t before = r->size, anew;

	look(dir, &anew, &r->size);
	if (now < r->not_before || r->size < LEAST || r->size < anew ||
	    r->size > before + CALM)
		return false;
	r->not_before = now + AGAIN;
	return true;
}
