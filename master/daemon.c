/* SPDX-License-Identifier: ISC */
/* posternd when it runs: see daemon.h. */
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/log.h"
#include "master/anchors.h"
#include "master/caps.h"
#include "master/daemon.h"
#include "master/host.h"
#include "master/keys.h"
#include "master/netns.h"
#include "master/notify.h"
#include "version.h"

#define REOPEN_PAUSE  1000 /* ms between attempts to reach syslog */
#define LAST_WORDS_MS 200  /* before posternd ends, and logd with it */

/* --- what the supervisor asks for --- */

static void
equip(void *arg, struct instance *i, bool again)
{
	struct daemon *d = arg;

	files_give(d->files, i, again);
	if (i->peer.proc == PROC_KEYD)
		keys_give(d->config, i);
	if (i->peer.proc == PROC_SMTPD_IN && !again)
		tickets_give(d->tickets, i);
	if (i->peer.proc == PROC_DIRD)
		recipients_give(d->recipients, i);
	if (i->peer.proc == PROC_CONND && d->open)
		listeners_give(d->listeners, i);
}

static void
log_ready(const struct daemon *d)
{
	const struct conf *conf = d->config->conf;
	struct logline l;

	ll_begin(&l, d->untight ? LOG_L_WARN : LOG_L_INFO, "selftest");
	ll_cstr(&l, "text", d->selftest);
	ll_num(&l, "ms", d->selftest_ms);
	ll_send(&l);
	ll_begin(&l, LOG_L_INFO, "ready");
	ll_cstr(&l, "version", POSTERN_VERSION);
	ll_cstr(&l, "hostname", conf->hostname);
	ll_num(&l, "generation", conf->generation);
	ll_num(&l, "listeners", conf->nlisteners);
	ll_num(&l, "domains", conf->ndomains);
	ll_send(&l);
	if ((conf->flags & CONF_F_SINGLE_HOMED) != 0)
		log_warnx("single-homed: no wall of interfaces between the "
			  "sides");
	if ((conf->flags & CONF_F_BEST_EFFORT) != 0)
		log_warnx("sandbox best-effort: parts may be missing");
}

/* The doors: last of all, when everybody behind them is there. */
static void
open_doors(struct daemon *d)
{
	struct peer connd = { PROC_CONND, SIDE_EXT, 0 };
	struct instance *i;

	if (!d->children_ready || !d->probed || d->open)
		return;
	d->open = true;
	for (; connd.side <= SIDE_INT; connd.side++) {
		i = super_find(d->super, &connd);
		if (i != NULL)
			listeners_give(d->listeners, i);
	}
	caps_run();
	log_ready(d);
	notify_ready();
}

static void
on_ready(void *arg)
{
	struct daemon *d = arg;

	d->children_ready = true;
	open_doors(d);
}

static void
give_up(struct daemon *d)
{
	d->status = EXIT_FAILURE;
	ev_break(d->ev);
}

static void
on_last_words(struct ev_timer *t)
{
	give_up(t->arg);
}

/* What the dead one said last is on its way to logd, who ends with us. */
static void
on_failed(void *arg)
{
	struct daemon *d = arg;

	if (d->status == 0)
		log_errorx("a process died before all were ready");
	d->super->phase = PHASE_STOPPED;
	d->status = EXIT_FAILURE;
	ev_timer_init(&d->last_words, on_last_words, d);
	if (ev_timer_set(d->ev, &d->last_words, LAST_WORDS_MS) == -1)
		give_up(d);
}

static void
on_probed(void *arg, const char *reached)
{
	struct daemon *d = arg;

	d->probed = true;
	if (reached == NULL) {
		open_doors(d);
		return;
	}
	log_set_chan(NULL);
	log_errorx("from the external side %s can be reached: the two sides "
		   "are not apart; name the interface of external, or give "
		   "it a namespace of its own",
	    reached);
	give_up(d);
}

static void
on_committed(void *arg)
{
	daemon_committed(arg);
}

static void
on_stopped(void *arg)
{
	struct daemon *d = arg;

	ev_break(d->ev);
}

