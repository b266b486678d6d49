/* SPDX-License-Identifier: ISC */
/* Attacking our own sandboxes: see selftest.h. */
#include <sys/utsname.h>
#include <sys/wait.h>

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/chan.h"
#include "common/base/ev.h"
#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "common/msg/child_master.h"
#include "master/marks.h"
#include "master/selftest.h"
#include "master/spawn.h"
#include "master/super.h"

#define ATTACKS_MAX 128
#define PATIENCE    60000 /* ms; on a machine that does much else */
#define WORDS_MAX   512	  /* of what a selftest wrote to its stderr */

struct cell_row {
	struct selftest *test;
	const struct topo_program *program;
	struct peer peer;
	char name[INSTANCE_MAX];
	pid_t pid;
	uid_t uid; /* what it becomes */
	struct chan *chan;
	int output;
	bool done;
	bool told; /* why it is not done */
	size_t n;
	struct cm_attack v[ATTACKS_MAX];
};

struct selftest {
	struct ev *ev;
	struct ev_timer patience;
	struct config *config;
	const char *path;
	int netns;
	size_t running;
	size_t errors;
	uint64_t took; /* ms */
	char kernel[SYS_NMLN];
	struct cell_row row[TOPO_PROGRAMS];
};

/* --- what it tells --- */

static int
on_attack(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	struct cell_row *r = chan_ctx(c);

	(void)fd;
	if (id != r->n || r->n == ATTACKS_MAX ||
	    get_cm_attack(b, &r->v[r->n]) == -1)
		return -1;
	r->n++;
	return 0;
}

static void
row_ended(struct cell_row *r)
{
	chan_close(r->chan);
	if (--r->test->running == 0)
		ev_break(r->test->ev);
}

static int
on_attacked(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	struct cell_row *r = chan_ctx(c);

	(void)b;
	(void)fd;
	if (id != r->n || r->n == 0)
		return -1;
	r->done = true;
	row_ended(r);
	return 0;
}

static const struct chan_msg msgs[] = {
	{ CM_ANS_ATTACK, CM_ATTACK_MIN, CM_ATTACK_MAX, FD_NONE, CHAN_ANY,
	    on_attack },
	{ CM_ANS_ATTACKED, 0, 0, FD_NONE, CHAN_ANY, on_attacked },
};

static void
on_gone(struct chan *c, enum chan_violation why)
{
	(void)why;
	row_ended(chan_ctx(c));
}

static void
on_patience(struct ev_timer *t)
{
	struct selftest *s = t->arg;

	ev_break(s->ev);
}

/* --- running it --- */

static void
failed(struct cell_row *r, const char *why)
{
	struct config *c = r->test->config;

	if (r->told)
		return;
	r->told = true;
	report_error(&c->report, marks_line(&c->marks, MARK_SANDBOX, 0, 0),
	    "selftest of %s: %s", r->name, why);
	r->test->errors++;
}

static int
send_hello(struct cell_row *r)
{
	const struct passwd *pw = getpwnam(r->program->account);
	struct cm_hello hello;
	struct ibuf b;

	if (pw == NULL || pw->pw_uid == 0) {
		failed(r, "it has no account");
		return 0;
	}
	hello_fill(&hello, r->test->config->conf, r->program, &r->peer);
	r->uid = hello.uid = pw->pw_uid;
	hello.gid = pw->pw_gid;
	chan_scratch(&b);
	if (put_cm_hello(&b, &hello) == -1)
		return -1;
	return chan_send(r->chan, CM_REQ_HELLO, 0, &b, -1);
}

static int
row_start(struct cell_row *r)
{
	struct selftest *s = r->test;
	struct spawn sp = { .path = s->path, .name = r->name, .netns = -1 };
	struct chan_spec spec = {
		.name = r->name,
		.msgs = msgs,
		.nmsgs = sizeof(msgs) / sizeof(msgs[0]),
		.ctx = r,
		.on_violation = on_gone,
	};

	/* as instance_fork() starts the program itself */
	if (r->program->net == TOPO_NET_SIDE && r->peer.side == SIDE_EXT)
		sp.netns = s->netns;
	if (spawn(&sp, &r->peer) == -1)
		return -1;
	r->pid = sp.pid;
	r->output = sp.output;
	r->chan = chan_new(s->ev, sp.chan, &spec);
	if (r->chan == NULL || send_hello(r) == -1)
		return -1;
	if (!r->told)
		s->running++;
	return 0;
}

static void
row_init(struct selftest *s, size_t i)
{
	struct cell_row *r = &s->row[i];

	r->test = s;
	r->program = &topo_programs[i];
	r->peer = (struct peer){ r->program->proc, r->program->side, 0 };
	(void)peer_name(&r->peer, r->name);
	r->output = -1;
	if (row_start(r) == -1)
		failed(r, strerror(errno));
}

/* What it wrote last, if it did not come to its end. */
static void
row_words(struct cell_row *r)
{
	char words[WORDS_MAX];
	ssize_t n = read(r->output, words, sizeof(words) - 1);

	if (n > 0) {
		words[n] = '\0';
		words[strcspn(words, "\n")] = '\0';
	}
	failed(r, n > 0 ? words : "it did not end");
}

static void
row_end(struct cell_row *r)
{
	if (r->pid == 0)
		return;
	if (!r->done)
		(void)privdrop_kill(r->pid, r->uid);
	while (waitpid(r->pid, NULL, 0) == -1 && errno == EINTR)
		;
	r->pid = 0;
	if (!r->done)
		row_words(r);
	if (r->chan != NULL)
		chan_free(r->chan);
	r->chan = NULL;
	(void)close(r->output);
	r->output = -1;
}

