/* SPDX-License-Identifier: ISC */
/* link: regress/unit/store_memfs.o regress/unit/store_memfs_names.o */
/* link: regress/unit/store_memfs_power.o queued/store.a common/base.a */
/*
 * A spool with one segment of hostile records.  The input is a series of
 * records: type, flags, a number for the id, what to damage, two octets of
 * length, the payload.  Checksums are made right, or no record would be read,
 * but for those that are to be damaged.  Whatever stands there: recovery goes
 * through, what it shows is well formed and readable, two looks see the same,
 * and the store can be worked with afterwards.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "queued/store/crc32c.h"
#include "queued/store/le.h"
#include "queued/store/record.h"
#include "queued/store/store.h"
#include "regress/unit/store_memfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define SEGMENT (64 * 1024)
#define NAME	"seg.00000001"
#define EPOCH	0x1234567812345678ULL
#define IDS	((8ULL << 55) + (1ULL << 40))
#define HEAD	6 /* octets of the input before a payload */

enum damage { BAD_PAYLOAD = 1, BAD_HEADER = 2, BODY_CRC = 4, SAME_BATCH = 8 };

struct image {
	uint8_t bytes[SEGMENT];
	struct rec_place place;
	uint32_t batch;
};

static void
put(struct image *im, struct rec *r, const uint8_t *payload, unsigned damage)
{
	uint8_t *at = im->bytes + im->place.off;
	int64_t covered;

	if (im->place.off + rec_total(r->len) > SEGMENT)
		return;
	memcpy(at + REC_HEADER, payload, r->len);
	/* a message is read only if its prefix fits */
	if (r->type == REC_MSG && r->len >= REC_MSG_PREFIX &&
	    (damage & BODY_CRC) == 0) {
		uint32_t env = le32_get(at + REC_HEADER);
		uint32_t room = r->len - REC_MSG_PREFIX;

		if (env > room)
			env %= room + 1;
		le32_put(at + REC_HEADER, env);
		le32_put(at + REC_HEADER + 4,
		    crc32c(0, at + REC_HEADER + REC_MSG_PREFIX + env,
			room - env));
	}
	r->epoch = EPOCH;
	covered = rec_covered(r, at + REC_HEADER);
	r->crc = crc32c(0, at + REC_HEADER, covered < 0 ? 0 : (size_t)covered);
	if ((damage & BAD_PAYLOAD) != 0)
		r->crc ^= 1;
	rec_put(at, r, &im->place);
	if ((damage & BAD_HEADER) != 0)
		at[4] ^= 0x40;
	im->place.off += rec_total(r->len);
}

static void
build(struct image *im, const uint8_t *p, size_t left)
{
	const struct seg_header h = { SEG_VERSION, 1, EPOCH, SEGMENT,
		1800000000000ULL, SEG_FILLED };
	const struct rec_start start = { SEG_VERSION, 1, SEGMENT, 0, 0, 0, 1,
		0 };
	uint8_t first[REC_START_LEN];
	struct rec r = { .type = REC_START, .flags = REC_FIRST | REC_LAST };

	memset(im, 0, sizeof(*im));
	im->place = (struct rec_place){ 1, EPOCH, SEG_DATA };
	seg_header_put(im->bytes, &h);
	rec_start_put(first, &start);
	r.len = sizeof(first);
	r.batch = im->batch = 1;
	put(im, &r, first, 0);
	while (left >= HEAD) {
		r = (struct rec){ .type = p[0] & 15, .flags = p[1] & 7 };
		r.id = IDS + p[2] % 8;
		r.len = (uint32_t)p[4] << 8 | p[5];
		if (r.len > left - HEAD)
			r.len = (uint32_t)(left - HEAD);
		if ((p[3] & SAME_BATCH) == 0)
			im->batch++;
		r.batch = im->batch;
		put(im, &r, p + HEAD, p[3]);
		p += HEAD + r.len;
		left -= HEAD + r.len;
	}
}

struct sight {
	struct store *s;
	uint64_t ids;
	unsigned live;
};

