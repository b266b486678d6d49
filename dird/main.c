/* SPDX-License-Identifier: ISC */
/*
 * dird: see dird.h.
 */
#include <stdlib.h>
#include <unistd.h>

#include "common/base/ev.h"
#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "common/base/stats.h"
#include "dird/dird.h"

#define ASKERS_MAX (NSIDES * CONF_WORKERS_MAX + 1) /* and queued */
#define RATE	   10000 /* questions a second from one outside worker, */
#define BURST	   20000 /* and how many it may save up */

struct asker {
	struct peer peer;
	struct chan *chan; /* NULL: free */
	uint32_t tokens;
	uint64_t refilled;
};

static struct asker askers[ASKERS_MAX];
static struct child *self;

/* --- smtpd-in: does this recipient exist? --- */

static bool
within_rate(struct asker *a)
{
	uint64_t now = ev_now(child_ev(self));
	uint64_t add = (now - a->refilled) * RATE / 1000;

	if (a->peer.side != SIDE_EXT)
		return true;
	if (add > 0) {
		a->refilled = now;
		a->tokens =
		    add > BURST - a->tokens ? BURST : a->tokens + (uint32_t)add;
	}
	if (a->tokens == 0)
		return false;
	a->tokens--;
	return true;
}

static int
on_recipient(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct asker *a = chan_ctx(ch);
	enum id_verdict v = ID_LATER;
	struct msg_ask ask;
	struct ibuf out;

	(void)fd;
	if (get_ask(b, &ask) == -1)
		return -1;
	if (within_rate(a))
		v = directory_recipient(&ask);
	if (v == ID_YES)
		stats_inc(STAT_DIR_YES);
	else if (v == ID_LATER)
		stats_inc(STAT_DIR_LATER);
	else
		stats_inc(STAT_DIR_NO);
	chan_scratch(&out);
	if (put_id_verdict(&out, v) == 0)
		(void)chan_send(ch, ID_ANS_RCPT, id, &out, -1);
	return 0;
}

/* --- queued: where does it go? --- */

static int
on_route(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct qd_route r;
	struct msg_ask ask;
	struct ibuf out;

	(void)fd;
	if (get_ask(b, &ask) == -1)
		return -1;
	directory_route(&ask, &r);
	chan_scratch(&out);
	if (put_qd_route(&out, &r) == 0)
		(void)chan_send(ch, QD_ANS_ROUTE, id, &out, -1);
	return 0;
}

static const struct chan_msg in_msgs[] = {
	{ ID_REQ_RCPT, MSG_ASK_LEN, MSG_ASK_LEN, FD_NONE, CHAN_ANY,
	    on_recipient },
};

static const struct chan_msg queue_msgs[] = {
	{ QD_REQ_ROUTE, MSG_ASK_LEN, MSG_ASK_LEN, FD_NONE, CHAN_ANY, on_route },
};

/* --- peers --- */

static void
tell_changed(void)
{
	struct asker *a;

	for (a = askers; a < askers + ASKERS_MAX; a++)
		if (a->chan != NULL && a->peer.proc == PROC_QUEUED)
			(void)chan_send(a->chan, QD_NOTE_CHANGED, 0, NULL, -1);
}

static void
asker_lost(struct asker *a)
{
	chan_free(a->chan);
	a->chan = NULL;
}

static void
on_violation(struct chan *ch, enum chan_violation v)
{
	struct asker *a = chan_ctx(ch);

	child_violation(self, &a->peer, v);
	asker_lost(a);
}

/* Its place from before, or a free one. */
static int
asker_of(const struct peer *p, struct asker **found)
{
	struct asker *a;

	*found = NULL;
	for (a = askers; a < askers + ASKERS_MAX; a++) {
		if (a->chan == NULL) {
			if (*found == NULL)
				*found = a;
		} else if (a->peer.proc == p->proc && a->peer.side == p->side &&
		    a->peer.index == p->index) {
			asker_lost(a);
			*found = a;
			return 0;
		}
	}
	return *found == NULL ? -1 : 0;
}

static void
on_peer(struct child *c, const struct peer *peer, int fd)
{
	bool in = peer->proc == PROC_SMTPD_IN;
	struct chan_spec spec = {
		.msgs = in ? in_msgs : queue_msgs,
		.nmsgs = 1,
		.on_violation = on_violation,
	};
	char name[INSTANCE_MAX];
	struct asker *a;

	if (asker_of(peer, &a) == -1) {
		(void)close(fd);
		return;
	}
	a->peer = *peer;
	a->tokens = BURST;
	a->refilled = ev_now(child_ev(c));
	spec.name = peer_name(peer, name);
	spec.ctx = a;
	if ((a->chan = chan_new(child_ev(c), fd, &spec)) == NULL)
		log_warn("channel to %s", name);
	else if (!in)
		(void)chan_send(a->chan, QD_NOTE_CHANGED, 0, NULL, -1);
}

static void
on_conf(struct child *c, const struct conf *conf)
{
	(void)c;
	directory_conf(conf);
	tell_changed();
}

static int
on_fd(struct child *c, enum child_fd kind, uint32_t id, int fd)
{
	(void)c;
	if (kind != CHILD_FD_RCPT_FILE) {
		(void)close(fd);
		return -1;
	}
	if (directory_file(id, fd) == -1)
		return -1;
	tell_changed();
	return 0;
}

int
main(int argc, char **argv)
{
	struct program program = {
		.proc = PROC_DIRD,
		.cage = &dird_cage,
		.on_conf = on_conf,
		.on_peer = on_peer,
		.on_fd = on_fd,
	};

	self = child_attach(argc, argv, &program, NULL);
	privdrop(child_privdrop(self));
	sandbox_enter(child_sandbox(self), child_report(self));
	return child_loop(self);
}
