/*
 * config_source: the table of one source in triaged.yaml.
 */
#include "conf/conf_internal.h"
#include "conf/config.h"

#define NKEYS(a) (sizeof(a) / sizeof((a)[0]))

static const char *const starts[] = {"end", "beginning", NULL};
const char *const config_formats[] = {
    "auto", "json", "docker", "cri", "logfmt", "audit", "access", "cef", NULL};
static const char *const clients[] = {"required", "none", NULL};

static const struct conf_key tls_keys[] = {
    {.name = "certificate",
        .type = CONF_STRING,
        .offset = offsetof(struct tls_conf, certificate),
        .required = true,
        .help = "Our certificate and those between it and its root, a PEM file."},
    {.name = "key",
        .type = CONF_STRING,
        .offset = offsetof(struct tls_conf, key),
        .required = true,
        .help = "Its private key, a PEM file."},
    {.name = "ca",
        .type = CONF_STRING,
        .offset = offsetof(struct tls_conf, ca),
        .help = "The certificates that sign those of our clients, a PEM file."},
    {.name = "names",
        .type = CONF_STRINGS,
        .offset = offsetof(struct tls_conf, names),
        .help = "The clients that may send: DNS names or addresses among the subject alternative "
                "names of their certificate; *.example.org stands for one label.  Without it "
                "any client may whose certificate ca has signed."},
    {.name = "clients",
        .type = CONF_ENUM,
        .offset = offsetof(struct tls_conf, clients),
        .fallback = "required",
        .names = clients,
        .help = "Whether clients must show a certificate.  With none anybody may send."},
};

static const struct conf_table tls_table = {
    "tls", "tls", sizeof(struct tls_conf), tls_keys, NKEYS(tls_keys)};

static const struct conf_key source_keys[] = {
    {.name = "id",
        .type = CONF_STRING,
        .offset = offsetof(struct source_conf, id),
        .required = true,
        .help = "The source's name: lower-case letters, digits and '-', at most 32.  Keep it: it "
                "is part of the position that is remembered."},
    {.name = "files",
        .type = CONF_STRINGS,
        .offset = offsetof(struct source_conf, files),
        .help = "Log files, as absolute paths; any part may be a pattern with *, ? and [].  "
                "A file that does not exist yet is read when it appears."},
    {.name = "journal",
        .type = CONF_STRING,
        .offset = offsetof(struct source_conf, journal),
        .help = "The journal of systemd: system for this machine's, or the absolute path of a "
                "directory with journal files or of one."},
    {.name = "listen",
        .type = CONF_STRINGS,
        .offset = offsetof(struct source_conf, listen),
        .help = "Where messages are sent to: udp://ADDRESS:PORT, tcp://ADDRESS:PORT, "
                "tls://ADDRESS:PORT, unix:///PATH (stream), unixgram:///PATH, fifo:///PATH, stdin:, "
                "or systemd:NAME for the sockets that a socket unit passes under this name.  "
                "Each is of one source only.  [::] is for IPv4 too.  Unix sockets are "
                "made with mode 0660 and FIFOs with 0600; for others let a socket unit make them."},
    {.name = "start",
        .type = CONF_ENUM,
        .offset = offsetof(struct source_conf, start),
        .fallback = "end",
        .names = starts,
        .help = "Where to begin in files that exist, or in a journal, when the source is first "
                "seen.  Later starts go on from the remembered position, and files that appear "
                "later are read from their beginning."},
    {.name = "rotated",
        .type = CONF_STRINGS,
        .offset = offsetof(struct source_conf, rotated),
        .help = "Where rotated files are to be found besides the directory of their file: absolute "
                "paths of directories, or patterns."},
    {.name = "format",
        .type = CONF_ENUM,
        .offset = offsetof(struct source_conf, format),
        .fallback = "auto",
        .names = config_formats,
        .help = "What the lines are.  auto: what each looks to be, json, docker, cri, audit or "
                "cef, else syslog of any kind, or plain; with multiline only these.  json: one "
                "object a line.  docker: the files of Docker's json-file driver.  cri: those of a "
                "Kubernetes node.  logfmt: name=value.  audit: of auditd.  access: of "
                "web servers, combined or common.  cef: with or without a syslog header."},
    {.name = "multiline",
        .type = CONF_STRING,
        .offset = offsetof(struct source_conf, multiline),
        .help = "A PCRE2 pattern: a line that it matches begins a record, and those that it does "
                "not match belong to the record before.  For stack traces."},
    {.name = "program",
        .type = CONF_STRING,
        .offset = offsetof(struct source_conf, program),
        .help = "The program that writes here, for lines that do not say."},
    {.name = "expect_every",
        .type = CONF_DURATION,
        .offset = offsetof(struct source_conf, expect_every),
        .min = 1000,
        .max = (int64_t)366 * 24 * 3600 * 1000,
        .help = "Nothing for longer than this is an event, triaged.source."},
    {.name = "tls",
        .type = CONF_OBJECT,
        .offset = offsetof(struct source_conf, tls),
        .sub = &tls_table,
        .help = "For tls:// addresses."},
    {.name = "insecure",
        .type = CONF_BOOL,
        .offset = offsetof(struct source_conf, insecure),
        .fallback = "false",
        .help = "Set to true, tcp:// may listen beyond the loopback interface, where everybody on "
                "the way can read and write."},
    {.name = "max_connections",
        .type = CONF_INT,
        .offset = offsetof(struct source_conf, max_connections),
        .min = 1,
        .max = 65536,
        .fallback = "1024",
        .help = "How many connections an address takes at once."},
    {.name = "peer_connections",
        .type = CONF_INT,
        .offset = offsetof(struct source_conf, peer_connections),
        .min = 1,
        .max = 65536,
        .fallback = "64",
        .help = "How many of them one peer may have: an IPv4 address, the first 64 bits of an IPv6 "
                "address, a uid."},
    {.name = "peer_rate",
        .type = CONF_INT,
        .offset = offsetof(struct source_conf, peer_rate),
        .min = 0,
        .max = 10000000,
        .fallback = "0",
        .help = "How many messages a second one peer may send; a datagram beyond is dropped and "
                "counted, a connection waits.  0: any number."},
    {.name = "idle_timeout",
        .type = CONF_DURATION,
        .offset = offsetof(struct source_conf, idle_timeout),
        .min = 1000,
        .max = (int64_t)7 * 24 * 3600 * 1000,
        .fallback = "1h",
        .help = "A connection on which no message is completed for so long is closed."},
    {.name = "spool_mib",
        .type = CONF_INT,
        .offset = offsetof(struct source_conf, spool_mib),
        .min = 8,
        .max = 1048576,
        .fallback = "1024",
        .help = "How many MiB on disk may wait for Redis.  When they are full connections wait and "
                "datagrams are dropped, counted and told."},
};

const struct conf_table config_source_table = {
    "a source", "source", sizeof(struct source_conf), source_keys, NKEYS(source_keys)};
