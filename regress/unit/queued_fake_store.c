/* SPDX-License-Identifier: ISC */
/* A store in memory: see queued_fake_store.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queued_fake_store.h"

#define DISKS	 2
#define TEXT_MAX 401

struct fake_rcpt {
	uint32_t index;
	uint8_t status, reason;
	uint16_t code, attempts;
	char text[TEXT_MAX];
};

struct fake_state { /* one of what is known, one of what is durable */
	bool done, held, warned;
	uint8_t warned_age[4];
	uint32_t attempts, poison;
	uint64_t next;
	char text[TEXT_MAX];
	struct fake_rcpt *rcpts;
	size_t nrcpts;
};

struct fake_msg {
	uint64_t id;
	void *env;
	size_t env_len;
	void *body;
	size_t size;
	bool durable; /* else in the batch only */
	bool dirty;   /* changed since the last commit */
	struct fake_state now, disk;
};

struct store {
	struct fake_msg **msgs;
	size_t n, cap;
	struct fake_msg **dirty;
	size_t ndirty, dirty_cap;
	size_t ndone; /* ended, but still in the table */
	size_t batch; /* messages and states not yet committed */
	size_t batch_msgs;
	struct store_callbacks cb;
};

struct fake_knobs fake;
static struct store disks[DISKS];

static void *
check(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static void *
copy(const void *p, size_t len)
{
	void *to = check(malloc(len + 1));

	if (len > 0)
		memcpy(to, p, len);
	return to;
}

static void
state_copy(struct fake_state *to, const struct fake_state *from)
{
	free(to->rcpts);
	*to = *from;
	to->rcpts = copy(from->rcpts, from->nrcpts * sizeof(*from->rcpts));
}

static void
msg_free(struct fake_msg *m)
{
	free(m->env);
	free(m->body);
	free(m->now.rcpts);
	free(m->disk.rcpts);
	free(m);
}

static void
remove_at(struct store *s, size_t i)
{
	msg_free(s->msgs[i]);
	memmove(&s->msgs[i], &s->msgs[i + 1],
	    (s->n - i - 1) * sizeof(s->msgs[0]));
	s->n--;
}

static void
set_dirty(struct store *s, struct fake_msg *m)
{
	s->batch++;
	if (m->dirty)
		return;
	m->dirty = true;
	if (s->ndirty == s->dirty_cap) {
		s->dirty_cap = 2 * s->dirty_cap + 16;
		s->dirty =
		    check(realloc(s->dirty, s->dirty_cap * sizeof(*s->dirty)));
	}
	s->dirty[s->ndirty++] = m;
}

/* Those that ended are taken out when they are many: each costs the same. */
static void
compact(struct store *s)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++) {
		if (s->msgs[i]->disk.done)
			msg_free(s->msgs[i]);
		else
			s->msgs[n++] = s->msgs[i];
	}
	s->n = n;
	s->ndone = 0;
}

/* What was never durable is gone, and nothing is in a batch. */
static void
forget_batch(struct store *s, bool states)
{
	size_t i, n = 0;

	for (i = 0; i < s->ndirty; i++) {
		if (states || !s->dirty[i]->durable)
			s->dirty[i]->dirty = false;
		else
			s->dirty[n++] = s->dirty[i];
	}
	s->ndirty = n;
	for (i = 0; i < s->n; i++) {
		if (!s->msgs[i]->durable)
			remove_at(s, i--);
	}
}

void
fake_reset(void)
{
	size_t i;

	for (i = 0; i < DISKS; i++) {
		while (disks[i].n > 0)
			remove_at(&disks[i], disks[i].n - 1);
		free(disks[i].msgs);
		free(disks[i].dirty);
		memset(&disks[i], 0, sizeof(disks[i]));
	}
	memset(&fake, 0, sizeof(fake));
	fake.room_max = UINT64_MAX;
}

struct store *
fake_disk(int n)
{
	return &disks[n];
}

/* Ids grow, so the table is sorted. */
static struct fake_msg *
find(const struct store *s, uint64_t id)
{
	size_t lo = 0, hi = s->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (s->msgs[mid]->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < s->n && s->msgs[lo]->id == id && !s->msgs[lo]->now.done)
		return s->msgs[lo];
	errno = ENOENT;
	return NULL;
}

size_t
fake_durable(int n)
{
	size_t i, count = 0;

	for (i = 0; i < disks[n].n; i++) {
		if (disks[n].msgs[i]->durable && !disks[n].msgs[i]->disk.done)
			count++;
	}
	return count;
}

int
fake_status(int n, uint64_t id, uint32_t rcpt)
{
	const struct fake_msg *m = find(&disks[n], id);
	size_t i;

	if (m == NULL || !m->durable)
		return -1;
	for (i = 0; i < m->disk.nrcpts; i++) {
		if (m->disk.rcpts[i].index == rcpt)
			return m->disk.rcpts[i].status;
	}
	return 0;
}

