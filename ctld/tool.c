/* SPDX-License-Identifier: ISC */
/*
 * Connections of the tool.  Each asks one question at a time, must ask within
 * a minute, and must read what it asked for.  Whoever is asked for it and says
 * nothing for a while is as good as away.
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/stats.h"
#include "ctld/ctld.h"

#define IDLE	  60000 /* ms: the tool, and a reload */
#define SILENCE	  15000 /* of whom we ask */
#define SLOT_BITS 5

static struct ctld *self;
static struct ev_io listener;

static void
tool_free(struct tool *t)
{
	chan_free(t->chan);
	t->chan = NULL;
	t->asks = ASKS_NOTHING;
	ev_timer_del(self->ev, &t->idle);
}

uint32_t
tool_question(struct tool *t)
{
	t->seq++;
	return t->slot | t->seq << SLOT_BITS;
}

struct tool *
tool_asking(uint32_t question)
{
	struct tool *t = &self->tools[question & (TOOLS_MAX - 1)];

	if (t->chan == NULL || t->asks == ASKS_NOTHING ||
	    (t->slot | t->seq << SLOT_BITS) != question)
		return NULL;
	return t;
}

void
tool_alive(struct tool *t)
{
	bool asks = t->asks != ASKS_NOTHING && t->asks != ASKS_RELOAD;

	if (ev_timer_set(self->ev, &t->idle, asks ? SILENCE : IDLE) == -1)
		log_warn("timer");
}

void
tool_row(struct tool *t, uint16_t type, struct ibuf *b)
{
	uint8_t head[2] = { (uint8_t)(type >> 8), (uint8_t)(type & 0xff) };
	struct iovec iov[2] = { { head, sizeof(head) }, { NULL, 0 } };

	iov[1].iov_base = b->mem + b->rpos;
	iov[1].iov_len = ibuf_size(b);
	t->rows++;
	tool_alive(t);
	(void)chan_sendv(t->chan, CT_ANS_ROW, t->id, iov, 2, -1);
}

static void
end(struct tool *t, const struct ct_end *m)
{
	struct ibuf b;

	t->asks = ASKS_NOTHING;
	t->page_due = false;
	tool_alive(t);
	chan_scratch(&b);
	if (put_ct_end(&b, m) == 0)
		(void)chan_send(t->chan, CT_ANS_END, t->id, &b, -1);
}

void
tool_end(struct tool *t, enum ct_result result, uint32_t count)
{
	const struct ct_end m = { .result = result, .count = count };

	end(t, &m);
}

void
tool_end_pages(struct tool *t, enum ct_result result)
{
	const struct ct_end m = { result, t->count, t->busy };

	end(t, &m);
}

void
tool_give_up(bool queue)
{
	struct tool *t;

	for (t = self->tools; t < self->tools + TOOLS_MAX; t++) {
		if (t->asks == ASKS_PAGES && queue)
			tool_end_pages(t, CT_AWAY);
		else if (t->asks != ASKS_NOTHING && t->asks != ASKS_PAGES &&
		    queue == (t->asks == ASKS_QUEUE))
			tool_end(t, CT_AWAY, t->rows);
	}
}

/* --- questions --- */

/* Every action has its line, with who did it. */
static void
log_action(const struct tool *t, const char *verb, const char *what)
{
	struct logline l;

	ll_begin(&l, LOG_L_INFO, "control");
	ll_num(&l, "uid", t->uid);
	ll_int(&l, "pid", t->pid);
	ll_cstr(&l, "verb", verb);
	ll_cstr(&l, "what", what);
	ll_send(&l);
}

static int
begin(struct tool *t, uint32_t id, enum asks asks)
{
	if (t->asks != ASKS_NOTHING)
		return -1; /* one at a time */
	stats_inc(STAT_CTL_REQUESTS);
	t->id = id;
	t->asks = asks;
	tool_alive(t);
	t->rows = t->count = t->busy = 0;
	return 0;
}

static int
ask_master(struct chan *ch, uint32_t id, enum asks asks, uint16_t type)
{
	struct tool *t = chan_ctx(ch);

	if (begin(t, id, asks) == -1)
		return -1;
	if (master_ask(self, t, type) == -1)
		tool_end(t, CT_AWAY, 0);
	return 0;
}

