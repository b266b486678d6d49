/* SPDX-License-Identifier: ISC */
/*
 * What ctld asks posternd: which processes there are, and what the topology
 * declares of each, for the audit to hold against the kernel.  See
 * common/msg/ctl_master.h.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/log.h"
#include "common/msg/ctl_master.h"
#include "master/caps.h"
#include "master/daemon.h"
#include "version.h"

struct answer {
	struct daemon *d;
	struct instance *ctld;
	uint32_t id;
};

static const struct peer self = { PROC_MASTER, PROC_SIDE_NONE, 0 };

static void
row(const struct answer *a, uint16_t type, const struct ibuf *b)
{
	if (instance_runs(a->ctld))
		(void)chan_send(a->ctld->chan, type, a->id, b, -1);
}

void
answer_text(struct instance *ctld, uint32_t id, unsigned level,
    const char *text)
{
	const struct answer a = { NULL, ctld, id };
	struct ctm_text m = { .level = (uint8_t)level };
	struct ibuf b;

	(void)strlcpy(m.text, text, sizeof(m.text));
	chan_scratch(&b);
	if (put_ctm_text(&b, &m) == 0)
		row(&a, CTM_ANS_TEXT, &b);
}

void
answer_reloaded(struct instance *ctld, uint32_t id, bool ok,
    uint32_t generation)
{
	const struct answer a = { NULL, ctld, id };
	const struct ctm_reloaded m = { ok ? 1 : 0, generation };
	struct ibuf b;

	chan_scratch(&b);
	if (put_ctm_reloaded(&b, &m) == 0)
		row(&a, CTM_ANS_RELOADED, &b);
}

/* --- status --- */

static void
status_row(const struct answer *a, const struct ctm_status *m)
{
	struct ibuf b;

	chan_scratch(&b);
	if (put_ctm_status(&b, m) == 0)
		row(a, CTM_ANS_STATUS, &b);
}

static void
status_self(const struct answer *a)
{
	const struct conf *conf = a->d->config->conf;
	const struct ctm_status m = {
		.instance = CTM_NO_INSTANCE,
		.peer = self,
		.pid = (uint32_t)getpid(),
		.uid = geteuid(),
		.state = a->d->super->phase == PHASE_RUNNING ? CTM_READY
							     : CTM_DRAINING,
		.best_effort = (conf->flags & CONF_F_BEST_EFFORT) != 0,
		.since = a->d->started,
		.generation = conf->generation,
	};

	status_row(a, &m);
}

static void
status_instance(const struct answer *a, const struct instance *i)
{
	const struct ctm_status m = {
		.instance = i->number,
		.peer = i->peer,
		.pid = (uint32_t)i->pid,
		.uid = i->uid,
		.state = (uint8_t)i->life,
		.best_effort = i->sandbox.missing != 0,
		.restarts = i->restarts,
		.since = i->since,
		.generation = i->generation,
	};

	if (i->life != LIFE_NONE)
		status_row(a, &m);
}

/* What an operator must see at every look. */
static void
notes(const struct answer *a)
{
	const struct daemon *d = a->d;
	const uint32_t flags = d->config->conf->flags;

	char file[CTM_TEXT_MAX + 1];

	answer_text(a->ctld, a->id, LOG_L_INFO, "version " POSTERN_VERSION);
	(void)snprintf(file, sizeof(file), "configuration %s",
	    d->options->file);
	answer_text(a->ctld, a->id, LOG_L_INFO, file);
	if ((flags & CONF_F_SINGLE_HOMED) != 0)
		answer_text(a->ctld, a->id, LOG_L_WARN,
		    "single-homed: both sides may share an interface; no "
		    "wall of interfaces stands between them");
	if ((flags & CONF_F_BEST_EFFORT) != 0)
		answer_text(a->ctld, a->id, LOG_L_WARN,
		    "sandbox best-effort: what the kernel lacks is missing");
	if ((flags & CONF_F_FORWARDING) != 0)
		answer_text(a->ctld, a->id, LOG_L_WARN,
		    "ip forwarding allow: the host may carry packets past "
		    "the gateway");
	if (d->alarm[0] != '\0')
		answer_text(a->ctld, a->id, LOG_L_ERROR,
		    "IP forwarding was turned on: the host carries packets "
		    "past the gateway");
	if (d->reload_failed)
		answer_text(a->ctld, a->id, LOG_L_WARN,
		    "the last reload was refused: the configuration in force "
		    "is an older one");
}

static void
answer_status(const struct answer *a)
{
	uint32_t n;

	status_self(a);
	for (n = 0; n < TOPO_INSTANCES; n++)
		status_instance(a, &a->d->super->inst[n]);
	notes(a);
	row(a, CTM_ANS_END, NULL);
}

/* --- audit --- */

static void
audit_row(const struct answer *a, const struct ctm_audit *m)
{
	struct ibuf b;

	chan_scratch(&b);
	if (put_ctm_audit(&b, m) == 0)
		row(a, CTM_ANS_AUDIT, &b);
}

