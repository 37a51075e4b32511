/*
 * pipeline: the order of the stages, and nothing else.
 *
 *   intake -> scan -> decode -> match -> correlate -> state -> notify
 *
 * Read this after daemon.c: every function in pipeline.c is one arrow.
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/event.h"
#include "model/line.h"

struct channel_conf;
struct ev;
struct geoip;
struct intake;
struct intake_conf;
struct lists;
struct notify;
struct pipeline;
struct ruleset;
struct scanner;
struct seen;
struct silences;
struct state;
struct state_conf;

/* All borrowed for the life of the pipeline but ${rules}, which it refers to. */
struct pipeline_conf {
	struct ruleset *rules;
	struct scanner *scanner; /* of these rules */
	const struct intake_conf *intake; /* NULL: lines come by pipeline_lines() */
	const struct state_conf *state; /* NULL: events only, nothing is kept */
	const struct channel_conf *channels;
	size_t nchannels;
	struct geoip *geoip; /* NULL: none */
	bool all_fields;     /* events get all that it knows, whether or not a rule asks */
	const char *const *urls, *const *secrets; /* by channel, see notify_new() */
	int64_t now; /* replay: the time that years are inferred from; 0 = the clock */
	void (*event)(void *ctx, const struct event *e); /* sees each event, and what is only context; may be NULL */
	/* Sees what would be one but for its rule's unless; may be NULL. */
	void (*excluded)(void *ctx, const struct event *e);
	void *ctx;
};

/* NULL when the private Redis or an address to listen on cannot be set up; logged. */
struct pipeline *pipeline_open(struct ev *ev, const struct pipeline_conf *conf);
void pipeline_free(struct pipeline **p);

/* Use ${rules} and their ${scanner} (borrowed) from the next line on. */
void pipeline_set_rules(struct pipeline *p, struct ruleset *rules, struct scanner *scanner);

/* Lines from elsewhere than a source; positions are not kept. */
void pipeline_lines(struct pipeline *p, const struct chunk *chunk);
/* Room for more lines?  Otherwise let the loop turn. */
bool pipeline_has_room(const struct pipeline *p);

/* Read no more; commit what has gathered and finish transfers under way. */
void pipeline_drain(struct pipeline *p);
/* Nothing gathered, nothing in flight?  To be asked again and again after
 * pipeline_drain(); ${late}: what the intake has is not to be waited for any longer. */
bool pipeline_is_drained(struct pipeline *p, bool late);

struct pipeline_stats {
	uint64_t lines;
	uint64_t bytes;
	uint64_t events;
	uint64_t incidents; /* opened */
	uint64_t deliveries_ok, deliveries_failed, deliveries_dead;
};
const struct pipeline_stats *pipeline_stats(const struct pipeline *p);

/* The stages, for those who show or ask them. */
struct state *pipeline_state(const struct pipeline *p); /* NULL: events only */
const struct intake *pipeline_intake(const struct pipeline *p); /* NULL: none */
const struct lists *pipeline_lists(const struct pipeline *p); /* NULL: without intake */
struct silences *pipeline_silences(const struct pipeline *p); /* NULL: without intake */
const struct seen *pipeline_seen(const struct pipeline *p);
const struct match_stats *pipeline_match_stats(const struct pipeline *p);
const struct correlate_stats *pipeline_correlate_stats(const struct pipeline *p);

#endif