static int
on_status(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	return ask_master(ch, id, ASKS_STATUS, CTM_REQ_STATUS);
}

static int
on_audit(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	return ask_master(ch, id, ASKS_AUDIT, CTM_REQ_AUDIT);
}

static int
on_stats(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	return ask_master(ch, id, ASKS_STATS, CTM_REQ_STATUS);
}

static int
on_reload(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	log_action(chan_ctx(ch), "reload", "");
	return ask_master(ch, id, ASKS_RELOAD, CTM_REQ_RELOAD);
}

/* A selection as one word of the log. */
static void
put_selection(struct logline *l, const struct cq_select *c)
{
	char id[MSGID_STRLEN];

	if (c->msgid != 0)
		ll_cstr(l, "id", msgid_fmt(c->msgid, id));
	if (c->dest[0] != '\0')
		ll_cstr(l, "destination", c->dest);
	if (c->flow != CQ_FLOW_ANY)
		ll_cstr(l, "flow", cq_flow_name(c->flow));
	if (c->from != CQ_FROM_ANY)
		ll_cstr(l, "sender", c->sender);
	if (c->older != 0)
		ll_num(l, "older", c->older);
	if (c->text[0] != '\0')
		ll_cstr(l, "text", c->text);
}

static void
log_select(const struct tool *t)
{
	static const char *const verbs[] = { [CQ_HOLD] = "hold",
		[CQ_RELEASE] = "release",
		[CQ_REMOVE] = "remove",
		[CQ_FLUSH] = "flush" };
	const struct cq_select *c = &t->select;
	struct logline l;

	if (c->look || c->verb < CQ_HOLD || c->verb > CQ_FLUSH)
		return;
	ll_begin(&l, LOG_L_INFO, "control");
	ll_num(&l, "uid", t->uid);
	ll_int(&l, "pid", t->pid);
	ll_cstr(&l, "verb", verbs[c->verb]);
	put_selection(&l, c);
	ll_send(&l);
}

static int
on_select(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = chan_ctx(ch);

	(void)fd;
	if (begin(t, id, ASKS_PAGES) == -1 ||
	    get_cq_select(b, &t->select) == -1)
		return -1;
	t->limit = t->select.limit;
	t->select.uid = t->uid;
	t->select.after = 0;
	log_select(t);
	if (queue_page(self, t) == -1)
		tool_end(t, CT_AWAY, 0);
	return 0;
}

static int
ask_queue(struct tool *t, uint16_t type, struct ibuf *b)
{
	if (queue_ask(self, t, type, b) == -1)
		tool_end(t, CT_AWAY, 0);
	return 0;
}

static int
on_dests(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	if (begin(chan_ctx(ch), id, ASKS_QUEUE) == -1)
		return -1;
	return ask_queue(chan_ctx(ch), CQ_REQ_DESTS, NULL);
}

static int
on_rules(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	if (begin(chan_ctx(ch), id, ASKS_QUEUE) == -1)
		return -1;
	return ask_queue(chan_ctx(ch), CQ_REQ_RULES, NULL);
}

static int
ask_message(struct chan *ch, uint32_t id, struct ibuf *b, uint16_t type)
{
	struct tool *t = chan_ctx(ch);
	struct ibuf out;
	uint64_t msgid;

	if (begin(t, id, ASKS_QUEUE) == -1 || ibuf_get_n64(b, &msgid) == -1)
		return -1;
	chan_scratch(&out);
	(void)ibuf_add_n64(&out, msgid);
	return ask_queue(t, type, &out);
}

static int
on_show(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)fd;
	return ask_message(ch, id, b, CQ_REQ_SHOW);
}

static int
on_why(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)fd;
	return ask_message(ch, id, b, CQ_REQ_WHY);
}

static const char *
rule_verb(const struct cq_rule *r)
{
	if (r->kind == CQ_REROUTE)
		return r->set ? "reroute" : "reroute-off";
	return r->set ? "suspend" : "resume";
}

static int
on_rule(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct tool *t = chan_ctx(ch);
	static struct cq_rule m;
	struct ibuf out;

	(void)fd;
	if (begin(t, id, ASKS_QUEUE) == -1 || get_cq_rule(b, &m) == -1)
		return -1;
	m.uid = t->uid;
	log_action(t, rule_verb(&m),
	    m.kind == CQ_SUSPEND_FLOW ? cq_flow_name(m.flow) : m.name);
	chan_scratch(&out);
	(void)put_cq_rule(&out, &m);
	return ask_queue(t, CQ_REQ_RULE, &out);
}

