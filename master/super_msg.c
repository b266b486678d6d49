/* SPDX-License-Identifier: ISC */
/*
 * Everything a child may say to posternd.  posternd parses nothing but these
 * fixed-size reports; the worst a hostile child can do with them is to have
 * itself or a peer of its own replaced.
 */
#include <string.h>

#include "common/base/log.h"
#include "common/base/sandbox.h"
#include "master/config.h"
#include "master/super.h"

#define QUEUE_MAX  (64UL * 1024 * 1024) /* a configuration of many domains */
#define ASKS_MAX   100			/* questions of ctld in */
#define ASKS_TIME  1000			/* so many ms; the next one waits */
#define BLAME_TIME 60000		/* ms, in which one may have */
#define BLAME_UP   3  /* so many reports about those that are above it, and */
#define BLAME_MAX  64 /* so many that cannot be judged, to be believed still */

static void
mark_ready(struct instance *i)
{
	struct super *s = i->super;
	uint32_t n;

	if (i->life == LIFE_STARTING)
		i->life = LIFE_READY;
	if (s->phase != PHASE_STARTING) {
		commit_check(s);
		return;
	}
	for (n = 0; n < TOPO_INSTANCES; n++)
		if (topo_wanted(s->config->conf, &s->inst[n].peer) &&
		    s->inst[n].life != LIFE_READY)
			return;
	s->phase = PHASE_RUNNING;
	log_set_chan(s->log);
	s->hooks->ready(s->arg);
}

static int
on_ready(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	struct instance *i = chan_ctx(c);
	struct cm_ready m;

	(void)id;
	(void)fd;
	if (get_cm_ready(b, &m) == -1 ||
	    m.generation > i->super->config->conf->generation)
		return -1;
	i->generation = m.generation;
	mark_ready(i);
	return 0;
}

static int
on_sandboxed(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	struct instance *i = chan_ctx(c);
	struct logline l;

	(void)id;
	(void)fd;
	if (i->sandboxed || get_cm_sandboxed(b, &i->sandbox) == -1)
		return -1;
	i->sandboxed = true;
	i->heard = ev_now(i->super->ev);
	if ((i->sandbox.missing & (SANDBOX_NO_SECCOMP | SANDBOX_NO_LANDLOCK)) ==
	    0)
		return 0;
	ll_begin(&l, LOG_L_ERROR, "sandbox-incomplete");
	ll_cstr(&l, "instance", i->name);
	ll_cstr(&l, "seccomp",
	    (i->sandbox.missing & SANDBOX_NO_SECCOMP) != 0 ? "no" : "yes");
	ll_cstr(&l, "landlock",
	    (i->sandbox.missing & SANDBOX_NO_LANDLOCK) != 0 ? "no" : "yes");
	ll_send(&l);
	return 0;
}

static int
on_pong(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	struct instance *i = chan_ctx(c);

	(void)b;
	(void)fd;
	if (id > i->super->serial || id < i->pong)
		return -1;
	i->pong = id;
	i->heard = ev_now(i->super->ev);
	return 0;
}

static int
on_drained(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	struct instance *i = chan_ctx(c);

	(void)id;
	(void)b;
	(void)fd;
	return i->life == LIFE_DRAINING ? 0 : -1;
}

static int
on_reopen(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	struct instance *i = chan_ctx(c);

	(void)id;
	(void)b;
	(void)fd;
	i->super->hooks->reopen(i->super->arg, i);
	return 0;
}

/*
 * Whom a process serves.  The faces to the networks are taken over first;
 * what one of them says must not end a process that others need.
 */
static unsigned
rank(const struct peer *p)
{
	switch (p->proc) {
	case PROC_SMTPD_IN:
	case PROC_SMTPD_OUT:
	case PROC_DNSD_EXT: /* their flow needs it, and no other */
	case PROC_DNSD_INT:
	case PROC_CTLD:
	case PROC_LOGD: /* hears everybody, and knows of none */
		return 0;
	case PROC_CONND:
	case PROC_DIRD:
	case PROC_KEYD:
		return 1;
	case PROC_QUEUED:
	case PROC_MASTER:
	case PROC_MAX:
		break;
	}
	return 2;
}

/* The same of one that is reported: nobody owned shall be without a log. */
static unsigned
weight(const struct peer *p)
{
	return p->proc == PROC_LOGD ? 1 : rank(p);
}

/* What the Internet side and the intranet side both say is believed. */
static bool
both_sides_say(const struct instance *i, struct instance *bad)
{
	uint64_t now = ev_now(i->super->ev);
	const uint64_t *other;

	if (i->peer.side >= NSIDES)
		return false;
	bad->accused[i->peer.side] = now;
	other = &bad->accused[i->peer.side == SIDE_EXT ? SIDE_INT : SIDE_EXT];
	return *other != 0 && now - *other < BLAME_TIME;
}

/* One more report that ends nobody: has it made too many of them? */
static bool
blames_too_much(struct instance *i, unsigned limit)
{
	uint64_t now = ev_now(i->super->ev);

	if (now - i->blamed_since > BLAME_TIME) {
		i->blamed_since = now;
		i->blamed = 0;
	}
	return ++i->blamed > limit;
}

/*
 * The one that broke the contract is replaced, not the one that reports it, if
 * that one may be believed: what is above it gets another channel to it and
 * no more, and one that goes on reporting is replaced itself.
 *
 * The report may be older than the peer's present life: it is known to be
 * about this one only if the reporter has answered a ping that was sent behind
 * the new channel, or was itself born later.  Otherwise the two get another
 * channel, too.
 */
