/*
 * rule_file_incident: the keys of an incident rule.  What they mean together is
 * checked in rule_condition.c and rule_incident.c.
 */
#include "rule/rule_file.h"

#include "model/severity.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))
#define NKEYS(a) (sizeof(a) / sizeof((a)[0]))

static const char *const severities[] = SEVERITY_NAMES;

static const struct conf_key step_keys[] = {
    {.name = "on",
        .type = CONF_STRINGS,
        .offset = offsetof(struct step_conf, on),
        .help = "The rules whose events, or incidents, are this step."},
    {.name = "not",
        .type = CONF_STRINGS,
        .offset = offsetof(struct step_conf, not),
        .help = "In place of on: an event of these rules must not come between the steps before "
                "and after.  In a sequence, and neither first nor last."},
    {.name = "where",
        .type = CONF_MAP,
        .offset = offsetof(struct step_conf, where),
        .help = "As where of the rule, for this step."},
    {.name = "unless",
        .type = CONF_MAPS,
        .offset = offsetof(struct step_conf, unless),
        .help = "As unless of the rule, for this step."},
};

const struct conf_table rule_step_table = {
    "a step", "step", sizeof(struct step_conf), step_keys, NKEYS(step_keys)};

static const struct conf_key distinct_keys[] = {
    {.name = "field",
        .type = CONF_STRING,
        .offset = offsetof(struct distinct_conf, field),
        .required = true,
        .help = "The field whose values are told apart."},
    {.name = "at_least",
        .type = CONF_INT,
        .offset = offsetof(struct distinct_conf, at_least),
        .required = true,
        .min = 2,
        .max = 1000000,
        .help = "So many values make an incident.  Up to 1000 they are counted exactly, above "
                "that estimated."},
};

static const struct conf_table distinct_table = {"distinct", "distinct",
    sizeof(struct distinct_conf), distinct_keys, NKEYS(distinct_keys)};

static const struct conf_key sum_keys[] = {
    {.name = "field",
        .type = CONF_STRING,
        .offset = offsetof(struct sum_conf, field),
        .required = true,
        .help = "The field whose numbers are added up."},
    {.name = "at_least",
        .type = CONF_INT,
        .offset = offsetof(struct sum_conf, at_least),
        .required = true,
        .min = 1,
        .max = INT64_C(1000000000000000),
        .help = "Such a sum makes an incident."},
};

static const struct conf_table sum_table = {
    "sum", "sum", sizeof(struct sum_conf), sum_keys, NKEYS(sum_keys)};

static const struct conf_key first_seen_keys[] = {
    {.name = "field",
        .type = CONF_STRING,
        .offset = offsetof(struct first_seen_conf, field),
        .required = true,
        .help = "The field whose values are remembered."},
    {.name = "forget",
        .type = CONF_DURATION,
        .offset = offsetof(struct first_seen_conf, forget),
        .min = 1000,
        .max = 366 * DAY_MS,
        .fallback = "90d",
        .help = "After so long without it a value is new again."},
    {.name = "learning",
        .type = CONF_DURATION,
        .offset = offsetof(struct first_seen_conf, learning),
        .min = 0,
        .max = 90 * DAY_MS,
        .fallback = "7d",
        .help = "The time from a key's first event in which values are only remembered."},
};

static const struct conf_table first_seen_table = {"first_seen", "first_seen",
    sizeof(struct first_seen_conf), first_seen_keys, NKEYS(first_seen_keys)};

static const struct conf_key spike_keys[] = {
    {.name = "factor",
        .type = CONF_INT,
        .offset = offsetof(struct spike_conf, factor),
        .required = true,
        .min = 2,
        .max = 1000,
        .help = "So many times the average of the past make an incident."},
    {.name = "at_least",
        .type = CONF_INT,
        .offset = offsetof(struct spike_conf, at_least),
        .required = true,
        .min = 1,
        .max = 1000000000,
        .help = "Fewer events than this are no spike, whatever the past."},
    {.name = "baseline",
        .type = CONF_DURATION,
        .offset = offsetof(struct spike_conf, baseline),
        .min = 1000,
        .max = 168 * 7 * DAY_MS,
        .fallback = "24h",
        .help = "The past that makes the average: 1 to 168 times within."},
    {.name = "learning",
        .type = CONF_DURATION,
        .offset = offsetof(struct spike_conf, learning),
        .min = 0,
        .max = 168 * 7 * DAY_MS,
        .help = "The time from a key's first event in which nothing is a spike.  As long as "
                "baseline, unless given."},
};

