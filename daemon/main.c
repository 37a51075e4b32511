/*
 * main: options of triaged, then the daemon.  Nothing else.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "daemon.h"
#include "util/log.h"

#ifndef TRIAGED_SYSCONFDIR
#define TRIAGED_SYSCONFDIR "/etc/triaged"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

static int
usage(FILE *out, int code)
{
	fputs("usage: triaged [-c FILE] [-t] [-v]\n"
	      "  -c, --config FILE  configuration (default " TRIAGED_SYSCONFDIR "/triaged.yaml)\n"
	      "  -t, --test         check configuration and rules, run the rules' tests, exit\n"
	      "  -v, --verbose      say more\n"
	      "      --version      print the version, exit\n",
	    out);
	return code;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
	    {"test", no_argument, NULL, 't'}, {"verbose", no_argument, NULL, 'v'},
	    {"version", no_argument, NULL, 'V'}, {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0}};
	const char *config = TRIAGED_SYSCONFDIR "/triaged.yaml";
	bool test = false, verbose = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:tvh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			config = optarg;
			break;
		case 't':
			test = true;
			break;
		case 'v':
			verbose = true;
			break;
		case 'V':
			puts("triaged " PACKAGE_VERSION);
			return DAEMON_OK;
		case 'h':
			return usage(stdout, DAEMON_OK);
		default:
			return usage(stderr, DAEMON_BAD_CONFIG);
		}
	}
	if (optind != argc)
		return usage(stderr, DAEMON_BAD_CONFIG);
	log_open("triaged", verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	return test ? daemon_check(config) : daemon_run(config);
}
