/* SPDX-License-Identifier: ISC */
/*
 * Bodies as files: msg/XX/ID and, for people, msg/XX/ID.env beside it.  XX are
 * two characters of the id which change every half minute, so that what is
 * spilled together shares a directory to sync.  A file counts only when a
 * record names it, so nothing is renamed: written, synced, its directory
 * synced, then the record.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queued/store/crc32c.h"
#include "queued/store/internal.h"

#define SPILL_MESSAGES 8    /* new files of one step */
#define MOVE_MESSAGES  1000 /* records of one step */
#define SPILL_BYTES    (2 * 1024 * 1024)
#define DIR_SHIFT      35 /* bits 35 to 44 are characters 5 and 6 */

uint32_t
spill_dir(uint64_t id)
{
	return (uint32_t)(id >> DIR_SHIFT) & (SPILL_DIRS - 1);
}

void
spill_dir_name(char name[NAME_LEN], uint32_t dir)
{
	char id[MSGID_STRLEN];

	(void)msgid_fmt((uint64_t)dir << DIR_SHIFT, id);
	(void)snprintf(name, NAME_LEN, "msg/%.2s", id + 4);
}

void
spill_name(char name[NAME_LEN], uint64_t id, const char *suffix)
{
	char dir[NAME_LEN], str[MSGID_STRLEN];

	spill_dir_name(dir, spill_dir(id));
	(void)snprintf(name, NAME_LEN, "%.8s/%s%.4s", dir, msgid_fmt(id, str),
	    suffix);
}

void
spill_remove(struct store *s, uint64_t id)
{
	char name[NAME_LEN];

	spill_name(name, id, ".env");
	(void)s->ops->unlinkat(s->ops->ctx, s->dirfd, name);
	spill_name(name, id, "");
	(void)s->ops->unlinkat(s->ops->ctx, s->dirfd, name);
}

static bool
bit_test(const uint32_t *map, uint32_t n)
{
	return map[n / 32] & (1U << (n % 32));
}

static void
bit_set(uint32_t *map, uint32_t n)
{
	map[n / 32] |= 1U << (n % 32);
}

/* A directory that is there may not be on disk yet: sync at first use. */
static int
make_dir(struct store *s, const char *name, const char *parent)
{
	if (s->ops->mkdirat(s->ops->ctx, s->dirfd, name, 0700) == -1 &&
	    errno != EEXIST)
		return -1;
	return dir_sync(s, parent);
}

static int
need_dir(struct store *s, uint32_t dir)
{
	char name[NAME_LEN];

	if (!s->msgdir && make_dir(s, "msg", ".") == -1)
		return -1;
	s->msgdir = true;
	if (bit_test(s->msgdirs, dir))
		return 0;
	spill_dir_name(name, dir);
	if (make_dir(s, name, "msg") == -1)
		return -1;
	bit_set(s->msgdirs, dir);
	return 0;
}

static int
create(struct store *s, const char *name)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL;
	int fd = s->ops->openat(s->ops->ctx, s->dirfd, name, flags, 0600);

	if (fd != -1 || errno != EEXIST)
		return fd;
	/* left by an attempt that failed: no record names it */
	(void)s->ops->unlinkat(s->ops->ctx, s->dirfd, name);
	return s->ops->openat(s->ops->ctx, s->dirfd, name, flags, 0600);
}

/* head, then a descriptor's bytes, in pieces */
static int
copy_source(struct store *s, int fd, const struct store_source *src,
    uint32_t *crc)
{
	uint64_t off = 0, at = src->head.iov_len;
	size_t n;
	ssize_t got;

	*crc = 0;
	if (at > 0) {
		*crc = crc32c(0, src->head.iov_base, at);
		if (full_pwrite(s, fd, src->head.iov_base, at, 0) == -1)
			return -1;
	}
	for (; off < src->size; off += n, at += n) {
		n = src->size - off > CHUNK_SIZE ? CHUNK_SIZE
						 : (size_t)(src->size - off);
		got = full_pread(s, src->fd, s->chunk, n, off);
		if (got == -1)
			return -1;
		if ((size_t)got != n) {
			errno = EINVAL; /* shorter than it was said to be */
			return -1;
		}
		*crc = crc32c(*crc, s->chunk, n);
		if (full_pwrite(s, fd, s->chunk, n, at) == -1)
			return -1;
	}
	return 0;
}

