/*
 * notify_http: requests to one URL by libcurl's multi interface on our loop.
 * Builds no body and judges no answer.
 *
 * What comes back is hostile: bounded in time and size, never followed, stored
 * or reused except for a few printable words.  Each channel has a CURLM of its
 * own, so that no connection and no credential is ever shared between two.
 */
#include "notify/notify_internal.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "conf/config.h"
#include "ev/ev.h"
#include "util/vis.h"
#include "util/xalloc.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

#define CONNECT_TIMEOUT 5000L
#define TIMEOUT 15000L
#define ANSWER_MAX ((size_t)65536) /* headers and body */
#define EXCERPT 120                /* bytes of the body kept for people */

struct transfer {
	LIST_ENTRY(transfer) entry;
	struct notify_http *http;
	struct notify_job *job;
	CURL *easy;
	struct curl_slist *headers;
	char *body;
	struct buf excerpt;
	size_t received;
	bool too_long;
	char error[CURL_ERROR_SIZE];
};

struct notify_http {
	struct ev *ev;
	const struct channel_conf *conf;
	char *url;
	long timeout;
	CURLM *multi;
	struct ev_timer *timer; /* libcurl's */
	LIST_HEAD(, transfer) transfers;
	size_t inflight;
	notify_http_cb *cb;
	void *ctx;
};

/* --- what a transfer calls --- */

/* Count ${n} more bytes of answer; false when they are too many. */
static bool
admit(struct transfer *t, size_t n)
{
	t->received += n;
	t->too_long = t->received > ANSWER_MAX;
	return !t->too_long;
}

static size_t
header_arrived(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	return admit(arg, size * n) ? size * n : 0;
}

static size_t
body_arrived(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * n, room = EXCERPT - t->excerpt.n;

	if (!admit(t, len))
		return 0;
	buf_add(&t->excerpt, p, len < room ? len : room);
	return len;
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)arg;
	(void)purpose;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* --- describing the outcome --- */

/* Does ${text} repeat the path of the URL?  With Slack and others that is the
 * secret, and some endpoints quote it in their error page. */
static bool
tells_path(const struct notify_http *h, struct sv text)
{
	const char *host = strstr(h->url, "://");
	const char *path = host == NULL ? NULL : strchr(host + 3, '/');

	return path != NULL && strlen(path) > 1 &&
	    memmem(text.p, text.n, path, strlen(path)) != NULL;
}

static struct sv
trim(struct sv s)
{
	while (s.n > 0 && strchr(" \t\r\n", s.p[0]) != NULL && s.p[0] != '\0')
		s = sv_from(s, 1);
	while (s.n > 0 && strchr(" \t\r\n", s.p[s.n - 1]) != NULL && s.p[s.n - 1] != '\0')
		s.n--;
	return s;
}

static const char *
failure(const struct transfer *t, CURLcode code)
{
	long port = 0, os_errno = 0;

	curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_PORT, &port);
	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_errno);
	/* Out of memory is libcurl's word for a line of header that is too long. */
	if (t->too_long || code == CURLE_OUT_OF_MEMORY)
		return "the answer is longer than 64 KiB";
	if (code == CURLE_UNSUPPORTED_PROTOCOL && port != 0)
		return "the answer is not HTTP";
	if (code == CURLE_UNSUPPORTED_PROTOCOL)
		return "the URL is not https (for http, set insecure: true)";
	if (code == CURLE_GOT_NOTHING)
		return "connection closed without an answer";
	if (code == CURLE_COULDNT_CONNECT && os_errno != 0)
		return strerror((int)os_errno);
	return t->error[0] != '\0' ? t->error : curl_easy_strerror(code);
}

static void
put_text(const struct transfer *t, struct sv raw, struct notify_answer *a)
{
	struct buf text = BUF_INIT;

	if (tells_path(t->http, raw))
		return;
	vis_text(&text, trim(raw));
	text.n = vis_cut(buf_view(&text), sizeof(a->text) - 1);
	snprintf(a->text, sizeof(a->text), "%.*s", (int)text.n, buf_str(&text));
	buf_free(&text);
}

static void
describe(struct transfer *t, CURLcode code, struct notify_answer *a)
{
	curl_off_t wait = 0;

	*a = (struct notify_answer){.complete = code == CURLE_OK};
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &a->status);
	curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &wait);
	if (wait > 0)
		a->retry_after = (wait < 86400 ? wait : 86400) * 1000;
	if (a->complete)
		put_text(t, buf_view(&t->excerpt), a);
	else
		put_text(t, sv_str(failure(t, code)), a);
}

/* --- life of a transfer --- */

static void
free_transfer(struct transfer *t)
{
	LIST_REMOVE(t, entry);
	t->http->inflight--;
	curl_multi_remove_handle(t->http->multi, t->easy);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	free(t->body);
	buf_free(&t->excerpt);
	free(t);
}

