/* SPDX-License-Identifier: ISC */
/*
 * The peers of the world: workers with their sessions, the directory's
 * questions, and those who submit.  What the queue asks of them must be what
 * it may ask, or the test ends here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "regress/unit/queued_world.h"
#include "regress/unit/queued_world_inside.h"

static uint8_t scratch[131064];

/*
 * The one body that is on its way as a descriptor: no system call for each.
 * The queue has nothing else to do with it than to hand it on at once.
 */
#define BODY_FD (1 << 30)
static struct {
	char *body; /* NULL: there is none */
	uint64_t size;
} sent;

/* --- what the queue wants done --- */

static struct w_session *
slot_of(const struct session *s)
{
	struct w_session *ws = &w.sessions[s->id % W_SESSIONS];

	return ws->used && ws->id == s->id ? ws : NULL;
}

/* It has no job any more. */
static void
forget_job(struct w_session *ws)
{
	free(ws->addr);
	free(ws->body);
	ws->addr = NULL;
	ws->body = NULL;
	ws->has_job = false;
}

static int
env_open(void *arg, const struct session *s)
{
	struct w_session *ws;
	struct ibuf b;

	(void)arg;
	if (w.fail_open) {
		errno = EPIPE;
		return -1;
	}
	if (slot_of(s) != NULL)
		w_broken("a session's number is used twice");
	ws = &w.sessions[s->id % W_SESSIONS];
	if (ws->used)
		w_broken("too many sessions");
	memset(ws, 0, sizeof(*ws));
	ws->used = true;
	ws->side = s->worker->side;
	ws->worker = s->worker->index;
	ws->id = s->id;
	if ((unsigned)s->dest->side != (unsigned)ws->side)
		w_broken("a session at a worker of the other side");
	ibuf_from(&b, s->dest->hop, s->dest->hop_len);
	if (get_hop(&b, &ws->hop) == -1 || ibuf_get_end(&b) == -1)
		w_broken("next hop");
	w.opens++;
	if (w.watch != NULL && w.watch->opened != NULL)
		w.watch->opened(ws);
	return 0;
}

static void
read_body(struct w_session *ws, struct ibuf *b, int fd)
{
	ws->by_fd = ws->job.in_fd;
	if (!ws->job.in_fd) {
		ws->body = malloc(ws->job.size + 1);
		if (ws->body == NULL)
			abort();
		if (fd != -1 || ibuf_get(b, ws->body, ws->job.size) == -1)
			w_broken("body of a job");
	} else {
		if (fd != BODY_FD || sent.body == NULL ||
		    sent.size != ws->job.size)
			w_broken("descriptor of a job");
		ws->body = sent.body;
		sent.body = NULL;
	}
	ws->body[ws->job.size] = '\0';
	if (ibuf_get_end(b) == -1)
		w_broken("end of a job");
}

static void
close_body(int fd)
{
	if (fd == -1)
		return;
	if (fd != BODY_FD || sent.body == NULL)
		w_broken("a descriptor that is none");
	free(sent.body);
	sent.body = NULL;
}

static int
env_job(void *arg, const struct session *s, struct ibuf *b, int fd)
{
	struct w_session *ws = slot_of(s);
	struct msg_rcpt r;
	uint16_t i;

	(void)arg;
	if (ws == NULL || ws->has_job || ws->closing)
		w_broken("a job for a session that cannot take one");
	if (w.fail_job) {
		close_body(fd);
		errno = EPIPE;
		return -1;
	}
	if (get_qo_job(b, &ws->job) == -1 || ws->job.nrcpt > QO_RCPTS_MAX)
		w_broken("a job");
	ws->addr = calloc(ws->job.nrcpt, sizeof(*ws->addr));
	if (ws->addr == NULL)
		abort();
	for (i = 0; i < ws->job.nrcpt; i++) {
		if (get_rcpt(b, &r) == -1)
			w_broken("a recipient of a job");
		ws->rcpts[i] = r.index;
		(void)strlcpy(ws->addr[i], r.addr, sizeof(ws->addr[i]));
	}
	read_body(ws, b, fd);
	ws->has_job = true;
	w.jobs++;
	if (w.watch != NULL && w.watch->job != NULL)
		w.watch->job(ws);
	return 0;
}

