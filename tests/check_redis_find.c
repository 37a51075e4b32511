/*
 * check_redis_find: which server is meant: redis.url, slots of keys, and what nodes and
 * sentinels answer, true, strange or hostile.
 */
#include <check.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev/ev.h"
#include "ev/ev_conn.h"
#include "rig.h"
#include "state/redis_find.h"
#include "state/redis_map.h"
#include "util/xalloc.h"

#define WAIT 10000

/* ---- redis.url ---------------------------------------------------------------- */

START_TEST(one_server_is_what_other_urls_name)
{
	struct redis_target t;

	ck_assert(redis_find_parse("unix:///run/redis.sock", &t));
	ck_assert_int_eq(t.kind, REDIS_ONE);
	ck_assert_str_eq(t.seeds[0].path, "/run/redis.sock");
	ck_assert(redis_find_parse("redis://db:6380/2", &t));
	ck_assert_int_eq(t.kind, REDIS_ONE);
	ck_assert_uint_eq(t.nseeds, 1);
	ck_assert_str_eq(t.seeds[0].host, "db");
	ck_assert_uint_eq(t.seeds[0].port, 6380);
	ck_assert_int_eq(t.seeds[0].db, 2);
}
END_TEST

START_TEST(a_cluster_has_several_seeds)
{
	struct redis_target t;

	ck_assert(redis_find_parse("redis+cluster://a,b:7001,[2001:db8::1],[2001:db8::2]:7002", &t));
	ck_assert_int_eq(t.kind, REDIS_CLUSTER);
	ck_assert_uint_eq(t.nseeds, 4);
	ck_assert_str_eq(t.seeds[0].host, "a");
	ck_assert_uint_eq(t.seeds[0].port, 6379);
	ck_assert_str_eq(t.seeds[1].host, "b");
	ck_assert_uint_eq(t.seeds[1].port, 7001);
	ck_assert_str_eq(t.seeds[2].host, "2001:db8::1");
	ck_assert_uint_eq(t.seeds[2].port, 6379);
	ck_assert_str_eq(t.seeds[3].host, "2001:db8::2");
	ck_assert_uint_eq(t.seeds[3].port, 7002);
}
END_TEST

START_TEST(sentinels_have_a_port_of_their_own_and_a_master)
{
	struct redis_target t;

	ck_assert(redis_find_parse("redis+sentinel://a,b:7001,[2001:db8::1],[::2]:7002/triage", &t));
	ck_assert_int_eq(t.kind, REDIS_SENTINEL);
	ck_assert_str_eq(t.master, "triage");
	ck_assert_uint_eq(t.nseeds, 4);
	ck_assert_uint_eq(t.seeds[0].port, 26379);
	ck_assert_uint_eq(t.seeds[1].port, 7001);
	ck_assert_uint_eq(t.seeds[2].port, 26379);
	ck_assert_uint_eq(t.seeds[3].port, 7002);
}
END_TEST

static const char *const bad_urls[] = {
    "", "redis", "http://a", "unix://relative", "redis://", "redis://a:0", "redis://a:65536",
    "redis://a:x", "redis+cluster://", "redis+cluster://a,", "redis+cluster://,a",
    "redis+cluster://a/0", "redis+cluster://a,b:99999", "redis+sentinel://a",
    "redis+sentinel://a/", "redis+sentinel:///triage", "redis+sentinel://a,/triage",
    "redis+sentinel://a:0/triage",
    "redis+cluster://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
};

START_TEST(what_is_no_url_is_refused)
{
	struct redis_target t;
	char *longer = xcalloc(1, 2000);

	ck_assert_msg(!redis_find_parse(bad_urls[_i], &t), "%s", bad_urls[_i]);
	snprintf(longer, 2000, "redis+cluster://%0300d", 1);
	ck_assert(!redis_find_parse(longer, &t));
	snprintf(longer, 2000, "redis+sentinel://a/%064d", 1);
	ck_assert(!redis_find_parse(longer, &t));
	free(longer);
}
END_TEST

