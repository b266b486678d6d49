/* SPDX-License-Identifier: ISC */
#include <sys/mman.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/err.h>

#include "regress/crash/load.h"
#include "regress/crash/mail.h"

#define LIVE_SLOW   36 /* messages in the queue, about */
#define LIVE_FAST   6
#define ID_FIRST    ((8ULL << 55) + (1ULL << 40))
#define ID_STEP	    (1ULL << 30) /* a directory lasts 32 of them */
#define UPKEEP_MAX  5000
#define HEAD_LENGTH 40 /* of a body's first piece: queued's trace header */

const struct store_params load_params = {
	.segment_size = STORE_SEGMENT_MIN,
	.spill_threshold = 4096,
	.eager = true,
	.max_live_segments = 2,
	.quota = 64 * STORE_SEGMENT_MIN,
};

static uint64_t
random_below(struct load *ld, uint64_t n)
{
	ld->rng = ld->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (ld->rng >> 33) % n;
}

static void
mark(struct load *ld, const struct mark *m)
{
	ledger_apply(&ld->ledger, m);
	mark_add(ld->tape, m);
}

/* Corruption before any accident: what follows would prove nothing. */
static void
on_event(void *arg, const struct store_event *ev)
{
	(void)arg;
	if (ev->kind != STORE_EV_COW && ev->kind != STORE_EV_ORPHAN)
		errx(1, "load: event %s: %s", store_event_name(ev->kind),
		    ev->text);
}

static void
start(struct load *ld)
{
	struct store_callbacks cb = { .event = on_event };

	if (store_open(&ld->s, &ld->liar.ops, ld->dirfd, &load_params, &cb) ==
	    -1)
		err(1, "load: store_open");
}

static int
body_fd(const uint8_t *p, size_t len)
{
	int fd = memfd_create("body", MFD_CLOEXEC);

	if (fd == -1 || pwrite(fd, p, len, 0) != (ssize_t)len)
		err(1, "memfd");
	return fd;
}

static int
append(struct store *s, const struct item *it, uint8_t *body, const void *env,
    size_t env_len)
{
	struct store_source src = { .head = { body, HEAD_LENGTH } };
	struct iovec iov[2] = { { body, HEAD_LENGTH },
		{ body + HEAD_LENGTH, it->size - HEAD_LENGTH } };
	struct store_loc loc;
	int r;

	if (it->size <= load_params.spill_threshold)
		return store_append(s, it->id, env, env_len, iov, 2, &loc);
	src.size = it->size - HEAD_LENGTH;
	src.fd = body_fd(body + HEAD_LENGTH, (size_t)src.size);
	r = store_append_fd(s, it->id, env, env_len, &src, &loc);
	(void)close(src.fd);
	return r;
}

int
load_append(struct store *s, struct tape *tape, struct ledger *l, size_t size)
{
	static uint8_t body[MAIL_BODY_MAX], env[MAIL_ENV_MAX];
	struct mark m = { .kind = MARK_MESSAGE };
	struct item *it = &m.item;
	size_t env_len;

	it->id = l->n > 0 ? l->items[l->n - 1].id + ID_STEP : ID_FIRST;
	it->size = size;
	mail_body(it->id, body, size);
	env_len = mail_env(it->id, size, env);
	it->body_hash = mail_hash(body, size);
	it->env_hash = mail_hash(env, env_len);
	ledger_apply(l, &m);
	mark_add(tape, &m);
	return append(s, it, body, env, env_len);
}

static void
add(struct load *ld, size_t size)
{
	enum reason why;

	if (!store_room(ld->s, size, &why))
		return; /* full for the moment: upkeep or DONE makes room */
	if (load_append(ld->s, ld->tape, &ld->ledger, size) == -1)
		err(1, "load: store_append of %zu bytes", size);
}

/* A message that is acknowledged and not done with; old ones as likely. */
static struct item *
pick(struct load *ld)
{
	size_t k, i;
	struct item *it;

	if (ld->ledger.n == 0)
		return NULL;
	k = random_below(ld, ld->ledger.n);
	for (i = 0; i < ld->ledger.n; i++) {
		it = &ld->ledger.items[(k + i) % ld->ledger.n];
		if (it->acked && !it->done_tried)
			return it;
	}
	return NULL;
}

