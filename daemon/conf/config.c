/*
 * config: see config.h.
 *
 * The table of triaged.yaml.  What one value alone cannot tell is checked in
 * config_check.c.
 */
#include "conf/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "conf/conf_internal.h"
#include "util/xalloc.h"

/* Where things are unless the build says otherwise. */
#ifndef TRIAGED_RULESDIR
#define TRIAGED_RULESDIR "/usr/share/triaged/rules"
#endif
#ifndef TRIAGED_SYSCONFDIR
#define TRIAGED_SYSCONFDIR "/etc/triaged"
#endif
#ifndef TRIAGED_STATEDIR
#define TRIAGED_STATEDIR "/var/lib/triaged"
#endif
#ifndef TRIAGED_RUNDIR
#define TRIAGED_RUNDIR "/run/triaged"
#endif

#define NKEYS(a) (sizeof(a) / sizeof((a)[0]))
#define NODE_MAX 64 /* bytes of a host name on Linux */

static const char *const channel_types[] = {"webhook", "slack", NULL};
static const char *const severities[] = SEVERITY_NAMES;

static const struct conf_key redis_keys[] = {
    {.name = "url",
        .type = CONF_STRING,
        .offset = offsetof(struct redis_conf, url),
        .help = "A Redis or Valkey of your own: unix:///PATH, redis://HOST[:PORT][/DB], "
                "redis+cluster://HOST[:PORT][,HOST[:PORT]...] for a cluster of which these are "
                "some nodes, or redis+sentinel://HOST[:PORT][,HOST[:PORT]...]/NAME for the "
                "master that these sentinels know as NAME; at most 16 hosts.  Without it the "
                "daemon runs a private redis-server in its state directory."},
    {.name = "user",
        .type = CONF_STRING,
        .offset = offsetof(struct redis_conf, user),
        .help = "The ACL user to log in as."},
    {.name = "password",
        .type = CONF_SECRET,
        .offset = offsetof(struct redis_conf, password),
        .help = "The password to log in with."},
    {.name = "partitions",
        .type = CONF_INT,
        .offset = offsetof(struct redis_conf, partitions),
        .min = 1,
        .max = 64,
        .fallback = "1",
        .help = "Over how many slots of a cluster the state is spread.  It is fixed with the first "
                "start on a Redis, and the same for all daemons that share it.  More than one is "
                "of use with a cluster only."},
};

static const struct conf_table redis_table = {
    "redis", "redis", sizeof(struct redis_conf), redis_keys, NKEYS(redis_keys)};

static const struct conf_key channel_keys[] = {
    {.name = "id",
        .type = CONF_STRING,
        .offset = offsetof(struct channel_conf, id),
        .required = true,
        .help = "The channel's name: lower-case letters, digits and '-', at most 32."},
    {.name = "type",
        .type = CONF_ENUM,
        .offset = offsetof(struct channel_conf, type),
        .required = true,
        .names = channel_types,
        .help = "What is posted: webhook, JSON with the headers of Standard Webhooks; slack, a "
                "message for a Slack incoming webhook."},
    {.name = "url",
        .type = CONF_SECRET,
        .offset = offsetof(struct channel_conf, url),
        .required = true,
        .help = "Where to post to, as https://HOST[:PORT]/PATH."},
    {.name = "secret",
        .type = CONF_SECRET,
        .offset = offsetof(struct channel_conf, secret),
        .help = "For type webhook: the key that signs each post, as whsec_ and 24 to 64 bytes in "
                "base64.  Without it posts are not signed."},
    {.name = "ca_file",
        .type = CONF_STRING,
        .offset = offsetof(struct channel_conf, ca_file),
        .help = "PEM certificates to trust for this channel, in place of the system's."},
    {.name = "min_severity",
        .type = CONF_ENUM,
        .offset = offsetof(struct channel_conf, min_severity),
        .fallback = "low",
        .names = severities,
        .help = "Incidents below this severity are not posted here."},
    {.name = "insecure",
        .type = CONF_BOOL,
        .offset = offsetof(struct channel_conf, insecure),
        .fallback = "false",
        .help = "Set to true, the url may be http, which everybody on the way can read."},
};

static const struct conf_table channel_table = {
    "a channel", "channel", sizeof(struct channel_conf), channel_keys, NKEYS(channel_keys)};

