/* SPDX-License-Identifier: ISC */
/*
 * postern spool: becomes queued, which alone knows the format, for the work
 * that needs no gateway running.  Nothing is opened here.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "build/version.h"
#include "postern/tool.h"

#define ARGS_MAX 4096

/*
 * Where queued is, from where we are ourselves: build/postern/postern has it
 * in the directory beside its own, PREFIX/bin/postern in PREFIX's libexec.
 */
static int
beside(char path[PATH_MAX])
{
	char exe[PATH_MAX], up[PATH_MAX], name[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	int len;

	if (n == -1)
		return -1;
	exe[n] = '\0';
	(void)strlcpy(up, dirname(exe), sizeof(up));
	(void)strlcpy(name, up, sizeof(name));
	len = snprintf(path, PATH_MAX, "%s/%s", dirname(up),
	    strcmp(basename(name), "postern") == 0 ? "queued/queued"
						   : "libexec/postern/queued");
	return len < 0 || len >= PATH_MAX ? -1 : access(path, X_OK);
}

int
cmd_spool(int argc, char **argv, bool json)
{
	static char name[] = "queued", flag[] = "-j";
	char path[PATH_MAX], *args[ARGS_MAX + 4], *env[1] = { NULL };
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
	if (beside(path) == -1)
		(void)snprintf(path, sizeof(path), "%s", LIBEXECDIR "/queued");
	(void)execve(path, args, env);
	(void)fprintf(stderr, "postern: %s: %s\n", path, strerror(errno));
	return EXIT_ASK;
}
