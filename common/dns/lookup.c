/* SPDX-License-Identifier: ISC */
/*
 * Questions under way.  A struct dns_query decides; this does what it says
 * with sockets and timers, and gives the answer to all who wait for it.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "common/base/log.h"
#include "common/base/stats.h"
#include "common/dns/dnsd_impl.h"

static int
lookup_cmp(const struct lookup *a, const struct lookup *b)
{
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return strcmp(a->name, b->name);
}

RB_GENERATE_STATIC(lookup_tree, lookup, by_name, lookup_cmp)

static void
log_server(struct dnsd *d, size_t i, const char *state)
{
	struct logline l;

	ll_begin(&l, LOG_L_WARN, "dns-server");
	ll_cstr(&l, "state", state);
	ll_addr(&l, "server", &d->servers[i]);
	ll_send(&l);
}

/* Something that the other end did; at most a few lines a second. */
static void
log_oddity(struct lookup *l, const char *event, const char *key, uint64_t n)
{
	struct logline line;

	if (!dnsd_may_log(l->dnsd))
		return;
	ll_begin(&line, LOG_L_WARN, event);
	ll_cstr(&line, "name", l->name);
	ll_cstr(&line, "type", dns_type_name(l->type));
	ll_addr(&line, "server", &l->dnsd->servers[l->query.server]);
	ll_num(&line, key, n);
	dnsd_log_end(l->dnsd, &line);
}

/* Move what the query counted to the statistics and the log. */
static void
settle_tally(struct lookup *l)
{
	struct dns_query_tally *t = &l->query.tally;
	struct dnsd *d = l->dnsd;
	size_t i;

	stats_add(STAT_DNS_SENT, t->sent);
	stats_add(STAT_DNS_TCP, t->tcp);
	stats_add(STAT_DNS_TIMEOUTS, t->timeouts);
	stats_add(STAT_DNS_MISMATCH, t->mismatches);
	stats_add(STAT_DNS_POLICY_DROPPED, t->dropped);
	for (i = 0; i < d->health.n; i++) {
		if (t->went_down & (1U << i))
			log_server(d, i, "down");
		if (t->came_up & (1U << i))
			log_server(d, i, "up");
	}
	if (t->mismatches > 0)
		log_oddity(l, "dns-mismatch", "packets", t->mismatches);
	if (t->dropped > 0)
		log_oddity(l, "dns-dropped", "addresses", t->dropped);
	memset(t, 0, sizeof(*t));
}

/* --- life of a lookup --- */

static void on_timer(struct ev_timer *);

