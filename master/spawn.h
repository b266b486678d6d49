/* SPDX-License-Identifier: ISC */
/*
 * Starting a program: fork and exec with nothing but what it needs.
 * Descriptor 0 is /dev/null, 1 and 2 a pipe to posternd, 3 the channel; the
 * environment is empty, the process group its own, all signals at default.
 */
#ifndef MASTER_SPAWN_H
#define MASTER_SPAWN_H

#include <sys/types.h>

#include "common/base/conf.h"
#include "common/base/proc.h"

struct spawn {
	const char *path; /* of the program */
	const char *name; /* shown by ps(1): the instance */
	int netns;	  /* network namespace to start in, or -1 */
	/* results */
	pid_t pid;
	int chan;   /* posternd's end of the channel */
	int output; /* what it writes to its stderr; non-blocking */
};

/* -1 with errno: nothing was started */
int spawn(struct spawn *, const struct peer *);

/*
 * Where the programs are: dir/PROG as installed, or dir/PROG/PROG in a build
 * tree.  dir NULL: beside this very program, in a build tree or under a PREFIX,
 * else where the build says.  -1 with errno: the program is not there.
 */
int spawn_find(const char *dir, enum proc, char path[CONF_PATH_MAX]);
int spawn_find_named(const char *dir, const char *prog,
    char path[CONF_PATH_MAX]);

#endif
