/* SPDX-License-Identifier: ISC */
/* link: regress/unit/store_world.o regress/unit/store_memfs.o
 * regress/unit/store_memfs_names.o regress/unit/store_memfs_power.o
 * queued/store.a common/base.a */
/*
 * Space and upkeep: quota, full disk, reserve, spill, recycling; bounds that
 * the interface states; orphans and what is left of a lost log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "queued/store/state.h"
#include "regress/unit/store_world.h"

#define SEG (64 * 1024)

static void
assert_good(struct world *w)
{
	struct verdict v = world_verify(w);

	assert_true(verdict_is_good(&v));
}

static void
spill_path(uint64_t id, const char *suffix, char *path, size_t cap)
{
	char str[MSGID_STRLEN];

	(void)msgid_fmt(id, str);
	(void)snprintf(path, cap, "msg/%.2s/%s%s", str + 4, str, suffix);
}

static bool
file_is_there(struct world *w, uint64_t id, const char *suffix)
{
	char path[64];
	size_t size;

	spill_path(id, suffix, path, sizeof(path));
	return memfs_bytes(w->m, path, &size) != NULL;
}

/* Until the store says no. */
static unsigned
fill_up(struct world *w, size_t size)
{
	enum reason why;
	size_t most, i;
	unsigned n = 0;

	while (store_room(w->s, size, &why) && n < 10000) {
		assert_non_null(world_append(w, size));
		/* room was said to be there: it may not fail now */
		assert_int_equal(world_commit(w), 0);
		world_settle(w);
		n++;
	}
	assert_int_equal(why, REASON_QUEUE_FULL);
	assert_true(store_room_max(w->s, &why) < size);
	/* what was said leaves room for an envelope of any usual size */
	most = 4 + w->p.quota / 8 / size + 2 * w->p.segment_size / size;
	for (i = 0; i <= most && world_append(w, size) != NULL; i++)
		assert_int_equal(world_commit(w), 0);
	assert_in_range(i, 0, most);
	assert_int_equal(errno, ENOSPC);
	return n;
}

static void
end_all(struct world *w)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		if (!w->items[i].acked || w->items[i].done_tried)
			continue;
		assert_int_equal(world_state(w, &w->items[i]), 0);
		assert_int_equal(world_done(w, &w->items[i]), 0);
		if (i % 50 == 0)
			assert_int_equal(world_commit(w), 0);
	}
	assert_int_equal(world_commit(w), 0);
}

static void
test_quota(void **state)
{
	struct store_stats st;
	struct world w;
	unsigned first, again;

	(void)state;
	world_init(&w, 71);
	w.p.quota = 16 * SEG;
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	first = fill_up(&w, 3000);
	assert_in_range(first, 60, 320);
	store_get_stats(w.s, &st);
	assert_true(st.disk <= w.p.quota + 4 * SEG); /* spill of one step */
	/* results are logged all the same, and make room again */
	end_all(&w);
	world_settle(&w);
	assert_true(store_room(w.s, 3000, &(enum reason){ 0 }));
	again = fill_up(&w, 3000);
	assert_true(again + 25 >= first);
	world_kill(&w);
	assert_good(&w);
	world_free(&w);
}

/*
 * What was said at MAIL holds at the end of DATA, also when upkeep has made
 * a segment in between.
 */
static void
test_room_holds(void **state)
{
	enum reason why;
	struct world w;
	unsigned n;

	(void)state;
	world_init(&w, 74);
	w.p.quota = 32 * SEG; /* the grace is more than a step of upkeep */
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	for (n = 0; store_room(w.s, 3000, &why); n++) {
		world_settle(&w);
		assert_non_null(world_append(&w, 3000));
		assert_int_equal(world_commit(&w), 0);
	}
	assert_int_equal(why, REASON_QUEUE_FULL);
	assert_in_range(n, 10, 1000);
	world_free(&w);
}