static int
copy_log(struct store *s, int fd, const struct store_msg *m, uint32_t *crc)
{
	uint8_t *body = malloc(m->size > 0 ? m->size : 1);
	ssize_t n;
	int r = -1;

	if (body == NULL)
		return -1;
	n = store_read(s, m->loc, 0, body, m->size);
	if (n != -1) {
		*crc = crc32c(0, body, (size_t)n);
		r = full_pwrite(s, fd, body, (size_t)n, 0);
	}
	free(body);
	return r;
}

int
spill_finish(struct store *s, int fd, int r)
{
	int save;

	if (r == 0) {
		r = s->ops->fsync(s->ops->ctx, fd);
		s->syncs++;
	}
	save = errno;
	(void)s->ops->close(s->ops->ctx, fd);
	errno = save;
	return r;
}

static int
write_body(struct store *s, const struct store_msg *m,
    const struct store_source *src, uint32_t *crc)
{
	char name[NAME_LEN];
	int fd, r;

	spill_name(name, m->loc.id, "");
	fd = create(s, name);
	if (fd == -1)
		return -1;
	r = src != NULL ? copy_source(s, fd, src, crc)
			: copy_log(s, fd, m, crc);
	return spill_finish(s, fd, r);
}

static int
write_env(struct store *s, const struct store_msg *m, uint32_t crc)
{
	struct envfile ef = { 0 };
	char name[NAME_LEN];
	int fd, r = -1;

	if (envfile_make(&ef, m, crc, NULL) == -1)
		return -1;
	spill_name(name, m->loc.id, ".env");
	fd = create(s, name);
	if (fd != -1) {
		r = full_pwrite(s, fd, ef.text, ef.len, 0);
		r = spill_finish(s, fd, r);
	}
	free(ef.text);
	return r;
}

/* src NULL: the body is copied from the log. */
int
spill_write(struct store *s, const struct store_msg *m,
    const struct store_source *src, uint32_t *crc)
{
	uint32_t dir = spill_dir(m->loc.id);
	int error;

	if (need_dir(s, dir) == 0 && write_body(s, m, src, crc) == 0 &&
	    write_env(s, m, *crc) == 0) {
		bit_set(s->batch.dirs, dir);
		return 0;
	}
	error = errno;
	spill_remove(s, m->loc.id);
	if (error == EIO)
		note_failure(s, error, NULL);
	errno = error;
	return -1;
}

int
spill_sync_dirs(struct store *s)
{
	char name[NAME_LEN];
	int r = 0, error = 0;
	uint32_t i;

	for (i = 0; i < SPILL_DIRS && r == 0; i++) {
		if (!bit_test(s->batch.dirs, i))
			continue;
		spill_dir_name(name, i);
		r = dir_sync(s, name);
		error = errno;
	}
	memset(s->batch.dirs, 0, sizeof(s->batch.dirs));
	if (r == -1)
		note_failure(s, error, NULL);
	errno = error;
	return r;
}

/* What the disk does not give back any more; the owner is told. */
static void
lose(struct store *s, uint32_t slot)
{
	struct entry *e = index_at(&s->ix, slot);
	struct segment *seg = seg_by_seq(s, e->base.seq);
	struct store_event ev = { .segment = e->base.seq,
		.offset = spot_off(e->base),
		.id = e->id,
		.error = EBADMSG };

	if (seg != NULL)
		seg->damaged = true;
	seg_unlink(s, slot);
	index_remove(&s->ix, slot);
	ev_send(s, STORE_EV_LOST, ev);
}