static void
on_reopen(struct ev_timer *t)
{
	const struct peer peer = { PROC_LOGD, PROC_SIDE_NONE, 0 };
	struct daemon *d = t->arg;
	struct instance *logd = super_find(d->super, &peer);

	if (logd == NULL)
		return;
	if (files_log(d->files, d->config) == 0) {
		files_give(d->files, logd, true);
		return;
	}
	report_free(&d->config->report);
	(void)ev_timer_set(d->ev, t, REOPEN_PAUSE);
}

static void
reopen(void *arg, struct instance *logd)
{
	struct daemon *d = arg;

	(void)logd;
	if (!ev_timer_pending(&d->reopen))
		(void)ev_timer_set(d->ev, &d->reopen, REOPEN_PAUSE);
}

static void
request(void *arg, struct instance *ctld, uint16_t type, uint32_t id)
{
	answer_request(arg, ctld, type, id);
}

static const struct super_hooks hooks = {
	.equip = equip,
	.ready = on_ready,
	.failed = on_failed,
	.committed = on_committed,
	.reopen = reopen,
	.request = request,
	.stopped = on_stopped,
};

/* --- what happens --- */

static void
on_stop_signal(struct daemon *d, int sig)
{
	struct logline l;

	if (d->super->phase == PHASE_STOPPING) {
		/* asked twice: somebody is in a hurry */
		d->super->phase = PHASE_STOPPED;
		ev_break(d->ev);
		return;
	}
	ll_begin(&l, LOG_L_INFO, "stop");
	ll_cstr(&l, "signal", sig == SIGTERM ? "TERM" : "INT");
	ll_send(&l);
	notify_state("STOPPING=1");
	super_stop(d->super);
}

static void
on_signal(struct ev_io *io, uint32_t events)
{
	struct daemon *d = io->arg;
	struct signalfd_siginfo si;

	(void)events;
	while (read(io->fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			super_reap(d->super);
		else if (si.ssi_signo == SIGHUP)
			daemon_reload(d, NULL, 0);
		else
			on_stop_signal(d, (int)si.ssi_signo);
	}
}

void
daemon_forwarding(struct daemon *d)
{
	const uint32_t none = CONF_F_SINGLE_HOMED | CONF_F_FORWARDING;
	char what[FORWARDING_STRLEN] = "";
	struct logline l;

	if ((d->config->conf->flags & none) != 0 ||
	    (!forwarding_on(-1, what) &&
		(d->netns == -1 || !forwarding_on(d->netns, what))))
		what[0] = '\0';
	if (strcmp(what, d->alarm) == 0)
		return;
	(void)strlcpy(d->alarm, what, sizeof(d->alarm));
	ll_begin(&l, what[0] != '\0' ? LOG_L_ERROR : LOG_L_INFO, "forwarding");
	ll_cstr(&l, "alarm", what[0] != '\0' ? "on" : "off");
	if (what[0] != '\0')
		ll_cstr(&l, "text", what);
	ll_send(&l);
}

static void
on_forwarding(struct ev_io *io, uint32_t events)
{
	(void)events;
	forwarding_drain(io->fd);
	daemon_forwarding(io->arg);
}

static void
watch_forwarding(struct daemon *d, struct ev_io *io, int ns)
{
	int fd = forwarding_watch(ns);

	ev_io_init(io, on_forwarding, d);
	if (fd == -1 || ev_io_set(d->ev, io, fd, EPOLLIN) == -1)
		fatal("watching IP forwarding");
}

/* --- start and end --- */

/* Those that come before there is a loop wait for it. */
static void
block_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGCHLD);
	(void)sigaddset(set, SIGHUP);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, set, NULL) == -1)
		fatal("sigprocmask");
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		fatal("signal");
}

static void
watch_signals(struct daemon *d)
{
	sigset_t set;
	int fd;

	block_signals(&set);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	ev_io_init(&d->signals, on_signal, d);
	if (fd == -1 || ev_io_set(d->ev, &d->signals, fd, EPOLLIN) == -1)
		fatal("signalfd");
}

