/* SPDX-License-Identifier: ISC */
/* selftest: see selftest.h. */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/chan.h"
#include "common/base/log.h"
#include "selftest/selftest.h"

#define HELLO_WAIT   1000 /* ms */
#define ATTACK_LIMIT 30	  /* s; the longest takes a few ms */

enum stage { STAGE_SETUP, STAGE_INSIDE, STAGE_TOLD };

/* In memory shared with the process in the cage. */
struct progress {
	volatile enum stage stage;
	volatile int answer;
};

struct selftest {
	const struct inmate *inmate;
	struct cm_hello hello;
	struct privdrop privdrop;
	struct sandbox sandbox;
	struct attack_env env;
	struct progress *progress;
	/*
	 * The namespace that the program starts in, and the empty one that all
	 * of its processes here share: making one takes most of the time.
	 */
	int outer, empty; /* empty: -1, it stays outside */
};

/* --- posternd --- */

static void
wait_for(short events)
{
	struct pollfd p = { .fd = CAGE_MASTER_FD, .events = events };

	(void)poll(&p, 1, HELLO_WAIT);
}

static void
read_hello(struct selftest *s)
{
	uint8_t mem[CHAN_HDR + CM_HELLO_MAX];
	struct ibuf b;
	uint16_t type, zero;
	uint32_t id;
	ssize_t n;

	wait_for(POLLIN);
	n = recv(CAGE_MASTER_FD, mem, sizeof(mem), MSG_DONTWAIT);
	if (n == -1)
		fatalx("this program is started by posternd");
	ibuf_from(&b, mem, (size_t)n);
	if (ibuf_get_n16(&b, &type) == -1 || ibuf_get_n16(&b, &zero) == -1 ||
	    ibuf_get_n32(&b, &id) == -1 || type != CM_REQ_HELLO ||
	    get_cm_hello(&b, &s->hello) == -1 ||
	    s->hello.version != CM_VERSION ||
	    s->hello.nslots > CHAN_BLOCK_MAX - CAGE_MASTER_FD ||
	    (s->inmate = inmate_find(s->hello.self.proc)) == NULL)
		fatalx("this program is started by posternd of its version");
}

static void
tell(uint16_t type, uint32_t id, const struct cm_attack *m)
{
	uint8_t mem[CHAN_HDR + CM_ATTACK_MAX];
	struct ibuf b;

	ibuf_wrap(&b, mem, sizeof(mem));
	(void)ibuf_add_n16(&b, type);
	(void)ibuf_add_n16(&b, 0);
	(void)ibuf_add_n32(&b, id);
	if (m != NULL && put_cm_attack(&b, m) == -1)
		fatalx("report");
	while (send(CAGE_MASTER_FD, mem, ibuf_size(&b), MSG_DONTWAIT) == -1)
		if (errno == EAGAIN)
			wait_for(POLLOUT);
		else
			fatal("report");
}

/* --- in the cage --- */

static void
lives_beside(const struct selftest *s, int ready)
{
	privdrop(&s->privdrop);
	(void)close(ready);
	for (;;)
		(void)pause();
}

/* A process of the same uid, as another worker is. */
static pid_t
start_beside(const struct selftest *s)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		fatal("another process");
	if (pid == 0) {
		(void)close(ready[0]);
		lives_beside(s, ready[1]);
	}
	(void)close(ready[1]);
	if (read(ready[0], &byte, 1) != 0)
		fatal("another process");
	(void)close(ready[0]);
	return pid;
}

static void
enter(int ns)
{
	if (ns != -1 && setns(ns, CLONE_NEWNET) == -1)
		fatal("network namespace");
}

/* As main() of any program: privileges, sandbox, and then what it does. */
static __attribute__((noreturn)) void
attack_from_inside(struct selftest *s, const struct attack *a)
{
	struct sandbox_report report;

	enter(s->outer);
	world_hold(&s->env, s->inmate->holds);
	enter(s->empty);
	if (s->empty != -1) {
		(void)close(s->outer);
		(void)close(s->empty);
	}
	(void)alarm(ATTACK_LIMIT);
	privdrop(&s->privdrop);
	if (s->inmate->cage->uses_dir &&
	    (s->env.dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		fatal("directory");
	sandbox_enter(&s->sandbox, &report);
	s->progress->stage = STAGE_INSIDE;
	s->progress->answer = a->try(&s->env);
	s->progress->stage = STAGE_TOLD;
	_exit(0);
}

static void
judge(const struct selftest *s, int status, struct cm_attack *m)
{
	int answer = s->progress->answer;

	/* also if it became another program, or was not stopped in time */
	m->outcome = CM_ATTACK_GAINED;
	if (world_reached())
		return;
	if (s->progress->stage == STAGE_TOLD) {
		m->outcome = answer == 0    ? CM_ATTACK_GAINED
		    : answer == ATTACK_NONE ? CM_ATTACK_NONE
					    : CM_ATTACK_REFUSED;
		m->detail = answer > 0 ? (uint16_t)answer : 0;
	} else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM) {
		m->outcome = CM_ATTACK_KILLED;
		m->detail = (uint16_t)WTERMSIG(status);
	}
}

static void
try(struct selftest *s, const struct attack *a, struct cm_attack *m)
{
	int status;
	pid_t pid;

	memset(m, 0, sizeof(*m));
	(void)strlcpy(m->name, a->name, sizeof(m->name));
	if ((a->job & ATTACK_JOB(s->inmate->proc)) != 0) {
		m->outcome = CM_ATTACK_JOB;
		return;
	}
	s->progress->stage = STAGE_SETUP;
	s->progress->answer = 0;
	pid = fork();
	if (pid == -1)
		fatal("fork");
	if (pid == 0)
		attack_from_inside(s, a);
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			fatal("waitpid");
	if (s->progress->stage == STAGE_SETUP)
		fatalx("the cage cannot be entered");
	judge(s, status, m);
}

static int
own_namespace(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		fatal("network namespace");
	return fd;
}

/* As privdrop() would for each of them. */
static void
share_empty(struct selftest *s)
{
	s->outer = s->empty = -1;
	if (!s->privdrop.empty_netns)
		return;
	s->privdrop.empty_netns = false;
	s->outer = own_namespace();
	if (unshare(CLONE_NEWNET) == -1)
		fatal("network namespace");
	s->empty = own_namespace();
}

static void
set_up(struct selftest *s)
{
	unsigned block;
	int pair[2];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	block = cage_block(s->hello.nslots);
	cage_fit(s->inmate->cage, s->inmate->proc, &s->hello, block,
	    &s->privdrop, &s->sandbox);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1 ||
	    dup3(pair[0], CAGE_MASTER_FD + 1, O_CLOEXEC) == -1)
		fatal("channel");
	s->progress = mmap(NULL, sizeof(*s->progress), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->progress == MAP_FAILED)
		fatal("memory");
	sandbox_warm_up();
	s->env.chan = CAGE_MASTER_FD + 1;
	s->env.dir = -1;
	world_make(&s->env);
	share_empty(s);
	s->env.beside = start_beside(s);
}

int
main(void)
{
	static struct selftest s;
	struct cm_attack m;
	uint32_t i;

	log_init("selftest", 0);
	read_hello(&s);
	set_up(&s);
	for (i = 0; i < attacks_n; i++) {
		try(&s, &attacks[i], &m);
		tell(CM_ANS_ATTACK, i, &m);
	}
	(void)privdrop_kill(s.env.beside, s.privdrop.uid);
	tell(CM_ANS_ATTACKED, i, NULL);
	return 0;
}