const struct conf_table rule_spike_table = {
    "spike", "spike", sizeof(struct spike_conf), spike_keys, NKEYS(spike_keys)};

static const struct conf_key rate_keys[] = {
    {.name = "above",
        .type = CONF_INT,
        .offset = offsetof(struct rate_conf, above),
        .required = true,
        .min = 1,
        .max = 1000000000,
        .help = "So many events, or more, open an incident."},
    {.name = "below",
        .type = CONF_INT,
        .offset = offsetof(struct rate_conf, below),
        .required = true,
        .min = 1,
        .max = 1000000000,
        .help = "Fewer events than this end it.  At most above."},
};

static const struct conf_table rate_table = {
    "rate", "rate", sizeof(struct rate_conf), rate_keys, NKEYS(rate_keys)};

static const struct conf_key hours_keys[] = {
    {.name = "hours",
        .type = CONF_STRINGS,
        .offset = offsetof(struct hours_conf, hours),
        .help = "Times of the day, such as 08:00-18:00: from the first minute up to, and not "
                "with, the second.  22:00-06:00 goes on into the next day.  Without any, all "
                "day."},
    {.name = "days",
        .type = CONF_STRINGS,
        .offset = offsetof(struct hours_conf, days),
        .help = "Days on which these hours begin: mon, tue, wed, thu, fri, sat, sun, and ranges "
                "such as mon-fri.  Without any, all days."},
    {.name = "zone",
        .type = CONF_STRING,
        .offset = offsetof(struct hours_conf, zone),
        .help = "The time zone, such as Europe/Berlin.  Without it, that of the host."},
};

static const struct conf_table hours_table = {
    "outside", "hours", sizeof(struct hours_conf), hours_keys, NKEYS(hours_keys)};

