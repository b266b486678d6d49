/* SPDX-License-Identifier: ISC */
/* link: regress/unit/store_world.o regress/unit/store_memfs.o
 * regress/unit/store_memfs_names.o regress/unit/store_memfs_power.o
 * queued/store.a common/base.a */
/*
 * Damage: cut at every byte, every byte flipped, segments truncated, deleted,
 * brought back from a backup, of a later version.  All of it is told, nothing
 * makes the store refuse to open (but the version), all else is served.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "queued/store/record.h"
#include "regress/unit/store_world.h"

#define RECORDS 100
#define SEG1	"seg.00000001"

struct image { /* a segment and where its records stand */
	uint8_t bytes[64 * 1024];
	size_t size, end;
	size_t at[512];
	uint64_t ids[512];
	uint16_t types[512], flags[512];
	size_t n;
};

static void
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
	place.seq = h.seq;
	place.epoch = h.epoch;
	im->n = 0;
	while (place.off + REC_HEADER <= im->size &&
	    rec_get(im->bytes + place.off, &r, &place) == 0) {
		assert_true(im->n < 512);
		im->at[im->n] = place.off;
		im->ids[im->n] = r.id;
		im->types[im->n] = r.type;
		im->flags[im->n++] = r.flags;
		place.off += rec_total(r.len);
	}
	im->end = place.off;
}

/* One segment of RECORDS messages in batches of one to five. */
static void
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

static unsigned
all_events(const struct world *w)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < 32; i++)
		n += w->events[i];
	return n;
}

static void
reset(struct world *w)
{
	memset(w->events, 0, sizeof(w->events));
}

/* Live messages of a store that is only looked at. */
static unsigned
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
count_only(void *arg, const struct store_event *ev)
{
	struct world *w = arg;

	w->events[ev->kind]++;
}

static void
test_every_byte_flipped(void **state)
{
	static struct image im;
	struct store_params p = { .readonly = true };
	struct world w;
	struct store_callbacks cb = { .arg = &w, .event = count_only };
	struct store_stats st;
	size_t i, size;
	uint8_t *bytes;

	(void)state;
	fill(&w);
	assert_int_equal(look(&w, true), RECORDS);
	assert_int_equal(all_events(&w), 0);
	take_image(&w, SEG1, &im);
	assert_int_equal(im.n, RECORDS + 1);
	bytes = memfs_bytes(w.m, SEG1, &size);
	for (i = 0; i < im.end; i++) {
		bytes[i] ^= (uint8_t)(1U << (i % 8));
		if (i % 211 == 0) {
			assert_true(look(&w, true) >= RECORDS - 1);
		} else {
			reset(&w);
			assert_int_equal(store_open(&w.s, &w.m->ops, MEMFS_ROOT,
					     &p, &cb),
			    0);
			store_get_stats(w.s, &st);
			world_close(&w);
			if (st.messages < RECORDS - 1 || all_events(&w) == 0) {
				print_error("byte %zu: %u live, %u events\n", i,
				    (unsigned)st.messages, all_events(&w));
				fail();
			}
		}
		bytes[i] = im.bytes[i];
	}
	world_free(&w);
}

/* The header alone costs nothing, START alone costs nothing. */
static void
test_header_is_redundant(void **state)
{
	struct world w;
	uint8_t *bytes;
	size_t size;

	(void)state;
	fill(&w);
	bytes = memfs_bytes(w.m, SEG1, &size);
	memset(bytes, 0, SEG_DATA);
	assert_int_equal(look(&w, true), RECORDS);
	assert_int_equal(w.events[STORE_EV_HEADER], 1);
	world_free(&w);
	fill(&w);
	bytes = memfs_bytes(w.m, SEG1, &size);
	memset(bytes + SEG_DATA, 0xff, REC_HEADER);
	assert_int_equal(look(&w, true), RECORDS);
	assert_true(all_events(&w) > 0);
	world_free(&w);
}

/*
 * Log of some batches; the last has five messages, a state of the first
 * message, the end of the second.
 */
static void
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

