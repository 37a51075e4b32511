/*
 * send: numbered syslog messages by UDP at a steady rate, faster than Python can.
 *
 *   send PORT FIRST COUNT RATE BLOCK LANES NAME HEADER
 *
 * Lines are those of fault.py's ledger, filled up with blanks to equal length: so the
 * kernel takes a batch in one call and makes datagrams of it (UDP_SEGMENT), which costs
 * a sender on the same machine less than what is to be measured.  Prints how many the
 * kernel took.
 */
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 32
#define LENGTH 96 /* of a message */

struct ledger {
	long block, lanes;
	const char *name, *header;
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
wait_until(double due)
{
	double left = due - now();
	struct timespec t;

	if (left <= 0)
		return;
	t.tv_sec = (time_t)left;
	t.tv_nsec = (long)((left - (double)t.tv_sec) * 1e9);
	nanosleep(&t, NULL);
}

static int
open_socket(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), length = LENGTH;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &length, sizeof(length)) < 0) {
		perror("send");
		exit(1);
	}
	return fd;
}

/* Send lines ${first} to ${first} + ${n}; all of them, or the program ends. */
static void
send_batch(int fd, const struct ledger *l, long first, long n)
{
	static char text[BATCH * LENGTH + 1];

	for (long i = 0; i < n; i++) {
		char *at = text + i * LENGTH;
		long seq = first + i;
		int size = snprintf(at, LENGTH + 1, "%s seq=%ld block=%s%ld lane=%sg%ld", l->header,
		    seq, l->name, seq / l->block, l->name, seq % l->lanes);

		if (size > LENGTH) {
			fprintf(stderr, "send: a message is longer than %d bytes\n", LENGTH);
			exit(1);
		}
		memset(at + size, ' ', (size_t)(LENGTH - size));
	}
	if (send(fd, text, (size_t)(n * LENGTH), 0) != n * LENGTH) {
		perror("send");
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	struct ledger l;
	long first, count, rate, sent = 0;
	double begin = now();
	int fd;

	if (argc != 9)
		return 2;
	fd = open_socket(atoi(argv[1]));
	first = atol(argv[2]);
	count = atol(argv[3]);
	rate = atol(argv[4]);
	l = (struct ledger){atol(argv[5]), atol(argv[6]), argv[7], argv[8]};
	while (sent < count) {
		long n = count - sent < BATCH ? count - sent : BATCH;

		send_batch(fd, &l, first + sent, n);
		sent += n;
		wait_until(begin + (double)sent / (double)rate);
	}
	printf("%ld %.3f\n", sent, now() - begin);
	return 0;
}
