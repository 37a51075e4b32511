/*
 * schema: a YAML file read into C structs by a table of its keys.  The same
 * table gives the defaults, the checks, the reference in the manual page and
 * the JSON Schema for editors.
 *
 * Strict: unknown keys ("did you mean"), duplicate keys, anchors, aliases, tags,
 * merge keys, several documents, wrong types and values out of range are errors,
 * and reading goes on after each so that all are found in one go.
 */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/diag.h"
#include "util/buf.h"

/* What a key's value is, and the C type of the member that receives it. */
enum conf_type {
	CONF_STRING,   /* struct conf_string */
	CONF_INT,      /* int64_t, within min and max */
	CONF_BOOL,     /* bool: true or false, nothing else */
	CONF_DURATION, /* int64_t milliseconds: 10s, 5m, 24h, 7d; min and max in ms */
	CONF_ENUM,     /* int: index into names */
	CONF_STRINGS,  /* struct conf_strings: one scalar or a sequence of them */
	CONF_SECRET,   /* struct conf_string: KEY: text, or KEY_file: path, not both.  With
	                  KEY_file the member holds the path and is_file is set */
	CONF_OBJECT,   /* the sub-struct itself, in place */
	CONF_OBJECTS,  /* struct conf_list of sub-structs; an entry that is a scalar is one with
	                  only the key .scalar */
	CONF_MAP,      /* struct conf_map: any names, each with one scalar or a sequence; or
	                  the word of .scalar, which gives an empty map with its mark */
	CONF_MAPS,     /* struct conf_maps: a sequence of such maps, or one */
};

struct conf_string {
	char *s; /* NULL when the key is absent and has no default */
	struct mark at;
	bool is_file;
};

struct conf_strings {
	struct conf_string *v;
	size_t n;
};

struct conf_list {
	void *v; /* array of the sub-table's struct */
	size_t n;
};

struct conf_pair {
	struct conf_string name;
	struct conf_strings values;
};

struct conf_map {
	struct conf_pair *v;
	size_t n;
	struct mark at;
	bool is_word; /* the key's scalar stood in its place */
};

struct conf_maps {
	struct conf_map *v;
	size_t n;
};

/* The first member of every struct that a table describes. */
struct conf_head {
	struct mark at; /* where the object starts */
	uint64_t set;   /* bit i: key i of the table stood in the file */
};

struct conf_table;

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t offset; /* of the member */
	bool required;
	int64_t min, max;              /* INT and DURATION; both 0 = any */
	const char *fallback;          /* default, as it would stand in the file; NULL = none */
	const char *const *names;      /* ENUM: NULL-terminated */
	const struct conf_table *sub;  /* OBJECT, OBJECTS */
	const char *scalar;            /* MAP: a word that may stand in place of an empty map;
	                                  OBJECTS: the key that a scalar entry is the value of */
	bool partial;                  /* OBJECTS: an entry may be an override, with the key that
	                                  is first in the table and those that it changes */
	const char *help;              /* one or two sentences for manual and schema */
};

struct conf_table {
	const char *name; /* for messages: "an event rule" */
	const char *anchor; /* for the schema's $defs: "event" */
	size_t size;
	const struct conf_key *keys;
	size_t nkeys;
};

/* Read the file ${path} into ${out}, a zeroed struct of ${table}, defaults
 * filled in where a key is absent.  Required keys that are missing are no error
 * here, since an object may be a partial override: conf_check_required().
 * Returns 0, or -1 when errors were added to ${diag}; ${out} then holds what
 * could be read and is still fit for conf_clear().  Marks in ${out} point into
 * ${diag}, which must live as long as they are used. */
int conf_read(const char *path, const struct conf_table *table, void *out, struct diag *diag);
/* The same from memory; ${path} is only a name. */
int conf_read_text(const char *path, const char *text, size_t n, const struct conf_table *table,
    void *out, struct diag *diag);

/* Move into ${base} every key that is set in ${over}, replacing its value as a
 * whole; ${over} is empty after.  How a site file overrides part of a shipped
 * rule. */
void conf_merge(const struct conf_table *table, void *base, void *over);

/* Copy to ${obj} every key that is set in ${from} and not in ${obj}, but for those named
 * in ${except} (NULL at its end).  How a rule extends another. */
void conf_inherit(
    const struct conf_table *table, void *obj, const void *from, const char *const *except);

/* As if ${key} had not been written.  It must be in the table (asserted). */
void conf_unset(const struct conf_table *table, void *obj, const char *key);

/* Free what conf_read() put in; ${out} is zeroed. */
void conf_clear(const struct conf_table *table, void *out);

/* Was ${key} written in the file?  ${key} must be in the table (asserted). */
bool conf_is_set(const struct conf_table *table, const void *obj, const char *key);

/* Report the required keys that ${obj} lacks, and those that its OBJECT and
 * OBJECTS members lack, if these were given.  Nothing is reported about objects
 * from a file that could not be read to its end: what is missing may be there. */
void conf_check_required(const struct conf_table *table, const void *obj, struct diag *diag);

/* The secret in ${s}: its text, or the contents of its file without trailing
 * white space, read now.  malloc()ed; NULL with an error in ${diag}. */
char *conf_secret(const struct conf_string *s, struct diag *diag);

/* The JSON Schema (2020-12) of files that ${table} describes. */
void conf_schema_json(const struct conf_table *table, const char *title, struct buf *out);
/* The reference of the keys as mdoc source, for the manual page. */
void conf_schema_mdoc(const struct conf_table *table, struct buf *out);

#endif
