/* SPDX-License-Identifier: ISC */
/*
 * The records of one segment, and what is damaged in it.
 *
 * A batch is written only when the one before is synced.  So what is bad in
 * the last batch of a segment that may have been cut off by a crash is torn,
 * which is normal; what is bad before it is corruption.  Valid records behind
 * a bad place are found by their header, which has the segment's secret epoch
 * and is valid at its offset only.
 */
#include <errno.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "queued/store/internal.h"
#include "queued/store/le.h"

#define WINDOW (1024 * 1024) /* bytes that are read at once */
#define PAGE   4096

struct bad {
	uint64_t off, len, id;
	uint32_t batch; /* 0: unknown */
	uint16_t type;	/* of the record, 0: unknown */
	size_t next;	/* index of the first valid record behind it */
	int error;
	bool harmless; /* the record is good all the same */
};

struct scanner {
	struct store *s;
	struct segment *seg;
	struct scan *out;
	uint64_t bound; /* no record ends behind */
	bool known_end; /* bound is where the log goes on elsewhere */
	bool synced;
	uint64_t off;
	struct bad *bads;
	size_t nbads, cap_bads;
	/* window on the file, in out's buffer */
	size_t len;
	uint64_t at;
	uint64_t file_size;
	int error; /* of the last read that failed */
};

/* Page by page, zeros for those that cannot be read. */
static size_t
read_around(struct scanner *sc, size_t want)
{
	size_t got = 0, n;
	ssize_t r;

	while (got < want) {
		n = want - got > PAGE ? PAGE : want - got;
		r = full_pread(sc->s, sc->seg->fd, sc->out->buf + got, n,
		    sc->at + got);
		if (r == -1) {
			sc->error = errno;
			memset(sc->out->buf + got, 0, n);
			r = (ssize_t)n;
		}
		got += (size_t)r;
		if ((size_t)r < n)
			break;
	}
	return got;
}

/* The next n bytes from off on; NULL: the file ends before. */
static const uint8_t *
window(struct scanner *sc, uint64_t off, uint64_t n)
{
	size_t want = n > WINDOW ? (size_t)n : WINDOW;
	struct scan *out = sc->out;
	ssize_t r;
	uint8_t *p;

	if (off >= sc->at && off - sc->at <= sc->len &&
	    n <= sc->len - (off - sc->at))
		return out->buf + (off - sc->at);
	if (off > sc->file_size || n > sc->file_size - off)
		return NULL;
	if (want > sc->file_size - off)
		want = (size_t)(sc->file_size - off);
	if (want > out->cap_buf) {
		p = realloc(out->buf, want);
		if (p == NULL)
			return NULL;
		out->buf = p;
		out->cap_buf = want;
	}
	sc->at = off;
	r = full_pread(sc->s, sc->seg->fd, out->buf, want, off);
	sc->len = r == -1 ? read_around(sc, want) : (size_t)r;
	if (sc->s->report != NULL)
		sc->s->report->bytes += sc->len;
	return n <= sc->len ? out->buf : NULL;
}

static int
add_bad(struct scanner *sc, uint64_t off, uint64_t len, const struct rec *r)
{
	struct bad *list, *b;
	size_t cap;

	if (sc->nbads == sc->cap_bads) {
		cap = sc->cap_bads * 2 + 8;
		list = reallocarray(sc->bads, cap, sizeof(*list));
		if (list == NULL)
			return -1;
		sc->bads = list;
		sc->cap_bads = cap;
	}
	b = &sc->bads[sc->nbads++];
	*b = (struct bad){ .off = off,
		.len = len,
		.error = sc->error,
		.next = sc->out->nrecs };
	if (r != NULL) {
		b->id = r->id;
		b->batch = r->batch;
		b->type = r->type;
	}
	sc->error = 0;
	return 0;
}

