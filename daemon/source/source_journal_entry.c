/*
 * source_journal_entry: the data of one entry, NAME=VALUE by NAME=VALUE in any order,
 * made into a line of form LINE_FIELDS.  Knows nothing of libsystemd.
 *
 * Whoever logs chooses all fields but those whose names begin with '_': these journald
 * adds from what the kernel says.  Here the '_' is lost, so the names of all of them,
 * whether the entry has them or not, are denied to the others.  @program is
 * SYSLOG_IDENTIFIER and can be forged; who wants the truth looks at comm, exe or
 * systemd_unit.  @pid and @host are the trusted ones wherever there are any.
 */
#include <stdlib.h>

#include "source/source_journal_internal.h"
#include "util/num.h"

/* What journald adds (systemd.journal-fields(7)), without the '_'. */
static const char *const reserved[] = {"audit_id", "audit_loginuid", "audit_session",
    "audit_type", "audit_type_name", "boot_id", "cap_effective", "cmdline", "comm", "exe",
    "fsuid", "gid", "hostname", "kernel_device", "kernel_subsystem", "line_break", "machine_id",
    "namespace", "pid", "ppid", "runtime_scope", "selinux_context", "source_boottime_timestamp",
    "source_monotonic_timestamp", "source_realtime_timestamp", "stream_id", "systemd_cgroup",
    "systemd_invocation_id", "systemd_owner_uid", "systemd_session", "systemd_slice",
    "systemd_unit", "systemd_user_slice", "systemd_user_unit", "transport", "tty",
    "udev_devlink", "udev_devnode", "udev_sysname", "uid"};

/* MESSAGE_ID of journald's own messages: it left out messages of a unit, of the
 * kernel, of what it forwards to a syslog daemon. */
