/*
 * notify_sign: signatures of Standard Webhooks.  The signed content is
 * id.timestamp.body, so neither id nor timestamp may hold a dot.
 */
#include "notify/notify_internal.h"

#include <inttypes.h>
#include <string.h>

#include "util/digest.h"

#define PREFIX "whsec_"

bool
notify_sign_key(struct buf *key, const char *secret)
{
	struct sv s = sv_str(secret);

	if (strncmp(secret, PREFIX, sizeof(PREFIX) - 1) != 0)
		return false;
	return digest_unbase64(key, sv_from(s, sizeof(PREFIX) - 1));
}

void
notify_sign(struct buf *out, struct sv key, const char *id, int64_t seconds, struct sv body)
{
	unsigned char mac[DIGEST_SIZE];
	struct buf content = BUF_INIT;

	buf_printf(&content, "%s.%" PRId64 ".", id, seconds);
	buf_sv(&content, body);
	digest_hmac_sha256(key, buf_view(&content), mac);
	buf_puts(out, "v1,");
	digest_base64(out, mac, sizeof(mac));
	buf_free(&content);
}

bool
notify_sign_id_ok(const char *id)
{
	size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n <= 256 && id[n] == '\0';
}
