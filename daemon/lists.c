/*
 * lists: see lists.h.
 *
 * All sets are read one after the other, then there is a pause.  A set that is as it was is
 * known by the hash of its values.  A set that Redis refuses to give is left as it is; lines
 * do not wait for it.
 */
#include "lists.h"

#include <stdio.h>
#include <stdlib.h>

#include "ev/ev.h"
#include "ev/ev_job.h"
#include "lists_files.h"
#include "rule/rule_live.h"
#include "rule/ruleset.h"
#include "state/state.h"
#include "util/digest.h"
#include "util/log.h"
#include "util/vis.h"
#include "util/xalloc.h"

#define EVERY 10000 /* ms between readings */
#define AGAIN 500   /* ms, when lines wait for it */
#define PAGE 1000
#define VALUES_MOST 65536
#define BYTES_MOST (8 << 20)
#define VALUE_MOST 1024

/* A set of Redis. */
struct set {
	char *name;
	struct buf raw; /* its values as they were last, each with a NUL */
	size_t nraw;
	bool known; /* has been read */
	bool cut;   /* there are more */
	unsigned char hash[DIGEST_SIZE]; /* of the values, as they are in use */
	bool filled; /* the rules' lists have the values, or cannot have them */
	size_t values, invalid;
	char *problem;
};

/* A set's values as they came, while lists are made of them: the thread's. */
struct making {
	struct ruleset *rules;
	const char *name;
	struct buf raw;
	size_t nraw;
	bool over; /* there was more */
	bool has_hash;
	unsigned char hash[DIGEST_SIZE]; /* as it was; then as it is */
	bool same;
	const char **values; /* each once, in order */
	size_t nvalues;
	size_t nbad;     /* that are not among them: of no list at all */
	size_t ninvalid; /* that are: not as the rules look them up */
	char *invalid;   /* one of them */
	struct rule_list **lists; /* by live; NULL: of another set */
};

struct lists {
	struct ev *ev;
	const struct lists_cb *cb;
	void *ctx;
	struct ev_timer *timer;
	struct state *state;   /* NULL: Redis is away */
	struct ruleset *rules; /* NULL: none yet */
	struct set *sets;
	size_t nsets;
	size_t at; /* the set at hand */
	struct making making;
	struct state_set_reader reader;
	bool asked;    /* a page is under way, ... */
	bool overtaken; /* ... and nobody wants it any more */
	bool is_fresh; /* what is made comes from Redis, and not from what was known */
	struct ev_job *job;
	struct lists_files *files;
};

/* ---- in the thread: values made into lists ----------------------------------------- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
sort_values(struct making *m)
{
	const char *p = m->raw.p;
	size_t n = 0;

	m->values = xcalloc(m->nraw + 1, sizeof(*m->values));
	for (size_t i = 0; i < m->nraw; i++, p += strlen(p) + 1)
		m->values[i] = p;
	qsort(m->values, m->nraw, sizeof(*m->values), by_text);
	for (size_t i = 0; i < m->nraw; i++)
		if (n == 0 || strcmp(m->values[n - 1], m->values[i]) != 0)
			m->values[n++] = m->values[i];
	m->nvalues = n;
}

static void
hash_values(struct making *m)
{
	unsigned char hash[DIGEST_SIZE];
	struct buf all = BUF_INIT;

	for (size_t i = 0; i < m->nvalues; i++)
		buf_add(&all, m->values[i], strlen(m->values[i]) + 1);
	digest_sha256(buf_view(&all), hash);
	m->same = m->has_hash && memcmp(hash, m->hash, sizeof(hash)) == 0;
	memcpy(m->hash, hash, sizeof(hash));
	buf_free(&all);
}

/* Of several ways to look the values up, the most that are invalid in one of them. */
static struct rule_list *
make_list(struct making *m, const struct rule_live *live)
{
	struct rule_list *list = rule_list_new(live->kind);
	struct buf why = BUF_INIT; /* nobody asks */
	size_t invalid = 0;

	for (size_t i = 0; i < m->nvalues; i++) {
		if (rule_live_add(live, list, m->values[i], &why))
			continue;
		why.n = 0;
		invalid++;
		if (m->invalid == NULL)
			m->invalid = xstrdup(m->values[i]);
	}
	if (invalid > m->ninvalid)
		m->ninvalid = invalid;
	buf_free(&why);
	rule_list_sort(list);
	return list;
}

static void
make(void *arg)
{
	struct making *m = &((struct lists *)arg)->making;
	size_t n = ruleset_nlives(m->rules);

	sort_values(m);
	hash_values(m);
	if (m->same)
		return;
	m->lists = xcalloc(n, sizeof(*m->lists));
	for (size_t i = 0; i < n; i++) {
		const struct rule_live *live = ruleset_live(m->rules, i);

		if (live->set != NULL && strcmp(live->set, m->name) == 0)
			m->lists[i] = make_list(m, live);
	}
}

