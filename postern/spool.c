/* SPDX-License-Identifier: ISC */
/*
 * postern spool: becomes queued, which alone knows the format, for the work
 * that needs no gateway running.  Nothing is opened here.
 */
#include <stdio.h>

#include "version.h"
#include "postern/tool.h"

#define ARGS_MAX 4096

static const struct sibling queued = { "queued/queued",
	"libexec/postern/queued", LIBEXECDIR "/queued" };

int
cmd_spool(int argc, char **argv, bool json)
{
	static char name[] = "queued", flag[] = "-j";
	char *args[ARGS_MAX + 4];
	int n = 0, i;

	if (argc < 1)
		return EXIT_USE;
	if (argc > ARGS_MAX) {
		(void)fputs("postern: too many arguments\n", stderr);
		return EXIT_USE;
	}
	args[n++] = name;
	args[n++] = argv[0]; /* check, export or import */
	if (json)
		args[n++] = flag;
	for (i = 1; i < argc; i++)
		args[n++] = argv[i];
	args[n] = NULL;
	return become(&queued, args);
}
