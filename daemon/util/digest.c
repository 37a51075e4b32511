/*
 * digest: see digest.h.
 */
#include "util/digest.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "util/xalloc.h"

void
digest_sha256(struct sv s, unsigned char out[DIGEST_SIZE])
{
	int ok = EVP_Digest(s.p, s.n, out, NULL, EVP_sha256(), NULL);

	if (ok != 1)
		abort();
}

void
digest_hex(const unsigned char *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

void
digest_sha256_hex(struct sv s, char out[DIGEST_HEX_SIZE])
{
	unsigned char raw[DIGEST_SIZE];

	digest_sha256(s, raw);
	digest_hex(raw, sizeof(raw), out);
}

struct digest {
	EVP_MD *sha256;
	EVP_MD_CTX *ctx;
};

struct digest *
digest_new(void)
{
	struct digest *d = xcalloc(1, sizeof(*d));

	d->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	d->ctx = EVP_MD_CTX_new();
	if (d->sha256 == NULL || d->ctx == NULL)
		abort();
	return d;
}

void
digest_free(struct digest **dp)
{
	if (*dp == NULL)
		return;
	EVP_MD_CTX_free((*dp)->ctx);
	EVP_MD_free((*dp)->sha256);
	free(*dp);
	*dp = NULL;
}

void
digest_next_hex(struct digest *d, struct sv s, char out[DIGEST_HEX_SIZE])
{
	unsigned char raw[DIGEST_SIZE];

	if (EVP_DigestInit_ex(d->ctx, d->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(d->ctx, s.p, s.n) != 1 || EVP_DigestFinal_ex(d->ctx, raw, NULL) != 1)
		abort();
	digest_hex(raw, sizeof(raw), out);
}

void
digest_hmac_sha256(struct sv key, struct sv s, unsigned char out[DIGEST_SIZE])
{
	unsigned len = 0;

	if (HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)s.p, s.n, out, &len) ==
	        NULL ||
	    len != DIGEST_SIZE)
		abort();
}

void
digest_base64(struct buf *out, const void *p, size_t n)
{
	char *to = buf_reserve(out, (n + 2) / 3 * 4 + 1);

	out->n += (size_t)EVP_EncodeBlock((unsigned char *)to, p, (int)n);
}

bool
digest_unbase64(struct buf *out, struct sv s)
{
	size_t pad = 0;
	char *to;
	int n;

	if (s.n == 0 || s.n % 4 != 0 || s.n > 1 << 20)
		return false;
	while (pad < 2 && s.p[s.n - 1 - pad] == '=')
		pad++;
	to = buf_reserve(out, s.n / 4 * 3);
	n = EVP_DecodeBlock((unsigned char *)to, (const unsigned char *)s.p, (int)s.n);
	if (n < 0) {
		*to = '\0';
		return false;
	}
	out->n += (size_t)n - pad;
	out->p[out->n] = '\0';
	return true;
}

void
digest_random(void *p, size_t n)
{
	assert(n <= 256);
	if (getrandom(p, n, 0) != (ssize_t)n)
		abort();
}