static int
env_close(void *arg, const struct session *s)
{
	struct w_session *ws = slot_of(s);

	(void)arg;
	if (ws == NULL || ws->has_job || ws->closing)
		w_broken("a session is closed that cannot be");
	ws->closing = true;
	w.closes++;
	if (w.watch != NULL && w.watch->closing != NULL)
		w.watch->closing(ws);
	return 0;
}

static void
env_scratch(void *arg, struct ibuf *b)
{
	(void)arg;
	ibuf_wrap(b, scratch, sizeof(scratch));
}

static int
env_body_fd(void *arg, struct store *st, struct store_loc loc, uint64_t size)
{
	ssize_t n;
	int error;

	(void)arg;
	if (sent.body != NULL)
		w_broken("a body's descriptor was lost");
	sent.size = size;
	sent.body = malloc(size + 1);
	if (sent.body == NULL)
		abort();
	n = store_read(st, loc, 0, sent.body, size);
	if (n == (ssize_t)size)
		return BODY_FD;
	error = n == -1 ? errno : EBADMSG;
	close_body(BODY_FD);
	errno = error;
	return -1;
}

static int
env_ask(void *arg, uint32_t tx, const struct msg_ask *ask)
{
	size_t i;

	(void)arg;
	for (i = 0; i < ASKS_MAX && w.asked[i].used; i++)
		;
	if (i == ASKS_MAX)
		w_broken("too many questions");
	w.asked[i].used = true;
	w.asked[i].tx = tx;
	w.asked[i].ask = *ask;
	w.asks++;
	if (w.watch != NULL && w.watch->asked != NULL)
		w.watch->asked((unsigned)i);
	return 0;
}

static void
env_answer(void *arg, uint64_t token, const struct iq_done *done)
{
	(void)arg;
	w.answer = *done;
	w.answer_token = token;
	w.answers++;
	if (w.watch != NULL && w.watch->answer != NULL)
		w.watch->answer(token, done);
}

static void
env_room(void *arg, enum q_store store, const struct iq_room *room)
{
	(void)arg;
	w.room[store] = *room;
	w.rooms++;
}

static uint32_t
env_random(void *arg)
{
	(void)arg;
	return w_random();
}

const struct q_env w_env = { .open = env_open,
	.job = env_job,
	.close = env_close,
	.scratch = env_scratch,
	.body_fd = env_body_fd,
	.ask = env_ask,
	.answer = env_answer,
	.room = env_room,
	.random = env_random };

/* --- sessions --- */

void
w_forget_sessions(void)
{
	size_t i;

	for (i = 0; i < W_SESSIONS; i++)
		forget_job(&w.sessions[i]);
	memset(w.sessions, 0, sizeof(w.sessions));
	memset(w.asked, 0, sizeof(w.asked));
}

struct w_session *
w_session_with_job(void)
{
	size_t i;

	for (i = 0; i < W_SESSIONS; i++) {
		if (w.sessions[i].used && w.sessions[i].has_job)
			return &w.sessions[i];
	}
	return NULL;
}

bool
w_is_opening(const struct w_session *ws)
{
	const struct session *s;
	struct worker *wk;

	if (!ws->used)
		return false;
	wk = sessions_worker(&w.q.sessions, ws->side, ws->worker);
	s = session_find(&w.q.sessions, wk, ws->id);
	return s != NULL && s->state == SESSION_OPENING;
}

struct w_session *
w_session_opening(void)
{
	size_t i;

	for (i = 0; i < W_SESSIONS; i++) {
		if (w_is_opening(&w.sessions[i]))
			return &w.sessions[i];
	}
	return NULL;
}

unsigned
w_count_sessions(void)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < W_SESSIONS; i++)
		n += w.sessions[i].used;
	return n;
}

unsigned
w_count_jobs(void)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < W_SESSIONS; i++)
		n += w.sessions[i].used && w.sessions[i].has_job;
	return n;
}