/* ---- slots -------------------------------------------------------------------- */

/* By CLUSTER KEYSLOT of Redis 7.0. */
static const struct {
	const char *key;
	unsigned slot;
} slots[] = {
    {"", 0},
    {"123456789", 12739}, /* CRC-16/XMODEM 31c3, as the specification says */
    {"foo", 12182},
    {"{foo}bar", 12182},
    {"bar{foo}", 12182},
    {"{foo}{bar}", 12182},
    {"foo{}{bar}", 8363}, /* an empty tag is none */
    {"foo{{bar}}zap", 4015},
    {"{", 4092},
    {"{foo", 13308},
    {"triaged:{t:0}:", 6341},
    {"triaged:{t:1}:meta", 2276},
};

START_TEST(a_key_is_in_the_slot_that_redis_says)
{
	ck_assert_uint_eq(redis_map_slot(sv_str(slots[_i].key)), slots[_i].slot);
}
END_TEST

START_TEST(all_keys_of_a_partition_are_in_one_slot)
{
	char prefix[40], key[80];

	for (unsigned i = 0; i < 4096; i++) {
		snprintf(prefix, sizeof(prefix), "triaged:{t:%u}:", i);
		snprintf(key, sizeof(key), "%sg:{rule}:}{", prefix);
		ck_assert_uint_eq(redis_map_slot(sv_str(prefix)), redis_map_slot(sv_str(key)));
		ck_assert_uint_lt(redis_map_slot(sv_str(key)), REDIS_MAP_SLOTS);
	}
}
END_TEST

/* ---- answers ------------------------------------------------------------------ */

static const struct redis_address asked = {.host = "seed", .port = 7000};

