/*
 * rule_incident_test: the tests of incident rules as they stand in rule files, and
 * what is run of them.  They are run by match/rules_test_incident.c.
 */
#include <string.h>

#include "conf/config.h"
#include "rule/rule_internal.h"
#include "util/xalloc.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))
#define NKEYS(a) (sizeof(a) / sizeof((a)[0]))

struct step_line_conf {
	struct conf_head head;
	struct conf_string line;
	int64_t repeat;
	int64_t every;
	int64_t advance;
};

struct expected_conf {
	struct conf_head head;
	struct conf_map key;
	int64_t count;
	struct conf_string title;
};

struct counts_conf {
	struct conf_head head;
	int64_t below, promoted, folded, known, no_key, no_value, in_hours, allow_listed;
};

struct incident_test_conf {
	struct conf_head head;
	struct conf_string name;
	int format; /* enum source_format */
	struct conf_string program;
	struct conf_list lines;     /* struct step_line_conf */
	struct conf_list incidents; /* struct expected_conf */
	struct counts_conf dispositions;
};

static const struct conf_key line_keys[] = {
    {.name = "line",
        .type = CONF_STRING,
        .offset = offsetof(struct step_line_conf, line),
        .help = "A whole line as it stands in a log.  Its stamp is the time of the event; a line "
                "without is of the time that the test has come to."},
    {.name = "repeat",
        .type = CONF_INT,
        .offset = offsetof(struct step_line_conf, repeat),
        .min = 1,
        .max = 100000,
        .fallback = "1",
        .help = "The line comes so many times."},
    {.name = "every",
        .type = CONF_DURATION,
        .offset = offsetof(struct step_line_conf, every),
        .min = 0,
        .max = 366 * DAY_MS,
        .fallback = "0s",
        .help = "Each time so much later, whatever its stamp says."},
    {.name = "advance",
        .type = CONF_DURATION,
        .offset = offsetof(struct step_line_conf, advance),
        .min = 1,
        .max = 3660 * DAY_MS,
        .help = "Instead of a line: so much time passes."},
};

static const struct conf_table line_table = {"a line of a test", "incident_test_line",
    sizeof(struct step_line_conf), line_keys, NKEYS(line_keys)};

static const struct conf_key expected_keys[] = {
    {.name = "key",
        .type = CONF_MAP,
        .offset = offsetof(struct expected_conf, key),
        .help = "The key fields with their values; without it, any."},
    {.name = "count",
        .type = CONF_INT,
        .offset = offsetof(struct expected_conf, count),
        .min = 0,
        .max = INT64_C(1000000000000),
        .help = "How many events the incident has in the end."},
    {.name = "title",
        .type = CONF_STRING,
        .offset = offsetof(struct expected_conf, title),
        .help = "Its title, filled in."},
};

static const struct conf_table expected_table = {"an expected incident", "incident_test_incident",
    sizeof(struct expected_conf), expected_keys, NKEYS(expected_keys)};

#define COUNT_KEY(word, member, text)                                                              \
	{.name = (word),                                                                           \
	    .type = CONF_INT,                                                                      \
	    .offset = offsetof(struct counts_conf, member),                                        \
	    .min = 0,                                                                              \
	    .max = INT64_C(1000000000000),                                                         \
	    .help = (text)}

/* Names as correlate/local.h has them. */
static const struct conf_key counts_keys[] = {
    COUNT_KEY("below", below, "Counted, and in no incident."),
    COUNT_KEY("promoted", promoted, "Those that incidents opened with."),
    COUNT_KEY("folded", folded, "Joined an incident that was there."),
    COUNT_KEY("known", known, "Of first_seen: nothing new, or learnt."),
    COUNT_KEY("no-key", no_key, "Without a field of by."),
    COUNT_KEY("no-value", no_value, "Without the field that the condition looks at."),
    COUNT_KEY("in-hours", in_hours, "In the hours that do not count."),
    COUNT_KEY("allow-listed", allow_listed,
        "Excluded by unless: of the rule, or of the event rule."),
};

static const struct conf_table counts_table = {"dispositions", "incident_test_dispositions",
    sizeof(struct counts_conf), counts_keys, NKEYS(counts_keys)};

static const struct conf_key test_keys[] = {
    {.name = "name",
        .type = CONF_STRING,
        .offset = offsetof(struct incident_test_conf, name),
        .required = true,
        .help = "What is tested, for people."},
    {.name = "lines",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct incident_test_conf, lines),
        .required = true,
        .sub = &line_table,
        .scalar = "line",
        .help = "What comes, in order.  An entry that is only text is a line."},
    {.name = "format",
        .type = CONF_ENUM,
        .offset = offsetof(struct incident_test_conf, format),
        .fallback = "auto",
        .names = config_formats,
        .help = "The format of the source that the lines are from."},
    {.name = "program",
        .type = CONF_STRING,
        .offset = offsetof(struct incident_test_conf, program),
        .help = "The program of that source, for lines that do not say."},
    {.name = "incidents",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct incident_test_conf, incidents),
        .required = true,
        .sub = &expected_table,
        .help = "The incidents that the rule has opened in the end, all of them, in any order; "
                "[] when there is none."},
    {.name = "dispositions",
        .type = CONF_OBJECT,
        .offset = offsetof(struct incident_test_conf, dispositions),
        .sub = &counts_table,
        .help = "What became of the events that the rule is on; those that are not given may be "
                "any number."},
};