static void
raise_nofile(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		fatal("getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		log_warn("setrlimit");
}

void
daemon_adjust(const struct daemon *d, struct config *c)
{
	if (d->options->foreground &&
	    marks_line(&c->marks, MARK_LOG, 0, 0) == 0)
		c->conf->log_kind = CONF_LOG_STDERR;
}

/* Are the sandboxes tight on this kernel?  -1 after errors in the report. */
static int
attack(struct daemon *d)
{
	struct config *c = d->config;
	const bool strict = (c->conf->flags & CONF_F_BEST_EFFORT) == 0;
	struct selftest *t;
	struct utsname host;

	d->untight = true;
	if ((c->conf->flags & CONF_F_NO_SELFTEST) != 0) {
		if (uname(&host) == -1)
			host.release[0] = '\0';
		(void)snprintf(d->selftest, sizeof(d->selftest),
		    "sandbox selftest off: nobody tried the sandboxes on this "
		    "kernel, Linux %s",
		    host.release);
		return 0;
	}
	t = selftest_run(c, d->options->libexec, d->netns);
	if (t == NULL)
		return -1;
	selftest_summary(t, d->selftest);
	d->selftest_ms = selftest_took(t);
	d->untight = selftest_gained(t) > 0;
	if (d->untight)
		selftest_report(t, c, strict);
	selftest_free(t);
	return d->untight && strict ? -1 : 0;
}

/* What the host must have; -1 after errors in the report. */
static int
prepare(struct daemon *d)
{
	struct config *c = d->config;
	const char *name = c->conf->side[SIDE_EXT].netns;

	if (name[0] != '\0') {
		d->netns = netns_open(name);
		if (d->netns == -1) {
			report_error(&c->report,
			    marks_line(&c->marks, MARK_NAMESPACE, SIDE_EXT, 0),
			    "namespace \"%s\": %s", name, strerror(errno));
			return -1;
		}
	}
	host_check(c, d->options->libexec, d->netns, true);
	keys_read(c, d->options->libexec, true);
	anchors_read(c);
	report_sort(&c->report);
	if (report_failed(&c->report))
		return -1;
	host_resolve(c, d->netns);
	d->files = files_open(c);
	if (d->files != NULL && attack(d) == 0)
		d->listeners = listeners_open(c, d->netns, NULL);
	return d->listeners != NULL ? 0 : -1;
}

static int
begin(struct daemon *d)
{
	d->ev = ev_new();
	if (d->ev == NULL)
		fatal("event loop");
	d->started = ev_realtime(d->ev);
	watch_signals(d);
	d->super = super_new(d->ev, &hooks, d);
	if (d->super == NULL)
		return -1;
	d->super->libexec = d->options->libexec;
	d->super->netns = d->netns;
	if (d->options->trap)
		d->super->hello_flags |= CM_HELLO_TRAP;
	d->recipients = recipients_new(d->ev, d->super);
	if (d->recipients == NULL)
		return -1;
	recipients_watch(d->recipients, d->config);
	d->tickets = tickets_new(d->ev, d->super);
	if (d->tickets == NULL)
		return -1;
	ev_timer_init(&d->reopen, on_reopen, d);
	watch_forwarding(d, &d->forwarding[0], -1);
	if (d->netns != -1)
		watch_forwarding(d, &d->forwarding[1], d->netns);
	daemon_forwarding(d);
	reload_init(d);
	d->probe = probe_new(d->ev, d->config, d->netns, on_probed, d);
	d->probed = d->probe == NULL;
	return super_start(d->super, d->config);
}

static void
end(struct daemon *d)
{
	if (d->super != NULL)
		super_kill_all(d->super);
	probe_free(d->probe);
	recipients_free(d->recipients);
	tickets_free(d->tickets);
	super_free(d->super);
	listeners_free(d->listeners);
	files_free(d->files);
	config_free(d->config);
	if (d->ev != NULL)
		ev_free(d->ev);
}

int
daemon_run(const struct options *o, struct config *config)
{
	struct daemon d = {
		.options = o,
		.config = config,
		.netns = -1,
	};
	sigset_t set;

	if (!o->foreground)
		notify_background();
	files_stderr();
	block_signals(&set);
	raise_nofile();
	/* of the modes given to what is made, not of who starts us */
	(void)umask(022);
	caps_start();
	config->conf->generation = 1;
	daemon_adjust(&d, config);
	if (prepare(&d) == -1) {
		report_print(&config->report, stderr);
		d.status = EXIT_FAILURE;
	} else if (begin(&d) == -1) {
		d.status = EXIT_FAILURE;
	} else if (ev_loop(d.ev) == -1) {
		log_warn("event loop");
		d.status = EXIT_FAILURE;
	}
	end(&d);
	return d.status;
}
