/*
 * rule_tsc: the points of the Trust Services Criteria, by which an audit for SOC 2 goes: their
 * names and order.  What they ask for is in the criteria.
 */
#include <stdio.h>
#include <string.h>

#include "rule/rule_internal.h"

static const struct {
	const char *name;
	int last; /* points are .1 to .last */
} series[] = {
    {"CC1", 5}, {"CC2", 3}, {"CC3", 4}, {"CC4", 2}, {"CC5", 3}, {"CC6", 8}, {"CC7", 5},
    {"CC8", 1}, {"CC9", 2}, {"A1", 3}, {"C1", 2}, {"PI1", 5}, {"P1", 1}, {"P2", 1},
    {"P3", 2}, {"P4", 3}, {"P5", 2}, {"P6", 7}, {"P7", 1}, {"P8", 1},
};

#define NSERIES (sizeof(series) / sizeof(series[0]))

/* The series that ${name} is of, going by what is before its dot; NSERIES: none. */
static size_t
find_series(const char *name)
{
	size_t n = strcspn(name, "."), i = 0;

	while (i < NSERIES && (strlen(series[i].name) != n || memcmp(series[i].name, name, n) != 0))
		i++;
	return i;
}

int
rule_tsc_number(const char *name)
{
	size_t found = find_series(name);
	const char *digit = strchr(name, '.');
	int number = 0;

	if (found == NSERIES || digit == NULL || digit[1] < '1' || digit[1] > '9' ||
	    digit[2] != '\0' || digit[1] - '0' > series[found].last)
		return -1;
	for (size_t i = 0; i < found; i++)
		number += series[i].last;
	return number + digit[1] - '1';
}

static void
report(const struct conf_string *name, struct diag *diag)
{
	size_t i = find_series(name->s);

	if (i == NSERIES)
		diag_error(diag, name->at,
		    "\"%s\" is no point of the Trust Services Criteria: expected one of CC1.1 to CC9.2, "
		    "A1.1 to A1.3, C1.1, C1.2, PI1.1 to PI1.5, P1.1 to P8.1",
		    name->s);
	else if (series[i].last == 1)
		diag_error(diag, name->at,
		    "\"%s\" is no point of the Trust Services Criteria: of %s there is only %s.1",
		    name->s, series[i].name, series[i].name);
	else
		diag_error(diag, name->at,
		    "\"%s\" is no point of the Trust Services Criteria: of %s there are %s.1 to %s.%d",
		    name->s, series[i].name, series[i].name, series[i].name, series[i].last);
}

void
rule_tsc_check(const struct conf_strings *names, struct diag *diag)
{
	for (size_t i = 0; i < names->n; i++)
		if (rule_tsc_number(names->v[i].s) < 0)
			report(&names->v[i], diag);
}
