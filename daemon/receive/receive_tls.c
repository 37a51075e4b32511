/*
 * receive_tls: our certificate, and who is let in by theirs.  TLS 1.2 and later.
 *
 * Clients are known by the subject alternative names of a certificate that "ca" has
 * signed; the common name counts for nothing.  A name counts only if it looks like
 * one, so what goes into the spool is harmless.  No sessions are kept, so that each
 * connection shows its certificate, and nothing is renegotiated.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "receive/receive_internal.h"
#include "util/log.h"
#include "util/xalloc.h"

#define NAME_MAX_BYTES 128 /* a longer one does not fit into an origin and does not count */
#define READS 64           /* records of one call */
#define RECORD 16384       /* bytes in the largest */

struct receive_tls {
	SSL_CTX *ctx;
	const struct tls_conf *conf;
};

/* ---- names ------------------------------------------------------------------- */

static bool
is_name(struct sv s)
{
	if (s.n == 0 || s.n > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._",
		        s.p[i]) == NULL ||
		    s.p[i] == '\0')
			return false;
	return true;
}

/* A name that may stand in an origin; false: this one does not count. */
static bool
name_of(const GENERAL_NAME *san, char out[NAME_MAX_BYTES + 1])
{
	const ASN1_STRING *s = san->d.ia5;
	struct sv bytes;

	if (san->type != GEN_DNS && san->type != GEN_IPADD)
		return false;
	bytes = (struct sv){(const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)};
	if (san->type == GEN_IPADD && bytes.n == 4)
		return inet_ntop(AF_INET, bytes.p, out, NAME_MAX_BYTES + 1) != NULL;
	if (san->type == GEN_IPADD && bytes.n == 16)
		return inet_ntop(AF_INET6, bytes.p, out, NAME_MAX_BYTES + 1) != NULL;
	if (san->type != GEN_DNS || !is_name(bytes))
		return false;
	memcpy(out, bytes.p, bytes.n);
	out[bytes.n] = '\0';
	return true;
}

/* *.example.org stands for one label before .example.org. */
static bool
matches(const char *pattern, const char *name, bool is_dns)
{
	unsigned char a[16], b[16];
	const char *dot;

	if (!is_dns) {
		int family = strchr(name, ':') == NULL ? AF_INET : AF_INET6;

		return inet_pton(family, pattern, a) == 1 && inet_pton(family, name, b) == 1 &&
		    memcmp(a, b, family == AF_INET ? 4 : 16) == 0;
	}
	if (strncmp(pattern, "*.", 2) != 0)
		return strcasecmp(pattern, name) == 0;
	dot = strchr(name, '.');
	return dot != NULL && dot != name && strcasecmp(pattern + 1, dot) == 0;
}

static bool
is_allowed(const struct tls_conf *conf, const char *name, bool is_dns)
{
	for (size_t i = 0; i < conf->names.n; i++)
		if (matches(conf->names.v[i].s, name, is_dns))
			return true;
	return conf->names.n == 0;
}

/* The first of its names that is let in. */
static bool
find_name(const struct tls_conf *conf, X509 *cert, char out[NAME_MAX_BYTES + 1])
{
	GENERAL_NAMES *sans = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(sans) && !found; i++) {
		const GENERAL_NAME *san = sk_GENERAL_NAME_value(sans, i);

		found = name_of(san, out) && is_allowed(conf, out, san->type == GEN_DNS);
	}
	GENERAL_NAMES_free(sans);
	return found;
}

/* Called for each certificate of the chain, the client's own last. */
static int
verify(int good, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct receive_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	char name[NAME_MAX_BYTES + 1];

	if (!good || X509_STORE_CTX_get_error_depth(store) > 0 || t->conf->names.n == 0)
		return good;
	if (find_name(t->conf, X509_STORE_CTX_get_current_cert(store), name))
		return 1;
	X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
	return 0;
}

/* ---- context ------------------------------------------------------------------- */

static bool
complain(const char *source, const char *what, const char *path)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	log_error("receive", "source %s: tls: %s%s%s: %s", source, what, path == NULL ? "" : " ",
	    path == NULL ? "" : path, why == NULL ? "does not fit" : why);
	ERR_clear_error();
	return false;
}

static bool
load_own(SSL_CTX *ctx, const struct tls_conf *conf, const char *source)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, conf->certificate.s) != 1)
		return complain(source, "certificate", conf->certificate.s);
	if (SSL_CTX_use_PrivateKey_file(ctx, conf->key.s, SSL_FILETYPE_PEM) != 1)
		return complain(source, "key", conf->key.s);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return complain(source, "the key is not that of the certificate:", conf->key.s);
	return true;
}

