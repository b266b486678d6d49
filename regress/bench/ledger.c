/* SPDX-License-Identifier: ISC */
#include <sys/mman.h>

#include <err.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "regress/bench/ledger.h"

#define HEAD_SIZE 4096U
#define STEP	  65536U /* records that the file grows by */

uint64_t
ledger_now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static void
grow(struct ledger *l)
{
	size_t old = HEAD_SIZE + (size_t)l->room * sizeof(*l->records);
	size_t size = old + STEP * sizeof(*l->records);
	void *p;

	if (ftruncate(l->fd, (off_t)size) == -1)
		err(1, "ledger");
	if (l->head == NULL)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, l->fd,
		    0);
	else
		p = mremap(l->head, old, size, MREMAP_MAYMOVE);
	if (p == MAP_FAILED)
		err(1, "ledger");
	l->head = p;
	l->records = (void *)((char *)p + HEAD_SIZE);
	l->room += STEP;
}

void
ledger_open(struct ledger *l, const char *path)
{
	memset(l, 0, sizeof(*l));
	if (path == NULL)
		l->fd = memfd_create("ledger", MFD_CLOEXEC);
	else
		l->fd =
		    open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (l->fd == -1)
		err(1, "%s", path == NULL ? "ledger" : path);
	grow(l);
	memcpy(l->head->magic, LEDGER_MAGIC, sizeof(l->head->magic));
}

void
ledger_add(struct ledger *l, uint32_t run, uint32_t number, uint64_t when)
{
	struct ledger_record *r;

	if (l->head->count == l->room)
		grow(l);
	r = &l->records[l->head->count];
	r->run = run;
	r->number = number;
	r->when = when;
	l->head->last = when;
	/* Who reads along sees the record before it is counted. */
	__atomic_store_n(&l->head->count, l->head->count + 1, __ATOMIC_RELEASE);
}
