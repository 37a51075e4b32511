/*
 * check_geoip: what is known of an address, from files in every form that the format has, and
 * that no file, however broken or hostile, does harm.  The files are the seeds of the fuzzer,
 * which tests/scenarios/mmdb.py writes.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "decode/decode.h"
#include "geoip/geoip.h"
#include "geoip/geoip_db.h"
#include "match/match.h"
#include "model/line.h"
#include "rig.h"
#include "rule/rule.h"
#include "rule/rule_derived.h"
#include "util/xalloc.h"

#ifdef HAVE_MAXMINDDB

/* libmaxminddb 1.7 forgets some memory when it refuses the metadata of a file. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libmaxminddb";
}

static const char *
seed(const char *name)
{
	static char path[4096];
	const char *root = getenv("srcdir");

	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/geoip/%s", root == NULL ? "." : root, name);
	return path;
}

static struct geoip *
open_seeds(const char *country, const char *asn)
{
	char *first = country == NULL ? NULL : xstrdup(seed(country));
	struct geoip *g = geoip_new(first, asn == NULL ? NULL : seed(asn));

	free(first);
	return g;
}

/* "COUNTRY NUMBER NAME" */
static const char *
known(struct geoip *g, const char *address)
{
	static char text[256];
	const struct geoip_answer *a = geoip_find(g, sv_str(address));

	snprintf(text, sizeof(text), "%s %s %s", a->country, a->number, a->organization);
	return text;
}

START_TEST(every_form_of_the_tree_is_read)
{
	static const char *const files[] = {"country-24", "country-28", "country-32-v4"};

	for (size_t i = 0; i < 3; i++) {
		struct geoip *g = open_seeds(files[i], "asn-28");

		ck_assert_str_eq(known(g, "192.0.2.1"), "DE 64500 One");
		ck_assert_str_eq(known(g, "192.0.2.255"), "DE  ");
		ck_assert_str_eq(known(g, "198.51.100.1"), "FR 4294967295 Zw\xc3\xb6lf");
		ck_assert_str_eq(known(g, "198.51.100.128"), " 4294967295 Zw\xc3\xb6lf");
		ck_assert_str_eq(known(g, "203.0.113.77"), "JP  ");
		ck_assert_str_eq(known(g, "203.0.113.78"), "  ");
		ck_assert_str_eq(known(g, "2001:db8::1"), i == 0 ? "NZ  " : "  ");
		ck_assert_str_eq(known(g, "2001:db8:8000::"), "  ");
		ck_assert_ptr_null(geoip_status(g, GEOIP_COUNTRY).problem);
		geoip_free(&g);
	}
}
END_TEST

START_TEST(only_public_addresses_are_looked_up)
{
	static const char *const others[] = {"10.1.2.3", "fd00::1", "", "alpha.example.net",
	    "192.0.2", "192.0.2.1.", "999.0.2.1", "2001:db8::1%eth0",
	    "2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
	struct geoip *g = open_seeds("country-24", "asn-28");

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_str_eq(known(g, others[i]), "  ");
	geoip_free(&g);
}
END_TEST

START_TEST(values_of_the_wrong_kind_are_none)
{
	struct geoip *g = open_seeds("strange-country", "strange-asn");
	struct buf cut = BUF_INIT;

	buf_puts(&cut, " 1 ");
	for (int i = 0; i < GEOIP_NAME_MAX / 3; i++)
		buf_puts(&cut, "\xe2\x82\xac");
	ck_assert_str_eq(known(g, "192.0.2.1"), buf_str(&cut));
	ck_assert_str_eq(known(g, "192.0.2.2"), " 0 a?b?c");
	ck_assert_str_eq(known(g, "192.0.2.3"), "  ");
	cut.n = 0;
	buf_puts(&cut, " 23456 ");
	for (int i = 0; i < GEOIP_NAME_MAX; i++)
		buf_putc(&cut, 'x');
	ck_assert_str_eq(known(g, "192.0.2.4"), buf_str(&cut));
	ck_assert_str_eq(known(g, "192.0.2.5"), "  ");
	ck_assert_str_eq(known(g, "192.0.2.6"), "  ");
	ck_assert_str_eq(known(g, "192.0.2.7"), "AT  ");
	buf_free(&cut);
	geoip_free(&g);
}
END_TEST

START_TEST(more_addresses_than_answers_are_kept)
{
	struct geoip *g = open_seeds("country-24", NULL);
	char address[32];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 5000; i++) {
			snprintf(address, sizeof(address), "198.51.%d.%d", 100 + i / 256, i % 256);
			ck_assert_str_eq(known(g, address), i < 128 ? "FR  " : "  ");
		}
	}
	geoip_free(&g);
}
END_TEST

