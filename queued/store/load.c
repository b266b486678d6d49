/* SPDX-License-Identifier: ISC */
/* Messages back from disk: bodies, envelopes, the sum of their states. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "queued/store/crc32c.h"
#include "queued/store/internal.h"
#include "queued/store/le.h"

#define STATE_GUESS 512 /* bytes of a STATE record that are read at first */

bool
entry_is_live(const struct entry *e)
{
	return e->base.seq != 0 && !(e->flags & ENTRY_GONE);
}

int
load_slot(const struct store *s, struct store_loc loc, uint32_t *slot)
{
	const struct entry *e;

	if (loc.slot != 0 && loc.slot < s->ix.used) {
		e = index_at(&s->ix, loc.slot);
		if (e->id == loc.id && loc.id != 0 &&
		    !(e->flags & ENTRY_GONE)) {
			*slot = loc.slot;
			return 0;
		}
	}
	errno = ENOENT;
	return -1;
}

static struct entry *
readable(struct store *s, struct store_loc loc)
{
	uint32_t slot;

	if (load_slot(s, loc, &slot) == -1)
		return NULL;
	if (!entry_is_live(index_at(&s->ix, slot))) {
		errno = EAGAIN; /* not committed yet */
		return NULL;
	}
	return index_at(&s->ix, slot);
}

static int
body_fd(struct store *s, const struct entry *e)
{
	char name[NAME_LEN];

	spill_name(name, e->id, "");
	return s->ops->openat(s->ops->ctx, s->dirfd, name, O_RDONLY, 0);
}

/* Whoever gets the file cannot tell whether it is what was written. */
static int
verify_file(struct store *s, const struct entry *e, int fd)
{
	uint64_t off, size;
	uint32_t crc = 0;
	ssize_t n;

	if (s->ops->size(s->ops->ctx, fd, &size) == -1)
		return -1;
	for (off = 0; off < e->size && size == e->size; off += (uint64_t)n) {
		n = full_pread(s, fd, s->chunk, CHUNK_SIZE, off);
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		crc = crc32c(crc, s->chunk, (size_t)n);
	}
	if (size == e->size && off == size && crc == e->body_crc)
		return 0;
	errno = EBADMSG;
	return -1;
}

int
store_open_body(struct store *s, struct store_loc loc)
{
	const struct entry *e = readable(s, loc);
	int fd, save;

	if (e == NULL)
		return -1;
	if (!(e->flags & ENTRY_FILE)) {
		errno = EINVAL;
		return -1;
	}
	fd = body_fd(s, e);
	if (fd != -1 && verify_file(s, e, fd) == -1) {
		save = errno;
		(void)s->ops->close(s->ops->ctx, fd);
		errno = save;
		return -1;
	}
	return fd;
}

static ssize_t
read_file(struct store *s, const struct entry *e, void *buf, size_t len,
    uint64_t off)
{
	int fd = body_fd(s, e), save;
	ssize_t n;

	if (fd == -1)
		return -1;
	n = full_pread(s, fd, buf, len, off);
	save = errno;
	(void)s->ops->close(s->ops->ctx, fd);
	errno = save;
	return n;
}

static ssize_t
read_log(struct store *s, const struct entry *e, void *buf, size_t len,
    uint64_t off)
{
	const struct segment *seg = seg_by_seq(s, e->base.seq);

	if (seg == NULL) {
		errno = EBADMSG;
		return -1;
	}
	return full_pread(s, seg->fd, buf, len,
	    spot_off(e->base) + REC_HEADER + REC_MSG_PREFIX + e->env_len + off);
}

ssize_t
store_read(struct store *s, struct store_loc loc, uint64_t off, void *buf,
    size_t len)
{
	const struct entry *e = readable(s, loc);
	ssize_t n;

	if (e == NULL)
		return -1;
	if (off >= e->size && !(off == 0 && e->size == 0))
		return 0;
	if (len > e->size - off)
		len = (size_t)(e->size - off);
	n = (e->flags & ENTRY_FILE) ? read_file(s, e, buf, len, off)
				    : read_log(s, e, buf, len, off);
	if (n == -1)
		return -1;
	if ((size_t)n != len ||
	    (len == e->size && crc32c(0, buf, len) != e->body_crc)) {
		errno = EBADMSG;
		return -1;
	}
	return n;
}

int
store_find(const struct store *s, uint64_t id, struct store_loc *loc)
{
	uint32_t slot = index_find(&s->ix, id);

	if (slot == 0 || !entry_is_live(index_at(&s->ix, slot))) {
		errno = ENOENT;
		return -1;
	}
	*loc = (struct store_loc){ id, slot };
	return 0;
}

