/*
 * setup: what the daemon runs on, loaded and checked as a whole: configuration,
 * secrets, rules.  All or nothing.
 */
#ifndef SETUP_H
#define SETUP_H

#include <stdbool.h>

#include "conf/config.h"
#include "intake.h"
#include "pipeline.h"
#include "state/state.h"
#include "util/digest.h"

struct geoip;
struct ruleset;

struct setup {
	struct diag *diag; /* the marks in config point into it */
	struct config *config;
	char config_hash[DIGEST_HEX_SIZE]; /* of the configuration file's text */
	struct ruleset *rules;
	struct scanner *scanner; /* of the rules */
	struct geoip *geoip;     /* NULL: none is wanted */
	size_t ntests; /* the rules' tests, all passed */
	char **urls, **secrets; /* by channel; secrets[i] may be NULL */
	char *redis_password;   /* NULL when none */
	struct redis_target redis;
	struct state_channel *state_channels;
	struct state_conf state;
	struct intake_conf intake; /* but for its sockets */
	struct pipeline_conf pipeline;
};

/* Load ${path}; with what is wrong in ${errors} as text to print, NULL.  Runs the
 * rules' tests: a rule set that fails them is not loaded. */
struct setup *setup_load(const char *path, struct buf *errors);
void setup_free(struct setup **s);

/* Do ${a} and ${b} differ in anything but the rules? */
bool setup_same_config(const struct setup *a, const struct setup *b);

#endif
