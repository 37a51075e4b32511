/*
 * journal_rig: journal files made by systemd-journal-remote from export text, and a
 * journal followed by path.  The rig plays the part of the state, as in source_rig: after
 * a start what was not committed is forgotten, so the text shows each entry once.
 */
#ifndef TESTS_JOURNAL_RIG_H
#define TESTS_JOURNAL_RIG_H

#include <check.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "rig.h"
#include "source/source_journal.h"
#include "util/buf.h"

#define MAX_LINE 6000
#define BOOT "0123456789abcdef0123456789abcdef"
#define T0 1700000000000000u /* us */
#define JR_WAIT 30000
#define JR_SKIPPED 77 /* exit status */

struct jr {
	char *dir, *path;
	struct ev *ev;
	struct source_journal *journal;
	struct source_conf conf;
	struct source_status status;
	struct buf text, troubles; /* lines; one "kind lost text" a line */
	char *cursor;              /* as the state knows it ... */
	uint64_t offset;
	bool known;
	char *committed; /* ... and has committed it */
	uint64_t committed_offset;
	size_t committed_text;
	size_t nlines, committed_lines; /* "line N"s */
	size_t positions;
	size_t pause_after; /* chunks */
	bool paused;
	size_t wanted; /* lines to wait for */
};

/* Follow ${name} in a fresh directory, or the directory itself; not started yet. */
struct jr *jr_open(int begin, const char *name);
/* Follow what a configuration calls ${where}. */
struct jr *jr_open_where(int begin, const char *where);
void jr_close(struct jr *r);
void jr_create(struct jr *r);
/* Start from what is committed; kill and start again, also as if up to ${cursor} all had
 * been committed. */
void jr_start(struct jr *r);
void jr_restart(struct jr *r);
void jr_restart_from(struct jr *r, const char *cursor, uint64_t offset);
void jr_commit(struct jr *r);

/* Turn the loop until there are ${n} lines, or so many of them say "line N"; until there
 * is a position; until there is a trouble. */
void jr_until_lines(struct jr *r, size_t n);
void jr_until_numbered(struct jr *r, size_t n);
void jr_until_known(struct jr *r);
void jr_until_trouble(struct jr *r);

/* The numbers of the lines are these in order, as in "1 2 3". */
void jr_expect(const struct jr *r, const char *wanted);
void jr_expect_range(const struct jr *r, unsigned from, unsigned to);
bool jr_told(const struct jr *r, const char *what);
void jr_forget_troubles(struct jr *r);

/* Journal files. */
char *jr_path(const struct jr *r, const char *name);
void jr_add_stamp(struct buf *out, uint64_t n);
/* The ${n}-th entry with more ${fields}, NAME=VALUE lines. */
void jr_add_entry(struct buf *out, uint64_t n, const char *fields);
void jr_append_file(const char *path, const struct buf *export);
/* Entries ${from} to ${to}, "line N". */
void jr_append(const struct jr *r, const char *name, uint64_t from, uint64_t to);
/* All of the file. */
struct buf jr_content(const char *path);
/* The cursors of the ${n} entries of x.journal, as journalctl says them; to free(). */
void jr_read_cursors(const struct jr *r, char **cursors, size_t n);

/* Can journal files be made?  If not, says on stderr what is missing. */
bool jr_has_remote(void);
/* Run the suite ${name} of one case, which needs files; what main() returns. */
int jr_run(const char *name, void (*add_tests)(TCase *tc));

#endif