static const char *const losses[] = {"a596d6fe7bfa4994828e72309e95d61e",
    "e9bf28e6e834481bb6f48f548ad13606", "0027229ca0644181a76c4e92458afa2e"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NAME_MAX_BYTES 64 /* journald's own limit */

void
source_journal_entry_begin(struct source_journal_entry *e, size_t max_message)
{
	struct buf bytes = e->bytes;

	*e = (struct source_journal_entry){.max_message = max_message, .bytes = bytes};
	e->bytes.n = 0;
}

void
source_journal_entry_free(struct source_journal_entry *e)
{
	buf_free(&e->bytes);
}

/* ---- gathering --------------------------------------------------------------- */

static bool
is_name(struct sv s)
{
	if (s.n == 0 || s.n > NAME_MAX_BYTES || (s.n == 1 && s.p[0] == '_'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return true;
}

static bool
name_is(const struct source_journal_entry *e, const struct source_journal_field *f, struct sv name)
{
	return sv_eq((struct sv){e->bytes.p + f->name, f->name_n}, name);
}

static bool
has_name(const struct source_journal_entry *e, const struct source_journal_field *v, size_t n,
    struct sv name)
{
	for (size_t i = 0; i < n; i++)
		if (name_is(e, &v[i], name))
			return true;
	return false;
}

static bool
is_reserved(struct sv name)
{
	for (size_t i = 0; i < COUNT(reserved); i++)
		if (sv_is(name, reserved[i]))
			return true;
	return false;
}

static void
put_name(struct buf *out, struct sv name)
{
	char *p = buf_reserve(out, name.n);

	for (size_t i = 0; i < name.n; i++)
		p[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]);
	out->n += name.n;
}

static void
put_value(struct buf *out, struct sv value)
{
	char *p = buf_reserve(out, value.n);

	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		p[i] = (char)(c == '\n' || c == '\0' || c == FIELDS_SEPARATOR ? ' ' : c);
	}
	out->n += value.n;
}

static struct source_journal_field
store(struct source_journal_entry *e, struct sv name, struct sv value, size_t most)
{
	struct source_journal_field f = {.name = e->bytes.n, .name_n = name.n};

	if (value.n > most) {
		value.n = most;
		e->cut++;
	}
	put_name(&e->bytes, name);
	f.value = e->bytes.n;
	f.value_n = value.n;
	put_value(&e->bytes, value);
	return f;
}

static bool
is_number_to(struct sv value, int64_t most)
{
	int64_t n;

	return num_int(value, 0, most, &n);
}

/* Which part of the header it becomes; PARTS when none. */
static enum source_journal_part
part_of(const struct source_journal_entry *e, struct sv name, struct sv value)
{
	enum source_journal_part part = SOURCE_JOURNAL_PARTS;

	if (sv_is(name, "MESSAGE"))
		part = SOURCE_JOURNAL_MESSAGE;
	else if (sv_is(name, "SYSLOG_IDENTIFIER") && value.n > 0)
		part = SOURCE_JOURNAL_PROGRAM;
	else if (sv_is(name, "_HOSTNAME"))
		part = SOURCE_JOURNAL_HOST;
	else if (sv_is(name, "_PID"))
		part = SOURCE_JOURNAL_PID;
	else if (sv_is(name, "PRIORITY") && is_number_to(value, 7))
		part = SOURCE_JOURNAL_SEVERITY;
	else if (sv_is(name, "SYSLOG_FACILITY") && is_number_to(value, 23))
		part = SOURCE_JOURNAL_FACILITY;
	if (part != SOURCE_JOURNAL_PARTS && e->parts[part].name_n > 0)
		return SOURCE_JOURNAL_PARTS;
	return part;
}

static void
add_trusted(struct source_journal_entry *e, struct sv name, struct sv value)
{
	if (e->ntrusted == FIELDS_MAX)
		e->left_out++;
	else
		e->trusted[e->ntrusted++] = store(e, name, value, SOURCE_JOURNAL_VALUE_MAX);
}

static void
add_user(struct source_journal_entry *e, struct sv name, struct sv value)
{
	if (e->nuser == FIELDS_MAX || e->user_bytes > e->max_message) {
		e->left_out++;
		return;
	}
	e->user[e->nuser] = store(e, name, value, SOURCE_JOURNAL_VALUE_MAX);
	e->user_bytes += name.n + e->user[e->nuser++].value_n;
}

void
source_journal_entry_add(struct source_journal_entry *e, struct sv data)
{
	const char *equals = data.n == 0 ? NULL : memchr(data.p, '=', data.n);
	struct sv name, value;
	enum source_journal_part part;

	if (equals == NULL || !is_name((struct sv){data.p, (size_t)(equals - data.p)})) {
		e->damaged++;
		return;
	}
	name = (struct sv){data.p, (size_t)(equals - data.p)};
	value = sv_from(data, name.n + 1);
	part = part_of(e, name, value);
	if (part == SOURCE_JOURNAL_MESSAGE)
		e->parts[part] = store(e, name, value, e->max_message);
	else if (part != SOURCE_JOURNAL_PARTS)
		e->parts[part] = store(e, name, value, SOURCE_JOURNAL_VALUE_MAX);
	else if (name.p[0] == '_')
		add_trusted(e, sv_from(name, 1), value);
	else
		add_user(e, name, value);
}

/* ---- asking ------------------------------------------------------------------ */

static struct sv
value_of(const struct source_journal_entry *e, const struct source_journal_field *f)
{
	return (struct sv){e->bytes.p + f->value, f->value_n};
}

static struct sv
find(const struct source_journal_entry *e, const struct source_journal_field *v, size_t n,
    const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (name_is(e, &v[i], sv_str(name)))
			return value_of(e, &v[i]);
	return (struct sv){"", 0};
}

struct sv
source_journal_entry_trusted(const struct source_journal_entry *e, const char *name)
{
	return find(e, e->trusted, e->ntrusted, name);
}

struct sv
source_journal_entry_user(const struct source_journal_entry *e, const char *name)
{
	return find(e, e->user, e->nuser, name);
}

struct sv
source_journal_entry_part(const struct source_journal_entry *e, enum source_journal_part part)
{
	if (e->parts[part].name_n == 0)
		return (struct sv){"", 0};
	return value_of(e, &e->parts[part]);
}

/* ---- losses ------------------------------------------------------------------ */

static uint64_t
first_number(struct sv text)
{
	size_t from = 0, n = 0;
	int64_t number = 0;

	while (from < text.n && (text.p[from] < '0' || text.p[from] > '9'))
		from++;
	while (from + n < text.n && text.p[from + n] >= '0' && text.p[from + n] <= '9')
		n++;
	num_int((struct sv){text.p + from, n}, 0, INT64_MAX, &number);
	return (uint64_t)number;
}

/* "driver" is how journald's own messages come, and nobody else's can. */
bool
source_journal_entry_is_loss(const struct source_journal_entry *e, uint64_t *lost)
{
	struct sv id = source_journal_entry_user(e, "message_id");
	struct sv dropped = source_journal_entry_user(e, "n_dropped");
	bool is = false;

	if (!sv_is(source_journal_entry_trusted(e, "transport"), "driver"))
		return false;
	for (size_t i = 0; i < COUNT(losses); i++)
		is = is || sv_is(id, losses[i]);
	if (is)
		*lost = first_number(dropped.n > 0
		        ? dropped
		        : source_journal_entry_part(e, SOURCE_JOURNAL_MESSAGE));
	return is;
}

/* ---- writing ----------------------------------------------------------------- */

static void
write_value(struct buf *out, struct sv name, struct sv value)
{
	buf_putc(out, FIELDS_SEPARATOR);
	buf_sv(out, name);
	buf_putc(out, '=');
	buf_sv(out, value);
}

static void
write_part(const struct source_journal_entry *e, enum source_journal_part part, struct sv name,
    struct sv fallback, struct buf *out)
{
	struct sv value = source_journal_entry_part(e, part);

	if (e->parts[part].name_n == 0)
		value = fallback;
	if (value.n > 0)
		write_value(out, name, value);
}

static void
write_header(const struct source_journal_entry *e, struct buf *out)
{
	static const struct sv none = {"", 0};

	write_part(e, SOURCE_JOURNAL_HOST, SV("@host"), none, out);
	write_part(e, SOURCE_JOURNAL_PROGRAM, SV("@program"),
	    source_journal_entry_trusted(e, "comm"), out);
	write_part(e, SOURCE_JOURNAL_PID, SV("@pid"),
	    source_journal_entry_user(e, "syslog_pid"), out);
	write_part(e, SOURCE_JOURNAL_FACILITY, SV("@facility"), none, out);
	write_part(e, SOURCE_JOURNAL_SEVERITY, SV("@severity"), none, out);
}

static void
write_field(const struct source_journal_entry *e, const struct source_journal_field *f,
    struct buf *out)
{
	write_value(out, (struct sv){e->bytes.p + f->name, f->name_n}, value_of(e, f));
}

static void
write_fields(struct source_journal_entry *e, struct buf *out)
{
	size_t n = e->ntrusted;

	for (size_t i = 0; i < e->ntrusted; i++)
		write_field(e, &e->trusted[i], out);
	for (size_t i = 0; i < e->nuser; i++) {
		struct sv name = {e->bytes.p + e->user[i].name, e->user[i].name_n};

		if (is_reserved(name) || has_name(e, e->trusted, e->ntrusted, name))
			continue;
		if (n++ < FIELDS_MAX)
			write_field(e, &e->user[i], out);
		else
			e->left_out++;
	}
}

void
source_journal_entry_write(struct source_journal_entry *e, uint64_t offset,
    uint64_t realtime, struct buf *out)
{
	buf_printf(out, "%llu%c@time=%llu", (unsigned long long)offset, FIELDS_SEPARATOR,
	    (unsigned long long)(realtime / 1000));
	write_header(e, out);
	write_fields(e, out);
	write_value(out, SV("@message"), source_journal_entry_part(e, SOURCE_JOURNAL_MESSAGE));
	buf_putc(out, '\n');
}
