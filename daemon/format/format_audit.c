/*
 * format_audit: lines of auditd, "type=SYSCALL msg=audit(SECONDS.MS:SERIAL): ...".
 * What the kernel says about one event are several lines of one serial; they are one
 * record.  Also behind a syslog header, and as the kernel logs them without auditd.
 */
#include "format/format_internal.h"

#define OTHERS_MAX 32 /* lines of other events between those of one */
#define NAME_PART_MAX 48
#define ENRICHED '\x1d' /* stands before the names that auditd found for numbers */

struct audit_line {
	struct sv node, type, stamp; /* stamp: 1700000000.123:4567 */
	struct sv body;
};

static bool
take_prefix(struct sv *s, struct sv prefix)
{
	if (s->n < prefix.n || memcmp(s->p, prefix.p, prefix.n) != 0)
		return false;
	*s = sv_from(*s, prefix.n);
	return true;
}

static struct sv
take_until(struct sv *s, char c)
{
	const char *end = s->n == 0 ? NULL : memchr(s->p, c, s->n);
	struct sv part = {s->p, end == NULL ? s->n : (size_t)(end - s->p)};

	*s = sv_from(*s, part.n + 1);
	return part;
}

static bool
parse_line(struct sv s, struct audit_line *a)
{
	a->node = SV("");
	if (take_prefix(&s, SV("node=")))
		a->node = take_until(&s, ' ');
	if (s.n > 0 && s.p[0] == '[') { /* the kernel's time since boot */
		take_until(&s, ']');
		take_prefix(&s, SV(" "));
	}
	take_prefix(&s, SV("audit: "));
	if (!take_prefix(&s, SV("type=")))
		return false;
	a->type = take_until(&s, ' ');
	take_prefix(&s, SV("msg="));
	if (!take_prefix(&s, SV("audit(")))
		return false;
	a->stamp = take_until(&s, ')');
	take_prefix(&s, SV(":"));
	take_prefix(&s, SV(" "));
	a->body = s;
	return a->type.n > 0 && a->stamp.n > 0 && a->stamp.n <= 64;
}

/* ---- fields ------------------------------------------------------------------ */