static void
ended(struct transfer *t, CURLcode code)
{
	struct notify_http *h = t->http;
	struct notify_job *job = t->job;
	struct notify_answer answer;

	describe(t, code, &answer);
	free_transfer(t);
	h->cb(h->ctx, job, &answer);
}

/* Let libcurl look at ${fd}, or at its clock, and collect what has ended. */
static void
drive(struct notify_http *h, curl_socket_t fd, int what)
{
	struct transfer *t;
	CURLMsg *m;
	int n;

	curl_multi_socket_action(h->multi, fd, what, &n);
	while ((m = curl_multi_info_read(h->multi, &n)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		ended(t, m->data.result);
	}
}

/* --- libcurl on our loop --- */

static void
timer_fired(void *arg)
{
	drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void
fd_fired(void *arg, int fd, unsigned what)
{
	drive(arg, fd,
	    (what & EV_FD_READ ? CURL_CSELECT_IN : 0) |
	        (what & EV_FD_WRITE ? CURL_CSELECT_OUT : 0));
}

static int
watch_timer(CURLM *multi, long ms, void *arg)
{
	struct notify_http *h = arg;

	(void)multi;
	if (ms < 0)
		ev_timer_cancel(h->timer);
	else
		ev_timer_set(h->timer, ms);
	return 0;
}

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
	struct notify_http *h = arg;
	struct ev_fd *w = watched;
	unsigned flags =
	    (what & CURL_POLL_IN ? EV_FD_READ : 0U) | (what & CURL_POLL_OUT ? EV_FD_WRITE : 0U);

	(void)easy;
	ev_fd_free(&w);
	if (what != CURL_POLL_REMOVE)
		w = ev_fd_new(h->ev, fd, flags, fd_fired, h);
	curl_multi_assign(h->multi, fd, w);
	return 0;
}

/* --- requests --- */

/* Only this URL, only by its protocol, by no proxy, with no credential that the
 * environment or a file offers. */
static void
set_target(CURL *easy, const struct notify_http *h)
{
	const char *protocols = h->conf->insecure ? "https,http" : "https";

	curl_easy_setopt(easy, CURLOPT_URL, h->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "triaged/" PACKAGE_VERSION);
}

static void
set_tls(CURL *easy, const struct notify_http *h)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (h->conf->ca_file.s != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, h->conf->ca_file.s);
}

static void
set_limits(CURL *easy, const struct notify_http *h)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, h->timeout);
	/* Else a look-up that hangs past the timeout would hang the loop: libcurl
	 * joins its resolver thread. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
}

static void
set_callbacks(CURL *easy, struct transfer *t)
{
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_arrived);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_arrived);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
}

static void
set_body(CURL *easy, struct transfer *t, const char *const *headers, size_t nheaders)
{
	t->headers = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; i < nheaders; i++)
		t->headers = curl_slist_append(t->headers, headers[i]);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t->body);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(t->body));
}

void
notify_http_post(struct notify_http *h, char *body, const char *const *headers, size_t nheaders,
    struct notify_job *job)
{
	struct transfer *t = xcalloc(1, sizeof(*t));

	t->http = h;
	t->job = job;
	t->body = body;
	t->easy = curl_easy_init();
	if (t->easy == NULL)
		abort();
	set_target(t->easy, h);
	set_tls(t->easy, h);
	set_limits(t->easy, h);
	set_callbacks(t->easy, t);
	set_body(t->easy, t, headers, nheaders);
	LIST_INSERT_HEAD(&h->transfers, t, entry);
	h->inflight++;
	if (curl_multi_add_handle(h->multi, t->easy) != CURLM_OK)
		abort();
}

/* --- the whole --- */

struct notify_http *
notify_http_new(
    struct ev *ev, const struct channel_conf *conf, const char *url, notify_http_cb *cb, void *ctx)
{
	struct notify_http *h = xcalloc(1, sizeof(*h));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	h->ev = ev;
	h->conf = conf;
	h->url = xstrdup(url);
	h->timeout = TIMEOUT;
	h->cb = cb;
	h->ctx = ctx;
	h->timer = ev_timer_new(ev, timer_fired, h);
	h->multi = curl_multi_init();
	if (h->multi == NULL)
		abort();
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	return h;
}

void
notify_http_free(struct notify_http **hp)
{
	struct notify_http *h = *hp;

	if (h == NULL)
		return;
	while (!LIST_EMPTY(&h->transfers))
		free_transfer(LIST_FIRST(&h->transfers));
	curl_multi_cleanup(h->multi);
	ev_timer_free(&h->timer);
	curl_global_cleanup();
	free(h->url);
	free(h);
	*hp = NULL;
}

size_t
notify_http_inflight(const struct notify_http *h)
{
	return h->inflight;
}

void
notify_http_set_timeout(struct notify_http *h, long ms)
{
	h->timeout = ms;
}