static void
check_state(const struct store_msg *m)
{
	const struct store_state *st = &m->state;
	volatile uint8_t sum = 0;
	size_t i, k;

	for (i = 0; i < m->env_len; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)m->env)[i]);
	assert(st->text_len <= STORE_TEXT_MAX);
	for (k = 0; k < st->text_len; k++)
		sum = (uint8_t)(sum + (uint8_t)st->text[k]);
	for (i = 0; i < st->nrcpts; i++) {
		assert(st->rcpts[i].index < STORE_RCPTS_MAX);
		assert(i == 0 || st->rcpts[i - 1].index < st->rcpts[i].index);
		assert(st->rcpts[i].text_len <= STORE_TEXT_MAX);
		for (k = 0; k < st->rcpts[i].text_len; k++)
			sum = (uint8_t)(sum + (uint8_t)st->rcpts[i].text[k]);
	}
	for (i = 0; i < st->nextras; i++) {
		assert(st->extras[i].tag >= STORE_EXTRA_MIN);
		for (k = 0; k < st->extras[i].len; k++)
			sum = (uint8_t)(sum +
			    ((const uint8_t *)st->extras[i].data)[k]);
	}
}

static void
on_message(void *arg, const struct store_msg *m)
{
	struct sight *s = arg;

	check_state(m);
	s->ids += m->loc.id;
	s->live++;
}

static void
on_event(void *arg, const struct store_event *ev)
{
	(void)arg;
	assert(ev->text != NULL && ev->text[0] != '\0');
	assert(store_event_name(ev->kind) != NULL);
}

static int
read_body(void *arg, const struct store_msg *m)
{
	struct sight *s = arg;
	static uint8_t body[SEGMENT];

	check_state(m);
	if (!m->spilled)
		(void)store_read(s->s, m->loc, 0, body, sizeof(body));
	s->live--;
	return 0;
}

static int
finish(void *arg, const struct store_msg *m)
{
	struct store_loc *loc = arg;

	*loc = m->loc;
	return 1;
}

static int
open_store(struct sight *s, struct memfs *m, bool readonly)
{
	const struct store_params p = { .segment_size = SEGMENT,
		.quota = 16 * SEGMENT,
		.spill_threshold = 4096,
		.max_live_segments = 2,
		.readonly = readonly,
		.eager = true };
	const struct store_callbacks cb = { s, on_message, on_event, NULL };

	*s = (struct sight){ 0 };
	return store_open(&s->s, &m->ops, MEMFS_ROOT, &p, &cb);
}

static void
look(struct memfs *m, struct sight *s)
{
	const struct store_callbacks cb = { s, on_message, on_event, NULL };
	struct store_report r;

	*s = (struct sight){ 0 };
	(void)store_check(&m->ops, MEMFS_ROOT, &cb, &r);
	*s = (struct sight){ 0 };
}

/* A message comes, all others are done with. */
static void
work(struct sight *s)
{
	static const char text[] = "From: a\r\n\r\nbody\r\n";
	const struct iovec body = { (void *)(uintptr_t)text, sizeof(text) - 1 };
	struct store_loc loc, mine;
	int turns;

	for (turns = 0; store_maintain(s->s) == 1 && turns < 100; turns++)
		;
	if (store_append(s->s, IDS + 100, "env", 3, &body, 1, &mine) == -1)
		mine.id = 0;
	(void)store_commit(s->s);
	for (turns = 0; turns < 16 && store_each(s->s, finish, &loc) == 1;
	     turns++) {
		(void)store_done(s->s, loc);
		(void)store_commit(s->s);
	}
	for (turns = 0; store_maintain(s->s) == 1 && turns < 100; turns++)
		;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct image im;
	struct memfs *m = memfs_new(1);
	struct sight first, again;
	int rc;

	assert(m != NULL);
	build(&im, data, len);
	memfs_put(m, NAME, im.bytes, sizeof(im.bytes));
	look(m, &again);
	if (open_store(&again, m, true) == 0) {
		store_close(again.s);
		rc = open_store(&first, m, false);
		assert(rc == 0);
		assert(first.live == again.live && first.ids == again.ids);
		rc = store_each(first.s, read_body, &first);
		assert(rc == 0);
		work(&first);
		store_close(first.s);
		if (open_store(&again, m, true) == 0)
			store_close(again.s);
	}
	memfs_free(m);
	return 0;
}