static const struct chan_msg tool_msgs[] = {
	{ CT_REQ_STATUS, 0, 0, FD_NONE, CHAN_ANY, on_status },
	{ CT_REQ_AUDIT, 0, 0, FD_NONE, CHAN_ANY, on_audit },
	{ CT_REQ_RELOAD, 0, 0, FD_NONE, CHAN_ANY, on_reload },
	{ CT_REQ_STATS, 0, 0, FD_NONE, CHAN_ANY, on_stats },
	{ CT_REQ_SELECT, CQ_SELECT_MIN, CQ_SELECT_MAX, FD_NONE, CHAN_ANY,
	    on_select },
	{ CT_REQ_SHOW, 8, 8, FD_NONE, CHAN_ANY, on_show },
	{ CT_REQ_WHY, 8, 8, FD_NONE, CHAN_ANY, on_why },
	{ CT_REQ_RULES, 0, 0, FD_NONE, CHAN_ANY, on_rules },
	{ CT_REQ_RULE, CQ_RULE_MIN, CQ_RULE_MAX, FD_NONE, CHAN_ANY, on_rule },
	{ CT_REQ_DESTS, 0, 0, FD_NONE, CHAN_ANY, on_dests },
};
#define NTOOL (sizeof(tool_msgs) / sizeof(tool_msgs[0]))

/* --- connections --- */

static void
on_violation(struct chan *ch, enum chan_violation v)
{
	if (v != CHAN_V_CLOSED)
		stats_inc(STAT_CTL_DENIED);
	tool_free(chan_ctx(ch));
}

static void
on_drain(struct chan *ch)
{
	struct tool *t = chan_ctx(ch);

	if (!t->page_due)
		return;
	t->page_due = false;
	if (queue_page(self, t) == -1)
		tool_end_pages(t, CT_AWAY);
}

/* It reads no more, has nothing to ask, or waits for somebody in vain. */
static void
on_idle(struct ev_timer *timer)
{
	struct tool *t = timer->arg;

	if (chan_busy(t->chan) || t->page_due || t->asks == ASKS_NOTHING ||
	    t->asks == ASKS_RELOAD)
		tool_free(t);
	else if (t->asks == ASKS_PAGES)
		tool_end_pages(t, CT_AWAY);
	else
		tool_end(t, CT_AWAY, t->rows);
}

static struct tool *
free_tool(void)
{
	struct tool *t;

	for (t = self->tools; t < self->tools + TOOLS_MAX; t++)
		if (t->chan == NULL)
			return t;
	return NULL;
}

static void
welcome(int fd)
{
	struct chan_spec spec = {
		.name = "postern",
		.msgs = tool_msgs,
		.nmsgs = NTOOL,
		.on_drain = on_drain,
		.on_violation = on_violation,
	};
	struct ucred cred;
	socklen_t len = sizeof(cred);
	struct tool *t = free_tool();

	if (t == NULL ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1) {
		stats_inc(STAT_CTL_DENIED);
		(void)close(fd);
		return;
	}
	spec.ctx = t;
	t->uid = cred.uid;
	t->pid = cred.pid;
	t->asks = ASKS_NOTHING;
	t->page_due = false;
	if ((t->chan = chan_new(self->ev, fd, &spec)) == NULL)
		log_warn("control connection");
	else
		tool_alive(t);
}

static void
on_accept(struct ev_io *io, uint32_t events)
{
	int fd;

	(void)events;
	fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd != -1)
		welcome(fd);
}

void
tool_listener(int fd)
{
	int old = listener.fd;

	ev_io_del(self->ev, &listener);
	if (old != -1)
		(void)close(old);
	if (ev_io_set(self->ev, &listener, fd, EPOLLIN) == -1)
		log_warn("control socket");
}

void
tool_init(struct ctld *d)
{
	uint8_t i;

	self = d;
	ev_io_init(&listener, on_accept, NULL);
	for (i = 0; i < TOOLS_MAX; i++) {
		d->tools[i].slot = i;
		ev_timer_init(&d->tools[i].idle, on_idle, &d->tools[i]);
	}
}
