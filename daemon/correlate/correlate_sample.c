/*
 * correlate_sample: a line as evidence: its text as far as people want to see it, where
 * it stands, and the SHA-256 of all of it.
 */
#include "correlate/correlate_internal.h"
#include "util/clock.h"
#include "util/digest.h"
#include "util/json.h"
#include "util/num.h"
#include "util/vis.h"

void
correlate_sample(struct digest *digest, const struct counting *q, struct buf *out)
{
	const struct line *line = &q->line;
	struct sv all = q->text, text = {all.p, vis_cut(all, BATCH_SAMPLE_LINE)};
	char hash[DIGEST_HEX_SIZE], offset[NUM_DECIMAL];

	digest_next_hex(digest, all, hash);
	buf_puts(out, "{\"file\":");
	json_quote(out, sv_str(line->stream->path));
	buf_puts(out, ",\"offset\":");
	buf_sv(out, num_decimal(line->offset, offset));
	buf_puts(out, ",\"sha256\":\"");
	buf_add(out, hash, DIGEST_HEX_SIZE - 1);
	buf_puts(out, "\",\"time\":\"");
	clock_format(out, q->event.time);
	buf_puts(out, "\",\"line\":");
	json_quote(out, text);
	buf_puts(out, text.n < all.n || line->cut ? ",\"cut\":true}" : "}");
}
