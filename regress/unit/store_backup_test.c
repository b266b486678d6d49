/* SPDX-License-Identifier: ISC */
/* link: regress/unit/store_damage.o regress/unit/store_world.o
 * regress/unit/store_memfs.o regress/unit/store_memfs_names.o
 * regress/unit/store_memfs_power.o queued/store.a common/base.a */
/*
 * Segments that are gone, come back from a backup, or are of another Postern:
 * told, and all else is served.
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

static int
keep_highest(void *arg, const char *name)
{
	unsigned *max = arg;

	if (strncmp(name, "seg.", 4) == 0 && strtoul(name + 4, NULL, 10) > *max)
		*max = (unsigned)strtoul(name + 4, NULL, 10);
	return 0;
}

/* Number of the newest segment that holds records. */
static unsigned
newest_used(struct world *w)
{
	char name[32];
	uint8_t *p;
	size_t size;
	unsigned n = 0;

	assert_int_equal(memfs_list(w->m, ".", keep_highest, &n), 0);
	for (; n > 0; n--) {
		(void)snprintf(name, sizeof(name), "seg.%08u", n);
		p = memfs_bytes(w->m, name, &size);
		if (p != NULL && memcmp(p + SEG_DATA, "PRec", 4) == 0)
			break;
	}
	assert_true(n > 2);
	return n;
}

static void delete (unsigned which)
{
	char name[32];
	struct sight si;
	struct world w;
	struct verdict v;
	unsigned lost, newest;

	several(&w);
	newest = newest_used(&w);
	(void)snprintf(name, sizeof(name), "seg.%08u",
	    which != 0 ? which : newest);
	memfs_remove(w.m, name);
	check(&w, &si);
	assert_int_equal(si.result, 1);
	assert_int_equal(si.events[STORE_EV_MISSING], 1);
	v = world_verify(&w);
	assert_int_equal(w.events[STORE_EV_MISSING], 1);
	assert_in_range(v.lost, which != 0 ? 10 : 1, 25);
	assert_int_equal(v.damaged + v.undead + v.phantom, 0);
	assert_true(which == 0 || v.stale == 0);
	lost = v.lost;
	/* it goes on, and tells it once for as long as the gap is there */
	assert_non_null(world_append(&w, 100));
	assert_int_equal(world_commit(&w), 0);
	world_kill(&w);
	v = world_verify(&w);
	assert_int_equal(v.live, 101 - lost);
	world_free(&w);
}