/* Whose values auditd writes as hex digits when they are not plain. */
static bool
is_encoded(struct sv type, struct sv name)
{
	static const char *const names[] = {"name", "comm", "exe", "proctitle", "acct", "cmd",
	    "cwd", "data", "key", "ocomm", "path", "file", "dir", "watch", "new", "old", "vm",
	    "grp", "new_group", "device", "sw", "root_dir"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (sv_is(name, names[i]))
			return true;
	return name.n > 1 && name.p[0] == 'a' && name.p[1] >= '0' && name.p[1] <= '9' &&
	    sv_is(type, "EXECVE");
}

/* auditd writes capitals; what a program logs without quotes seldom looks so. */
static bool
is_upper_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static bool
decode_hex(struct format *f, struct sv *value)
{
	struct buf *b = &f->scratch;
	size_t begin = b->n;

	if (value->n < 2 || value->n % 2 != 0)
		return false;
	for (size_t i = 0; i < value->n; i++)
		if (!is_upper_hex(value->p[i]))
			return false;
	for (size_t i = 0; i < value->n; i += 2)
		buf_putc(b,
		    (char)(format_hex_digit(value->p[i]) * 16 + format_hex_digit(value->p[i + 1])));
	*value = (struct sv){b->p + begin, b->n - begin};
	f->record.head.dirty = true;
	return true;
}

/* "path.name": of a name that an earlier line of the event has. */
static struct sv
longer_name(struct format *f, struct sv type, struct sv name)
{
	struct buf *b = &f->scratch;
	size_t begin = b->n;

	for (size_t i = 0; i < type.n && i < NAME_PART_MAX; i++)
		buf_putc(
		    b, (char)(type.p[i] >= 'A' && type.p[i] <= 'Z' ? type.p[i] + 32 : type.p[i]));
	buf_putc(b, '.');
	buf_add(b, name.p, name.n < NAME_PART_MAX ? name.n : NAME_PART_MAX);
	return (struct sv){b->p + begin, b->n - begin};
}

static void
add_field(struct format *f, struct sv type, size_t earlier, struct sv name, struct sv value)
{
	const struct record_field *fields = f->record.fields;

	if (f->record.head.n == FIELDS_MAX)
		return;
	for (size_t i = 0; i < earlier; i++)
		if (sv_eq(fields[i].name, name)) {
			name = longer_name(f, type, name);
			break;
		}
	format_record_field(f, name, value);
}

static bool
is_end(char c)
{
	return c == ' ' || c == ENRICHED || c == ',';
}

/* The value at the start of ${s}, which it takes. */
static struct sv
take_value(struct format *f, struct sv *s, bool encoded)
{
	struct sv value;
	size_t n = 0;

	if (take_prefix(s, SV("\"")))
		return take_until(s, '"');
	while (n < s->n && s->p[n] != ' ' && s->p[n] != ENRICHED)
		n++;
	value = (struct sv){s->p, n};
	*s = sv_from(*s, n);
	if (encoded)
		decode_hex(f, &value);
	return value;
}

/* What stands in msg='...' is read as the rest is. */
static void
read_body(struct format *f, struct sv type, size_t earlier, struct sv s)
{
	while (s.n > 0) {
		struct sv name = {s.p, 0};

		while (name.n < s.n && !is_end(s.p[name.n]) && s.p[name.n] != '=')
			name.n++;
		s = sv_from(s, name.n);
		if (!take_prefix(&s, SV("="))) {
			s = sv_from(s, 1);
			continue;
		}
		if (take_prefix(&s, SV("'")))
			continue;
		struct sv value = take_value(f, &s, is_encoded(type, name));

		if (value.n > 0 && value.p[value.n - 1] == '\'')
			value.n--;
		if (name.n > 0)
			add_field(f, type, earlier, name, value);
	}
}

/* ---- records ----------------------------------------------------------------- */

static void
read_stamp(struct format *f, struct sv stamp)
{
	struct sv rest = stamp, time = take_until(&rest, ':');

	format_record_time(f, format_time_epoch(time));
	format_record_field(f, SV("serial"), rest);
}

static void
read_records(struct format *f, struct sv text)
{
	bool first = true;

	f->scratch.n = 0;
	buf_reserve(&f->scratch, text.n + FIELDS_MAX * (2 * NAME_PART_MAX + 1));
	while (text.n > 0) {
		struct sv line = take_until(&text, '\n');
		size_t earlier = f->record.head.n;
		struct audit_line a;

		if (!parse_line(line, &a))
			continue;
		if (first) {
			format_record_field(f, SV("type"), a.type);
			read_stamp(f, a.stamp);
			if (a.node.n > 0 && a.node.n <= FORMAT_HOST_MAX)
				f->record.head.host = a.node;
		}
		first = false;
		read_body(f, a.type, earlier, a.body);
	}
}

/* A header stands before the first line only. */
static void
give_records(struct format *f, const struct format_line *in)
{
	const char *newline = memchr(in->text.p, '\n', in->text.n);
	struct sv line = {
	    in->text.p, newline == NULL ? in->text.n : (size_t)(newline - in->text.p)};
	struct sv message = line;
	struct audit_line a;

	format_record_begin(f);
	if (!parse_line(line, &a))
		message = format_record_header(f, in, line);
	message.n += in->text.n - line.n;
	read_records(f, message);
	f->record.head.message = message;
	format_give(f, in);
}

/* What the kernel says in one line only, or programs say, is complete at once. */
static bool
has_companions(struct sv type)
{
	static const char *const names[] = {"SYSCALL", "PATH", "CWD", "EXECVE", "SOCKADDR",
	    "SOCKETCALL", "PROCTITLE", "AVC", "AVC_PATH", "IPC", "OBJ_PID", "FD_PAIR", "BPRM_FCAPS",
	    "CAPSET", "MMAP", "NETFILTER_CFG", "NETFILTER_PKT", "SECCOMP", "CONFIG_CHANGE",
	    "KERN_MODULE", "LOGIN", "TTY", "SELINUX_ERR", "BPF", "FANOTIFY", "URINGOP", "OPENAT2",
	    "IPC_SET_PERM", "KERNEL_OTHER", "TIME_INJOFFSET", "TIME_ADJNTPVAL", "DM_CTRL",
	    "DM_EVENT"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (sv_is(type, names[i]))
			return true;
	return (type.n > 3 && memcmp(type.p, "MQ_", 3) == 0) ||
	    (type.n > 4 && memcmp(type.p, "MAC_", 4) == 0);
}

/* Under which the lines of one event wait: its stamp, and whose it is. */
static struct sv
make_key(struct format *f, const struct audit_line *a)
{
	f->stem.n = 0;
	buf_sv(&f->stem, a->stamp);
	buf_putc(&f->stem, FIELDS_SEPARATOR);
	buf_sv(&f->stem, a->node);
	buf_putc(&f->stem, FIELDS_SEPARATOR);
	buf_sv(&f->stem, f->record.head.host);
	return buf_view(&f->stem);
}

static void
join_line(
    struct format *f, const struct format_line *in, const struct audit_line *a, struct sv payload)
{
	struct sv key = make_key(f, a);
	struct format_entry *e = format_join_find(f, in, key);
	struct format_line line = *in;

	format_join_age(f, e, OTHERS_MAX);
	if (sv_is(a->type, "EOE")) {
		if (e != NULL)
			format_join_close(f, e);
		return;
	}
	if (e == NULL && !has_companions(a->type)) {
		give_records(f, in);
		return;
	}
	if (e == NULL)
		e = format_join_open(f, in, key);
	else
		line.text = payload;
	format_join_add(f, e, &line, '\n');
	if (sv_is(a->type, "PROCTITLE"))
		format_join_close(f, e);
}

static void
read_audit(struct format *f, const struct format_line *in)
{
	struct sv payload = in->text;
	struct audit_line a;

	format_record_begin(f);
	if (!parse_line(payload, &a)) {
		payload = format_record_header(f, in, payload);
		if (!parse_line(payload, &a)) {
			format_misfit(f, in);
			return;
		}
	}
	join_line(f, in, &a, payload);
}

const struct format_kind format_audit = {
    .line = read_audit, .joined = give_records, .program = "audit"};
