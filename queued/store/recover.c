/* SPDX-License-Identifier: ISC */
/*
 * Recovery: which segments there are, which of them make up the log, and in
 * what order it goes on from one to the next.  Each segment's START names the
 * one before and where that ends; numbers between the two are void (segments
 * in which nothing was ever committed).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "queued/store/crc32c.h"
#include "queued/store/internal.h"
#include "queued/store/le.h"

enum kind {
	K_LOG,	 /* identified: holds records, or is prepared */
	K_STRAY, /* has another's header */
	K_BLANK	 /* neither header nor START can be read */
};

struct found {
	uint32_t seq; /* by its name */
	enum kind kind;
	struct segment *seg; /* NULL once it is disposed of */
	bool has_start;
	struct rec_start start;
	bool freed;	/* void, or before the oldest that is needed */
	uint64_t limit; /* its end, known from the next; 0: not known */
	bool synced;
	uint32_t header_seq;
	bool bad_header; /* but its START could be read */
	uint64_t cut;	 /* not 0: bytes that its file should have */
	uint64_t file;	 /* bytes that it has */
};

struct recovery {
	struct store *s;
	struct found *list;
	size_t n, cap;
	struct scan scan;
	uint32_t last;	 /* segment that was begun last, 0: not known */
	uint32_t newest; /* rec_time() that a START knew */
};

static int
note_name(void *arg, const char *name)
{
	struct recovery *rc = arg;
	struct found *list;
	const char *error;
	uint32_t seq;
	size_t cap;

	if (strncmp(name, "seg.", 4) != 0 || strlen(name) < 12)
		return 0;
	seq = (uint32_t)strtonum(name + 4, 1, UINT32_MAX - 1, &error);
	if (error != NULL)
		return 0;
	if (rc->n == rc->cap) {
		cap = rc->cap * 2 + 16;
		list = reallocarray(rc->list, cap, sizeof(*list));
		if (list == NULL)
			return -1;
		rc->list = list;
		rc->cap = cap;
	}
	rc->list[rc->n++] = (struct found){ .seq = seq };
	return 0;
}

