/* SPDX-License-Identifier: ISC */
/*
 * The ledger of the world: what the queue reports of each recipient, and what
 * the notices that it made say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "queued/report.h"

#include "regress/unit/queued_world.h"
#include "regress/unit/queued_world_inside.h"

struct w_rcpt *
w_find(uint64_t id, const char *addr)
{
	size_t i;

	for (i = w.nrcpts; i-- > 0;) {
		if (w.rcpts[i].id == id && strcmp(w.rcpts[i].addr, addr) == 0)
			return &w.rcpts[i];
	}
	return NULL;
}

struct w_rcpt *
w_enter(uint64_t id, const char *addr)
{
	struct w_rcpt *r;

	if (w.nrcpts == w.cap_rcpts) {
		w.cap_rcpts = 2 * w.cap_rcpts + 64;
		w.rcpts = realloc(w.rcpts, w.cap_rcpts * sizeof(*w.rcpts));
		if (w.rcpts == NULL)
			abort();
	}
	r = &w.rcpts[w.nrcpts++];
	memset(r, 0, sizeof(*r));
	r->id = id;
	(void)strlcpy(r->addr, addr, sizeof(r->addr));
	return r;
}

static int
on_row(void *arg, const struct cq_row *row)
{
	(void)arg;
	(void)row;
	return 0;
}

struct search {
	const char *addr;
	bool found;
};

static int
on_rcpt(void *arg, const struct cq_rcpt *r)
{
	struct search *s = arg;

	if (r->status == 0 &&
	    (s->addr == NULL || strcmp(r->addr, s->addr) == 0))
		s->found = true;
	return 0;
}

bool
w_is_open(uint64_t id, const char *addr)
{
	struct search s = { addr, false };

	return queue_show(&w.q, id, on_row, on_rcpt, &s) == CQ_DONE && s.found;
}

bool
w_is_queued(uint64_t id)
{
	return w_is_open(id, NULL);
}

/* --- report.h, as far as a test wants to know --- */

void
report_compose_accept(struct logline *l, const struct report_accept *r)
{
	l->len = (size_t)snprintf(l->text, sizeof(l->text), "%s %u", r->rcpt,
	    (unsigned)r->nrcpt);
}

void
report_accepted(enum origin origin, const char *line, size_t len)
{
	(void)origin;
	if (len == 0 || line[0] == ' ')
		w_broken("log line of an accepted message");
}

void
report_refused(enum origin origin, const struct iq_commit *c, const char *rcpt,
    enum reason why)
{
	(void)origin;
	(void)c;
	(void)rcpt;
	(void)why;
}

void
report_delivery(const struct report_delivery *d)
{
	struct w_rcpt *r;

	if (w.watch != NULL) {
		if (w.watch->delivery != NULL)
			w.watch->delivery(d);
		return;
	}
	r = w_find(d->id, d->to);
	if (r == NULL) /* to the sender of a notice */
		r = w_enter(d->id, d->to);
	r->reason = d->outcome->reason;
	r->flow = d->flow;
	switch (d->outcome->status) {
	case QO_DELIVERED:
		r->delivered++;
		break;
	case QO_FAILED:
		r->failed++;
		break;
	case QO_DEFERRED:
		r->deferred++;
		break;
	}
}

void
report_paused(const struct dest *d, uint64_t ms)
{
	w.paused++;
	if (w.watch != NULL && w.watch->paused != NULL)
		w.watch->paused(d, ms);
}

ssize_t
w_read_body(uint64_t id, void *buf, size_t cap)
{
	struct store_loc loc;
	size_t i;

	for (i = 0; i < NSTORES; i++) {
		if (store_find(w.q.stores[i], id, &loc) == 0)
			return store_read(w.q.stores[i], loc, 0, buf, cap);
	}
	return -1;
}

/* The notice is durable and names its recipients: they are reported. */
static void
read_notice(uint64_t dsn)
{
	static const char mark[] = "Final-Recipient: rfc822; ";
	static char body[1024 * 1024];
	char addr[MSG_ADDR_MAX + 1];
	const char *p = body;
	size_t i, len;
	ssize_t n;

	n = w_read_body(dsn, body, sizeof(body) - 1);
	if (n == -1)
		w_broken("a notice is not in the store");
	body[n] = '\0';
	while ((p = strstr(p, mark)) != NULL) {
		p += sizeof(mark) - 1;
		len = strcspn(p, "\r");
		if (len >= sizeof(addr))
			w_broken("address in a notice");
		memcpy(addr, p, len);
		addr[len] = '\0';
		for (i = 0; i < w.nrcpts; i++) {
			if (strcmp(w.rcpts[i].addr, addr) == 0 &&
			    w.rcpts[i].failed > 0)
				w.rcpts[i].reported++;
		}
	}
}

void
report_notice(uint64_t dsn, uint64_t about, const char *to,
    enum bounce_kind kind)
{
	w.notices++;
	if (w.watch != NULL) {
		if (w.watch->notice != NULL)
			w.watch->notice(dsn, about, to, kind);
		return;
	}
	if (kind == BOUNCE_FAILED)
		read_notice(dsn);
	(void)w_enter(dsn, to);
}

void
report_dropped(uint64_t id, const char *sender, enum reason why)
{
	w.dropped++;
	if (w.watch != NULL && w.watch->dropped != NULL)
		w.watch->dropped(id, sender, why);
}

void
report_held(uint64_t id, enum reason why)
{
	w.held++;
	if (w.watch != NULL && w.watch->held != NULL)
		w.watch->held(id, why);
}

void
report_lost(uint64_t id)
{
	w.lost++;
	if (w.watch != NULL && w.watch->lost != NULL)
		w.watch->lost(id);
}

void
report_removed(uint64_t id, uint32_t uid)
{
	(void)id;
	(void)uid;
}

void
report_operator(const char *event, uint64_t id, uint32_t uid, const char *text)
{
	(void)event;
	(void)id;
	(void)uid;
	(void)text;
}

void
report_rule(const struct cq_rule *r, bool over)
{
	(void)r;
	(void)over;
}

void
report_flushed(const char *domain, uint32_t uid, uint32_t parts)
{
	(void)domain;
	(void)uid;
	(void)parts;
}

void
report_store(const char *store, const struct store_event *e)
{
	if (w.watch != NULL && w.watch->store != NULL)
		w.watch->store(store, e);
}

void
report_commit(size_t bytes)
{
	(void)bytes;
}

void
report_recovered(const char *store, uint64_t messages, uint64_t bytes)
{
	(void)store;
	(void)messages;
	(void)bytes;
}

void
report_clock(int64_t off)
{
	if (w.watch != NULL && w.watch->clock != NULL)
		w.watch->clock(off);
}
