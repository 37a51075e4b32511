/*
 * model_driver: what the daemon makes of random cases, for tests/differential.py.
 *
 * Cases come as lines, in tests/differential.py is what each means.  A few daemons, each
 * with a correlator and what it knows of the groups, share one store in memory that
 * refuses a commit worked out from groups that are others by now, as Redis does.
 * Events go the way of the daemon: correlate, settle, encode, store.  At the end of a
 * case the incidents are printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "correlate/correlate.h"
#include "correlate/settle.h"
#include "correlate/silence.h"
#include "model/event.h"
#include "rule/ruleset.h"
#include "util/num.h"
#include "util/xalloc.h"

#define DAEMONS 4
#define WORDS 16
#define NAME_MAX 32
#define STEP_MASKS (1U << CONDITION_STEPS_MAX)

/* What a daemon was given, to be given again after a crash. */
struct given {
	bool timer;
	int64_t time;
	char key[NAME_MAX], value[NAME_MAX];
	uint32_t steps;
};

/* What a batch makes of a group. */
struct result {
	const struct batch_entry *entry;
	uint64_t version;
	struct buf bytes;
	int64_t due;
	bool due_changed;
	struct settled_incident *incidents;
	size_t nincidents;
	bool is_new;
};

struct daemon {
	struct correlator *correlator;
	struct given *given; /* that no commit has taken in yet */
	size_t ngiven;
	size_t ntaken;       /* of those, in the batch */
	struct batch *batch; /* under way, or NULL */
	struct result *results;
	size_t nresults;
	uint64_t fates[4];
};

struct given_silence {
	int64_t from, until;
	char key[NAME_MAX]; /* or "all" */
};

struct stored_incident {
	char key[NAME_MAX];
	int64_t at, count, first, last, over;
	bool closed, is_over;
	size_t nsamples;
};

struct stored_group {
	char key[NAME_MAX];
	struct buf bytes;
	int64_t due;
};

static const struct rule_key by[] = {{.field = "key", .bits4 = 32, .bits6 = 128}};
static const struct rule_filter *const filters[CONDITION_STEPS_MAX];

struct world {
	struct incident_rule rule;
	struct event_rule events[STEP_MASKS]; /* of each set of steps one */
	struct incident_link links[STEP_MASKS];
	struct daemon daemons[DAEMONS];
	struct stored_group *groups;
	size_t ngroups;
	struct stored_incident *incidents; /* number 1 is [0] */
	size_t nincidents;
	uint64_t fates[4]; /* counted, promoted, folded, known */
	uint64_t silenced;
	struct given_silence *silences;
	size_t nsilences;
	uint64_t collisions;
};

static void
give_up(const char *why)
{
	fprintf(stderr, "model_driver: %s\n", why);
	exit(2);
}

static int64_t
number(const char *word)
{
	int64_t n;

	if (word[0] == '-')
		return -number(word + 1);
	if (!num_int(sv_str(word), 0, INT64_MAX, &n))
		give_up("not a number");
	return n;
}

static void
name(char *out, const char *word)
{
	if (strlen(word) >= NAME_MAX)
		give_up("a name is too long");
	memcpy(out, word, strlen(word) + 1);
}

/* ---- the store ------------------------------------------------------------------ */

/* The key as people know it: "2:k1" is k1. */
static const char *
key_of(const struct batch_entry *e, char *out)
{
	const char *colon = memchr(e->key.p, ':', e->key.n);
	size_t n = e->key.n - (size_t)(colon + 1 - e->key.p);

	if (n >= NAME_MAX)
		give_up("a key is too long");
	memcpy(out, colon + 1, n);
	out[n] = '\0';
	return out;
}

static struct stored_group *
find_group(struct world *w, const char *key)
{
	for (size_t i = 0; i < w->ngroups; i++)
		if (strcmp(w->groups[i].key, key) == 0)
			return &w->groups[i];
	return NULL;
}

static struct stored_group *
make_group(struct world *w, const char *key)
{
	struct stored_group *g = find_group(w, key);

	if (g != NULL)
		return g;
	XGROW(w->groups, w->ngroups);
	g = &w->groups[w->ngroups++];
	*g = (struct stored_group){.due = INT64_MAX};
	name(g->key, key);
	return g;
}

