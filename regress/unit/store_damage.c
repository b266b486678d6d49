/* SPDX-License-Identifier: ISC */
/* See store_damage.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "regress/unit/store_damage.h"

void
take_image(struct world *w, const char *name, struct image *im)
{
	const uint8_t *p = memfs_bytes(w->m, name, &im->size);
	struct rec_place place = { 0, 0, SEG_DATA };
	struct seg_header h;
	struct rec r;

	assert_non_null(p);
	assert_true(im->size <= sizeof(im->bytes));
	memcpy(im->bytes, p, im->size);
	assert_int_equal(seg_header_get(im->bytes, &h), SEG_OK);
	place.seq = im->seq = h.seq;
	place.epoch = im->epoch = h.epoch;
	im->n = 0;
	while (place.off + REC_HEADER <= im->size &&
	    rec_get(im->bytes + place.off, &r, &place) == 0) {
		assert_true(im->n < 512);
		im->at[im->n] = place.off;
		im->ids[im->n] = r.id;
		im->types[im->n] = r.type;
		im->lens[im->n] = r.len;
		im->flags[im->n++] = r.flags;
		place.off += rec_total(r.len);
	}
	im->end = place.off;
}

void
fill(struct world *w)
{
	size_t i;

	world_init(w, 61);
	assert_int_equal(world_open(w), 0);
	for (i = 0; i < RECORDS; i++) {
		assert_non_null(world_append(w, 100 + i * 2));
		if (i % 5 == 4 || i % 3 == 0 || i == RECORDS - 2)
			assert_int_equal(world_commit(w), 0);
	}
	assert_int_equal(world_commit(w), 0);
	world_kill(w);
}

void
last_batch(struct world *w)
{
	int i;

	world_init(w, 62);
	assert_int_equal(world_open(w), 0);
	for (i = 0; i < 6; i++) {
		assert_non_null(world_append(w, 200));
		assert_int_equal(world_commit(w), 0);
	}
	for (i = 0; i < 5; i++)
		assert_non_null(world_append(w, 150 + (size_t)i * 30));
	assert_int_equal(world_state(w, &w->items[0]), 0);
	assert_int_equal(world_done(w, &w->items[1]), 0);
	/* not committed: what the ledger knows is before the batch */
	assert_int_equal(store_commit(w->s), 0);
	world_kill(w);
}

void
several(struct world *w)
{
	int i;

	world_init(w, 63);
	w->p.max_live_segments = 20;
	assert_int_equal(world_open(w), 0);
	for (i = 0; i < 100; i++) {
		assert_non_null(world_append(w, 3000));
		if (i % 2 == 0)
			assert_int_equal(world_state(w, &w->items[i]), 0);
		assert_int_equal(world_commit(w), 0);
		if (i % 10 == 0)
			world_settle(w);
	}
	world_kill(w);
}

unsigned
all_events(const struct world *w)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < 32; i++)
		n += w->events[i];
	return n;
}

void
reset(struct world *w)
{
	memset(w->events, 0, sizeof(w->events));
}

unsigned
look(struct world *w, bool closely)
{
	struct store_stats st;
	struct verdict v;

	w->p.readonly = true;
	reset(w);
	if (closely) {
		v = world_verify(w);
		assert_int_equal(v.damaged + v.stale + v.phantom, 0);
	} else {
		assert_int_equal(world_open(w), 0);
	}
	store_get_stats(w->s, &st);
	world_close(w);
	w->p.readonly = false;
	return (unsigned)st.messages;
}

static void
see_event(void *arg, const struct store_event *ev)
{
	struct sight *si = arg;

	si->events[ev->kind]++;
	if (ev->id != 0)
		si->said = ev->id;
}

static void
see_message(void *arg, const struct store_msg *m)
{
	struct sight *si = arg;

	si->live++;
	si->ids += m->loc.id;
}

void
check(struct world *w, struct sight *si)
{
	struct store_callbacks cb = { .arg = si,
		.event = see_event,
		.message = see_message };

	memset(si, 0, sizeof(*si));
	si->result = store_check(&w->m->ops, MEMFS_ROOT, &cb, &si->report);
}

unsigned
sight_events(const struct sight *si)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < 32; i++)
		n += si->events[i];
	return n;
}
