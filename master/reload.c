/* SPDX-License-Identifier: ISC */
/*
 * Another configuration while posternd runs, whole or not at all: read,
 * checked and proven, its listeners and log opened, before anything that is in
 * force is touched.  Sessions go on under the configuration they began with.
 */
#include <string.h>

#include "common/base/log.h"
#include "master/anchors.h"
#include "master/daemon.h"
#include "master/host.h"
#include "master/keys.h"

#define COMMIT_LIMIT  5000 /* ms until the asker is told, come what may */
#define RELOADS_SAVED 5	   /* by request of ctld at once, */
#define RELOAD_PAUSE  2000 /* ms: and one more each */
#define BUSY_PAUSE    1000 /* ms between log lines about refusals */

struct fixed {
	const char *what;
	enum mark_kind kind;
	uint32_t a;
	const char *old, *new;
};

/* What a running process cannot change: its root, its namespace, its filter. */
static void
check_fixed(const struct conf *old, struct config *c)
{
	const struct conf *new = c->conf;
	const struct fixed fixed[] = {
		{ "spool", MARK_SPOOL, 0, old->spool, new->spool },
		{ "control socket", MARK_CONTROL, 0, old->control,
		    new->control },
		{ "group of the control socket", MARK_CONTROL, 0,
		    old->control_group, new->control_group },
		{ "chroot", MARK_CHROOT, 0, old->chroot_dir, new->chroot_dir },
		{ "namespace", MARK_NAMESPACE, SIDE_EXT,
		    old->side[SIDE_EXT].netns, new->side[SIDE_EXT].netns },
	};
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (strcmp(fixed[i].old, fixed[i].new) != 0)
			report_error(&c->report,
			    marks_line(&c->marks, fixed[i].kind, fixed[i].a, 0),
			    "%s cannot change from \"%.200s\" while posternd "
			    "runs: restart it",
			    fixed[i].what, fixed[i].old);
	if (((old->flags ^ new->flags) & CONF_F_BEST_EFFORT) != 0)
		report_error(&c->report,
		    marks_line(&c->marks, MARK_SANDBOX, 0, 0),
		    "sandbox cannot change while posternd runs: restart it");
}

/* ctld, if it is the one that was born then. */
static struct instance *
ctld_of(const struct daemon *d, uint32_t born)
{
	const struct peer peer = { PROC_CTLD, PROC_SIDE_NONE, 0 };
	struct instance *ctld = super_find(d->super, &peer);

	return ctld == NULL || ctld->born != born ? NULL : ctld;
}

static struct instance *
asker(const struct daemon *d)
{
	return d->asked ? ctld_of(d, d->asker_born) : NULL;
}

static void
tell_report(struct instance *ctld, uint32_t id, const struct report *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		answer_text(ctld, id,
		    r->v[i].level == REPORT_ERROR ? LOG_L_ERROR : LOG_L_WARN,
		    r->v[i].text);
}

static void
log_reload(const struct daemon *d, bool ok)
{
	struct logline l;

	ll_begin(&l, ok ? LOG_L_INFO : LOG_L_ERROR, "reload");
	ll_cstr(&l, "result", ok ? "ok" : "refused");
	ll_num(&l, "generation", d->config->conf->generation);
	ll_send(&l);
}

/* Everything that can fail; the configuration, or NULL after errors in c. */
static struct listeners *
try(struct daemon *d, struct config *c)
{
	struct listeners *ls;

	if (report_failed(&c->report))
		return NULL;
	daemon_adjust(d, c);
	c->conf->generation = d->config->conf->generation + 1;
	check_fixed(d->config->conf, c);
	host_check(c, d->options->libexec, d->netns, true);
	keys_read(c, d->options->libexec, true);
	anchors_read(c);
	if (report_failed(&c->report))
		return NULL;
	host_resolve(c, d->netns);
	ls = listeners_open(c, d->netns, d->listeners);
	if (ls != NULL && files_log(d->files, c) == -1) {
		listeners_free(ls);
		return NULL;
	}
	return ls;
}

