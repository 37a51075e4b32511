/*
 * check_config: triaged.yaml: its defaults, and what is refused before anything
 * starts.
 */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/config.h"
#include "rig.h"
#include "util/xalloc.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))
#define SOURCES "sources: [{id: a, files: /var/log/a}]\n"
#define KEY_24 "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
#define KEY_23 "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="

static struct diag *diag;
static struct config *config;
static struct buf printed;
static char *dir;

static void
setup(void)
{
	diag = diag_new();
	config = NULL;
	printed = (struct buf)BUF_INIT;
	dir = rig_dir();
}

static void
teardown(void)
{
	config_free(&config);
	diag_free(&diag);
	buf_free(&printed);
	rig_remove(&dir);
}

static void
read_path(const char *path)
{
	config = config_read(path, diag);
	diag_print(diag, &printed);
	ck_assert_int_eq(config == NULL, diag_errors(diag) > 0);
}

static void
read_text(const char *text)
{
	char *path = rig_file(dir, "triaged.yaml", text);

	read_path(path);
	free(path);
}

/* Does one error, and no other, say ${wanted}? */
static void
expect_one(const char *text, const char *wanted)
{
	read_text(text);
	ck_assert_msg(diag_errors(diag) == 1 && strstr(buf_str(&printed), wanted) != NULL,
	    "wanted one error: %s\ngot %zu:\n%s", wanted, diag_errors(diag), buf_str(&printed));
}

static void
expect_none(const char *text)
{
	read_text(text);
	ck_assert_msg(config != NULL, "%s", buf_str(&printed));
}

START_TEST(short_file_is_enough)
{
	char host[65] = "";

	expect_none(SOURCES);
	ck_assert_int_eq(gethostname(host, sizeof(host) - 1), 0);
	ck_assert_str_eq(config->node.s, host);
	ck_assert_ptr_nonnull(config->state_dir.s);
	ck_assert_ptr_nonnull(config->control_socket.s);
	ck_assert_uint_eq(config->rules.n, 2);
	ck_assert_int_eq(config->max_line, 65536);
	ck_assert_uint_eq(config->sources.n, 1);
	ck_assert_int_eq(((struct source_conf *)config->sources.v)->start, START_END);
	ck_assert_ptr_null(config->redis.url.s);
	ck_assert_uint_eq(config->channels.n, 0);
	ck_assert(config->match.jit);
	ck_assert_int_eq(config->match.match_limit, 200000);
	ck_assert_int_eq(config->match.depth_limit, 20000);
	ck_assert_int_eq(config->match.heap_limit_kib, 2048);
	ck_assert_int_eq(config->match.max_length, 8192);
}
END_TEST

START_TEST(full_file_is_read)
{
	const struct channel_conf *ch;

	expect_none(
	    "node: web-1.example.org\nstate_dir: /s\ncontrol_socket: /c\nrules: /r\n"
	    "max_line: 256\n"
	    "sources: [{id: a, files: ['/x/*.log', /y], start: beginning}]\n"
	    "redis: {url: 'redis://[::1]:6379/1', user: u, password: p}\n"
	    "channels:\n"
	    "  - {id: ops, type: webhook, url: 'https://x.example/y?z', secret: " KEY_24
	    "}\n"
	    "  - {id: chat, type: slack, url: 'http://127.0.0.1:80', insecure: true,\n"
	    "     min_severity: critical}\n"
	    "match: {jit: false}\n");
	ck_assert_str_eq(config->node.s, "web-1.example.org");
	ck_assert_uint_eq(config->channels.n, 2);
	ch = config->channels.v;
	ck_assert_int_eq(ch[0].type, CHANNEL_WEBHOOK);
	ck_assert_int_eq(ch[0].min_severity, SEVERITY_LOW);
	ck_assert_int_eq(ch[1].type, CHANNEL_SLACK);
	ck_assert_int_eq(ch[1].min_severity, SEVERITY_CRITICAL);
	ck_assert(ch[1].insecure);
	ck_assert(!config->match.jit);
	ck_assert_int_eq(config->match.match_limit, 200000);
}
END_TEST

START_TEST(installed_sample_is_valid)
{
	const char *srcdir = getenv("srcdir");
	char *path = xasprintf("%s/contrib/triaged.yaml", srcdir == NULL ? "." : srcdir);

	read_path(path);
	ck_assert_msg(config != NULL, "%s", buf_str(&printed));
	free(path);
}
END_TEST

