/* SPDX-License-Identifier: ISC */
/*
 * The edge to queued.  Lists are fetched page by page, the next one when the
 * tool has taken the last: a million rows wait nowhere.
 */
#include "common/base/log.h"
#include "ctld/ctld.h"

static struct ctld *self;

int
queue_ask(struct ctld *d, struct tool *t, uint16_t type, struct ibuf *b)
{
	if (d->queue == NULL)
		return -1;
	return chan_send(d->queue, type, tool_question(t), b, -1);
}

int
queue_page(struct ctld *d, struct tool *t)
{
	struct ibuf b;

	chan_scratch(&b);
	if (put_cq_list(&b, &t->list) == -1)
		return -1;
	return queue_ask(d, t, CQ_REQ_LIST, &b);
}

static int
on_row(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct cq_row m;
	struct ibuf out;

	(void)ch;
	(void)fd;
	if (get_cq_row(b, &m) == -1)
		return -1;
	chan_scratch(&out);
	if (t != NULL && put_cq_row(&out, &m) == 0)
		tool_row(t, CQ_ANS_ROW, &out);
	return 0;
}

static int
on_rcpt(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct cq_rcpt m;
	struct ibuf out;

	(void)ch;
	(void)fd;
	if (get_cq_rcpt(b, &m) == -1)
		return -1;
	chan_scratch(&out);
	if (t != NULL && put_cq_rcpt(&out, &m) == 0)
		tool_row(t, CQ_ANS_RCPT, &out);
	return 0;
}

static int
on_dest(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct cq_dest m;
	struct ibuf out;

	(void)ch;
	(void)fd;
	if (get_cq_dest(b, &m) == -1)
		return -1;
	chan_scratch(&out);
	if (t != NULL && put_cq_dest(&out, &m) == 0)
		tool_row(t, CQ_ANS_DEST, &out);
	return 0;
}

static void
page_done(struct tool *t, const struct cq_end *m)
{
	if (m->result != CQ_MORE || t->asks != ASKS_LIST) {
		tool_end(t, CT_DONE, t->rows);
		return;
	}
	t->list.after = m->after;
	if (chan_busy(t->chan))
		t->page_due = true;
	else if (queue_page(self, t) == -1)
		tool_end(t, CT_AWAY, t->rows);
}

static int
on_end(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct cq_end m;

	(void)ch;
	(void)fd;
	if (get_cq_end(b, &m) == -1)
		return -1;
	if (t == NULL)
		return 0;
	switch (m.result) {
	case CQ_DONE:
	case CQ_MORE:
		if (t->asks == ASKS_LIST)
			page_done(t, &m);
		else
			tool_end(t, CT_DONE, m.count);
		break;
	case CQ_NO_SUCH:
		tool_end(t, CT_NO_SUCH, m.count);
		break;
	case CQ_BUSY:
		tool_end(t, CT_BUSY, m.count);
		break;
	}
	return 0;
}

static const struct chan_msg queue_msgs[] = {
	{ CQ_ANS_ROW, CQ_ROW_MIN, CQ_ROW_MAX, FD_NONE, CHAN_ANY, on_row },
	{ CQ_ANS_RCPT, CQ_RCPT_MIN, CQ_RCPT_MAX, FD_NONE, CHAN_ANY, on_rcpt },
	{ CQ_ANS_DEST, CQ_DEST_MIN, CQ_DEST_MAX, FD_NONE, CHAN_ANY, on_dest },
	{ CQ_ANS_END, CQ_END_LEN, CQ_END_LEN, FD_NONE, CHAN_ANY, on_end },
};

static void
lost(struct ctld *d)
{
	chan_free(d->queue);
	d->queue = NULL;
	tool_give_up(true);
}

static void
on_violation(struct chan *ch, enum chan_violation v)
{
	struct ctld *d = chan_ctx(ch);

	child_violation(d->child, &d->queue_peer, v);
	lost(d);
}

void
queue_peer(struct ctld *d, const struct peer *p, int fd)
{
	struct chan_spec spec = {
		.name = "queued",
		.msgs = queue_msgs,
		.nmsgs = sizeof(queue_msgs) / sizeof(queue_msgs[0]),
		.ctx = d,
		.on_violation = on_violation,
	};

	self = d;
	if (d->queue != NULL)
		lost(d);
	d->queue_peer = *p;
	if ((d->queue = chan_new(d->ev, fd, &spec)) == NULL)
		log_warn("channel to queued");
}
