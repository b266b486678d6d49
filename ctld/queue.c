/* SPDX-License-Identifier: ISC */
/*
 * The edge to queued.  What is asked of many messages is asked page by page,
 * the next one when the tool has taken the last: a million rows wait nowhere.
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

/* LIST has whole pages; when only counting, a few rows stand for all. */
static uint16_t
page_limit(const struct tool *t)
{
	if (t->select.verb == CQ_LIST)
		return CQ_PAGE_MAX;
	return (uint16_t)(t->limit > t->rows ? t->limit - t->rows : 0);
}

int
queue_page(struct ctld *d, struct tool *t)
{
	struct ibuf b;

	t->select.limit = page_limit(t);
	chan_scratch(&b);
	if (put_cq_select(&b, &t->select) == -1)
		return -1;
	return queue_ask(d, t, CQ_REQ_SELECT, &b);
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

static int
on_shape(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct cq_shape m;
	struct ibuf out;

	(void)ch;
	(void)fd;
	if (get_cq_shape(b, &m) == -1)
		return -1;
	chan_scratch(&out);
	if (t != NULL && put_cq_shape(&out, &m) == 0)
		tool_row(t, CQ_ANS_SHAPE, &out);
	return 0;
}

static int
on_why(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct cq_why m;
	struct ibuf out;

	(void)ch;
	(void)fd;
	if (get_cq_why(b, &m) == -1)
		return -1;
	chan_scratch(&out);
	if (t != NULL && put_cq_why(&out, &m) == 0)
		tool_row(t, CQ_ANS_WHY, &out);
	return 0;
}

static int
on_rule(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = tool_asking(id);
	struct cq_rule m;
	struct ibuf out;

	(void)ch;
	(void)fd;
	if (get_cq_rule(b, &m) == -1)
		return -1;
	chan_scratch(&out);
	if (t != NULL && put_cq_rule(&out, &m) == 0)
		tool_row(t, CQ_ANS_RULE, &out);
	return 0;
}

static void
page_done(struct tool *t, const struct cq_end *m)
{
	t->count += m->count;
	t->busy += m->busy;
	t->select.after = m->after;
	tool_alive(t);
	if (m->result != CQ_MORE)
		tool_end_pages(t, CT_DONE);
	else if (chan_busy(t->chan))
		t->page_due = true;
	else if (queue_page(self, t) == -1)
		tool_end_pages(t, CT_AWAY);
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
	if (t->asks == ASKS_PAGES) {
		page_done(t, &m);
		return 0;
	}
	switch (m.result) {
	case CQ_DONE:
	case CQ_MORE:
	case CQ_BUSY:
		tool_end(t, CT_DONE, m.count);
		break;
	case CQ_NO_SUCH:
		tool_end(t, CT_NO_SUCH, m.count);
		break;
	case CQ_FAILED:
		tool_end(t, CT_FAILED, m.count);
		break;
	}
	return 0;
}

static const struct chan_msg queue_msgs[] = {
	{ CQ_ANS_ROW, CQ_ROW_MIN, CQ_ROW_MAX, FD_NONE, CHAN_ANY, on_row },
	{ CQ_ANS_RCPT, CQ_RCPT_MIN, CQ_RCPT_MAX, FD_NONE, CHAN_ANY, on_rcpt },
	{ CQ_ANS_DEST, CQ_DEST_MIN, CQ_DEST_MAX, FD_NONE, CHAN_ANY, on_dest },
	{ CQ_ANS_SHAPE, CQ_SHAPE_MIN, CQ_SHAPE_MAX, FD_NONE, CHAN_ANY,
	    on_shape },
	{ CQ_ANS_WHY, CQ_WHY_MIN, CQ_WHY_MAX, FD_NONE, CHAN_ANY, on_why },
	{ CQ_ANS_RULE, CQ_RULE_MIN, CQ_RULE_MAX, FD_NONE, CHAN_ANY, on_rule },
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