static struct worker *
worker_of(const struct w_session *s)
{
	return sessions_worker(&w.q.sessions, s->side, s->worker);
}

void
w_say_ready(struct w_session *s)
{
	if (queue_ready(&w.q, worker_of(s), s->id) == -1)
		w_broken("READY was refused");
}

void
w_ready(struct w_session *s)
{
	w_say_ready(s);
	w_turn();
}

static void
outcome(struct qo_outcome *o, enum qo_status status, enum reason reason,
    const char *enh, const char *text)
{
	memset(o, 0, sizeof(*o));
	o->status = status;
	o->reason = reason;
	(void)strlcpy(o->enh, enh, sizeof(o->enh));
	(void)strlcpy(o->text, text, sizeof(o->text));
}

void
w_say_gone(struct w_session *s, const struct qo_outcome *o)
{
	struct qo_gone g = { .outcome = *o };

	s->used = false;
	forget_job(s);
	if (queue_gone(&w.q, worker_of(s), s->id, &g) == -1)
		w_broken("GONE was refused");
}

void
w_gone(struct w_session *s, enum qo_status status, enum reason reason,
    const char *enh, const char *text)
{
	struct qo_outcome o;

	outcome(&o, status, reason, enh, text);
	w_say_gone(s, &o);
	w_turn();
}

void
w_say_results(struct w_session *s, bool keep, const struct qo_outcome *o)
{
	static struct q_outcome v[QO_RCPTS_MAX];
	struct qo_result r = { .msgid = s->job.msgid,
		.keep = keep,
		.delay = w.delay,
		.dsn = w.took_dsn,
		.n = s->job.nrcpt };
	uint16_t i;

	for (i = 0; i < r.n; i++) {
		v[i].rcpt = s->rcpts[i];
		v[i].outcome = o[i];
	}
	if (r.n > 0 && o[0].status == QO_DELIVERED && s->job.sender[0] == '\0')
		(void)strlcpy(w.dsn, s->body, sizeof(w.dsn));
	forget_job(s);
	if (queue_result(&w.q, worker_of(s), s->id, &r, v) == -1)
		w_broken("RESULT was refused");
}

void
w_results(struct w_session *s, bool keep, const struct qo_outcome *o)
{
	w_say_results(s, keep, o);
	w_turn();
}

void
w_result(struct w_session *s, bool keep, enum qo_status status,
    enum reason reason, uint16_t code, const char *enh, const char *text)
{
	struct qo_outcome v[QO_RCPTS_MAX];
	uint16_t i;

	for (i = 0; i < s->job.nrcpt; i++) {
		outcome(&v[i], status, reason, enh, text);
		v[i].code = code;
	}
	w_results(s, keep, v);
}

void
w_deliver(struct w_session *s)
{
	w_result(s, true, QO_DELIVERED, REASON_DELIVERED, 250, "2.0.0", "ok");
}

static bool
end_closing(void)
{
	size_t i;
	bool some = false;

	for (i = 0; i < W_SESSIONS; i++) {
		if (!w.sessions[i].used || !w.sessions[i].closing)
			continue;
		w_gone(&w.sessions[i], QO_DEFERRED, REASON_NONE, "2.0.0", "");
		some = true;
	}
	return some;
}

void
w_deliver_all(void)
{
	struct w_session *s;

	w_turn();
	for (;;) {
		if ((s = w_session_opening()) != NULL)
			w_ready(s);
		else if ((s = w_session_with_job()) != NULL)
			w_deliver(s);
		else if (!end_closing())
			return;
	}
}

void
w_say_worker_lost(enum side side, unsigned index)
{
	size_t i;

	for (i = 0; i < W_SESSIONS; i++) {
		if (!w.sessions[i].used || w.sessions[i].side != side ||
		    w.sessions[i].worker != index)
			continue;
		w.sessions[i].used = false;
		forget_job(&w.sessions[i]);
	}
	queue_worker_down(&w.q, side, index);
}

void
w_kill_worker(enum side side, unsigned index)
{
	w_say_worker_lost(side, index);
	queue_worker_up(&w.q, side, index);
	w_turn();
}
