/*
 * digest: SHA-256 and HMAC-SHA256 by OpenSSL, and text forms of bytes.
 */
#ifndef UTIL_DIGEST_H
#define UTIL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/sv.h"

#define DIGEST_SIZE 32
#define DIGEST_HEX_SIZE 65 /* with the NUL */

void digest_sha256(struct sv s, unsigned char out[DIGEST_SIZE]);
void digest_sha256_hex(struct sv s, char out[DIGEST_HEX_SIZE]);
/* For who needs many: what OpenSSL looks up each time is then looked up once. */
struct digest;
struct digest *digest_new(void);
void digest_free(struct digest **d);
void digest_next_hex(struct digest *d, struct sv s, char out[DIGEST_HEX_SIZE]);

void digest_hmac_sha256(struct sv key, struct sv s, unsigned char out[DIGEST_SIZE]);

void digest_base64(struct buf *out, const void *p, size_t n);
/* Append what ${s} decodes to; false, with ${out} as before, when it is not
 * padded standard base64. */
bool digest_unbase64(struct buf *out, struct sv s);

/* Fill ${p} with ${n} bytes nobody can guess. */
void digest_random(void *p, size_t n);
void digest_hex(const unsigned char *p, size_t n, char *out); /* 2n + 1 bytes */

#endif