/* What a server says, as hiredis reads it. */
static redisReply *
read_reply(const char *wire)
{
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;

	ck_assert_int_eq(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
	ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
	ck_assert_msg(reply != NULL, "not whole: %s", wire);
	redisReaderFree(reader);
	return reply;
}

static bool
take(struct redis_map *m, const char *wire, bool sentinel)
{
	redisReply *reply = read_reply(wire);
	bool ok = sentinel ? redis_map_take_master(m, reply, &asked)
	                   : redis_map_take_slots(m, reply, &asked);

	freeReplyObject(reply);
	return ok;
}

/* A range of slots and its master, and a replica that does not matter. */
#define RANGE(first, last, host, port) \
	"*4\r\n:" first "\r\n:" last "\r\n" \
	"*4\r\n" host ":" port "\r\n$2\r\nid\r\n*0\r\n" \
	"*3\r\n$7\r\nreplica\r\n:1\r\n$3\r\nid2\r\n"
#define HOST_A "$9\r\n127.0.0.1\r\n"
#define HOST_B "$11\r\n2001:db8::1\r\n"

#define WHOLE "*2\r\n" RANGE("0", "8191", HOST_A, "7001") RANGE("8192", "16383", HOST_B, "7002")

START_TEST(slots_lead_to_masters)
{
	struct redis_map *m = redis_map_new();
	const struct redis_address *a;

	ck_assert_ptr_null(redis_map_server(m, SV("foo")));
	ck_assert_uint_eq(redis_map_size(m), 0);
	ck_assert(take(m, WHOLE, false));
	ck_assert_uint_eq(redis_map_size(m), 2);
	a = redis_map_server(m, SV("foo")); /* 12182 */
	ck_assert_str_eq(a->host, "2001:db8::1");
	ck_assert_uint_eq(a->port, 7002);
	a = redis_map_server(m, SV("foo{{bar}}zap")); /* 4015 */
	ck_assert_str_eq(a->host, "127.0.0.1");
	ck_assert_uint_eq(a->port, 7001);
	ck_assert_str_eq(a->path, "");
	ck_assert_int_eq(a->db, 0);
	redis_map_free(&m);
}
END_TEST

START_TEST(a_slot_of_no_range_has_nobody)
{
	struct redis_map *m = redis_map_new();

	ck_assert(take(m, "*2\r\n" RANGE("0", "4014", HOST_A, "1") RANGE("4016", "16383", HOST_A, "1"),
	    false));
	ck_assert_ptr_null(redis_map_server(m, SV("foo{{bar}}zap")));
	ck_assert_ptr_nonnull(redis_map_server(m, SV("foo")));
	ck_assert(take(m, "*1\r\n" RANGE("4015", "4015", HOST_A, "65535"), false));
	ck_assert_uint_eq(redis_map_server(m, SV("foo{{bar}}zap"))->port, 65535);
	ck_assert_ptr_null(redis_map_server(m, SV("foo")));
	redis_map_free(&m);
}
END_TEST

static const char *const no_hosts[] = {"$0\r\n\r\n", "$-1\r\n", "$1\r\n?\r\n"};

START_TEST(a_node_without_an_address_is_the_one_that_was_asked)
{
	struct redis_map *m = redis_map_new();
	char wire[200];

	snprintf(wire, sizeof(wire), "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n%s:7009\r\n", no_hosts[_i]);
	ck_assert(take(m, wire, false));
	ck_assert_str_eq(redis_map_at(m, 0)->host, "seed");
	ck_assert_uint_eq(redis_map_at(m, 0)->port, 7009);
	redis_map_free(&m);
}
END_TEST

START_TEST(a_sentinel_names_one_for_all_slots)
{
	struct redis_map *m = redis_map_new();

	ck_assert(take(m, "*2\r\n$5\r\nredis\r\n$4\r\n6380\r\n", true));
	ck_assert_uint_eq(redis_map_size(m), 1);
	ck_assert_str_eq(redis_map_server(m, SV("foo"))->host, "redis");
	ck_assert_uint_eq(redis_map_server(m, SV("foo"))->port, 6380);
	ck_assert_ptr_eq(redis_map_server(m, SV("")), redis_map_server(m, SV("foo")));
	redis_map_free(&m);
}
END_TEST

/* A master is {HOST, port}; HOST may be left open. */
#define ONE(first, last, master) "*1\r\n*3\r\n:" first "\r\n:" last "\r\n" master
#define GOOD "*2\r\n" HOST_A ":7001\r\n"

static const char *const bad_slots[] = {
    "+OK\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n", /* a node that has joined no cluster */
    ":0\r\n",
    "-ERR This instance has cluster support disabled\r\n",
    "-MOVED 3999 127.0.0.1:6381\r\n",
    "-ASK 3999 127.0.0.1:6381\r\n",
    "*1\r\n*0\r\n",
    "*1\r\n:5\r\n",
    "*1\r\n*2\r\n:0\r\n:16383\r\n",
    ONE("-1", "16383", GOOD),
    ONE("0", "16384", GOOD),
    ONE("2", "1", GOOD),
    ONE("9223372036854775807", "9223372036854775807", GOOD),
    ONE("0", "4294967296", GOOD),
    "*1\r\n*3\r\n$1\r\n0\r\n:16383\r\n" GOOD,
    "*1\r\n*3\r\n:0\r\n$5\r\n16383\r\n" GOOD,
    ONE("0", "1", "$9\r\n127.0.0.1\r\n"),
    ONE("0", "1", "*0\r\n"),
    ONE("0", "1", "*1\r\n" HOST_A),
    ONE("0", "1", "*2\r\n" HOST_A ":0\r\n"),
    ONE("0", "1", "*2\r\n" HOST_A ":-1\r\n"),
    ONE("0", "1", "*2\r\n" HOST_A ":65536\r\n"),
    ONE("0", "1", "*2\r\n" HOST_A ":4295008336\r\n"),
    ONE("0", "1", "*2\r\n" HOST_A "$4\r\n7001\r\n"),
    /* The first is good, the second is not. */
    "*2\r\n" RANGE("0", "8191", HOST_A, "7001") "*3\r\n:8192\r\n:99999\r\n" GOOD,
};

START_TEST(strange_slots_change_nothing)
{
	struct redis_map *m = redis_map_new();

	ck_assert(take(m, WHOLE, false));
	ck_assert_msg(!take(m, bad_slots[_i], false), "%s", bad_slots[_i]);
	ck_assert_uint_eq(redis_map_size(m), 2);
	ck_assert_uint_eq(redis_map_server(m, SV("foo"))->port, 7002);
	redis_map_free(&m);
}
END_TEST

static const char *const bad_masters[] = {
    "*-1\r\n", /* it does not know that master */
    "$-1\r\n",
    "-IDONTKNOW\r\n",
    "+127.0.0.1:6379\r\n",
    "*0\r\n",
    "*1\r\n" HOST_A,
    "*3\r\n" HOST_A "$4\r\n6379\r\n$1\r\n0\r\n",
    "*2\r\n" HOST_A ":6379\r\n",
    "*2\r\n:127\r\n$4\r\n6379\r\n",
    "*2\r\n" HOST_A "$0\r\n\r\n",
    "*2\r\n" HOST_A "$1\r\n0\r\n",
    "*2\r\n" HOST_A "$2\r\n-1\r\n",
    "*2\r\n" HOST_A "$5\r\n65536\r\n",
    "*2\r\n" HOST_A "$5\r\n6379x\r\n",
    "*2\r\n" HOST_A "$5\r\n 6379\r\n",
    "*2\r\n" HOST_A "$21\r\n-18446744073709551615\r\n", /* 1 to strtoul() */
};

START_TEST(strange_masters_change_nothing)
{
	struct redis_map *m = redis_map_new();

	ck_assert(take(m, "*2\r\n$5\r\nredis\r\n$4\r\n6380\r\n", true));
	ck_assert_msg(!take(m, bad_masters[_i], true), "%s", bad_masters[_i]);
	ck_assert_uint_eq(redis_map_server(m, SV("foo"))->port, 6380);
	redis_map_free(&m);
}
END_TEST

START_TEST(a_host_must_fit_and_be_text)
{
	struct redis_map *m = redis_map_new();
	char wire[1000];

	snprintf(wire, sizeof(wire), "*2\r\n$255\r\n%0255d\r\n$4\r\n6379\r\n", 7);
	ck_assert(take(m, wire, true));
	ck_assert_uint_eq(strlen(redis_map_at(m, 0)->host), 255);
	snprintf(wire, sizeof(wire), "*2\r\n$256\r\n%0256d\r\n$4\r\n6379\r\n", 7);
	ck_assert(!take(m, wire, true));
	redis_map_free(&m);
}
END_TEST

START_TEST(a_host_with_a_nul_is_none)
{
	static const char wire[] = "*2\r\n$3\r\na\0b\r\n$4\r\n6379\r\n";
	struct redis_map *m = redis_map_new();
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;

	ck_assert_int_eq(redisReaderFeed(reader, wire, sizeof(wire) - 1), REDIS_OK);
	ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
	ck_assert(!redis_map_take_master(m, reply, &asked));
	freeReplyObject(reply);
	redisReaderFree(reader);
	redis_map_free(&m);
}
END_TEST

START_TEST(there_are_no_more_ranges_than_slots)
{
	struct redis_map *m = redis_map_new();
	struct buf wire = BUF_INIT;

	for (unsigned n = REDIS_MAP_SLOTS; n <= REDIS_MAP_SLOTS + 1; n++) {
		wire.n = 0;
		buf_printf(&wire, "*%u\r\n", n);
		for (unsigned i = 0; i < n; i++)
			buf_printf(&wire, "*3\r\n:%u\r\n:%u\r\n" GOOD, i % REDIS_MAP_SLOTS,
			    i % REDIS_MAP_SLOTS);
		ck_assert_int_eq(take(m, buf_str(&wire), false), n == REDIS_MAP_SLOTS);
	}
	ck_assert_uint_eq(redis_map_size(m), REDIS_MAP_SLOTS);
	buf_free(&wire);
	redis_map_free(&m);
}
END_TEST

/* ---- asking ------------------------------------------------------------------- */

/* A server that gives each that asks one answer, or with NULL hangs up at once. */
struct server {
	struct ev *ev;
	const char *answer;
	int fd;
	uint16_t port;
	struct ev_fd *listening;
	struct ev_conn *conn;
	char heard[400];
	unsigned asked;
};

static size_t
heard(void *ctx, struct sv data)
{
	struct server *s = ctx;
	size_t had = strlen(s->heard);

	if (had == 0 && s->answer != NULL)
		ev_conn_write(s->conn, sv_str(s->answer));
	snprintf(s->heard + had, sizeof(s->heard) - had, "%.*s", (int)data.n, data.p);
	return data.n;
}

static void
hung_up(void *ctx, const char *reason)
{
	(void)reason;
	ev_conn_free(&((struct server *)ctx)->conn);
}

static void
called(void *ctx, int fd, unsigned what)
{
	static const struct ev_conn_cb cb = {.readable = heard, .closed = hung_up};
	struct server *s = ctx;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	ck_assert_int_ge(conn, 0);
	s->asked++;
	s->heard[0] = '\0';
	ev_conn_free(&s->conn);
	if (s->answer == NULL)
		close(conn);
	else
		s->conn = ev_conn_fd(s->ev, conn, &cb, s);
}

static void
serve(struct server *s, struct ev *ev, const char *answer)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);

	*s = (struct server){.ev = ev, .answer = answer};
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(listen(s->fd, 5), 0);
	ck_assert_int_eq(getsockname(s->fd, (struct sockaddr *)&sin, &len), 0);
	s->port = ntohs(sin.sin_port);
	s->listening = ev_fd_new(ev, s->fd, EV_FD_READ, called, s);
}