static void
judge(struct instance *i, struct instance *bad)
{
	bool up =
	    weight(&bad->peer) > rank(&i->peer) && !both_sides_say(i, bad);

	if (!up && (i->born > bad->born || i->pong > bad->born))
		instance_kill(bad, "broke the contract of a channel");
	else if (blames_too_much(i, up ? BLAME_UP : BLAME_MAX))
		instance_kill(i, "blames others");
	else
		wire_pair(i, bad);
}

static int
on_violation(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	struct instance *i = chan_ctx(c), *bad;
	struct cm_violation m;

	(void)id;
	(void)fd;
	if (get_cm_violation(b, &m) == -1)
		return -1;
	if (m.peer.proc == PROC_MASTER)
		return i->peer.proc == PROC_LOGD ? 0 : -1;
	if (topo_slot(&i->peer, &m.peer) <= 0)
		return -1;
	bad = super_find(i->super, &m.peer);
	if (bad != NULL && m.kind != CHAN_V_CLOSED)
		judge(i, bad);
	return 0;
}

/* --- ctld asks --- */

static void
listen_again(struct instance *i)
{
	if (i->chan != NULL && !chan_busy(i->chan) &&
	    !ev_timer_pending(&i->asks_wait))
		chan_resume(i->chan);
}

static void
on_asks_wait(struct ev_timer *t)
{
	listen_again(t->arg);
}

static void
on_drain(struct chan *c)
{
	listen_again(chan_ctx(c));
}

/* Has it asked all that it may for now?  Then the rest has to wait. */
static bool
asks_enough(struct instance *i)
{
	uint64_t now = ev_now(i->super->ev);

	if (now - i->asks_since >= ASKS_TIME) {
		i->asks_since = now;
		i->asks = 0;
	}
	if (++i->asks < ASKS_MAX)
		return false;
	if (ev_timer_pending(&i->asks_wait))
		return true;
	ev_timer_init(&i->asks_wait, on_asks_wait, i);
	return ev_timer_set(i->super->ev, &i->asks_wait,
		   i->asks_since + ASKS_TIME - now) == 0;
}

/* Nothing more is read from it while it has an answer to take. */
static void
ask(struct chan *c, uint16_t type, uint32_t id)
{
	struct instance *i = chan_ctx(c);

	i->super->hooks->request(i->super->arg, i, type, id);
	if (asks_enough(i) || chan_busy(c))
		chan_pause(c);
}

static int
on_ask_status(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	ask(c, CTM_REQ_STATUS, id);
	return 0;
}

static int
on_ask_audit(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	ask(c, CTM_REQ_AUDIT, id);
	return 0;
}

static int
on_ask_reload(struct chan *c, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	ask(c, CTM_REQ_RELOAD, id);
	return 0;
}

#define COMMON_ROWS                                                            \
	{ CM_ANS_SANDBOXED, CM_SANDBOXED_LEN, CM_SANDBOXED_LEN, FD_NONE,       \
		CHAN_ANY, on_sandboxed },                                      \
	    { CM_ANS_READY, CM_READY_LEN, CM_READY_LEN, FD_NONE, CHAN_ANY,     \
		    on_ready },                                                \
	    { CM_ANS_PONG, 0, 0, FD_NONE, CHAN_ANY, on_pong },                 \
	    { CM_ANS_DRAINED, 0, 0, FD_NONE, CHAN_ANY, on_drained },           \
	{                                                                      \
		CM_ANS_VIOLATION, CM_VIOLATION_LEN, CM_VIOLATION_LEN, FD_NONE, \
		    CHAN_ANY, on_violation                                     \
	}

static const struct chan_msg all_msgs[] = {
	COMMON_ROWS,
};
static const struct chan_msg logd_msgs[] = {
	COMMON_ROWS,
	{ CM_ANS_REOPEN, 0, 0, FD_NONE, CHAN_ANY, on_reopen },
};
static const struct chan_msg ctld_msgs[] = {
	COMMON_ROWS,
	{ CTM_REQ_STATUS, 0, 0, FD_NONE, CHAN_ANY, on_ask_status },
	{ CTM_REQ_AUDIT, 0, 0, FD_NONE, CHAN_ANY, on_ask_audit },
	{ CTM_REQ_RELOAD, 0, 0, FD_NONE, CHAN_ANY, on_ask_reload },
};

/* A channel that ends while its process goes on is one we cannot live with. */
static void
on_broken(struct chan *c, enum chan_violation why)
{
	struct instance *i = chan_ctx(c);

	if (why != CHAN_V_CLOSED)
		instance_kill(i, chan_violation_name(why));
	chan_free(c);
	i->chan = NULL;
}

#define SET(table)                                                             \
	do {                                                                   \
		spec->msgs = (table);                                          \
		spec->nmsgs = sizeof(table) / sizeof((table)[0]);              \
	} while (0)

void
msgs_spec(const struct instance *i, struct chan_spec *spec)
{
	memset(spec, 0, sizeof(*spec));
	spec->name = i->name;
	spec->send_fds = true;
	spec->queue_max = QUEUE_MAX;
	/* chan_ctx() gives it back without the const */
	spec->ctx = &i->super->inst[i->number];
	spec->on_violation = on_broken;
	if (i->peer.proc == PROC_LOGD)
		SET(logd_msgs);
	else if (i->peer.proc == PROC_CTLD) {
		SET(ctld_msgs);
		spec->on_drain = on_drain;
	} else
		SET(all_msgs);
}
