/*
 * rule_pattern: a pattern compiled by PCRE2, its named groups as typed fields.
 *
 * Patterns work on bytes: log lines need not be UTF-8, and PCRE2's UTF mode
 * would have to look at each line first.
 */
#include <stdlib.h>
#include <string.h>

#include "model/event.h"
#include "rule/rule_internal.h"
#include "util/xalloc.h"

#define PATTERN_MAX_BYTES 4096
#define NESTING_MAX 50

bool
rule_pattern_jit_works(void)
{
	int error;
	size_t offset;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR) "a", 1, 0, &error, &offset, NULL);
	bool works;

	works = code != NULL && pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
	pcre2_code_free(code);
	return works;
}

static pcre2_code *
compile(const char *text, int *error, size_t *offset)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *code;

	if (context == NULL)
		abort();
	pcre2_set_max_pattern_length(context, PATTERN_MAX_BYTES);
	pcre2_set_parens_nest_limit(context, NESTING_MAX);
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
	    RULE_PATTERN_OPTIONS, error, offset, context);
	pcre2_compile_context_free(context);
	return code;
}

static int
stop_at_callout(pcre2_callout_enumerate_block *block, void *ctx)
{
	*(size_t *)ctx = block->pattern_position;
	return 1;
}

/* What PCRE2 would allow and we do not: false with an error in ${l}. */
static bool
allow(struct rule_load *l, const struct conf_string *text, const pcre2_code *code)
{
	size_t offset = 0;

	if (pcre2_callout_enumerate(code, stop_at_callout, &offset) == 0)
		return true;
	diag_error(l->diag, rule_file_inside(rule_load_file(l, text->at), text->at, offset),
	    "a pattern must not contain callouts");
	return false;
}

/* (*LIMIT_MATCH=...) would lift the limits that protect us, (*UTF) and others
 * change what the pattern works on. */
static bool
has_start_option(const char *text)
{
	return text[0] == '(' && text[1] == '*' && text[2] >= 'A' && text[2] <= 'Z';
}

static bool
is_capture_name(const char *name)
{
	return name[0] >= 'a' && name[0] <= 'z' &&
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static void
set_capture(struct ruleset *rs, struct rule_capture *c, uint32_t group, const char *name)
{
	const struct field_spec *spec = rule_field_find(name);

	c->group = group;
	c->capture = ruleset_string(rs, name);
	c->field = ruleset_field(rs, name);
	c->type = spec == NULL ? FIELD_TEXT : spec->type;
	c->known = spec != NULL;
}

static int
by_group(const void *a, const void *b)
{
	const struct rule_capture *x = a, *y = b;

	return (x->group > y->group) - (x->group < y->group);
}

static bool
read_captures(struct ruleset *rs, struct rule_load *l, const struct conf_string *text,
    struct rule_pattern *p)
{
	uint32_t count = 0, size = 0;
	PCRE2_SPTR table = NULL;

	pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, &table);
	if (count > EVENT_FIELDS_MAX) {
		diag_error(l->diag, text->at, "%u named groups; at most %d are possible", count,
		    EVENT_FIELDS_MAX);
		return false;
	}
	p->captures = ruleset_array(rs, count, sizeof(*p->captures));
	for (uint32_t i = 0; i < count; i++, table += size) {
		const char *name = (const char *)table + 2;

		if (!is_capture_name(name)) {
			diag_error(l->diag, text->at,
			    "group name \"%s\" is not in lower case, such as source_ip", name);
			return false;
		}
		set_capture(rs, &p->captures[p->ncaptures++], (uint32_t)table[0] << 8 | table[1],
		    name);
	}
	if (count > 0)
		qsort(p->captures, count, sizeof(*p->captures), by_group);
	return true;
}

/* Is what follows "(?" a call of a group? */
static bool
is_call(const char *text)
{
	if (text[0] == 'R' || text[0] == '&' || (text[0] == 'P' && text[1] == '>'))
		return true;
	text += text[0] == '+' || text[0] == '-';
	return *text >= '0' && *text <= '9';
}

/* Does the text of a pattern call a group, or might it? */
static bool
may_call(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if ((p[0] == '\\' && p[1] == 'g') ||
		    (p[0] == '(' && p[1] == '?' && is_call(p + 2)))
			return true;
	return false;
}

/* The machine code that PCRE2 10.42 makes of back references can read beyond its
 * subject, ((.||\1){3}b){2,}+, and that of a group that calls itself, (|\g<1>(?:|a))b,
 * keeps no limits.  The interpreter does neither. */
static bool
is_safe_with_jit(const struct rule_pattern *p)
{
	uint32_t references = 0;

	pcre2_pattern_info(p->code, PCRE2_INFO_BACKREFMAX, &references);
	return references == 0 && !may_call(p->text);
}

bool
rule_pattern_compile(struct ruleset *rs, struct rule_load *l, const struct conf_string *text,
    struct rule_pattern *p)
{
	char message[256];
	size_t offset = 0;
	int error = 0;

	if (has_start_option(text->s)) {
		diag_error(l->diag, text->at, "a pattern must not begin with an option such as "
		    "(*LIMIT_MATCH=...) or (*UTF)");
		return false;
	}
	p->code = compile(text->s, &error, &offset);
	if (p->code == NULL) {
		pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof(message));
		diag_error(l->diag, rule_file_inside(rule_load_file(l, text->at), text->at, offset),
		    "%s (at offset %zu of the pattern)", message, offset);
		return false;
	}
	if (!allow(l, text, p->code) || !read_captures(rs, l, text, p))
		return false;
	p->text = ruleset_string(rs, text->s);
	p->place = ruleset_place(rs, text->at);
	/* What JIT cannot do the interpreter does. */
	if (rs->limits.jit && is_safe_with_jit(p))
		pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
	return true;
}