static int
by_seq(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

static void
tell(struct store *s, enum store_event_kind kind, struct store_event ev)
{
	struct store_report *rp = s->report;

	if (rp != NULL && kind == STORE_EV_HEADER)
		rp->corrupt++;
	else if (rp != NULL &&
	    (kind == STORE_EV_MISSING ||
		(kind == STORE_EV_FOREIGN && !ev.harmless)))
		rp->missing++;
	ev_send(s, kind, ev);
}

static bool
read_start(const uint8_t *page, struct found *f, uint64_t epoch)
{
	struct rec_place place = { f->seq, epoch, SEG_DATA };
	struct rec r;

	if (rec_get(page, &r, &place) == -1 || r.type != REC_START ||
	    r.len < REC_START_LEN || r.len > REC_START_LEN + 64 ||
	    crc32c(0, page + REC_HEADER, REC_START_LEN) != r.crc ||
	    r.len != REC_START_LEN)
		return false;
	rec_start_get(page + REC_HEADER, &f->start);
	return f->start.seq == f->seq;
}

static bool
rest_is_zero(const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static void
tell_version(struct store *s, uint32_t seq, uint32_t version)
{
	struct store_event ev = { .segment = seq,
		.version = version,
		.error = ENOTSUP };

	tell(s, STORE_EV_VERSION, ev);
	errno = ENOTSUP;
}

/* What a segment is, from its first bytes.  -1: of a later version. */
static int
identify(struct store *s, struct found *f, const uint8_t *page)
{
	struct seg_header h = { 0 };
	enum seg_verdict v = seg_header_get(page, &h);
	uint64_t epoch;

	if (v == SEG_FUTURE) {
		tell_version(s, f->seq, h.version);
		return -1;
	}
	f->header_seq = v == SEG_OK ? h.seq : 0;
	if (v == SEG_OK && (h.flags & SEG_FILLED) != 0 &&
	    s->ops->size(s->ops->ctx, f->seg->fd, &f->file) == 0 &&
	    f->file < h.size)
		f->cut = h.size;
	f->kind = K_LOG;
	if (v == SEG_OK && h.seq != f->seq) {
		f->kind = K_STRAY;
		return 0;
	}
	epoch = v == SEG_OK ? h.epoch : le64_get(page + SEG_DATA + 24);
	f->has_start = epoch != 0 && read_start(page + SEG_DATA, f, epoch);
	f->seg->epoch = epoch;
	f->seg->size = v == SEG_OK ? h.size : f->start.size;
	if (f->has_start && f->start.version > SEG_VERSION) {
		tell_version(s, f->seq, f->start.version);
		return -1;
	}
	if (v != SEG_OK && !f->has_start)
		f->kind = K_BLANK;
	else if (v != SEG_OK ||
	    !rest_is_zero(page + SEG_HEADER, SEG_DATA - SEG_HEADER))
		f->bad_header = true;
	return 0;
}

/* What cannot be read even at the second try stays zero, and is no header. */
static void
read_twice(struct store *s, int fd, uint8_t *buf, size_t len, uint64_t off)
{
	int tries;

	for (tries = 0; tries < 2; tries++)
		if (full_pread(s, fd, buf, len, off) != -1)
			return;
	memset(buf, 0, len);
}

/*
 * A segment that cannot be opened is trouble of the system, not bad data: to
 * go on without it would free it in the end.
 */
static int
open_one(struct store *s, struct found *f)
{
	uint8_t page[SEG_DATA + START_TOTAL] = { 0 };
	char name[NAME_LEN];
	int flags = s->p.readonly ? O_RDONLY : O_RDWR;

	f->seg = calloc(1, sizeof(*f->seg));
	if (f->seg == NULL)
		return -1;
	f->seg->seq = f->seq;
	f->seg->end = SEG_DATA;
	seg_name(name, "seg", f->seq);
	f->seg->fd = s->ops->openat(s->ops->ctx, s->dirfd, name, flags, 0);
	if (f->seg->fd == -1)
		return -1;
	read_twice(s, f->seg->fd, page, SEG_DATA, 0);
	read_twice(s, f->seg->fd, page + SEG_DATA, START_TOTAL, SEG_DATA);
	return identify(s, f, page);
}

static int
collect(struct recovery *rc)
{
	struct store *s = rc->s;
	struct found *f;
	size_t i;

	if (s->ops->list(s->ops->ctx, s->dirfd, ".", note_name, rc) != 0)
		return -1;
	if (rc->n > 0)
		qsort(rc->list, rc->n, sizeof(*rc->list), by_seq);
	for (i = 0; i < rc->n; i++) {
		f = &rc->list[i];
		if (open_one(s, f) == -1)
			return -1;
		if (f->seq >= s->next_seq)
			s->next_seq = f->seq + 1;
		if (f->header_seq >= s->next_seq)
			s->next_seq = f->header_seq + 1;
		if (f->has_start && f->start.oldest > s->oldest)
			s->oldest = f->start.oldest;
		if (f->has_start && f->start.newest > rc->newest)
			rc->newest = f->start.newest;
	}
	rc->last = last_read(s);
	if (rc->last >= s->next_seq && rc->last < UINT32_MAX)
		s->next_seq = rc->last + 1;
	return 0;
}

/* From the newest START back: ends, and what is void. */
static void
follow(struct recovery *rc)
{
	struct found *f, *g;
	size_t i, k;

	for (i = rc->n; i-- > 0;) {
		f = &rc->list[i];
		if (!f->has_start || f->freed)
			continue;
		for (k = i; k-- > 0;) {
			g = &rc->list[k];
			if (g->seq < f->start.prev_seq)
				break;
			if (g->seq > f->start.prev_seq) {
				g->freed = true;
				continue;
			}
			g->limit = f->start.prev_end;
			g->synced = f->start.flags & START_PREV_SYNCED;
			g->seg->poisoned = f->start.flags & START_PREV_POISONED;
		}
	}
}

static const struct found *
find(const struct recovery *rc, uint32_t seq)
{
	size_t i;

	for (i = 0; i < rc->n; i++)
		if (rc->list[i].seq == seq)
			return &rc->list[i];
	return NULL;
}

/* What is free may be in the midst of being made new. */
static void
tell_headers(struct recovery *rc)
{
	struct segment *seg;
	size_t i;

	for (i = 0; i < rc->n; i++) {
		seg = seg_by_seq(rc->s, rc->list[i].seq);
		if (!rc->list[i].bad_header || seg == NULL)
			continue;
		tell(rc->s, STORE_EV_HEADER,
		    (struct store_event){ .segment = seg->seq,
			.harmless = true });
		seg->damaged = rc->s->damage = true;
	}
}

static void
tell_missing(struct recovery *rc)
{
	const struct found *f;
	uint32_t prev;
	size_t i;

	for (i = 0; i < rc->n; i++) {
		f = &rc->list[i];
		prev = f->start.prev_seq;
		if (!f->has_start || f->freed || prev == 0 ||
		    prev < rc->s->oldest || find(rc, prev) != NULL)
			continue;
		tell(rc->s, STORE_EV_MISSING,
		    (struct store_event){ .segment = prev, .error = ENOENT });
		rc->s->damage = true;
	}
}

/* The newest segment is not there, or nothing is in it. */
static void
tell_last(struct recovery *rc)
{
	const struct found *f = find(rc, rc->last);
	struct store *s = rc->s;

	if (rc->last == 0 || rc->last < s->oldest ||
	    seg_by_seq(s, rc->last) != NULL || s->log_end.seq > rc->last ||
	    (f != NULL && (f->kind != K_LOG || f->cut != 0)))
		return;
	tell(s, STORE_EV_MISSING,
	    (struct store_event){ .segment = rc->last, .error = ENOENT });
	s->damage = true;
}

/*
 * A file that is shorter than it was made.  Where the next segment says how
 * far the log went, the scan tells; elsewhere nobody knows what was behind.
 */
static void
tell_cut(struct recovery *rc)
{
	const struct found *f;
	struct segment *seg;
	size_t i;

	for (i = 0; i < rc->n; i++) {
		f = &rc->list[i];
		if (f->cut == 0 || f->freed || f->limit != 0)
			continue;
		if (rc->s->report != NULL)
			rc->s->report->corrupt++;
		ev_send(rc->s, STORE_EV_CORRUPT,
		    (struct store_event){ .segment = f->seq,
			.offset = f->file,
			.length = f->cut - f->file });
		rc->s->damage = true;
		seg = seg_by_seq(rc->s, f->seq);
		if (seg != NULL)
			seg->damaged = true;
	}
}

static int
replay_found(struct recovery *rc, struct found *f)
{
	struct store *s = rc->s;

	if (scan_segment(s, f->seg, f->limit, f->synced, &rc->scan) == -1)
		return -1;
	/* prepared, never used; but where the log goes on from is part of it */
	if (rc->scan.nrecs == 0 && !f->seg->damaged && !f->bad_header &&
	    f->limit == 0)
		return 0;
	if (s->report != NULL)
		s->report->segments++;
	s->log_end = spot_at(f->seg, f->seg->end);
	s->log_end_flags = 0;
	if (seg_add_live(s, f->seg) == -1)
		return -1;
	if (replay_segment(s, f->seg, &rc->scan) == -1) {
		f->seg = NULL; /* the table's now */
		return -1;
	}
	f->seg = NULL;
	return 0;
}

static int
replay_all(struct recovery *rc)
{
	struct found *f;
	size_t i;

	for (i = 0; i < rc->n; i++) {
		f = &rc->list[i];
		if (f->seq < rc->s->oldest)
			f->freed = true;
		if (f->kind == K_LOG && !f->freed && replay_found(rc, f) == -1)
			return -1;
	}
	return 0;
}

/* A TAIL may have come to light that frees what was just replayed. */
static void
drop_old(struct recovery *rc)
{
	struct store *s = rc->s;
	struct segment *seg;
	struct found *f;
	uint32_t slot;
	size_t i;

	while ((seg = TAILQ_FIRST(&s->live)) != NULL && seg->seq < s->oldest) {
		while ((slot = seg->head) != 0) {
			seg_unlink(s, slot);
			index_remove(&s->ix, slot);
		}
		seg_del_live(s, seg);
		for (i = 0; i < rc->n; i++) {
			f = &rc->list[i];
			if (f->seq == seg->seq)
				f->seg = seg;
		}
	}
	for (i = 0; i < rc->n; i++)
		if (rc->list[i].seq < s->oldest)
			rc->list[i].freed = true;
}

/*
 * Neither read nor used.  Behind the end of the log it was a spare, of which
 * the header was being written; elsewhere something of the log is gone.
 */
static void
tell_unusable(struct store *s, const struct found *f)
{
	bool in_log = f->limit != 0 || f->seq < s->log_end.seq;

	if (f->kind == K_STRAY)
		tell(s, STORE_EV_FOREIGN,
		    (struct store_event){ .segment = f->seq,
			.harmless = !in_log });
	else
		tell(s, STORE_EV_HEADER,
		    (struct store_event){ .segment = f->seq });
	if (in_log)
		s->damage = true;
}

/* What is not part of the log: used again, set aside, or removed. */
static int
dispose(struct store *s, struct found *f)
{
	struct segment *seg = f->seg;
	bool spare = f->kind == K_LOG && f->seq > s->log_end.seq;

	f->seg = NULL;
	if (s->p.readonly) {
		seg_close(s, seg);
		return 0;
	}
	if (!f->freed && f->kind != K_LOG) {
		tell_unusable(s, f);
		seg_set_aside(s, seg);
		return 0;
	}
	if (seg->damaged) {
		seg_set_aside(s, seg);
		return 0;
	}
	if (s->nprepared >= PREPARED_KEEP) {
		seg_discard(s, seg);
		return 0;
	}
	(void)prepare_again(s, seg, spare);
	return 0;
}

/*
 * Spares hold nothing and may be used at once.  What the log has freed is
 * touched only when the last batch stands in a new segment: the TAIL that
 * freed it may not be on disk yet.
 */
static int
settle(struct recovery *rc, bool spares)
{
	struct store *s = rc->s;
	struct found *f;
	size_t i;

	for (i = 0; i < rc->n; i++) {
		f = &rc->list[i];
		if (f->seg == NULL)
			continue;
		if (spares !=
		    (f->kind == K_LOG && !f->freed && f->seq > s->log_end.seq))
			continue;
		if (dispose(s, f) == -1)
			return -1;
	}
	return 0;
}

static void
look_at_unusable(struct recovery *rc)
{
	const struct found *f;
	size_t i;

	for (i = 0; i < rc->n; i++) {
		f = &rc->list[i];
		if (!f->freed && f->kind != K_LOG)
			tell_unusable(rc->s, f);
	}
}

static int
write_back(struct recovery *rc)
{
	struct store *s = rc->s;

	if (settle(rc, true) == -1 || replay_again(s) == -1)
		return -1;
	if (store_commit(s) == -1) {
		/* rides with later commits; nothing is freed */
		replay_in_place(s);
		return 0;
	}
	if (settle(rc, false) == -1)
		return -1;
	return s->damage ? sweep_adopt(s) : sweep_adopt_newer(s);
}

static void
release(struct recovery *rc)
{
	size_t i;

	for (i = 0; i < rc->n; i++)
		if (rc->list[i].seg != NULL)
			seg_close(rc->s, rc->list[i].seg);
	free(rc->list);
	scan_free(&rc->scan);
}

int
recover(struct store *s)
{
	struct recovery rc = { .s = s };
	int r = -1, save;

	s->next_seq = 1;
	if (collect(&rc) == -1)
		goto out;
	follow(&rc);
	if (replay_all(&rc) == -1)
		goto out;
	drop_old(&rc);
	s->adopt_after = sweep_known(s, rc.newest);
	tell_missing(&rc);
	tell_last(&rc);
	tell_cut(&rc);
	tell_headers(&rc);
	if (s->p.readonly)
		look_at_unusable(&rc);
	if (TAILQ_EMPTY(&s->live)) /* a new spool, or one that lost its log */
		s->damage = true;
	r = s->p.readonly ? 0 : write_back(&rc);
out:
	save = errno;
	release(&rc);
	errno = save;
	return r;
}