bool
fake_held(int n, uint64_t id)
{
	const struct fake_msg *m = find(&disks[n], id);

	return m != NULL && m->disk.held;
}

static int
show(const struct fake_msg *m, int (*cb)(void *, const struct store_msg *),
    void *arg)
{
	const struct store_extra warned = { STORE_EXTRA_MIN, 4,
		m->now.warned_age };
	struct store_rcpt *v;
	struct store_msg sm = { .loc = { m->id, (uint32_t)(m->id & 0xffff) },
		.size = m->size,
		.env = m->env,
		.env_len = m->env_len };
	size_t i;
	int rc;

	v = check(calloc(m->now.nrcpts + 1, sizeof(*v)));
	for (i = 0; i < m->now.nrcpts; i++) {
		const struct fake_rcpt *r = &m->now.rcpts[i];

		v[i] = (struct store_rcpt){ r->index, r->status, r->reason,
			r->code, r->attempts, (uint16_t)strlen(r->text),
			r->text };
	}
	sm.state.attempts = m->now.attempts;
	sm.state.poison = m->now.poison;
	sm.state.held = m->now.held;
	sm.state.next = m->now.next;
	sm.state.text = m->now.text;
	sm.state.text_len = (uint16_t)strlen(m->now.text);
	sm.state.rcpts = v;
	sm.state.nrcpts = m->now.nrcpts;
	sm.state.extras = &warned;
	sm.state.nextras = m->now.warned ? 1 : 0;
	rc = cb(arg, &sm);
	free(v);
	return rc;
}

static int
recovered(void *arg, const struct store_msg *sm)
{
	const struct store *s = arg;

	s->cb.message(s->cb.arg, sm);
	return 0;
}

int
store_open(struct store **sp, const struct store_ops *ops, int dirfd,
    const struct store_params *params, const struct store_callbacks *cb)
{
	struct store *s = &disks[dirfd];
	size_t i;

	(void)ops;
	(void)params;
	s->cb = *cb;
	s->batch = s->batch_msgs = 0;
	forget_batch(s, true);
	compact(s);
	for (i = 0; i < s->n; i++)
		state_copy(&s->msgs[i]->now, &s->msgs[i]->disk);
	for (i = 0; i < s->n; i++)
		(void)show(s->msgs[i], recovered, s);
	*sp = s;
	return 0;
}

void
store_close(struct store *s)
{
	(void)s;
}

const char *
store_event_name(enum store_event_kind kind)
{
	(void)kind;
	return "store";
}

static int
may_append(const struct store *s)
{
	errno = fake.append_error;
	if (errno != 0)
		return -1;
	errno = EAGAIN;
	return fake.batch_max != 0 && s->batch_msgs >= fake.batch_max ? -1 : 0;
}

static struct fake_msg *
msg_new(struct store *s, uint64_t id, const void *env, size_t env_len)
{
	struct fake_msg *m = check(calloc(1, sizeof(*m)));

	if (s->n > 0 && s->msgs[s->n - 1]->id >= id)
		abort();
	if (s->n == s->cap) {
		s->cap = 2 * s->cap + 16;
		s->msgs = check(realloc(s->msgs, s->cap * sizeof(*s->msgs)));
	}
	s->msgs[s->n++] = m;
	m->id = id;
	m->env = copy(env, env_len);
	m->env_len = env_len;
	set_dirty(s, m);
	s->batch_msgs++;
	return m;
}

int
store_append(struct store *s, uint64_t id, const void *env, size_t env_len,
    const struct iovec *body, int npieces, struct store_loc *loc)
{
	struct fake_msg *m;
	char *to;
	int i;

	if (may_append(s) == -1)
		return -1;
	m = msg_new(s, id, env, env_len);
	for (i = 0; i < npieces; i++)
		m->size += body[i].iov_len;
	m->body = to = check(malloc(m->size + 1));
	for (i = 0; i < npieces; i++) {
		if (body[i].iov_len > 0)
			memcpy(to, body[i].iov_base, body[i].iov_len);
		to += body[i].iov_len;
	}
	*loc = (struct store_loc){ id, (uint32_t)(id & 0xffff) };
	return 0;
}

int
store_append_report(struct store *s, uint64_t id, const void *env,
    size_t env_len, const struct iovec *body, int n, struct store_loc *loc)
{
	return store_append(s, id, env, env_len, body, n, loc);
}

int
store_append_fd(struct store *s, uint64_t id, const void *env, size_t env_len,
    const struct store_source *src, struct store_loc *loc)
{
	struct iovec body[2] = { src->head, { NULL, src->size } };
	int rc = -1;

	body[1].iov_base = check(malloc(src->size + 1));
	if (pread(src->fd, body[1].iov_base, src->size, 0) ==
	    (ssize_t)src->size)
		rc = store_append(s, id, env, env_len, body, 2, loc);
	free(body[1].iov_base);
	return rc;
}

