/*
 * config: triaged.yaml, as structs.
 */
#ifndef CONF_CONFIG_H
#define CONF_CONFIG_H

#include "conf/schema.h"
#include "model/severity.h"

enum source_start { START_END, START_BEGINNING };
enum channel_type { CHANNEL_WEBHOOK, CHANNEL_SLACK };

enum source_format {
	FORMAT_AUTO, /* what each line looks to be: one of the others, syslog or plain */
	FORMAT_JSON,
	FORMAT_DOCKER,
	FORMAT_CRI,
	FORMAT_LOGFMT,
	FORMAT_AUDIT,
	FORMAT_ACCESS,
	FORMAT_CEF
};
extern const char *const config_formats[]; /* their names, NULL-terminated */
enum tls_clients { TLS_REQUIRED, TLS_NONE };

struct tls_conf {
	struct conf_head head;
	struct conf_string certificate; /* PEM files */
	struct conf_string key;
	struct conf_string ca;
	struct conf_strings names; /* of clients, in their certificates; none: any that ca signed */
	int clients;               /* enum tls_clients */
};

/* Exactly one of files, journal and listen is given. */
struct source_conf {
	struct conf_head head;
	struct conf_string id;
	struct conf_strings files;  /* paths and globs, absolute */
	struct conf_string journal; /* "system", or an absolute path */
	struct conf_strings listen; /* addresses, see conf/config_listen.h */
	int start;                  /* enum source_start: where to begin in files that exist
	                               when the source is first seen */
	struct conf_strings rotated; /* directories and globs where rotated files go besides
	                                their own directory, absolute */
	int format;                   /* enum source_format */
	struct conf_string multiline; /* PCRE2: a line that it matches begins a record */
	struct conf_string program;   /* of lines that name none */
	int64_t expect_every;         /* ms; 0 = it may be silent */
	struct tls_conf tls;
	bool insecure; /* plain TCP beyond the loopback interface allowed */
	int64_t max_connections;  /* of each address */
	int64_t peer_connections; /* of one peer */
	int64_t peer_rate;        /* messages a second of one peer; 0 = any */
	int64_t idle_timeout;     /* ms without a message on a connection */
	int64_t spool_mib;        /* all of its spool */
};

struct redis_conf {
	struct conf_head head;
	struct conf_string url; /* absent: the daemon runs a private redis-server */
	struct conf_string user;
	struct conf_string password; /* secret */
	int64_t partitions;
};

struct channel_conf {
	struct conf_head head;
	struct conf_string id; /* [a-z0-9-]+, no dots: part of the webhook-id */
	int type;              /* enum channel_type */
	struct conf_string url;    /* secret: Slack's is one */
	struct conf_string secret; /* secret: whsec_... of Standard Webhooks; webhook only */
	struct conf_string ca_file;
	int min_severity; /* enum severity */
	bool insecure;    /* http allowed */
};

struct match_conf {
	struct conf_head head;
	bool jit;
	int64_t match_limit; /* PCRE2's, per attempt */
	int64_t depth_limit;
	int64_t heap_limit_kib;
	int64_t max_length; /* bytes of a message given to a pattern */
};

struct geoip_conf {
	struct conf_head head;
	struct conf_string country; /* files */
	struct conf_string asn;
};

struct config {
	struct conf_head head;
	struct conf_string node; /* default: the host name */
	struct conf_string state_dir;
	struct conf_string control_socket;
	struct conf_strings rules; /* directories, later ones override earlier ones */
	int64_t max_line;          /* bytes */
	struct conf_list sources;  /* struct source_conf */
	struct redis_conf redis;
	struct conf_list channels; /* struct channel_conf */
	struct match_conf match;
	struct geoip_conf geoip;
};

extern const struct conf_table config_table;

/* Read and check ${path}: paths absolute, ids unique and well-formed, URLs https
 * unless insecure, secrets readable and of the right form.  NULL when there are
 * errors in ${diag}.  Marks in it point into ${diag}. */
struct config *config_read(const char *path, struct diag *diag);
void config_free(struct config **c);

#endif
