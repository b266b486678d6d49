/* SPDX-License-Identifier: ISC */
/* Keys of session tickets: see tickets.h. */
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "common/base/log.h"
#include "common/msg/child_master.h"
#include "master/tickets.h"

#define PERIOD (12U * 3600 * 1000) /* ms */

struct tickets {
	struct ev *ev;
	struct super *super;
	struct ev_timer rotation;
	struct cm_tickets side[NSIDES];
};

static void
rotate(struct cm_tickets *m)
{
	memcpy(m->key[1], m->key[0], CM_TICKET_KEY);
	arc4random_buf(m->key[0], CM_TICKET_KEY);
	if (m->n < CM_TICKET_KEYS)
		m->n++;
}

void
tickets_give(const struct tickets *t, struct instance *i)
{
	struct ibuf b;

	chan_scratch(&b);
	if (put_cm_tickets(&b, &t->side[i->peer.side]) == -1 ||
	    chan_send(i->chan, CM_REQ_TICKETS, 0, &b, -1) == -1)
		log_warn("%s: keys of tickets", i->name);
	explicit_bzero(b.mem, CM_TICKETS_LEN);
}

static void
on_rotation(struct ev_timer *timer)
{
	struct tickets *t = timer->arg;
	struct instance *i;
	uint32_t n;
	size_t s;

	for (s = 0; s < NSIDES; s++)
		rotate(&t->side[s]);
	for (n = 0; n < TOPO_INSTANCES; n++) {
		i = &t->super->inst[n];
		if (i->peer.proc == PROC_SMTPD_IN && instance_runs(i))
			tickets_give(t, i);
	}
	if (ev_timer_set(t->ev, &t->rotation, PERIOD) == -1)
		log_warn("timer");
}

struct tickets *
tickets_new(struct ev *ev, struct super *super)
{
	struct tickets *t = calloc(1, sizeof(*t));
	size_t s;

	if (t == NULL)
		return NULL;
	t->ev = ev;
	t->super = super;
	for (s = 0; s < NSIDES; s++)
		rotate(&t->side[s]);
	ev_timer_init(&t->rotation, on_rotation, t);
	if (ev_timer_set(ev, &t->rotation, PERIOD) == -1) {
		tickets_free(t);
		return NULL;
	}
	return t;
}

void
tickets_free(struct tickets *t)
{
	if (t == NULL)
		return;
	ev_timer_del(t->ev, &t->rotation);
	explicit_bzero(t->side, sizeof(t->side));
	free(t);
}
