/* SPDX-License-Identifier: ISC */
/*
 * A heap of times as a pairing heap: intrusive, so that putting something off
 * needs no memory and cannot fail.  Insert and first are O(1), remove is
 * O(log n) amortised.  A node must be out of its heap before it is freed.
 */
#ifndef QUEUED_PHEAP_H
#define QUEUED_PHEAP_H

#include <stddef.h>
#include <stdint.h>

struct pheap_node {
	struct pheap_node *child; /* first */
	struct pheap_node *next;  /* sibling */
	struct pheap_node *prev;  /* sibling, or parent of a first child */
	uint64_t at;
};

struct pheap {
	struct pheap_node *root;
	size_t n;
};

/* the structure that a node is a field of */
#define PHEAP_OWNER(node, type, field)                                         \
	((type *)(void *)((char *)(node)-offsetof(type, field)))

void pheap_insert(struct pheap *, struct pheap_node *, uint64_t at);
void pheap_remove(struct pheap *, struct pheap_node *);
/* the node of the least time, or NULL */
struct pheap_node *pheap_first(const struct pheap *);
/* the same, if it is due at now, taken out; or NULL */
struct pheap_node *pheap_pop_due(struct pheap *, uint64_t now);

#endif