/* What replay needs of a payload; false: not well-formed. */
static bool
digest(struct scanned *sd, const struct rec *r, const uint8_t *p)
{
	struct rec_file f;

	switch (r->type) {
	case REC_MSG:
		sd->a = le32_get(p);
		sd->b = le32_get(p + 4);
		sd->size = r->len - REC_MSG_PREFIX - sd->a;
		return r->id != 0;
	case REC_FILE:
	case REC_MOVED:
		if (rec_file_get(p, r->len, &f) == -1)
			return false;
		sd->a = f.env_len;
		sd->b = f.body_crc;
		sd->size = f.size;
		return r->id != 0;
	case REC_STATE:
	case REC_TAIL:
		if (r->len < REC_STATE_PREFIX)
			return false;
		sd->a = le32_get(p);
		sd->b = le32_get(p + 4);
		return true;
	case REC_START:
		return r->len >= REC_START_LEN;
	default:
		return true; /* DONE; or of a later program */
	}
}

static int
add_record(struct scanner *sc, const struct rec *r, const uint8_t *payload)
{
	struct scan *out = sc->out;
	struct scanned *list,
	    sd = { .off = sc->off,
		    .id = r->id,
		    .len = r->len,
		    .batch = r->batch,
		    .type = r->type,
		    .flags = r->flags };
	size_t cap;

	if (!digest(&sd, r, payload))
		return add_bad(sc, sc->off, rec_total(r->len), r);
	if (out->nrecs == out->cap_recs) {
		cap = out->cap_recs * 2 + 256;
		list = reallocarray(out->recs, cap, sizeof(*list));
		if (list == NULL)
			return -1;
		out->recs = list;
		out->cap_recs = cap;
	}
	if (r->type == REC_START && sc->off == SEG_DATA) {
		rec_start_get(payload, &out->start);
		out->has_start = true;
	}
	out->recs[out->nrecs++] = sd;
	return 0;
}

/* How many of these bytes are zeros for certain: most of a segment's end. */
static uint64_t
zeros(const uint8_t *p, uint64_t n)
{
	uint64_t w[8], done;

	for (done = 0; n - done >= sizeof(w); done += sizeof(w)) {
		memcpy(w, p + done, sizeof(w));
		if ((w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]) !=
		    0)
			break;
	}
	return done;
}

/* Offset of the next valid header, or 0. */
static uint64_t
search(struct scanner *sc, uint64_t off)
{
	struct rec_place place;
	const uint8_t *p;
	struct rec r;
	uint64_t n, skip;

	while (off + REC_HEADER <= sc->bound) {
		p = window(sc, off, REC_HEADER);
		if (p == NULL)
			return 0;
		n = sc->len - (off - sc->at);
		if (n > sc->bound - off)
			n = sc->bound - off;
		for (; n >= REC_HEADER; n -= skip, p += skip, off += skip) {
			skip = 8;
			if (le32_get(p) == 0)
				skip += zeros(p + 8, n - REC_HEADER);
			if (le32_get(p) != REC_MAGIC)
				continue;
			place = seg_place(sc->seg, off);
			if (rec_get(p, &r, &place) == 0)
				return off;
		}
	}
	return 0;
}

/* A header that is not valid: 1 go on behind it, 0 the log ends, -1. */
static int
skip_bad(struct scanner *sc, const uint8_t *p)
{
	struct rec_place place = seg_place(sc->seg, sc->off);
	bool near = p != NULL && rec_near(p, &place);
	uint64_t next = search(sc, sc->off + 8);

	if (next != 0) {
		if (add_bad(sc, sc->off, next - sc->off, NULL) == -1)
			return -1;
		sc->off = next;
		return 1;
	}
	if ((near || sc->error != 0) && !sc->known_end &&
	    add_bad(sc, sc->off, 0, NULL) == -1)
		return -1;
	return 0;
}

static void
tell(struct scanner *sc, const struct bad *b, bool torn)
{
	struct store_event ev = { .segment = sc->seg->seq,
		.offset = b->off,
		.length = b->len,
		.id = b->id,
		.record = b->type,
		.harmless = b->harmless,
		.error = b->error };
	struct store_report *rp = sc->s->report;

	if (!torn)
		sc->seg->damaged = sc->s->damage = true;
	if (rp != NULL)
		*(torn ? &rp->torn : &rp->corrupt) += 1;
	ev_send(sc->s, torn ? STORE_EV_TORN : STORE_EV_CORRUPT, ev);
}

/* The record is whole, but something stands where its padding should. */
static int
add_padding(struct scanner *sc, const struct rec *r)
{
	if (add_bad(sc, sc->off + REC_HEADER + r->len, 8, r) == -1)
		return -1;
	sc->bads[sc->nbads - 1].harmless = true;
	return 0;
}

