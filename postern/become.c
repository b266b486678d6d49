/* SPDX-License-Identifier: ISC */
/* Another program of the gateway in place of this one: see tool.h. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "postern/tool.h"

/*
 * Where it is, from where we are ourselves: build/postern/postern has it in a
 * directory beside its own, PREFIX/bin/postern below PREFIX.
 */
static int
beside(const struct sibling *s, char path[PATH_MAX])
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
	    strcmp(basename(name), "postern") == 0 ? s->built : s->below);
	return len < 0 || len >= PATH_MAX ? -1 : access(path, X_OK);
}

void
sibling_path(const struct sibling *s, char path[PATH_MAX])
{
	if (beside(s, path) == -1)
		(void)strlcpy(path, s->installed, PATH_MAX);
}

int
become(const struct sibling *s, char **args)
{
	char path[PATH_MAX], *env[1] = { NULL };

	sibling_path(s, path);
	(void)execve(path, args, env);
	(void)fprintf(stderr, "postern: %s: %s\n", path, strerror(errno));
	return EXIT_ASK;
}
