/* SPDX-License-Identifier: ISC */
#include <sys/mman.h>

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "regress/crash/tape.h"

#define TAPE_MAGIC 0x3165706174776f70ULL /* "powtape1" */

struct tape {
	pthread_mutex_t lock;
	size_t cap, cap_bytes;
	size_t n, used;
	struct tape_entry *entries;
	uint8_t *bytes;
};

struct tape_file { /* then entries, then bytes */
	uint64_t magic, n, used;
};

static void *
shared(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap");
	return p;
}

struct tape *
tape_new(size_t entries, size_t bytes)
{
	struct tape *t = shared(sizeof(*t));
	pthread_mutexattr_t a;

	if (pthread_mutexattr_init(&a) != 0 ||
	    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED) != 0 ||
	    pthread_mutex_init(&t->lock, &a) != 0)
		errx(1, "tape: no lock");
	t->cap = entries;
	t->cap_bytes = bytes;
	t->entries = shared(entries * sizeof(*t->entries));
	t->bytes = shared(bytes);
	return t;
}

void
tape_free(struct tape *t)
{
	(void)munmap(t->entries, t->cap * sizeof(*t->entries));
	(void)munmap(t->bytes, t->cap_bytes);
	(void)munmap(t, sizeof(*t));
}

static bool
all_zero(const uint8_t *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

void
tape_add(struct tape *t, enum tape_kind kind, uint64_t off, const void *p,
    size_t len)
{
	struct tape_entry *e;

	if (kind == TAPE_WRITE && all_zero(p, len))
		kind = TAPE_ZERO;
	if (pthread_mutex_lock(&t->lock) != 0)
		errx(1, "tape: lock");
	if (t->n == t->cap || len > UINT32_MAX || len > t->cap_bytes - t->used)
		errx(1, "tape: full after %zu entries", t->n);
	e = &t->entries[t->n];
	*e = (struct tape_entry){ (uint32_t)kind, (uint32_t)len, off, t->used };
	if (kind == TAPE_WRITE || kind == TAPE_MARK) {
		memcpy(t->bytes + t->used, p, len);
		t->used += len;
	}
	t->n++;
	(void)pthread_mutex_unlock(&t->lock);
}

size_t
tape_length(const struct tape *t)
{
	return t->n;
}

const struct tape_entry *
tape_at(const struct tape *t, size_t i)
{
	return &t->entries[i];
}

const uint8_t *
tape_bytes(const struct tape *t, const struct tape_entry *e)
{
	return t->bytes + e->data;
}

void
tape_cut(struct tape *t, size_t n)
{
	if (n >= t->n)
		return;
	t->used = t->entries[n].data;
	t->n = n;
}

int
tape_save(const struct tape *t, const char *path)
{
	struct tape_file h = { TAPE_MAGIC, t->n, t->used };
	FILE *f = fopen(path, "we");
	bool ok;

	if (f == NULL)
		return -1;
	ok = fwrite(&h, sizeof(h), 1, f) == 1 &&
	    fwrite(t->entries, sizeof(*t->entries), t->n, f) == t->n &&
	    fwrite(t->bytes, 1, t->used, f) == t->used;
	return fclose(f) == 0 && ok ? 0 : -1;
}

static bool
plausible(const struct tape *t)
{
	const struct tape_entry *e;
	size_t i;

	for (i = 0; i < t->n; i++) {
		e = &t->entries[i];
		if (e->kind < TAPE_WRITE || e->kind > TAPE_MARK)
			return false;
		if ((e->kind == TAPE_WRITE || e->kind == TAPE_MARK) &&
		    (e->data > t->used || e->len > t->used - e->data))
			return false;
	}
	return true;
}

int
tape_load(struct tape *t, const char *path)
{
	struct tape_file h;
	FILE *f = fopen(path, "re");
	bool ok;

	if (f == NULL)
		return -1;
	ok = fread(&h, sizeof(h), 1, f) == 1 && h.magic == TAPE_MAGIC &&
	    h.n <= t->cap && h.used <= t->cap_bytes &&
	    fread(t->entries, sizeof(*t->entries), h.n, f) == h.n &&
	    fread(t->bytes, 1, h.used, f) == h.used;
	(void)fclose(f);
	if (ok) {
		t->n = h.n;
		t->used = h.used;
		ok = plausible(t);
	}
	if (ok)
		return 0;
	errno = EINVAL;
	return -1;
}
