/* SPDX-License-Identifier: ISC */
/* A store, a workload, and the ledger of what was promised. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queued/store/envelope.h"
#include "regress/unit/store_world.h"

#define BODY_MAX (64 * 1024)

static const char trace[] = "Received: from test; once upon a time\r\n";

uint64_t
world_random(struct world *w)
{
	w->rng = w->rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return w->rng >> 33;
}

/* Text that is made once; each message is another part of it. */
static const uint8_t *
noise(void)
{
	static uint8_t text[2 * BODY_MAX];
	uint64_t x = 88172645463325252ULL;
	size_t i;

	if (text[0] != 0)
		return text;
	for (i = 0; i < sizeof(text); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		text[i] = i % 72 == 71 ? '\n' : (uint8_t)(' ' + x % 95);
	}
	return text;
}

/* The trace header is part of the body: the first piece. */
size_t
world_body(uint64_t id, size_t size, uint8_t *buf)
{
	size_t at = (size_t)((id * 0x9e3779b97f4a7c15ULL) >> 48);
	size_t n = sizeof(trace) - 1;

	memcpy(buf, trace, n);
	memcpy(buf + n, noise() + at, size - n);
	return size;
}

size_t
world_env(uint64_t id, size_t size, uint8_t *buf, size_t cap)
{
	struct envelope e = { .id = id,
		.accepted = 1800000000000ULL,
		.size = size,
		.origin = ENV_EXT,
		.nrcpt = (uint32_t)(1 + id % 3),
		.flags = MSG_F_ESMTP };
	struct env_rcpt r = { .addr = "user@example.com", .addr_len = 16 };
	ssize_t n, len;
	uint32_t i;

	e.client.family = NETADDR_V4;
	e.client.bytes[0] = 192;
	(void)snprintf(e.sender, sizeof(e.sender), "s%llu@example.org",
	    (unsigned long long)id);
	(void)snprintf(e.helo, sizeof(e.helo), "mx.example.org");
	len = env_put(buf, cap, &e);
	assert(len > 0);
	for (i = 0; i < e.nrcpt; i++) {
		n = env_put_rcpt(buf + len, cap - (size_t)len, &r);
		assert(n > 0);
		len += n;
	}
	return (size_t)len;
}

void
world_init(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->m = memfs_new(seed);
	w->ops = &w->m->ops;
	w->rng = seed * 77 + 1;
	w->next_id = (8ULL << 55) + (1ULL << 40);
	w->p = (struct store_params){
		.segment_size = 64 * 1024,
		.spill_threshold = 4096,
		.max_live_segments = 3,
		.quota = 64 * 64 * 1024,
		.eager = true,
	};
}

void
world_free(struct world *w)
{
	if (w->s != NULL)
		store_close(w->s);
	memfs_free(w->m);
	free(w->items);
}

static struct item *
item_of(struct world *w, uint64_t id)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (w->items[i].id == id)
			return &w->items[i];
	return NULL;
}

static void
on_event(void *arg, const struct store_event *ev)
{
	struct world *w = arg;
	struct item *it = item_of(w, ev->id);

	assert(ev->text != NULL && (size_t)ev->kind < 32);
	w->events[ev->kind]++;
	if (getenv("STORE_VERBOSE") != NULL)
		(void)fprintf(stderr, "%s seg %u off %llu len %llu error %d\n",
		    store_event_name(ev->kind), (unsigned)ev->segment,
		    (unsigned long long)ev->offset,
		    (unsigned long long)ev->length, ev->error);
	if (it != NULL &&
	    (ev->kind == STORE_EV_LOST || ev->kind == STORE_EV_CORRUPT))
		it->told_lost = true;
}

static bool
envelope_is(const struct store_msg *m)
{
	uint8_t env[2048];
	size_t n = world_env(m->loc.id, (size_t)m->size, env, sizeof(env));

	return n == m->env_len && memcmp(env, m->env, n) == 0;
}