static void
close_down(struct server *s)
{
	ev_conn_free(&s->conn);
	ev_fd_free(&s->listening);
	close(s->fd);
}

/* Who asks two servers, and what came of it. */
struct asker {
	struct ev *ev;
	struct server servers[2];
	struct redis_target target;
	struct redis_find *find;
	unsigned found, failed;
	char why[600];
};

static void
got_found(void *ctx)
{
	((struct asker *)ctx)->found++;
}

static void
got_failed(void *ctx, const char *reason)
{
	struct asker *a = ctx;

	a->failed++;
	snprintf(a->why, sizeof(a->why), "%s", reason);
}

static bool
is_over(void *ctx)
{
	const struct asker *a = ctx;

	return a->found + a->failed > 0;
}

static void
asker_open(struct asker *a, enum redis_kind kind, const char *one, const char *other)
{
	static const struct redis_find_cb cb = {.found = got_found, .failed = got_failed};

	*a = (struct asker){.ev = ev_new(), .target = {.kind = kind, .nseeds = 2, .master = "triage"}};
	serve(&a->servers[0], a->ev, one);
	serve(&a->servers[1], a->ev, other);
	for (size_t i = 0; i < 2; i++) {
		snprintf(a->target.seeds[i].host, sizeof(a->target.seeds[i].host), "127.0.0.1");
		a->target.seeds[i].port = a->servers[i].port;
	}
	a->find = redis_find_new(a->ev, &a->target, "ann", "secret", &cb, a);
}

