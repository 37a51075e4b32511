/*
 * state_incident: an incident that opens, as the value of its key: MessagePack, made here
 * since a storm opens thousands of them, and Redis would take longer for it.
 */
#include "correlate/batch.h"
#include "correlate/group_key.h"
#include "rule/ruleset.h"
#include "state/state_internal.h"

static void
put_number(struct buf *out, uint64_t v, unsigned bytes)
{
	char *to = buf_reserve(out, bytes);

	for (unsigned i = 0; i < bytes; i++)
		to[i] = (char)(v >> (8 * (bytes - 1 - i)) & 0xff);
	to[bytes] = '\0';
	out->n += bytes;
}

static void
put_int(struct buf *out, int64_t v)
{
	buf_putc(out, '\xd3');
	put_number(out, (uint64_t)v, 8);
}

static void
put_text(struct buf *out, struct sv s)
{
	buf_putc(out, '\xdb');
	put_number(out, s.n, 4);
	buf_sv(out, s);
}

void
state_incident_rule(const struct state *s, const struct incident_rule *rule, struct buf *out)
{
	char name[STATE_GROUP_NAME];

	state_groups_name(rule, name);
	put_text(out, sv_str(rule->id));
	put_text(out, sv_str(rule->file));
	put_text(out, sv_str(rule->file_hash));
	put_text(out, sv_str(severity_name(rule->severity)));
	put_text(out, sv_str(rule->criteria));
	put_text(out, sv_str(rule->playbook));
	put_text(out, sv_str(s->conf->node));
	put_text(out, sv_str(name));
}

void
state_incident_lines(const struct settled_incident *inc, struct buf *out)
{
	for (size_t i = 0; i < inc->nsamples; i++)
		put_text(out, sv_str(inc->samples[i]->json));
}

void
state_incident_rest(const struct batch_entry *e, const struct settled_incident *inc, int64_t opened,
    struct buf *out)
{
	struct buf text = BUF_INIT;

	put_text(out, e->key);
	group_key_title(e->rule, e->key, &text);
	put_text(out, buf_view(&text));
	text.n = 0;
	group_key_json(e->rule, e->key, &text);
	put_text(out, buf_view(&text));
	buf_free(&text);
	put_int(out, opened);
	put_int(out, inc->count);
	put_int(out, inc->first);
	put_int(out, inc->last);
	state_incident_lines(inc, out);
}
