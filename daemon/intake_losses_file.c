/*
 * intake_losses_file: losses that could not be told yet, in a file beside the spool,
 * so that they outlive the daemon.
 *
 * It is removed after Redis has confirmed them: who is killed between the two tells
 * them once more, never not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "intake_losses.h"
#include "util/log.h"
#include "util/xalloc.h"

static bool
find_kind(const char *name, enum trouble_kind *kind)
{
	for (int i = 0; i < TROUBLE_SILENT; i++) {
		*kind = (enum trouble_kind)i;
		if (strcmp(name, trouble_name(*kind)) == 0)
			return true;
	}
	return false;
}

/* ---- reading ------------------------------------------------------------------- */

static bool
read_loss(struct intake_losses *l, json_t *item)
{
	const char *kind, *path = NULL;
	json_int_t from, to, lost;
	struct trouble t = {0};

	if (json_unpack(item, "{s:s, s:s, s?s, s:I, s:I, s:I, s:s}", "kind", &kind, "source",
	        &t.source, "path", &path, "from", &from, "to", &to, "lost", &lost, "text",
	        &t.text) < 0 ||
	    !find_kind(kind, &t.kind) || from < 0 || to < from || lost < 0)
		return false;
	t.path = path;
	t.from = (uint64_t)from;
	t.to = (uint64_t)to;
	t.lost = (uint64_t)lost;
	intake_losses_add(l, &t);
	return true;
}

void
intake_losses_load(struct intake_losses *l, const char *path)
{
	json_t *list, *item;
	json_error_t error;
	bool good;
	size_t i;

	l->path = xstrdup(path);
	if (access(path, F_OK) < 0)
		return;
	l->saved = true;
	list = json_load_file(path, 0, &error);
	good = json_is_array(list);
	json_array_foreach(list, i, item)
	{
		good &= read_loss(l, item);
	}
	if (!good)
		log_warn("intake", "%s: not all that it says can be read", path);
	json_decref(list);
}

/* ---- writing ------------------------------------------------------------------- */

static json_t *
to_json(const struct intake_losses *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++) {
		const struct trouble *t = &l->v[i].trouble;
		json_t *item = json_pack("{s:s, s:s, s:I, s:I, s:I, s:s}", "kind",
		    trouble_name(t->kind), "source", t->source, "from", (json_int_t)t->from, "to",
		    (json_int_t)t->to, "lost", (json_int_t)t->lost, "text", t->text);

		if (item != NULL && t->path != NULL)
			json_object_set_new(item, "path", json_string(t->path));
		json_array_append_new(list, item);
	}
	return list;
}

static bool
write_new(const struct intake_losses *l, const char *new)
{
	int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	json_t *list = to_json(l);
	bool good =
	    fd >= 0 && json_dumpfd(list, fd, JSON_COMPACT) == 0 && fsync(fd) == 0;
	int error = errno;

	json_decref(list);
	if (fd >= 0)
		close(fd);
	errno = error;
	return good;
}

static bool
sync_dir_of(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	free(copy);
	return good;
}

static bool
write_file(const struct intake_losses *l)
{
	char *new = xasprintf("%s.new", l->path);
	bool good = write_new(l, new) && rename(new, l->path) == 0 && sync_dir_of(l->path);

	if (!good)
		log_warn("intake", "%s: cannot be written: %s; what was lost is told when Redis is "
		                   "back, unless the daemon ends before", l->path, strerror(errno));
	free(new);
	return good;
}

void
intake_losses_save(struct intake_losses *l)
{
	if (l->path == NULL)
		return;
	if (l->n > 0)
		l->saved |= write_file(l);
	else if (l->saved)
		l->saved = unlink(l->path) < 0 && errno != ENOENT;
}
