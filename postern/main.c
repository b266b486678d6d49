/* SPDX-License-Identifier: ISC */
/*
 * postern: see tool.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "version.h"
#include "postern/tool.h"

static const struct {
	const char *name;
	int (*run)(int, char **, bool);
	bool alone; /* asks nobody */
} verbs[] = {
	{ "status", cmd_status, false },
	{ "stats", cmd_stats, false },
	{ "queue", cmd_queue, false },
	{ "audit", cmd_audit, false },
	{ "reload", cmd_reload, false },
	{ "spool", cmd_spool, true },
	{ "firewall", cmd_firewall, true },
};
#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

static int
usage(void)
{
	(void)fputs("usage: postern [-s SOCKET] VERB\n"
		    "  status [-j]                  processes and their state\n"
		    "  stats [-j]                   counters\n"
		    "  queue list [-j] [SELECTION]  messages in the queue\n"
		    "  queue show [-j] ID ...       one message, whole\n"
		    "  queue why [-j] ID ...        what it waits for\n"
		    "  queue shape [-j] [SELECTION] destinations by age\n"
		    "  queue destinations [-j]      by next hop\n"
		    "  queue hold [-r TEXT] SELECTION     keep, do not try\n"
		    "  queue release SELECTION      what is held goes on\n"
		    "  queue remove SELECTION       take out, no bounce\n"
		    "  queue flush [SELECTION]      try now\n"
		    "      SELECTION: ID ... or any of -d DESTINATION, -s "
		    "SENDER,\n"
		    "      -o AGE, -q in|out|local; -a for all; -n only "
		    "counts\n"
		    "  queue suspend [DESTINATION | -q in|out|local] "
		    "[for TIME] [-r TEXT]\n"
		    "  queue resume DESTINATION | -q in|out|local\n"
		    "  queue reroute [DOMAIN via HOST [port N] [for TIME] | "
		    "DOMAIN off]\n"
		    "  audit [-j | --html FILE]     isolation: declared and "
		    "real\n"
		    "  reload                       read postern.conf again\n"
		    "  spool check [-jv] [-d DIR] [in|out]\n"
		    "                               is the spool sound\n"
		    "  spool export [-j] [-d DIR] TARGET [in|out] [ID ...]\n"
		    "                               as plain files; stop "
		    "posternd first\n"
		    "  spool import [-jk] [-d DIR] TARGET\n"
		    "                               from there; the same\n"
		    "  firewall [-f FILE] [-n NAMESPACE]\n"
		    "                               nftables rules of a "
		    "configuration\n",
	    stderr);
	return EXIT_USE;
}

/* Take every -j out of the arguments, wherever it stands. */
static bool
take_json(int *argc, char **argv)
{
	bool json = false;
	int i, n = 0;

	for (i = 0; i < *argc; i++) {
		if (strcmp(argv[i], "-j") == 0)
			json = true;
		else
			argv[n++] = argv[i];
	}
	*argc = n;
	return json;
}

int
main(int argc, char **argv)
{
	const char *path = RUNSTATEDIR "/postern/control.sock";
	bool json;
	size_t i;
	int opt, rc;

	while ((opt = getopt(argc, argv, "+js:V")) != -1) {
		if (opt == 's') {
			path = optarg;
		} else if (opt == 'V') {
			(void)puts("postern " POSTERN_VERSION);
			return 0;
		} else if (opt == 'j') {
			optind--; /* seen again by take_json() */
			break;
		} else {
			return usage();
		}
	}
	argc -= optind;
	argv += optind;
	json = take_json(&argc, argv);
	for (i = 0; argc > 0 && i < NVERBS; i++) {
		if (strcmp(argv[0], verbs[i].name) != 0)
			continue;
		if (!verbs[i].alone && ask_connect(path) == -1)
			return EXIT_ASK;
		rc = verbs[i].run(argc - 1, argv + 1, json);
		if (fflush(stdout) == EOF)
			rc = EXIT_ASK;
		return rc == EXIT_USE ? usage() : rc;
	}
	return usage();
}