static const struct conf_key match_keys[] = {
    {.name = "jit",
        .type = CONF_BOOL,
        .offset = offsetof(struct match_conf, jit),
        .fallback = "true",
        .help = "Compile patterns to machine code.  Set to false where a policy forbids memory "
                "that is both written and executed."},
    {.name = "match_limit",
        .type = CONF_INT,
        .offset = offsetof(struct match_conf, match_limit),
        .min = 1000,
        .max = 100000000,
        .fallback = "200000",
        .help = "How much work PCRE2 may spend on one pattern and one line.  Running out is an "
                "event of its own, triaged.match-limit."},
    {.name = "depth_limit",
        .type = CONF_INT,
        .offset = offsetof(struct match_conf, depth_limit),
        .min = 100,
        .max = 10000000,
        .fallback = "20000",
        .help = "How deep PCRE2 may backtrack, without jit."},
    {.name = "heap_limit_kib",
        .type = CONF_INT,
        .offset = offsetof(struct match_conf, heap_limit_kib),
        .min = 64,
        .max = 1048576,
        .fallback = "2048",
        .help = "How much memory, in KiB, one attempt may take, without jit."},
    {.name = "max_length",
        .type = CONF_INT,
        .offset = offsetof(struct match_conf, max_length),
        .min = 256,
        .max = 1048576,
        .fallback = "8192",
        .help = "How many bytes of a message patterns see.  Cutting one that holds text of a rule, "
                "and that no rule matches, is an event of its own, triaged.line-cut."},
};

static const struct conf_table match_table = {
    "match", "match", sizeof(struct match_conf), match_keys, NKEYS(match_keys)};

static const struct conf_key geoip_keys[] = {
    {.name = "country",
        .type = CONF_STRING,
        .offset = offsetof(struct geoip_conf, country),
        .help = "A database of countries, such as GeoLite2-Country.mmdb: gives events "
                "source_geo_country_iso_code."},
    {.name = "asn",
        .type = CONF_STRING,
        .offset = offsetof(struct geoip_conf, asn),
        .help = "A database of networks, such as GeoLite2-ASN.mmdb: gives events "
                "source_as_number and source_as_organization_name."},
};

static const struct conf_table geoip_table = {
    "geoip", "geoip", sizeof(struct geoip_conf), geoip_keys, NKEYS(geoip_keys)};

static const struct conf_key config_keys[] = {
    {.name = "node",
        .type = CONF_STRING,
        .offset = offsetof(struct config, node),
        .help = "The name of this host in incidents and messages.  Default: the host name."},
    {.name = "state_dir",
        .type = CONF_STRING,
        .offset = offsetof(struct config, state_dir),
        .fallback = TRIAGED_STATEDIR,
        .help = "The directory that holds what the daemon remembers.  It is made when "
                "it is missing, and must belong to the daemon's user."},
    {.name = "control_socket",
        .type = CONF_STRING,
        .offset = offsetof(struct config, control_socket),
        .fallback = TRIAGED_RUNDIR "/control.sock",
        .help = "The unix socket where the daemon answers triagectl."},
    {.name = "rules",
        .type = CONF_STRINGS,
        .offset = offsetof(struct config, rules),
        .fallback = "[" TRIAGED_RULESDIR ", " TRIAGED_SYSCONFDIR "/rules.d]",
        .help = "Directories with rule files (*.yaml).  Rules of a later one override those of "
                "an earlier one with the same id."},
    {.name = "max_line",
        .type = CONF_INT,
        .offset = offsetof(struct config, max_line),
        .min = 256,
        .max = 1048576,
        .fallback = "65536",
        .help = "The longest line, in bytes; the rest of a longer one is passed over and "
                "counted."},
    {.name = "sources",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct config, sources),
        .required = true,
        .sub = &config_source_table,
        .help = "Where lines come from."},
    {.name = "redis",
        .type = CONF_OBJECT,
        .offset = offsetof(struct config, redis),
        .sub = &redis_table,
        .help = "Where state is kept."},
    {.name = "channels",
        .type = CONF_OBJECTS,
        .offset = offsetof(struct config, channels),
        .sub = &channel_table,
        .help = "Where incidents are posted."},
    {.name = "match",
        .type = CONF_OBJECT,
        .offset = offsetof(struct config, match),
        .sub = &match_table,
        .help = "The limits of pattern matching."},
    {.name = "geoip",
        .type = CONF_OBJECT,
        .offset = offsetof(struct config, geoip),
        .sub = &geoip_table,
        .help = "Where addresses are from: files in the format of MaxMind, read when the daemon "
                "starts and within seconds of a change.  Without a file, or with one that cannot "
                "be read, events do not have its fields."},
};

const struct conf_table config_table = {
    "the configuration", "config", sizeof(struct config), config_keys, NKEYS(config_keys)};

/* What has no constant default. */
static void
fill_node(struct config *c)
{
	char name[NODE_MAX + 1] = "";

	if (c->node.s != NULL || conf_is_set(&config_table, c, "node"))
		return;
	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		c->node.s = xstrdup("localhost");
	else
		c->node.s = xstrdup(name);
}

struct config *
config_read(const char *path, struct diag *diag)
{
	struct config *c = xcalloc(1, sizeof(*c));
	size_t errors = diag_errors(diag);

	conf_read(path, &config_table, c, diag);
	if (c->head.at.file != NULL) {
		conf_check_required(&config_table, c, diag);
		fill_node(c);
		config_check(c, diag);
	}
	if (diag_errors(diag) != errors)
		config_free(&c);
	return c;
}

void
config_free(struct config **cp)
{
	struct config *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	conf_clear(&config_table, c);
	free(c);
}
