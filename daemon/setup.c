/*
 * setup: see setup.h.
 */
#include "setup.h"

#include <stdio.h>
#include <stdlib.h>

#include "format/format.h"
#include "geoip/geoip.h"
#include "match/rules_test.h"
#include "receive/receive.h"
#include "rule/rule_derived.h"
#include "rule/ruleset.h"
#include "scan/scan.h"
#include "util/log.h"
#include "util/vis.h"
#include "util/xalloc.h"

static const struct channel_conf *
channels(const struct setup *s)
{
	return s->config->channels.v;
}

static void
resolve_secrets(struct setup *s)
{
	size_t n = s->config->channels.n;

	s->urls = xcalloc(n + 1, sizeof(*s->urls));
	s->secrets = xcalloc(n + 1, sizeof(*s->secrets));
	for (size_t i = 0; i < n; i++) {
		s->urls[i] = conf_secret(&channels(s)[i].url, s->diag);
		if (channels(s)[i].secret.s != NULL)
			s->secrets[i] = conf_secret(&channels(s)[i].secret, s->diag);
	}
	if (s->config->redis.password.s != NULL)
		s->redis_password = conf_secret(&s->config->redis.password, s->diag);
}

static void
load_rules(struct setup *s)
{
	const struct conf_strings *paths = &s->config->rules;
	const char **list = xcalloc(paths->n + 1, sizeof(*list));

	for (size_t i = 0; i < paths->n; i++)
		list[i] = paths->v[i].s;
	s->rules = ruleset_load(list, paths->n, &s->config->match, s->diag);
	free(list);
}

/* Rules that ask for what nothing can tell are right in themselves: a site may take them
 * over before it has the files. */
static void
warn_of_derived(const struct setup *s)
{
	const struct geoip_conf *conf = &s->config->geoip;

	for (unsigned i = 0; i < RULE_DERIVED_FIELDS; i++) {
		bool country = i == RULE_DERIVED_COUNTRY;

		if ((ruleset_derived(s->rules) >> i & 1) == 0 ||
		    (country ? conf->country.s : conf->asn.s) != NULL)
			continue;
		log_warn("rules", "rules ask for %s, which no event has without geoip: %s",
		    rule_derived_name((enum rule_derived)i), country ? "country" : "asn");
	}
}

static void
load_geoip(struct setup *s)
{
	const struct geoip_conf *conf = &s->config->geoip;

	if (conf->country.s != NULL || conf->asn.s != NULL)
		s->geoip = geoip_new(conf->country.s, conf->asn.s);
	warn_of_derived(s);
}

static void
fill_state_conf(struct setup *s)
{
	size_t n = s->config->channels.n;

	s->state_channels = xcalloc(n + 1, sizeof(*s->state_channels));
	for (size_t i = 0; i < n; i++)
		s->state_channels[i] = (struct state_channel){
		    channels(s)[i].id.s, channels(s)[i].min_severity};
	s->state = (struct state_conf){.node = s->config->node.s,
	    .dir = s->config->state_dir.s,
	    .durable = true,
	    .user = s->config->redis.user.s,
	    .password = s->redis_password,
	    .channels = s->state_channels,
	    .nchannels = n};
	s->state.partitions = (unsigned)s->config->redis.partitions;
	if (s->config->redis.url.s != NULL && redis_find_parse(s->config->redis.url.s, &s->redis))
		s->state.target = &s->redis;
}

static void
fill_pipeline_conf(struct setup *s)
{
	s->intake = (struct intake_conf){.sources = s->config->sources.v,
	    .nsources = s->config->sources.n,
	    .state_dir = s->config->state_dir.s,
	    .max_line = (size_t)s->config->max_line};
	s->pipeline = (struct pipeline_conf){.rules = s->rules,
	    .scanner = s->scanner,
	    .intake = &s->intake,
	    .state = &s->state,
	    .channels = channels(s),
	    .nchannels = s->config->channels.n,
	    .geoip = s->geoip,
	    .urls = (const char *const *)s->urls,
	    .secrets = (const char *const *)s->secrets};
}

