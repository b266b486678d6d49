/* SPDX-License-Identifier: ISC */
/*
 * The channel from ctld: the operator looks at the queue, and operates it.
 * One order is worked off in a turn of the loop, so that mail goes on beside
 * any number of them, and no other is read while an answer waits to be taken.
 */
#include "queued/bucket.h"
#include "queued/edges.h"

/* The longest answer, SHOW of a message with very many recipients, fits. */
#define QUEUE_MAX (128UL * 1024 * 1024)

static struct edges *self;
static struct peer ctld;
static struct chan *chan; /* NULL: being replaced */
/* Changes of rules: 50 a second, and 300 at once. */
static const struct conf_rate rules_rate = { 3000, 60 };
static struct bucket rules;
static struct ev_timer rules_wait;

/* Rows of an answer carry the number of the question. */
struct answer {
	struct chan *chan;
	uint32_t id;
};

static int
send_row(const struct answer *a, uint16_t type, struct ibuf *b)
{
	return chan_send(a->chan, type, a->id, b, -1);
}

static int
on_row(void *arg, const struct cq_row *row)
{
	struct ibuf b;

	chan_scratch(&b);
	return put_cq_row(&b, row) == -1 ? -1 : send_row(arg, CQ_ANS_ROW, &b);
}

static int
on_rcpt(void *arg, const struct cq_rcpt *rcpt)
{
	struct ibuf b;

	chan_scratch(&b);
	return put_cq_rcpt(&b, rcpt) == -1 ? -1
					   : send_row(arg, CQ_ANS_RCPT, &b);
}

static int
on_dest(void *arg, const struct cq_dest *dest)
{
	struct ibuf b;

	chan_scratch(&b);
	return put_cq_dest(&b, dest) == -1 ? -1
					   : send_row(arg, CQ_ANS_DEST, &b);
}

static int
on_shape(void *arg, const struct cq_shape *shape)
{
	struct ibuf b;

	chan_scratch(&b);
	return put_cq_shape(&b, shape) == -1 ? -1
					     : send_row(arg, CQ_ANS_SHAPE, &b);
}

static int
on_group(void *arg, const struct cq_why *why)
{
	struct ibuf b;

	chan_scratch(&b);
	return put_cq_why(&b, why) == -1 ? -1 : send_row(arg, CQ_ANS_WHY, &b);
}

static int
on_one_rule(void *arg, const struct cq_rule *rule)
{
	struct ibuf b;

	chan_scratch(&b);
	return put_cq_rule(&b, rule) == -1 ? -1
					   : send_row(arg, CQ_ANS_RULE, &b);
}

static int
end(const struct answer *a, const struct cq_end *m)
{
	struct ibuf b;

	chan_scratch(&b);
	if (put_cq_end(&b, m) == 0)
		(void)send_row(a, CQ_ANS_END, &b);
	if (chan_busy(a->chan))
		chan_pause(a->chan);
	return 0;
}

static int
on_select(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	static struct cq_select want;
	struct answer a = { ch, id };
	const struct q_emit emit = { &a, on_row, on_shape };
	struct cq_end m;

	(void)fd;
	if (get_cq_select(b, &want) == -1)
		return -1;
	edges_time(self);
	queue_select(&self->queue, &want, &emit, &m);
	return end(&a, &m);
}

static int
on_show(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct answer a = { ch, id };
	struct cq_end m = { .result = CQ_DONE };
	uint64_t msgid;

	(void)fd;
	if (ibuf_get_n64(b, &msgid) == -1)
		return -1;
	edges_time(self);
	m.result = queue_show(&self->queue, msgid, on_row, on_rcpt, &a);
	m.count = m.result == CQ_NO_SUCH ? 0 : 1;
	return end(&a, &m);
}

static int
on_why(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct answer a = { ch, id };
	struct cq_end m = { .result = CQ_DONE };
	uint64_t msgid;

	(void)fd;
	if (ibuf_get_n64(b, &msgid) == -1)
		return -1;
	edges_time(self);
	m.result = queue_why(&self->queue, msgid, on_group, &a, &m.count);
	return end(&a, &m);
}

/* --- no more for now --- */

static void
listen_again(void)
{
	if (chan != NULL && !chan_busy(chan) && !ev_timer_pending(&rules_wait))
		chan_resume(chan);
}

static void
on_drain(struct chan *ch)
{
	(void)ch;
	listen_again();
}

static void
on_rules_wait(struct ev_timer *t)
{
	(void)t;
	listen_again();
}

/*
 * A rule is written to the disk, and what dird was asked before is asked
 * again: one after the other, and a slow directory would never be in time.
 */
static void
count_rule(struct chan *ch)
{
	uint64_t now = ev_now(self->ev), at = bucket_reserve(&rules, now);

	if (at > now && ev_timer_set(self->ev, &rules_wait, at - now) == 0)
		chan_pause(ch);
}

static int
on_rule(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	static struct cq_rule rule;
	struct answer a = { ch, id };
	struct cq_end m = { .result = CQ_DONE };

	(void)fd;
	if (get_cq_rule(b, &rule) == -1)
		return -1;
	edges_time(self);
	m.result = queue_rule(&self->queue, &rule);
	m.count = m.result == CQ_DONE ? 1 : 0;
	if (m.result == CQ_DONE)
		count_rule(ch);
	return end(&a, &m);
}

static int
on_rules(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct answer a = { ch, id };
	struct cq_end m = { .result = CQ_DONE };

	(void)b;
	(void)fd;
	m.count = queue_rules(&self->queue, on_one_rule, &a);
	return end(&a, &m);
}

static int
on_dests(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct answer a = { ch, id };
	struct cq_end m = { .result = CQ_DONE };

	(void)b;
	(void)fd;
	edges_time(self);
	m.result = queue_dests(&self->queue, on_dest, &a, &m.count);
	return end(&a, &m);
}

static const struct chan_msg msgs[] = {
	{ CQ_REQ_SELECT, CQ_SELECT_MIN, CQ_SELECT_MAX, FD_NONE, CHAN_ANY,
	    on_select },
	{ CQ_REQ_SHOW, 8, 8, FD_NONE, CHAN_ANY, on_show },
	{ CQ_REQ_WHY, 8, 8, FD_NONE, CHAN_ANY, on_why },
	{ CQ_REQ_RULE, CQ_RULE_MIN, CQ_RULE_MAX, FD_NONE, CHAN_ANY, on_rule },
	{ CQ_REQ_RULES, 0, 0, FD_NONE, CHAN_ANY, on_rules },
	{ CQ_REQ_DESTS, 0, 0, FD_NONE, CHAN_ANY, on_dests },
};

static void
on_violation(struct chan *ch, enum chan_violation v)
{
	child_violation(self->child, &ctld, v);
	chan_free(ch);
	chan = NULL;
}

void
ctl_peer(struct edges *e, const struct peer *p, int fd)
{
	struct chan_spec spec = { .msgs = msgs,
		.nmsgs = sizeof(msgs) / sizeof(msgs[0]),
		.queue_max = QUEUE_MAX,
		.burst = 1,
		.on_drain = on_drain,
		.on_violation = on_violation };

	self = e;
	if (rules_wait.cb == NULL) {
		ev_timer_init(&rules_wait, on_rules_wait, NULL);
		bucket_set(&rules, &rules_rate, ev_now(e->ev));
	}
	chan_free(chan);
	ctld = *p;
	chan = edges_chan(e, p, fd, &spec);
}
