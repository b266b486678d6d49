/* SPDX-License-Identifier: ISC */
/*
 * postern firewall: becomes posternd, which alone reads the configuration.
 */
#include <stdio.h>
#include <unistd.h>

#include "version.h"
#include "postern/tool.h"

static const struct sibling posternd = { "master/posternd", "sbin/posternd",
	PREFIX "/sbin/posternd" };

int
cmd_firewall(int argc, char **argv, bool json)
{
	static char name[] = "posternd", file_flag[] = "-f";
	static char here[] = "--firewall";
	char there[256], *args[5] = { name, here, NULL };
	const char *netns = NULL;
	char *file = NULL;
	int opt;

	/* getopt(3) wants the verb in argv[0] */
	optind = 1;
	while ((opt = getopt(argc + 1, argv - 1, "+f:n:")) != -1) {
		if (opt == 'f')
			file = optarg;
		else if (opt == 'n')
			netns = optarg;
		else
			return EXIT_USE;
	}
	if (json || optind != argc + 1)
		return EXIT_USE;
	if (netns != NULL) {
		if (snprintf(there, sizeof(there), "%s=%s", here, netns) >=
		    (int)sizeof(there))
			return EXIT_USE;
		args[1] = there;
	}
	if (file != NULL) {
		args[2] = file_flag;
		args[3] = file;
	}
	return become(&posternd, args);
}