static void
commit(struct daemon *d, struct config *c, struct listeners *ls)
{
	struct config *old = d->config;
	struct listeners *old_listeners = d->listeners;

	d->config = c;
	d->listeners = ls;
	d->reload_failed = false;
	d->reloading = true;
	if (ev_timer_set(d->ev, &d->reload_limit, COMMIT_LIMIT) == -1)
		log_warn("timer");
	recipients_watch(d->recipients, c);
	super_commit(d->super, c);
	listeners_free(old_listeners);
	config_free(old);
}

void
daemon_committed(struct daemon *d)
{
	struct instance *ctld = asker(d);

	if (!d->reloading)
		return;
	d->reloading = false;
	ev_timer_del(d->ev, &d->reload_limit);
	log_reload(d, true);
	daemon_forwarding(d);
	if (ctld == NULL)
		return;
	tell_report(ctld, d->asker_id, &d->config->report);
	answer_reloaded(ctld, d->asker_id, true, d->config->conf->generation);
}

static void
on_reload_limit(struct ev_timer *t)
{
	daemon_committed(t->arg);
}

static void
busy(struct daemon *d, struct instance *ctld, uint32_t id)
{
	uint64_t now = ev_now(d->ev);

	if (ctld == NULL || now - d->busy_said >= BUSY_PAUSE) {
		d->busy_said = now;
		log_warnx("reload: not now, posternd starts, stops or reloads");
	}
	if (ctld == NULL)
		return;
	answer_text(ctld, id, LOG_L_ERROR,
	    "not now: posternd starts, stops or reloads already");
	answer_reloaded(ctld, id, false, d->config->conf->generation);
}

/*
 * A reload costs every process some work, and posternd more than a little:
 * whoever has ctld in his hands shall not order one after the other.
 */
static bool
within_rate(struct daemon *d)
{
	uint64_t now = ev_now(d->ev);
	uint64_t more = (now - d->reloads_since) / RELOAD_PAUSE;

	d->reloads_since += more * RELOAD_PAUSE;
	if (more >= RELOADS_SAVED - d->reloads) {
		d->reloads = RELOADS_SAVED;
		d->reloads_since = now;
	} else {
		d->reloads += (uint32_t)more;
	}
	if (d->reloads == 0)
		return false;
	d->reloads--;
	return true;
}

/* Not refused, for it is the operator's, as a rule. */
static void
put_off(struct daemon *d, const struct instance *ctld, uint32_t id)
{
	uint64_t ms = d->reloads_since + RELOAD_PAUSE - ev_now(d->ev);

	d->waiter_born = ctld->born;
	d->waiter_id = id;
	if (ev_timer_set(d->ev, &d->reload_wait, ms) == -1)
		log_warn("timer");
}

static void
on_reload_wait(struct ev_timer *t)
{
	struct daemon *d = t->arg;
	struct instance *ctld = ctld_of(d, d->waiter_born);

	if (ctld != NULL)
		daemon_reload(d, ctld, d->waiter_id);
}

void
reload_init(struct daemon *d)
{
	ev_timer_init(&d->reload_limit, on_reload_limit, d);
	ev_timer_init(&d->reload_wait, on_reload_wait, d);
}

static void
reload(struct daemon *d, struct instance *ctld, uint32_t id)
{
	struct listeners *ls;
	struct config *c;

	d->asked = ctld != NULL;
	d->asker_born = ctld != NULL ? ctld->born : 0;
	d->asker_id = id;
	c = config_load(d->options->file);
	if (c == NULL) {
		busy(d, ctld, id);
		return;
	}
	ls = try(d, c);
	report_sort(&c->report);
	report_log(&c->report);
	if (ls != NULL) {
		commit(d, c, ls);
		return;
	}
	d->reload_failed = true;
	log_reload(d, false);
	if (ctld != NULL) {
		tell_report(ctld, id, &c->report);
		answer_reloaded(ctld, id, false, d->config->conf->generation);
	}
	config_free(c);
}

void
daemon_reload(struct daemon *d, struct instance *ctld, uint32_t id)
{
	if (!d->open || d->super->phase != PHASE_RUNNING || d->reloading ||
	    (ctld != NULL && ev_timer_pending(&d->reload_wait)))
		busy(d, ctld, id);
	else if (ctld != NULL && !within_rate(d))
		put_off(d, ctld, id);
	else
		reload(d, ctld, id);
}
