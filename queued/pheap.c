/* SPDX-License-Identifier: ISC */
/*
 * A pairing heap of times: see pheap.h.
 */
#include "queued/pheap.h"

/* Two roots, none with siblings, become one. */
static struct pheap_node *
meld(struct pheap_node *a, struct pheap_node *b)
{
	struct pheap_node *t;

	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (b->at < a->at) {
		t = a;
		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (a->child != NULL)
		a->child->prev = b;
	a->child = b;
	return a;
}

/* The children of a removed root: in pairs from the left, then from the right.
 */
static struct pheap_node *
meld_list(struct pheap_node *first)
{
	struct pheap_node *a, *b, *pairs = NULL, *root = NULL;

	while ((a = first) != NULL) {
		b = a->next;
		first = b != NULL ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b != NULL)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
	}
	while ((a = pairs) != NULL) {
		pairs = a->next;
		a->next = NULL;
		root = meld(root, a);
	}
	return root;
}

void
pheap_insert(struct pheap *h, struct pheap_node *n, uint64_t at)
{
	*n = (struct pheap_node){ .at = at };
	h->root = meld(h->root, n);
	h->n++;
}

static void
unlink_child(struct pheap_node *n)
{
	if (n->prev->child == n)
		n->prev->child = n->next;
	else
		n->prev->next = n->next;
	if (n->next != NULL)
		n->next->prev = n->prev;
}

void
pheap_remove(struct pheap *h, struct pheap_node *n)
{
	if (n == h->root) {
		h->root = meld_list(n->child);
	} else {
		unlink_child(n);
		h->root = meld(h->root, meld_list(n->child));
	}
	*n = (struct pheap_node){ .at = n->at };
	h->n--;
}

struct pheap_node *
pheap_first(const struct pheap *h)
{
	return h->root;
}

struct pheap_node *
pheap_pop_due(struct pheap *h, uint64_t now)
{
	struct pheap_node *n = h->root;

	if (n == NULL || n->at > now)
		return NULL;
	pheap_remove(h, n);
	return n;
}