static void
read_again(struct geoip *g)
{
	struct geoip_reading *r = geoip_reading_new(g, GEOIP_COUNTRY);

	geoip_reading_run(r);
	geoip_take(g, r);
	geoip_reading_free(&r);
}

static char *
contents(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *p = xmalloc(65536);

	ck_assert_ptr_nonnull(f);
	*n = fread(p, 1, 65536, f);
	fclose(f);
	ck_assert(*n > 100 && *n < 65536);
	return p;
}

static void
put(const char *path, const char *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	fclose(f);
}

START_TEST(a_bad_file_leaves_the_one_before_in_use)
{
	char *dir = rig_dir(), *path = rig_file(dir, "x.mmdb", "none yet"), *good;
	struct geoip *g;
	size_t n;

	good = contents(seed("country-24"), &n);
	g = geoip_new(path, NULL);
	ck_assert_ptr_nonnull(strstr(geoip_status(g, GEOIP_COUNTRY).problem, "no MaxMind DB file"));
	ck_assert(!geoip_has_changed(g, GEOIP_COUNTRY));
	ck_assert_str_eq(known(g, "192.0.2.1"), "  ");

	put(path, good, n);
	ck_assert(geoip_has_changed(g, GEOIP_COUNTRY));
	read_again(g);
	ck_assert_ptr_null(geoip_status(g, GEOIP_COUNTRY).problem);
	ck_assert_int_eq(geoip_status(g, GEOIP_COUNTRY).built, INT64_C(1767225600000));
	ck_assert_str_eq(known(g, "192.0.2.1"), "DE  ");

	put(path, good, n / 2);
	ck_assert_str_eq(known(g, "198.51.100.1"), "FR  ");
	read_again(g);
	ck_assert_ptr_nonnull(geoip_status(g, GEOIP_COUNTRY).problem);
	ck_assert_str_eq(known(g, "203.0.113.77"), "JP  ");

	unlink(path);
	ck_assert(geoip_has_changed(g, GEOIP_COUNTRY));
	read_again(g);
	ck_assert(!geoip_has_changed(g, GEOIP_COUNTRY));
	ck_assert_ptr_nonnull(strstr(geoip_status(g, GEOIP_COUNTRY).problem, "No such file"));
	ck_assert_str_eq(known(g, "203.0.113.77"), "JP  ");
	geoip_free(&g);
	free(good);
	free(path);
	rig_remove(&dir);
}
END_TEST

START_TEST(a_file_of_the_other_kind_is_told)
{
	struct geoip *g = open_seeds("asn-28", "country-24");

	ck_assert_ptr_nonnull(
	    strstr(geoip_status(g, GEOIP_COUNTRY).problem, "Test-ASN; is it the file of asn?"));
	ck_assert_ptr_nonnull(
	    strstr(geoip_status(g, GEOIP_ASN).problem, "Test-Country; is it the file of country?"));
	ck_assert_str_eq(known(g, "192.0.2.1"), "  ");
	geoip_free(&g);
}
END_TEST

/* Whatever is in it: an answer is in its bounds, or the file is refused. */
static bool
try_file(const char *path)
{
	static const char *const addresses[] = {"192.0.2.1", "192.0.2.200", "198.51.100.7",
	    "203.0.113.77", "2001:db8::1", "1.1.1.1", "2a00::"};
	struct geoip *g = geoip_new(path, path);
	bool used = geoip_status(g, GEOIP_COUNTRY).type != NULL;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		const struct geoip_answer *a = geoip_find(g, sv_str(addresses[i]));

		ck_assert(strlen(a->country) == 0 || strlen(a->country) == 2);
		ck_assert_uint_le(strlen(a->number), 10);
		ck_assert_uint_le(strlen(a->organization), GEOIP_NAME_MAX);
	}
	geoip_free(&g);
	return used;
}

START_TEST(no_damage_does_harm)
{
	char *dir = rig_dir(), *path = rig_file(dir, "x.mmdb", ""), *good, *bad;
	size_t n, refused = 0;
	unsigned random = 1;

	good = contents(seed("country-28"), &n);
	bad = xmalloc(n);
	for (size_t cut = 0; cut < n; cut += 7) {
		put(path, good, cut);
		refused += !try_file(path);
	}
	ck_assert_uint_gt(refused, n / 14);
	for (int i = 0; i < 1000; i++) {
		memcpy(bad, good, n);
		for (int j = 0; j < 4; j++) {
			random = random * 1103515245U + 12345U;
			bad[(random >> 8) % n] = (char)(random >> 3);
		}
		put(path, bad, n);
		try_file(path);
	}
	free(bad);
	free(good);
	free(path);
	rig_remove(&dir);
}
END_TEST

/* ---- the fields of events ------------------------------------------------------- */

