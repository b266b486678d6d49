/* SPDX-License-Identifier: ISC */
/*
 * The way of each part: by a connector, or as dird says.  What is known holds
 * for one generation of routes; a part is checked again before it is handed
 * out, so that a changed configuration moves nothing before its time.
 */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "queued/queue_int.h"
#include "queued/report.h"

/* dird has no answer now: asked again, less and less often */
#define LATER_MS     5000U
#define LATER_MAX_MS 60000U
/* dird may say at any time that all has changed, and all is gone through */
#define CHANGED_MS 1000U

/* --- no way --- */

static void
stuck(struct queue *q, struct part *p, enum reason why)
{
	static const struct qo_outcome none = { .status = QO_DEFERRED,
		.reason = REASON_NO_ROUTE,
		.enh = "4.4.4",
		.text = "no route to this domain" };
	struct dom *d = p->dom;

	d->reason = (uint8_t)why;
	if (p->reason != REASON_NO_ROUTE) {
		p->reason = REASON_NO_ROUTE;
		queue_report_part(q, p, &none, NULL);
	}
	dom_put(d, p, PART_STUCK);
	if (!d->is_timed)
		dom_set_time(&q->doms, d,
		    q->now + queue_retry_ms(q, d, ++d->fails));
}

/* --- a way is known --- */

/* True: the operator wants it to wait, and so it does. */
static bool
suspend(struct queue *q, struct part *p, const struct dest *d, uint64_t at)
{
	if (q->rules.n == 0 || queue_suspends(q, p, d) == NULL)
		return false;
	p->u.wait.at = at;
	dom_put(p->dom, p, PART_SUSPENDED);
	return true;
}

static void
place(struct queue *q, struct part *p, struct dest *d, uint64_t at)
{
	p->routes = (uint16_t)q->routes;
	if (suspend(q, p, d, at))
		return;
	if (at > q->now) {
		dest_defer(&q->dests, d, p, at);
		return;
	}
	dest_push(&q->dests, d, p);
	/* nothing works there: said once of each, as it comes */
	if (d->pausing && d->fails > 0 && d->trouble != NULL &&
	    p->reason == REASON_NONE) {
		p->reason = (uint8_t)d->trouble->reason;
		queue_report_part(q, p, d->trouble, NULL);
	}
}

static void
set_pace(struct queue *q, struct dest *d)
{
	dest_set_pace(&q->dests, d,
	    conf_pace_find(q->conf, d->name, strlen(d->name)), q->now);
	d->epoch = q->epoch;
}

void
queue_set_paces(struct queue *q)
{
	struct dest *d;

	for (d = dests_first(&q->dests); d != NULL; d = dests_next(d))
		set_pace(q, d);
}

/*
 * The destination of a domain's mail by that hop: the domain's own, if "limit
 * to" means it.  By DNS it is that already.
 */
static struct dest *
find_dest(struct queue *q, enum side side, const struct msg_hop *hop,
    const struct dom *dom)
{
	const struct conf_pace *p = NULL;
	struct dest *d;

	if (hop->kind != CONF_ROUTE_DNS)
		p = conf_pace_find(q->conf, dom->name, dom->len);
	if (p != NULL && strcmp(p->pattern, "*") != 0)
		d = dest_get_own(&q->dests, side, hop, dom->name);
	else
		d = dest_get(&q->dests, side, hop);
	if (d != NULL && d->epoch != q->epoch)
		set_pace(q, d);
	return d;
}

/* A route of the configuration as a next hop; domain is that of the mail. */
static void
make_hop(const struct conf_connector *c, const struct dom *d,
    struct msg_hop *hop)
{
	const struct conf_route *r = &c->route;

	memset(hop, 0, sizeof(*hop));
	hop->kind = r->kind;
	if (r->kind == CONF_ROUTE_DNS) {
		(void)strlcpy(hop->name, d->name, sizeof(hop->name));
		return;
	}
	hop->nhosts = (uint8_t)r->nhosts;
	memcpy(hop->hosts, r->hosts, r->nhosts * sizeof(hop->hosts[0]));
}

