/* SPDX-License-Identifier: ISC */
/* The channel to dird: where does mail for this local address go? */
#include <errno.h>

#include "queued/edges.h"

static struct edges *self;
static struct peer dird;
static struct chan *chan; /* NULL: being replaced */

int
dir_ask(void *edges, uint32_t tx, const struct msg_ask *ask)
{
	struct ibuf b;

	(void)edges;
	if (chan == NULL) {
		errno = EPIPE;
		return -1;
	}
	chan_scratch(&b);
	if (put_ask(&b, ask) == -1)
		return -1;
	return chan_send(chan, QD_REQ_ROUTE, tx, &b, -1);
}

static int
on_route(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct qd_route m;

	(void)ch;
	(void)fd;
	if (get_qd_route(b, &m) == -1)
		return -1;
	edges_time(self);
	queue_dir_answer(&self->queue, id, &m);
	return 0;
}

static int
on_changed(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)ch;
	(void)id;
	(void)b;
	(void)fd;
	edges_time(self);
	queue_dir_changed(&self->queue);
	return 0;
}

static const struct chan_msg msgs[] = {
	{ QD_ANS_ROUTE, QD_ROUTE_MIN, QD_ROUTE_MAX, FD_NONE, CHAN_ANY,
	    on_route },
	{ QD_NOTE_CHANGED, 0, 0, FD_NONE, CHAN_ANY, on_changed },
};

static void
lost(void)
{
	chan_free(chan);
	chan = NULL;
	edges_time(self);
	queue_dir_down(&self->queue);
}

static void
on_violation(struct chan *ch, enum chan_violation v)
{
	(void)ch;
	child_violation(self->child, &dird, v);
	lost();
}

void
dir_peer(struct edges *e, const struct peer *p, int fd)
{
	struct chan_spec spec = { .msgs = msgs,
		.nmsgs = sizeof(msgs) / sizeof(msgs[0]),
		.on_violation = on_violation };

	self = e;
	if (chan != NULL)
		lost();
	dird = *p;
	if ((chan = edges_chan(e, p, fd, &spec)) == NULL)
		return;
	edges_time(e);
	queue_dir_up(&e->queue);
}