static void
cut_at(size_t cut, const struct image *im, uint8_t junk)
{
	struct world w;
	struct verdict v;
	uint8_t *bytes;
	size_t size, i, first = 0;

	last_batch(&w);
	bytes = memfs_bytes(w.m, SEG1, &size);
	assert_memory_equal(bytes, im->bytes, im->end);
	memset(bytes + cut, junk, size - cut);
	v = world_verify(&w);
	if (!verdict_is_good(&v) || w.events[STORE_EV_CORRUPT] != 0) {
		print_error("cut %zu: lost %u damaged %u stale %u undead %u "
			    "corrupt %u\n",
		    cut, v.lost, v.damaged, v.stale, v.undead,
		    w.events[STORE_EV_CORRUPT]);
		fail();
	}
	/* what stands wholly before the cut is there, what does not is not */
	for (i = 0; i < im->n; i++) {
		size_t end = i + 1 < im->n ? im->at[i + 1] : im->end;

		if (im->types[i] != REC_MSG)
			continue;
		while (w.items[first].id != im->ids[i])
			first++;
		if (cut < end && cut + 8 > end)
			continue; /* padding only */
		if (w.items[first].seen != (end <= cut) && first != 1) {
			print_error("cut %zu: message %zu\n", cut, first);
			fail();
		}
	}
	/* the end of the second message counts when the batch is whole */
	assert_int_equal(w.items[1].seen, cut < im->end);
	assert_int_equal(w.items[0].found, cut < im->end ? 0 : 1);
	assert_non_null(world_append(&w, 100));
	assert_int_equal(world_commit(&w), 0);
	world_kill(&w);
	reset(&w);
	v = world_verify(&w);
	assert_true(verdict_is_good(&v));
	world_free(&w);
}

static void
test_cut_everywhere(void **state)
{
	static struct image im;
	struct world w;
	size_t i, from;

	(void)state;
	last_batch(&w);
	take_image(&w, SEG1, &im);
	world_free(&w);
	assert_int_equal(im.n, 1 + 6 + 5 + 1 + 1);
	from = im.at[7];
	assert_true(im.flags[7] & REC_FIRST);
	for (i = from; i <= im.end; i++)
		cut_at(i, &im, i % 2 == 0 ? 0 : 0xa5);
}

/* Cut behind any record: what is before it is there. */
static void
test_cut_at_records(void **state)
{
	static struct image im;
	struct world w;
	uint8_t *bytes;
	size_t i, size;

	(void)state;
	fill(&w);
	take_image(&w, SEG1, &im);
	world_free(&w);
	for (i = 0; i <= RECORDS; i++) {
		fill(&w);
		bytes = memfs_bytes(w.m, SEG1, &size);
		memset(bytes + (i < RECORDS ? im.at[i + 1] : im.end), 0,
		    size - (i < RECORDS ? im.at[i + 1] : im.end));
		assert_int_equal(look(&w, i % 10 == 0), i);
		assert_int_equal(w.events[STORE_EV_CORRUPT], 0);
		world_free(&w);
	}
}

static void
test_truncated_everywhere(void **state)
{
	static struct image im;
	struct world w;
	size_t cut;
	unsigned live;

	(void)state;
	fill(&w);
	take_image(&w, SEG1, &im);
	for (cut = im.end; cut > 0; cut -= cut > 53 ? 53 : cut) {
		memfs_truncate(w.m, SEG1, cut);
		live = look(&w, false);
		if (cut > im.at[1])
			assert_true(
			    live == RECORDS || im.at[live + 1] + 0 <= cut);
		if (live < RECORDS && cut > im.at[live + 1])
			assert_true(
			    live + 2 > RECORDS || im.at[live + 2] > cut);
	}
	world_free(&w);
}

/* Several segments, with a message of each still there. */
static void
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

static void
test_deleted(void **state)
{
	struct world w;
	struct verdict v;
	unsigned lost;

	(void)state;
	several(&w);
	memfs_remove(w.m, "seg.00000003");
	v = world_verify(&w);
	assert_int_equal(w.events[STORE_EV_MISSING], 1);
	assert_in_range(v.lost, 10, 25);
	assert_int_equal(v.damaged + v.stale + v.undead + v.phantom, 0);
	lost = v.lost;
	/* it goes on, and tells it once for as long as the gap is there */
	assert_non_null(world_append(&w, 100));
	assert_int_equal(world_commit(&w), 0);
	world_kill(&w);
	v = world_verify(&w);
	assert_int_equal(v.live, 101 - lost);
	world_free(&w);
}

static void
test_truncated_in_the_middle(void **state)
{
	struct world w;
	struct verdict v;

	(void)state;
	several(&w);
	memfs_truncate(w.m, "seg.00000003", 20000);
	v = world_verify(&w);
	assert_true(w.events[STORE_EV_CORRUPT] > 0);
	assert_in_range(v.lost, 5, 20);
	assert_int_equal(v.damaged + v.stale + v.undead + v.phantom, 0);
	world_free(&w);
}

/* A segment as it was some time ago, in the place of its later self. */
static void
test_old_backup(void **state)
{
	static struct image im;
	struct world w;
	struct verdict v;
	int i;

	(void)state;
	world_init(&w, 64);
	w.p.max_live_segments = 20;
	assert_int_equal(world_open(&w), 0);
	for (i = 0; i < 60; i++) {
		assert_non_null(world_append(&w, 3000));
		assert_int_equal(world_commit(&w), 0);
		if (i == 7)
			take_image(&w, SEG1, &im);
	}
	world_kill(&w);
	memfs_remove(w.m, SEG1);
	memfs_put(w.m, SEG1, im.bytes, im.size);
	v = world_verify(&w);
	assert_int_equal(w.events[STORE_EV_CORRUPT], 1);
	assert_in_range(v.lost, 5, 20);
	assert_int_equal(v.damaged + v.stale + v.undead + v.phantom, 0);
	world_free(&w);
}

