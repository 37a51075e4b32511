/*
 * yaml_tree: see yaml_tree.h.
 *
 * Builds the tree by recursion over libyaml's events, bounded by
 * YAML_TREE_DEPTH.  A syntax error ends the document, for libyaml cannot go on
 * after one; anything else is reported and passed over.
 */
#include "conf/yaml_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "conf/conf_internal.h"
#include "util/xalloc.h"

struct reader {
	yaml_parser_t parser;
	const struct conf_file *file;
	struct diag *diag;
	struct sv text;
	size_t depth;
};

/* What libyaml says, and what to do about it. */
static const struct {
	const char *problem;
	const char *advice;
} advices[] = {
    {"mapping values are not allowed in this context",
        "a ': ' that is not expected here: put the value in quotes, or check the indentation"},
    {"could not find expected ':'", "expected 'key: value'"},
    {"did not find expected key",
        "expected a key here: check the indentation, and that quotes and brackets are closed"},
    {"did not find expected '-' indicator",
        "expected '- ' here: check the indentation of the list"},
    {"block sequence entries are not allowed in this context", "a list cannot start here"},
    {"found unknown escape character",
        "an unknown escape in double quotes: put text with backslashes in single quotes"},
    {"found a tab character that violates indentation", "a tab here: indent with spaces"},
    {"found a tab character where an indentation space is expected",
        "a tab here: indent with spaces"},
    {"did not find expected ',' or ']'", "expected ',' or ']'"},
    {"did not find expected ',' or '}'", "expected ',' or '}'"},
    {"did not find expected node content", "expected a value here"},
};

static struct mark
place(const struct reader *r, yaml_mark_t m)
{
	return (struct mark){r->file, (int)m.line + 1, (int)m.column + 1};
}

/* The character of the text at ${at}, 0 past the end. */
static char
char_at(const struct reader *r, struct mark at)
{
	struct sv s = r->text;

	for (int line = 1; line < at.line && s.n > 0; line++) {
		const char *newline = memchr(s.p, '\n', s.n);

		s = newline == NULL ? sv_from(s, s.n) : sv_from(s, (size_t)(newline - s.p) + 1);
	}
	for (int column = 1; column < at.column && s.n > 0; column++)
		s = sv_from(s, conf_char_length(s));
	return s.n == 0 ? '\0' : s.p[0];
}

static void
report_stray(struct reader *r, struct mark at)
{
	char c = char_at(r, at);

	if (c == '\t')
		diag_error(r->diag, at, "a tab here: indent with spaces");
	else
		diag_error(r->diag, at, "a value cannot start with '%c': put it in quotes", c);
}

/* Did the text, or the document, end inside quotes or brackets? */
static bool
is_unclosed(const struct reader *r, const char *problem)
{
	const char *context = r->parser.context == NULL ? "" : r->parser.context;

	if (strstr(context, "quoted scalar") != NULL)
		return strstr(problem, "unexpected") != NULL;
	return strstr(context, "flow") != NULL &&
	    char_at(r, place(r, r->parser.problem_mark)) == '\0';
}

/* Report the parser's error, which ends the document. */
static void
report_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem == NULL ? "cannot be read as YAML" : p->problem;
	struct mark at = place(r, p->problem_mark);

	conf_file_set_cut(r->file);
	if (strcmp(problem, "found character that cannot start any token") == 0) {
		report_stray(r, at);
		return;
	}
	/* Where it was noticed is the next line or the end: the start is where to look. */
	if (p->context != NULL && strcmp(problem, "could not find expected ':'") == 0) {
		at = place(r, p->context_mark);
	} else if (is_unclosed(r, problem)) {
		at = place(r, p->context_mark);
		problem = "opened here and never closed";
	}
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		if (strcmp(problem, advices[i].problem) == 0)
			problem = advices[i].advice;
	}
	diag_error(r->diag, at, "%s", problem);
}

/* The next event, to be deleted by the caller; false after a syntax error. */
static bool
next(struct reader *r, yaml_event_t *ev)
{
	if (yaml_parser_parse(&r->parser, ev))
		return true;
	report_syntax(r);
	return false;
}

