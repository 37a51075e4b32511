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
    {"process_pid", "process.pid", FIELD_INTEGER},
    {"process_working_directory", "process.working_directory", FIELD_PATH},
    {"rule_id", "rule.id", FIELD_TEXT},
    {"server_address", "server.address", FIELD_ADDRESS},
    {"server_ip", "server.ip", FIELD_IP},
    {"server_port", "server.port", FIELD_PORT},
    {"service_name", "service.name", FIELD_TEXT},
    {"session_id", "session.id", FIELD_TEXT},
    {"source_address", "source.address", FIELD_ADDRESS},
    {"source_domain", "source.domain", FIELD_ADDRESS},
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
accept_ip(struct sv *value)
{
	char s[INET6_ADDRSTRLEN];
	unsigned char addr[16];
	const char *zone;
	size_t n;

	if (is_ipv4(*value))
		return true;
	zone = memchr(value->p, '%', value->n);
	n = zone == NULL ? value->n : (size_t)(zone - value->p);
	if (n == 0 || n >= sizeof(s) || memchr(value->p, '\0', n) != NULL)
		return false;
	memcpy(s, value->p, n);
	s[n] = '\0';
	if (inet_pton(AF_INET6, s, addr) != 1)
		return false;
	value->n = n;
	return true;
}

static bool
is_host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '.' || c == '-' || c == '_';
}

static bool
accept_address(struct sv *value)
{
	if (accept_ip(value))
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
rule_field_accept(enum field_type type, struct sv *value)
{
	int64_t number;

	if (value->n == 0)
		return false;
	switch (type) {
	case FIELD_TEXT:
		return true;
	case FIELD_IP:
		return accept_ip(value);
	case FIELD_ADDRESS:
		return accept_address(value);
	case FIELD_PORT:
		return num_int(*value, 0, 65535, &number);
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
