/* SPDX-License-Identifier: ISC */
/*
 * Sessions and workers: see session.h.
 */
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "queued/session.h"

#define TABLE_FIRST 64U

void
sessions_init(struct sessions *ss)
{
	unsigned i, n;

	memset(ss, 0, sizeof(*ss));
	TAILQ_INIT(&ss->idle);
	for (i = 0; i < NSIDES; i++) {
		for (n = 0; n < CONF_WORKERS_MAX; n++) {
			struct worker *w = &ss->workers[i][n];

			w->side = (enum side)i;
			w->index = (uint8_t)n;
			TAILQ_INIT(&w->sessions);
		}
	}
}

void
sessions_free(struct sessions *ss)
{
	uint32_t i;

	for (i = 0; i < ss->cap; i++) {
		if (ss->table[i] != NULL)
			session_free(ss, ss->table[i]);
	}
	free(ss->table);
	free(ss->free_ids);
	ss->table = NULL;
	ss->free_ids = NULL;
	ss->cap = 0;
}

struct worker *
sessions_worker(struct sessions *ss, enum side side, unsigned index)
{
	return index < CONF_WORKERS_MAX ? &ss->workers[side][index] : NULL;
}

struct worker *
sessions_pick(struct sessions *ss, enum side side, bool probe)
{
	struct worker *w, *best = NULL;
	unsigned n;

	for (n = 0; n < CONF_WORKERS_MAX; n++) {
		w = &ss->workers[side][n];
		if (!w->up || w->nsessions >= WORKER_SESSIONS_MAX ||
		    (probe && w->nprobes >= WORKER_PROBES_MAX))
			continue;
		if (best == NULL || w->nsessions < best->nsessions)
			best = w;
	}
	return best;
}

bool
sessions_may_probe(const struct sessions *ss, enum side side)
{
	unsigned n;

	for (n = 0; n < CONF_WORKERS_MAX; n++) {
		if (ss->workers[side][n].up &&
		    ss->workers[side][n].nprobes < WORKER_PROBES_MAX)
			return true;
	}
	return false;
}

static int
grow(struct sessions *ss)
{
	uint32_t i, cap = ss->cap == 0 ? TABLE_FIRST : 2 * ss->cap;
	struct session **table;
	uint32_t *ids;

	table = reallocarray(ss->table, cap, sizeof(*table));
	if (table == NULL)
		return -1;
	ss->table = table;
	ids = reallocarray(ss->free_ids, cap, sizeof(*ids));
	if (ids == NULL)
		return -1;
	ss->free_ids = ids;
	/* small numbers are used first */
	for (i = cap; i-- > ss->cap;) {
		table[i] = NULL;
		ids[ss->nfree++] = i;
	}
	ss->cap = cap;
	return 0;
}

struct session *
session_new(struct sessions *ss, struct worker *w, struct dest *d)
{
	struct session *s;

	if (ss->nfree == 0 && grow(ss) == -1)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->id = ss->free_ids[--ss->nfree];
	ss->table[s->id] = s;
	ss->n++;
	s->state = SESSION_OPENING;
	s->worker = w;
	s->dest = d;
	TAILQ_INSERT_TAIL(&w->sessions, s, of_worker);
	w->nsessions++;
	s->probe = !d->works;
	if (s->probe)
		w->nprobes++;
	return s;
}

static void
end_probe(struct session *s)
{
	if (s->probe)
		s->worker->nprobes--;
	s->probe = false;
}

void
session_ending(struct sessions *ss, struct session *s)
{
	if (s->state == SESSION_ENDING)
		return;
	if (s->state == SESSION_IDLE)
		session_unset_idle(ss, s, SESSION_ENDING);
	s->state = SESSION_ENDING;
	s->worker->nending++;
}

void
session_opened(struct session *s)
{
	end_probe(s);
	s->was_open = true;
}

void
session_free(struct sessions *ss, struct session *s)
{
	session_ending(ss, s);
	s->worker->nending--;
	TAILQ_REMOVE(&s->worker->sessions, s, of_worker);
	s->worker->nsessions--;
	end_probe(s);
	ss->table[s->id] = NULL;
	ss->free_ids[ss->nfree++] = s->id;
	ss->n--;
	free(s->rcpts);
	free(s);
}

struct session *
session_find(const struct sessions *ss, const struct worker *w, uint32_t id)
{
	struct session *s = id < ss->cap ? ss->table[id] : NULL;

	return s != NULL && s->worker == w ? s : NULL;
}

void
session_set_idle(struct sessions *ss, struct session *s, uint64_t now)
{
	s->state = SESSION_IDLE;
	s->since = now;
	/* the last one used is the next: the others grow old and are closed */
	TAILQ_INSERT_HEAD(&s->dest->idle, s, of_dest);
	TAILQ_INSERT_TAIL(&ss->idle, s, by_age);
}

void
session_unset_idle(struct sessions *ss, struct session *s,
    enum session_state state)
{
	s->state = state;
	TAILQ_REMOVE(&s->dest->idle, s, of_dest);
	TAILQ_REMOVE(&ss->idle, s, by_age);
}

static int
by_rcpt(const void *a, const void *b)
{
	const struct job_rcpt *x = a, *y = b;

	return x->rcpt < y->rcpt ? -1 : x->rcpt > y->rcpt;
}

size_t
job_rcpts(struct part *parts, struct job_rcpt v[QO_RCPTS_MAX])
{
	struct part *p;
	size_t n = 0;
	uint16_t i;

	for (p = parts; p != NULL; p = p->u.active.next) {
		for (i = 0; i < p->n && n < QO_RCPTS_MAX; i++)
			v[n++] = (struct job_rcpt){ p->rcpt[i], p };
	}
	if (parts != NULL && parts->u.active.next != NULL)
		qsort(v, n, sizeof(v[0]), by_rcpt);
	return n;
}

void
session_drop_part(struct session *s, struct part *p)
{
	struct part **at;

	for (at = &s->parts; *at != NULL; at = &(*at)->u.active.next) {
		if (*at == p) {
			*at = p->u.active.next;
			return;
		}
	}
}

int
session_add_rcpt(struct session *s, const char *addr)
{
	size_t len = strlen(addr) + 1, cap = s->rcpts_cap;
	char *p;

	if (len > cap - s->rcpts_len) {
		cap = 2 * cap + len + 64;
		p = realloc(s->rcpts, cap);
		if (p == NULL)
			return -1;
		s->rcpts = p;
		s->rcpts_cap = cap;
	}
	memcpy(s->rcpts + s->rcpts_len, addr, len);
	s->rcpts_len += len;
	return 0;
}

void
session_clear_rcpts(struct session *s)
{
	s->rcpts_len = 0;
}