static void
route_out(struct queue *q, struct part *p, const struct conf_connector *c,
    uint64_t at)
{
	static struct msg_hop hop;
	struct dom *d = p->dom;
	struct dest *dest;
	bool ordered;

	if (dom_route(d, q->routes) != DOM_ROUTED) {
		ordered = queue_reroutes(q, d, SIDE_EXT, &hop);
		if (!ordered)
			make_hop(c, d, &hop);
		hop.tls = c->tls;
		dest = find_dest(q, SIDE_EXT, &hop, d);
		if (dest == NULL) {
			stuck(q, p, REASON_NO_ROUTE);
			return;
		}
		dest->ordered = ordered;
		dom_set_route(&q->doms, d, DOM_ROUTED, dest, q->routes);
	}
	place(q, p, d->dest, at);
}

static uint64_t
domain_tls(const struct queue *q, const struct dom *d)
{
	const struct conf_domain *own;

	own = conf_domain_find(q->conf, d->name, d->len);
	return own != NULL ? own->tls : 0;
}

static void
route_in(struct queue *q, struct part *p, uint64_t at)
{
	static struct msg_hop hop;
	struct dom *d = p->dom;
	struct dest *dest;

	if (dom_route(d, q->routes) != DOM_ROUTED &&
	    queue_reroutes(q, d, SIDE_INT, &hop)) {
		hop.tls = domain_tls(q, d);
		dest = find_dest(q, SIDE_INT, &hop, d);
		if (dest == NULL) {
			p->u.wait.at = at;
			stuck(q, p, REASON_NO_ROUTE);
			return;
		}
		dest->ordered = true;
		dom_set_route(&q->doms, d, DOM_ROUTED, dest, q->routes);
	}
	if (dom_route(d, q->routes) == DOM_ROUTED) {
		place(q, p, d->dest, at);
		return;
	}
	p->u.wait.at = at;
	dom_put(d, p, PART_ROUTE);
	/* if timed, dird had no answer lately */
	if (!d->is_timed)
		dom_set_asker(&q->doms, d, true);
}

void
queue_route(struct queue *q, struct part *p, uint64_t at)
{
	struct direction way;

	direction_domain(q->conf, (enum origin)p->msg->origin, p->dom->name,
	    p->dom->len, &way);
	if (way.way != WAY_REFUSE && suspend(q, p, NULL, at))
		return;
	switch (way.way) {
	case WAY_REFUSE:
		p->u.wait.at = at;
		stuck(q, p, way.reason);
		break;
	case WAY_EXT_OUT:
		route_out(q, p, way.connector, at);
		break;
	case WAY_INT_OUT:
		route_in(q, p, at);
		break;
	}
}

bool
queue_route_holds(const struct queue *q, const struct part *p,
    const struct dest *d)
{
	enum dom_route known;

	if (p->routes == (uint16_t)q->routes)
		return true;
	if (q->rules.n > 0 && queue_suspends(q, p, d) != NULL)
		return false;
	known = dom_route(p->dom, q->routes);
	if (known != DOM_ROUTED || p->dom->dest != d)
		return false;
	/* the domain is still of a kind that this origin may send to */
	return d->side == SIDE_INT || p->msg->origin != ORIGIN_EXT;
}

/* --- dird --- */

struct rcpt_search {
	uint16_t rcpt;
	struct msg_ask *ask;
	bool found;
};

static int
on_rcpt_search(void *arg, const struct store_msg *sm)
{
	struct rcpt_search *s = arg;
	struct env_iter it;
	struct env_rcpt r;
	const char *at;
	size_t len;

	env_iter(&it, sm->env, sm->env_len);
	while (env_next(&it, &r) == 1) {
		if (r.index != s->rcpt)
			continue;
		at = memrchr(r.addr, '@', r.addr_len);
		len = at == NULL ? 0 : (size_t)(at - r.addr);
		/* too long for a question: its domain's way then */
		if (len == 0 || len > MSG_LOCAL_MAX) {
			(void)strlcpy(s->ask->local, "postmaster",
			    sizeof(s->ask->local));
		} else {
			memcpy(s->ask->local, r.addr, len);
			s->ask->local[len] = '\0';
		}
		s->found = true;
		break;
	}
	return 0;
}

/* An individual domain is asked about address by address. */
static int
split_part(struct queue *q, struct part *p)
{
	struct part *one;

	while (p->n > 1) {
		one = part_new(q, p->msg, p->dom, 1);
		if (one == NULL)
			return -1;
		one->n = 1;
		one->rcpt[0] = p->rcpt[--p->n];
		one->attempts = p->attempts;
		one->reason = p->reason;
		one->u.wait.at = p->u.wait.at;
		dom_put(p->dom, one, PART_ROUTE);
	}
	return 0;
}

