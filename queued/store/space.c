/* SPDX-License-Identifier: ISC */
/* What is used, what may still be taken, and when to take nothing. */
#include <errno.h>

#include "queued/store/internal.h"

#define FSINFO_AGE 1000 /* ms that an answer of the file system is good for */

static uint64_t
now_ms(struct store *s)
{
	return s->ops->now(s->ops->ctx);
}

/* A clock that was set back must not keep the store shut for years. */
static uint64_t
since(uint64_t now, uint64_t *when)
{
	if (now < *when)
		*when = now;
	return now - *when;
}

void
note_failure(struct store *s, int error, const struct segment *seg)
{
	struct store_event ev = { .error = error };
	uint64_t now = now_ms(s);

	if (seg != NULL) {
		ev.segment = seg->seq;
		ev.offset = seg->end;
	}
	s->poisonings++;
	ev_send(s, STORE_EV_POISONED, ev);
	if (s->last_failure != 0 && !s->refusing &&
	    since(now, &s->last_failure) < FAILURE_WINDOW) {
		s->refusing = true;
		ev_send(s, STORE_EV_REFUSING, ev);
	}
	s->last_failure = now;
}

bool
store_accepting(struct store *s, const char **why)
{
	*why = NULL;
	if (!s->refusing)
		return true;
	if (since(now_ms(s), &s->last_failure) >= FAILURE_WINDOW) {
		s->refusing = false;
		ev_send(s, STORE_EV_ACCEPTING, (struct store_event){ .id = 0 });
		return true;
	}
	*why = "writing to the spool failed twice in ten minutes";
	return false;
}

static uint64_t
file_bytes(uint64_t size)
{
	return size + FILE_OVERHEAD;
}

void
account(struct store *s, const struct entry *e, int sign)
{
	uint64_t one = sign > 0 ? 1 : (uint64_t)-1;

	s->bytes += one * e->size;
	if (!(e->flags & ENTRY_FILE))
		return;
	s->spilled += one;
	s->spilled_bytes += one * file_bytes(e->size);
	s->catalogue += one * (REC_HEADER + REC_FILE_PREFIX + e->env_len);
}

uint64_t
disk_used(const struct store *s)
{
	uint64_t n = (uint64_t)s->nlive + s->nprepared;

	return n * s->p.segment_size + s->fill_off * (s->fill_fd != -1) +
	    s->spilled_bytes;
}

const struct store_fsinfo *
disk_info(struct store *s)
{
	uint64_t now = now_ms(s);

	if (s->fsinfo_when == 0 || since(now, &s->fsinfo_when) >= FSINFO_AGE) {
		if (s->ops->fsinfo(s->ops->ctx, s->dirfd, &s->fsinfo) == -1)
			s->fsinfo.free = s->fsinfo.inodes = 0;
		s->fsinfo_when = now;
	}
	return &s->fsinfo;
}

void
disk_changed(struct store *s)
{
	s->fsinfo_when = 0;
}

static uint64_t
headroom(uint64_t have, uint64_t used)
{
	return have > used ? have - used : 0;
}

/* Largest body that may become a file. */
static uint64_t
room_for_file(struct store *s)
{
	uint64_t room = headroom(disk_info(s)->free, s->p.reserve), quota;

	if (disk_info(s)->inodes < 16)
		return 0;
	if (s->p.quota != 0) {
		quota = headroom(s->p.quota, disk_used(s));
		room = quota < room ? quota : room;
	}
	return headroom(room, FILE_OVERHEAD);
}

/*
 * At MAIL.  Spilling takes what it needs; acceptance then waits.  Segments
 * that upkeep is about to make count already.
 */
bool
over_quota(const struct store *s)
{
	uint64_t to_come = 0;

	if (s->nprepared < PREPARED_WANT)
		to_come = (PREPARED_WANT - s->nprepared) * s->p.segment_size -
		    s->fill_off * (s->fill_fd != -1);
	return s->p.quota != 0 && disk_used(s) + to_come >= s->p.quota;
}

/*
 * At the end of DATA: there was room at MAIL, and the whole of the message
 * has come since.  Only a flood finds the grace used up.
 */
uint64_t
quota_grace(const struct store *s)
{
	return s->p.quota / 8;
}

bool
over_grace(const struct store *s)
{
	return s->p.quota != 0 && disk_used(s) >= s->p.quota + quota_grace(s);
}

/*
 * Largest record that the log can take: only segments that are there count,
 * and the last of them is the reserve.
 */
static uint64_t
room_in_log(struct store *s)
{
	uint64_t fresh = s->p.segment_size - SEG_DATA - START_TOTAL;

	if (over_quota(s) ||
	    (s->cow && disk_info(s)->free < s->p.reserve + fresh))
		return 0;
	if (s->nprepared >= s->batch.plan_used + 2)
		return fresh;
	if (s->batch.plan_size != 0)
		return headroom(s->batch.plan_size, s->batch.plan_end);
	return s->active == NULL ? 0
				 : headroom(s->active->size, s->active->end);
}

uint64_t
store_room_max(struct store *s, enum reason *why)
{
	uint64_t log, file;
	const char *text;

	*why = REASON_STORE_ERROR;
	if (s->p.readonly || !store_accepting(s, &text))
		return 0;
	*why = REASON_QUEUE_FULL;
	/* an envelope of common size goes with it */
	log = headroom(room_in_log(s), REC_HEADER + 4096);
	if (log == 0)
		return 0;
	*why = REASON_OK;
	if (log < s->p.spill_threshold)
		return log;
	file = room_for_file(s);
	return file > s->p.spill_threshold ? file : s->p.spill_threshold;
}

bool
store_room(struct store *s, uint64_t size, enum reason *why)
{
	uint64_t max = store_room_max(s, why);

	if (max == 0)
		return false;
	if (size <= max)
		return true;
	*why = REASON_QUEUE_FULL;
	return false;
}