void
loader_free(struct loader *ld)
{
	size_t i;

	for (i = 0; i < ld->nstates; i++)
		free(ld->states[i]);
	free(ld->states);
	free(ld->base);
	state_sum_free(&ld->sum);
	memset(ld, 0, sizeof(*ld));
}

static void
loader_reset(struct loader *ld)
{
	while (ld->nstates > 0)
		free(ld->states[--ld->nstates]);
	state_sum_reset(&ld->sum);
}

static int
base_fit(struct loader *ld, size_t need)
{
	uint8_t *p;

	if (need <= ld->cap)
		return 0;
	p = realloc(ld->base, need + 4096);
	if (p == NULL)
		return -1;
	ld->base = p;
	ld->cap = need + 4096;
	return 0;
}

/*
 * The base record's header and all of its payload but the body, verified.
 * One read is enough unless a state stands behind the envelope.
 */
static int
read_base(struct store *s, const struct entry *e, struct loader *ld,
    struct rec *r)
{
	const struct segment *seg = seg_by_seq(s, e->base.seq);
	size_t want = REC_HEADER + REC_FILE_PREFIX + (size_t)e->env_len + 256;
	struct rec_place place;
	int64_t need;
	ssize_t n;

	if (seg == NULL)
		goto bad;
	place = seg_place(seg, spot_off(e->base));
	if (base_fit(ld, want) == -1)
		return -1;
	n = full_pread(s, seg->fd, ld->base, want, place.off);
	if (n == -1)
		return -1;
	if (n < REC_HEADER + REC_MSG_PREFIX ||
	    rec_get(ld->base, r, &place) == -1 || r->id != e->id)
		goto bad;
	need = rec_covered(r, ld->base + REC_HEADER);
	if (need == -1)
		goto bad;
	if (n < REC_HEADER + need) {
		if (base_fit(ld, (size_t)(REC_HEADER + need)) == -1)
			return -1;
		n = full_pread(s, seg->fd, ld->base,
		    (size_t)(REC_HEADER + need), place.off);
		if (n == -1)
			return -1;
		if (n < REC_HEADER + need)
			goto bad;
	}
	if (crc32c(0, ld->base + REC_HEADER, (size_t)need) == r->crc)
		return 0;
bad:
	errno = EBADMSG;
	return -1;
}

static uint8_t *
read_state(struct store *s, const struct segment *seg, uint64_t off,
    uint64_t id, uint32_t *len)
{
	struct rec_place place = seg_place(seg, off);
	size_t want = STATE_GUESS;
	struct rec r;
	uint8_t *p, *q;
	ssize_t n;

	p = malloc(want);
	if (p == NULL)
		return NULL;
	n = full_pread(s, seg->fd, p, want, off);
	if (n == -1)
		goto fail;
	if (n < REC_HEADER || rec_get(p, &r, &place) == -1 || r.id != id ||
	    r.type != REC_STATE || r.len < REC_STATE_PREFIX)
		goto bad;
	if ((size_t)n < REC_HEADER + (size_t)r.len) {
		want = REC_HEADER + (size_t)r.len;
		q = realloc(p, want);
		if (q == NULL)
			goto fail;
		p = q;
		n = full_pread(s, seg->fd, p, want, off);
		if (n == -1)
			goto fail;
		if (n < (ssize_t)want)
			goto bad;
	}
	*len = r.len;
	if (crc32c(0, p + REC_HEADER, r.len) == r.crc)
		return p;
bad:
	errno = EBADMSG;
fail:
	free(p);
	return NULL;
}

static int
keep_state(struct loader *ld, uint8_t *p)
{
	uint8_t **list;
	size_t cap;

	if (ld->nstates == ld->cap_states) {
		cap = ld->cap_states * 2 + 8;
		list = reallocarray(ld->states, cap, sizeof(*list));
		if (list == NULL) {
			free(p);
			return -1;
		}
		ld->states = list;
		ld->cap_states = cap;
	}
	ld->states[ld->nstates++] = p;
	return 0;
}

/* Where the record before this one really stands. */
static struct spot
before(const struct store *s, struct spot at, const uint8_t *payload)
{
	size_t lo = 0, hi = s->nfixups, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (spot_is_newer(at, s->fixups[mid].at))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < s->nfixups && s->fixups[lo].at.seq == at.seq &&
	    s->fixups[lo].at.off8 == at.off8)
		return s->fixups[lo].prev;
	return (struct spot){ le32_get(payload), le32_get(payload + 4) };
}