/* -1: not now */
static int
ask_about(struct queue *q, struct part *p)
{
	static struct msg_ask ask;
	struct rcpt_search search = { p->rcpt[0], &ask, false };
	struct dom *d = p->dom;
	struct ask *a;

	memset(&ask, 0, sizeof(ask));
	(void)strlcpy(ask.domain, d->name, sizeof(ask.domain));
	errno = EBADMSG;
	if (store_load(queue_store(q, p->msg), message_loc(p->msg),
		on_rcpt_search, &search) != 0 ||
	    !search.found) {
		queue_unreadable(q, p->msg, errno);
		return 0;
	}
	a = ask_new(&q->asks, q->now);
	if (a == NULL)
		return -1;
	if (q->env->ask(q->env->arg, a->tx, &ask) == -1) {
		ask_free(&q->asks, a);
		return -1;
	}
	dom_hold(&q->doms, d);
	a->dom = d;
	a->part = p;
	a->routes = q->routes;
	dom_take(p);
	dom_put(d, p, PART_ASKED);
	return 0;
}

/* One question about a domain; false: no more may be asked now. */
static bool
ask_for(struct queue *q, struct dom *d)
{
	bool individual = dom_route(d, q->routes) == DOM_INDIVIDUAL;
	struct part *p = TAILQ_FIRST(&d->waiting.parts);

	if (p == NULL || d->is_timed || (!individual && d->asked.n > 0)) {
		dom_set_asker(&q->doms, d, false);
		return true;
	}
	if (individual && p->n > 1 && split_part(q, p) == -1)
		return false;
	if (ask_about(q, p) == -1)
		return false;
	/* the next domain's turn */
	dom_set_asker(&q->doms, d, false);
	if (d->waiting.n > 0 && individual)
		dom_set_asker(&q->doms, d, true);
	return true;
}

void
queue_ask(struct queue *q)
{
	struct dom *d;

	if (!q->asks.up || q->draining)
		return;
	while (q->asks.n < ASKS_MAX &&
	    (d = TAILQ_FIRST(&q->doms.askers)) != NULL) {
		if (!ask_for(q, d))
			return;
	}
}

static void
release_ask(struct queue *q, struct ask *a)
{
	struct dom *d = a->dom;

	ask_free(&q->asks, a);
	dom_release(&q->doms, d);
}

/* Not answered: the part waits with the others again. */
static void
unask(struct queue *q, struct ask *a)
{
	struct part *p = a->part;

	if (p != NULL) {
		dom_take(p);
		dom_put(p->dom, p, PART_ROUTE);
	}
	release_ask(q, a);
}

/* No answer now, for this domain. */
static void
ask_later(struct queue *q, struct dom *d)
{
	uint64_t ms = (uint64_t)LATER_MS << (d->fails < 4 ? d->fails : 4);

	d->fails++;
	d->reason = REASON_DIRECTORY_DOWN;
	dom_set_time(&q->doms, d,
	    q->now + (ms < LATER_MAX_MS ? ms : LATER_MAX_MS));
}

void
queue_part_gone(struct queue *q, const struct part *p)
{
	struct ask *a = ask_of_part(&q->asks, p);

	if (a != NULL)
		a->part = NULL;
}

/* Where to is dird's to say; what is asked of TLS there is not. */
static struct dest *
answered_dest(struct queue *q, const struct dom *d, const struct msg_hop *hop)
{
	static struct msg_hop own;

	own = *hop;
	own.tls = domain_tls(q, d);
	return find_dest(q, SIDE_INT, &own, d);
}

static void
answered_ok(struct queue *q, struct ask *a, const struct qd_route *r)
{
	struct dom *d = a->dom;
	struct part *p = a->part;
	struct dest *dest = answered_dest(q, d, &r->hop);
	bool individual = r->individual != 0 || r->scope == QD_SCOPE_ADDRESS;
	uint64_t at;

	if (dest == NULL) {
		unask(q, a);
		ask_later(q, d);
		return;
	}
	d->fails = 0;
	dest->ordered = false;
	if (individual)
		dom_set_route(&q->doms, d, DOM_INDIVIDUAL, NULL, q->routes);
	else
		dom_set_route(&q->doms, d, DOM_ROUTED, dest, q->routes);
	/* a whole part may go by one answer only if that is the domain's */
	if (p != NULL && individual && p->n > 1) {
		unask(q, a);
	} else {
		if (p != NULL) {
			at = p->u.wait.at;
			dom_take(p);
			place(q, p, dest, at);
		}
		release_ask(q, a);
	}
	/* the others: now, or at the domain's turn to ask */
	if (d->waiting.n > 0)
		dom_set_time(&q->doms, d, q->now);
}