/* The first, one in the middle, the last that is closed, the active one. */
static void
test_deleted(void **state)
{
	struct world w;
	unsigned newest;

	(void)state;
	several(&w);
	newest = newest_used(&w);
	world_free(&w);
	delete (1);
	delete (3);
	delete (newest - 1);
	delete (0);
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

/* Files of a directory, kept aside and put back. */
struct copy {
	struct world *w;
	struct {
		char name[32];
		uint8_t *bytes;
		size_t size;
	} files[40];
	size_t n;
};

static int
copy_one(void *arg, const char *name)
{
	struct copy *c = arg;
	const uint8_t *p;
	size_t size;

	if (strncmp(name, "seg.", 4) != 0 && strcmp(name, "last") != 0)
		return 0;
	p = memfs_bytes(c->w->m, name, &size);
	assert_true(p != NULL && c->n < 40);
	(void)snprintf(c->files[c->n].name, 32, "%s", name);
	c->files[c->n].bytes = malloc(size);
	assert_non_null(c->files[c->n].bytes);
	memcpy(c->files[c->n].bytes, p, size);
	c->files[c->n++].size = size;
	return 0;
}

static int
note_file(void *arg, const char *name)
{
	struct copy *c = arg;

	if (strncmp(name, "seg.", 4) == 0 || strcmp(name, "last") == 0) {
		assert_true(c->n < 40);
		(void)snprintf(c->files[c->n++].name, 32, "%s", name);
	}
	return 0;
}

static void
put_back(struct copy *c)
{
	struct copy now = { .w = c->w };
	size_t i;

	assert_int_equal(memfs_list(c->w->m, ".", note_file, &now), 0);
	for (i = 0; i < now.n; i++)
		memfs_remove(c->w->m, now.files[i].name);
	for (i = 0; i < c->n; i++) {
		memfs_put(c->w->m, c->files[i].name, c->files[i].bytes,
		    c->files[i].size);
		free(c->files[i].bytes);
	}
}

/*
 * The log of some time ago beside message files of today: what is a file is
 * there, whether the log knows it or not; what was delivered since and was a
 * file is not there again.
 */
static void
test_older_log(void **state)
{
	struct copy c = { .n = 0 };
	struct sight si;
	struct world w;
	struct verdict v;
	struct item *it;
	size_t i;

	(void)state;
	world_init(&w, 67);
	assert_int_equal(world_open(&w), 0);
	for (i = 0; i < 8; i++) { /* known to the copy: files, and not */
		assert_non_null(world_append(&w, i % 2 == 0 ? 9000 : 500));
		assert_int_equal(world_commit(&w), 0);
	}
	world_kill(&w);
	c.w = &w;
	assert_int_equal(memfs_list(w.m, ".", copy_one, &c), 0);
	assert_int_equal(world_open(&w), 0);
	assert_int_equal(world_done(&w, &w.items[0]), 0);
	for (; i < 16; i++) { /* newer than the copy */
		assert_non_null(world_append(&w, i % 2 == 0 ? 9000 : 500));
		assert_int_equal(world_commit(&w), 0);
	}
	it = &w.items[10];
	assert_int_equal(world_done(&w, it), 0);
	assert_int_equal(world_commit(&w), 0);
	world_kill(&w);
	put_back(&c);
	check(&w, &si);
	assert_int_equal(si.events[STORE_EV_ADOPTED], 3);
	assert_int_equal(si.events[STORE_EV_LOST],
	    1); /* the first one's file */
	assert_int_equal(si.result, 1);
	w.items[0].told_lost = true; /* and the ledger knows it is done */
	v = world_verify(&w);
	assert_int_equal(w.events[STORE_EV_ADOPTED], 3);
	for (i = 8; i < 16; i++)
		assert_int_equal(w.items[i].seen, i % 2 == 0 && i != 10);
	for (i = 1; i < 8; i++)
		assert_true(w.items[i].seen);
	assert_int_equal(v.lost, 4); /* that were in the log alone */
	assert_false(it->seen);
	world_kill(&w);
	v = world_verify(&w);
	assert_int_equal(v.lost, 0);
	for (i = 8; i < 16; i++) /* as it was, over a restart */
		assert_int_equal(w.items[i].seen, i % 2 == 0 && i != 10);
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

/* A header that says nothing, and a START of a later version. */
static void
test_future_start(void **state)
{
	struct rec r = { .type = REC_START,
		.flags = REC_FIRST,
		.len = REC_START_LEN,
		.batch = 1 };
	struct rec_start st;
	struct rec_place place;
	struct seg_header h;
	struct sight si;
	struct world w;
	uint8_t *bytes;
	size_t size;

	(void)state;
	fill(&w);
	bytes = memfs_bytes(w.m, SEG1, &size);
	assert_int_equal(seg_header_get(bytes, &h), SEG_OK);
	place = (struct rec_place){ h.seq, h.epoch, SEG_DATA };
	rec_start_get(bytes + SEG_DATA + REC_HEADER, &st);
	st.version = SEG_VERSION + 6;
	rec_start_put(bytes + SEG_DATA + REC_HEADER, &st);
	r.crc = crc32c(0, bytes + SEG_DATA + REC_HEADER, REC_START_LEN);
	rec_put(bytes + SEG_DATA, &r, &place);
	memset(bytes, 0, SEG_HEADER);
	check(&w, &si);
	assert_int_equal(si.result, -1);
	assert_int_equal(si.events[STORE_EV_VERSION], 1);
	assert_int_equal(world_open(&w), -1);
	assert_int_equal(errno, ENOTSUP);
	assert_int_equal(memfs_open_fds(w.m), 0);
	world_free(&w);
}

/* A record of a type that comes later is passed by; it is no damage. */
static void
test_future_record(void **state)
{
	static struct image im;
	struct rec_place place;
	struct seg_header h;
	struct sight si;
	struct verdict v;
	struct world w;
	struct rec r;
	uint8_t *bytes;
	size_t size, i;

	(void)state;
	last_batch(&w);
	take_image(&w, SEG1, &im);
	bytes = memfs_bytes(w.m, SEG1, &size);
	assert_int_equal(seg_header_get(bytes, &h), SEG_OK);
	for (i = im.n; im.types[--i] != REC_STATE;)
		;
	place = (struct rec_place){ h.seq, h.epoch, im.at[i] };
	assert_int_equal(rec_get(bytes + im.at[i], &r, &place), 0);
	r.type = 99;
	rec_put(bytes + im.at[i], &r, &place);
	check(&w, &si);
	assert_int_equal(si.result, 0);
	assert_int_equal(sight_events(&si), 0);
	v = world_verify(&w);
	assert_true(verdict_is_good(&v));
	assert_int_equal(w.items[0].found, 0); /* that state it was */
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_old_backup),
		cmocka_unit_test(test_older_log),
		cmocka_unit_test(test_freed_comes_back),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_future_version),
		cmocka_unit_test(test_future_start),
		cmocka_unit_test(test_future_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