/*
 * From the newest state back to the base record.  What cannot be read ends
 * the way: recipients may then be tried again, none is forgotten.
 */
static int
read_states(struct store *s, const struct entry *e, struct loader *ld)
{
	struct spot at = e->state, prev;
	const struct segment *seg;
	uint32_t len;
	uint8_t *p;

	while (at.seq != 0 && spot_is_newer(at, e->base)) {
		seg = seg_by_seq(s, at.seq);
		if (seg == NULL)
			break;
		p = read_state(s, seg, spot_off(at), e->id, &len);
		if (p == NULL && errno != EBADMSG &&
		    (errno == ENOMEM || !ld->lenient))
			return -1;
		if (p == NULL)
			break;
		if (keep_state(ld, p) == -1)
			return -1;
		p += REC_HEADER;
		if (state_sum_add(&ld->sum, p + REC_STATE_PREFIX,
			len - REC_STATE_PREFIX) == -1 &&
		    errno == ENOMEM)
			return -1;
		prev = before(s, at, p);
		if (!spot_is_newer(at, prev))
			break;
		at = prev;
	}
	return 0;
}

static int
load_once(struct store *s, uint32_t slot, struct loader *ld,
    struct store_msg *m)
{
	const struct entry *e = index_at(&s->ix, slot);
	size_t prefix = REC_MSG_PREFIX, state_len = 0;
	struct rec_file f;
	struct rec r;
	const uint8_t *p;

	loader_reset(ld);
	if (read_base(s, e, ld, &r) == -1)
		return -1;
	p = ld->base + REC_HEADER;
	if (r.type != REC_MSG) {
		if (rec_file_get(p, r.len, &f) == -1) {
			errno = EBADMSG;
			return -1;
		}
		prefix = REC_FILE_PREFIX;
		state_len = f.state_len;
	}
	if (read_states(s, e, ld) == -1)
		return -1;
	p += prefix + e->env_len;
	if (state_len > 0 && state_sum_add(&ld->sum, p, state_len) == -1 &&
	    errno == ENOMEM)
		return -1;
	state_sum_sort(&ld->sum);
	memset(m, 0, sizeof(*m));
	m->loc = (struct store_loc){ e->id, slot };
	m->size = e->size;
	m->spilled = (e->flags & ENTRY_FILE) != 0;
	m->env = p - e->env_len;
	m->env_len = e->env_len;
	m->state = ld->sum.st;
	return 0;
}

/* An error of the system gets a second try, which makes do with less. */
int
load_entry(struct store *s, uint32_t slot, struct loader *ld,
    struct store_msg *m)
{
	int r;

	ld->lenient = false;
	r = load_once(s, slot, ld, m);
	if (r == -1 && errno != EBADMSG && errno != ENOMEM) {
		ld->lenient = true;
		r = load_once(s, slot, ld, m);
	}
	return r;
}

int
store_load(struct store *s, struct store_loc loc,
    int (*cb)(void *, const struct store_msg *), void *arg)
{
	struct loader ld = { 0 };
	struct store_msg m;
	int r = -1, save;

	if (readable(s, loc) != NULL && load_entry(s, loc.slot, &ld, &m) == 0)
		r = cb(arg, &m);
	save = errno;
	loader_free(&ld);
	errno = save;
	return r;
}

static int
each_in(struct store *s, const struct segment *seg, struct loader *ld,
    int (*cb)(void *, const struct store_msg *), void *arg)
{
	struct store_event ev = { .segment = seg->seq };
	struct store_msg m;
	uint32_t slot, next;
	int r;

	for (slot = seg->head; slot != 0; slot = next) {
		next = index_at(&s->ix, slot)->next;
		if (!entry_is_live(index_at(&s->ix, slot)))
			continue;
		if (load_entry(s, slot, ld, &m) == -1) {
			if (errno == ENOMEM)
				return -1;
			ev.error = errno;
			ev.id = index_at(&s->ix, slot)->id;
			ev.offset = spot_off(index_at(&s->ix, slot)->base);
			ev_send(s, STORE_EV_CORRUPT, ev);
			continue;
		}
		r = cb(arg, &m);
		if (r != 0)
			return r;
	}
	return 0;
}

int
store_each(struct store *s, int (*cb)(void *, const struct store_msg *),
    void *arg)
{
	struct loader ld = { 0 };
	struct segment *seg;
	int r = 0;

	TAILQ_FOREACH(seg, &s->live, link) {
		r = each_in(s, seg, &ld, cb, arg);
		if (r != 0)
			break;
	}
	loader_free(&ld);
	return r;
}
