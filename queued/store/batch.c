/* SPDX-License-Identifier: ISC */
/*
 * The batch: records that wait for the next commit, one after the other as
 * they will stand on disk, but without a place yet.
 */
#include <errno.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "queued/store/crc32c.h"
#include "queued/store/internal.h"
#include "queued/store/le.h"

static const struct rec_place nowhere;

bool
batch_empty(const struct store *s)
{
	return s->batch.nrecs == 0;
}

size_t
store_batch_bytes(const struct store *s)
{
	return s->batch.len;
}

void
batch_reset(struct store *s)
{
	struct batch *b = &s->batch;

	b->len = b->nrecs = 0;
	b->plan_end = b->plan_size = 0;
	b->plan_used = 0;
	b->stuck = false;
}

static int
grow(struct batch *b, size_t more)
{
	struct batch_rec *recs;
	uint8_t *buf;
	size_t cap;

	if (more > b->cap - b->len) {
		cap = b->cap * 2 + more;
		buf = realloc(b->buf, cap);
		if (buf == NULL)
			return -1;
		b->buf = buf;
		b->cap = cap;
	}
	if (b->nrecs == b->cap_recs) {
		cap = b->cap_recs * 2 + 64;
		recs = reallocarray(b->recs, cap, sizeof(*recs));
		if (recs == NULL)
			return -1;
		b->recs = recs;
		b->cap_recs = cap;
	}
	return 0;
}

/* Follow in thought where the records will go. */
static void
plan_add(struct store *s, uint64_t total)
{
	struct batch *b = &s->batch;

	if (b->plan_size == 0 && s->active != NULL) {
		b->plan_end = s->active->end;
		b->plan_size = s->active->size;
	}
	if (b->plan_size == 0 || total > b->plan_size - b->plan_end) {
		b->plan_used++;
		b->plan_end = SEG_DATA + START_TOTAL;
		b->plan_size = s->p.segment_size;
	}
	b->plan_end += total;
}

void
batch_replan(struct store *s)
{
	struct batch *b = &s->batch;
	size_t i, end;

	b->plan_end = b->plan_size = 0;
	b->plan_used = 0;
	for (i = 0; i < b->nrecs; i++) {
		end = i + 1 < b->nrecs ? b->recs[i + 1].pos : b->len;
		plan_add(s, end - b->recs[i].pos);
	}
}

static bool
plan_fits(const struct store *s, uint64_t total)
{
	const struct batch *b = &s->batch;

	if (b->plan_size != 0)
		return total <= b->plan_size - b->plan_end;
	return s->active != NULL && total <= s->active->size - s->active->end;
}

int
batch_admit(struct store *s, uint64_t total)
{
	struct batch *b = &s->batch;

	if (total > s->p.segment_size - SEG_DATA - START_TOTAL) {
		errno = EMSGSIZE;
		return -1;
	}
	if (b->len > 0 && b->len + total > BATCH_MAX) {
		errno = b->stuck ? ENOSPC : EAGAIN;
		return -1;
	}
	if (over_grace(s) && !s->report_only) {
		errno = ENOSPC;
		return -1;
	}
	if (plan_fits(s, total))
		return 0;
	/* the last prepared segment is for results alone */
	while (s->nprepared < b->plan_used + 2) {
		if (s->report_only ? !prepare_can(s)
				   : !prepare_may(s, quota_grace(s))) {
			errno = ENOSPC;
			return -1;
		}
		if (prepare_now(s) == -1)
			return -1;
	}
	return 0;
}

uint8_t *
batch_add(struct store *s, enum rec_type type, uint64_t id, uint32_t len,
    bool own)
{
	struct batch *b = &s->batch;
	struct rec r = { .type = (uint16_t)type, .len = len, .id = id };
	uint64_t total = rec_total(len);
	uint8_t *p;

	if (grow(b, total) == -1)
		return NULL;
	p = b->buf + b->len;
	rec_put(p, &r, &nowhere);
	memset(p + total - 8, 0, 8); /* padding; DONE has neither */
	if (len == 0)
		rec_put(p, &r, &nowhere);
	b->recs[b->nrecs].pos = b->len;
	b->recs[b->nrecs].own = own;
	b->nrecs++;
	b->len += total;
	plan_add(s, total);
	return p + REC_HEADER;
}

void
batch_seal(struct store *s)
{
	struct batch *b = &s->batch;
	uint8_t *p = b->buf + b->recs[b->nrecs - 1].pos;
	struct rec r;

	if (rec_get(p, &r, &nowhere) == -1)
		fatalx("store: batch record overwritten");
	r.crc =
	    crc32c(0, p + REC_HEADER, (size_t)rec_covered(&r, p + REC_HEADER));
	rec_put(p, &r, &nowhere);
}

int
batch_unlink(struct store *s, uint64_t id)
{
	struct batch *b = &s->batch;
	uint64_t *list;
	size_t cap;

	if (b->nunlinks == b->cap_unlinks) {
		cap = b->cap_unlinks * 2 + 16;
		list = reallocarray(b->unlinks, cap, sizeof(*list));
		if (list == NULL)
			return -1; /* an orphan, swept after the next start */
		b->unlinks = list;
		b->cap_unlinks = cap;
	}
	b->unlinks[b->nunlinks++] = id;
	return 0;
}

void
batch_keep_file(struct store *s, uint64_t id)
{
	struct batch *b = &s->batch;
	size_t i;

	for (i = 0; i < b->nunlinks; i++)
		if (b->unlinks[i] == id)
			b->unlinks[i--] = b->unlinks[--b->nunlinks];
}