static uint64_t
version_of(const struct stored_group *g)
{
	uint64_t v = 0;

	for (size_t i = 0; g != NULL && i < GROUP_VERSION; i++)
		v = v << 8 | (unsigned char)g->bytes.p[i];
	return v;
}

static int64_t
open_incident(struct world *w, const char *key, const struct settled_incident *inc)
{
	struct stored_incident *to;

	XGROW(w->incidents, w->nincidents);
	to = &w->incidents[w->nincidents++];
	*to = (struct stored_incident){.at = inc->at};
	name(to->key, key);
	return (int64_t)w->nincidents;
}

/* Returns the number of the incident. */
static int64_t
write_incident(struct world *w, const char *key, const struct settled_incident *inc)
{
	int64_t n = inc->opened ? open_incident(w, key, inc)
	    : inc->number == 0  ? (int64_t)w->nincidents
	                        : inc->number;
	struct stored_incident *to = &w->incidents[n - 1];

	to->count = inc->count;
	to->first = inc->first;
	to->last = inc->last;
	if (inc->calm) {
		to->is_over = true;
		to->over = inc->at;
	}
	to->nsamples += inc->nsamples;
	return n;
}

static void
write_result(struct world *w, struct daemon *d, struct result *r)
{
	char key[NAME_MAX];
	struct stored_group *g = make_group(w, key_of(r->entry, key));
	int64_t n = 0;

	for (size_t i = 0; i < r->nincidents; i++)
		n = write_incident(w, key, &r->incidents[i]);
	if (r->is_new)
		group_set_number(r->bytes.p, n);
	g->bytes.n = 0;
	buf_sv(&g->bytes, buf_view(&r->bytes));
	if (r->due_changed)
		g->due = r->due;
	if (d != NULL)
		group_cache_put(correlator_cache(d->correlator), r->entry->hash.a, &w->rule,
		    r->entry->key, buf_view(&r->bytes));
}

/* ---- a commit, as state_commit.c does it --------------------------------------------- */

static void
forget_results(struct daemon *d)
{
	for (size_t i = 0; i < d->nresults; i++) {
		buf_free(&d->results[i].bytes);
		free(d->results[i].incidents);
	}
	free(d->results);
	d->results = NULL;
	d->nresults = 0;
	memset(d->fates, 0, sizeof(d->fates));
}

static void
settle_one(struct daemon *d, const struct batch_entry *e, struct settled *s)
{
	struct sv was = group_cache_get(correlator_cache(d->correlator), e->hash.a, e->rule, e->key);
	struct result *r;

	settle_entry(d->batch, e, was, 0, s);
	XGROW(d->results, d->nresults);
	r = &d->results[d->nresults++];
	*r = (struct result){.entry = e,
	    .version = s->version,
	    .due = s->due,
	    .due_changed = s->due != s->was_due,
	    .is_new = s->scratch.incident.number == GROUP_NEW,
	    .nincidents = s->nincidents};
	buf_sv(&r->bytes, buf_view(&s->group));
	r->incidents = xcalloc(s->nincidents + 1, sizeof(*r->incidents));
	if (s->nincidents > 0)
		memcpy(r->incidents, s->incidents, s->nincidents * sizeof(*r->incidents));
	d->fates[0] += s->counted;
	d->fates[1] += s->promoted;
	d->fates[2] += s->folded;
	d->fates[3] += s->known;
}

static void
settle_all(struct daemon *d)
{
	struct settled s = {0};

	forget_results(d);
	for (size_t i = 0; i < d->batch->nrules; i++) {
		size_t at = d->batch->rules[i].first;

		for (size_t k = 0; k < d->batch->rules[i].n; k++) {
			settle_one(d, &d->batch->entries[at], &s);
			at = d->batch->entries[at].sibling;
		}
	}
	settle_free(&s);
}

static void
take(struct daemon *d)
{
	if (d->batch != NULL)
		return;
	correlate_lines_end(d->correlator);
	d->batch = correlate_send(d->correlator);
	correlate_lines_begin(d->correlator);
	d->ntaken = d->ngiven;
	settle_all(d);
}