START_TEST(missing_file_is_one_error)
{
	read_path("/nonexistent/triaged.yaml");
	ck_assert_str_eq(buf_str(&printed),
	    "/nonexistent/triaged.yaml: cannot be read: No such file or directory\n");
}
END_TEST

static const struct {
	const char *text;
	const char *wanted;
} wrong[] = {
    {"", "triaged.yaml:1:1: the configuration needs the key 'sources'"},
    {"sources: []", "sources is empty: there is nothing to watch"},
    {"sources: [{id: a, files: []}]", "files is empty: there is nothing to watch"},
    {"sources: [{id: a}]", "a source needs one of files, journal and listen"},
    {"sources: [{id: a, files: /a, journal: system}]",
        "a source needs one of files, journal and listen"},
    {"sources: [{id: a, journal: no}]", "1:28: journal: expected system or an absolute path"},
    {"sources: [{id: a, listen: []}]", "listen is empty: nothing can come in"},
    {"sources: [{id: a, listen: 'udp://514'}]", "1:27: listen: expected ADDRESS:PORT"},
    {"sources: [{id: a, listen: 'udp://localhost:514'}]", "1:27: listen: expected a numeric address"},
    {"sources: [{id: a, listen: 'udp://0.0.0.0:0'}]", "with a port of 1 to 65535"},
    {"sources: [{id: a, listen: 'http://0.0.0.0:1'}]", "1:27: listen: expected udp://"},
    {"sources: [{id: a, listen: 'unix://a'}]", "1:27: listen: expected an absolute path"},
    {"sources: [{id: a, listen: 'tcp://0.0.0.0:601'}]", "use tls://, or say insecure: true"},
    {"sources: [{id: a, listen: 'stdin:'}, {id: b, listen: ['udp://[::1]:514', 'stdin:']}]",
        "1:74: listen: this is listened on already, by the one on line 1"},
    {"sources: [{id: a, listen: ['unix:///a', 'unix:///a']}]", "1:41: listen: this is listened on"},
    {"sources: [{id: a, listen: 'tls://0.0.0.0:6514'}]",
        "tls:// needs tls with a certificate and a key"},
    {"sources: [{id: a, listen: 'tls://[::]:6514', tls: {certificate: /c, key: /k}}]",
        "tls: needs ca to know clients by"},
    {"sources: [{files: /a}]", "a source needs the key 'id'"},
    {"sources: [{id: a, files: a.log}]", "1:26: files: expected an absolute path"},
    {"sources: [{id: A, files: /a}]", "1:16: id: expected lower-case letters"},
    {"sources: [{id: -a, files: /a}]", "1:16: id: expected lower-case letters"},
    {"sources: [{id: a.b, files: /a}]", "1:16: id: expected lower-case letters"},
    {"sources: [{id: abcdefghijabcdefghijabcdefghijabc, files: /a}]", "at most 32"},
    {"sources: [{id: a, files: /a}, {id: a, files: /b}]",
        "1:36: id 'a' is taken, by the one on "
        "line 1"},
    {SOURCES "node: a b", "2:7: node: expected letters"},
    {SOURCES "node: ''", "2:7: node: expected letters"},
    {SOURCES "state_dir: var", "2:12: state_dir: expected an absolute path"},
    {SOURCES "rules: [/a, b]", "2:13: rules: expected an absolute path"},
    {SOURCES "control_socket: c", "2:17: control_socket: expected an absolute path"},
    {SOURCES "control_socket: /abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
             "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij",
        "2:17: control_socket: longer than the 107 bytes"},
    {SOURCES "max_line: 255", "2:11: max_line: expected a whole number from 256 to 1048576"},
    {SOURCES "redis: {user: a}", "user: needs a password as well"},
    {SOURCES "redis: {password: a}", "password: needs a url as well"},
    {SOURCES "match: {match_limit: 0}", "match_limit: expected a whole number"},
    {SOURCES "channels: [{id: a, type: mail, url: 'https://x'}]", "type: expected one of webhook"},
    {SOURCES "channels: [{id: a, type: slack}]", "a channel needs the key 'url'"},
    {SOURCES "channels: [{id: a, type: slack, url: 'https://x', secret: " KEY_24 "}]",
        "secret: a slack channel takes none"},
    {SOURCES "channels: [{id: a, type: slack, url: 'https://x'}, {id: a, type: slack, url: "
             "'https://x'}]",
        "id 'a' is taken"},
    {SOURCES "channels: [{id: a, type: slack, url: 'https://x', ca_file: /nonexistent}]",
        "ca_file: cannot be read: No such file"},
    {SOURCES "channels: [{id: a, type: slack, url_file: /nonexistent}]",
        "2:43: the secret in /nonexistent cannot be used: No such file"},
};