static void
audit_self(const struct answer *a)
{
	struct ctm_audit m = {
		.instance = CTM_NO_INSTANCE,
		.peer = self,
		.pid = (uint32_t)getpid(),
		.uid = geteuid(),
		.gid = getegid(),
		.netns = CTM_NETNS_HOST,
		.root = CTM_ROOT_HOST,
		.caps = caps_mask(),
	};

	(void)strlcpy(m.root_dir, "/", sizeof(m.root_dir));
	audit_row(a, &m);
}

static uint8_t
declared_netns(const struct answer *a, const struct instance *i)
{
	if (i->program->net == TOPO_NET_EMPTY)
		return CTM_NETNS_EMPTY;
	return i->peer.side == SIDE_EXT && a->d->netns != -1 ? CTM_NETNS_NAMED
							     : CTM_NETNS_HOST;
}

static void
audit_instance(const struct answer *a, const struct instance *i)
{
	const struct conf *conf = a->d->config->conf;
	bool spool = i->program->root == TOPO_ROOT_SPOOL;
	struct ctm_audit m = {
		.instance = i->number,
		.peer = i->peer,
		.pid = (uint32_t)i->pid,
		.uid = i->uid,
		.gid = i->gid,
		.netns = declared_netns(a, i),
		.root = spool ? CTM_ROOT_SPOOL : CTM_ROOT_EMPTY,
		.seccomp = 1,
		.no_new_privs = 1,
		.nslots = topo_nslots(&i->peer),
	};

	(void)strlcpy(m.root_dir, spool ? conf->spool : conf->chroot_dir,
	    sizeof(m.root_dir));
	if (m.netns == CTM_NETNS_NAMED)
		(void)strlcpy(m.netns_name, conf->side[SIDE_EXT].netns,
		    sizeof(m.netns_name));
	audit_row(a, &m);
}

static void
audit_chan(const struct answer *a, const struct instance *i, int slot,
    const struct peer *peer)
{
	const struct ctm_chan m = { i->number, (uint16_t)slot, *peer };
	struct ibuf b;

	chan_scratch(&b);
	if (put_ctm_chan(&b, &m) == 0)
		row(a, CTM_ANS_CHAN, &b);
}

static bool
parted(const struct instance *a, const struct instance *b)
{
	return (a->life == LIFE_DRAINING && b->peer.proc == PROC_CONND) ||
	    (b->life == LIFE_DRAINING && a->peer.proc == PROC_CONND);
}

static void
audit_chans(const struct answer *a, const struct instance *i)
{
	struct super *s = a->d->super;
	const struct instance *other;
	uint32_t n;
	int slot;

	audit_chan(a, i, 0, &self);
	if (i->peer.proc == PROC_LOGD && s->log != NULL)
		audit_chan(a, i, topo_slot(&i->peer, &self), &self);
	for (n = 0; n < TOPO_INSTANCES; n++) {
		other = &s->inst[n];
		slot = topo_slot(&i->peer, &other->peer);
		if (slot > 0 && instance_runs(other) && !parted(i, other))
			audit_chan(a, i, slot, &other->peer);
	}
}

/* Those that stay open; files and pages of counters are read and closed. */
static uint32_t
count_fds(const struct answer *a, const struct instance *i, uint32_t kind)
{
	const struct conf *conf = a->d->config->conf;
	uint32_t n, count = 0;

	switch (kind) {
	case CHILD_FD_LISTENER:
		for (n = 0; n < conf->nlisteners; n++)
			if (conf->listeners[n].side == i->peer.side)
				count++;
		return count;
	case CHILD_FD_CONTROL:
		return 1;
	case CHILD_FD_LOG_FILE:
		return conf->log_kind == CONF_LOG_FILE;
	case CHILD_FD_SYSLOG:
		return conf->log_kind == CONF_LOG_SYSLOG;
	case CHILD_FD_STDERR:
		return conf->log_kind == CONF_LOG_STDERR;
	default:
		return 0;
	}
}

static void
audit_fds(const struct answer *a, const struct instance *i)
{
	struct ctm_fd m = { .instance = i->number };
	struct ibuf b;

	for (m.kind = 1; m.kind < 32; m.kind++) {
		if ((i->program->fds & 1U << m.kind) == 0)
			continue;
		m.count = count_fds(a, i, m.kind);
		chan_scratch(&b);
		if (m.count > 0 && put_ctm_fd(&b, &m) == 0)
			row(a, CTM_ANS_FD, &b);
	}
}

static void
answer_audit(const struct answer *a)
{
	const struct instance *i;
	uint32_t n;

	audit_self(a);
	for (n = 0; n < TOPO_INSTANCES; n++) {
		i = &a->d->super->inst[n];
		if (!instance_runs(i))
			continue;
		audit_instance(a, i);
		audit_chans(a, i);
		audit_fds(a, i);
	}
	answer_text(a->ctld, a->id, a->d->untight ? LOG_L_WARN : LOG_L_INFO,
	    a->d->selftest);
	notes(a);
	row(a, CTM_ANS_END, NULL);
}

void
answer_request(struct daemon *d, struct instance *ctld, uint16_t type,
    uint32_t id)
{
	const struct answer a = { d, ctld, id };

	switch (type) {
	case CTM_REQ_STATUS:
		answer_status(&a);
		break;
	case CTM_REQ_AUDIT:
		answer_audit(&a);
		break;
	case CTM_REQ_RELOAD:
		daemon_reload(d, ctld, id);
		break;
	default:
		break;
	}
}
