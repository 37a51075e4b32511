/*
 * schema_scalar: single values, from the text that stands in a file to what the
 * table says it is.  Reports what is wrong, and then leaves ${out} as it was.
 */
#include <inttypes.h>
#include <string.h>

#include "conf/conf_internal.h"
#include "conf/yaml_tree.h"
#include "util/num.h"
#include "util/vis.h"
#include "util/xalloc.h"

#define SHOWN_MAX 40 /* bytes of a wrong value that a message repeats */

int
conf_shown(const struct yaml_node *node)
{
	return (int)vis_cut(sv_str(node->s), SHOWN_MAX);
}

void
conf_complain(
    const char *name, const struct yaml_node *node, struct diag *diag, const char *expected)
{
	switch (node->kind) {
	case YAML_KIND_BAD:
		break;
	case YAML_KIND_SCALAR:
		if (node->plain && node->s[0] == '\0')
			diag_error(diag, node->at, "%s has no value: expected %s", name, expected);
		else
			diag_error(diag, node->at, "%s: expected %s, not '%.*s'%s", name, expected,
			    conf_shown(node), node->s, node->plain ? "" : " in quotes");
		break;
	case YAML_KIND_LIST:
		diag_error(diag, node->at, "%s: expected %s, not a list", name, expected);
		break;
	case YAML_KIND_MAP:
		diag_error(diag, node->at, "%s: expected %s, not a mapping", name, expected);
		break;
	}
}

bool
conf_is_text(const struct yaml_node *node)
{
	return node->kind == YAML_KIND_SCALAR && !(node->plain && node->s[0] == '\0');
}

static bool
is_plain(const struct yaml_node *node)
{
	return conf_is_text(node) && node->plain;
}

struct conf_string
conf_take_text(const struct yaml_node *node)
{
	return (struct conf_string){xstrdup(node->s), node->at, false};
}

void
conf_read_string(const struct conf_key *key, const struct yaml_node *node, struct conf_string *out,
    struct diag *diag)
{
	if (conf_is_text(node))
		*out = conf_take_text(node);
	else
		conf_complain(key->name, node, diag, "text");
}

static bool
has_range(const struct conf_key *key)
{
	return key->min != 0 || key->max != 0;
}

/* 007 is seven to some readers of YAML and octal to others. */
static bool
leading_zero(const char *s)
{
	if (*s == '-')
		s++;
	return s[0] == '0' && s[1] != '\0';
}

void
conf_read_int(
    const struct conf_key *key, const struct yaml_node *node, int64_t *out, struct diag *diag)
{
	struct buf expected = BUF_INIT;
	int64_t value;

	buf_puts(&expected, "a whole number");
	if (has_range(key))
		buf_printf(&expected, " from %" PRId64 " to %" PRId64, key->min, key->max);
	if (is_plain(node) && !leading_zero(node->s) &&
	    num_int(sv_str(node->s), has_range(key) ? key->min : INT64_MIN,
	        has_range(key) ? key->max : INT64_MAX, &value))
		*out = value;
	else
		conf_complain(key->name, node, diag, buf_str(&expected));
	buf_free(&expected);
}

void
conf_read_bool(
    const struct conf_key *key, const struct yaml_node *node, bool *out, struct diag *diag)
{
	if (is_plain(node) && strcmp(node->s, "true") == 0)
		*out = true;
	else if (is_plain(node) && strcmp(node->s, "false") == 0)
		*out = false;
	else
		conf_complain(key->name, node, diag, "true or false");
}

void
conf_duration_format(struct buf *out, int64_t ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
	size_t i = 0;

	if (ms == 0)
		i = 3;
	while (ms % units[i].ms != 0)
		i++;
	buf_printf(out, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
}

void
conf_read_duration(
    const struct conf_key *key, const struct yaml_node *node, int64_t *out, struct diag *diag)
{
	struct buf expected = BUF_INIT;
	int64_t value;

	if (conf_is_text(node) && num_duration(sv_str(node->s), &value) &&
	    (!has_range(key) || (value >= key->min && value <= key->max))) {
		*out = value;
		return;
	}
	buf_puts(&expected, "a time with its unit (such as 30s, 10m, 12h, 7d)");
	if (has_range(key)) {
		buf_puts(&expected, " from ");
		conf_duration_format(&expected, key->min);
		buf_puts(&expected, " to ");
		conf_duration_format(&expected, key->max);
	}
	conf_complain(key->name, node, diag, buf_str(&expected));
	buf_free(&expected);
}

static size_t
count_names(const char *const *names)
{
	size_t n = 0;

	while (names[n] != NULL)
		n++;
	return n;
}

void
conf_read_enum(
    const struct conf_key *key, const struct yaml_node *node, int *out, struct diag *diag)
{
	struct buf expected = BUF_INIT;
	size_t n = count_names(key->names);
	const char *meant = NULL;

	for (size_t i = 0; i < n; i++) {
		if (conf_is_text(node) && strcmp(node->s, key->names[i]) == 0) {
			*out = (int)i;
			return;
		}
	}
	buf_puts(&expected, "one of");
	for (size_t i = 0; i < n; i++)
		buf_printf(&expected, "%s %s", i == 0 ? "" : ",", key->names[i]);
	if (conf_is_text(node))
		meant = conf_suggest(sv_str(node->s), key->names, n);
	if (meant != NULL)
		diag_error(diag, node->at, "%s: '%.*s' is unknown: expected %s; did you mean '%s'?",
		    key->name, conf_shown(node), node->s, buf_str(&expected), meant);
	else
		conf_complain(key->name, node, diag, buf_str(&expected));
	buf_free(&expected);
}