static void
forget_making(struct making *m)
{
	for (size_t i = 0; m->lists != NULL && i < ruleset_nlives(m->rules); i++)
		rule_list_free(&m->lists[i]);
	free(m->lists);
	free(m->values);
	free(m->invalid);
	buf_free(&m->raw);
	ruleset_unref(&m->rules);
	*m = (struct making){.raw = BUF_INIT};
}

/* ---- on the loop ---------------------------------------------------------------------- */

static void next_set(struct lists *l);
static void begin(void *ctx);

static const char *
list_of(const struct lists *l, const struct set *set)
{
	for (size_t i = 0; i < ruleset_nlives(l->rules); i++) {
		const struct rule_live *live = ruleset_live(l->rules, i);

		if (live->set != NULL && strcmp(live->set, set->name) == 0)
			return live->list;
	}
	return "";
}

bool
lists_are_filled(const struct lists *l)
{
	for (size_t i = 0; i < l->nsets; i++)
		if (!l->sets[i].filled)
			return false;
	return true;
}

static void
fill(struct lists *l, struct set *set)
{
	bool before = lists_are_filled(l);

	set->filled = true;
	if (!before && lists_are_filled(l))
		l->cb->filled(l->ctx);
}

/* Something is under way that will be over, such as a failover. */
static bool
is_passing(const char *error)
{
	static const char *const passing[] = {
	    "MOVED ", "ASK ", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "READONLY", "MASTERDOWN"};

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (strncmp(error, passing[i], strlen(passing[i])) == 0)
			return true;
	return false;
}

static void
set_problem(struct lists *l, struct set *set, const char *problem)
{
	const char *then = set->known         ? "what was read before is still used"
	                   : is_passing(problem) ? "lines wait for it"
	                                         : "it is taken for empty";

	if (set->problem != NULL && strcmp(set->problem, problem) == 0)
		return;
	free(set->problem);
	set->problem = xstrdup(problem);
	log_warn("lists", "%s, set %s: %s; %s", list_of(l, set), set->name, problem, then);
}

/* What is wrong with the values; it is told when they have changed. */
static void
tell_invalid(struct lists *l, const struct set *set, const char *invalid)
{
	struct buf text = BUF_INIT;

	if (invalid != NULL) {
		buf_puts(&text, ", such as \"");
		vis_text(&text, (struct sv){invalid, vis_cut(sv_str(invalid), 100)});
		buf_putc(&text, '"');
	}
	if (set->invalid > 0)
		log_warn("lists", "%s, set %s: %zu of %zu values are not what rules look up in it and "
		    "are left out%s", list_of(l, set), set->name, set->invalid, set->values,
		    buf_str(&text));
	if (set->cut)
		log_warn("lists", "%s, set %s: has more than %d values or %d MiB; the others are left out",
		    list_of(l, set), set->name, VALUES_MOST, BYTES_MOST >> 20);
	buf_free(&text);
}

static void
use(struct lists *l, struct set *set)
{
	struct making *m = &l->making;

	for (size_t i = 0; i < ruleset_nlives(m->rules); i++) {
		if (m->lists[i] == NULL)
			continue;
		rule_live_put(m->rules, i, m->lists[i]);
		m->lists[i] = NULL;
	}
	set->values = m->nvalues + m->nbad;
	set->invalid = m->ninvalid + m->nbad;
	memcpy(set->hash, m->hash, sizeof(set->hash));
	if (l->is_fresh) {
		log_info("lists", "%s, set %s: %zu values", list_of(l, set), set->name, set->values);
		tell_invalid(l, set, m->invalid);
	}
}

static void
made(void *arg)
{
	struct lists *l = arg;
	struct set *set = &l->sets[l->at];
	struct making *m = &l->making;
	bool changed = !m->same;

	ev_job_free(&l->job);
	set->known = true;
	set->cut = m->over;
	free(set->problem);
	set->problem = NULL;
	if (changed)
		use(l, set);
	buf_free(&set->raw);
	set->raw = m->raw;
	set->nraw = m->nraw;
	m->raw = (struct buf)BUF_INIT;
	forget_making(m);
	fill(l, set);
	if (changed)
		l->cb->changed(l->ctx);
	l->at++;
	next_set(l);
}

static void
start_making(struct lists *l)
{
	const struct set *set = &l->sets[l->at];
	struct making *m = &l->making;

	m->rules = ruleset_ref(l->rules);
	m->name = set->name;
	m->has_hash = set->filled && set->known;
	memcpy(m->hash, set->hash, sizeof(m->hash));
	l->job = ev_job_start(l->ev, make, made, l);
}

static void
take_values(struct making *m, const struct state_set_page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		struct sv v = page->values[i];

		if (m->nraw >= VALUES_MOST || m->raw.n + v.n + 1 > BYTES_MOST) {
			m->over = true;
			return;
		}
		/* What is too long, or has a NUL, is no value of any list. */
		if (v.n > VALUE_MOST || memchr(v.p, '\0', v.n) != NULL || v.n == 0) {
			m->nbad++;
			continue;
		}
		buf_sv(&m->raw, v);
		buf_putc(&m->raw, '\0');
		m->nraw++;
	}
}