static struct store_loc
loc_of(struct load *ld, const struct item *it)
{
	struct store_loc loc;

	if (store_find(ld->s, it->id, &loc) == -1)
		err(1, "load: store_find");
	return loc;
}

static void
try_again(struct load *ld)
{
	struct mark m = { .kind = MARK_STATE };
	struct item *it = pick(ld);
	struct mail_change c;

	if (it == NULL)
		return;
	m.item.id = it->id;
	mail_change(it->id, it->tried + 1, &c);
	if (store_state(ld->s, loc_of(ld, it), &c.st) == -1)
		err(1, "load: store_state");
	mark(ld, &m);
}

static void
be_done(struct load *ld)
{
	struct mark m = { .kind = MARK_DONE };
	struct item *it = pick(ld);

	if (it == NULL)
		return;
	m.item.id = it->id;
	if (store_done(ld->s, loc_of(ld, it)) == -1)
		err(1, "load: store_done");
	mark(ld, &m);
}

static void
commit(struct load *ld)
{
	struct mark m = { .kind = MARK_ACK };

	if (store_commit(ld->s) == -1)
		err(1, "load: store_commit");
	mark(ld, &m);
	liar_pay(&ld->liar);
}

static void
upkeep(struct load *ld, unsigned steps)
{
	int r = 1;

	while (steps-- > 0 && r == 1)
		r = store_maintain(ld->s);
	if (r == -1)
		err(1, "load: store_maintain");
	liar_pay(&ld->liar);
}

static void
restart(struct load *ld)
{
	store_close(ld->s);
	start(ld);
	liar_pay(&ld->liar);
	upkeep(ld, UPKEEP_MAX);
	ld->restarts++;
}

static void
spill(struct load *ld)
{
	struct item *it = pick(ld);

	if (it != NULL && store_spill(ld->s, loc_of(ld, it)) == -1)
		err(1, "load: store_spill");
	liar_pay(&ld->liar);
}

static size_t
some_size(struct load *ld)
{
	if (random_below(ld, ld->fast ? 60 : 7) == 0)
		return 4097 + random_below(ld, 12000);
	return 300 + random_below(ld, 3700);
}

static void
one_round(struct load *ld)
{
	size_t n = 1 + random_below(ld, 3), owed = ledger_owed(&ld->ledger);
	size_t many = ld->fast ? LIVE_FAST : LIVE_SLOW;

	if (random_below(ld, 25) == 0)
		n = 20; /* a batch that does not fit one segment */
	while (n-- > 0)
		add(ld, some_size(ld));
	for (n = random_below(ld, 4); n > 0; n--)
		try_again(ld);
	n = random_below(ld, 4) + (owed > many ? owed - many : 0);
	while (n-- > 0)
		be_done(ld);
	commit(ld);
	upkeep(ld, (unsigned)random_below(ld, 6));
	if (random_below(ld, ld->fast ? 100 : 20) == 0)
		spill(ld);
	if (random_below(ld, 50) == 0)
		restart(ld);
	if (random_below(ld, 60) == 0 && syncfs(ld->dirfd) == -1)
		err(1, "load: syncfs");
}

static void
must_have_seen_it_all(const struct load *ld)
{
	const struct liar *l = &ld->liar;

	if (l->made + l->recycled < 8 || (!l->cow && l->recycled < 4) ||
	    l->spilled < 10 || l->removed < 10 || ld->restarts == 0)
		errx(1,
		    "load: %u segments made, %u recycled, %u files written, "
		    "%u removed, %u restarts: too little to prove anything",
		    l->made, l->recycled, l->spilled, l->removed, ld->restarts);
}

void
load_run(struct load *ld, unsigned rounds)
{
	unsigned i;

	ld->rng = ld->seed * 77 + 1;
	ld->fast = ld->seed % 2 == 0;
	liar_init(&ld->liar, ld->control, ld->dirfd);
	start(ld);
	upkeep(ld, UPKEEP_MAX);
	for (i = 0; i < rounds; i++)
		one_round(ld);
	must_have_seen_it_all(ld);
	store_close(ld->s);
	ledger_free(&ld->ledger);
}
