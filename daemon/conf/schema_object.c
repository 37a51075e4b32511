/*
 * schema_object: what is done with structs after they were read: merging,
 * freeing, asking what was set, fetching secrets.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf_internal.h"

void *
conf_member(void *obj, const struct conf_key *key)
{
	return (char *)obj + key->offset;
}

const void *
conf_member_const(const void *obj, const struct conf_key *key)
{
	return (const char *)obj + key->offset;
}

static void
clear_strings(struct conf_strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].s);
	free(s->v);
}

static void
clear_map(struct conf_map *map)
{
	for (size_t i = 0; i < map->n; i++) {
		free(map->v[i].name.s);
		clear_strings(&map->v[i].values);
	}
	free(map->v);
}

static void
clear_maps(struct conf_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++)
		clear_map(&maps->v[i]);
	free(maps->v);
}

static void
clear_list(const struct conf_table *table, struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		conf_clear(table, (char *)list->v + i * table->size);
	free(list->v);
}

static size_t
member_size(const struct conf_key *key)
{
	switch (key->type) {
	case CONF_STRING:
	case CONF_SECRET:
		return sizeof(struct conf_string);
	case CONF_INT:
	case CONF_DURATION:
		return sizeof(int64_t);
	case CONF_BOOL:
		return sizeof(bool);
	case CONF_ENUM:
		return sizeof(int);
	case CONF_STRINGS:
		return sizeof(struct conf_strings);
	case CONF_OBJECT:
		return key->sub->size;
	case CONF_OBJECTS:
		return sizeof(struct conf_list);
	case CONF_MAP:
		return sizeof(struct conf_map);
	case CONF_MAPS:
		return sizeof(struct conf_maps);
	}
	assert(false); /* every type is above */
	return 0;
}

void
conf_clear_member(const struct conf_key *key, void *member)
{
	switch (key->type) {
	case CONF_STRING:
	case CONF_SECRET:
		free(((struct conf_string *)member)->s);
		break;
	case CONF_STRINGS:
		clear_strings(member);
		break;
	case CONF_OBJECT:
		conf_clear(key->sub, member);
		break;
	case CONF_OBJECTS:
		clear_list(key->sub, member);
		break;
	case CONF_MAP:
		clear_map(member);
		break;
	case CONF_MAPS:
		clear_maps(member);
		break;
	case CONF_INT:
	case CONF_BOOL:
	case CONF_DURATION:
	case CONF_ENUM:
		break;
	}
	memset(member, 0, member_size(key));
}

void
conf_clear(const struct conf_table *table, void *out)
{
	for (size_t i = 0; i < table->nkeys; i++)
		conf_clear_member(&table->keys[i], conf_member(out, &table->keys[i]));
	memset(out, 0, table->size);
}

void
conf_merge(const struct conf_table *table, void *base, void *over)
{
	struct conf_head *to = base, *from = over;

	for (size_t i = 0; i < table->nkeys; i++) {
		const struct conf_key *key = &table->keys[i];
		void *old = conf_member(base, key), *new = conf_member(over, key);

		if ((from->set & UINT64_C(1) << i) == 0)
			continue;
		conf_clear_member(key, old);
		memcpy(old, new, member_size(key));
		memset(new, 0, member_size(key));
		to->set |= UINT64_C(1) << i;
	}
	conf_clear(table, over);
}

bool
conf_is_set(const struct conf_table *table, const void *obj, const char *key)
{
	const struct conf_head *head = obj;
	size_t i = 0;

	while (i < table->nkeys && strcmp(table->keys[i].name, key) != 0)
		i++;
	assert(i < table->nkeys);
	return (head->set & UINT64_C(1) << i) != 0;
}

static void
check_member(const struct conf_key *key, const void *member, struct diag *diag)
{
	const struct conf_list *list = member;

	if (key->type == CONF_OBJECT)
		conf_check_required(key->sub, member, diag);
	else if (key->type == CONF_OBJECTS)
		for (size_t i = 0; i < list->n; i++)
			conf_check_required(
			    key->sub, (const char *)list->v + i * key->sub->size, diag);
}

void
conf_check_required(const struct conf_table *table, const void *obj, struct diag *diag)
{
	const struct conf_head *head = obj;

	if (conf_file_is_cut(head->at.file))
		return;
	for (size_t i = 0; i < table->nkeys; i++) {
		const struct conf_key *key = &table->keys[i];

		if ((head->set & UINT64_C(1) << i) != 0)
			check_member(key, conf_member_const(obj, key), diag);
		else if (key->required)
			diag_error(diag, head->at, "%s needs the key '%s'", table->name, key->name);
	}
}

/* An open regular file, or -1 with errno; O_NONBLOCK so that a FIFO holds up nobody. */
static int
open_regular(const char *path, const char **wrong)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		*wrong = strerror(errno);
	} else if (!S_ISREG(st.st_mode)) {
		*wrong = "not a regular file";
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

const char *
conf_slurp(const char *path, size_t max, struct buf *out)
{
	const char *wrong = NULL;
	int fd = open_regular(path, &wrong);
	ssize_t got = 1;

	while (fd >= 0 && got != 0 && wrong == NULL) {
		got = read(fd, buf_reserve(out, 65536), 65536);
		if (got > 0)
			out->n += (size_t)got;
		else if (got < 0 && errno != EINTR)
			wrong = strerror(errno);
		if (out->n > max)
			wrong = "too large";
	}
	if (out->p != NULL)
		out->p[out->n] = '\0';
	if (fd >= 0)
		close(fd);
	return wrong;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

char *
conf_secret(const struct conf_string *s, struct diag *diag)
{
	struct buf text = BUF_INIT;
	const char *wrong = NULL;

	if (s->is_file) {
		wrong = conf_slurp(s->s, CONF_SECRET_MAX, &text);
		while (text.n > 0 && is_space(text.p[text.n - 1]))
			text.p[--text.n] = '\0';
	} else {
		buf_puts(&text, s->s);
	}
	if (wrong == NULL && text.n == 0)
		wrong = "it is empty";
	if (wrong == NULL && memchr(text.p, '\0', text.n) != NULL)
		wrong = "it holds a NUL byte";
	if (wrong == NULL)
		return buf_steal(&text);
	if (s->is_file)
		diag_error(diag, s->at, "the secret in %s cannot be used: %s", s->s, wrong);
	else
		diag_error(diag, s->at, "the secret cannot be used: %s", wrong);
	buf_free(&text);
	return NULL;
}