START_TEST(mistake_is_refused)
{
	expect_one(wrong[_i].text, wrong[_i].wanted);
}
END_TEST

START_TEST(mistakes_come_all_at_once)
{
	read_text(
	    "node: a b\n"
	    "max_line: big\n"
	    "sources:\n"
	    "  - {id: a, file: /var/log/a}\n"
	    "  - {id: a, files: b}\n"
	    "channels:\n"
	    "  - {id: ops, type: slack, url: 'http://x'}\n"
	    "  - {id: ops, type: slack}\n");
	ck_assert_msg(diag_errors(diag) == 8, "%s", buf_str(&printed));
}
END_TEST

START_TEST(cut_file_is_not_said_to_lack_keys)
{
	expect_one("node: a\nstate_dir: /a: b\n" SOURCES, "2:14: a ': '");
}
END_TEST

/* --- URLs and secrets */

static const struct {
	const char *url;
	const char *wanted; /* NULL: good */
} channel_urls[] = {
    {"https://a", NULL},
    {"https://a.example:8443/x/y?z=1#f", NULL},
    {"https://192.0.2.1/", NULL},
    {"https://[2001:db8::1]:443/", NULL},
    {"http://a", "url: is http"},
    {"ftp://a", "url: must begin with https://"},
    {"HTTPS://a", "url: must begin with https://"},
    {"https:a", "url: is no URL"},
    {"https:/a", "url: is no URL"},
    {"//a/b", "url: is no URL"},
    {"a.example/hook", "url: is no URL"},
    {"https://", "url: has no valid host"},
    {"https:///a", "url: has no valid host"},
    {"https://?a", "url: has no valid host"},
    {"https://u:p@a/", "url: must not hold a user"},
    {"https://a@/", "url: must not hold a user"},
    {"https://a:b/", "url: has a port"},
    {"https://a:0/", "url: has a port"},
    {"https://a:65536/", "url: has a port"},
    {"https://a:/", "url: has a port"},
    {"https://[::1/", "url: has no valid host"},
    {"https://[::1]x/", "url: has a port"},
    {"https://[a b]/", "url: holds a space"},
    {"https://a/b c", "url: holds a space"},
    {"https://a\\b/", "url: holds a space, a backslash"},
    {"https://ä/", "url: holds a space"},
    {"https://a%00/", "url: has no valid host"},
};

START_TEST(channel_url_is_checked)
{
	char *text = xasprintf(
	    SOURCES "channels: [{id: a, type: slack, url: '%s'}]\n", channel_urls[_i].url);

	if (channel_urls[_i].wanted == NULL)
		expect_none(text);
	else
		expect_one(text, channel_urls[_i].wanted);
	free(text);
}
END_TEST

START_TEST(channel_url_cannot_smuggle_a_header)
{
	expect_one(SOURCES "channels: [{id: a, type: slack, url: \"https://a/\\r\\nX: y\"}]\n",
	    "url: holds a space");
}
END_TEST

static const struct {
	const char *url;
	const char *wanted;
} redis_urls[] = {
    {"unix:///run/redis.sock", NULL},
    {"redis://a", NULL},
    {"redis://a/", NULL},
    {"redis://a:6380/2", NULL},
    {"redis://[::1]/2", NULL},
    {"rediss://a", "TLS, which is not supported yet"},
    {"http://a", "is of an unknown kind"},
    {"unix:/run/redis.sock", "is no URL"},
    {"unix://run/redis.sock", "needs an absolute path"},
    {"unix://", "needs an absolute path"},
    {"redis://", "has no valid host"},
    {"redis://u:p@a", "must not hold a user or password"},
    {"redis://a/x", "something else than a database number"},
    {"redis://a?x", "something else than a database number"},
    {"redis://a:x", "has a port"},
};

