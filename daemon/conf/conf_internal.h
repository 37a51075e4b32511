/*
 * conf_internal: what the files of this folder share.
 */
#ifndef CONF_CONF_INTERNAL_H
#define CONF_CONF_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/diag.h"
#include "conf/schema.h"
#include "util/buf.h"
#include "util/sv.h"

#define CONF_FILE_MAX (4U << 20) /* bytes of a configuration or rule file */
#define CONF_SECRET_MAX (64U << 10)

/* Set when reading ${f} had to stop before its end. */
void conf_file_set_cut(const struct conf_file *f);
bool conf_file_is_cut(const struct conf_file *f);

/* Bytes of the first character of ${s} (not empty); a stray byte is a character
 * too.  What a column counts. */
size_t conf_char_length(struct sv s);

/* Append the contents of the regular file ${path}.  NULL when done, else what
 * is wrong, in a few words. */
const char *conf_slurp(const char *path, size_t max, struct buf *out);

/* The name of ${names} that ${word} was probably meant to be, or NULL. */
const char *conf_suggest(struct sv word, const char *const *names, size_t n);

/* Member of ${obj} that ${key} describes. */
void *conf_member(void *obj, const struct conf_key *key);
const void *conf_member_const(const void *obj, const struct conf_key *key);
void conf_clear_member(const struct conf_key *key, void *member);

#endif