static struct fake_rcpt *
rcpt_of(struct fake_state *st, uint32_t index)
{
	size_t i;

	for (i = 0; i < st->nrcpts; i++) {
		if (st->rcpts[i].index == index)
			return &st->rcpts[i];
	}
	st->rcpts =
	    check(realloc(st->rcpts, (st->nrcpts + 1) * sizeof(*st->rcpts)));
	memset(&st->rcpts[st->nrcpts], 0, sizeof(*st->rcpts));
	st->rcpts[st->nrcpts].index = index;
	return &st->rcpts[st->nrcpts++];
}

int
store_state(struct store *s, struct store_loc loc, const struct store_state *st)
{
	struct fake_msg *m = find(s, loc.id);
	struct fake_rcpt *r;
	size_t i;

	if (m == NULL)
		return -1;
	if ((st->set & STORE_SET_NEXT) != 0)
		m->now.next = st->next;
	if ((st->set & STORE_SET_ATTEMPTS) != 0)
		m->now.attempts = st->attempts;
	if ((st->set & STORE_SET_HELD) != 0)
		m->now.held = st->held;
	if ((st->set & STORE_SET_POISON) != 0)
		m->now.poison = st->poison;
	if ((st->set & STORE_SET_TEXT) != 0) {
		if (st->text_len >= TEXT_MAX)
			abort();
		if (st->text_len > 0)
			memcpy(m->now.text, st->text, st->text_len);
		m->now.text[st->text_len] = '\0';
	}
	for (i = 0; i < st->nrcpts; i++) {
		r = rcpt_of(&m->now, st->rcpts[i].index);
		r->status = st->rcpts[i].status;
		r->reason = st->rcpts[i].reason;
		r->code = st->rcpts[i].code;
		r->attempts = st->rcpts[i].attempts;
		if (st->rcpts[i].text_len >= TEXT_MAX)
			abort();
		if (st->rcpts[i].text_len > 0)
			memcpy(r->text, st->rcpts[i].text,
			    st->rcpts[i].text_len);
		r->text[st->rcpts[i].text_len] = '\0';
	}
	for (i = 0; i < st->nextras; i++) {
		if (st->extras[i].tag != STORE_EXTRA_MIN ||
		    st->extras[i].len != 4)
			abort();
		m->now.warned = true;
		memcpy(m->now.warned_age, st->extras[i].data, 4);
	}
	set_dirty(s, m);
	return 0;
}

int
store_done(struct store *s, struct store_loc loc)
{
	struct fake_msg *m = find(s, loc.id);

	if (m == NULL)
		return -1;
	m->now.done = true;
	set_dirty(s, m);
	return 0;
}

int
store_commit(struct store *s)
{
	size_t i;

	if (s->batch == 0)
		return 0;
	fake.commits++;
	s->batch_msgs = 0;
	if (fake.commit_error != 0) {
		forget_batch(s, false);
		errno = fake.commit_error;
		return -1;
	}
	s->batch = 0;
	for (i = 0; i < s->ndirty; i++) {
		s->dirty[i]->dirty = false;
		s->dirty[i]->durable = true;
		state_copy(&s->dirty[i]->disk, &s->dirty[i]->now);
		s->ndone += s->dirty[i]->disk.done;
	}
	s->ndirty = 0;
	if (s->ndone > s->n / 2)
		compact(s);
	return 0;
}

size_t
store_batch_bytes(const struct store *s)
{
	return s->batch;
}

ssize_t
store_read(struct store *s, struct store_loc loc, uint64_t off, void *buf,
    size_t len)
{
	const struct fake_msg *m = find(s, loc.id);

	if (m == NULL)
		return -1;
	if ((errno = fake.load_error) != 0)
		return -1;
	if (off > m->size)
		return 0;
	if (len > m->size - off)
		len = m->size - off;
	memcpy(buf, (const char *)m->body + off, len);
	return (ssize_t)len;
}

int
store_find(const struct store *s, uint64_t id, struct store_loc *loc)
{
	const struct fake_msg *m = find(s, id);

	if (m == NULL)
		return -1;
	if (!m->durable) {
		errno = EAGAIN;
		return -1;
	}
	*loc = (struct store_loc){ .id = id };
	return 0;
}

int
store_load(struct store *s, struct store_loc loc,
    int (*cb)(void *, const struct store_msg *), void *arg)
{
	const struct fake_msg *m = find(s, loc.id);

	if (m == NULL)
		return -1;
	if ((errno = fake.load_error) != 0)
		return -1;
	return show(m, cb, arg);
}

uint64_t
store_room_max(struct store *s, enum reason *why)
{
	(void)s;
	*why = fake.room_max > 0 ? REASON_OK : REASON_QUEUE_FULL;
	return fake.room_max;
}

int
store_maintain(struct store *s)
{
	fake.maintains++;
	if (!fake.leave)
		return 0;
	s->batch++;
	errno = ENOSPC;
	return -1;
}
