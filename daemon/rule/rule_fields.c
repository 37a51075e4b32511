/*
 * rule_fields: see rule_fields.h.
 */
#include "rule/rule_fields.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "conf/suggest.h"
#include "util/num.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))
#define NAME_MAX_BYTES 256
#define PATH_MAX_BYTES 4096

/* In order of the capture name. */
static const struct field_spec specs[] = {
    {"auth_method", "auth.method", FIELD_TEXT},
    {"client_address", "client.address", FIELD_ADDRESS},
    {"client_ip", "client.ip", FIELD_IP},
    {"client_port", "client.port", FIELD_PORT},
    {"destination_address", "destination.address", FIELD_ADDRESS},
    {"destination_domain", "destination.domain", FIELD_ADDRESS},
    {"destination_ip", "destination.ip", FIELD_IP},
    {"destination_port", "destination.port", FIELD_PORT},
    {"dns_question_name", "dns.question.name", FIELD_TEXT},
    {"email_from_address", "email.from.address", FIELD_TEXT},
    {"email_to_address", "email.to.address", FIELD_TEXT},
    {"error_code", "error.code", FIELD_TEXT},
    {"error_message", "error.message", FIELD_TEXT},
    {"event_action", "event.action", FIELD_TEXT},
    {"event_code", "event.code", FIELD_TEXT},
    {"event_outcome", "event.outcome", FIELD_TEXT},
    {"event_reason", "event.reason", FIELD_TEXT},
    {"file_name", "file.name", FIELD_TEXT},
    {"file_path", "file.path", FIELD_PATH},
    {"group_id", "group.id", FIELD_INTEGER},
    {"group_name", "group.name", FIELD_USER},
    {"host_ip", "host.ip", FIELD_IP},
    {"host_name", "host.name", FIELD_ADDRESS},
    {"http_request_body_bytes", "http.request.body.bytes", FIELD_INTEGER},
    {"http_request_method", "http.request.method", FIELD_TEXT},
    {"http_request_referrer", "http.request.referrer", FIELD_TEXT},
    {"http_response_body_bytes", "http.response.body.bytes", FIELD_INTEGER},
    {"http_response_status_code", "http.response.status_code", FIELD_INTEGER},
    {"http_version", "http.version", FIELD_TEXT},
    {"log_file_path", "log.file.path", FIELD_TEXT},
    {"log_source", "log.source", FIELD_TEXT},
    {"network_protocol", "network.protocol", FIELD_TEXT},
    {"network_transport", "network.transport", FIELD_TEXT},
    {"observer_egress_interface_name", "observer.egress.interface.name", FIELD_TEXT},
    {"observer_ingress_interface_name", "observer.ingress.interface.name", FIELD_TEXT},
    {"process_command_line", "process.command_line", FIELD_TEXT},
    {"process_executable", "process.executable", FIELD_PATH},
    {"process_name", "process.name", FIELD_TEXT},
    {"process_parent_pid", "process.parent.pid", FIELD_INTEGER},
    {"process_pid", "process.pid", FIELD_INTEGER},
    {"process_working_directory", "process.working_directory", FIELD_PATH},
    {"rule_id", "rule.id", FIELD_TEXT},
    {"server_address", "server.address", FIELD_ADDRESS},
    {"server_ip", "server.ip", FIELD_IP},
    {"server_port", "server.port", FIELD_PORT},
    {"service_name", "service.name", FIELD_TEXT},
    {"session_id", "session.id", FIELD_TEXT},
    {"source_address", "source.address", FIELD_ADDRESS},
    {"source_as_number", "source.as.number", FIELD_INTEGER},
    {"source_as_organization_name", "source.as.organization.name", FIELD_TEXT},
    {"source_domain", "source.domain", FIELD_ADDRESS},
    {"source_geo_country_iso_code", "source.geo.country_iso_code", FIELD_TEXT},
    {"source_ip", "source.ip", FIELD_IP},
    {"source_mac", "source.mac", FIELD_TEXT},
    {"source_port", "source.port", FIELD_PORT},
    {"tls_client_subject", "tls.client.subject", FIELD_TEXT},
    {"tty_name", "tty.name", FIELD_TEXT},
    {"url_domain", "url.domain", FIELD_ADDRESS},
    {"url_original", "url.original", FIELD_TEXT},
    {"url_path", "url.path", FIELD_TEXT},
    {"url_query", "url.query", FIELD_TEXT},
    {"user_agent_original", "user_agent.original", FIELD_TEXT},
    {"user_domain", "user.domain", FIELD_TEXT},
    {"user_effective_id", "user.effective.id", FIELD_INTEGER},
    {"user_effective_name", "user.effective.name", FIELD_USER},
    {"user_id", "user.id", FIELD_INTEGER},
    {"user_name", "user.name", FIELD_USER},
    {"user_target_id", "user.target.id", FIELD_INTEGER},
    {"user_target_name", "user.target.name", FIELD_USER},
};

