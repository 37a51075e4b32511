/*
 * yaml_tree: a YAML document as a strict tree whose nodes know their place.
 *
 * The subset that cannot surprise: no anchors, aliases, tags, merge keys,
 * duplicate keys or second documents, bounded depth and size.  Scalars stay
 * text; what they mean is up to the table that reads them.
 */
#ifndef CONF_YAML_TREE_H
#define CONF_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/diag.h"
#include "util/buf.h"
#include "util/sv.h"

#define YAML_TREE_DEPTH 16

enum yaml_kind {
	YAML_KIND_BAD, /* was reported: nothing more to say about it */
	YAML_KIND_SCALAR,
	YAML_KIND_LIST,
	YAML_KIND_MAP,
};

struct yaml_node {
	enum yaml_kind kind;
	struct mark at;
	bool plain; /* scalar without quotes */
	char *s;    /* scalar, without NUL bytes */
	struct yaml_node *v; /* list: its items; map: its keys (scalars) and values by turns */
	size_t n;            /* of v */
};

/* Read ${text} into ${root}; an empty document is an empty map.  Errors go to
 * ${diag}, at places in ${file}; the tree then holds what could be read. */
void yaml_tree_read(
    struct yaml_node *root, struct sv text, const struct conf_file *file, struct diag *diag);
void yaml_tree_clear(struct yaml_node *root);

/* yaml_text.c: append ${text} with each character that YAML does not allow
 * replaced by one U+FFFD, so that columns stay right.  What was found is
 * reported; false when it is so much that this is no text. */
bool yaml_text_clean(
    struct buf *out, struct sv text, const struct conf_file *file, struct diag *diag);

#endif
