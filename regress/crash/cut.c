/* SPDX-License-Identifier: ISC */
#include <sys/mman.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/err.h>
#include <bsd/stdlib.h>

#include "regress/crash/cut.h"

#define SECTOR 512
#define AGAIN  0x80000000U /* other choices than a state has */

static uint64_t
random_below(struct cut *c, uint64_t n)
{
	c->rng = c->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (c->rng >> 33) % n;
}

const char *
cut_way_name(enum cut_way way)
{
	static const char *const names[CUT_WAYS] = { "none", "all", "half",
		"few", "most", "torn" };

	return names[way];
}

static bool
is_write(const struct tape_entry *e)
{
	return e->kind == TAPE_WRITE || e->kind == TAPE_ZERO;
}

static void
seed(struct cut *c, uint64_t n)
{
	c->rng = (c->seed << 32 | n) * 0x9e3779b97f4a7c15ULL;
	(void)random_below(c, 2);
}

static bool
is_promise(const struct cut *c, size_t i)
{
	struct mark m;

	if (tape_at(c->tape, i)->kind != TAPE_MARK)
		return false;
	mark_get(c->tape, tape_at(c->tape, i), &m);
	return m.kind == MARK_ACK;
}

/* Where most is at stake: something waits for this flush. */
static bool
is_full(const struct tape *t, size_t i)
{
	return tape_at(t, i)->kind == TAPE_FLUSH && is_write(tape_at(t, i - 1));
}

/* Anywhere, directly behind an acknowledgement, or just before a flush. */
static size_t
place(struct cut *c, size_t state)
{
	size_t end = tape_length(c->tape);
	size_t at = c->first + random_below(c, end - c->first) + 1;

	if (state % 3 == 1)
		while (at < end && !is_promise(c, at - 1))
			at++;
	if (state % 3 == 2)
		while (at < end && !is_full(c->tape, at))
			at++;
	return at;
}

static int
by_place(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
choose_places(struct cut *c)
{
	size_t i;

	seed(c, UINT32_MAX);
	c->places = reallocarray(NULL, c->states, sizeof(*c->places));
	if (c->places == NULL)
		err(1, "places");
	for (i = 0; i < c->states; i++)
		c->places[i] = place(c, i);
	qsort(c->places, c->states, sizeof(*c->places), by_place);
}

void
cut_init(struct cut *c, uint64_t size)
{
	c->base = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->base == MAP_FAILED)
		err(1, "mmap");
	choose_places(c);
}

void
cut_free(struct cut *c, uint64_t size)
{
	(void)munmap(c->base, size);
	free(c->places);
	ledger_free(&c->ledger);
}

/* Some bytes of a write, from "from" on. */
static void
put(uint8_t *to, const struct tape *t, const struct tape_entry *e, size_t from,
    size_t len)
{
	if (e->kind == TAPE_WRITE)
		memcpy(to + e->off + from, tape_bytes(t, e) + from, len);
	else
		memset(to + e->off + from, 0, len);
}

/* Up to here nothing can be lost any more. */
static void
settle(struct cut *c, size_t flush)
{
	const struct tape_entry *e;

	for (; c->durable < flush; c->durable++) {
		e = tape_at(c->tape, c->durable);
		if (!is_write(e))
			continue;
		put(c->base, c->tape, e, 0, e->len);
		put(c->disk, c->tape, e, 0, e->len);
	}
}

static void
advance(struct cut *c, size_t at)
{
	const struct tape_entry *e;
	struct mark m;

	for (; c->at < at; c->at++) {
		e = tape_at(c->tape, c->at);
		if (e->kind == TAPE_FLUSH)
			settle(c, c->at);
		if (e->kind != TAPE_MARK)
			continue;
		mark_get(c->tape, e, &m);
		ledger_apply(&c->ledger, &m);
	}
}

