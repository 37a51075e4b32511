/*
 * udp_blast: send syslog by UDP at a steady rate, to measure a receiver.
 *
 *   udp_blast PORT MESSAGES RATE
 *
 * To 127.0.0.1; each message has its number, so that what arrived can be counted
 * independently.  Prints what was sent and how long it took; 0 as RATE: no pause.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define SIZE 128

struct batch {
	struct mmsghdr headers[BATCH];
	struct iovec parts[BATCH];
	char texts[BATCH][SIZE];
};

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
fill(struct batch *b, long first, int n)
{
	for (int i = 0; i < n; i++) {
		int length = snprintf(b->texts[i], SIZE,
		    "<38>Nov 22 09:00:00 gate sshd[4711]: Failed password for root from 203.0.113.7 "
		    "port %ld ssh2",
		    first + i);

		b->parts[i] = (struct iovec){b->texts[i], (size_t)length};
		b->headers[i].msg_hdr = (struct msghdr){.msg_iov = &b->parts[i], .msg_iovlen = 1};
	}
}

static int
send_all(int fd, struct batch *b, int n)
{
	int sent, done = 0;

	while (done < n) {
		sent = sendmmsg(fd, b->headers + done, (unsigned)(n - done), 0);
		if (sent < 0 && errno != EINTR)
			return -1;
		done += sent < 0 ? 0 : sent;
	}
	return 0;
}

/* Sleep until ${due}. */
static void
wait_for(int64_t due)
{
	struct timespec t = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};

	if (due > now_ns())
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

int
main(int argc, char **argv)
{
	static struct batch b;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long messages = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	long rate = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
	int64_t start;

	if (argc != 4) {
		fprintf(stderr, "usage: udp_blast PORT MESSAGES RATE\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)strtol(argv[1], NULL, 10));
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror("udp_blast");
		return 1;
	}
	start = now_ns();
	for (long i = 0; i < messages; i += BATCH) {
		int n = messages - i < BATCH ? (int)(messages - i) : BATCH;

		fill(&b, i, n);
		if (rate > 0)
			wait_for(start + (int64_t)((double)i / (double)rate * 1e9));
		if (send_all(fd, &b, n) < 0) {
			perror("udp_blast");
			return 1;
		}
	}
	printf("%ld messages in %.3f seconds\n", messages, (double)(now_ns() - start) / 1e9);
	close(fd);
	return 0;
}
