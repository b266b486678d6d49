/* SPDX-License-Identifier: ISC */
/* link: regress/unit/store_damage.o regress/unit/store_world.o
 * regress/unit/store_memfs.o regress/unit/store_memfs_names.o
 * regress/unit/store_memfs_power.o queued/store.a common/base.a */
/*
 * Damage: cut at every byte, every byte flipped, truncated at every offset.
 * All of it is told, nothing makes the store refuse to open, all else is
 * served.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "queued/store/crc32c.h"
#include "regress/unit/store_damage.h"

#ifdef __SANITIZE_ADDRESS__
#define STEP 7 /* slow; every place is tried in the other build */
#else
#define STEP 1
#endif

/* The record that holds a byte; -1: header, or START. */
static int
record_of(const struct image *im, size_t at)
{
	size_t i;

	for (i = im->n; i-- > 1;)
		if (at >= im->at[i])
			return (int)i;
	return -1;
}

/* One byte is another one: that message at most is lost, and it is told. */
static bool
flip_is_good(const struct image *im, size_t at, const struct sight *all,
    const struct sight *si)
{
	int k = record_of(im, at);
	bool torn = si->events[STORE_EV_TORN] > 0;
	uint64_t missing = all->ids - si->ids;

	if (sight_events(si) == 0 || si->live + 1 < RECORDS)
		return false;
	if (si->result != (torn ? 0 : 1))
		return false;
	if (torn && k < (int)im->n - 5)
		return false; /* not in the last batch */
	if (si->live == RECORDS)
		return missing == 0;
	return k >= 0 && missing == im->ids[k] &&
	    (si->said == 0 || si->said == missing);
}

static void
test_every_byte_flipped(void **state)
{
	static struct image im;
	struct sight all, si;
	struct world w;
	size_t i, size;
	uint8_t *bytes;

	(void)state;
	fill(&w);
	assert_int_equal(look(&w, true), RECORDS);
	assert_int_equal(all_events(&w), 0);
	check(&w, &all);
	assert_int_equal(all.result, 0);
	assert_int_equal(all.live, RECORDS);
	take_image(&w, SEG1, &im);
	assert_int_equal(im.n, RECORDS + 1);
	bytes = memfs_bytes(w.m, SEG1, &size);
	for (i = 0; i < im.end; i += STEP) {
		bytes[i] ^= (uint8_t)(1U << (i % 8));
		if (i % 211 == 0)
			assert_true(look(&w, true) >= RECORDS - 1);
		check(&w, &si);
		if (!flip_is_good(&im, i, &all, &si)) {
			print_error("byte %zu: %u live, %u events, %d\n", i,
			    si.live, sight_events(&si), si.result);
			fail();
		}
		bytes[i] = im.bytes[i];
	}
	world_free(&w);
}

/* One of every 97 is recovered from, and what is left is served. */
static void
test_flipped_and_recovered(void **state)
{
	static struct image im;
	struct verdict v;
	struct world w;
	size_t i, size;

	(void)state;
	fill(&w);
	take_image(&w, SEG1, &im);
	world_free(&w);
	for (i = 0; i < im.end; i += 97) {
		fill(&w);
		memfs_bytes(w.m, SEG1, &size)[i] ^= (uint8_t)(1U << (i % 8));
		v = world_verify(&w);
		assert_true(v.live + 1 >= RECORDS);
		/* in the last batch it is taken for torn, which nobody tells */
		assert_true(v.lost <= (i >= im.at[im.n - 5] ? 1U : 0U) ||
		    w.events[STORE_EV_CORRUPT] > 0);
		assert_int_equal(v.damaged + v.stale + v.undead + v.phantom, 0);
		assert_non_null(world_append(&w, 100));
		assert_int_equal(world_commit(&w), 0);
		world_free(&w);
	}
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

/* Zeros in the midst of the log, of any length: what is behind is found. */
static void
test_hole(void **state)
{
	static struct image im;
	struct sight si;
	struct world w;
	uint8_t *bytes;
	size_t i, n, size;

	(void)state;
	fill(&w);
	take_image(&w, SEG1, &im);
	bytes = memfs_bytes(w.m, SEG1, &size);
	for (i = 1; i <= RECORDS; i++) {
		for (n = 1; i + n <= RECORDS; n += 1 + n / 4) {
			memset(bytes + im.at[i], 0, im.at[i + n] - im.at[i]);
			check(&w, &si);
			assert_int_equal(si.live, RECORDS - n);
			assert_int_not_equal(sight_events(&si), 0);
			memcpy(bytes + im.at[i], im.bytes + im.at[i],
			    im.at[i + n] - im.at[i]);
		}
	}
	world_free(&w);
}

static void
test_truncated_everywhere(void **state)
{
	static struct image im;
	struct sight si;
	struct world w;
	size_t cut, whole;

	(void)state;
	fill(&w);
	take_image(&w, SEG1, &im);
	whole = RECORDS;
	for (cut = im.size - 1; cut > STEP;
	     cut -= cut > im.end + 500 ? 500 : STEP) {
		memfs_truncate(w.m, SEG1, cut);
		while (
		    whole > 0 && cut < im.at[whole] + rec_total(im.lens[whole]))
			whole--;
		check(&w, &si);
		if (si.live != whole || si.result != 1 ||
		    si.events[STORE_EV_CORRUPT] + si.events[STORE_EV_HEADER] ==
			0) {
			print_error("cut %zu: %u live, not %zu; %d\n", cut,
			    si.live, whole, si.result);
			fail();
		}
	}
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

/* A record, whole by its checksums, says that its file is beyond all sizes. */
static void
test_size_beyond_all(void **state)
{
	static const uint64_t sizes[] = { 0, 7999, 8001, 1ULL << 40, 1ULL << 58,
		UINT64_MAX };
	static struct image im;
	struct sight si;
	struct world w;
	struct rec_place place;
	struct rec_file f;
	struct rec r;
	uint8_t *bytes;
	size_t size, i, k;

	(void)state;
	world_init(&w, 67);
	assert_int_equal(world_open(&w), 0);
	assert_non_null(world_append(&w, 8000));
	assert_int_equal(world_commit(&w), 0);
	world_kill(&w);
	take_image(&w, SEG1, &im);
	bytes = memfs_bytes(w.m, SEG1, &size);
	for (i = 0; i < im.n && im.types[i] != REC_FILE; i++)
		;
	assert_true(i < im.n);
	place = (struct rec_place){ im.seq, im.epoch, im.at[i] };
	check(&w, &si);
	assert_int_equal(si.result, 0);
	assert_int_equal(si.live, 1);
	for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		uint8_t *at = bytes + im.at[i], *payload = at + REC_HEADER;

		assert_int_equal(rec_get(at, &r, &place), 0);
		assert_int_equal(rec_file_get(payload, r.len, &f), 0);
		f.size = sizes[k];
		rec_file_put(payload, &f);
		r.crc = crc32c(0, payload, (size_t)rec_covered(&r, payload));
		rec_put(at, &r, &place);
		check(&w, &si);
		assert_int_equal(si.result, 1);
		assert_int_equal(si.report.lost, 1);
		assert_int_equal(si.live, 0);
	}
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_flipped),
		cmocka_unit_test(test_flipped_and_recovered),
		cmocka_unit_test(test_header_is_redundant),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_cut_at_records),
		cmocka_unit_test(test_hole),
		cmocka_unit_test(test_truncated_everywhere),
		cmocka_unit_test(test_truncated_in_the_middle),
		cmocka_unit_test(test_state_chain_heals),
		cmocka_unit_test(test_size_beyond_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