START_TEST(redis_url_is_checked)
{
	char *text = xasprintf(SOURCES "redis: {url: '%s'}\n", redis_urls[_i].url);

	if (redis_urls[_i].wanted == NULL)
		expect_none(text);
	else
		expect_one(text, redis_urls[_i].wanted);
	free(text);
}
END_TEST

static const struct {
	const char *secret;
	bool good;
} signing_keys[] = {
    {KEY_24, true},
    {KEY_23, false},
    {"whsec_", false},
    {"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB", false},
    {"WHSEC_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB", false},
    {"whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF!", false},
    {"whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ==",
        true}, /* 64 bytes */
    {"whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
        false},
};

START_TEST(signing_key_is_checked)
{
	char *text = xasprintf(SOURCES
	    "channels: [{id: a, type: webhook, url: 'https://a', "
	    "secret: '%s'}]\n",
	    signing_keys[_i].secret);

	if (signing_keys[_i].good)
		expect_none(text);
	else
		expect_one(text, "secret: expected whsec_ and 24 to 64 bytes in base64");
	free(text);
}
END_TEST

START_TEST(url_and_secret_may_come_from_files)
{
	char *url = rig_file(dir, "url", "https://hooks.example/T0\n");
	char *secret = rig_file(dir, "secret", KEY_24 "\n");
	char *text = xasprintf(SOURCES
	    "channels: [{id: a, type: webhook, url_file: %s, "
	    "secret_file: %s}]\n",
	    url, secret);

	expect_none(text);
	free(text);
	free(url);
	free(secret);
}
END_TEST

START_TEST(wrong_url_in_a_file_is_refused_without_repeating_it)
{
	char *url = rig_file(dir, "url", "http://hooks.example/T0\n");
	char *text = xasprintf(SOURCES "channels: [{id: a, type: slack, url_file: %s}]\n", url);

	expect_one(text, "url: what the file holds is http");
	ck_assert_ptr_null(strstr(buf_str(&printed), "hooks.example"));
	free(text);
	free(url);
}
END_TEST

/* --- the files that check_schema.sh gives to the generated JSON Schema */

static void
check_fixture(const char *corpus, const char *name)
{
	char *path = xasprintf("%s/%s", corpus, name);
	bool good = strncmp(name, "good-", 5) == 0;
	struct diag *d = diag_new();
	struct config c = {0};

	conf_read(path, &config_table, &c, d);
	conf_check_required(&config_table, &c, d);
	ck_assert_msg((diag_errors(d) == 0) == good, "%s has %zu errors", name, diag_errors(d));
	conf_clear(&config_table, &c);
	diag_free(&d);
	free(path);
}

START_TEST(fixtures_are_what_their_names_say)
{
	const char *srcdir = getenv("srcdir");
	char *corpus = xasprintf("%s/tests/fuzz/corpus/config", srcdir == NULL ? "." : srcdir);
	DIR *entries = opendir(corpus);
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(entries);
	while ((entry = readdir(entries)) != NULL) {
		if (strstr(entry->d_name, ".yaml") == NULL)
			continue;
		check_fixture(corpus, entry->d_name);
		n++;
	}
	ck_assert_int_gt(n, 10);
	closedir(entries);
	free(corpus);
}
END_TEST

static TCase *
add_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	suite_add_tcase(suite, tc);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("config");
	TCase *files = add_case(suite, "files"), *urls = add_case(suite, "urls");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(files, short_file_is_enough);
	tcase_add_test(files, full_file_is_read);
	tcase_add_test(files, installed_sample_is_valid);
	tcase_add_test(files, missing_file_is_one_error);
	tcase_add_loop_test(files, mistake_is_refused, 0, COUNT(wrong));
	tcase_add_test(files, mistakes_come_all_at_once);
	tcase_add_test(files, cut_file_is_not_said_to_lack_keys);
	tcase_add_test(files, fixtures_are_what_their_names_say);
	tcase_add_loop_test(urls, channel_url_is_checked, 0, COUNT(channel_urls));
	tcase_add_test(urls, channel_url_cannot_smuggle_a_header);
	tcase_add_loop_test(urls, redis_url_is_checked, 0, COUNT(redis_urls));
	tcase_add_loop_test(urls, signing_key_is_checked, 0, COUNT(signing_keys));
	tcase_add_test(urls, url_and_secret_may_come_from_files);
	tcase_add_test(urls, wrong_url_in_a_file_is_refused_without_repeating_it);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
