/* SPDX-License-Identifier: ISC */
/* Another program of the gateway in place of this one: see tool.h. */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "postern/tool.h"

#define CHUNK 4096

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

/* What a descriptor gives, to its end, as a string; NULL: no memory. */
static char *
read_all(int fd)
{
	char *text = NULL, *bigger;
	size_t n = 0;
	ssize_t got = 1;

	while (got > 0) {
		bigger = realloc(text, n + CHUNK + 1);
		if (bigger == NULL) {
			free(text);
			return NULL;
		}
		text = bigger;
		got = read(fd, text + n, CHUNK);
		if (got > 0)
			n += (size_t)got;
	}
	text[n] = '\0';
	return text;
}

char *
sibling_ask(const struct sibling *s, char **args)
{
	char path[PATH_MAX], *env[1] = { NULL }, *text;
	int out[2], status = -1;
	pid_t pid;

	sibling_path(s, path);
	if (pipe2(out, O_CLOEXEC) == -1)
		return NULL;
	if ((pid = fork()) == 0) {
		if (dup2(out[1], STDOUT_FILENO) != -1)
			(void)execve(path, args, env);
		_exit(EXIT_ASK);
	}
	(void)close(out[1]);
	text = pid == -1 ? NULL : read_all(out[0]);
	(void)close(out[0]);
	if (pid == -1 || waitpid(pid, &status, 0) != pid || status != 0) {
		(void)fprintf(stderr, "postern: %s does not answer\n", path);
		free(text);
		return NULL;
	}
	return text;
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