/* Refuse what would make one node stand for another. */
static void
refuse_decorations(
    struct reader *r, struct mark at, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		diag_error(r->diag, at, "anchors (&%.40s) are not allowed: write it out",
		    (const char *)anchor);
	if (tag != NULL)
		diag_error(
		    r->diag, at, "tags (%.40s) are not allowed: remove it", (const char *)tag);
}

static void
read_scalar(struct reader *r, const yaml_event_t *ev, struct yaml_node *node)
{
	const char *value = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;

	refuse_decorations(r, node->at, ev->data.scalar.anchor, ev->data.scalar.tag);
	if (memchr(value, '\0', n) != NULL) {
		diag_error(r->diag, node->at, "a NUL character is not allowed");
		return;
	}
	node->kind = YAML_KIND_SCALAR;
	node->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->s = xstrndup(value, n);
}

static void
add_child(struct yaml_node *node, struct yaml_node child)
{
	XGROW(node->v, node->n);
	node->v[node->n++] = child;
}

static bool read_node(struct reader *r, yaml_event_t *ev, struct yaml_node *node);

/* Read what follows ${node}'s start up to its ${end}; false after a syntax
 * error.  What was read until then stays. */
static bool
read_children(struct reader *r, struct yaml_node *node, yaml_event_type_t end)
{
	yaml_event_t ev;
	bool ok = true;

	if (++r->depth > YAML_TREE_DEPTH) {
		diag_error(r->diag, node->at, "nested deeper than %d levels", YAML_TREE_DEPTH);
		conf_file_set_cut(r->file);
		return false;
	}
	while (ok && (ok = next(r, &ev))) {
		struct yaml_node child = {.kind = YAML_KIND_BAD};
		bool last = ev.type == end;

		if (!last) {
			ok = read_node(r, &ev, &child);
			add_child(node, child);
		}
		yaml_event_delete(&ev);
		if (last)
			break;
	}
	r->depth--;
	return ok;
}

static int
by_text(const void *pa, const void *pb)
{
	const struct yaml_node *a = *(const struct yaml_node *const *)pa;
	const struct yaml_node *b = *(const struct yaml_node *const *)pb;
	int order = strcmp(a->s, b->s);

	if (order != 0)
		return order;
	return a < b ? -1 : a > b;
}

/* A second key of the same text becomes BAD. */
static void
refuse_duplicates(struct reader *r, struct yaml_node *map)
{
	struct yaml_node **keys = xcalloc(map->n, sizeof(struct yaml_node *)), *first;
	size_t n = 0;

	for (size_t i = 0; i < map->n; i += 2) {
		if (map->v[i].kind == YAML_KIND_SCALAR)
			keys[n++] = &map->v[i];
	}
	qsort(keys, n, sizeof(struct yaml_node *), by_text);
	first = n > 0 ? keys[0] : NULL;
	for (size_t i = 1; i < n; i++) {
		if (strcmp(keys[i]->s, first->s) != 0) {
			first = keys[i];
			continue;
		}
		diag_error(r->diag, keys[i]->at, "duplicate key '%.40s', first on line %d",
		    first->s, first->at.line);
		keys[i]->kind = YAML_KIND_BAD;
	}
	free(keys);
}

static void
check_key(struct reader *r, struct yaml_node *key)
{
	if (key->kind == YAML_KIND_BAD)
		return;
	if (key->kind != YAML_KIND_SCALAR)
		diag_error(r->diag, key->at, "a key must be plain text, not a list or mapping");
	else if (key->plain && strcmp(key->s, "<<") == 0)
		diag_error(r->diag, key->at, "merge keys (<<) are not allowed: write it out");
	else if (key->s[0] == '\0')
		diag_error(r->diag, key->at, "an empty key");
	else
		return;
	key->kind = YAML_KIND_BAD;
}

