/* SPDX-License-Identifier: ISC */
/*
 * The recipients of a message, grouped by domain into parts.  Each domain
 * carries a mark while a message is being grouped, so that a thousand
 * recipients cost a thousand look-ups and no comparison of one with another.
 */
#include <errno.h>
#include <stdlib.h>

#include <bsd/stdlib.h>

#include "queued/queue_int.h"

void
group_begin(struct queue *q)
{
	q->mark++;
	q->ngroup = 0;
}

static int
grow(struct queue *q)
{
	size_t cap = q->group_cap == 0 ? 64 : 2 * q->group_cap;
	struct grouped *v = reallocarray(q->group, cap, sizeof(*v));

	if (v == NULL)
		return -1;
	q->group = v;
	q->group_cap = cap;
	return 0;
}

int
group_add(struct queue *q, const char *domain, size_t len, uint16_t rcpt)
{
	struct dom *d;

	if (q->ngroup == q->group_cap && grow(q) == -1)
		return -1;
	d = dom_get(&q->doms, domain, len);
	if (d == NULL) {
		errno = len == 0 || len > MSG_DOMAIN_MAX ? EINVAL : ENOMEM;
		return -1;
	}
	if (d->mark != q->mark) {
		d->mark = q->mark;
		d->count = 0;
		d->part = NULL;
		dom_hold(&q->doms, d);
	}
	d->count++;
	q->group[q->ngroup].dom = d;
	q->group[q->ngroup++].rcpt = rcpt;
	return 0;
}

/* The marks' own hold of each domain. */
void
group_abort(struct queue *q)
{
	struct dom *d;
	size_t i;

	for (i = 0; i < q->ngroup; i++) {
		d = q->group[i].dom;
		if (d->count == 0)
			continue;
		d->count = 0;
		d->part = NULL;
		dom_release(&q->doms, d);
	}
	q->ngroup = 0;
}

static int
make_parts(struct queue *q, struct message *m)
{
	struct dom *d;
	size_t i;

	/* each is put before the others: the first recipient's comes first */
	for (i = q->ngroup; i-- > 0;) {
		d = q->group[i].dom;
		if (d->part != NULL)
			continue;
		d->part = part_new(q, m, d, d->count);
		if (d->part == NULL)
			return -1;
	}
	return 0;
}

int
group_end(struct queue *q, struct message *m)
{
	struct part *p;
	int rc = make_parts(q, m);
	size_t i;

	for (i = 0; rc == 0 && i < q->ngroup; i++) {
		p = q->group[i].dom->part;
		p->rcpt[p->n++] = q->group[i].rcpt;
	}
	group_abort(q);
	return rc;
}