static void
ask_page(struct lists *l, struct sv cursor)
{
	l->asked = true;
	state_set_page(l->state, l->sets[l->at].name, cursor, PAGE, &l->reader);
}

static void
got_page(void *ctx, const struct state_set_page *page)
{
	struct lists *l = ctx;
	struct set *set;

	l->asked = false;
	if (l->overtaken) {
		l->overtaken = false;
		begin(l);
		return;
	}
	set = &l->sets[l->at];
	if (page->error != NULL) {
		forget_making(&l->making);
		set_problem(l, set, page->error);
		if (!is_passing(page->error))
			fill(l, set);
		l->at++;
		next_set(l);
		return;
	}
	take_values(&l->making, page);
	if (!sv_is(page->next, "0") && !l->making.over)
		ask_page(l, page->next);
	else
		start_making(l);
}

/* From what was known before, if new rules want it; else from Redis. */
static void
next_set(struct lists *l)
{
	struct set *set = &l->sets[l->at];

	if (l->at == l->nsets) {
		ev_timer_set(l->timer, lists_are_filled(l) ? EVERY : AGAIN);
		return;
	}
	l->is_fresh = set->filled || !set->known;
	if (!l->is_fresh) {
		buf_add(&l->making.raw, set->raw.p, set->raw.n);
		l->making.nraw = set->nraw;
		l->making.over = set->cut;
		start_making(l);
	} else if (l->state != NULL) {
		ask_page(l, SV("0"));
	} else {
		l->at++;
		next_set(l);
	}
}

/* Nothing is being made.  Of a page that is under way only the end is awaited. */
static void
begin(void *ctx)
{
	struct lists *l = ctx;

	ev_timer_cancel(l->timer);
	forget_making(&l->making);
	l->at = 0;
	l->overtaken = l->asked;
	if (l->nsets > 0 && !l->asked)
		next_set(l);
}

/* Leave what is under way. */
static void
leave(struct lists *l)
{
	if (l->job != NULL)
		ev_job_free(&l->job);
	forget_making(&l->making);
	ev_timer_cancel(l->timer);
}

/* ---- life ----------------------------------------------------------------------------- */

struct lists *
lists_new(struct ev *ev, const struct lists_cb *cb, void *ctx)
{
	struct lists *l = xcalloc(1, sizeof(*l));

	l->ev = ev;
	l->cb = cb;
	l->ctx = ctx;
	l->timer = ev_timer_new(ev, begin, l);
	l->reader = (struct state_set_reader){got_page, l};
	l->files = lists_files_new(ev, cb->changed, ctx);
	return l;
}

static void
free_set(struct set *set)
{
	free(set->name);
	free(set->problem);
	buf_free(&set->raw);
}

void
lists_free(struct lists **lp)
{
	struct lists *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	leave(l);
	lists_files_free(&l->files);
	for (size_t i = 0; i < l->nsets; i++)
		free_set(&l->sets[i]);
	free(l->sets);
	ev_timer_free(&l->timer);
	ruleset_unref(&l->rules);
	free(l);
}

static struct set *
find_set(struct set *sets, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (sets[i].name != NULL && strcmp(sets[i].name, name) == 0)
			return &sets[i];
	return NULL;
}

static void
add_set(const struct lists *l, const char *name, struct set **sets, size_t *n)
{
	struct set *old = find_set(l->sets, l->nsets, name);

	if (find_set(*sets, *n, name) != NULL)
		return;
	XGROW(*sets, *n);
	if (old == NULL) {
		(*sets)[(*n)++] = (struct set){.name = xstrdup(name)};
		return;
	}
	(*sets)[*n] = *old;
	(*sets)[(*n)++].filled = false;
	*old = (struct set){.name = NULL};
}

void
lists_set_rules(struct lists *l, struct ruleset *rules)
{
	struct ruleset *old = l->rules;
	struct set *sets = NULL;
	size_t n = 0;

	leave(l);
	l->rules = ruleset_ref(rules);
	for (size_t i = 0; i < ruleset_nlives(rules); i++)
		if (ruleset_live(rules, i)->set != NULL)
			add_set(l, ruleset_live(rules, i)->set, &sets, &n);
	for (size_t i = 0; i < l->nsets; i++)
		free_set(&l->sets[i]);
	free(l->sets);
	l->sets = sets;
	l->nsets = n;
	ruleset_unref(&old);
	lists_files_set_rules(l->files, rules);
	begin(l);
}

void
lists_start(struct lists *l, struct state *s)
{
	l->state = s;
	if (l->job == NULL)
		begin(l);
}

void
lists_stop(struct lists *l)
{
	l->state = NULL;
	l->asked = l->overtaken = false;
	leave(l);
	begin(l);
}

void
lists_each(const struct lists *l, lists_status_cb *cb, void *ctx)
{
	for (size_t i = 0; i < l->nsets; i++) {
		const struct set *set = &l->sets[i];

		cb(ctx, &(struct lists_status){.list = list_of(l, set),
		            .set = set->name,
		            .values = set->values,
		            .invalid = set->invalid,
		            .known = set->known,
		            .problem = set->problem});
	}
	lists_files_each(l->files, cb, ctx);
}
