/* SPDX-License-Identifier: ISC */
/*
 * Domains of recipients: see dom.h.
 */
#include <stdlib.h>
#include <string.h>

#include "queued/dom.h"
#include "queued/sched.h"

static int
dom_cmp(const struct dom *a, const struct dom *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->name, b->name, a->len);
}

RB_GENERATE_STATIC(dom_tree, dom, entry, dom_cmp)

void
doms_init(struct doms *ds, struct dests *dests)
{
	memset(ds, 0, sizeof(*ds));
	RB_INIT(&ds->tree);
	TAILQ_INIT(&ds->unused);
	TAILQ_INIT(&ds->askers);
	ds->dests = dests;
}

static void
leave_unused(struct doms *ds, struct dom *d)
{
	TAILQ_REMOVE(&ds->unused, d, unused);
	d->is_unused = false;
	ds->nunused--;
}

static void
dom_free(struct doms *ds, struct dom *d)
{
	dom_set_route(ds, d, DOM_UNKNOWN, NULL, 0);
	dom_set_asker(ds, d, false);
	dom_set_time(ds, d, SCHED_NEVER);
	if (d->is_unused)
		leave_unused(ds, d);
	RB_REMOVE(dom_tree, &ds->tree, d);
	ds->n--;
	free(d);
}