static struct lookup *
lookup_new(struct dnsd *d, const char *name, const struct waiter *w)
{
	struct lookup *l;

	if (d->nlookups >= DNSD_LOOKUPS || (l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	if (strlcpy(l->name, name, sizeof(l->name)) >= sizeof(l->name)) {
		free(l);
		return NULL;
	}
	l->dnsd = d;
	l->type = w->type;
	l->share = w->share;
	l->io.fd = -1;
	ev_timer_init(&l->timer, on_timer, l);
	LIST_INIT(&l->waiters);
	RB_INSERT(lookup_tree, &d->lookups, l);
	TAILQ_INSERT_TAIL(&d->share[l->share].waiting, l, order);
	d->nlookups++;
	return l;
}

static void
activate(struct lookup *l)
{
	struct dnsd *d = l->dnsd;
	uint32_t i = 0;

	while (d->active[i] != NULL)
		i++;
	assert(i < DNSD_ACTIVE);
	TAILQ_REMOVE(&d->share[l->share].waiting, l, order);
	d->share[l->share].active++;
	d->active[i] = l;
	d->nactive++;
	l->slot = i;
	l->active = true;
}

/* Out of all lists, but its waiters, and freed. */
static void
lookup_free(struct lookup *l)
{
	struct dnsd *d = l->dnsd;

	if (l->active) {
		socket_close(l);
		ev_timer_del(d->ev, &l->timer);
		dns_query_free(&l->query);
		d->active[l->slot] = NULL;
		d->nactive--;
		d->share[l->share].active--;
	} else {
		TAILQ_REMOVE(&d->share[l->share].waiting, l, order);
	}
	RB_REMOVE(lookup_tree, &d->lookups, l);
	d->nlookups--;
	free(l);
}

static void
start(struct lookup *l)
{
	struct dnsd *d = l->dnsd;

	lookup_event(l,
	    dns_query_start(&l->query, &d->env, l->name, l->type,
		ev_now(d->ev)));
}

/* Askers take turns, and none has all places: its names may be of servers
 * that keep silent. */
static struct lookup *
next_waiting(struct dnsd *d)
{
	struct lookup *l;
	unsigned i, n;

	for (i = 1; i <= DNSD_SHARES; i++) {
		n = (d->turn + i) % DNSD_SHARES;
		l = TAILQ_FIRST(&d->share[n].waiting);
		if (l != NULL && d->share[n].active < DNSD_SHARE) {
			d->turn = n;
			return l;
		}
	}
	return NULL;
}

/*
 * Those that waited take the places that are free.  One may be done at once,
 * and call this again: the outer loop goes on for it.
 */
static void
start_waiting(struct dnsd *d)
{
	struct lookup *l;

	if (d->starting)
		return;
	d->starting = true;
	while (d->nactive < DNSD_ACTIVE && (l = next_waiting(d)) != NULL) {
		activate(l);
		start(l);
	}
	d->starting = false;
}

static void
finish(struct lookup *l)
{
	struct dnsd *d = l->dnsd;
	struct dns_answer *a = dns_query_take(&l->query);
	struct waiter *w;

	/* Everything here is bounded: memory that ends has leaked. */
	if (a == NULL)
		fatalx("out of memory");
	settle_tally(l);
	if (a->status > DNS_NXDOMAIN)
		stats_inc(STAT_DNS_FAILED);
	log_debug("dns name=%s type=%s status=%s records=%zu ttl=%u", l->name,
	    dns_type_name(l->type), dns_status_name(a->status), a->nrecords,
	    a->ttl);
	dns_cache_put(d->cache, l->name, l->type, a, ev_now(d->ev));
	while ((w = LIST_FIRST(&l->waiters)) != NULL)
		waiter_answer(w, a, a->ttl);
	dns_answer_unref(a);
	lookup_free(l);
}

/* --- events --- */

static void
arm(struct lookup *l)
{
	uint64_t now = ev_now(l->dnsd->ev), at = l->query.timer;

	if (ev_timer_set(l->dnsd->ev, &l->timer, at > now ? at - now : 0) == -1)
		fatalx("out of memory");
}

/* One step; true: the query wants to go on at once with *act. */
static bool
step(struct lookup *l, enum dns_act *act)
{
	uint64_t now = ev_now(l->dnsd->ev);

	switch (*act) {
	case DNS_ACT_SOCKET:
		socket_close(l);
		if (socket_request(l) == 0)
			return false;
		*act = dns_query_no_socket(&l->query, now, false);
		return true;
	case DNS_ACT_SEND:
		if (socket_send(l) == 0)
			return false;
		*act = dns_query_error(&l->query, now);
		return true;
	case DNS_ACT_WAIT:
	case DNS_ACT_DONE:
		break;
	}
	return false;
}

void
lookup_event(struct lookup *l, enum dns_act act)
{
	struct dnsd *d = l->dnsd;

	while (step(l, &act))
		;
	if (act != DNS_ACT_DONE) {
		/* A pause leaves a dead socket behind. */
		if (l->query.state == DNS_Q_PAUSE)
			socket_close(l);
		arm(l);
		return;
	}
	finish(l);
	start_waiting(d);
}

static void
on_timer(struct ev_timer *t)
{
	struct lookup *l = t->arg;

	lookup_event(l, dns_query_timer(&l->query, ev_now(l->dnsd->ev)));
}

bool
lookup_ask(struct dnsd *d, const char *name, struct waiter *w)
{
	struct lookup key, *l;

	if (strlcpy(key.name, name, sizeof(key.name)) >= sizeof(key.name))
		return false;
	key.type = w->type;
	l = RB_FIND(lookup_tree, &d->lookups, &key);
	if (l == NULL && (l = lookup_new(d, name, w)) == NULL)
		return false;
	w->lookup = l;
	LIST_INSERT_HEAD(&l->waiters, w, of_lookup);
	start_waiting(d);
	return true;
}

void
lookup_leave(struct waiter *w)
{
	struct lookup *l = w->lookup;

	LIST_REMOVE(w, of_lookup);
	w->lookup = NULL;
	/* One on the wire goes on: its answer is worth keeping. */
	if (LIST_EMPTY(&l->waiters) && !l->active)
		lookup_free(l);
}

void
lookups_free(struct dnsd *d)
{
	struct lookup *l, *next;

	RB_FOREACH_SAFE(l, lookup_tree, &d->lookups, next)
		lookup_free(l);
}

void
lookups_restart(struct dnsd *d)
{
	struct lookup *l;
	size_t i;

	for (i = 0; i < DNSD_ACTIVE; i++) {
		if ((l = d->active[i]) == NULL)
			continue;
		settle_tally(l);
		socket_close(l);
		dns_query_free(&l->query);
		start(l);
	}
}
