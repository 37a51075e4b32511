/*
 * check_group: groups as bytes: they come back as they were, whatever a daemon does with
 * them next is the same, and bytes that are none do no harm.  And the estimate of many
 * values.  What conditions mean is compared with a reference by differential.py.
 */
#include <check.h>
#include <stdlib.h>

#include "correlate/group.h"

#define NKINDS (CONDITION_RATE + 1)

static const struct incident_rule rules[NKINDS] = {
    [CONDITION_COUNT] = {.condition = {CONDITION_COUNT, .within = 1000, .least = 5, .nsteps = 1}},
    [CONDITION_DISTINCT] = {.condition = {CONDITION_DISTINCT, .within = 1000, .least = 5, .nsteps = 1}},
    [CONDITION_SUM] = {.condition = {CONDITION_SUM, .within = 1000, .least = 300, .nsteps = 1}},
    [CONDITION_ALL_OF] = {.condition = {CONDITION_ALL_OF, .within = 1000, .nsteps = 4}},
    [CONDITION_SEQUENCE] =
        {.condition = {CONDITION_SEQUENCE, .within = 1000, .nsteps = 4, .negative = 2}},
    [CONDITION_ABSENT] = {.condition = {CONDITION_ABSENT, .within = 300, .nsteps = 1}},
    [CONDITION_FIRST_SEEN] = {.condition = {CONDITION_FIRST_SEEN, .within = 1000, .learning = 500}},
    [CONDITION_SPIKE] =
        {.condition = {CONDITION_SPIKE, .within = 300, .least = 3, .slots = 4, .factor = 150}},
    [CONDITION_RATE] = {.condition = {CONDITION_RATE, .within = 1000, .least = 5, .below = 2}},
};

static const struct incident_rule many = {
    .condition = {CONDITION_DISTINCT, .within = 80000, .least = 2000, .nsteps = 1}};

/* The same numbers each time: the test must not fail by chance. */
static uint64_t
next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

static struct incident_rule
rule_of(size_t kind)
{
	struct incident_rule rule = rules[kind];

	rule.rearm = 1000;
	return rule;
}

static struct group_event
random_event(uint64_t *seed, enum condition_kind kind, int64_t *now)
{
	struct group_event e = {.value = next(seed) % 15 + 1};

	*now += (int64_t)(next(seed) % 300);
	e.time = *now - (int64_t)(next(seed) % 8 == 0 ? next(seed) % 1500 : 0);
	if (kind == CONDITION_FIRST_SEEN || kind == CONDITION_DISTINCT)
		e.value *= 0x9e3779b97f4a7c15ULL;
	e.timer = kind >= CONDITION_ABSENT && next(seed) % 8 == 0;
	return e;
}

static void
give_number(struct group *g)
{
	if (g->incident.number == GROUP_NEW)
		g->incident.number = 7;
}

START_TEST(bytes_are_the_group)
{
	struct incident_rule rule = rule_of((size_t)_i);
	struct group one, other;
	struct buf bytes = BUF_INIT, again = BUF_INIT;
	int64_t now = 1700000000000;
	uint64_t seed = (uint64_t)_i, version = 0;

	group_init(&one, &rule);
	group_init(&other, &rule);
	for (int i = 0; i < 3000; i++) {
		struct group_event e = random_event(&seed, rule.condition.kind, &now);

		bytes.n = again.n = 0;
		give_number(&one);
		one.closed = one.incident.number != 0 && next(&seed) % 50 == 0;
		group_encode(&one, ++version, 42, &bytes);
		ck_assert(group_decode(&other, buf_view(&bytes)));
		ck_assert_uint_eq(other.version, version);
		group_encode(&other, version, 42, &again);
		ck_assert(sv_eq(buf_view(&bytes), buf_view(&again)));
		ck_assert_int_eq(group_due(&one), group_due(&other));
		ck_assert_int_eq(group_apply(&one, &e), group_apply(&other, &e));
	}
	group_free(&one);
	group_free(&other);
	buf_free(&bytes);
	buf_free(&again);
}
END_TEST

/* A group with something of everything in it. */
static void
fill(struct group *g, struct incident_rule *rule, struct buf *bytes)
{
	uint64_t seed = 1;
	int64_t now = 1700000000000;

	*rule = rule_of((size_t)rule->condition.kind);
	group_init(g, rule);
	for (int i = 0; i < 200 && (i < 20 || g->npoints == 0 || g->incident.number == 0); i++) {
		struct group_event e = random_event(&seed, rule->condition.kind, &now);

		group_apply(g, &e);
		give_number(g);
	}
	group_encode(g, 0x0102030405060708, 0x11223344, bytes);
}

START_TEST(part_of_the_bytes_is_no_group)
{
	struct incident_rule rule = {.condition.kind = (enum condition_kind)_i};
	struct group g;
	struct buf bytes = BUF_INIT;

	fill(&g, &rule, &bytes);
	for (size_t n = 0; n < bytes.n; n++) {
		/* Exactly these: a sanitizer sees who reads beyond them. */
		char *part = malloc(n + (n == 0));

		ck_assert_ptr_nonnull(part);
		memcpy(part, bytes.p, n);
		ck_assert(!group_decode(&g, (struct sv){part, n}));
		ck_assert_uint_eq(g.version, n < 8 ? 0 : 0x0102030405060708);
		ck_assert_uint_eq(g.npoints, 0);
		ck_assert_int_eq(g.incident.number, 0);
		free(part);
	}
	buf_putc(&bytes, '\0');
	ck_assert(!group_decode(&g, buf_view(&bytes)));
	group_free(&g);
	buf_free(&bytes);
}
END_TEST

