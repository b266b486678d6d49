/* SPDX-License-Identifier: ISC */
/*
 * What the operator's rules change: mail of a suspended destination or flow
 * waits at its domain, mail of a rerouted domain goes to another host.  A
 * change makes a new generation of routes, as a reload does, so that each part
 * finds its way anew at its next attempt; what is in flight ends as it will.
 * A rule never changes the direction of mail: that is decided first.
 */
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "queued/queue_int.h"
#include "queued/report.h"

/* A disk may fail once. */
#define READ_TRIES 3

/* A file that could not be written when a rule ended: by the next change. */
static int
save(struct queue *q)
{
	if (q->rules_ops == NULL) /* no spool: tests */
		return 0;
	return rules_save(&q->rules, q->rules_ops, q->rules_dir);
}

static void
changed(struct queue *q)
{
	struct dom *d;

	q->routes++;
	doms_wake(&q->doms, q->now);
	for (d = doms_first(&q->doms); d != NULL; d = doms_next(d)) {
		d->resume = d->suspended.n;
		if (d->resume > 0)
			dom_set_time(&q->doms, d, q->now);
	}
}

/* --- what holds for a part --- */

static enum cq_flow
flow_of(const struct queue *q, unsigned origin, const char *domain, size_t len)
{
	if (origin == ORIGIN_EXT)
		return CQ_FLOW_IN;
	return conf_domain_find(q->conf, domain, len) != NULL ? CQ_FLOW_LOCAL
							      : CQ_FLOW_OUT;
}

enum cq_flow
queue_flow(const struct queue *q, const struct part *p)
{
	if (p->dest == NULL || p->msg->origin == ORIGIN_EXT)
		return flow_of(q, p->msg->origin, p->dom->name, p->dom->len);
	return p->dest->side == SIDE_EXT ? CQ_FLOW_OUT : CQ_FLOW_LOCAL;
}

enum cq_flow
queue_flow_to(const struct queue *q, const struct message *m, const char *addr)
{
	const char *domain;
	size_t len;

	domain = direction_domain_of(addr, &len);
	return flow_of(q, m->origin, domain, len);
}

const struct cq_rule *
queue_suspends(const struct queue *q, const struct part *p,
    const struct dest *d)
{
	const struct cq_rule *r;

	if (q->rules.n == 0)
		return NULL;
	r = rules_flow(&q->rules, queue_flow(q, p));
	if (r == NULL)
		r = rules_find(&q->rules, CQ_SUSPEND, p->dom->name);
	if (r == NULL && d != NULL)
		r = rules_find(&q->rules, CQ_SUSPEND, d->name);
	return r;
}

bool
queue_reroutes(const struct queue *q, const struct dom *d, enum side side,
    struct msg_hop *hop)
{
	const struct cq_rule *r = rules_find(&q->rules, CQ_REROUTE, d->name);
	struct conf_host *h = &hop->hosts[0];

	if (r == NULL)
		return false;
	memset(hop, 0, sizeof(*hop));
	hop->kind = side == SIDE_EXT ? CONF_ROUTE_SMARTHOST : CONF_ROUTE_HOSTS;
	hop->nhosts = 1;
	h->port = r->port;
	if (netaddr_parse(&h->addr, r->host) == 0)
		return true;
	h->addr = (struct netaddr){ 0 };
	(void)strlcpy(h->name, r->host, sizeof(h->name));
	return true;
}

/* --- changes --- */

static enum cq_result
set_rule(struct queue *q, const struct cq_rule *want)
{
	struct cq_rule r = *want, old, none;
	const struct cq_rule *was;
	bool had;

	was = r.kind == CQ_SUSPEND_FLOW ? rules_flow(&q->rules, r.flow)
					: rules_find(&q->rules, r.kind, r.name);
	had = was != NULL;
	if (had)
		old = *was;
	r.since = qclock_wall(&q->clock, q->now);
	r.until = r.lasts == 0 ? 0 : r.since + r.lasts * 1000ULL;
	if (rules_set(&q->rules, &r) == -1)
		return CQ_FAILED;
	if (save(q) == -1) {
		log_warn("the operator's rules");
		if (had)
			(void)rules_set(&q->rules, &old);
		else
			(void)rules_clear(&q->rules, &r, &none);
		return CQ_FAILED;
	}
	report_rule(&r, false);
	return CQ_DONE;
}

static enum cq_result
clear_rule(struct queue *q, const struct cq_rule *want)
{
	struct cq_rule was;

	if (!rules_clear(&q->rules, want, &was))
		return CQ_NO_SUCH;
	if (save(q) == -1) {
		log_warn("the operator's rules");
		(void)rules_set(&q->rules, &was);
		return CQ_FAILED;
	}
	was.set = false;
	was.uid = want->uid;
	report_rule(&was, false);
	return CQ_DONE;
}

enum cq_result
queue_rule(struct queue *q, const struct cq_rule *r)
{
	enum cq_result rc = r->set ? set_rule(q, r) : clear_rule(q, r);

	if (rc == CQ_DONE)
		changed(q);
	return rc;
}

uint32_t
queue_rules(struct queue *q, int (*emit)(void *, const struct cq_rule *),
    void *arg)
{
	uint32_t n;

	for (n = 0; n < q->rules.n; n++) {
		if (emit(arg, &q->rules.v[n]) == -1)
			break;
	}
	return n;
}

/* --- time --- */

void
queue_rules_open(struct queue *q, const struct store_ops *ops, int dirfd)
{
	int bad = -1, tries;

	q->rules_ops = ops;
	q->rules_dir = dirfd;
	if (ops == NULL)
		return;
	for (tries = 0; bad == -1 && tries < READ_TRIES; tries++)
		bad = rules_load(&q->rules, ops, dirfd);
	if (bad == -1) {
		/* mail must flow; and the next change must not write over it */
		log_warn("the operator's rules cannot be read, and are set "
			 "aside as rules.bad");
		rules_set_aside(ops, dirfd);
	} else if (bad > 0)
		log_warnx("the operator's rules: %d damaged lines left out",
		    bad);
}

void
queue_rules_time(struct queue *q)
{
	struct cq_rule was;
	bool some = false;

	while (rules_expire(&q->rules, qclock_wall(&q->clock, q->now), &was)) {
		was.set = false;
		report_rule(&was, true);
		some = true;
	}
	if (!some)
		return;
	/* after a restart what is still in the file ends again */
	if (save(q) == -1)
		log_warn("the operator's rules");
	changed(q);
}

uint64_t
queue_rules_next(const struct queue *q)
{
	uint64_t at = rules_next(&q->rules);

	return at == UINT64_MAX ? SCHED_NEVER : qclock_mono(&q->clock, at);
}