/* Are the groups still those that it was worked out from?  Learn those that are not. */
static bool
collides(struct world *w, struct daemon *d)
{
	bool any = false;

	for (size_t i = 0; i < d->nresults; i++) {
		const struct batch_entry *e = d->results[i].entry;
		char key[NAME_MAX];
		const struct stored_group *g = find_group(w, key_of(e, key));

		if (version_of(g) == d->results[i].version)
			continue;
		any = true;
		group_cache_put(correlator_cache(d->correlator), e->hash.a, &w->rule, e->key,
		    g == NULL ? (struct sv){"", 0} : buf_view(&g->bytes));
	}
	return any;
}

/* With ${answered} the daemon learns of it. */
static void
commit(struct world *w, struct daemon *d, bool answered)
{
	if (d->batch == NULL)
		return;
	while (collides(w, d)) {
		w->collisions++;
		settle_all(d);
	}
	for (size_t i = 0; i < d->nresults; i++)
		write_result(w, answered ? d : NULL, &d->results[i]);
	for (size_t i = 0; i < 4; i++)
		w->fates[i] += d->fates[i];
	for (size_t i = 0; i < d->batch->nuncounted; i++)
		if (strcmp(d->batch->uncounted[i].why, "silenced") == 0)
			w->silenced += d->batch->uncounted[i].n;
	forget_results(d);
	correlate_committed(d->correlator, d->batch, 0, 0);
	batch_free(&d->batch);
	d->ngiven -= d->ntaken;
	if (d->ngiven > 0)
		memmove(d->given, d->given + d->ntaken, d->ngiven * sizeof(*d->given));
	d->ntaken = 0;
}

/* ---- what happens to a daemon ------------------------------------------------------- */

static void
hand_over(struct world *w, struct daemon *d, const struct given *given)
{
	static const struct stream stream = {.path = "x"};
	struct line line = {.stream = &stream, .text = sv_str(stream.path)};
	struct record record = {.line = &line, .time = given->time, .text = line.text};
	struct event e = {.rule = &w->events[given->steps],
	    .record = &record,
	    .nfields = 2,
	    .fields = {{"key", sv_str(given->key)}, {"value", sv_str(given->value)}}};
	struct buf key = BUF_INIT;

	if (!given->timer) {
		correlate_event(d->correlator, NULL, &e);
		return;
	}
	buf_printf(&key, "%zu:%s", strlen(given->key), given->key);
	correlate_timer(d->correlator, NULL, &w->rule, buf_view(&key), given->time);
	buf_free(&key);
}

static void
give(struct world *w, struct daemon *d, const struct given *given)
{
	XGROW(d->given, d->ngiven);
	d->given[d->ngiven++] = *given;
	hand_over(w, d, given);
}

static void
crash(struct world *w, struct daemon *d)
{
	correlate_lines_end(d->correlator);
	forget_results(d);
	batch_free(&d->batch);
	d->ntaken = 0;
	correlate_reset(d->correlator);
	correlate_lines_begin(d->correlator);
	for (size_t i = 0; i < d->ngiven; i++)
		hand_over(w, d, &d->given[i]);
}

/* The open incident of ${key} is closed by hand, as the Redis functions do it. */
static void
close_incident(struct world *w, const char *key)
{
	struct stored_group *g = find_group(w, key);
	struct group group;

	if (g == NULL)
		return;
	group_init(&group, &w->rule);
	if (group_decode(&group, buf_view(&g->bytes)) && group.incident.number > 0 &&
	    !group.closed) {
		g->bytes.p[0] = (char)(g->bytes.p[0] ^ 0x80);
		g->bytes.p[GROUP_VERSION] = 'c';
		w->incidents[group.incident.number - 1].closed = true;
	}
	group_free(&group);
}

