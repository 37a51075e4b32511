/*
 * source_rig: real files, written, rotated, cut and removed while a set follows
 * them.  The rig plays the part of the state: it keeps what was delivered and
 * what of it is committed; after a rewind what was not committed is forgotten.
 * So "each line once" is what the text in it must show.
 */
#ifndef TESTS_SOURCE_RIG_H
#define TESTS_SOURCE_RIG_H

#include <check.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "rig.h"
#include "source/source_internal.h"

#define MAX_LINE 100
#define STREAMS 1024

/* A stream as the state knows it. */
struct known {
	char *stream, *path;
	uint64_t offset, check;
	bool done;
};

struct rig {
	char *dir;
	struct ev *ev;
	struct source_set *set;
	struct source_conf conf[2];
	struct conf_string files[2], rotated;
	size_t nconf;
	struct known now[STREAMS], committed[STREAMS];
	size_t nnow, ncommitted;
	struct known *ended; /* committed as done, the oldest first */
	size_t nended;
	struct buf text; /* all lines, in order of delivery */
	struct buf told; /* all troubles, "KIND FROM-TO\n" each */
	size_t text_committed, told_committed;
	size_t calls;
	size_t pause_after; /* chunks, then the callback pauses; 0 = never */
	bool rewind;        /* the callback starts the set again, once */
};

/* Follow ${pattern} in a fresh directory; nothing is started yet. */
struct rig *rig_open(int begin, const char *pattern);
void rig_close(struct rig *r);
/* Rotated files are also looked for in the directory ${name}, which is made. */
void rig_rotated(struct rig *r, const char *name);

void rig_create_set(struct rig *r);
/* Start the set from what is committed. */
void rig_start(struct rig *r);
/* Kill, or kill and start again. */
void rig_stop(struct rig *r);
void rig_restart(struct rig *r);
void rig_commit(struct rig *r);
/* Turn the loop until nothing has happened for a while; after a scan. */
void rig_turn(struct rig *r);
void rig_settle(struct rig *r);
/* As often as it takes to have all rotated files finished and let go. */
void rig_finish(struct rig *r);

char *rig_path(const struct rig *r, const char *name);
void rig_append(const struct rig *r, const char *name, struct sv text);
void rig_say(const struct rig *r, const char *name, const char *text);
void rig_move(const struct rig *r, const char *from, const char *to);
void rig_cut(const struct rig *r, const char *name, off_t size);
void rig_erase(const struct rig *r, const char *name);
void rig_make_dir(const struct rig *r, const char *name);
void rig_copy(const struct rig *r, const char *from, const char *to);
/* As gzip and zstd do: NAME becomes NAME.gz or NAME.zst. */
void rig_gzip(const struct rig *r, const char *name);
void rig_zstd(const struct rig *r, const char *name);

#define rig_expect(r, want) ck_assert_str_eq(buf_str(&(r)->text), want)
#define rig_expect_told(r, want) ck_assert_str_eq(buf_str(&(r)->told), want)

struct known *rig_known(struct rig *r, const char *stream, const char *path);
/* Position of the stream that was last seen as ${name}, the newest of them. */
const struct known *rig_last(struct rig *r, const char *name);
size_t rig_open_files(const struct rig *r);

/* Run the suite ${name} of one case; the exit status. */
int rig_main(const char *name, void (*add)(TCase *tc));

#endif