/* A sector, or a block where the file system relies on its being whole. */
static size_t
piece(const struct cut *c, const struct tape *t, const struct tape_entry *e,
    size_t from)
{
	static const uint8_t zero[SECTOR];
	const uint8_t *p = zero;
	size_t len = SECTOR;

	if (e->kind == TAPE_WRITE)
		p = tape_bytes(t, e) + from;
	if (e->len - from >= SECTOR && fstype_whole(c->fs, e->off + from, p))
		len = FSTYPE_BLOCK - (e->off + from) % FSTYPE_BLOCK;
	return len < e->len - from ? len : e->len - from;
}

static size_t
tear(struct cut *c, const struct tape *t, const struct tape_entry *e)
{
	uint64_t odds = 1 + random_below(c, 3);
	size_t from, len, n = 0;

	for (from = 0; from < e->len; from += len) {
		len = piece(c, t, e, from);
		if (random_below(c, 4) >= odds)
			continue;
		put(c->disk, t, e, from, len);
		n += len;
	}
	return n;
}

/* Bytes of a write that are on the disk. */
static size_t
choose(struct cut *c, const struct tape *t, const struct tape_entry *e)
{
	static const unsigned of_eight[CUT_WAYS] = { 0, 8, 4, 1, 7, 6 };

	if (random_below(c, 8) >= of_eight[c->way])
		return 0;
	if (c->way == CUT_TORN && random_below(c, 2) == 0)
		return tear(c, t, e);
	put(c->disk, t, e, 0, e->len);
	return e->len;
}

static void
choose_way(struct cut *c)
{
	c->way = random_below(c, 3) == 0
	    ? CUT_TORN
	    : (enum cut_way)random_below(c, CUT_WAYS);
}

void
cut_make(struct cut *c, size_t state, bool talk)
{
	const struct tape_entry *e;
	size_t i, n;

	seed(c, state);
	advance(c, c->places[state]);
	choose_way(c);
	for (i = c->durable; i < c->at; i++) {
		e = tape_at(c->tape, i);
		if (!is_write(e))
			continue;
		n = choose(c, c->tape, e);
		if (talk)
			(void)printf("  entry %zu: %u bytes at %llu: %zu "
				     "there\n",
			    i, e->len, (unsigned long long)e->off, n);
	}
}

static void
restore(struct cut *c, const struct tape *tape, size_t from, size_t to)
{
	const struct tape_entry *e;

	for (; from < to; from++) {
		e = tape_at(tape, from);
		if (is_write(e))
			memcpy(c->disk + e->off, c->base + e->off, e->len);
	}
}

void
cut_undo(struct cut *c, const struct tape *dirty)
{
	restore(c, c->tape, c->durable, c->at);
	restore(c, dirty, 0, tape_length(dirty));
}

/* Every other one just before a flush. */
static size_t
place_again(struct cut *c, const struct tape *t, size_t len)
{
	size_t at = random_below(c, len) + 1;

	if (random_below(c, 2) == 0)
		while (at < len && !is_full(t, at))
			at++;
	return at;
}

size_t
cut_again(struct cut *c, size_t state, const struct tape *dirty, size_t len,
    struct ledger *l)
{
	const struct tape_entry *e;
	size_t at, durable = 0, i;
	struct mark m;

	cut_undo(c, dirty);
	cut_make(c, state, false);
	seed(c, AGAIN | state);
	at = place_again(c, dirty, len);
	choose_way(c);
	for (i = 0; i < at; i++)
		if (tape_at(dirty, i)->kind == TAPE_FLUSH)
			durable = i;
	ledger_copy(l, &c->ledger);
	for (i = 0; i < at; i++) {
		e = tape_at(dirty, i);
		if (e->kind == TAPE_MARK) {
			mark_get(dirty, e, &m);
			ledger_apply(l, &m);
		} else if (is_write(e) && i < durable)
			put(c->disk, dirty, e, 0, e->len);
		else if (is_write(e))
			(void)choose(c, dirty, e);
	}
	return at;
}