const struct conf_table rule_incident_test_table = {"an incident rule's test", "incident_test",
    sizeof(struct incident_test_conf), test_keys, NKEYS(test_keys)};

/* ---- building --------------------------------------------------------------------- */

static void
check_line(struct rule_load *l, const struct step_line_conf *conf)
{
	bool advances = conf_is_set(&line_table, conf, "advance");

	if (advances == (conf->line.s != NULL))
		diag_error(l->diag, conf->head.at, "expected either line or advance");
	else if (advances &&
	    (conf_is_set(&line_table, conf, "repeat") || conf_is_set(&line_table, conf, "every")))
		diag_error(l->diag, conf->head.at, "repeat and every go with line, not with advance");
}

static void
build_lines(struct ruleset *rs, struct rule_load *l, const struct conf_list *conf,
    struct rule_incident_test *t)
{
	const struct step_line_conf *lines = conf->v;

	t->lines = ruleset_array(rs, conf->n, sizeof(*t->lines));
	t->nlines = conf->n;
	for (size_t i = 0; i < conf->n; i++) {
		check_line(l, &lines[i]);
		t->lines[i] = (struct rule_test_line){
		    .line = lines[i].line.s == NULL ? NULL : ruleset_string(rs, lines[i].line.s),
		    .repeat = lines[i].repeat,
		    .every = lines[i].every,
		    .advance = lines[i].advance};
	}
}

static bool
is_key(const struct incident_rule *rule, const char *field)
{
	for (size_t i = 0; i < rule->nby; i++)
		if (strcmp(rule->by[i].field, field) == 0)
			return true;
	return false;
}

static void
build_key(struct ruleset *rs, struct rule_load *l, const struct incident_rule *rule,
    const struct conf_map *conf, struct rule_test_incident *out)
{
	out->key = ruleset_array(rs, conf->n, sizeof(*out->key));
	for (size_t i = 0; i < conf->n; i++) {
		const struct conf_pair *pair = &conf->v[i];
		const char *field = ruleset_field(rs, pair->name.s);

		if (pair->values.n != 1)
			diag_error(l->diag, pair->name.at, "\"%s\" needs one value", pair->name.s);
		else if (!is_key(rule, field))
			diag_error(l->diag, pair->name.at, "\"%s\" is not among the key fields (by)",
			    pair->name.s);
		else
			out->key[out->nkey++] = (struct rule_expected){
			    .field = field,
			    .value = ruleset_string(rs, pair->values.v[0].s)};
	}
}

static void
build_expected(struct ruleset *rs, struct rule_load *l, const struct incident_rule *rule,
    const struct conf_list *conf, struct rule_incident_test *t)
{
	const struct expected_conf *v = conf->v;

	t->incidents = ruleset_array(rs, conf->n, sizeof(*t->incidents));
	t->nincidents = conf->n;
	for (size_t i = 0; i < conf->n; i++) {
		struct rule_test_incident *out = &t->incidents[i];

		build_key(rs, l, rule, &v[i].key, out);
		out->count = conf_is_set(&expected_table, &v[i], "count") ? v[i].count : -1;
		out->title = v[i].title.s == NULL ? NULL : ruleset_string(rs, v[i].title.s);
	}
}

static void
build_counts(struct ruleset *rs, const struct counts_conf *conf, struct rule_incident_test *t)
{
	t->counts = ruleset_array(rs, NKEYS(counts_keys), sizeof(*t->counts));
	for (size_t i = 0; i < NKEYS(counts_keys); i++)
		if (conf_is_set(&counts_table, conf, counts_keys[i].name))
			t->counts[t->ncounts++] = (struct rule_test_count){counts_keys[i].name,
			    *(const int64_t *)(const void *)(
			        (const char *)conf + counts_keys[i].offset)};
}

void
rule_incident_test_build(struct ruleset *rs, struct rule_load *l, const struct conf_list *conf,
    const struct incident_rule *rule, size_t index)
{
	const struct incident_test_conf *tests = conf->v;

	for (size_t i = 0; i < conf->n; i++) {
		struct rule_incident_test t = {.rule = index,
		    .format = tests[i].format,
		    .place = ruleset_place(rs, tests[i].head.at)};

		if (tests[i].name.s == NULL)
			continue; /* was reported */
		t.name = ruleset_string(rs, tests[i].name.s);
		if (tests[i].program.s != NULL)
			t.program = ruleset_string(rs, tests[i].program.s);
		build_lines(rs, l, &tests[i].lines, &t);
		build_expected(rs, l, rule, &tests[i].incidents, &t);
		build_counts(rs, &tests[i].dispositions, &t);
		XGROW(rs->incident_tests, rs->nincident_tests);
		rs->incident_tests[rs->nincident_tests++] = t;
	}
}
