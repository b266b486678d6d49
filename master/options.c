/* SPDX-License-Identifier: ISC */
/* The command line: see options.h. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master/options.h"
#include "version.h"

enum { OPT_TOPOLOGY = 256, OPT_FIREWALL, OPT_VERSION, OPT_HELP };

static const struct option long_options[] = {
	{ "topology", no_argument, NULL, OPT_TOPOLOGY },
	{ "firewall", optional_argument, NULL, OPT_FIREWALL },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char usage_text[] =
    "usage: posternd [-dnTv] [-f file] [-L directory]\n"
    "       posternd --firewall[=namespace] [-f file]\n"
    "       posternd [-v] [-f file] [-L directory] selftest\n"
    "       posternd --topology | --version | --help\n";

static void
usage(FILE *fp, int status)
{
	(void)fputs(usage_text, fp);
	exit(status);
}

static void
version(void)
{
	(void)printf("posternd (Postern) %s\n", POSTERN_VERSION);
	exit(0);
}

static void
option(struct options *o, int c)
{
	switch (c) {
	case 'd':
		o->foreground = true;
		break;
	case 'f':
		o->file = optarg;
		break;
	case 'L':
		o->libexec = optarg;
		break;
	case 'n':
		o->check = true;
		break;
	case 'T':
		o->trap = true;
		break;
	case 'v':
		o->print = true;
		break;
	case OPT_TOPOLOGY:
		o->topology = true;
		break;
	case OPT_FIREWALL:
		o->firewall = optarg != NULL ? optarg : "";
		break;
	case OPT_VERSION:
		version();
		break;
	case OPT_HELP:
		usage(stdout, 0);
		break;
	default:
		usage(stderr, EXIT_USAGE);
	}
}

void
options_parse(struct options *o, int argc, char **argv)
{
	int c;

	memset(o, 0, sizeof(*o));
	o->file = SYSCONFDIR "/postern/postern.conf";
	while (
	    (c = getopt_long(argc, argv, "df:L:nTv", long_options, NULL)) != -1)
		option(o, c);
	if (optind == argc - 1 && strcmp(argv[optind], "selftest") == 0) {
		o->selftest = true;
		optind++;
	}
	if (optind != argc)
		usage(stderr, EXIT_USAGE);
}
