/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include <bsd/err.h>
#include <bsd/stdlib.h>

#include "regress/crash/ledger.h"

void
ledger_free(struct ledger *l)
{
	free(l->items);
	memset(l, 0, sizeof(*l));
}

void
ledger_copy(struct ledger *to, const struct ledger *l)
{
	*to = *l;
	to->items = reallocarray(NULL, l->cap, sizeof(*l->items));
	if (to->items == NULL)
		err(1, "ledger");
	if (l->n > 0)
		memcpy(to->items, l->items, l->n * sizeof(*l->items));
}

struct item *
ledger_find(const struct ledger *l, uint64_t id)
{
	size_t lo = 0, hi = l->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (l->items[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->n && l->items[lo].id == id ? &l->items[lo] : NULL;
}

static void
add_item(struct ledger *l, const struct mark *m)
{
	if (l->n > 0 && l->items[l->n - 1].id >= m->item.id)
		errx(1, "ledger: ids must grow");
	if (l->n == l->cap) {
		l->cap = l->cap * 2 + 256;
		l->items = reallocarray(l->items, l->cap, sizeof(*l->items));
		if (l->items == NULL)
			err(1, "ledger");
	}
	l->items[l->n++] = m->item;
}

static void
acknowledge(struct ledger *l)
{
	struct item *it;
	size_t i;

	for (i = 0; i < l->n; i++) {
		it = &l->items[i];
		if (it->past)
			continue;
		it->acked = true;
		it->noted = it->tried;
		it->done_acked = it->done_tried;
	}
}

static struct item *
must_find(const struct ledger *l, uint64_t id)
{
	struct item *it = ledger_find(l, id);

	if (it == NULL)
		errx(1, "ledger: mark of an unknown message");
	return it;
}

void
ledger_apply(struct ledger *l, const struct mark *m)
{
	size_t i;

	switch ((enum mark_kind)m->kind) {
	case MARK_BEGIN:
		break;
	case MARK_MESSAGE:
	case MARK_ITEM:
		add_item(l, m);
		break;
	case MARK_STATE:
		must_find(l, m->item.id)->tried++;
		break;
	case MARK_DONE:
		must_find(l, m->item.id)->done_tried = true;
		break;
	case MARK_ACK:
		acknowledge(l);
		break;
	case MARK_LIFE:
		for (i = 0; i < l->n; i++)
			l->items[i].past = true;
		break;
	}
}

size_t
ledger_owed(const struct ledger *l)
{
	size_t i, n = 0;

	for (i = 0; i < l->n; i++)
		n += l->items[i].acked && !l->items[i].done_tried;
	return n;
}

void
ledger_write(const struct ledger *l, struct tape *t)
{
	struct mark m = { .kind = MARK_ITEM };
	size_t i;

	for (i = 0; i < l->n; i++) {
		m.item = l->items[i];
		mark_add(t, &m);
	}
}

void
mark_add(struct tape *t, const struct mark *m)
{
	tape_add(t, TAPE_MARK, 0, m, sizeof(*m));
}

void
mark_get(const struct tape *t, const struct tape_entry *e, struct mark *m)
{
	if (e->kind != TAPE_MARK || e->len != sizeof(*m))
		errx(1, "tape: not a mark of the ledger");
	memcpy(m, tape_bytes(t, e), sizeof(*m));
}