static void
asker_ask(struct asker *a)
{
	a->found = a->failed = 0;
	redis_find_start(a->find);
	rig_turn_until(a->ev, is_over, a, WAIT);
	ck_assert_uint_eq(a->found + a->failed, 1);
}

static void
asker_close(struct asker *a)
{
	redis_find_free(&a->find);
	close_down(&a->servers[0]);
	close_down(&a->servers[1]);
	ev_free(&a->ev);
}

START_TEST(a_node_is_asked_with_the_password)
{
	struct asker a;

	asker_open(&a, REDIS_CLUSTER, "+OK\r\n" WHOLE, NULL);
	asker_ask(&a);
	ck_assert_uint_eq(a.found, 1);
	ck_assert_str_eq(a.servers[0].heard, "*3\r\n$4\r\nAUTH\r\n$3\r\nann\r\n$6\r\nsecret\r\n"
	    "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n");
	ck_assert_uint_eq(a.servers[1].asked, 0);
	ck_assert_uint_eq(redis_find_server(a.find, "foo")->port, 7002);
	asker_close(&a);
}
END_TEST

START_TEST(a_sentinel_is_asked_without)
{
	struct asker a;

	asker_open(&a, REDIS_SENTINEL, "*2\r\n$5\r\nredis\r\n$4\r\n6380\r\n", NULL);
	asker_ask(&a);
	ck_assert_uint_eq(a.found, 1);
	ck_assert_str_eq(a.servers[0].heard,
	    "*3\r\n$8\r\nSENTINEL\r\n$23\r\nGET-MASTER-ADDR-BY-NAME\r\n$6\r\ntriage\r\n");
	ck_assert_str_eq(redis_find_server(a.find, "any")->host, "redis");
	asker_close(&a);
}
END_TEST