static void
answered_foreign(struct queue *q, struct ask *a)
{
	struct dom *d = a->dom;
	struct part *p = a->part;

	unsigned max = TURN_ROUTE;

	if (p != NULL) {
		dom_take(p);
		stuck(q, p, REASON_NO_ROUTE);
	}
	/* it was asked about the one, but meant the domain */
	while ((p = TAILQ_FIRST(&d->waiting.parts)) != NULL && max-- > 0) {
		dom_take(p);
		stuck(q, p, REASON_NO_ROUTE);
	}
	release_ask(q, a);
}

void
queue_dir_answer(struct queue *q, uint32_t tx, const struct qd_route *r)
{
	struct ask *a = ask_find(&q->asks, tx);
	struct dom *d;

	if (a == NULL) /* it came after its deadline */
		return;
	d = a->dom;
	if (a->routes != q->routes) { /* it may be out of date */
		unask(q, a);
		dom_set_time(&q->doms, d, q->now);
		return;
	}
	switch (r->verdict) {
	case QD_OK:
		answered_ok(q, a, r);
		break;
	case QD_LATER:
		unask(q, a);
		ask_later(q, d);
		break;
	case QD_FOREIGN:
		answered_foreign(q, a);
		break;
	}
}

void
queue_dir_up(struct queue *q)
{
	q->asks.up = true;
	/* what was put off because it was away */
	doms_wake(&q->doms, q->now);
}

void
queue_dir_down(struct queue *q)
{
	struct dom *d;
	unsigned i;

	q->asks.up = false;
	for (i = 0; i < ASKS_MAX; i++) {
		d = q->asks.slot[i].dom;
		if (d == NULL)
			continue;
		unask(q, &q->asks.slot[i]);
		if (d->waiting.n > 0 && !d->is_timed)
			dom_set_asker(&q->doms, d, true);
	}
}

/* What was known is out of date at once; what waits is woken in its time. */
void
queue_dir_changed(struct queue *q)
{
	q->routes++;
	q->dir_wake = true;
	queue_dir_time(q);
}

uint64_t
queue_dir_next(const struct queue *q)
{
	return q->dir_wake ? q->dir_woken + CHANGED_MS : SCHED_NEVER;
}

void
queue_dir_time(struct queue *q)
{
	if (queue_dir_next(q) > q->now)
		return;
	q->dir_wake = false;
	q->dir_woken = q->now;
	doms_wake(&q->doms, q->now);
}

static void
route_again(struct queue *q, struct dom_queue *from, unsigned n)
{
	struct part *p;
	uint64_t at;

	while (n-- > 0 && (p = TAILQ_FIRST(&from->parts)) != NULL) {
		at = p->u.wait.at;
		dom_take(p);
		queue_route(q, p, at);
	}
}

static unsigned
share(unsigned *max, unsigned n)
{
	if (n > *max)
		n = *max;
	*max -= n;
	return n;
}

/*
 * A domain whose time came: its parts look for their way again, each once: it
 * may come back to its place at once.
 */
static void
dom_due(struct queue *q, struct dom *d, unsigned *max)
{
	bool known = dom_route(d, q->routes) == DOM_ROUTED;
	unsigned n;

	if (d->round == 0)
		d->round = d->stuck.n;
	if (d->resume > d->suspended.n)
		d->resume = d->suspended.n;
	n = share(max, d->resume);
	d->resume -= n;
	route_again(q, &d->suspended, n);
	n = share(max, d->round);
	d->round -= n;
	route_again(q, &d->stuck, n);
	route_again(q, &d->waiting, share(max, d->waiting.n));
	if (d->round > 0 || d->resume > 0 || (known && d->waiting.n > 0))
		dom_set_time(&q->doms, d, q->now);
	else if (d->waiting.n > 0 && !d->is_timed)
		dom_set_asker(&q->doms, d, true);
}

void
queue_ask_time(struct queue *q)
{
	unsigned max = TURN_ROUTE;
	struct dom *d;
	struct ask *a;

	while ((a = ask_late(&q->asks, q->now)) != NULL) {
		d = a->dom;
		unask(q, a);
		ask_later(q, d);
	}
	while (max > 0 && (d = doms_due(&q->doms, q->now)) != NULL)
		dom_due(q, d, &max);
	if (max == 0)
		q->more = true;
}
