/*
 * fuzz_config: any bytes as triaged.yaml: read, checked, merged and complained
 * about, in text that is safe to print.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf_internal.h"
#include "util/vis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was printed is UTF-8 with no control character but the newline. */
static void
check_output(const struct diag *diag)
{
	struct buf out = BUF_INIT, scratch = BUF_INIT;

	diag_print(diag, &out);
	assert(vis_utf8(&scratch, buf_view(&out)));
	for (size_t i = 0; i < out.n; i++)
		assert((unsigned char)out.p[i] >= 0x20 || out.p[i] == '\n');
	buf_free(&out);
	buf_free(&scratch);
}

static void
check_urls(const struct config *c)
{
	const struct channel_conf *v = c->channels.v;

	if (c->redis.url.s != NULL)
		conf_url_check_redis(c->redis.url.s);
	for (size_t i = 0; i < c->channels.n; i++) {
		if (v[i].url.s != NULL)
			conf_url_check_channel(v[i].url.s, v[i].insecure);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag *diag = diag_new();
	struct config c = {0}, over = {0};
	int ret = conf_read_text("a", (const char *)data, size, &config_table, &c, diag);

	assert((ret == 0) == (diag_errors(diag) == 0));
	conf_check_required(&config_table, &c, diag);
	check_urls(&c);
	conf_read_text("b", (const char *)data, size, &config_table, &over, diag);
	conf_merge(&config_table, &c, &over);
	check_output(diag);
	conf_clear(&config_table, &c);
	diag_free(&diag);
	return 0;
}
