/* SPDX-License-Identifier: ISC */
/* The system calls of a program as text: see sandbox.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/base/sandbox.h"

#define SLOTS_MAX 1000

static void
print_calls(const struct sandbox_call *calls, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		(void)printf("%s\t%s\t%s\n", calls[i].name,
		    sandbox_cond_text(calls[i].cond), calls[i].why);
}

static int
show_calls(const struct sandbox *s)
{
	const struct sandbox_call *base;
	size_t n;

	base = sandbox_base(&n);
	print_calls(base, n);
	print_calls(s->calls, s->ncalls);
	return fflush(stdout) == EOF ? EXIT_FAILURE : 0;
}

static int
show_filter(const struct sandbox *given, const char *slots)
{
	struct sandbox s = *given;
	const char *error = NULL;

	s.chan_fds =
	    sandbox_block((unsigned)strtonum(slots, 0, SLOTS_MAX, &error));
	if (error != NULL) {
		(void)fprintf(stderr, "%s: slots: %s\n", s.program, error);
		return EXIT_FAILURE;
	}
	return sandbox_export(&s, STDOUT_FILENO) == 0 ? 0 : EXIT_FAILURE;
}

int
sandbox_show(int argc, char **argv, const struct sandbox *s)
{
	if (argc == 2 && strcmp(argv[1], "--calls") == 0)
		return show_calls(s);
	if (argc == 3 && strcmp(argv[1], "--filter") == 0)
		return show_filter(s, argv[2]);
	return -1;
}
