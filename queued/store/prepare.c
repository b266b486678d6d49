/* SPDX-License-Identifier: ISC */
/*
 * Segment files: made of zeros in small steps, so that a commit overwrites
 * blocks which the file already has; used again under a new number and epoch;
 * removed.  A descriptor on which a sync failed is never synced again, so
 * directories are opened anew for each sync.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "queued/store/internal.h"

#define FILL_NAME "fill"
#define FILL_STEP (4 * 1024 * 1024)

int
full_pwrite(struct store *s, int fd, const void *buf, size_t len, uint64_t off)
{
	const uint8_t *p = buf;
	ssize_t n;

	while (len > 0) {
		n = s->ops->pwrite(s->ops->ctx, fd, p, len, (off_t)off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return -1;
		}
		p += n;
		len -= (size_t)n;
		off += (uint64_t)n;
	}
	return 0;
}

/* Less than asked for only at the end of the file. */
ssize_t
full_pread(struct store *s, int fd, void *buf, size_t len, uint64_t off)
{
	uint8_t *p = buf;
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		n = s->ops->pread(s->ops->ctx, fd, p + got, len - got,
		    (off_t)(off + got));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int
dir_sync(struct store *s, const char *name)
{
	int fd, r;

	fd = s->ops->openat(s->ops->ctx, s->dirfd, name, O_RDONLY | O_DIRECTORY,
	    0);
	if (fd == -1)
		return -1;
	r = s->ops->fsync(s->ops->ctx, fd);
	if (r == -1) {
		int save = errno;

		(void)s->ops->close(s->ops->ctx, fd);
		errno = save;
		return -1;
	}
	(void)s->ops->close(s->ops->ctx, fd);
	s->syncs++;
	return 0;
}

void
seg_close(struct store *s, struct segment *seg)
{
	if (seg->fd != -1)
		(void)s->ops->close(s->ops->ctx, seg->fd);
	free(seg);
}

void
seg_discard(struct store *s, struct segment *seg)
{
	char name[NAME_LEN];

	seg_name(name, "seg", seg->seq);
	(void)s->ops->unlinkat(s->ops->ctx, s->dirfd, name);
	seg_close(s, seg);
	disk_changed(s);
}

void
seg_set_aside(struct store *s, struct segment *seg)
{
	char from[NAME_LEN], to[NAME_LEN];

	seg_name(from, "seg", seg->seq);
	seg_name(to, "bad", seg->seq);
	(void)s->ops->renameat(s->ops->ctx, s->dirfd, from, to);
	seg_close(s, seg);
}

static int
write_header(struct store *s, struct segment *seg)
{
	struct seg_header h = { SEG_VERSION, seg->seq, seg->epoch, seg->size,
		s->ops->now(s->ops->ctx), s->cow ? 0 : SEG_FILLED };

	memset(s->chunk, 0, SEG_DATA);
	seg_header_put(s->chunk, &h);
	if (full_pwrite(s, seg->fd, s->chunk, SEG_DATA, 0) == -1)
		return -1;
	if (s->ops->fsync(s->ops->ctx, seg->fd) == -1)
		return -1;
	s->syncs++;
	return 0;
}

static void
baptise(struct store *s, struct segment *seg, bool same)
{
	if (!same)
		seg->seq = s->next_seq++;
	do {
		s->ops->random(s->ops->ctx, &seg->epoch, sizeof(seg->epoch));
	} while (seg->epoch == 0);
	seg->size = s->p.segment_size;
	seg->end = SEG_DATA;
	seg->batch = 0;
	seg->poisoned = seg->damaged = false;
}

/*
 * New name, new header.  On failure nothing of the file is used any more; it
 * stands under either name, both of which are free numbers to recovery.
 */
static int
finish(struct store *s, struct segment *seg, const char *from, bool same)
{
	char to[NAME_LEN];
	int error;

	baptise(s, seg, same);
	seg_name(to, "seg", seg->seq);
	if (write_header(s, seg) == -1 ||
	    (!same &&
		(s->ops->renameat(s->ops->ctx, s->dirfd, from, to) == -1 ||
		    dir_sync(s, ".") == -1))) {
		error = errno;
		note_failure(s, error, seg);
		(void)s->ops->unlinkat(s->ops->ctx, s->dirfd, from);
		(void)s->ops->unlinkat(s->ops->ctx, s->dirfd, to);
		seg_close(s, seg);
		errno = error;
		return -1;
	}
	TAILQ_INSERT_TAIL(&s->prepared, seg, link);
	s->nprepared++;
	s->full_told = false;
	disk_changed(s);
	return 0;
}

int
prepare_again(struct store *s, struct segment *seg, bool same)
{
	char name[NAME_LEN];
	uint64_t size;

	if (seg->poisoned || s->cow ||
	    s->ops->size(s->ops->ctx, seg->fd, &size) == -1 ||
	    size != s->p.segment_size) {
		seg_discard(s, seg);
		return 0;
	}
	seg_name(name, "seg", seg->seq);
	return finish(s, seg, name, same);
}

bool
prepare_can(struct store *s)
{
	return disk_info(s)->free >= s->p.segment_size &&
	    disk_info(s)->inodes > 2;
}

bool
prepare_may(struct store *s, uint64_t grace)
{
	uint64_t size = s->p.segment_size;

	if (s->p.quota != 0 && disk_used(s) + size > s->p.quota + grace)
		return false;
	return prepare_can(s);
}

static int
fill_failed(struct store *s)
{
	int error = errno;

	if (s->fill_fd != -1)
		(void)s->ops->close(s->ops->ctx, s->fill_fd);
	s->fill_fd = -1;
	(void)s->ops->unlinkat(s->ops->ctx, s->dirfd, FILL_NAME);
	disk_changed(s);
	if (error != ENOSPC && error != EDQUOT)
		note_failure(s, error, NULL);
	else if (!s->full_told) {
		s->full_told = true;
		ev_send(s, STORE_EV_FULL,
		    (struct store_event){ .error = error });
	}
	errno = error;
	return -1;
}

static int
fill_open(struct store *s)
{
	(void)s->ops->unlinkat(s->ops->ctx, s->dirfd, FILL_NAME);
	s->fill_off = 0;
	s->fill_fd = s->ops->openat(s->ops->ctx, s->dirfd, FILL_NAME,
	    O_RDWR | O_CREAT | O_EXCL, 0600);
	return s->fill_fd == -1 ? -1 : 0;
}

/* Zeros up to "to", in pieces of the scratch chunk. */
static int
fill_zeros(struct store *s, uint64_t to)
{
	size_t n;

	memset(s->chunk, 0, CHUNK_SIZE);
	while (s->fill_off < to) {
		n = to - s->fill_off > CHUNK_SIZE ? CHUNK_SIZE
						  : (size_t)(to - s->fill_off);
		if (full_pwrite(s, s->fill_fd, s->chunk, n, s->fill_off) == -1)
			return -1;
		s->fill_off += n;
	}
	if (s->ops->fdatasync(s->ops->ctx, s->fill_fd) == -1)
		return -1;
	s->syncs++;
	return 0;
}

static int
fill_done(struct store *s)
{
	struct segment *seg = calloc(1, sizeof(*seg));

	if (seg == NULL)
		return fill_failed(s);
	seg->fd = s->fill_fd;
	s->fill_fd = -1;
	return finish(s, seg, FILL_NAME, false);
}

int
prepare_step(struct store *s)
{
	uint64_t to;

	if (s->fill_fd == -1 && fill_open(s) == -1)
		return fill_failed(s);
	if (s->cow)
		return fill_done(s);
	to = s->fill_off + FILL_STEP;
	if (to > s->p.segment_size)
		to = s->p.segment_size;
	if (fill_zeros(s, to) == -1)
		return fill_failed(s);
	return to < s->p.segment_size ? 1 : fill_done(s);
}

int
prepare_now(struct store *s)
{
	int r;

	do {
		r = prepare_step(s);
	} while (r == 1);
	return r;
}