static int
add_moved(struct store *s, struct loader *ld, const struct store_msg *m,
    uint32_t crc)
{
	struct rec_file f = { .env_len = (uint32_t)m->env_len,
		.size = m->size,
		.body_crc = crc };
	size_t room = s->p.segment_size - SEG_DATA - START_TOTAL - REC_HEADER -
	    REC_FILE_PREFIX - 8;
	uint8_t *p;

	if (m->env_len > room) {
		errno = EMSGSIZE;
		return -1;
	}
	f.state_len = (uint32_t)state_sum_fit(&ld->sum, room - m->env_len);
	p = batch_add(s, REC_MOVED, m->loc.id,
	    REC_FILE_PREFIX + f.env_len + f.state_len, false);
	if (p == NULL)
		return -1;
	rec_file_put(p, &f);
	memcpy(p + REC_FILE_PREFIX, m->env, m->env_len);
	state_put(p + REC_FILE_PREFIX + m->env_len, &ld->sum.st);
	batch_seal(s);
	return 0;
}

/*
 * One message: as a file if it is none yet, and a record of where it is with
 * all of its state.  1: written, 0: nothing to write (lost), -1.
 */
static int
move_one(struct store *s, uint32_t slot, struct loader *ld, bool *is_new)
{
	const struct entry *e = index_at(&s->ix, slot);
	uint32_t crc = e->body_crc;
	uint64_t id = e->id;
	struct store_msg m;
	int r;

	*is_new = !(e->flags & ENTRY_FILE);
	r = load_entry(s, slot, ld, &m);
	if (r == 0 && *is_new) {
		batch_keep_file(s, id);
		r = spill_write(s, &m, NULL, &crc);
	}
	if (r == -1 && errno == EBADMSG) {
		lose(s, slot);
		return 0;
	}
	if (r == -1)
		return -1;
	if (add_moved(s, ld, &m, crc) == 0)
		return 1;
	if (*is_new)
		spill_remove(s, id);
	return -1;
}

struct moves {
	uint64_t fresh[SPILL_MESSAGES]; /* files that no record names yet */
	size_t nfresh;
	size_t n;
};

static void
moves_undo(struct store *s, struct moves *mv)
{
	while (mv->nfresh > 0)
		spill_remove(s, mv->fresh[--mv->nfresh]);
	batch_reset(s);
}

static int
moves_commit(struct store *s, struct moves *mv)
{
	int error;

	if (mv->n == 0)
		return 0;
	if (spill_sync_dirs(s) == 0)
		return store_commit(s);
	error = errno;
	moves_undo(s, mv);
	errno = error;
	return -1;
}

static int
move(struct store *s, uint32_t slot, struct loader *ld, struct moves *mv)
{
	uint64_t id = index_at(&s->ix, slot)->id;
	bool is_new;
	int r = move_one(s, slot, ld, &is_new);

	if (r == 1) {
		mv->n++;
		if (is_new)
			mv->fresh[mv->nfresh++] = id;
	}
	return r;
}

/* A bounded number of the messages that stand in a segment. */
int
spill_oldest(struct store *s, struct segment *seg)
{
	struct loader ld = { 0 };
	struct moves mv = { .n = 0 };
	uint64_t bytes = 0;
	uint32_t slot, next;
	int r = 0, error = 0;

	for (slot = seg->head; slot != 0 && mv.nfresh < SPILL_MESSAGES &&
	     mv.n < MOVE_MESSAGES && bytes < SPILL_BYTES;
	     slot = next) {
		next = index_at(&s->ix, slot)->next;
		bytes += index_at(&s->ix, slot)->env_len;
		if (!(index_at(&s->ix, slot)->flags & ENTRY_FILE))
			bytes += index_at(&s->ix, slot)->size;
		r = move(s, slot, &ld, &mv);
		error = errno;
		if (r == -1)
			break;
	}
	loader_free(&ld);
	if (moves_commit(s, &mv) == -1)
		return -1;
	errno = error;
	return r == -1 ? -1 : 0;
}

int
store_spill(struct store *s, struct store_loc loc)
{
	struct loader ld = { 0 };
	struct moves mv = { .n = 0 };
	uint32_t slot;
	int r;

	if (s->p.readonly || !batch_empty(s)) {
		errno = s->p.readonly ? EROFS : EAGAIN;
		return -1;
	}
	if (load_slot(s, loc, &slot) == -1)
		return -1;
	if (index_at(&s->ix, slot)->flags & ENTRY_FILE)
		return 0;
	r = move(s, slot, &ld, &mv);
	loader_free(&ld);
	if (r == 0)
		errno = EBADMSG;
	return r == 1 ? moves_commit(s, &mv) : -1;
}
