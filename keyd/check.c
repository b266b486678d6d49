/* SPDX-License-Identifier: ISC */
/*
 * "keyd -c UID GID": are these certificates and keys good?  posternd asks
 * before it takes a configuration, and for its option -n.  A process of its own
 * that lives for this answer, so that root parses neither: descriptor 3 is the
 * set (key_set.h), descriptor 1 takes the answer.  It gives up what it can give
 * up: root's uid, files, sockets, and all calls that it does not need.
 */
#include <sys/prctl.h>
#include <sys/resource.h>

#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "common/base/log.h"
#include "keyd/keyd.h"

#define SET_FD	 3
#define TIME_CPU 10 /* s */

static const struct sandbox_call calls[] = {
	{ "fcntl", SB_GET_SEALS, "the set cannot change" },
	{ "write", SB_ANY, "the answer, into posternd's pipe" },
};

static void
limit(__rlimit_resource_t what, rlim_t max)
{
	const struct rlimit rl = { max, max };

	if (setrlimit(what, &rl) == -1)
		fatal("setrlimit");
}

/* Whoever is root becomes uid and gid; others stay who they are. */
static void
confine(uid_t uid, gid_t gid)
{
	const struct sandbox s = {
		.program = "keyd -c",
		.calls = calls,
		.ncalls = sizeof(calls) / sizeof(calls[0]),
		.chan_fds = 4,
		.best_effort = true,
	};
	struct sandbox_report r;

	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, TIME_CPU);
	limit(RLIMIT_NOFILE, 8);
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
		setresuid(uid, uid, uid) == -1))
		fatal("giving up root");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		fatal("prctl");
	sandbox_enter(&s, &r);
}

static int
say(const struct keys *ks)
{
	uint8_t mem[CONF_CERTS_MAX * KS_CHECK_LEN];
	struct ks_check c;
	struct ibuf b;
	uint32_t i;
	size_t n;

	ibuf_wrap(&b, mem, sizeof(mem));
	for (i = 0; i < keys_count(ks); i++) {
		keys_check(ks, i, &c);
		if (put_ks_check(&b, &c) == -1)
			return EXIT_FAILURE;
	}
	n = ibuf_size(&b);
	return write(STDOUT_FILENO, mem, n) == (ssize_t)n ? 0 : EXIT_FAILURE;
}

static uint32_t
number(const char *s)
{
	const char *why;
	long long n = strtonum(s, 1, UINT32_MAX - 1, &why);

	if (why != NULL)
		fatalx("%s: %s", s, why);
	return (uint32_t)n;
}

int
check_main(char **argv)
{
	uid_t uid = number(argv[0]);
	gid_t gid = number(argv[1]);
	struct keys *ks;

	log_init("keyd -c", 0);
	if (keys_init() == -1)
		fatalx("OpenSSL");
	confine(uid, gid);
	ks = keys_load(SET_FD, 0, (int64_t)time(NULL));
	if (ks == NULL)
		fatalx("the set of certificates cannot be read");
	return say(ks);
}
