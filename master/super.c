/* SPDX-License-Identifier: ISC */
/* The life of the processes: see super.h. */
#include <sys/wait.h>

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "master/config.h"
#include "master/spawn.h"
#include "master/super.h"

/* s to wait before a restart, by the number of failures in a row */
static const uint32_t backoff[] = { 0, 1, 2, 4, 8, 16, 32, 60 };

#define NBACKOFF (sizeof(backoff) / sizeof(backoff[0]))
#define HEALTHY	 60000 /* ms: who lived so long begins anew */

bool
instance_runs(const struct instance *i)
{
	return i->pid != 0 && !i->killed && i->chan != NULL &&
	    chan_open(i->chan);
}

struct instance *
super_find(struct super *s, const struct peer *peer)
{
	uint32_t n;

	if (topo_number(peer, &n) == -1 || !instance_runs(&s->inst[n]))
		return NULL;
	return &s->inst[n];
}

void
instance_kill(struct instance *i, const char *why)
{
	struct logline l;

	if (i->pid == 0 || i->killed)
		return;
	i->killed = true;
	ll_begin(&l, LOG_L_WARN, "child-kill");
	ll_cstr(&l, "instance", i->name);
	ll_num(&l, "pid", (uint64_t)i->pid);
	ll_cstr(&l, "text", why);
	ll_send(&l);
	if (privdrop_kill(i->pid, i->uid) == -1)
		log_warn("kill %s", i->name);
}

/* --- start --- */

static void
log_start(const struct instance *i)
{
	struct logline l;

	/* the first start as a whole is one event */
	if (i->super->phase == PHASE_STARTING)
		return;
	ll_begin(&l, LOG_L_INFO, "child-start");
	ll_cstr(&l, "instance", i->name);
	ll_num(&l, "pid", (uint64_t)i->pid);
	ll_num(&l, "restarts", i->restarts);
	ll_send(&l);
}

static void
log_death(const struct instance *i, pid_t pid, int status)
{
	const char *name;
	struct logline l;

	ll_begin(&l, i->life == LIFE_DRAINING ? LOG_L_INFO : LOG_L_WARN,
	    "child-exit");
	ll_cstr(&l, "instance", i->name);
	if (pid != 0)
		ll_num(&l, "pid", (uint64_t)pid);
	if (status == -1) {
		ll_cstr(&l, "text", "could not be started");
	} else if (WIFSIGNALED(status)) {
		name = sigabbrev_np(WTERMSIG(status));
		ll_cstr(&l, "signal", name != NULL ? name : "unknown");
		if (WTERMSIG(status) == SIGSYS)
			ll_cstr(&l, "text",
			    "sandbox violation: a system call that it may "
			    "not make");
	} else {
		ll_num(&l, "status", (uint64_t)WEXITSTATUS(status));
	}
	ll_send(&l);
}

static int
instance_fork(struct instance *i)
{
	struct super *s = i->super;
	struct chan_spec spec;
	struct spawn sp = { .name = i->name, .netns = -1 };
	char path[CONF_PATH_MAX];

	if (spawn_find(s->libexec, i->peer.proc, path) == -1) {
		log_warn("%s", path);
		return -1;
	}
	sp.path = path;
	if (i->program->net == TOPO_NET_SIDE && i->peer.side == SIDE_EXT)
		sp.netns = s->netns;
	if (spawn(&sp, &i->peer) == -1) {
		log_warn("starting %s", i->name);
		return -1;
	}
	i->pid = sp.pid;
	i->killed = false;
	output_watch(i, sp.output);
	msgs_spec(i, &spec);
	i->chan = chan_new(s->ev, sp.chan, &spec);
	if (i->chan == NULL) {
		log_warn("channel to %s", i->name);
		instance_kill(i, "has no channel");
		return -1;
	}
	return 0;
}

/* It did not come to life: as if it had died at once. */
static void
start_failed(struct instance *i)
{
	if (i->pid == 0)
		instance_dead(i, -1);
}

/* logd is new: posternd's lines go there, first of all how the old one ended.
 */
static void
log_again(struct instance *logd)
{
	if (wire_log(logd->super) == 0 && logd->last_pid != 0)
		log_death(logd, logd->last_pid, logd->last_status);
	logd->last_pid = 0;
}

void
instance_start(struct instance *i)
{
	struct super *s = i->super;

	i->life = LIFE_STARTING;
	i->generation = 0;
	i->started = i->heard = ev_now(s->ev);
	i->since = ev_realtime(s->ev);
	i->born = i->pong = ++s->serial;
	i->blamed = 0;
	memset(i->accused, 0, sizeof(i->accused));
	memset(&i->sandbox, 0, sizeof(i->sandbox));
	i->sandboxed = false;
	stats_page_reset(i->stats);
	if (instance_fork(i) == -1) {
		start_failed(i);
		return;
	}
	if (wire_hello(i) == -1)
		return;
	if (i->peer.proc == PROC_LOGD)
		log_again(i);
	log_start(i);
	wire_peers(i);
	if (!instance_runs(i) || wire_conf(i) == -1)
		return;
	s->hooks->equip(s->arg, i, false);
}

static void
on_restart(struct ev_timer *t)
{
	struct instance *i = t->arg;

	i->restarts++;
	instance_start(i);
}

/* --- death --- */