START_TEST(damaged_bytes_do_no_harm)
{
	struct incident_rule rule = {.condition.kind = (enum condition_kind)_i};
	struct group g;
	struct buf bytes = BUF_INIT, out = BUF_INIT;
	uint64_t seed = 3;
	int64_t now = 1700000000000;

	fill(&g, &rule, &bytes);
	for (size_t bit = 0; bit < 8 * bytes.n; bit++) {
		bytes.p[bit / 8] = (char)(bytes.p[bit / 8] ^ 1 << bit % 8);
		group_decode(&g, buf_view(&bytes));
		for (int i = 0; i < 4; i++) {
			struct group_event e = random_event(&seed, rule.condition.kind, &now);

			group_apply(&g, &e);
			group_grown(&g);
			group_due(&g);
		}
		out.n = 0;
		group_encode(&g, 1, 0, &out);
		bytes.p[bit / 8] = (char)(bytes.p[bit / 8] ^ 1 << bit % 8);
	}
	group_free(&g);
	buf_free(&bytes);
	buf_free(&out);
}
END_TEST

/* What the Redis functions know of it. */
START_TEST(the_head_is_as_redis_reads_it)
{
	static const unsigned char head[] = {0, 0, 0, 0, 0, 0, 1, 2, 'o', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 42, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 3, 232, 0, 0, 0, 0, 0, 0, 3, 236};
	struct incident_rule rule = rule_of(CONDITION_COUNT);
	struct group g;
	struct buf bytes = BUF_INIT;

	group_init(&g, &rule);
	for (int64_t t = 1000; t < 1005; t++)
		group_apply(&g, &(struct group_event){.time = t});
	group_encode(&g, 0x0102, 42, &bytes);
	ck_assert_uint_gt(bytes.n, sizeof(head));
	ck_assert_mem_eq(bytes.p, head, sizeof(head));
	group_set_number(bytes.p, 0x0a0b);
	ck_assert(group_decode(&g, buf_view(&bytes)));
	ck_assert_int_eq(g.incident.number, 0x0a0b);
	ck_assert_int_eq(g.incident.count, 5);
	group_free(&g);
	buf_free(&bytes);
}
END_TEST

/* How many new values, one each ${step} ms, open an incident; 0: 20000 do not. */
static int
values_until_open(int64_t step)
{
	struct incident_rule rule = many;
	struct group g;
	uint64_t seed = 9;
	int n = 0;

	rule.rearm = rule.condition.within;
	group_init(&g, &rule);
	for (int i = 1; i <= 20000 && n == 0; i++) {
		struct group_event e = {i * step, next(&seed) << 33 ^ next(&seed) << 12 ^ next(&seed), false};

		for (int k = 0; k < 2 && n == 0; k++) /* again: it is the same value */
			if (group_apply(&g, &e) == GROUP_OPENED)
				n = i;
	}
	group_free(&g);
	return n;
}

START_TEST(many_values_are_estimated)
{
	int n = values_until_open(1);

	ck_assert_int_ge(n, 1700); /* three standard errors below 2000, and above */
	ck_assert_int_le(n, 2300);
	/* Too few in any window. */
	ck_assert_int_eq(values_until_open(60), 0);
}
END_TEST

/* The first firing was put off by a silence; that of the late event was not. */
START_TEST(a_silence_that_is_found_late_does_not_end_before_the_one_after_it)
{
	struct incident_rule rule = rule_of(CONDITION_ABSENT);
	struct group g;

	group_init(&g, &rule);
	group_apply(&g, &(struct group_event){.time = 1000});
	ck_assert_int_eq(
	    group_apply(&g, &(struct group_event){.time = 1800, .timer = true}), GROUP_OPENED);
	give_number(&g);
	group_apply(&g, &(struct group_event){.time = 1100});
	ck_assert_int_eq(group_due(&g), 1400);
	ck_assert_int_eq(
	    group_apply(&g, &(struct group_event){.time = 1400, .timer = true}), GROUP_FOLDED);
	ck_assert_int_eq(g.incident.count, 2);
	ck_assert_int_eq(g.incident.last, 1800);
	group_free(&g);
}
END_TEST

START_TEST(an_incident_is_told_again_at_tenfold_counts)
{
	struct incident_rule rule = rule_of(CONDITION_COUNT);
	struct group g;

	group_init(&g, &rule);
	for (int i = 0; i < 5; i++)
		group_apply(&g, &(struct group_event){.time = i});
	ck_assert(!group_grown(&g));
	group_join(&g, 44, 5, 5);
	ck_assert(!group_grown(&g));
	group_join(&g, 1, 5, 5);
	ck_assert(group_grown(&g));
	ck_assert(!group_grown(&g));
	/* Many at once: the next is at ten times what one by one would have been told. */
	group_join(&g, 700, 5, 5);
	ck_assert(group_grown(&g));
	group_join(&g, 4249, 5, 5);
	ck_assert(!group_grown(&g));
	group_join(&g, 1, 5, 5);
	ck_assert(group_grown(&g));
	group_free(&g);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("group");
	TCase *tc = tcase_create("group");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, bytes_are_the_group, 0, NKINDS);
	tcase_add_loop_test(tc, part_of_the_bytes_is_no_group, 0, NKINDS);
	tcase_add_loop_test(tc, damaged_bytes_do_no_harm, 0, NKINDS);
	tcase_add_test(tc, the_head_is_as_redis_reads_it);
	tcase_add_test(tc, many_values_are_estimated);
	tcase_add_test(tc, a_silence_that_is_found_late_does_not_end_before_the_one_after_it);
	tcase_add_test(tc, an_incident_is_told_again_at_tenfold_counts);
	tcase_set_timeout(tc, 30);
	suite_add_tcase(s, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
