/*
 * source_journal: a systemd journal, followed in a thread of its own.  Internal to
 * source/; the set hands its calls on.
 *
 * Stream id "journal:ID" of the source; offset: how many entries were delivered
 * since the source was first seen; path: the cursor of the last of them.  Lines are
 * of form LINE_FIELDS: @time, @host, @program (SYSLOG_IDENTIFIER, else _COMM), @pid,
 * @facility, @severity, the trusted fields with their names in lower case without
 * the first underscore (systemd_unit, uid, comm, exe, cmdline, audit_session,
 * transport ...), @message.
 */
#ifndef SOURCE_SOURCE_JOURNAL_H
#define SOURCE_SOURCE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "model/line.h"
#include "source/source.h"

struct source_journal;

/* Callbacks and ${conf} (whose journal is set: "system" or the absolute path of a
 * directory or of one .journal file) are borrowed.  Never fails: what does not open
 * is a trouble, tried again. */
struct source_journal *source_journal_new(struct ev *ev, const struct source_conf *conf,
    size_t max_line, const struct source_cb *cb, void *ctx);
void source_journal_free(struct source_journal **j);

/* Begin, or begin again, behind ${committed}; NULL: the source is new and begins
 * where its "start" says.  Whatever was delivered beyond is delivered once more. */
void source_journal_start(struct source_journal *j, const struct position *committed);
/* Deliver nothing until resumed. */
void source_journal_pause(struct source_journal *j);
void source_journal_resume(struct source_journal *j);

void source_journal_status(const struct source_journal *j, struct source_status *st);

#endif