/* All daemons learn of one more silence. */
static void
silence(struct world *w, char *const *word)
{
	struct silence_set *set = silence_new();
	struct given_silence *given;

	XGROW(w->silences, w->nsilences);
	given = &w->silences[w->nsilences++];
	*given = (struct given_silence){.from = number(word[2]), .until = number(word[3])};
	name(given->key, word[4]);
	for (size_t i = 0; i < w->nsilences; i++) {
		given = &w->silences[i];
		silence_add(set, i % 2 == 0 ? w->rule.id : NULL, given->from, given->until);
		if (strcmp(given->key, "all") != 0)
			silence_add_field(set, "key", given->key);
	}
	silence_sort(set);
	for (size_t i = 0; i < DAEMONS; i++)
		correlator_set_silences(w->daemons[i].correlator, set);
	silence_unref(&set);
}

/* ---- cases ------------------------------------------------------------------------------- */

static void
begin_case(struct world *w, char *const *word)
{
	w->rule.id = "rule";
	w->rule.title = "title";
	w->rule.by = by;
	w->rule.nby = 1;
	w->rule.filters = filters;
	w->rule.groups = 1000000;
	w->rule.identity = 1;
	w->rule.rearm = number(word[10]);
	w->rule.condition = (struct condition){.kind = (enum condition_kind)number(word[1]),
	    .within = number(word[2]),
	    .least = number(word[3]),
	    .below = number(word[4]),
	    .learning = number(word[5]),
	    .slots = number(word[6]),
	    .factor = number(word[7]),
	    .nsteps = (unsigned)number(word[8]),
	    .negative = (uint32_t)number(word[9])};
	switch (w->rule.condition.kind) {
	case CONDITION_DISTINCT:
	case CONDITION_SUM:
	case CONDITION_FIRST_SEEN:
		w->rule.condition.field = "value";
		break;
	default:
		break;
	}
	for (uint32_t i = 0; i < STEP_MASKS; i++) {
		w->links[i] = (struct incident_link){&w->rule, i};
		w->events[i] =
		    (struct event_rule){.id = "event", .incidents = &w->links[i], .nincidents = 1};
	}
	for (size_t i = 0; i < DAEMONS; i++) {
		w->daemons[i].correlator = correlator_new();
		correlate_lines_begin(w->daemons[i].correlator);
	}
}

static void
finish_daemon(struct world *w, struct daemon *d)
{
	commit(w, d, true); /* what is under way */
	take(d);
	commit(w, d, true);
}

/* A due time that holds no more, since the incident was closed by hand, must go when it
 * has come. */
static void
let_go(struct world *w, struct stored_group *g)
{
	struct given timer = {.timer = true, .time = g->due};

	name(timer.key, g->key);
	give(w, &w->daemons[0], &timer);
	finish_daemon(w, &w->daemons[0]);
	if (g->due != INT64_MAX)
		give_up("a due time stays for ever");
}

/* Whatever is due by ${now} is looked at, as the daemon does each second. */
static void
pass_time(struct world *w, int64_t now)
{
	for (size_t i = 0; i < DAEMONS; i++)
		finish_daemon(w, &w->daemons[i]);
	for (size_t i = 0; i < w->ngroups; i++) {
		struct given timer = {.timer = true, .time = now};

		if (w->groups[i].due > now)
			continue;
		name(timer.key, w->groups[i].key);
		give(w, &w->daemons[0], &timer);
	}
	finish_daemon(w, &w->daemons[0]);
}

static void
finish(struct world *w)
{
	for (size_t i = 0; i < DAEMONS; i++)
		finish_daemon(w, &w->daemons[i]);
	for (size_t i = 0; i < w->ngroups; i++) {
		struct group g;

		group_init(&g, &w->rule);
		if (!group_decode(&g, buf_view(&w->groups[i].bytes)))
			give_up("a group cannot be read");
		if (group_due(&g) == INT64_MAX && w->groups[i].due != INT64_MAX)
			let_go(w, &w->groups[i]);
		group_free(&g);
	}
}

static void
print_group(struct world *w, struct stored_group *stored)
{
	struct group g;
	struct stored_incident *inc;
	int64_t due;

	group_init(&g, &w->rule);
	if (!group_decode(&g, buf_view(&stored->bytes)))
		give_up("a group cannot be read");
	due = group_due(&g);
	if (due != INT64_MAX && due != stored->due && (w->nsilences == 0 || stored->due < due))
		give_up("a due time is not known");
	if (g.incident.number > 0) {
		inc = &w->incidents[g.incident.number - 1];
		inc->count = g.incident.count;
		inc->first = g.incident.first;
		inc->last = g.incident.last;
		printf("group %s %" PRId64 " %" PRId64 "\n", stored->key, due, g.incident.told);
	} else {
		printf("group %s %" PRId64 " 0\n", stored->key, due);
	}
	group_free(&g);
}

