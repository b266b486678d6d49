/* SPDX-License-Identifier: ISC */
/* Opening, closing, and what the store says about itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "queued/store/internal.h"

#define AUTO_MIN    (1024 * 1024)
#define AUTO_PARTS  16 /* segments that a quota is good for, at least */
#define SEGMENT_MAX (2ULL * 1024 * 1024 * 1024)

/* Large segments cost least; a small quota must still hold several. */
static uint64_t
auto_size(uint64_t quota)
{
	uint64_t size = STORE_SEGMENT_DEFAULT;

	while (quota != 0 && size > AUTO_MIN && size > quota / AUTO_PARTS)
		size /= 2;
	return size;
}

static int
resolve(struct store_params *p)
{
	if (p->segment_size == 0)
		p->segment_size = auto_size(p->quota);
	if (p->spill_threshold == 0)
		p->spill_threshold = STORE_SPILL_DEFAULT;
	if (p->max_live_segments == 0)
		p->max_live_segments = STORE_LIVE_DEFAULT;
	if (p->reserve == 0)
		p->reserve = 2 * p->segment_size;
	if (p->segment_size < STORE_SEGMENT_MIN ||
	    p->segment_size > SEGMENT_MAX || p->segment_size % 4096 != 0 ||
	    (p->quota != 0 && p->quota < 4 * p->segment_size)) {
		errno = EINVAL;
		return -1;
	}
	/* half a segment leaves as much for the envelope */
	if (p->spill_threshold > p->segment_size / 2)
		p->spill_threshold = p->segment_size / 2;
	return 0;
}

static struct store *
allocate(const struct store_ops *ops, int dirfd,
    const struct store_params *params, const struct store_callbacks *cb)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->ops = ops;
	s->dirfd = dirfd;
	if (params != NULL)
		s->p = *params;
	if (cb != NULL)
		s->cb = *cb;
	s->fill_fd = -1;
	TAILQ_INIT(&s->live);
	TAILQ_INIT(&s->prepared);
	s->chunk = malloc(CHUNK_SIZE);
	if (s->chunk != NULL && index_init(&s->ix) == 0 && resolve(&s->p) == 0)
		return s;
	store_close(s);
	return NULL;
}

static int
call_message(void *arg, const struct store_msg *m)
{
	struct store *s = arg;

	s->cb.message(s->cb.arg, m);
	return 0;
}

static int
start(struct store *s)
{
	if (!s->p.readonly && s->ops->lock(s->ops->ctx, s->dirfd) == -1)
		return -1;
	s->cow = disk_info(s)->cow;
	if (s->cow && !s->p.readonly)
		ev_send(s, STORE_EV_COW, (struct store_event){ .id = 0 });
	if (recover(s) == -1)
		return -1;
	if (s->cb.message == NULL)
		return 0;
	return store_each(s, call_message, s);
}

static int
open_with(struct store **out, struct store *s)
{
	int save;

	if (s == NULL)
		return -1;
	if (start(s) == 0) {
		*out = s;
		return 0;
	}
	save = errno;
	store_close(s);
	errno = save;
	return -1;
}

int
store_open(struct store **out, const struct store_ops *ops, int dirfd,
    const struct store_params *params, const struct store_callbacks *cb)
{
	return open_with(out, allocate(ops, dirfd, params, cb));
}

static void
close_list(struct store *s, struct seglist *list)
{
	struct segment *seg;

	while ((seg = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, seg, link);
		seg_close(s, seg);
	}
}

void
store_close(struct store *s)
{
	int save = errno;

	close_list(s, &s->live);
	close_list(s, &s->prepared);
	if (s->fill_fd != -1)
		(void)s->ops->close(s->ops->ctx, s->fill_fd);
	index_free(&s->ix);
	free(s->byseq);
	free(s->fixups);
	free(s->batch.buf);
	free(s->batch.recs);
	free(s->batch.unlinks);
	free(s->chunk);
	free(s);
	errno = save;
}

void
store_get_stats(const struct store *s, struct store_stats *st)
{
	*st = (struct store_stats){
		.messages = s->ix.count,
		.bytes = s->bytes,
		.spilled = s->spilled,
		.spilled_bytes = s->spilled_bytes,
		.disk = disk_used(s),
		.quota = s->p.quota,
		.segments = s->nlive,
		.prepared = s->nprepared,
		.commits = s->commits,
		.syncs = s->syncs,
		.poisoned = s->poisonings,
		.memory = index_memory(&s->ix),
	};
}

/* --- looking at a spool --- */

/* What a record says of the size of a file may be anything. */
static int
verify_body(struct store *s, const struct store_msg *m)
{
	uint8_t *body;
	ssize_t n = -1;
	int fd;

	if (m->spilled) {
		fd = store_open_body(s, m->loc);
		if (fd != -1)
			(void)s->ops->close(s->ops->ctx, fd);
		return fd == -1 ? -1 : 0;
	}
	body = malloc(m->size > 0 ? m->size : 1);
	if (body != NULL)
		n = store_read(s, m->loc, 0, body, m->size);
	free(body);
	return n == (ssize_t)m->size ? 0 : -1;
}

static int
check_message(void *arg, const struct store_msg *m)
{
	struct store *s = arg;
	struct store_event ev = { .id = m->loc.id };

	s->report->messages++;
	if (m->spilled) {
		s->report->spilled++;
		s->report->bytes += m->size;
	}
	if (verify_body(s, m) == -1) {
		ev.error = errno;
		s->report->lost++;
		ev_send(s, STORE_EV_LOST, ev);
	} else if (s->tell != NULL) {
		s->tell(s->cb.arg, m);
	}
	return 0;
}

int
store_check(const struct store_ops *ops, int dirfd,
    const struct store_callbacks *cb, struct store_report *report)
{
	struct store_params p = { .readonly = true };
	struct store_callbacks quiet = { 0 };
	struct store *s;
	int r;

	memset(report, 0, sizeof(*report));
	if (cb != NULL) {
		quiet = *cb;
		quiet.message = NULL; /* not before it is verified */
	}
	s = allocate(ops, dirfd, &p, &quiet);
	if (s == NULL)
		return -1;
	s->report = report;
	if (cb != NULL)
		s->tell = cb->message;
	if (open_with(&s, s) == -1)
		return -1;
	r = store_each(s, check_message, s);
	if (r == 0)
		report->orphans = sweep_count(s);
	store_close(s);
	if (r != 0)
		return -1;
	return report->corrupt + report->missing + report->lost > 0 ||
	    (report->segments == 0 && report->orphans > 0);
}
