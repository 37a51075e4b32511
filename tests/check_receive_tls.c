/*
 * check_receive_tls: who is let in by its certificate and under which name, who is kept
 * out, and what else may come where TLS is expected.
 */
#include <check.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cert_rig.h"
#include "receive_rig.h"
#include "rig.h"
#include "util/xalloc.h"

struct tls_rig {
	struct rx *r;
	struct identity ca, server;
	struct conf_string names[2];
};

static struct tls_rig *
tls_rig_new(const char *name, const char *other)
{
	struct tls_rig *t = xcalloc(1, sizeof(*t));
	struct tls_conf *tls;

	t->r = rx_new();
	tls = &rx_conf(t->r)->tls;
	t->ca = identity_new("our CA", NULL, NULL, -60, 3600);
	t->server = identity_new("server", "DNS:log.example.org", &t->ca, -60, 3600);
	tls->certificate.s = identity_save_certificate(&t->server, rx_dir(t->r), "server.pem");
	tls->key.s = identity_save_key(&t->server, rx_dir(t->r), "server.key");
	tls->ca.s = identity_save_certificate(&t->ca, rx_dir(t->r), "ca.pem");
	tls->clients = TLS_REQUIRED;
	tls->names.v = t->names;
	t->names[0].s = (char *)(uintptr_t)name;
	t->names[1].s = (char *)(uintptr_t)other;
	tls->names.n = (size_t)(name != NULL) + (size_t)(other != NULL);
	rx_listen_inet(t->r, "tls");
	return t;
}

static void
tls_rig_free(struct tls_rig *t)
{
	free(rx_conf(t->r)->tls.certificate.s);
	free(rx_conf(t->r)->tls.key.s);
	free(rx_conf(t->r)->tls.ca.s);
	identity_free(&t->ca);
	identity_free(&t->server);
	rx_free(t->r);
	free(t);
}

/* In a process of its own: a connection as ${id}, by ${version} only (0: any). */
static SSL *
connect_tls(struct rx *r, const struct identity *id, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_min_proto_version(ctx, version);
	if (version != 0 && version < TLS1_2_VERSION)
		SSL_CTX_set_security_level(ctx, 0);
	if (id != NULL) {
		SSL_CTX_use_certificate(ctx, id->cert);
		SSL_CTX_use_PrivateKey(ctx, id->key);
	}
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, rx_connect(r));
	if (SSL_connect(ssl) != 1)
		_exit(1);
	return ssl;
}

/* In a process of its own: send ${text}, ${record} bytes a record; exits with 0 when the
 * other end let us send all. */
static pid_t
send_tls(struct rx *r, const struct identity *id, const char *text, size_t record, int version)
{
	pid_t pid = fork();
	SSL *ssl;
	char byte;
	size_t n;

	if (pid != 0)
		return pid;
	ssl = connect_tls(r, id, version);
	for (; *text != '\0'; text += n) {
		n = strnlen(text, record);
		if (SSL_write(ssl, text, (int)n) != (int)n)
			_exit(2);
	}
	SSL_shutdown(ssl);
	/* A refusal comes as an alert; else the other end closes too. */
	if (SSL_read(ssl, &byte, 1) <= 0 && SSL_get_error(ssl, 0) == SSL_ERROR_ZERO_RETURN)
		_exit(0);
	_exit(3);
}

/* The same, a byte read from ${gate} before connecting and before each text but the
 * first; the last is "".  Fork before the spool is open, whose lock it would keep. */
static pid_t
send_tls_texts(struct rx *r, const struct identity *id, int gate, const char *const *texts)
{
	pid_t pid = fork();
	SSL *ssl;
	char byte;

	if (pid != 0)
		return pid;
	if (read(gate, &byte, 1) != 1)
		_exit(3);
	ssl = connect_tls(r, id, 0);
	for (; **texts != '\0'; texts++)
		if (SSL_write(ssl, *texts, (int)strlen(*texts)) <= 0 || read(gate, &byte, 1) != 1)
			_exit(2);
	SSL_shutdown(ssl);
	_exit(0);
}

static int
exit_of(pid_t pid)
{
	int code;

	ck_assert_int_eq(waitpid(pid, &code, 0), pid);
	ck_assert(WIFEXITED(code));
	return WEXITSTATUS(code);
}

static void
check_let_in(struct tls_rig *t, const struct identity *id, const char *origin)
{
	char *want = xasprintf("%s <13>one\n%s <13>two\n", origin, origin);
	pid_t pid;

	rx_must_start(t->r);
	pid = send_tls(t->r, id, "7 <13>one<13>two\n", 100, TLS1_3_VERSION);
	rx_wait_messages(t->r, 2);
	rx_wait_connections(t->r, 0);
	ck_assert_int_eq(exit_of(pid), 0);
	ck_assert_uint_eq(rx_status(t->r, 0)->refused, 0);
	rx_stop(t->r);
	rx_check_spooled(t->r, want);
	free(want);
}