const struct field_spec *
rule_field_find(const char *capture)
{
	for (size_t i = 0; i < NELEM(specs); i++)
		if (strcmp(specs[i].capture, capture) == 0)
			return &specs[i];
	return NULL;
}

const char *
rule_field_nearest(const char *capture)
{
	const char *names[NELEM(specs)];

	for (size_t i = 0; i < NELEM(specs); i++)
		names[i] = specs[i].capture;
	return conf_suggest(sv_str(capture), names, NELEM(specs));
}

void
rule_field_dotted(struct buf *out, const char *capture)
{
	const struct field_spec *spec = rule_field_find(capture);
	const char *underscore = strchr(capture, '_');

	if (spec != NULL) {
		buf_puts(out, spec->field);
	} else if (underscore == NULL || underscore == capture || underscore[1] == '\0') {
		buf_puts(out, capture);
	} else {
		buf_add(out, capture, (size_t)(underscore - capture));
		buf_putc(out, '.');
		buf_puts(out, underscore + 1);
	}
}

static bool
is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* What inet_pton() takes: four numbers up to 255, without leading zeros. */
static bool
is_ipv4(struct sv s)
{
	unsigned dots = 0, digits = 0, number = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.') {
			if (digits == 0 || ++dots > 3)
				return false;
			digits = number = 0;
			continue;
		}
		if (s.p[i] < '0' || s.p[i] > '9' || (digits > 0 && number == 0))
			return false;
		number = number * 10 + (unsigned)(s.p[i] - '0');
		digits++;
		if (number > 255)
			return false;
	}
	return dots == 3 && digits > 0;
}

static bool
is_port(struct sv s)
{
	int64_t number;

	return num_int(s, 0, 65535, &number);
}

/* The address in "192.0.2.1:443", "[2001:db8::1]:443", "[2001:db8::1]"; other values are
 * as they are. */
static struct sv
without_port(struct sv s)
{
	const char *end = memchr(s.p, s.n > 0 && s.p[0] == '[' ? ']' : ':', s.n);
	struct sv inside = s, rest;

	if (end == NULL)
		return s;
	inside.n = (size_t)(end - s.p);
	rest = sv_from(s, inside.n);
	if (s.p[0] != '[')
		return is_ipv4(inside) && is_port(sv_from(rest, 1)) ? inside : s;
	rest = sv_from(rest, 1);
	if (rest.n > 0 && (rest.p[0] != ':' || !is_port(sv_from(rest, 1))))
		return s;
	return sv_from(inside, 1);
}

static bool
read_ipv6(struct sv s, unsigned char addr[16])
{
	char text[INET6_ADDRSTRLEN];
	const char *zone = memchr(s.p, '%', s.n);

	if (zone != NULL)
		s.n = (size_t)(zone - s.p);
	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n) != NULL)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(AF_INET6, text, addr) == 1;
}

static bool
accept_ip(struct sv *value, char room[RULE_FIELD_ROOM])
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned char addr[16];
	struct sv s = without_port(*value);

	if (is_ipv4(s)) {
		*value = s;
		return true;
	}
	if (!read_ipv6(s, addr))
		return false;
	if (memcmp(addr, mapped, sizeof(mapped)) == 0)
		inet_ntop(AF_INET, addr + sizeof(mapped), room, RULE_FIELD_ROOM);
	else
		inet_ntop(AF_INET6, addr, room, RULE_FIELD_ROOM);
	*value = sv_str(room);
	return true;
}

static bool
is_host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '.' || c == '-' || c == '_';
}

static bool
accept_address(struct sv *value, char room[RULE_FIELD_ROOM])
{
	if (accept_ip(value, room))
		return true;
	if (value->n > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < value->n; i++)
		if (!is_host_byte(value->p[i]))
			return false;
	return true;
}

static bool
accept_user(const struct sv *value)
{
	if (value->n > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < value->n; i++)
		if (is_control(value->p[i]))
			return false;
	return true;
}

bool
rule_field_accept(enum field_type type, struct sv *value, char room[RULE_FIELD_ROOM])
{
	int64_t number;

	if (value->n == 0)
		return false;
	switch (type) {
	case FIELD_TEXT:
		return true;
	case FIELD_IP:
		return accept_ip(value, room);
	case FIELD_ADDRESS:
		return accept_address(value, room);
	case FIELD_PORT:
		return is_port(*value);
	case FIELD_INTEGER:
		return num_int(*value, INT64_MIN, INT64_MAX, &number);
	case FIELD_USER:
		return accept_user(value);
	case FIELD_PATH:
		return value->n <= PATH_MAX_BYTES && memchr(value->p, '\0', value->n) == NULL;
	}
	return false;
}

const char *
rule_field_type_name(enum field_type type)
{
	static const char *const names[] = {
	    "text", "ip", "address", "port", "integer", "user", "path"};

	return names[type];
}