/* A report takes the place of what it is about: the quota may not stop it. */
static void
test_report_over_quota(void **state)
{
	struct iovec iov = { (void *)(uintptr_t) "text", 4 };
	struct store_loc loc;
	struct world w;
	uint64_t id;

	(void)state;
	world_init(&w, 2);
	w.p.quota = 10 * SEG;
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	(void)fill_up(&w, 3000);
	for (id = w.next_id + 1; id < w.next_id + 200; id++) {
		assert_int_equal(store_append_report(w.s, id, "e", 1, &iov, 1,
				     &loc),
		    0);
		assert_int_equal(store_commit(w.s), 0);
	}
	/* on a full disk, what is prepared remains for results */
	w.m->capacity = w.m->used;
	for (; store_append_report(w.s, id, "e", 1, &iov, 1, &loc) == 0; id++)
		assert_int_equal(store_commit(w.s), 0);
	assert_int_equal(errno, ENOSPC);
	world_free(&w);
}

/* The disk is full by other files: the same, and no result is lost. */
static void
test_disk_full(void **state)
{
	struct world w;
	struct store_stats st;
	enum reason why;
	unsigned n;

	(void)state;
	world_init(&w, 72);
	w.p.quota = 0;
	w.m->capacity = 20 * SEG;
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	n = fill_up(&w, 3000);
	assert_true(n > 100);
	w.m->capacity = w.m->used; /* not a byte more */
	w.m->now += 5000;
	assert_false(store_room(w.s, 1, &why));
	end_all(&w);
	assert_int_equal(w.events[STORE_EV_REFUSING], 0);
	world_settle(&w);
	store_get_stats(w.s, &st);
	assert_int_equal(st.messages, 0);
	assert_true(store_room(w.s, 3000, &why));
	world_kill(&w);
	assert_good(&w);
	world_free(&w);
}

/* What becomes a file needs room on the disk beside the reserve. */
static void
test_room_for_large(void **state)
{
	struct world w;
	enum reason why;
	uint64_t max;

	(void)state;
	world_init(&w, 73);
	w.p.quota = 0;
	w.p.reserve = 4 * SEG;
	w.m->capacity = 20 * SEG;
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	w.m->now += 5000;
	max = store_room_max(w.s, &why);
	assert_int_equal(why, REASON_OK);
	assert_in_range(max, 10 * SEG, 16 * SEG);
	assert_true(store_room(w.s, max, &why));
	assert_false(store_room(w.s, max + 1, &why));
	assert_int_equal(why, REASON_QUEUE_FULL);
	w.m->capacity = w.m->used + 4 * SEG;
	w.m->now += 5000;
	/* small ones still have their space, taken in advance */
	assert_int_equal(store_room_max(w.s, &why), w.p.spill_threshold);
	world_free(&w);
}

/* Fast relay: nothing stays, few segments, no file is ever made or removed. */
static void
test_recycles(void **state)
{
	struct store_stats st;
	struct world w;
	uint64_t inodes;
	int i;

	(void)state;
	world_init(&w, 74);
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	for (i = 0; i < 40; i++) {
		assert_non_null(world_append(&w, 3000));
		assert_int_equal(world_commit(&w), 0);
		assert_int_equal(world_done(&w, &w.items[w.n - 1]), 0);
		world_settle(&w);
	}
	assert_int_equal(world_commit(&w), 0);
	world_settle(&w);
	inodes = w.m->ninodes;
	for (i = 0; i < 400; i++) {
		assert_non_null(world_append(&w, 3000));
		assert_int_equal(world_commit(&w), 0);
		assert_int_equal(world_done(&w, &w.items[w.n - 1]), 0);
		/* upkeep is also done while something waits for a commit */
		if (i % 3 == 0)
			world_settle(&w);
	}
	assert_int_equal(world_commit(&w), 0);
	world_settle(&w);
	store_get_stats(w.s, &st);
	assert_true(st.segments <= 2);
	assert_in_range(st.prepared, 2, 4);
	assert_int_equal(w.m->ninodes, inodes);
	world_kill(&w);
	assert_good(&w);
	world_free(&w);
}

