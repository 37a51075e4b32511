/*
 * config_listen: an address of "listen", taken apart.
 */
#ifndef CONF_CONFIG_LISTEN_H
#define CONF_CONFIG_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum listen_kind {
	LISTEN_UDP,
	LISTEN_TCP,
	LISTEN_TLS,
	LISTEN_UNIX,     /* stream */
	LISTEN_UNIXGRAM,
	LISTEN_FIFO,
	LISTEN_STDIN,
	LISTEN_SYSTEMD
};

struct config_listen {
	enum listen_kind kind;
	const char *path; /* UNIX, UNIXGRAM, FIFO; SYSTEMD: the name.  Points into the text */
	struct sockaddr_storage address; /* UDP, TCP, TLS: numeric, port > 0 */
	socklen_t address_n;
};

/* NULL, or what is wrong with ${text}, static. */
const char *config_listen_parse(const char *text, struct config_listen *out);
/* Only this machine can reach it. */
bool config_listen_is_local(const struct config_listen *l);

#endif
