/*
 * rule_file: see rule_file.h.
 *
 * The table of keys; what a key alone cannot tell (ids that exist, patterns that
 * compile) is checked where rules are built: rule_event.c, rule_incident.c.
 */
#include "rule/rule_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/config.h"
#include "util/xalloc.h"

#define FILE_MAX_BYTES (16 << 20) /* lists may be long; a rule file's limit is conf's */
#define READ_BYTES 65536
#define DAY_MS (24 * 3600 * INT64_C(1000))
#define NKEYS(a) (sizeof(a) / sizeof((a)[0]))

static const char *const severities[] = SEVERITY_NAMES;

static const struct conf_key list_keys[] = {
    {.name = "id",
        .type = CONF_STRING,
        .offset = offsetof(struct list_conf, id),
        .required = true,
        .help = "The name by which rules refer to the list, as @NAME."},
    {.name = "values",
        .type = CONF_STRINGS,
        .offset = offsetof(struct list_conf, values),
        .help = "Literal values; for address fields also networks such as 192.0.2.0/24."},
    {.name = "file",
        .type = CONF_STRING,
        .offset = offsetof(struct list_conf, file),
        .help = "A file with further values, one a line, # starts a comment.  The "
                "daemon uses what is in it within seconds.  A relative path starts at the rule "
                "file's directory."},
    {.name = "redis",
        .type = CONF_STRING,
        .offset = offsetof(struct list_conf, redis),
        .help = "The name of a set in Redis with further values, 65536 at most: its key is "
                "triaged:{t:0}:list:NAME.  The daemon uses what is in it within seconds.  Rules' "
                "tests and commands without a daemon see none of them."},
};

const struct conf_table rule_list_table = {
    "a list", "list", sizeof(struct list_conf), list_keys, NKEYS(list_keys)};

static const struct conf_key where_keys[] = {
    {.name = "program",
        .type = CONF_STRINGS,
        .offset = offsetof(struct where_conf, program),
        .help = "The program that logged the line, without its directory and process id."},
    {.name = "host",
        .type = CONF_STRINGS,
        .offset = offsetof(struct where_conf, host),
        .help = "The host name in the line's header; upper and lower case are the same."},
    {.name = "facility",
        .type = CONF_STRINGS,
        .offset = offsetof(struct where_conf, facility),
        .help = "The syslog facility, by name: auth, authpriv, daemon, ...  A line whose header "
                "does not tell, as in most files, has none."},
    {.name = "severity",
        .type = CONF_STRINGS,
        .offset = offsetof(struct where_conf, severity),
        .help = "The syslog severity, by name: emerg, alert, crit, err, warning, notice, info or "
                "debug."},
    {.name = "fields",
        .type = CONF_MAP,
        .offset = offsetof(struct where_conf, fields),
        .help = "Fields that the record must have, each with one of the values, or '*' for any: "
                "a name of the JSON object (nested ones with dots), of the audit record, of "
                "syslog's structured data (ID.NAME)."},
};

static const struct conf_table where_table = {
    "a precondition", "where", sizeof(struct where_conf), where_keys, NKEYS(where_keys)};

static const struct conf_key test_keys[] = {
    {.name = "line",
        .type = CONF_STRING,
        .offset = offsetof(struct test_conf, line),
        .required = true,
        .help = "A whole line as it stands in a log, header included; for formats where several "
                "lines make a record, all of them."},
    {.name = "format",
        .type = CONF_ENUM,
        .offset = offsetof(struct test_conf, format),
        .fallback = "auto",
        .names = config_formats,
        .help = "The format of the source that the line is from."},
    {.name = "program",
        .type = CONF_STRING,
        .offset = offsetof(struct test_conf, program),
        .help = "The program of that source, for lines that do not say."},
    {.name = "event",
        .type = CONF_MAP,
        .offset = offsetof(struct test_conf, event),
        .required = true,
        .scalar = "none",
        .help = "The fields that the event must have, or none when the line must not match."},
};

static const struct conf_table test_table = {
    "a rule's test", "test", sizeof(struct test_conf), test_keys, NKEYS(test_keys)};