/* One message stays for ever: it becomes a file, the log goes on. */
static void
test_spills_the_old(void **state)
{
	struct store_stats st;
	struct world w;
	uint32_t i;

	(void)state;
	world_init(&w, 75);
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	assert_non_null(world_append(&w, 2000));
	assert_int_equal(world_commit(&w), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(world_state(&w, &w.items[0]), 0);
		assert_int_equal(world_commit(&w), 0);
	}
	assert_int_equal(store_open_body(w.s, w.items[0].loc), -1);
	assert_int_equal(errno, EINVAL);
	for (i = 0; i < 400; i++) {
		assert_non_null(world_append(&w, 3000));
		if (i > 0)
			assert_int_equal(world_done(&w, &w.items[w.n - 2]), 0);
		if (i % 90 == 0)
			assert_int_equal(world_state(&w, &w.items[0]), 0);
		assert_int_equal(world_commit(&w), 0);
		world_settle(&w);
	}
	store_get_stats(w.s, &st);
	assert_int_equal(st.spilled, 1);
	assert_true(st.segments <= w.p.max_live_segments + 1);
	assert_true(file_is_there(&w, w.items[0].id, ""));
	assert_true(file_is_there(&w, w.items[0].id, ".env"));
	assert_true(store_open_body(w.s, w.items[0].loc) != -1);
	world_kill(&w);
	assert_good(&w);
	assert_int_equal(w.items[0].found, 3 + 5);
	assert_int_equal(world_done(&w, &w.items[0]), 0);
	assert_int_equal(world_commit(&w), 0);
	assert_false(file_is_there(&w, w.items[0].id, ""));
	assert_false(file_is_there(&w, w.items[0].id, ".env"));
	world_free(&w);
}

/* Many files in the log's memory: it may grow, and upkeep comes to an end. */
static void
test_many_spilled(void **state)
{
	struct store_stats st;
	struct world w;
	int i;

	(void)state;
	world_init(&w, 76);
	w.p.quota = 0;
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	for (i = 0; i < 1500; i++) {
		assert_non_null(world_append(&w, 400));
		if (i % 7 == 0) {
			assert_int_equal(world_commit(&w), 0);
			world_settle(&w);
		}
	}
	assert_int_equal(world_commit(&w), 0);
	world_settle(&w);
	store_get_stats(w.s, &st);
	assert_true(st.spilled > 800);
	assert_int_equal(st.messages, 1500);
	assert_true(st.segments < 20);
	world_kill(&w);
	assert_good(&w);
	world_free(&w);
}