static void
run(struct selftest *s)
{
	struct utsname un;
	uint64_t began;
	size_t i;

	if (uname(&un) == 0)
		(void)strlcpy(s->kernel, un.release, sizeof(s->kernel));
	began = ev_now(s->ev);
	ev_timer_init(&s->patience, on_patience, s);
	if (ev_timer_set(s->ev, &s->patience, PATIENCE) == -1)
		fatal("timer");
	for (i = 0; i < TOPO_PROGRAMS; i++)
		row_init(s, i);
	if (s->running > 0 && ev_loop(s->ev) == -1)
		fatal("event loop");
	for (i = 0; i < TOPO_PROGRAMS; i++)
		row_end(&s->row[i]);
	ev_timer_del(s->ev, &s->patience);
	s->took = ev_now(s->ev) - began;
}

struct selftest *
selftest_run(struct config *c, const char *libexec, int netns)
{
	char path[CONF_PATH_MAX];
	struct selftest *s = calloc(1, sizeof(*s));

	if (s == NULL || (s->ev = ev_new()) == NULL)
		fatal("selftest");
	s->config = c;
	s->netns = netns;
	s->path = path;
	/* beside the programs, or where posternd is from */
	if (spawn_find_named(libexec, "selftest", path) == -1 &&
	    spawn_find_named(NULL, "selftest", path) == -1) {
		report_error(&c->report, 0, "%s: %s", path, strerror(errno));
		s->errors++;
	} else {
		run(s);
	}
	s->path = NULL;
	ev_free(s->ev);
	s->ev = NULL;
	if (s->errors == 0)
		return s;
	selftest_free(s);
	return NULL;
}

void
selftest_free(struct selftest *s)
{
	free(s);
}

/* --- what came of it --- */

size_t
selftest_gained(const struct selftest *s)
{
	size_t i, k, n = 0;

	for (i = 0; i < TOPO_PROGRAMS; i++)
		for (k = 0; k < s->row[i].n; k++)
			if (s->row[i].v[k].outcome == CM_ATTACK_GAINED)
				n++;
	return n;
}

uint64_t
selftest_took(const struct selftest *s)
{
	return s->took;
}

void
selftest_report(const struct selftest *s, struct config *c, bool errors)
{
	static const char fmt[] =
	    "selftest: in its sandbox %s can do what it must not: %s";
	const struct cell_row *r;
	uint32_t line = marks_line(&c->marks, MARK_SANDBOX, 0, 0);
	size_t i, k;

	for (i = 0; i < TOPO_PROGRAMS; i++) {
		r = &s->row[i];
		for (k = 0; k < r->n; k++) {
			if (r->v[k].outcome != CM_ATTACK_GAINED)
				continue;
			if (errors)
				report_error(&c->report, line, fmt, r->name,
				    r->v[k].name);
			else
				report_warning(&c->report, line, fmt, r->name,
				    r->v[k].name);
		}
	}
}

void
selftest_summary(const struct selftest *s, char text[SELFTEST_SUMMARY_MAX])
{
	size_t gained = selftest_gained(s);
	char outcome[64] = "all refused";

	if (gained > 0)
		(void)snprintf(outcome, sizeof(outcome), "%zu NOT REFUSED",
		    gained);
	(void)snprintf(text, SELFTEST_SUMMARY_MAX,
	    "selftest: %zu attacks in each of %d sandboxes, %s; Linux %s",
	    s->row[0].n, TOPO_PROGRAMS, outcome, s->kernel);
}

/* --- the table --- */

static const char *
layer(const struct cm_attack *a)
{
	const char *name;

	switch ((enum cm_attack_outcome)a->outcome) {
	case CM_ATTACK_KILLED:
		if (a->detail == SIGSYS)
			return "filter";
		name = sigabbrev_np(a->detail);
		return name != NULL ? name : "killed";
	case CM_ATTACK_REFUSED:
		name = strerrorname_np(a->detail);
		return name != NULL ? name : "refused";
	case CM_ATTACK_NONE:
		return "-";
	case CM_ATTACK_JOB:
		return "job";
	case CM_ATTACK_GAINED:
		break;
	}
	return "GAINED";
}

static void
print_row(const struct cell_row *r, FILE *fp, bool all)
{
	size_t k, stopped = 0, job = 0, none = 0;

	for (k = 0; k < r->n; k++) {
		stopped += r->v[k].outcome == CM_ATTACK_KILLED ||
		    r->v[k].outcome == CM_ATTACK_REFUSED;
		job += r->v[k].outcome == CM_ATTACK_JOB;
		none += r->v[k].outcome == CM_ATTACK_NONE;
		if (all || r->v[k].outcome == CM_ATTACK_GAINED)
			(void)fprintf(fp, "%-15s %-18s %s\n", r->name,
			    r->v[k].name, layer(&r->v[k]));
	}
	(void)fprintf(fp,
	    "%-15s %zu attacks: %zu refused, %zu without the means, %zu its "
	    "job, %zu GAINED\n",
	    r->name, r->n, stopped, none, job, r->n - stopped - job - none);
}

void
selftest_print(const struct selftest *s, FILE *fp, bool all)
{
	char text[SELFTEST_SUMMARY_MAX];
	size_t i;

	for (i = 0; i < TOPO_PROGRAMS; i++)
		print_row(&s->row[i], fp, all);
	selftest_summary(s, text);
	(void)fprintf(fp, "%s, %llu ms\n", text, (unsigned long long)s->took);
}