static const struct conf_key incident_keys[] = {
    {.name = "id",
        .type = CONF_STRING,
        .offset = offsetof(struct incident_conf, id),
        .required = true,
        .help = "The rule's name, for ever; overridden as event rules are."},
    {.name = "enabled",
        .type = CONF_BOOL,
        .offset = offsetof(struct incident_conf, enabled),
        .fallback = "true",
        .help = "Set to false, the rule is not used."},
    {.name = "extends",
        .type = CONF_STRING,
        .offset = offsetof(struct incident_conf, extends),
        .help = "An incident rule from which all keys are taken that this one does not give, but "
                "for enabled and tests."},
    {.name = "title",
        .type = CONF_STRING,
        .offset = offsetof(struct incident_conf, title),
        .required = true,
        .help = "What happened, for people; {source_ip} stands for the value of that key field."},
    {.name = "on",
        .type = CONF_STRINGS,
        .offset = offsetof(struct incident_conf, on),
        .help = "The event rules whose events are counted; incident rules may be named as well, "
                "their incidents are then counted.  Required, unless the condition has steps."},
    {.name = "where",
        .type = CONF_MAP,
        .offset = offsetof(struct incident_conf, where),
        .help = "Fields that an event must have, each with one of the values: a literal, for "
                "addresses also a network, or @NAME for a list.  Others are not counted."},
    {.name = "unless",
        .type = CONF_MAPS,
        .offset = offsetof(struct incident_conf, unless),
        .help = "Exceptions, each a map of fields to such values.  An event for which one map "
                "holds in full is not counted."},
    {.name = "by",
        .type = CONF_STRINGS,
        .offset = offsetof(struct incident_conf, by),
        .help = "The captures that make the key: events are counted for each combination of "
                "their values.  source_ip/24 takes the network of the address, lower(user_name) "
                "the text in lower case.  Without it all events are counted together."},
    {.name = "count",
        .type = CONF_INT,
        .offset = offsetof(struct incident_conf, count),
        .min = 1,
        .max = 10000, /* the time of each is kept */
        .fallback = "1",
        .help = "So many events for one key make an incident.  The condition of a rule that has "
                "none of those below.  For more there is rate."},
    {.name = "distinct",
        .type = CONF_OBJECT,
        .offset = offsetof(struct incident_conf, distinct),
        .sub = &distinct_table,
        .help = "So many values of a field make an incident."},
    {.name = "sum",
        .type = CONF_OBJECT,
        .offset = offsetof(struct incident_conf, sum),
        .sub = &sum_table,
        .help = "A numeric field that adds up to so much makes an incident."},
    {.name = "all_of",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct incident_conf, all_of),
        .sub = &rule_step_table,
        .help = "An event of each of these steps, 2 to 8, in any order makes an incident."},
    {.name = "sequence",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct incident_conf, sequence),
        .sub = &rule_step_table,
        .help = "Events of these steps, 2 to 8, one after the other make an incident."},
    {.name = "absent",
        .type = CONF_DURATION,
        .offset = offsetof(struct incident_conf, absent),
        .min = 1000,
        .max = 90 * DAY_MS,
        .help = "So long without an event makes an incident."},
    {.name = "each",
        .type = CONF_STRING,
        .offset = offsetof(struct incident_conf, each),
        .help = "With absent: @NAME, a list of the keys from which events are expected, from the "
                "start and no others.  Without it each key that was seen is expected."},
    {.name = "first_seen",
        .type = CONF_OBJECT,
        .offset = offsetof(struct incident_conf, first_seen),
        .sub = &first_seen_table,
        .help = "A value of a field that is new for its key makes an incident."},
    {.name = "spike",
        .type = CONF_OBJECT,
        .offset = offsetof(struct incident_conf, spike),
        .sub = &rule_spike_table,
        .help = "Many more events than the key's average in the past make an incident."},
    {.name = "rate",
        .type = CONF_OBJECT,
        .offset = offsetof(struct incident_conf, rate),
        .sub = &rate_table,
        .help = "So many events make an incident, which is over when there are few again."},
    {.name = "within",
        .type = CONF_DURATION,
        .offset = offsetof(struct incident_conf, within),
        .min = 1000,
        .max = 7 * DAY_MS,
        .fallback = "10m",
        .help = "The time in which they must fall, by the times in the lines.  To be given "
                "unless count is 1, but not with absent and first_seen."},
    {.name = "outside",
        .type = CONF_OBJECT,
        .offset = offsetof(struct incident_conf, outside),
        .sub = &hours_table,
        .help = "Hours whose events are not counted: the rule is for what happens outside them."},
    {.name = "severity",
        .type = CONF_ENUM,
        .offset = offsetof(struct incident_conf, severity),
        .required = true,
        .names = severities,
        .help = "The incident's severity when it opens."},
    {.name = "criteria",
        .type = CONF_STRING,
        .offset = offsetof(struct incident_conf, criteria),
        .required = true,
        .help = "Why this is an incident, for the record."},
    {.name = "playbook",
        .type = CONF_STRING,
        .offset = offsetof(struct incident_conf, playbook),
        .help = "The playbook to follow."},
    {.name = "rearm",
        .type = CONF_DURATION,
        .offset = offsetof(struct incident_conf, rearm),
        .min = 1000,
        .max = 90 * DAY_MS,
        .fallback = "24h",
        .help = "After so long without an event a new one may open another incident for the same "
                "key; until then it is counted in the one that is open.  Not shorter than "
                "within."},
    {.name = "groups",
        .type = CONF_INT,
        .offset = offsetof(struct incident_conf, groups),
        .min = 1,
        .max = 100000000,
        .fallback = "1000000",
        .help = "So many keys are remembered at most; of more, some go that were not used for "
                "long."},
    {.name = "tests",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct incident_conf, tests),
        .sub = &rule_incident_test_table,
        .help = "Lines, and the incidents that they must lead to.  They run before the rules are "
                "used."},
};

const struct conf_table rule_incident_table = {"an incident rule", "incident",
    sizeof(struct incident_conf), incident_keys, NKEYS(incident_keys)};