static void
test_spill_one(void **state)
{
	struct world w;
	size_t size;
	char path[64];
	uint8_t want[1000];
	const uint8_t *got;

	(void)state;
	world_init(&w, 77);
	assert_int_equal(world_open(&w), 0);
	assert_non_null(world_append(&w, 1000));
	assert_int_equal(store_spill(w.s, w.items[0].loc), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(world_commit(&w), 0);
	assert_int_equal(store_spill(w.s, w.items[0].loc), 0);
	assert_int_equal(store_spill(w.s, w.items[0].loc), 0);
	spill_path(w.items[0].id, "", path, sizeof(path));
	got = memfs_bytes(w.m, path, &size);
	world_body(w.items[0].id, 1000, want);
	assert_int_equal(size, 1000);
	assert_memory_equal(got, want, 1000);
	world_close(&w);
	memfs_power(w.m, MEMFS_DROP);
	assert_good(&w);
	world_free(&w);
}

/* A file that no record names goes, others stay. */
static void
test_orphans(void **state)
{
	struct world w;
	char path[64];
	uint64_t id;

	(void)state;
	world_init(&w, 78);
	assert_int_equal(world_open(&w), 0);
	assert_non_null(world_append(&w, 9000));
	assert_int_equal(world_commit(&w), 0);
	id = w.items[0].id + 1;
	spill_path(id, "", path, sizeof(path));
	memfs_put(w.m, path, "x", 1);
	memfs_put(w.m, "msg/notes.txt", "x", 1);
	world_kill(&w);
	assert_good(&w);
	world_settle(&w);
	assert_int_equal(w.events[STORE_EV_ORPHAN], 1);
	assert_false(file_is_there(&w, id, ""));
	assert_true(file_is_there(&w, w.items[0].id, ""));
	assert_non_null(memfs_bytes(w.m, "msg/notes.txt", &(size_t){ 0 }));
	world_free(&w);
}

static int
remove_segments(void *arg, const char *name)
{
	if (strncmp(name, "seg.", 4) == 0)
		memfs_remove(arg, name);
	return 0;
}

/* The log has a hole, but the message was a file: it is taken from there. */
static void
test_adopts(void **state)
{
	struct store_report rp;
	struct world w;
	struct verdict v;
	uint32_t i;

	(void)state;
	world_init(&w, 79);
	w.p.max_live_segments = 20;
	assert_int_equal(world_open(&w), 0);
	world_settle(&w);
	for (i = 0; i < 6; i++)
		assert_non_null(world_append(&w, 2000));
	assert_int_equal(world_state(&w, &w.items[1]), 0);
	assert_int_equal(world_commit(&w), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(store_spill(w.s, w.items[i].loc), 0);
	for (i = 0; i < 60; i++) {
		assert_non_null(world_append(&w, 3000));
		assert_int_equal(world_commit(&w), 0);
		world_settle(&w);
	}
	world_kill(&w);
	memfs_remove(w.m, "seg.00000001");
	assert_int_equal(store_check(&w.m->ops, MEMFS_ROOT, NULL, &rp), 1);
	assert_int_equal(rp.missing, 1);
	assert_int_equal(rp.orphans, 3);
	v = world_verify(&w);
	assert_int_equal(w.events[STORE_EV_MISSING], 1);
	assert_int_equal(w.events[STORE_EV_ADOPTED], 3);
	for (i = 0; i < 3; i++)
		assert_true(w.items[i].seen);
	assert_int_equal(w.items[1].found, 1); /* with its state */
	assert_int_equal(v.damaged + v.stale + v.phantom, 0);
	world_settle(&w);
	world_close(&w);
	memfs_power(w.m, MEMFS_DROP);
	assert_good(&w);
	world_free(&w);
}

/* No log at all: what there is as files is taken up. */
static void
test_log_gone(void **state)
{
	struct store_report rp;
	struct world w;

	(void)state;
	world_init(&w, 80);
	assert_int_equal(world_open(&w), 0);
	assert_non_null(world_append(&w, 9000));
	assert_int_equal(world_commit(&w), 0);
	world_kill(&w);
	(void)memfs_list(w.m, ".", remove_segments, w.m);
	assert_int_equal(store_check(&w.m->ops, MEMFS_ROOT, NULL, &rp), 1);
	assert_int_equal(rp.orphans, 1);
	assert_good(&w);
	assert_true(w.items[0].seen);
	assert_int_equal(w.events[STORE_EV_ADOPTED], 1);
	world_free(&w);
}

static void
test_check(void **state)
{
	struct store_report rp;
	struct world w;
	char path[64];
	uint8_t *p;
	size_t size;

	(void)state;
	world_init(&w, 81);
	assert_int_equal(world_open(&w), 0);
	world_work(&w, 30);
	assert_non_null(world_append(&w, 9000));
	assert_int_equal(world_commit(&w), 0);
	/* on a live store, too */
	assert_int_equal(store_check(&w.m->ops, MEMFS_ROOT, NULL, &rp), 0);
	world_kill(&w);
	assert_int_equal(store_check(&w.m->ops, MEMFS_ROOT, NULL, &rp), 0);
	assert_true(rp.messages > 10 && rp.spilled > 0 && rp.done > 5);
	assert_int_equal(rp.corrupt + rp.lost + rp.missing + rp.torn, 0);
	spill_path(w.items[w.n - 1].id, "", path, sizeof(path));
	p = memfs_bytes(w.m, path, &size);
	assert_non_null(p);
	p[size / 2] ^= 4;
	assert_int_equal(store_check(&w.m->ops, MEMFS_ROOT, NULL, &rp), 1);
	assert_int_equal(rp.lost, 1);
	memfs_remove(w.m, path);
	assert_int_equal(store_check(&w.m->ops, MEMFS_ROOT, NULL, &rp), 1);
	assert_int_equal(rp.lost, 1);
	assert_int_equal(memfs_open_fds(w.m), 0);
	world_free(&w);
}

static void
test_bounds(void **state)
{
	static uint8_t big[SEG];
	struct store_rcpt r = { .index = STORE_RCPTS_MAX };
	struct store_state st = { .rcpts = &r, .nrcpts = 1 };
	struct iovec iov = { big, 4097 };
	struct store_loc loc, none = { 0, 0 };
	struct world w;
	uint8_t byte;

	(void)state;
	world_init(&w, 82);
	assert_int_equal(world_open(&w), 0);
	assert_int_equal(store_append(w.s, 5, "e", 1, &iov, 1, &loc), -1);
	assert_int_equal(errno, EMSGSIZE); /* above the threshold */
	iov.iov_len = 10;
	assert_int_equal(store_append(w.s, 5, big, SEG, &iov, 1, &loc), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_int_equal(store_append(w.s, 5, "", 0, &iov, 1, &loc), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(store_append(w.s, 5, "e", 1, &iov, 1, &loc), 0);
	assert_int_equal(store_append(w.s, 5, "e", 1, &iov, 1, &loc), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(store_read(w.s, loc, 0, &byte, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(store_commit(w.s), 0);
	assert_int_equal(store_read(w.s, loc, 9, &byte, 1), 1);
	assert_int_equal(store_read(w.s, loc, 10, &byte, 1), 0);
	assert_int_equal(store_state(w.s, loc, &st), -1);
	assert_int_equal(errno, EINVAL);
	r.index--;
	assert_int_equal(store_state(w.s, none, &st), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(store_done(w.s, loc), 0);
	assert_int_equal(store_state(w.s, loc, &st), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(store_commit(w.s), 0);
	assert_int_equal(store_read(w.s, loc, 0, &byte, 1), -1);
	assert_int_equal(errno, ENOENT);
	/* an empty body is a body */
	assert_int_equal(store_append(w.s, 6, "e", 1, NULL, 0, &loc), 0);
	assert_int_equal(store_commit(w.s), 0);
	assert_int_equal(store_read(w.s, loc, 0, &byte, 1), 0);
	world_free(&w);
}

/* A batch is bounded: EAGAIN, and after a commit it goes on. */
static void
test_batch_limit(void **state)
{
	struct world w;
	size_t k, in_batch = 0, all = 0;

	(void)state;
	world_init(&w, 83);
	w.p.segment_size = 4 * 1024 * 1024;
	w.p.spill_threshold = 40000;
	w.p.quota = 0;
	assert_int_equal(world_open(&w), 0);
	for (k = 0; k < 500; k++, in_batch++, all++) {
		if (world_append(&w, 30000) != NULL)
			continue;
		assert_int_equal(errno, EAGAIN);
		assert_in_range(in_batch, 200, 400);
		assert_int_equal(world_commit(&w), 0);
		assert_non_null(world_append(&w, 30000));
		in_batch = 0;
	}
	assert_int_equal(world_commit(&w), 0);
	world_kill(&w);
	assert_good(&w);
	world_free(&w);
}

/* All the recipients that there can be, each with its text. */
static void
test_many_recipients(void **state)
{
	static struct store_rcpt rcpts[STORE_RCPTS_MAX];
	struct store_state st = { .rcpts = rcpts };
	struct store_loc loc;
	struct world w;
	struct state_sum sum = { 0 };
	size_t i, len;
	uint8_t *p;

	(void)state;
	world_init(&w, 84);
	w.p.segment_size = 4 * 1024 * 1024;
	w.p.quota = 0;
	assert_int_equal(world_open(&w), 0);
	assert_int_equal(store_append(w.s, 9, "env", 3, NULL, 0, &loc), 0);
	for (i = 0; i < STORE_RCPTS_MAX; i++)
		rcpts[i] = (struct store_rcpt){ .index = (uint32_t)i,
			.status = 3,
			.code = 450,
			.text = "come back later",
			.text_len = 15 };
	for (i = 0; i < STORE_RCPTS_MAX; i += 1000) {
		st.rcpts = rcpts + i;
		st.nrcpts = 1000;
		assert_int_equal(store_state(w.s, loc, &st), 0);
	}
	assert_int_equal(store_commit(w.s), 0);
	assert_int_equal(store_spill(w.s, loc), 0);
	world_free(&w);
	/* and a snapshot gives up texts, never results */
	st.rcpts = rcpts;
	st.nrcpts = STORE_RCPTS_MAX;
	len = state_size(&st);
	p = malloc(len);
	assert_non_null(p);
	state_put(p, &st);
	assert_int_equal(state_sum_add(&sum, p, len), 0);
	assert_int_equal(sum.st.nrcpts, STORE_RCPTS_MAX);
	assert_true(state_sum_fit(&sum, 1500000) <= 1500000);
	assert_int_equal(sum.st.nrcpts, STORE_RCPTS_MAX);
	state_sum_free(&sum);
	free(p);
}

static void
test_copy_on_write(void **state)
{
	struct world w;
	struct store_stats st;
	int i;

	(void)state;
	world_init(&w, 85);
	w.m->cow = true;
	assert_int_equal(world_open(&w), 0);
	assert_int_equal(w.events[STORE_EV_COW], 1);
	world_settle(&w);
	assert_true(w.m->used < 4 * 4096 + 100); /* nothing is zeroed ahead */
	for (i = 0; i < 10; i++) {
		world_work(&w, 20);
		world_close(&w);
		memfs_power(w.m, MEMFS_RANDOM);
		assert_good(&w);
	}
	store_get_stats(w.s, &st);
	assert_true(st.messages > 20);
	world_free(&w);
}

static void
test_readonly(void **state)
{
	struct world w;
	uint64_t syncs;

	(void)state;
	world_init(&w, 86);
	assert_int_equal(world_open(&w), 0);
	world_work(&w, 20);
	world_kill(&w);
	syncs = w.m->syncs;
	w.p.readonly = true;
	assert_good(&w);
	assert_null(world_append(&w, 500));
	assert_int_equal(errno, EROFS);
	assert_int_equal(store_maintain(w.s), 0);
	assert_int_equal(w.m->syncs, syncs);
	world_free(&w);
}

/* 100 bytes a message, a table that grows, and slots that are used again. */
static void
test_memory(void **state)
{
	struct store_loc loc = { 0, 0 };
	struct store_stats st;
	struct world w;
	uint64_t id, before;

	(void)state;
	world_init(&w, 87);
	w.p.segment_size = 8 * 1024 * 1024;
	w.p.quota = 0;
	assert_int_equal(world_open(&w), 0);
	for (id = 1; id <= 100000; id++) {
		assert_int_equal(store_append(w.s, id, "e", 1, NULL, 0, &loc),
		    0);
		if (id % 1000 == 0)
			assert_int_equal(store_commit(w.s), 0);
	}
	store_get_stats(w.s, &st);
	assert_int_equal(st.messages, 100000);
	assert_in_range(st.memory, 5600000, 7000000);
	before = st.memory;
	for (id = 1; id <= 100000; id++) {
		assert_int_equal(store_find(w.s, id, &loc), 0);
		assert_int_equal(store_done(w.s, loc), 0);
		if (id % 1000 == 0) {
			assert_int_equal(store_commit(w.s), 0);
			assert_int_equal(store_append(w.s, id + 1000000, "e", 1,
					     NULL, 0, &loc),
			    0);
		}
	}
	assert_int_equal(store_commit(w.s), 0);
	store_get_stats(w.s, &st);
	assert_int_equal(st.messages, 100);
	assert_int_equal(st.memory, before);
	world_free(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_room_holds),
		cmocka_unit_test(test_report_over_quota),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_room_for_large),
		cmocka_unit_test(test_recycles),
		cmocka_unit_test(test_spills_the_old),
		cmocka_unit_test(test_many_spilled),
		cmocka_unit_test(test_spill_one),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_adopts),
		cmocka_unit_test(test_log_gone),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_batch_limit),
		cmocka_unit_test(test_many_recipients),
		cmocka_unit_test(test_copy_on_write),
		cmocka_unit_test(test_readonly),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