/* Recipient 0 carries the same number as the message, and says so. */
static bool
state_is(const struct store_msg *m, uint32_t *attempts)
{
	char text[32];
	const struct store_rcpt *r = m->state.rcpts;
	uint64_t note;

	*attempts = 0;
	if (m->state.nrcpts == 0)
		return m->state.set == 0 && m->state.nextras == 0;
	(void)snprintf(text, sizeof(text), "try %u", (unsigned)r->attempts);
	*attempts = m->state.attempts;
	if (m->state.nextras != 1 || m->state.extras[0].len != sizeof(note))
		return false;
	memcpy(&note, m->state.extras[0].data, sizeof(note));
	return m->state.nrcpts == 1 && r->index == 0 && r->status == 3 &&
	    r->attempts == m->state.attempts && note == r->attempts &&
	    r->text_len == strlen(text) &&
	    memcmp(r->text, text, r->text_len) == 0;
}

static void
print_stale(const struct item *it, uint32_t attempts)
{
	if (getenv("STORE_VERBOSE") != NULL)
		(void)fprintf(stderr,
		    "id %llu: attempts %u, acknowledged %u, recorded %u\n",
		    (unsigned long long)it->id, (unsigned)attempts,
		    (unsigned)it->noted, (unsigned)it->tried);
}

static void
on_message(void *arg, const struct store_msg *m)
{
	struct world *w = arg;
	struct item *it = item_of(w, m->loc.id);
	struct verdict none = { 0 }, *v = w->judge != NULL ? w->judge : &none;
	uint32_t attempts;

	v->live++;
	if (it == NULL || it->seen) {
		v->phantom++;
		return;
	}
	it->seen = true;
	it->loc = m->loc;
	if (!envelope_is(m) || m->size != it->size || !state_is(m, &attempts)) {
		v->damaged++;
		return;
	}
	if (attempts < it->noted || attempts > it->tried) {
		v->stale++;
		print_stale(it, attempts);
	}
	it->found = attempts;
}

int
world_open(struct world *w)
{
	struct store_callbacks cb = { .arg = w,
		.message = on_message,
		.event = on_event };
	size_t i;

	for (i = 0; i < w->n; i++)
		w->items[i].seen = false;
	return store_open(&w->s, w->ops, MEMFS_ROOT, &w->p, &cb);
}

void
world_close(struct world *w)
{
	if (w->s != NULL)
		store_close(w->s);
	w->s = NULL;
}

void
world_kill(struct world *w)
{
	world_close(w);
	memfs_kill(w->m);
}

static int
append_pieces(struct world *w, struct item *it, uint8_t *body,
    const uint8_t *env, size_t env_len)
{
	struct iovec iov[3] = {
		{ body, sizeof(trace) - 1 },
		{ NULL, 0 },
		{ body + sizeof(trace) - 1, it->size - sizeof(trace) + 1 },
	};

	return store_append(w->s, it->id, env, env_len, iov, 3, &it->loc);
}

static int
append_fd(struct world *w, struct item *it, uint8_t *body, const uint8_t *env,
    size_t env_len)
{
	struct store_source src = { .head = { body, sizeof(trace) - 1 },
		.size = it->size - sizeof(trace) + 1 };
	int r;

	src.fd = memfs_memfd(w->m, body + sizeof(trace) - 1, (size_t)src.size);
	r = store_append_fd(w->s, it->id, env, env_len, &src, &it->loc);
	(void)w->m->ops.close(w->m, src.fd);
	return r;
}

struct item *
world_append(struct world *w, size_t size)
{
	static uint8_t body[BODY_MAX];
	uint8_t env[2048];
	struct item *it;
	size_t env_len;
	int r, save;

	assert(size >= sizeof(trace) && size <= BODY_MAX);
	if (w->n % 64 == 0) {
		w->items = realloc(w->items, (w->n + 64) * sizeof(*w->items));
		assert(w->items != NULL);
	}
	it = &w->items[w->n++];
	*it = (struct item){ .id = w->next_id, .size = size };
	w->next_id += 1ULL << 30; /* a directory lasts 32 of them */
	world_body(it->id, size, body);
	env_len = world_env(it->id, size, env, sizeof(env));
	r = size > w->p.spill_threshold
	    ? append_fd(w, it, body, env, env_len)
	    : append_pieces(w, it, body, env, env_len);
	if (r == 0) {
		it->acked = w->ack_early;
		return it;
	}
	save = errno;
	it->refused = true;
	errno = save;
	return NULL;
}

