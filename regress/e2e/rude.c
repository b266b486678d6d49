/* SPDX-License-Identifier: ISC */
/* link: common/msg.a common/base.a */
/*
 * A program that has been taken over: started by posternd in the place of any
 * other, it lives in the same kind of sandbox and says to its peers what none
 * of them may be told.  A file "rude.mode" beside it tells what it does:
 *
 *	garbage	after a reload it sends a message of no known type to its peers
 *	exit	it ends as soon as it has its configuration
 *	heap	it reads beyond what it allocated: a sanitizer must say so,
 *	signed	an addition overflows: likewise
 *	leak	started by a person: it forgets what it allocated, likewise
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/child.h"
#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "common/base/sandbox.h"

#define NO_SUCH_TYPE 0x7f01

static const struct sandbox_call calls[] = {
	{ "sendto", SB_SENDTO, "being rude" },
};

static const struct chan_msg none[1];
static char mode[16];
static struct chan *peers[128];
static size_t npeers;

static void
on_violation(struct chan *c, enum chan_violation why)
{
	(void)c;
	(void)why;
}

static void
on_peer(struct child *child, const struct peer *peer, int fd)
{
	const struct chan_spec spec = {
		.name = proc_name(peer->proc),
		.msgs = none,
		.on_violation = on_violation,
	};

	if (npeers < sizeof(peers) / sizeof(peers[0]))
		peers[npeers++] = chan_new(child_ev(child), fd, &spec);
}

/* faults, for the sanitizers to find; no other build has them */
static void
fault(void)
{
#ifdef __SANITIZE_ADDRESS__
	volatile size_t beyond = sizeof(mode);
	volatile int most = INT_MAX;
	char *p;

	if (strcmp(mode, "heap") == 0 && (p = strdup(mode)) != NULL)
		mode[0] = p[beyond];
	if (strcmp(mode, "signed") == 0)
		most = most + 1;
#endif
}

static void
on_conf(struct child *child, const struct conf *conf)
{
	size_t i;

	(void)child;
	if (strcmp(mode, "exit") == 0)
		_exit(3);
	fault();
	for (i = 0; conf->generation > 1 && i < npeers; i++)
		(void)chan_send(peers[i], NO_SUCH_TYPE, 0, NULL, -1);
}

static int
on_fd(struct child *child, enum child_fd kind, uint32_t id, int fd)
{
	(void)child;
	(void)kind;
	(void)id;
	(void)close(fd);
	return 0;
}

static void
read_mode(void)
{
	char path[1024];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	int fd;

	if (n == -1)
		fatal("my own name");
	path[n] = '\0';
	memcpy(strrchr(path, '/'), "/rude.mode", sizeof("/rude.mode"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || read(fd, mode, sizeof(mode) - 1) <= 0)
		fatal("%s", path);
	mode[strcspn(mode, "\n")] = '\0';
	(void)close(fd);
}

/* argv[0] is the instance: the longest program name that it begins with */
static enum proc
which(const char *instance)
{
	enum proc p, best = PROC_MASTER;
	size_t len, most = 0;

	for (p = PROC_MASTER; p < PROC_MAX; p++) {
		len = strlen(proc_name(p));
		if (len > most && strncmp(instance, proc_name(p), len) == 0) {
			most = len;
			best = p;
		}
	}
	return best;
}

static const struct cage cage = {
	.calls = calls,
	.ncalls = sizeof(calls) / sizeof(calls[0]),
};

int
main(int argc, char **argv)
{
	struct program program = {
		.cage = &cage,
		.on_conf = on_conf,
		.on_peer = on_peer,
		.on_fd = on_fd,
	};
	struct child *c;

	read_mode();
	if (strcmp(mode, "leak") == 0) {
		/* cppcheck-suppress leakReturnValNotUsed; LeakSanitizer's */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): to find */
		return malloc(sizeof(mode)) == NULL;
	}
	program.proc = which(argv[0]);
	c = child_attach(argc, argv, &program, NULL);
	privdrop(child_privdrop(c));
	sandbox_enter(child_sandbox(c), child_report(c));
	return child_loop(c);
}