/* A freed segment that comes back brings no message back. */
static void
test_freed_comes_back(void **state)
{
	static struct image im;
	struct world w;
	struct verdict v;
	int i;

	(void)state;
	world_init(&w, 65);
	assert_int_equal(world_open(&w), 0);
	for (i = 0; i < 60; i++) {
		assert_non_null(world_append(&w, 3000));
		if (i > 0)
			assert_int_equal(world_done(&w, &w.items[i - 1]), 0);
		assert_int_equal(world_commit(&w), 0);
		if (i == 12)
			take_image(&w, SEG1, &im);
		world_settle(&w);
	}
	world_kill(&w);
	assert_null(memfs_bytes(w.m, SEG1, &(size_t){ 0 }));
	memfs_put(w.m, SEG1, im.bytes, im.size);
	v = world_verify(&w);
	assert_true(verdict_is_good(&v));
	assert_int_equal(v.live, 1);
	world_free(&w);
}

static void
test_foreign(void **state)
{
	static struct image im;
	struct world w;
	struct verdict v;

	(void)state;
	fill(&w);
	take_image(&w, SEG1, &im);
	memfs_put(w.m, "seg.00000777", im.bytes, im.size);
	v = world_verify(&w);
	assert_true(verdict_is_good(&v));
	assert_int_equal(v.live, RECORDS);
	assert_int_equal(w.events[STORE_EV_FOREIGN], 1);
	assert_non_null(memfs_bytes(w.m, "bad.00000777", &(size_t){ 0 }));
	world_free(&w);
}

static void
test_future_version(void **state)
{
	struct seg_header h;
	struct world w;
	uint8_t *bytes;
	size_t size;

	(void)state;
	fill(&w);
	bytes = memfs_bytes(w.m, SEG1, &size);
	assert_int_equal(seg_header_get(bytes, &h), SEG_OK);
	h.version = SEG_VERSION + 1;
	seg_header_put(bytes, &h);
	reset(&w);
	assert_int_equal(world_open(&w), -1);
	assert_int_equal(errno, ENOTSUP);
	assert_int_equal(w.events[STORE_EV_VERSION], 1);
	assert_int_equal(memfs_open_fds(w.m), 0);
	h.version = SEG_VERSION;
	seg_header_put(bytes, &h);
	assert_int_equal(look(&w, true), RECORDS);
	world_free(&w);
}

static int
copy_state(void *arg, const struct store_msg *m)
{
	unsigned *mask = arg;
	size_t i;

	*mask = 0;
	for (i = 0; i < m->state.nrcpts; i++)
		*mask |= 1U << m->state.rcpts[i].index;
	return 0;
}

/* A damaged state record hides its own change, none of those before it. */
static void
test_state_chain_heals(void **state)
{
	static struct image im;
	struct store_rcpt r = { .status = 1 };
	struct store_state st = { .rcpts = &r, .nrcpts = 1 };
	struct world w;
	unsigned mask = 0;
	uint8_t *bytes;
	size_t size, i, k = 0;

	(void)state;
	world_init(&w, 66);
	assert_int_equal(world_open(&w), 0);
	assert_non_null(world_append(&w, 200));
	assert_int_equal(world_commit(&w), 0);
	for (r.index = 0; r.index < 4; r.index++) {
		assert_int_equal(store_state(w.s, w.items[0].loc, &st), 0);
		assert_int_equal(store_commit(w.s), 0);
	}
	assert_int_equal(store_load(w.s, w.items[0].loc, copy_state, &mask), 0);
	assert_int_equal(mask, 0xf);
	world_kill(&w);
	take_image(&w, SEG1, &im);
	bytes = memfs_bytes(w.m, SEG1, &size);
	for (i = 0; i < im.n; i++)
		if (im.types[i] == REC_STATE && k++ == 1)
			bytes[im.at[i] + REC_HEADER + 12] ^= 1;
	for (i = 0; i < 3; i++) { /* and over restarts */
		assert_int_equal(world_open(&w), 0);
		assert_int_equal(store_load(w.s, w.items[0].loc, copy_state,
				     &mask),
		    0);
		assert_int_equal(mask, 0xd);
		world_kill(&w);
	}
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_flipped),
		cmocka_unit_test(test_header_is_redundant),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_cut_at_records),
		cmocka_unit_test(test_truncated_everywhere),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_truncated_in_the_middle),
		cmocka_unit_test(test_old_backup),
		cmocka_unit_test(test_freed_comes_back),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_future_version),
		cmocka_unit_test(test_state_chain_heals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