/* One record: 1 go on, 0 the log ends, -1 no memory. */
static int
step(struct scanner *sc)
{
	struct rec_place place = seg_place(sc->seg, sc->off);
	uint64_t left = sc->bound - sc->off, total;
	const uint8_t *p;
	struct rec r;
	int ret;

	if (left < REC_HEADER)
		return 0;
	p = window(sc, sc->off, REC_HEADER);
	if (p == NULL)
		return 0;
	if (rec_get(p, &r, &place) == -1 || (total = rec_total(r.len)) > left)
		return skip_bad(sc, p);
	p = window(sc, sc->off, total);
	if (p != NULL && rec_sound(&r, p + REC_HEADER)) {
		ret = add_record(sc, &r, p + REC_HEADER);
		if (ret == 0 && !rec_padded(&r, p + REC_HEADER))
			ret = add_padding(sc, &r);
	} else
		ret = add_bad(sc, sc->off, total, &r);
	sc->off += total;
	return ret == -1 ? -1 : 1;
}

/*
 * The number of the last batch that something was written of.  A header that
 * cannot be read behind a batch that is complete was the next one's.
 */
static uint32_t
last_batch(const struct scanner *sc)
{
	const struct scanned *end = NULL;
	uint32_t max = 0, n;
	size_t i;

	if (sc->out->nrecs > 0) {
		end = &sc->out->recs[sc->out->nrecs - 1];
		max = end->batch;
	}
	for (i = 0; i < sc->nbads; i++) {
		n = sc->bads[i].batch;
		if (n == 0 && sc->bads[i].next >= sc->out->nrecs &&
		    end != NULL && (end->flags & REC_LAST))
			n = end->batch + 1;
		if (n > max)
			max = n;
	}
	return max;
}

/* May this place have been bad since it was written? */
static bool
is_torn(const struct scanner *sc, const struct bad *b, uint32_t last)
{
	const struct scanned *recs = sc->out->recs, *prev, *next;

	if (sc->synced)
		return false;
	if (b->batch != 0)
		return b->batch == last;
	if (b->next >= sc->out->nrecs)
		return true; /* nothing behind it */
	next = &recs[b->next];
	if (next->batch != last || (next->flags & REC_FIRST))
		return false;
	if (b->next == 0)
		return last == 1;
	prev = &recs[b->next - 1];
	return prev->batch == last ||
	    (prev->batch == last - 1 && (prev->flags & REC_LAST));
}

static void
judge(struct scanner *sc)
{
	struct scan *out = sc->out;
	uint32_t last = last_batch(sc);
	bool torn = false, one;
	struct bad end = { .off = sc->off };
	size_t i;

	for (i = 0; i < sc->nbads; i++) {
		one = is_torn(sc, &sc->bads[i], last);
		torn |= one && !sc->bads[i].harmless;
		tell(sc, &sc->bads[i], one);
	}
	if (sc->known_end && sc->off < sc->bound) {
		end.len = sc->bound - sc->off;
		tell(sc, &end, !sc->synced);
	} else if (!sc->synced && !torn && out->nrecs > 0 &&
	    !(out->recs[out->nrecs - 1].flags & REC_LAST)) {
		torn = true;
		tell(sc, &end, true);
	}
	out->whole = !torn;
	sc->seg->batch = last;
	sc->seg->end = sc->off;
}

int
scan_segment(struct store *s, struct segment *seg, uint64_t limit, bool synced,
    struct scan *out)
{
	struct scanner sc = { .s = s,
		.seg = seg,
		.out = out,
		.off = SEG_DATA,
		.synced = synced };
	int r = -1;

	out->nrecs = 0;
	out->has_start = false;
	sc.known_end = limit != 0;
	sc.bound = limit != 0 && limit < seg->size ? limit : seg->size;
	if (s->ops->size(s->ops->ctx, seg->fd, &sc.file_size) == -1)
		return -1;
	do {
		r = step(&sc);
	} while (r == 1);
	if (r == 0) {
		judge(&sc);
		if (s->report != NULL)
			s->report->records += out->nrecs;
	}
	free(sc.bads);
	return r;
}

void
scan_free(struct scan *sc)
{
	free(sc->recs);
	free(sc->buf);
	memset(sc, 0, sizeof(*sc));
}
