/*
 * fuzz_geoip: a file of any bytes is refused, or gives answers within their bounds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "geoip/geoip.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libmaxminddb 1.7 forgets some memory when it refuses the metadata of a file. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libmaxminddb";
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const addresses[] = {
	    "192.0.2.1", "192.0.2.3", "192.0.2.200", "198.51.100.7", "2001:db8::1", "2a00::"};
	int fd = memfd_create("fuzz", 0);
	struct geoip *g;
	char path[64];

	log_open("fuzz", LOG_LEVEL_ERROR);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	g = geoip_new(path, path);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		const struct geoip_answer *a = geoip_find(g, sv_str(addresses[i]));

		if (strlen(a->country) % 2 != 0 || strlen(a->number) > 10 ||
		    strlen(a->organization) > GEOIP_NAME_MAX)
			abort();
	}
	geoip_free(&g);
	close(fd);
	return 0;
}
