/*
 * check_notify_tls: whose certificates notify trusts.
 */
#include <check.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cert_rig.h"
#include "notify_rig.h"
#include "rig.h"

/* One connection after the other: a request, a 200. */
_Noreturn static void
serve_tls(int fd, const struct identity *id)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	SSL_CTX_use_certificate(ctx, id->cert);
	SSL_CTX_use_PrivateKey(ctx, id->key);
	for (;;) {
		int conn = accept(fd, NULL, NULL);
		SSL *ssl = SSL_new(ctx);
		char request[4096];

		SSL_set_fd(ssl, conn);
		if (SSL_accept(ssl) == 1 && SSL_read(ssl, request, sizeof(request)) > 0)
			SSL_write(ssl, OK, sizeof(OK) - 1);
		SSL_free(ssl);
		close(conn);
	}
}

/* What becomes of a delivery to it by the name ${host}, whether or not its certificate is
 * that of the channel's CA. */
static const struct outcome *
try_tls(struct nx *n, const char *host, bool trust)
{
	struct identity id = identity_new("server", "IP:127.0.0.1", NULL, -3600, 3600);
	char *dir = rig_dir(), *ca = identity_save_certificate(&id, dir, "ca.pem");
	uint16_t port;
	int fd = nx_listen(&port);
	pid_t pid = fork();

	if (pid == 0)
		serve_tls(fd, &id);
	close(fd);
	snprintf(n->urls[0], sizeof(n->urls[0]), "https://%s:%u/", host, port);
	if (trust)
		n->conf[0].ca_file.s = ca;
	nx_deliver(n, SECRET);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	identity_free(&id);
	free(ca);
	rig_remove(&dir);
	return &n->said[0].outcome;
}

START_TEST(tls_certificate_of_the_ca_file_is_trusted)
{
	struct nx *n = nx_new();
	const struct outcome *o;

	n->conf[0].insecure = false;
	o = try_tls(n, "127.0.0.1", true);
	ck_assert_msg(o->delivered, "%s", o->text);
	nx_free(n);
}
END_TEST

/* insecure allows http; it never means an unverified peer */
START_TEST(tls_unknown_certificate_is_refused_even_if_insecure)
{
	struct nx *n = nx_new();
	const struct outcome *o;

	o = try_tls(n, "127.0.0.1", false);
	ck_assert(!o->delivered);
	ck_assert_ptr_nonnull(strstr(o->text, "certificate"));
	nx_free(n);
}
END_TEST

START_TEST(tls_certificate_for_another_name_is_refused)
{
	struct nx *n = nx_new();
	const struct outcome *o;

	o = try_tls(n, "localhost", true);
	ck_assert(!o->delivered);
	ck_assert_ptr_nonnull(strstr(o->text, "certificate"));
	nx_free(n);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("notify_tls");
	TCase *c = nx_case(suite, "tls");

	tcase_add_test(c, tls_certificate_of_the_ca_file_is_trusted);
	tcase_add_test(c, tls_unknown_certificate_is_refused_even_if_insecure);
	tcase_add_test(c, tls_certificate_for_another_name_is_refused);
	return rig_run(suite);
}