int
batch_may_append(struct store *s, uint64_t id, size_t env_len)
{
	const char *why;

	if (s->p.readonly) {
		errno = EROFS;
		return -1;
	}
	if (!store_accepting(s, &why)) {
		errno = EIO;
		return -1;
	}
	if (id == 0 || env_len == 0) {
		errno = EINVAL;
		return -1;
	}
	if (index_find(&s->ix, id) != 0) {
		errno = EEXIST;
		return -1;
	}
	return 0;
}

/* The entry and the record of a new message; its payload or NULL. */
static uint8_t *
add_message(struct store *s, enum rec_type type, uint64_t id, uint32_t len,
    struct store_loc *loc)
{
	uint32_t slot = index_add(&s->ix, id);
	uint8_t *p;

	if (slot == 0)
		return NULL;
	p = batch_add(s, type, id, len, true);
	if (p == NULL) {
		index_remove(&s->ix, slot);
		return NULL;
	}
	index_at(&s->ix, slot)->flags = ENTRY_PENDING;
	if (id > s->newest)
		s->newest = id;
	loc->id = id;
	loc->slot = slot;
	return p;
}

static size_t
iov_length(const struct iovec *iov, int n)
{
	size_t len = 0;
	int i;

	for (i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

int
store_append(struct store *s, uint64_t id, const void *env, size_t env_len,
    const struct iovec *body, int npieces, struct store_loc *loc)
{
	size_t size = iov_length(body, npieces), len;
	uint32_t crc = 0;
	uint8_t *p, *q;
	int i;

	if (batch_may_append(s, id, env_len) == -1)
		return -1;
	if (size > s->p.spill_threshold || env_len > s->p.segment_size) {
		errno = EMSGSIZE;
		return -1;
	}
	len = REC_MSG_PREFIX + env_len + size;
	if (len > UINT32_MAX - 64 ||
	    batch_admit(s, rec_total((uint32_t)len)) == -1)
		return -1;
	p = add_message(s, REC_MSG, id, (uint32_t)len, loc);
	if (p == NULL)
		return -1;
	memcpy(p + REC_MSG_PREFIX, env, env_len);
	q = p + REC_MSG_PREFIX + env_len;
	for (i = 0; i < npieces; i++) {
		if (body[i].iov_len == 0)
			continue;
		memcpy(q, body[i].iov_base, body[i].iov_len);
		crc = crc32c(crc, q, body[i].iov_len);
		q += body[i].iov_len;
	}
	le32_put(p, (uint32_t)env_len);
	le32_put(p + 4, crc);
	batch_seal(s);
	return 0;
}

int
store_append_report(struct store *s, uint64_t id, const void *env,
    size_t env_len, const struct iovec *body, int npieces,
    struct store_loc *loc)
{
	int r;

	s->report_only = true;
	r = store_append(s, id, env, env_len, body, npieces, loc);
	s->report_only = false;
	return r;
}

int
store_append_fd(struct store *s, uint64_t id, const void *env, size_t env_len,
    const struct store_source *src, struct store_loc *loc)
{
	struct store_msg m = { .loc = { id, 0 },
		.env = env,
		.env_len = env_len };
	struct rec_file f = { .env_len = (uint32_t)env_len };
	size_t len = REC_FILE_PREFIX + env_len;
	uint8_t *p;

	if (batch_may_append(s, id, env_len) == -1)
		return -1;
	if (env_len > s->p.segment_size) {
		errno = EMSGSIZE;
		return -1;
	}
	if (batch_admit(s, rec_total((uint32_t)len)) == -1)
		return -1;
	m.size = f.size = src->head.iov_len + src->size;
	batch_keep_file(s, id);
	if (spill_write(s, &m, src, &f.body_crc) == -1)
		return -1;
	p = add_message(s, REC_FILE, id, (uint32_t)len, loc);
	if (p == NULL) {
		spill_remove(s, id);
		return -1;
	}
	rec_file_put(p, &f);
	memcpy(p + REC_FILE_PREFIX, env, env_len);
	batch_seal(s);
	return 0;
}

static int
may_record(struct store *s, struct store_loc loc, uint64_t total,
    uint32_t *slot)
{
	if (s->p.readonly) {
		errno = EROFS;
		return -1;
	}
	if (total > s->p.segment_size - SEG_DATA - START_TOTAL) {
		errno = EMSGSIZE;
		return -1;
	}
	if (s->batch.len + total > BATCH_STATES_MAX) {
		errno = s->batch.stuck ? ENOSPC : EAGAIN;
		return -1;
	}
	return load_slot(s, loc, slot);
}

int
store_state(struct store *s, struct store_loc loc, const struct store_state *st)
{
	size_t len = state_size(st);
	uint32_t slot;
	uint8_t *p;

	if (len == 0)
		return -1;
	if (len > s->p.segment_size) {
		errno = EMSGSIZE;
		return -1;
	}
	len += REC_STATE_PREFIX;
	if (may_record(s, loc, rec_total((uint32_t)len), &slot) == -1)
		return -1;
	p = batch_add(s, REC_STATE, loc.id, (uint32_t)len, false);
	if (p == NULL)
		return -1;
	memset(p, 0, REC_STATE_PREFIX); /* known when it gets its place */
	state_put(p + REC_STATE_PREFIX, st);
	batch_seal(s);
	return 0;
}

int
store_done(struct store *s, struct store_loc loc)
{
	uint32_t slot;

	if (may_record(s, loc, rec_total(0), &slot) == -1 ||
	    batch_add(s, REC_DONE, loc.id, 0, false) == NULL)
		return -1;
	index_at(&s->ix, slot)->flags |= ENTRY_GONE;
	return 0;
}
