/*
 * source_replay: one file from start to end, without a loop; see source.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "source/source_internal.h"
#include "util/xalloc.h"

struct replay {
	source_replay_cb *cb;
	void *ctx;
};

static bool
deliver(void *ctx, const struct chunk *chunk)
{
	const struct replay *r = ctx;

	return r->cb(r->ctx, chunk);
}

static int
replay_fd(int fd, struct source_lines *lines, const struct source_sink *sink)
{
	char *buffer = xmalloc(SOURCE_READ_SIZE);
	bool go_on = true;
	ssize_t n = 0;

	while (go_on) {
		n = read(fd, buffer, SOURCE_READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		go_on = source_lines_feed(lines, sink, (struct sv){buffer, (size_t)n});
	}
	if (n == 0)
		source_lines_finish(lines, sink);
	free(buffer);
	return n < 0 ? -1 : 0;
}

int
source_replay(const char *path, size_t max_line, source_replay_cb *cb, void *ctx)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	struct stream stream = {.id = path, .source = "replay", .path = path};
	struct source_lines lines = {.stream = &stream};
	struct source_stats stats = {0};
	struct replay replay = {cb, ctx};
	struct source_sink sink = {max_line, &stats, deliver, NULL, &replay};
	int result, error;

	if (fd < 0)
		return -1;
	result = replay_fd(fd, &lines, &sink);
	error = errno;
	buf_free(&lines.head);
	if (!is_stdin)
		close(fd);
	errno = error;
	return result;
}