static const struct conf_key event_keys[] = {
    {.name = "id",
        .type = CONF_STRING,
        .offset = offsetof(struct event_conf, id),
        .required = true,
        .help = "The rule's name, for ever.  A rule of a later directory with the id of an "
                "earlier one overrides the keys that it sets."},
    {.name = "enabled",
        .type = CONF_BOOL,
        .offset = offsetof(struct event_conf, enabled),
        .fallback = "true",
        .help = "Set to false, the rule is not used."},
    {.name = "extends",
        .type = CONF_STRING,
        .offset = offsetof(struct event_conf, extends),
        .help = "An event rule from which all keys are taken that this one does not give, but "
                "for enabled and tests."},
    {.name = "title",
        .type = CONF_STRING,
        .offset = offsetof(struct event_conf, title),
        .required = true,
        .help = "What happened, for people."},
    {.name = "class",
        .type = CONF_STRING,
        .offset = offsetof(struct event_conf, class),
        .required = true,
        .help = "The kind of event, such as unauthorized-access."},
    {.name = "severity",
        .type = CONF_ENUM,
        .offset = offsetof(struct event_conf, severity),
        .required = true,
        .names = severities,
        .help = "How bad one such event is by itself."},
    {.name = "attack",
        .type = CONF_STRINGS,
        .offset = offsetof(struct event_conf, attack),
        .help = "MITRE ATT&CK techniques, such as T1110.001."},
    {.name = "tsc",
        .type = CONF_STRINGS,
        .offset = offsetof(struct event_conf, tsc),
        .help = "Points of the Trust Services Criteria (SOC 2) that the event speaks to, such as "
                "CC6.1 or CC7.2."},
    {.name = "references",
        .type = CONF_STRINGS,
        .offset = offsetof(struct event_conf, references),
        .help = "Where to read on: URLs, CVE numbers."},
    {.name = "where",
        .type = CONF_OBJECT,
        .offset = offsetof(struct event_conf, where),
        .sub = &where_table,
        .help = "What the line's header must say before the patterns are tried."},
    {.name = "match",
        .type = CONF_STRINGS,
        .offset = offsetof(struct event_conf, match),
        .help = "PCRE2 patterns for the message, tried in order until one matches.  Named groups "
                "become fields: (?<source_ip>\\S+) is source.ip.  Without any, where and its "
                "fields alone decide."},
    {.name = "take",
        .type = CONF_MAP,
        .offset = offsetof(struct event_conf, take),
        .help = "Fields that the event takes from the record's, by the name a capture would have: "
                "source_ip: src_ip.  Of several names the first that the record has; of addresses "
                "with commas between, the first."},
    {.name = "unless",
        .type = CONF_MAPS,
        .offset = offsetof(struct event_conf, unless),
        .help = "Exceptions, each a map of captures to values: a literal, for addresses also a "
                "network, or @NAME for a list.  One map that holds in full excludes the line."},
    {.name = "fallback",
        .type = CONF_BOOL,
        .offset = offsetof(struct event_conf, fallback),
        .fallback = "false",
        .help = "Set to true, the rule is tried only on lines that no rule without it matches, "
                "excluded by unless or not."},
    {.name = "context",
        .type = CONF_BOOL,
        .offset = offsetof(struct event_conf, context),
        .fallback = "false",
        .help = "Set to true, the line is no event in itself, such as an accepted login; it only "
                "counts where an incident rule names it."},
    {.name = "tests",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct event_conf, tests),
        .sub = &test_table,
        .help = "Lines that must, and lines that must not, be this event.  They run before the "
                "rules are used."},
};

const struct conf_table rule_event_table = {
    "an event rule", "event", sizeof(struct event_conf), event_keys, NKEYS(event_keys)};

static const struct conf_key rules_keys[] = {
    {.name = "variables",
        .type = CONF_MAP,
        .offset = offsetof(struct rules_conf, variables),
        .help = "Texts by name.  ${NAME} stands for one in this file's lists, match, where and "
                "unless, and in the variables below it."},
    {.name = "lists",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct rules_conf, lists),
        .sub = &rule_list_table,
        .help = "Named lists of values."},
    {.name = "events",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct rules_conf, events),
        .sub = &rule_event_table,
        .partial = true,
        .help = "Rules that make an event of a line."},
    {.name = "incidents",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct rules_conf, incidents),
        .sub = &rule_incident_table,
        .partial = true,
        .help = "Rules that make an incident of events."},
};

