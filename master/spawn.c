/* SPDX-License-Identifier: ISC */
/* Starting a program: see spawn.h. */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/log.h"
#include "master/spawn.h"
#include "master/topology.h"
#include "version.h"

#define CHILD_CHAN 3

static __attribute__((noreturn)) void
child_fails(const char *what)
{
	(void)dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
	_exit(127);
}

static void
reset_signals(void)
{
	sigset_t none;
	int sig;

	(void)sigemptyset(&none);
	for (sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * The three ends may have any numbers, 0 to 3 among them, so they are moved
 * out of the way before they are put in place.
 */
static void
place_descriptors(int chan, int output)
{
	int null;

	chan = fcntl(chan, F_DUPFD, CHILD_CHAN + 1);
	output = fcntl(output, F_DUPFD, CHILD_CHAN + 1);
	null = open("/dev/null", O_RDWR);
	if (chan == -1 || output == -1 || null == -1 ||
	    dup2(null, STDIN_FILENO) == -1 ||
	    dup2(output, STDOUT_FILENO) == -1 ||
	    dup2(output, STDERR_FILENO) == -1 || dup2(chan, CHILD_CHAN) == -1)
		child_fails("descriptors");
	/* glibc 2.34 has the wrapper, this kernel call is older */
	if (syscall(SYS_close_range, CHILD_CHAN + 1, ~0U, 0) == -1)
		child_fails("close_range");
}

static __attribute__((noreturn)) void
child_main(const struct spawn *s, int chan, int output)
{
	char name[INSTANCE_MAX], *argv[2] = { name, NULL }, *envp[1] = { NULL };

	(void)strlcpy(name, s->name, sizeof(name));
	if (s->netns != -1 && setns(s->netns, CLONE_NEWNET) == -1)
		child_fails("network namespace");
	place_descriptors(chan, output);
	(void)setpgid(0, 0);
	reset_signals();
	(void)execve(s->path, argv, envp);
	child_fails(s->path);
}

int
spawn(struct spawn *s, const struct peer *peer)
{
	const struct peer self = { PROC_MASTER, PROC_SIDE_NONE, 0 };
	int chan[2], output[2], error;

	if (topo_channel(&self, peer, chan) == -1)
		return -1;
	if (pipe2(output, O_CLOEXEC) == -1) {
		error = errno;
		goto close_chan;
	}
	s->pid = fork();
	if (s->pid == 0)
		child_main(s, chan[1], output[1]);
	error = errno;
	(void)close(output[1]);
	if (s->pid == -1) {
		(void)close(output[0]);
		goto close_chan;
	}
	(void)close(chan[1]);
	(void)fcntl(output[0], F_SETFL, O_NONBLOCK);
	s->chan = chan[0];
	s->output = output[0];
	return 0;

close_chan:
	(void)close(chan[0]);
	(void)close(chan[1]);
	errno = error;
	return -1;
}

static int
executable(char path[CONF_PATH_MAX], const char *fmt_dir, const char *sub,
    const char *prog)
{
	struct stat st;
	int n = snprintf(path, CONF_PATH_MAX, "%s%s%s/%s", fmt_dir,
	    sub[0] != '\0' ? "/" : "", sub, prog);

	if (n < 0 || n >= CONF_PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (stat(path, &st) == -1)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = ENOENT;
		return -1;
	}
	return access(path, X_OK);
}

/*
 * Where the programs are, from where posternd itself is: build/master/posternd
 * has them in the directories beside its own, PREFIX/sbin/posternd in PREFIX's
 * libexec, wherever PREFIX was moved to.
 */
static int
beside(const char *prog, char path[CONF_PATH_MAX])
{
	char exe[CONF_PATH_MAX], up[CONF_PATH_MAX], name[CONF_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n == -1)
		return -1;
	exe[n] = '\0';
	(void)strlcpy(up, dirname(exe), sizeof(up));
	(void)strlcpy(name, up, sizeof(name));
	if (strcmp(basename(name), "master") == 0)
		return executable(path, dirname(up), prog, prog);
	return executable(path, dirname(up), "libexec/postern", prog);
}

int
spawn_find_named(const char *dir, const char *prog, char path[CONF_PATH_MAX])
{
	if (dir != NULL) {
		if (executable(path, dir, prog, prog) == 0)
			return 0;
		return executable(path, dir, "", prog);
	}
	if (beside(prog, path) == 0)
		return 0;
	return executable(path, LIBEXECDIR, "", prog);
}

int
spawn_find(const char *dir, enum proc proc, char path[CONF_PATH_MAX])
{
	return spawn_find_named(dir, proc_name(proc), path);
}