/* Five deaths in a minute are called degraded, and said so. */
static void
note_death(struct instance *i)
{
	uint64_t now = ev_now(i->super->ev);
	struct logline l;

	memmove(i->deaths, i->deaths + 1,
	    (DEATHS_MAX - 1) * sizeof(i->deaths[0]));
	i->deaths[DEATHS_MAX - 1] = now;
	if (now - i->started > HEALTHY)
		i->failures = 0;
	i->failures++;
	i->life = LIFE_WAITING;
	if (i->deaths[0] == 0 || now - i->deaths[0] > DEATHS_TIME)
		return;
	i->life = LIFE_DEGRADED;
	ll_begin(&l, LOG_L_ERROR, "child-degraded");
	ll_cstr(&l, "instance", i->name);
	ll_num(&l, "restarts", i->restarts);
	ll_cstr(&l, "text", "it dies again and again");
	ll_send(&l);
}

static void
schedule_restart(struct instance *i)
{
	size_t n;

	note_death(i);
	n = i->failures - 1 < NBACKOFF ? i->failures - 1 : NBACKOFF - 1;
	if (ev_timer_set(i->super->ev, &i->restart, backoff[n] * 1000ULL) == -1)
		fatal("timer");
}

/* A signal that the processor or the kernel sends to the one at fault. */
static bool
is_fault(int status)
{
	if (status == -1 || !WIFSIGNALED(status))
		return false;
	switch (WTERMSIG(status)) {
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGTRAP:
	case SIGABRT:
	case SIGSYS:
		return true;
	default:
		return false;
	}
}

void
instance_dead(struct instance *i, int status)
{
	struct super *s = i->super;
	pid_t pid = i->pid;

	/* the process is gone, but what it said last is still in the pipes */
	i->pid = 0;
	i->fault = is_fault(status);
	output_close(i);
	if (i->chan != NULL)
		chan_free(i->chan);
	i->chan = NULL;
	/* that logd is gone, only the next logd can write down */
	i->last_pid = i->peer.proc == PROC_LOGD ? pid : 0;
	i->last_status = status;
	if (i->last_pid == 0 || s->phase != PHASE_RUNNING)
		log_death(i, pid, status);
	if (s->phase == PHASE_STARTING) {
		i->life = LIFE_NONE;
		s->hooks->failed(s->arg);
	} else if (s->phase == PHASE_RUNNING && i->life != LIFE_DRAINING) {
		schedule_restart(i);
		commit_check(s);
	} else {
		i->life = LIFE_NONE;
		stop_dead(i);
	}
}

void
super_reap(struct super *s)
{
	int status;
	uint32_t n;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (n = 0; n < TOPO_INSTANCES; n++)
			if (s->inst[n].pid == pid) {
				instance_dead(&s->inst[n], status);
				break;
			}
}

void
super_kill_all(struct super *s)
{
	struct instance *i;
	uint32_t n;

	for (n = 0; n < TOPO_INSTANCES; n++) {
		i = &s->inst[n];
		ev_timer_del(s->ev, &i->restart);
		if (i->pid == 0)
			continue;
		i->killed = true;
		(void)privdrop_kill(i->pid, i->uid);
		(void)waitpid(i->pid, NULL, 0);
		output_close(i);
		i->pid = 0;
	}
}

/* --- the whole --- */

static int
instance_init(struct super *s, uint32_t number)
{
	struct instance *i = &s->inst[number];
	const struct passwd *pw;

	i->super = s;
	i->number = number;
	i->output.fd = -1;
	topo_peer(number, &i->peer);
	i->program = topo_program(&i->peer);
	(void)peer_name(&i->peer, i->name);
	ev_timer_init(&i->restart, on_restart, i);
	errno = 0;
	pw = getpwnam(i->program->account);
	if (pw == NULL) {
		log_errorx("there is no account %s", i->program->account);
		return -1;
	}
	i->uid = pw->pw_uid;
	i->gid = pw->pw_gid;
	if (i->uid == 0 || i->gid == 0) {
		log_errorx("account %s is root", i->program->account);
		return -1;
	}
	i->stats = stats_page();
	if (i->stats == -1) {
		log_warn("page of counters");
		return -1;
	}
	return 0;
}

struct super *
super_new(struct ev *ev, const struct super_hooks *hooks, void *arg)
{
	struct super *s = calloc(1, sizeof(*s));
	uint32_t n;

	if (s == NULL)
		return NULL;
	s->ev = ev;
	s->hooks = hooks;
	s->arg = arg;
	s->netns = -1;
	for (n = 0; n < TOPO_INSTANCES; n++)
		s->inst[n].stats = -1;
	for (n = 0; n < TOPO_INSTANCES; n++)
		if (instance_init(s, n) == -1) {
			super_free(s);
			return NULL;
		}
	return s;
}

void
super_free(struct super *s)
{
	struct instance *i;
	uint32_t n;

	if (s == NULL)
		return;
	log_set_chan(NULL);
	if (s->log != NULL)
		chan_free(s->log);
	for (n = 0; n < TOPO_INSTANCES; n++) {
		i = &s->inst[n];
		ev_timer_del(s->ev, &i->restart);
		ev_timer_del(s->ev, &i->asks_wait);
		if (i->chan != NULL)
			chan_free(i->chan);
		if (i->stats != -1)
			(void)close(i->stats);
	}
	ev_timer_del(s->ev, &s->watchdog);
	ev_timer_del(s->ev, &s->stage_limit);
	if (s->netns != -1)
		(void)close(s->netns);
	free(s);
}

int
super_start(struct super *s, const struct config *config)
{
	uint32_t n;

	s->config = config;
	s->phase = PHASE_STARTING;
	watch_start(s);
	/* logd is number 0: what happens while the others start is logged */
	for (n = 0; n < TOPO_INSTANCES && s->phase == PHASE_STARTING; n++)
		if (topo_wanted(config->conf, &s->inst[n].peer))
			instance_start(&s->inst[n]);
	return s->phase == PHASE_STARTING ? 0 : -1;
}