static const char *const useless[] = {
    NULL, /* hangs up */
    "-WRONGPASS invalid username-password pair\r\n",
    "+OK\r\n-MOVED 3999 127.0.0.1:1\r\n",
    "+OK\r\n-ASK 3999 127.0.0.1:1\r\n",
    "+OK\r\n-CLUSTERDOWN The cluster is down\r\n",
    "+OK\r\n*0\r\n",
    "+OK\r\n*-1\r\n",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "+OK\r\n+QUEUED\r\n+OK\r\n+OK\r\n", /* more than was asked for */
};

/* The bad one is asked first; the other one answers as it should. */
START_TEST(the_next_is_asked_when_one_does_not_know)
{
	struct asker a;

	asker_open(&a, REDIS_CLUSTER, useless[_i], "+OK\r\n" WHOLE);
	asker_ask(&a);
	ck_assert_uint_eq(a.servers[0].asked, 1);
	ck_assert_uint_eq(a.servers[1].asked, 1);
	ck_assert_uint_eq(a.found, 1);
	ck_assert_uint_eq(redis_find_server(a.find, "foo")->port, 7002);
	asker_close(&a);
}
END_TEST

START_TEST(who_does_not_answer_is_given_up)
{
	struct asker a;

	asker_open(&a, REDIS_CLUSTER, "+OK\r\n*1\r\n*3\r\n:0\r\n", "+OK\r\n" WHOLE);
	asker_ask(&a);
	ck_assert_uint_eq(a.found, 1);
	ck_assert_uint_eq(a.servers[1].asked, 1);
	asker_close(&a);
}
END_TEST

START_TEST(nobody_knows)
{
	struct asker a;
	char expected[200];

	asker_open(&a, REDIS_SENTINEL, "-ERR strange\r\n", "*-1\r\n");
	asker_ask(&a);
	ck_assert_uint_eq(a.failed, 1);
	snprintf(expected, sizeof(expected),
	    "sentinel of 127.0.0.1:%u: it does not know that master", a.servers[1].port);
	ck_assert_str_eq(a.why, expected);
	ck_assert_ptr_null(redis_find_server(a.find, "any"));
	/* Each was asked once; and is again. */
	asker_ask(&a);
	ck_assert_uint_eq(a.servers[0].asked, 2);
	ck_assert_uint_eq(a.servers[1].asked, 2);
	asker_close(&a);
}
END_TEST