#define EVENTS \
	"events:\n" \
	"  - {id: t.a, title: a, class: c, severity: low, match: '^a (?<source_ip>\\S+)$'}\n" \
	"  - {id: t.own, title: a, class: c, severity: low,\n" \
	"     match: '^a (?<source_ip>\\S+)(?<source_geo_country_iso_code>)$'}\n" \
	"  - {id: t.said, title: a, class: c, severity: low,\n" \
	"     match: '^b (?<source_ip>\\S+) (?<source_geo_country_iso_code>\\S+)$'}\n"

static void
see(void *ctx, const struct event *e)
{
	struct buf *seen = ctx;

	buf_printf(seen, "%s", e->rule->id);
	for (size_t i = 1; i < e->nfields; i++) {
		buf_printf(seen, " %s=", e->fields[i].name);
		buf_sv(seen, e->fields[i].value);
	}
	buf_putc(seen, ';');
}

/* The fields, but the first, that events of ${message} have. */
static void
fields_are(const char *yaml, bool all, const char *message, const char *expected)
{
	struct ruleset *rules = rig_rules(yaml);
	struct matcher *m = matcher_new(rules);
	struct geoip *g = open_seeds("country-24", "asn-28");
	struct stream stream = {.id = "s"};
	struct line line = {.stream = &stream, .text = sv_str(message)};
	struct record rec = {.line = &line, .message = sv_str(message), .facility = -1, .severity = -1};
	struct buf seen = BUF_INIT;

	matcher_set_geoip(m, g, all);
	match_record(m, &rec, see, &seen);
	ck_assert_str_eq(buf_str(&seen), expected);
	buf_free(&seen);
	matcher_free(&m);
	geoip_free(&g);
	ruleset_unref(&rules);
}

START_TEST(events_have_what_rules_ask_for)
{
	static const char by[] = EVENTS
	    "incidents:\n"
	    "  - {id: i, title: i, on: [t.a], by: [source_as_number], count: 2, within: 1m,\n"
	    "     severity: low, criteria: c}\n";
	static const char where[] = EVENTS
	    "incidents:\n"
	    "  - {id: i, title: i, on: [t.a], where: {source_geo_country_iso_code: DE}, count: 2,\n"
	    "     within: 1m, severity: low, criteria: c}\n";
	struct ruleset *rules = rig_rules(EVENTS);

	ck_assert_uint_eq(ruleset_derived(rules), 0);
	ruleset_unref(&rules);
	fields_are(EVENTS, false, "a 192.0.2.1", "t.a;t.own;");
	fields_are(by, false, "a 192.0.2.1", "t.a source.as.number=64500;t.own;");
	fields_are(by, false, "a 203.0.113.77", "t.a;t.own;");
	fields_are(where, false, "a 192.0.2.1", "t.a source.geo.country_iso_code=DE;t.own;");
	fields_are(where, true, "a 192.0.2.1",
	    "t.a source.geo.country_iso_code=DE source.as.number=64500 "
	    "source.as.organization.name=One;"
	    "t.own source.geo.country_iso_code=DE source.as.number=64500 "
	    "source.as.organization.name=One;");
}
END_TEST

START_TEST(what_the_line_says_stands)
{
	fields_are(EVENTS, true, "b 192.0.2.200 US", "t.said source.geo.country_iso_code=US;");
}
END_TEST

#endif

START_TEST(names_are_those_of_the_table_of_fields)
{
	for (unsigned i = 0; i < RULE_DERIVED_FIELDS; i++) {
		const struct field_spec *spec =
		    rule_field_find(rule_derived_capture((enum rule_derived)i));

		ck_assert_ptr_nonnull(spec);
		ck_assert_str_eq(spec->field, rule_derived_name((enum rule_derived)i));
		ck_assert_uint_eq(rule_derived_bit(spec->field), UINT32_C(1) << i);
	}
	ck_assert_uint_eq(rule_derived_bit("source.ip"), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("geoip");
	TCase *t = tcase_create("geoip");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, names_are_those_of_the_table_of_fields);
#ifdef HAVE_MAXMINDDB
	tcase_add_test(t, every_form_of_the_tree_is_read);
	tcase_add_test(t, only_public_addresses_are_looked_up);
	tcase_add_test(t, values_of_the_wrong_kind_are_none);
	tcase_add_test(t, more_addresses_than_answers_are_kept);
	tcase_add_test(t, a_bad_file_leaves_the_one_before_in_use);
	tcase_add_test(t, a_file_of_the_other_kind_is_told);
	tcase_add_test(t, no_damage_does_harm);
	tcase_add_test(t, events_have_what_rules_ask_for);
	tcase_add_test(t, what_the_line_says_stands);
#endif
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