const struct conf_table rule_file_table = {
    "a rule file", "rules", sizeof(struct rules_conf), rules_keys, NKEYS(rules_keys)};

static int
open_regular(const char *path, struct diag *diag)
{
	/* O_NONBLOCK: a FIFO in the directory must not hold up the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		diag_error_path(diag, path, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		diag_error_path(diag, path, "is not a regular file");
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The last result of read(): 0 when ${b} has the whole file. */
static ssize_t
read_all(int fd, struct buf *b)
{
	ssize_t got;

	do {
		buf_reserve(b, READ_BYTES);
		got = read(fd, b->p + b->n, READ_BYTES);
		b->n += got > 0 ? (size_t)got : 0;
	} while ((got > 0 && b->n <= FILE_MAX_BYTES) || (got < 0 && errno == EINTR));
	b->p[b->n] = '\0';
	return got;
}

char *
rule_file_text(const char *path, size_t *n, struct diag *diag)
{
	struct buf b = BUF_INIT;
	int fd = open_regular(path, diag);
	ssize_t got;

	if (fd < 0)
		return NULL;
	got = read_all(fd, &b);
	if (got < 0)
		diag_error_path(diag, path, "%s", strerror(errno));
	else if (got > 0)
		diag_error_path(diag, path, "is larger than %d bytes", FILE_MAX_BYTES);
	close(fd);
	*n = b.n;
	if (got == 0)
		return buf_steal(&b);
	buf_free(&b);
	return NULL;
}

struct rule_file *
rule_file_parse(const char *path, char *text, size_t n, struct diag *diag)
{
	struct rule_file *f = xcalloc(1, sizeof(*f));

	f->path = xstrdup(path);
	f->text = text;
	f->n = n;
	digest_sha256_hex((struct sv){text, n}, f->hash);
	conf_read_text(path, text, n, &rule_file_table, &f->conf, diag);
	rule_variables_expand(&f->conf, diag);
	return f;
}

struct rule_file *
rule_file_read(const char *path, struct diag *diag)
{
	size_t n;
	char *text = rule_file_text(path, &n, diag);

	return text == NULL ? NULL : rule_file_parse(path, text, n, diag);
}

void
rule_file_free(struct rule_file **fp)
{
	struct rule_file *f = *fp;

	*fp = NULL;
	if (f == NULL)
		return;
	conf_clear(&rule_file_table, &f->conf);
	free(f->path);
	free(f->text);
	free(f);
}

/* The rest of the file from ${at} on, up to the end of its line. */
static struct sv
line_from(const struct rule_file *f, struct mark at)
{
	const char *p = f->text, *end = f->text + f->n, *newline;

	for (int line = 1; line < at.line && p != NULL; line++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p != NULL)
			p++;
	}
	if (p == NULL || at.column < 1 || end - p < at.column - 1)
		return (struct sv){f->text, 0};
	newline = memchr(p, '\n', (size_t)(end - p));
	return sv_from(
	    (struct sv){p, (size_t)((newline == NULL ? end : newline) - p)}, (size_t)at.column - 1);
}

struct mark
rule_file_inside(const struct rule_file *f, struct mark at, size_t offset)
{
	struct sv rest = f == NULL ? SV("") : line_from(f, at);
	size_t skip = 0;

	if (rest.n == 0 || rest.p[0] == '|' || rest.p[0] == '>')
		return at;
	if (rest.p[0] == '\'' || rest.p[0] == '"')
		skip = 1;
	if (skip + offset > rest.n)
		return at;
	/* What is written in more or fewer bytes, and where a column is not a byte. */
	for (size_t i = 0; i < offset; i++) {
		char c = rest.p[skip + i];

		if ((unsigned char)c >= 0x80 || (skip == 1 && c == rest.p[0]) ||
		    (rest.p[0] == '"' && c == '\\') || (c == '$' && rest.p[skip + i + 1] == '{'))
			return at;
	}
	at.column += (int)(skip + offset);
	return at;
}