/* The seeds are gone; a master that they named still knows. */
START_TEST(masters_are_asked_too)
{
	struct asker a;
	struct server master;
	char answer[200];

	asker_open(&a, REDIS_CLUSTER, NULL, NULL);
	serve(&master, a.ev, "+OK\r\n" WHOLE);
	snprintf(answer, sizeof(answer), "+OK\r\n" ONE("0", "16383", "*2\r\n" HOST_A ":%u\r\n"),
	    (unsigned)master.port);
	a.servers[0].answer = answer;
	asker_ask(&a);
	ck_assert_uint_eq(a.found, 1);
	ck_assert_uint_eq(redis_find_server(a.find, "foo")->port, master.port);
	a.servers[0].answer = NULL;
	asker_ask(&a);
	ck_assert_uint_eq(a.found, 1);
	ck_assert_uint_eq(master.asked, 1);
	ck_assert_uint_eq(redis_find_server(a.find, "foo")->port, 7002);
	close_down(&master);
	asker_close(&a);
}
END_TEST

START_TEST(after_stop_nothing_comes)
{
	struct asker a;

	asker_open(&a, REDIS_CLUSTER, "+OK\r\n" WHOLE, "+OK\r\n" WHOLE);
	redis_find_start(a.find);
	redis_find_stop(a.find);
	for (int i = 0; i < 100; i++)
		ev_turn(a.ev, false);
	ck_assert_uint_eq(a.found + a.failed, 0);
	/* Beginning anew drops what was under way. */
	redis_find_start(a.find);
	asker_ask(&a);
	ck_assert_uint_eq(a.found, 1);
	asker_close(&a);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

static void
add_map_tests(TCase *tc)
{
	tcase_add_loop_test(tc, a_key_is_in_the_slot_that_redis_says, 0, COUNT(slots));
	tcase_add_test(tc, all_keys_of_a_partition_are_in_one_slot);
	tcase_add_test(tc, slots_lead_to_masters);
	tcase_add_test(tc, a_slot_of_no_range_has_nobody);
	tcase_add_loop_test(
	    tc, a_node_without_an_address_is_the_one_that_was_asked, 0, COUNT(no_hosts));
	tcase_add_test(tc, a_sentinel_names_one_for_all_slots);
	tcase_add_loop_test(tc, strange_slots_change_nothing, 0, COUNT(bad_slots));
	tcase_add_loop_test(tc, strange_masters_change_nothing, 0, COUNT(bad_masters));
	tcase_add_test(tc, a_host_must_fit_and_be_text);
	tcase_add_test(tc, a_host_with_a_nul_is_none);
	tcase_add_test(tc, there_are_no_more_ranges_than_slots);
}

static void
add_find_tests(TCase *tc)
{
	tcase_add_test(tc, one_server_is_what_other_urls_name);
	tcase_add_test(tc, a_cluster_has_several_seeds);
	tcase_add_test(tc, sentinels_have_a_port_of_their_own_and_a_master);
	tcase_add_loop_test(tc, what_is_no_url_is_refused, 0, COUNT(bad_urls));
	tcase_add_test(tc, a_node_is_asked_with_the_password);
	tcase_add_test(tc, a_sentinel_is_asked_without);
	tcase_add_loop_test(tc, the_next_is_asked_when_one_does_not_know, 0, COUNT(useless));
	tcase_add_test(tc, who_does_not_answer_is_given_up);
	tcase_add_test(tc, nobody_knows);
	tcase_add_test(tc, masters_are_asked_too);
	tcase_add_test(tc, after_stop_nothing_comes);
}

int
main(void)
{
	Suite *suite = suite_create("redis_find");
	TCase *tc = tcase_create("redis_find");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	add_map_tests(tc);
	add_find_tests(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