/* What is sent to a source comes from its spool, which is followed like any file. */
static void
fill_spools(struct setup *s)
{
	struct source_conf *v = s->config->sources.v;

	for (size_t i = 0; i < s->config->sources.n; i++) {
		struct buf glob = BUF_INIT;
		char *dir;

		if (v[i].listen.n == 0)
			continue;
		dir = receive_spool_dir(s->config->state_dir.s, v[i].id.s);
		buf_printf(&glob, "%s/*.log", dir);
		free(dir);
		v[i].files.v = xcalloc(1, sizeof(*v[i].files.v));
		v[i].files.v[0].s = buf_steal(&glob);
		v[i].files.n = 1;
		v[i].start = START_BEGINNING;
	}
}

static void
check_formats(struct setup *s)
{
	const struct source_conf *v = s->config->sources.v;

	for (size_t i = 0; i < s->config->sources.n; i++) {
		struct buf error = BUF_INIT;
		struct format *f = format_new(&v[i], (size_t)s->config->max_line, &error);

		if (f == NULL)
			diag_error(s->diag, v[i].multiline.at, "multiline: %s", buf_str(&error));
		format_free(&f);
		buf_free(&error);
	}
}

/* The tests of the rules, each failure located like any other error. */
struct test_run {
	struct buf *errors;
	size_t tests;
};

static void
got_result(void *ctx, const struct rules_test_result *r)
{
	struct test_run *run = ctx;

	run->tests++;
	if (r->ok)
		return;
	buf_printf(run->errors, "%s:%d:%d: test of %s", r->file, r->line, r->column, r->rule);
	if (r->name != NULL) {
		buf_puts(run->errors, ", ");
		vis_text(run->errors, sv_str(r->name));
	}
	buf_printf(run->errors, ": %s\n", r->text);
}

static bool
tests_pass(struct setup *s, struct buf *errors)
{
	struct test_run run = {.errors = errors};
	size_t failed = rules_test(s->rules, s->geoip, got_result, &run);

	s->ntests = run.tests;
	return failed == 0;
}

/* What tells one version of the configuration file from another. */
static void
hash_file(const char *path, char hash[DIGEST_HEX_SIZE])
{
	struct buf text = BUF_INIT;
	FILE *f = fopen(path, "re");
	size_t n;

	while (f != NULL && (n = fread(buf_reserve(&text, 4096), 1, 4096, f)) > 0)
		text.n += n;
	if (f != NULL)
		fclose(f);
	digest_sha256_hex(buf_view(&text), hash);
	buf_free(&text);
}

struct setup *
setup_load(const char *path, struct buf *errors)
{
	struct setup *s = xcalloc(1, sizeof(*s));

	s->diag = diag_new();
	hash_file(path, s->config_hash);
	s->config = config_read(path, s->diag);
	if (s->config != NULL) {
		resolve_secrets(s);
		check_formats(s);
		fill_spools(s);
		load_rules(s);
	}
	if (diag_errors(s->diag) > 0 || s->rules == NULL) {
		diag_print(s->diag, errors);
		setup_free(&s);
		return NULL;
	}
	load_geoip(s);
	if (!tests_pass(s, errors)) {
		setup_free(&s);
		return NULL;
	}
	s->scanner = scanner_new(s->rules);
	fill_state_conf(s);
	fill_pipeline_conf(s);
	return s;
}

static void
free_secrets(char **v, size_t n)
{
	for (size_t i = 0; v != NULL && i < n; i++) {
		if (v[i] != NULL)
			explicit_bzero(v[i], strlen(v[i]));
		free(v[i]);
	}
	free(v);
}

void
setup_free(struct setup **sp)
{
	struct setup *s = *sp;
	size_t n = s == NULL || s->config == NULL ? 0 : s->config->channels.n;

	if (s == NULL)
		return;
	free_secrets(s->urls, n);
	free_secrets(s->secrets, n);
	if (s->redis_password != NULL)
		explicit_bzero(s->redis_password, strlen(s->redis_password));
	free(s->redis_password);
	free(s->state_channels);
	scanner_free(&s->scanner);
	geoip_free(&s->geoip);
	ruleset_unref(&s->rules);
	config_free(&s->config);
	diag_free(&s->diag);
	free(s);
	*sp = NULL;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool
setup_same_config(const struct setup *a, const struct setup *b)
{
	if (!same(a->config_hash, b->config_hash) ||
	    !same(a->redis_password, b->redis_password))
		return false;
	for (size_t i = 0; i < a->config->channels.n; i++)
		if (!same(a->urls[i], b->urls[i]) || !same(a->secrets[i], b->secrets[i]))
			return false;
	return true;
}