static void
check_kept_out(struct tls_rig *t, const struct identity *id, int version)
{
	pid_t pid;

	rx_must_start(t->r);
	pid = send_tls(t->r, id, "7 <13>one<13>two\n", 100, version);
	rx_wait_refused(t->r, 1);
	rx_wait_connections(t->r, 0);
	ck_assert_int_ne(exit_of(pid), 0);
	rx_stop(t->r);
	ck_assert_uint_eq(rx_count_spooled(t->r), 0);
}

/* With these names allowed, a client that has ${san} is let in. */
static void
check_named(const char *name, const char *other, const char *san, const char *origin)
{
	struct tls_rig *t = tls_rig_new(name, other);
	struct identity id = identity_new("x", san, &t->ca, -60, 3600);

	check_let_in(t, &id, origin);
	identity_free(&id);
	tls_rig_free(t);
}

START_TEST(a_client_with_an_allowed_name_is_let_in_and_named)
{
	check_named("*.example.net", "gate.example.org", "DNS:other.org,DNS:Gate.example.org",
	    "tls:127.0.0.1/Gate.example.org");
}
END_TEST

START_TEST(a_tls_connection_goes_on_over_changes)
{
	static const char *const texts[] = {"<13>one\n<13>tw", "o\n<13>three\n", "<13>four\n", ""};
	struct tls_rig *t = tls_rig_new("a.example.org", NULL);
	struct identity id = identity_new("x", "DNS:a.example.org", &t->ca, -60, 3600);
	int gate[2];
	pid_t pid;

	ck_assert_int_eq(pipe(gate), 0);
	pid = send_tls_texts(t->r, &id, gate[0], texts);
	rx_must_start(t->r);
	rx_puts(gate[1], "1");
	rx_wait_messages(t->r, 1);
	rx_stop_for_change(t->r);
	rx_puts(gate[1], "2");
	rx_must_start(t->r);
	rx_wait_messages(t->r, 2);
	rx_stop_for_change(t->r);
	rx_must_start(t->r);
	rx_puts(gate[1], "3");
	rx_wait_messages(t->r, 1);
	rx_puts(gate[1], "4");
	rx_wait_connections(t->r, 0);
	ck_assert_int_eq(exit_of(pid), 0);
	rx_stop(t->r);
	rx_check_spooled(t->r,
	    "tls:127.0.0.1/a.example.org <13>one\n"
	    "tls:127.0.0.1/a.example.org <13>two\n"
	    "tls:127.0.0.1/a.example.org <13>three\n"
	    "tls:127.0.0.1/a.example.org <13>four\n");
	identity_free(&id);
	tls_rig_free(t);
	close(gate[0]);
	close(gate[1]);
}
END_TEST

START_TEST(a_pattern_stands_for_one_label)
{
	struct tls_rig *t = tls_rig_new("*.example.net", NULL);
	struct identity deep = identity_new("x", "DNS:a.b.example.net", &t->ca, -60, 3600);
	struct identity id = identity_new("x", "DNS:a.example.net", &t->ca, -60, 3600);

	check_kept_out(t, &deep, TLS1_3_VERSION);
	check_let_in(t, &id, "tls:127.0.0.1/a.example.net");
	identity_free(&deep);
	identity_free(&id);
	tls_rig_free(t);
}
END_TEST

START_TEST(an_address_may_be_a_name)
{
	check_named("2001:db8:0::7", NULL, "IP:2001:db8::7", "tls:127.0.0.1/2001:db8::7");
}
END_TEST

START_TEST(without_names_any_client_of_the_ca_is_let_in)
{
	check_named(NULL, NULL, NULL, "tls:127.0.0.1");
}
END_TEST

START_TEST(without_certificates_anybody_is_let_in)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);

	rx_conf(t->r)->tls.clients = TLS_NONE;
	check_let_in(t, NULL, "tls:127.0.0.1");
	tls_rig_free(t);
}
END_TEST

START_TEST(who_cannot_prove_a_name_is_kept_out)
{
	struct tls_rig *t = tls_rig_new("gate.example.org", NULL);
	struct identity ca = identity_new("our CA", NULL, NULL, -60, 3600);
	struct identity kept_out[] = {
	    identity_new("x", "DNS:gate.example.org", &ca, -60, 3600),
	    identity_new("x", "DNS:gate.example.org", &t->ca, -3600, -60),
	    identity_new("x", "DNS:gate.example.org", &t->ca, 3600, 7200),
	    identity_new("x", "DNS:fate.example.org", &t->ca, -60, 3600),
	    identity_new("x", "DNS:gate.example.org.evil.org", &t->ca, -60, 3600),
	    identity_new("x", "URI:gate.example.org", &t->ca, -60, 3600),
	    identity_new("gate.example.org", NULL, &t->ca, -60, 3600),
	    identity_new("x", "DNS:*.example.org", &t->ca, -60, 3600),
	    identity_new("x", "DNS:gate.example.org", NULL, -60, 3600),
	};

	for (size_t i = 0; i < sizeof(kept_out) / sizeof(kept_out[0]); i++) {
		check_kept_out(t, &kept_out[i], TLS1_3_VERSION);
		check_kept_out(t, &kept_out[i], TLS1_2_VERSION);
		identity_free(&kept_out[i]);
	}
	check_kept_out(t, NULL, TLS1_3_VERSION);
	check_kept_out(t, NULL, TLS1_2_VERSION);
	identity_free(&ca);
	tls_rig_free(t);
}
END_TEST