int
world_state(struct world *w, struct item *it)
{
	char text[32];
	uint64_t note = it->tried + 1;
	struct store_rcpt r = { .index = 0,
		.status = 3,
		.reason = 7,
		.code = 451,
		.attempts = (uint16_t)note,
		.text = text };
	struct store_extra x = { STORE_EXTRA_MIN, sizeof(note), &note };
	struct store_state st = { .set = STORE_SET_ATTEMPTS | STORE_SET_NEXT,
		.attempts = (uint32_t)note,
		.next = 12345,
		.rcpts = &r,
		.nrcpts = 1,
		.extras = &x,
		.nextras = 1 };

	r.text_len =
	    (uint16_t)snprintf(text, sizeof(text), "try %u", (unsigned)note);
	if (store_state(w->s, it->loc, &st) == -1)
		return -1;
	it->tried++;
	return 0;
}

int
world_done(struct world *w, struct item *it)
{
	if (store_done(w->s, it->loc) == -1)
		return -1;
	it->done_tried = true;
	return 0;
}

int
world_commit(struct world *w)
{
	int r = store_commit(w->s);
	struct item *it;
	size_t i;

	for (i = 0; i < w->n; i++) {
		it = &w->items[i];
		if (!it->acked && !it->refused) {
			it->acked = r == 0;
			it->refused = r != 0;
		}
		if (r == 0) {
			it->noted = it->tried;
			it->done_acked = it->done_tried;
		}
	}
	return r;
}

void
world_settle(struct world *w)
{
	int i;

	for (i = 0; i < 5000 && store_maintain(w->s) == 1; i++)
		;
	assert(i < 5000);
}

static struct item *
pick(struct world *w)
{
	size_t k, i;

	if (w->n == 0)
		return NULL;
	k = world_random(w) % w->n;
	for (i = 0; i < w->n; i++) {
		struct item *it = &w->items[(k + i) % w->n];

		if (it->acked && !it->done_tried)
			return it;
	}
	return NULL;
}

static void
work_round(struct world *w)
{
	unsigned k, n = 1 + (unsigned)(world_random(w) % 3);
	struct item *it;

	for (k = 0; k < n; k++)
		(void)world_append(w,
		    world_random(w) % 8 == 0 ? 5000 + world_random(w) % 9000
					     : 300 + world_random(w) % 3700);
	for (k = 0; k < 2; k++) {
		it = pick(w);
		if (it != NULL && world_random(w) % 4 != 0)
			(void)world_state(w, it);
		it = pick(w);
		if (it != NULL && world_random(w) % 3 != 0)
			(void)world_done(w, it);
	}
	(void)world_commit(w);
	for (k = 0; k < 3; k++)
		(void)store_maintain(w->s);
}

void
world_work(struct world *w, unsigned rounds)
{
	unsigned i;

	for (i = 0; i < rounds && !w->m->dead; i++)
		work_round(w);
}

/* What recovery showed is the truth from now on, and durable. */
static void
take_over(struct item *it)
{
	if (it->seen) {
		it->acked = true;
		it->refused = it->done_tried = it->done_acked = false;
		it->noted = it->tried = it->found;
	} else {
		it->refused = !it->acked;
		it->done_acked = it->done_tried;
		it->told_lost = true; /* counted once */
	}
}

void
world_take_over(struct world *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		take_over(&w->items[i]);
}

static void
verify_item(struct world *w, struct item *it, struct verdict *v)
{
	static uint8_t want[BODY_MAX], got[BODY_MAX];
	ssize_t n;

	if (it->acked && !it->done_tried && !it->seen && !it->told_lost)
		v->lost++;
	if (it->done_acked && it->seen)
		v->undead++;
	if (!it->seen)
		return;
	n = store_read(w->s, it->loc, 0, got, sizeof(got));
	world_body(it->id, it->size, want);
	if (n != (ssize_t)it->size || memcmp(want, got, it->size) != 0)
		v->damaged++;
}

struct verdict
world_verify(struct world *w)
{
	struct verdict v = { 0 };
	size_t i;
	int r;

	w->judge = &v;
	r = world_open(w);
	w->judge = NULL;
	w->m->fault = MEMFS_NONE; /* what follows is the test's own */
	if (r == -1) {
		v.lost = 1000000;
		return v;
	}
	for (i = 0; i < w->n; i++)
		verify_item(w, &w->items[i], &v);
	world_take_over(w);
	return v;
}

bool
verdict_is_good(const struct verdict *v)
{
	return v->lost + v->damaged + v->stale + v->undead + v->phantom == 0;
}
