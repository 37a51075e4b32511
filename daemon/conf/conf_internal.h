/*
 * conf_internal: what the files of this folder share.
 */
#ifndef CONF_CONF_INTERNAL_H
#define CONF_CONF_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/config.h"
#include "conf/diag.h"
#include "conf/schema.h"
#include "conf/suggest.h"
#include "util/buf.h"
#include "util/sv.h"

#define CONF_FILE_MAX (4U << 20) /* bytes of a configuration or rule file */
#define CONF_SECRET_MAX (64U << 10)
#define CONF_KEYS_MAX 64 /* of one table: conf_head.set has so many bits */

/* conf_file.c */
struct conf_file *conf_file_new(const char *path, const char *text, size_t n, size_t order);
void conf_file_free(struct conf_file **f);
size_t conf_file_order(const struct conf_file *f);
/* Reading ${f} had to stop before its end.  ${f} may be NULL. */
void conf_file_set_cut(const struct conf_file *f);
bool conf_file_is_cut(const struct conf_file *f);
/* From now on show nothing of a line after "${key}:".  ${f} may be NULL. */
void conf_file_hide(const struct conf_file *f, const char *key);
void conf_file_hide_line(const struct conf_file *f, int line);
/* Append the line and, below it, a caret under its character ${column}. */
void conf_file_show(const struct conf_file *f, int line, int column, struct buf *out);

/* Bytes of the first character of ${s} (not empty); a stray byte is a character
 * too.  What a column counts. */
size_t conf_char_length(struct sv s);

/* Append the contents of the regular file ${path}.  NULL when done, else what
 * is wrong, in a few words. */
const char *conf_slurp(const char *path, size_t max, struct buf *out);

/* Member of ${obj} that ${key} describes. */
void *conf_member(void *obj, const struct conf_key *key);
const void *conf_member_const(const void *obj, const struct conf_key *key);

/* Free what the member that ${key} describes holds, and zero it. */
void conf_clear_member(const struct conf_key *key, void *member);

struct yaml_node;

/* The default of ${key} as it would be read from a file; to be cleared. */
void conf_fallback_read(const struct conf_key *key, struct yaml_node *node);

/* schema_scalar.c: read ${node} into ${out} as ${key} says. */
void conf_read_string(const struct conf_key *key, const struct yaml_node *node,
    struct conf_string *out, struct diag *diag);
void conf_read_int(
    const struct conf_key *key, const struct yaml_node *node, int64_t *out, struct diag *diag);
void conf_read_bool(
    const struct conf_key *key, const struct yaml_node *node, bool *out, struct diag *diag);
void conf_read_duration(
    const struct conf_key *key, const struct yaml_node *node, int64_t *out, struct diag *diag);
void conf_read_enum(
    const struct conf_key *key, const struct yaml_node *node, int *out, struct diag *diag);

/* Is ${node} a scalar with a value?  And that value, copied. */
bool conf_is_text(const struct yaml_node *node);
struct conf_string conf_take_text(const struct yaml_node *node);
/* Report that ${name} has the value ${node}, not what was ${expected}. */
void conf_complain(
    const char *name, const struct yaml_node *node, struct diag *diag, const char *expected);
/* How many bytes of the scalar ${node} a message repeats, for "%.*s". */
int conf_shown(const struct yaml_node *node);

/* Append ${ms} as it would stand in a file, in its largest whole unit. */
void conf_duration_format(struct buf *out, int64_t ms);

/* config_source.c: one source. */
extern const struct conf_table config_source_table;

/* config_check.c: what must hold beyond the form of each value. */
void config_check(const struct config *c, struct diag *diag);

/* config_url.c: NULL when the URL will do, else how to go on after "url: it". */
const char *conf_url_check_channel(const char *text, bool insecure);
const char *conf_url_check_redis(const char *text);

#endif
