/*
 * source_cut: a file whose content is not what was read of it any more.
 *
 * It begins again, where what it has is known to be unchanged or at 0; what was cut away
 * unread is sought in copies, which source_recover.c does.
 */
#include "conf/config.h"
#include "source/source_internal.h"
#include "util/clock.h"

/* Cut shorter, but what is left has been there before: go on from where that is
 * known for certain. */
static bool
go_on(struct source_file *f, uint64_t offset, uint64_t seen)
{
	uint64_t from;

	if (f->size >= offset || !source_steps_hold(&f->steps, f->fd, f->size))
		return false;
	from = f->steps.v[f->steps.n - 1].offset;
	if (from < SOURCE_CHECK_SIZE) /* files may well begin alike */
		return false;
	source_file_begin(f, from);
	f->first = from;
	source_file_add_gap(f, TROUBLE_TRUNCATED, offset, seen, "cut shorter");
	return true;
}

void
source_cut(struct source_set *s, struct source_file *f, uint64_t offset, uint64_t check)
{
	uint64_t seen = f->before > offset ? f->before : offset;
	struct source_cut cut = {.id = f->id, .offset = offset, .check = check, .size = seen};

	s->stats.truncations++;
	f->announce = true;
	f->shrunk = 0;
	if (go_on(f, offset, seen))
		return;
	source_file_begin(f, 0);
	source_steps_clear(&f->steps);
	f->renewed = true;
	f->begun = clock_now();
	f->first = 0;
	f->more = f->size > 0;
	if (f->recovered || (check == 0 && offset > 0) || seen == 0 ||
	    source_set_source(s, f)->conf->listen.n > 0)
		source_file_add_gap(f, TROUBLE_TRUNCATED, offset, seen, "cut away");
	else
		source_recover_content(s, source_set_source(s, f), f->log, &cut);
}