START_TEST(old_tls_is_refused)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);
	struct identity id = identity_new("x", NULL, &t->ca, -60, 3600);

	check_kept_out(t, &id, TLS1_1_VERSION);
	identity_free(&id);
	tls_rig_free(t);
}
END_TEST

START_TEST(records_of_one_byte_and_large_ones_are_the_same)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);
	struct identity id = identity_new("x", NULL, &t->ca, -60, 3600);
	static const size_t records[] = {1, 100000};
	struct buf text = BUF_INIT;
	pid_t pid;

	for (int i = 0; i < 2000; i++)
		buf_printf(&text, "<13>a line that is number %d\n7 <13>one", i);
	rx_must_start(t->r);
	for (size_t i = 0; i < 2; i++) {
		pid = send_tls(t->r, &id, buf_str(&text), records[i], TLS1_2_VERSION + (int)i);
		rx_wait_messages(t->r, 4000 * (i + 1));
		rx_wait_connections(t->r, 0);
		ck_assert_int_eq(exit_of(pid), 0);
	}
	rx_stop(t->r);
	ck_assert_uint_eq(rx_count_spooled(t->r), 8000);
	buf_free(&text);
	identity_free(&id);
	tls_rig_free(t);
}
END_TEST

START_TEST(nothing_is_renegotiated)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);
	struct identity id = identity_new("x", NULL, &t->ca, -60, 3600);
	SSL *ssl;
	pid_t pid;

	rx_must_start(t->r);
	pid = fork();
	if (pid == 0) {
		ssl = connect_tls(t->r, &id, TLS1_2_VERSION);
		if (SSL_write(ssl, "<13>one\n", 8) != 8)
			_exit(1);
		_exit(SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1 ? 2 : 0);
	}
	rx_wait_messages(t->r, 1);
	rx_wait_connections(t->r, 0);
	ck_assert_int_eq(exit_of(pid), 0);
	rx_stop(t->r);
	identity_free(&id);
	tls_rig_free(t);
}
END_TEST

START_TEST(what_is_no_tls_is_refused)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);
	int fd;

	rx_must_start(t->r);
	fd = rx_connect(t->r);
	rx_puts(fd, "<13>Nov 22 09:00:00 gate doord[7]: door north: opened\n");
	rx_wait_refused(t->r, 1);
	rx_stop(t->r);
	ck_assert_uint_eq(rx_count_spooled(t->r), 0);
	close(fd);
	tls_rig_free(t);
}
END_TEST

START_TEST(certificates_that_do_not_fit_are_refused)
{
	struct tls_rig *t = tls_rig_new(NULL, NULL);
	struct tls_conf *tls = &rx_conf(t->r)->tls;
	char *key = tls->key.s;

	tls->key.s = identity_save_key(&t->ca, rx_dir(t->r), "other.key");
	ck_assert(!rx_start(t->r));
	free(tls->key.s);
	tls->key.s = rig_file(rx_dir(t->r), "empty", "");
	ck_assert(!rx_start(t->r));
	free(tls->key.s);
	tls->key.s = key;
	rx_must_start(t->r);
	tls_rig_free(t);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("receive_tls");
	TCase *tc = tcase_create("tls");

	tcase_add_test(tc, a_client_with_an_allowed_name_is_let_in_and_named);
	tcase_add_test(tc, a_tls_connection_goes_on_over_changes);
	tcase_add_test(tc, a_pattern_stands_for_one_label);
	tcase_add_test(tc, an_address_may_be_a_name);
	tcase_add_test(tc, without_names_any_client_of_the_ca_is_let_in);
	tcase_add_test(tc, without_certificates_anybody_is_let_in);
	tcase_add_test(tc, who_cannot_prove_a_name_is_kept_out);
	tcase_add_test(tc, old_tls_is_refused);
	tcase_add_test(tc, records_of_one_byte_and_large_ones_are_the_same);
	tcase_add_test(tc, nothing_is_renegotiated);
	tcase_add_test(tc, what_is_no_tls_is_refused);
	tcase_add_test(tc, certificates_that_do_not_fit_are_refused);
	tcase_set_timeout(tc, 30);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