void
doms_free(struct doms *ds)
{
	struct dom *d;

	while ((d = RB_MIN(dom_tree, &ds->tree)) != NULL)
		dom_free(ds, d);
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static struct dom *
find(struct doms *ds, const char *name, size_t len)
{
	static union {
		struct dom d;
		uint8_t room[sizeof(struct dom) + MSG_DOMAIN_MAX + 1];
	} key;
	size_t i;

	key.d.len = (uint16_t)len;
	for (i = 0; i < len; i++)
		key.d.name[i] = lower(name[i]);
	return RB_FIND(dom_tree, &ds->tree, &key.d);
}

struct dom *
dom_find(struct doms *ds, const char *name, size_t len)
{
	return len == 0 || len > MSG_DOMAIN_MAX ? NULL : find(ds, name, len);
}

static struct dom *
dom_new(struct doms *ds, const char *name, size_t len)
{
	struct dom *d = calloc(1, sizeof(*d) + len + 1);
	size_t i;

	if (d == NULL)
		return NULL;
	d->len = (uint16_t)len;
	for (i = 0; i < len; i++)
		d->name[i] = lower(name[i]);
	TAILQ_INIT(&d->waiting.parts);
	TAILQ_INIT(&d->asked.parts);
	TAILQ_INIT(&d->stuck.parts);
	TAILQ_INIT(&d->suspended.parts);
	TAILQ_INIT(&d->parts);
	d->is_unused = true;
	TAILQ_INSERT_TAIL(&ds->unused, d, unused);
	ds->nunused++;
	RB_INSERT(dom_tree, &ds->tree, d);
	ds->n++;
	return d;
}

struct dom *
dom_get(struct doms *ds, const char *name, size_t len)
{
	struct dom *d;

	if (len == 0 || len > MSG_DOMAIN_MAX)
		return NULL;
	d = find(ds, name, len);
	if (d != NULL)
		return d;
	/* for each new one, that of no use for the longest time goes */
	d = TAILQ_FIRST(&ds->unused);
	if (ds->nunused >= DOM_IDLE_MAX && d != NULL) {
		leave_unused(ds, d);
		dom_free(ds, d);
	}
	return dom_new(ds, name, len);
}

struct dom *
doms_first(struct doms *ds)
{
	return RB_MIN(dom_tree, &ds->tree);
}

struct dom *
doms_next(struct dom *d)
{
	return RB_NEXT(dom_tree, NULL, d);
}

void
dom_hold(struct doms *ds, struct dom *d)
{
	if (d->nparts++ == 0)
		leave_unused(ds, d);
}

void
dom_release(struct doms *ds, struct dom *d)
{
	if (--d->nparts > 0)
		return;
	TAILQ_INSERT_TAIL(&ds->unused, d, unused);
	d->is_unused = true;
	ds->nunused++;
}

enum dom_route
dom_route(const struct dom *d, uint32_t generation)
{
	if (d->generation != generation)
		return DOM_UNKNOWN;
	return (enum dom_route)d->route;
}

void
dom_set_route(struct doms *ds, struct dom *d, enum dom_route route,
    struct dest *dest, uint32_t generation)
{
	if (dest != NULL)
		dest_ref(ds->dests, dest);
	if (d->dest != NULL)
		dest_unref(ds->dests, d->dest);
	d->dest = dest;
	d->route = (uint8_t)route;
	d->generation = generation;
}

static struct dom_queue *
queue_of(struct dom *d, unsigned state)
{
	if (state == PART_ROUTE)
		return &d->waiting;
	if (state == PART_SUSPENDED)
		return &d->suspended;
	return state == PART_ASKED ? &d->asked : &d->stuck;
}

void
dom_put(struct dom *d, struct part *p, enum part_state state)
{
	struct dom_queue *q = queue_of(d, state);

	TAILQ_INSERT_TAIL(&q->parts, p, u.wait.link);
	q->n++;
	p->state = (uint8_t)state;
}

void
dom_take(struct part *p)
{
	struct dom_queue *q = queue_of(p->dom, p->state);

	TAILQ_REMOVE(&q->parts, p, u.wait.link);
	q->n--;
	p->state = PART_NEW;
}

void
dom_link(struct part *p, struct part *sibling)
{
	struct part *at;

	if (sibling != NULL) {
		TAILQ_INSERT_AFTER(&p->dom->parts, sibling, p, of_dom);
		return;
	}
	/* the newest comes last but for clocks that were set back */
	TAILQ_FOREACH_REVERSE(at, &p->dom->parts, part_list, of_dom)
		if (at->msg->id <= p->msg->id)
			break;
	if (at != NULL)
		TAILQ_INSERT_AFTER(&p->dom->parts, at, p, of_dom);
	else
		TAILQ_INSERT_HEAD(&p->dom->parts, p, of_dom);
}

bool
dom_linked(const struct part *p)
{
	return p->of_dom.tqe_prev != NULL;
}

void
dom_unlink(struct part *p)
{
	if (!dom_linked(p))
		return;
	TAILQ_REMOVE(&p->dom->parts, p, of_dom);
	p->of_dom.tqe_prev = NULL;
}

void
dom_set_asker(struct doms *ds, struct dom *d, bool asker)
{
	if (d->is_asker == asker)
		return;
	d->is_asker = asker;
	if (asker)
		TAILQ_INSERT_TAIL(&ds->askers, d, asker);
	else
		TAILQ_REMOVE(&ds->askers, d, asker);
}

void
dom_set_time(struct doms *ds, struct dom *d, uint64_t at)
{
	if (d->is_timed)
		pheap_remove(&ds->timers, &d->timer);
	d->is_timed = at != SCHED_NEVER;
	if (d->is_timed)
		pheap_insert(&ds->timers, &d->timer, at);
}

void
doms_wake(struct doms *ds, uint64_t now)
{
	struct dom *d;

	RB_FOREACH(d, dom_tree, &ds->tree) {
		d->fails = 0;
		if (d->stuck.n > 0 || d->waiting.n > 0)
			dom_set_time(ds, d, now);
	}
}

uint64_t
doms_next_time(const struct doms *ds)
{
	const struct pheap_node *n = pheap_first(&ds->timers);

	return n == NULL ? SCHED_NEVER : n->at;
}

struct dom *
doms_due(struct doms *ds, uint64_t now)
{
	struct pheap_node *n = pheap_pop_due(&ds->timers, now);
	struct dom *d;

	if (n == NULL)
		return NULL;
	d = PHEAP_OWNER(n, struct dom, timer);
	d->is_timed = false;
	return d;
}