static void
print_case(struct world *w)
{
	for (size_t i = 0; i < w->ngroups; i++)
		print_group(w, &w->groups[i]);
	for (size_t i = 0; i < w->nincidents; i++) {
		const struct stored_incident *inc = &w->incidents[i];

		if (inc->nsamples > BATCH_SAMPLES)
			give_up("an incident has too many lines");
		printf("incident %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, inc->key,
		    inc->at, inc->count, inc->first, inc->last);
		if (inc->is_over)
			printf(" over %" PRId64 "\n", inc->over);
		else
			printf(" %s\n", inc->closed ? "closed" : "open");
	}
	printf("fates %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", w->fates[0],
	    w->fates[1], w->fates[2], w->fates[3], w->silenced);
	printf("end %" PRIu64 "\n", w->collisions);
	fflush(stdout);
}

static void
end_case(struct world *w)
{
	for (size_t i = 0; i < DAEMONS; i++) {
		forget_results(&w->daemons[i]);
		batch_free(&w->daemons[i].batch);
		correlator_free(&w->daemons[i].correlator);
		free(w->daemons[i].given);
	}
	for (size_t i = 0; i < w->ngroups; i++)
		buf_free(&w->groups[i].bytes);
	free(w->groups);
	free(w->incidents);
	free(w->silences);
	*w = (struct world){0};
}

static size_t
split(char *line, char **word)
{
	size_t n = 0;

	for (char *rest = line, *next; n < WORDS && (next = strsep(&rest, " \n")) != NULL;)
		if (*next != '\0')
			word[n++] = next;
	return n;
}

/* event|timer DAEMON TIME KEY [VALUE STEPS] */
static void
do_give(struct world *w, struct daemon *d, char *const *word)
{
	struct given given = {.timer = strcmp(word[0], "timer") == 0, .time = number(word[2])};

	name(given.key, word[3]);
	if (!given.timer) {
		name(given.value, word[4]);
		given.steps = (uint32_t)number(word[5]) % STEP_MASKS;
	}
	give(w, d, &given);
}

static void
do_line(struct world *w, char *const *word)
{
	struct daemon *d = &w->daemons[(size_t)number(word[1]) % DAEMONS];

	if (strcmp(word[0], "event") == 0 || strcmp(word[0], "timer") == 0)
		do_give(w, d, word);
	else if (strcmp(word[0], "take") == 0)
		take(d);
	else if (strcmp(word[0], "commit") == 0)
		commit(w, d, true);
	else if (strcmp(word[0], "lose") == 0) {
		commit(w, d, false);
		crash(w, d);
	} else if (strcmp(word[0], "crash") == 0)
		crash(w, d);
	else if (strcmp(word[0], "forget") == 0)
		group_cache_clear(correlator_cache(d->correlator));
	else if (strcmp(word[0], "close") == 0)
		close_incident(w, word[2]);
	else if (strcmp(word[0], "silence") == 0)
		silence(w, word);
	else if (strcmp(word[0], "pass") == 0)
		pass_time(w, number(word[2]));
	else
		give_up("an unknown word");
}

int
main(void)
{
	static struct world w;
	char *line = NULL, *word[WORDS];
	size_t cap = 0, n;

	while (getline(&line, &cap, stdin) > 0) {
		n = split(line, word);
		if (n == 0)
			continue;
		if (n == 11 && strcmp(word[0], "rule") == 0) {
			begin_case(&w, word);
		} else if (strcmp(word[0], "end") == 0) {
			finish(&w);
			print_case(&w);
			end_case(&w);
		} else if (n < 2 || w.rule.id == NULL) {
			give_up("a line out of place");
		} else {
			for (size_t i = n; i < WORDS; i++)
				word[i] = (char *)(uintptr_t) "0";
			do_line(&w, word);
		}
	}
	free(line);
	return 0;
}
