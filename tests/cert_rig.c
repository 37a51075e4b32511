/*
 * cert_rig: see cert_rig.h.
 */
#include "cert_rig.h"

#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "rig.h"

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ck_assert_ptr_nonnull(e);
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

struct identity
identity_new(const char *name, const char *san, const struct identity *ca, long from, long to)
{
	struct identity id = {.key = EVP_EC_gen("P-256"), .cert = X509_new()};
	X509 *issuer = ca == NULL ? id.cert : ca->cert;
	X509_NAME *subject = X509_get_subject_name(id.cert);

	X509_set_version(id.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(id.cert), from);
	X509_gmtime_adj(X509_getm_notAfter(id.cert), to);
	X509_set_pubkey(id.cert, id.key);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(id.cert, X509_get_subject_name(issuer));
	if (ca == NULL)
		add_extension(id.cert, issuer, NID_basic_constraints, "critical,CA:TRUE");
	if (san != NULL)
		add_extension(id.cert, issuer, NID_subject_alt_name, san);
	ck_assert_int_gt(X509_sign(id.cert, ca == NULL ? id.key : ca->key, EVP_sha256()), 0);
	return id;
}

void
identity_free(struct identity *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
}

char *
identity_save_certificate(const struct identity *id, const char *dir, const char *name)
{
	char *path = rig_file(dir, name, "");
	FILE *f = fopen(path, "we");

	ck_assert_int_eq(PEM_write_X509(f, id->cert), 1);
	fclose(f);
	return path;
}

char *
identity_save_key(const struct identity *id, const char *dir, const char *name)
{
	char *path = rig_file(dir, name, "");
	FILE *f = fopen(path, "we");

	ck_assert_int_eq(PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	return path;
}