static bool
load_clients(SSL_CTX *ctx, const struct tls_conf *conf, const char *source)
{
	STACK_OF(X509_NAME) * names;

	if (conf->clients == TLS_NONE) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
		return true;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify);
	if (conf->ca.s == NULL)
		return complain(source, "ca is missing", NULL);
	if (SSL_CTX_load_verify_locations(ctx, conf->ca.s, NULL) != 1 ||
	    (names = SSL_load_client_CA_file(conf->ca.s)) == NULL)
		return complain(source, "ca", conf->ca.s);
	SSL_CTX_set_client_CA_list(ctx, names);
	return true;
}

struct receive_tls *
receive_tls_new(const struct tls_conf *conf, const char *source)
{
	struct receive_tls *t = xcalloc(1, sizeof(*t));

	ERR_clear_error();
	t->conf = conf;
	t->ctx = SSL_CTX_new(TLS_server_method());
	if (t->ctx == NULL)
		abort();
	SSL_CTX_set_app_data(t->ctx, t);
	SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(t->ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
	        SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(t->ctx, 0);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_RELEASE_BUFFERS);
	if (!load_own(t->ctx, conf, source) || !load_clients(t->ctx, conf, source))
		receive_tls_free(&t);
	return t;
}

void
receive_tls_free(struct receive_tls **t)
{
	if (*t == NULL)
		return;
	SSL_CTX_free((*t)->ctx);
	free(*t);
	*t = NULL;
}

/* ---- a connection ---------------------------------------------------------------- */

struct ssl_st *
receive_tls_accept(struct receive_tls *t, int fd)
{
	SSL *ssl = SSL_new(t->ctx);

	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1)
		abort();
	SSL_set_accept_state(ssl);
	return ssl;
}

bool
receive_tls_is_ready(const struct ssl_st *ssl)
{
	return SSL_is_init_finished(ssl) == 1;
}

/* What SSL_read() said with ${result}, in the words of recv(). */
static ssize_t
explain(SSL *ssl, int result, struct receive_tls_state *state)
{
	int saved = errno, error = SSL_get_error(ssl, result);

	state->writes = error == SSL_ERROR_WANT_WRITE;
	state->ended = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (!state->ended)
		errno = EAGAIN;
	else if (error == SSL_ERROR_SYSCALL && saved != 0)
		errno = saved;
	else
		errno = EPROTO;
	return -1;
}

/* OpenSSL keeps nothing that the socket does not say is there, as long as whole
 * records are taken: so the loop need not ask it. */
ssize_t
receive_tls_read(struct ssl_st *ssl, char *to, size_t n, struct receive_tls_state *state)
{
	ssize_t last = 0;
	size_t got = 0;
	int result = 1;

	*state = (struct receive_tls_state){0};
	for (int i = 0; i < READS && n - got >= RECORD; i++) {
		ERR_clear_error();
		errno = 0;
		result = SSL_read(ssl, to + got, (int)(n - got));
		if (result <= 0)
			break;
		got += (size_t)result;
	}
	if (result <= 0)
		last = explain(ssl, result, state);
	return got > 0 ? (ssize_t)got : last;
}

void
receive_tls_name(struct ssl_st *ssl, char *out, size_t size)
{
	const struct receive_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	X509 *cert = SSL_get0_peer_certificate(ssl);
	char name[NAME_MAX_BYTES + 1];

	out[0] = '\0';
	if (cert == NULL || !find_name(t->conf, cert, name) || strlen(name) >= size)
		return;
	memcpy(out, name, strlen(name) + 1);
}

const char *
receive_tls_reason(struct ssl_st *ssl)
{
	long verdict = SSL_get_verify_result(ssl);
	const char *why = ERR_reason_error_string(ERR_peek_error());

	if (verdict == X509_V_ERR_HOSTNAME_MISMATCH)
		return "no name in its certificate is among tls.names";
	if (verdict != X509_V_OK)
		return X509_verify_cert_error_string(verdict);
	return why == NULL ? "not TLS" : why;
}

void
receive_tls_close(struct ssl_st **ssl)
{
	if (*ssl == NULL)
		return;
	if (SSL_is_init_finished(*ssl))
		SSL_shutdown(*ssl);
	SSL_free(*ssl);
	ERR_clear_error();
	*ssl = NULL;
}