/* Keys that are no good, and their values with them, leave the map. */
static void
drop_bad_keys(struct yaml_node *map)
{
	size_t kept = 0;

	for (size_t i = 0; i + 1 < map->n; i += 2) {
		if (map->v[i].kind == YAML_KIND_SCALAR) {
			map->v[kept] = map->v[i];
			map->v[kept + 1] = map->v[i + 1];
			kept += 2;
		} else {
			yaml_tree_clear(&map->v[i]);
			yaml_tree_clear(&map->v[i + 1]);
		}
	}
	map->n = kept;
}

static bool
read_map(struct reader *r, struct yaml_node *node)
{
	bool ok = read_children(r, node, YAML_MAPPING_END_EVENT);

	node->kind = YAML_KIND_MAP;
	if (node->n % 2 == 1) /* cut after a key */
		add_child(node, (struct yaml_node){.kind = YAML_KIND_BAD, .at = node->at});
	for (size_t i = 0; i < node->n; i += 2)
		check_key(r, &node->v[i]);
	refuse_duplicates(r, node);
	drop_bad_keys(node);
	return ok;
}

/* Read the node that begins with ${ev}; false after a syntax error. */
static bool
read_node(struct reader *r, yaml_event_t *ev, struct yaml_node *node)
{
	node->at = place(r, ev->start_mark);
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		read_scalar(r, ev, node);
		return true;
	case YAML_ALIAS_EVENT:
		diag_error(r->diag, node->at, "aliases (*%.40s) are not allowed: write it out",
		    (const char *)ev->data.alias.anchor);
		return true;
	case YAML_SEQUENCE_START_EVENT:
		refuse_decorations(
		    r, node->at, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
		node->kind = YAML_KIND_LIST;
		return read_children(r, node, YAML_SEQUENCE_END_EVENT);
	case YAML_MAPPING_START_EVENT:
		refuse_decorations(
		    r, node->at, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
		return read_map(r, node);
	default:
		assert(false); /* every other event ends something */
		return false;
	}
}

/* A document without content is an empty map. */
static void
replace_empty(struct yaml_node *root, const struct conf_file *file)
{
	if (root->kind == YAML_KIND_SCALAR && root->plain && root->s[0] == '\0') {
		free(root->s);
		*root = (struct yaml_node){.kind = YAML_KIND_MAP, .at = {file, 1, 1}};
	}
}

/* Work off the stream; the first document goes to ${root}, a second is refused. */
static void
read_stream(struct reader *r, struct yaml_node *root)
{
	yaml_event_t ev;
	bool ok = true, done = false, seen = false;

	while (ok && !done && next(r, &ev)) {
		switch (ev.type) {
		case YAML_STREAM_END_EVENT:
			done = true;
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (seen)
				diag_error(r->diag, place(r, ev.start_mark),
				    "a second document is not allowed: one file, one document");
			done = seen;
			seen = true;
			break;
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		default:
			ok = read_node(r, &ev, root);
		}
		yaml_event_delete(&ev);
	}
	replace_empty(root, r->file);
}

void
yaml_tree_read(
    struct yaml_node *root, struct sv text, const struct conf_file *file, struct diag *diag)
{
	struct reader r = {.file = file, .diag = diag};
	struct buf clean = BUF_INIT;

	*root = (struct yaml_node){.kind = YAML_KIND_MAP, .at = {file, 1, 1}};
	if (!yaml_text_clean(&clean, text, file, diag)) {
		conf_file_set_cut(file);
	} else if (!yaml_parser_initialize(&r.parser)) {
		diag_error(diag, root->at, "out of memory");
	} else {
		r.text = buf_view(&clean);
		yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text.p, r.text.n);
		read_stream(&r, root);
		yaml_parser_delete(&r.parser);
	}
	buf_free(&clean);
}

void
yaml_tree_clear(struct yaml_node *root)
{
	for (size_t i = 0; i < root->n; i++)
		yaml_tree_clear(&root->v[i]);
	free(root->v);
	free(root->s);
	*root = (struct yaml_node){.kind = YAML_KIND_BAD};
}
