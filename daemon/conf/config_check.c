/*
 * config_check: what must hold in triaged.yaml beyond the form of each value.
 *
 * Looks at whatever could be read, also after errors, so that all of them come
 * at once; a member without a value was reported by the reader.  Secrets are
 * read, checked and forgotten; messages never repeat them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/conf_internal.h"
#include "conf/config_listen.h"
#include "util/digest.h"

#define ID_MAX 32
#define NODE_MAX 64
#define SECRET_PREFIX "whsec_"
#define SECRET_MIN 24 /* bytes, of Standard Webhooks */
#define SECRET_MAX 64

static const char lower_digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static void
check_id(const struct conf_string *id, struct diag *diag)
{
	if (id->s == NULL)
		return;
	if (strspn(id->s, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(id->s) ||
	    strchr(lower_digits, id->s[0]) == NULL || strlen(id->s) > ID_MAX || id->s[0] == '\0')
		diag_error(diag, id->at,
		    "id: expected lower-case letters, digits and '-', at most %d, starting with a "
		    "letter or digit",
		    ID_MAX);
}

/* Report ${id} when it equals ${earlier}. */
static void
check_unique(const struct conf_string *id, const struct conf_string *earlier, struct diag *diag)
{
	if (id->s != NULL && earlier->s != NULL && strcmp(id->s, earlier->s) == 0)
		diag_error(diag, id->at, "id '%.*s' is taken, by the one on line %d", ID_MAX, id->s,
		    earlier->at.line);
}

static void
check_path(const char *name, const struct conf_string *path, struct diag *diag)
{
	if (path->s != NULL && path->s[0] != '/')
		diag_error(diag, path->at, "%s: expected an absolute path", name);
}

static void
check_paths(const char *name, const struct conf_strings *paths, struct diag *diag)
{
	for (size_t i = 0; i < paths->n; i++)
		check_path(name, &paths->v[i], diag);
}

static void
check_socket(const struct conf_string *path, struct diag *diag)
{
	const struct sockaddr_un *address = NULL;

	check_path("control_socket", path, diag);
	if (path->s != NULL && strlen(path->s) >= sizeof(address->sun_path))
		diag_error(diag, path->at,
		    "control_socket: longer than the %zu bytes of a unix socket",
		    sizeof(address->sun_path) - 1);
}

static void
check_node(const struct conf_string *node, struct diag *diag)
{
	if (node->s == NULL || node->at.file == NULL)
		return;
	if (strlen(node->s) > NODE_MAX || node->s[0] == '\0' ||
	    strspn(node->s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._") !=
	        strlen(node->s))
		diag_error(diag, node->at,
		    "node: expected letters, digits, '-', '.' and '_', at most %d", NODE_MAX);
}

static void
check_listen(const struct source_conf *s, const struct conf_string *address, struct diag *diag)
{
	struct config_listen l;
	const char *wrong = config_listen_parse(address->s, &l);

	if (wrong != NULL)
		diag_error(diag, address->at, "listen: %s", wrong);
	else if (l.kind == LISTEN_TCP && !s->insecure && !config_listen_is_local(&l))
		diag_error(diag, address->at,
		    "listen: anybody could send and listen in here; use tls://, or say insecure: true");
	else if (l.kind == LISTEN_TLS && s->tls.certificate.s == NULL &&
	    !conf_file_is_cut(s->head.at.file))
		diag_error(diag, address->at, "listen: tls:// needs tls with a certificate and a key");
}

static void
check_tls(const struct source_conf *s, struct diag *diag)
{
	const struct tls_conf *t = &s->tls;

	check_path("certificate", &t->certificate, diag);
	check_path("key", &t->key, diag);
	check_path("ca", &t->ca, diag);
	if (t->certificate.s != NULL && t->clients == TLS_REQUIRED && t->ca.s == NULL &&
	    !conf_file_is_cut(s->head.at.file))
		diag_error(diag, t->certificate.at,
		    "tls: needs ca to know clients by, or clients: none to take anybody");
}

static void
check_journal(const struct conf_string *journal, struct diag *diag)
{
	if (journal->s != NULL && strcmp(journal->s, "system") != 0 && journal->s[0] != '/')
		diag_error(diag, journal->at, "journal: expected system or an absolute path");
}

static void
check_source(const struct source_conf *s, struct diag *diag)
{
	check_id(&s->id, diag);
	check_paths("files", &s->files, diag);
	check_paths("rotated", &s->rotated, diag);
	check_journal(&s->journal, diag);
	for (size_t i = 0; i < s->listen.n; i++)
		if (s->listen.v[i].s != NULL)
			check_listen(s, &s->listen.v[i], diag);
	check_tls(s, diag);
	if (s->multiline.s != NULL && s->format != FORMAT_AUTO)
		diag_error(diag, s->multiline.at,
		    "multiline: only for format auto; what belongs together in %s is known",
		    config_formats[s->format]);
}

/* Where its lines come from is said, and once. */
static void
check_kind(const struct source_conf *s, struct diag *diag)
{
	bool files = conf_is_set(&config_source_table, s, "files");
	bool journal = conf_is_set(&config_source_table, s, "journal");
	bool listens = conf_is_set(&config_source_table, s, "listen");

	if (files + journal + listens != 1)
		diag_error(diag, s->head.at, "a source needs one of files, journal and listen");
	else if (files && s->files.n == 0)
		diag_error(diag, s->head.at, "files is empty: there is nothing to watch");
	else if (listens && s->listen.n == 0)
		diag_error(diag, s->head.at, "listen is empty: nothing can come in");
}

/* Report an address of ${s} that one of the sources before it has, or itself. */
static void
check_listen_once(const struct source_conf *v, const struct source_conf *s, struct diag *diag)
{
	for (size_t i = 0; i < s->listen.n; i++) {
		const struct conf_string *address = &s->listen.v[i], *same = NULL;

		for (const struct source_conf *other = v; other <= s && same == NULL; other++)
			for (size_t j = 0; j < (other == s ? i : other->listen.n) && same == NULL; j++)
				if (address->s != NULL && other->listen.v[j].s != NULL &&
				    strcmp(address->s, other->listen.v[j].s) == 0)
					same = &other->listen.v[j];
		if (same != NULL)
			diag_error(diag, address->at,
			    "listen: this is listened on already, by the one on line %d",
			    same->at.line);
	}
}

static void
check_sources(const struct config *c, bool complete, struct diag *diag)
{
	const struct source_conf *v = c->sources.v;

	if (complete && c->sources.n == 0)
		diag_error(diag, c->head.at, "sources is empty: there is nothing to watch");
	for (size_t i = 0; i < c->sources.n; i++) {
		check_source(&v[i], diag);
		check_listen_once(v, &v[i], diag);
		if (complete)
			check_kind(&v[i], diag);
		for (size_t j = 0; j < i; j++)
			check_unique(&v[i].id, &v[j].id, diag);
	}
}

static void
check_redis(const struct redis_conf *r, struct diag *diag)
{
	const char *wrong = r->url.s == NULL ? NULL : conf_url_check_redis(r->url.s);
	char *password;

	if (wrong != NULL)
		diag_error(diag, r->url.at, "url: %s", wrong);
	if (r->password.s != NULL) {
		password = conf_secret(&r->password, diag);
		free(password);
	}
	if (r->user.s != NULL && r->password.s == NULL && !conf_file_is_cut(r->head.at.file))
		diag_error(diag, r->user.at, "user: needs a password as well");
	if (r->url.s == NULL && r->password.s != NULL && !conf_file_is_cut(r->head.at.file))
		diag_error(diag, r->password.at, "password: needs a url as well");
}

static void
check_channel_url(const struct channel_conf *ch, struct diag *diag)
{
	char *url;
	const char *wrong;

	if (ch->url.s == NULL || (url = conf_secret(&ch->url, diag)) == NULL)
		return;
	wrong = conf_url_check_channel(url, ch->insecure);
	if (wrong != NULL)
		diag_error(diag, ch->url.at, "url: %s%s",
		    ch->url.is_file ? "what the file holds " : "", wrong);
	free(url);
}

static bool
is_signing_key(const char *secret)
{
	struct sv s = sv_str(secret), prefix = SV(SECRET_PREFIX);
	struct buf key = BUF_INIT;
	bool ok = s.n > prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0 &&
	    digest_unbase64(&key, sv_from(s, prefix.n)) && key.n >= SECRET_MIN &&
	    key.n <= SECRET_MAX;

	buf_free(&key);
	return ok;
}

static void
check_channel_secret(const struct channel_conf *ch, struct diag *diag)
{
	char *secret;

	if (ch->secret.s == NULL)
		return;
	if (ch->type == CHANNEL_SLACK) {
		diag_error(
		    diag, ch->secret.at, "secret: a slack channel takes none, its url is one");
		return;
	}
	if ((secret = conf_secret(&ch->secret, diag)) == NULL)
		return;
	if (!is_signing_key(secret))
		diag_error(diag, ch->secret.at,
		    "secret: expected " SECRET_PREFIX
		    " and %d to %d bytes in base64; try: echo " SECRET_PREFIX
		    "$(openssl rand -base64 32)",
		    SECRET_MIN, SECRET_MAX);
	free(secret);
}

static void
check_channel(const struct channel_conf *ch, struct diag *diag)
{
	check_id(&ch->id, diag);
	check_channel_url(ch, diag);
	check_channel_secret(ch, diag);
	check_path("ca_file", &ch->ca_file, diag);
	if (ch->ca_file.s != NULL && ch->ca_file.s[0] == '/' && access(ch->ca_file.s, R_OK) != 0)
		diag_error(diag, ch->ca_file.at, "ca_file: cannot be read: %s", strerror(errno));
}

static void
check_geoip(const struct geoip_conf *g, struct diag *diag)
{
	check_path("country", &g->country, diag);
	check_path("asn", &g->asn, diag);
#ifndef HAVE_MAXMINDDB
	if (g->country.s != NULL || g->asn.s != NULL)
		diag_error(diag, g->head.at,
		    "geoip: this triaged was built without libmaxminddb (configure "
		    "--with-maxminddb)");
#endif
}

void
config_check(const struct config *c, struct diag *diag)
{
	const struct channel_conf *channels = c->channels.v;
	bool complete = diag_errors(diag) == 0;

	check_node(&c->node, diag);
	check_path("state_dir", &c->state_dir, diag);
	check_socket(&c->control_socket, diag);
	check_paths("rules", &c->rules, diag);
	check_sources(c, complete, diag);
	check_redis(&c->redis, diag);
	check_geoip(&c->geoip, diag);
	for (size_t i = 0; i < c->channels.n; i++) {
		check_channel(&channels[i], diag);
		for (size_t j = 0; j < i; j++)
			check_unique(&channels[i].id, &channels[j].id, diag);
	}
}
