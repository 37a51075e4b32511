/*
 * cert_rig: keys and certificates of a test's own, and a TLS client.
 */
#ifndef TESTS_CERT_RIG_H
#define TESTS_CERT_RIG_H

#include <openssl/ssl.h>

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

/* A certificate good from ${from} to ${to} seconds from now, signed by ${ca}, or by itself
 * and for signing when that is NULL; with a subjectAltName unless ${san} is NULL. */
struct identity identity_new(
    const char *name, const char *san, const struct identity *ca, long from, long to);
void identity_free(struct identity *id);

/* Write it to ${dir}/${name}; returns the path, to free(). */
char *identity_save_certificate(const struct identity *id, const char *dir, const char *name);
char *identity_save_key(const struct identity *id, const char *dir, const char *name);

#endif
