/* SPDX-License-Identifier: ISC */
/*
 * A session for queued: find a host by the plan, connect, greet, say READY,
 * then one job after the other.  The next candidate is tried when one fails,
 * also when it defers the first job whole (RFC 5321 section 5.1); after that
 * the session ends with its connection.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/base/log.h"
#include "common/base/stats.h"
#include "smtpd-out/worker.h"

#define READ_SIZE  (32 * 1024)
#define CHUNK_SIZE (64 * 1024)
#define OUT_SIZE   (SMTPC_OUT_MIN * 2)
#define KEPT_MAX   (1024 * 1024) /* octets that the socket does not take */
#define SIGN_TIME  10000	 /* ms for keyd to answer */

/* One of each for the process: empty between two callbacks. */
static char inbuf[READ_SIZE];
static char chunk[CHUNK_SIZE];
static char outbuf[OUT_SIZE];

static void on_io(struct ev_io *, uint32_t);
static void on_timer(struct ev_timer *);
static void proceed(struct session *, struct smtp_outbuf *);

static int
session_cmp(struct session *a, struct session *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

RB_PROTOTYPE_STATIC(sessions, session, entry, session_cmp)
RB_GENERATE_STATIC(sessions, session, entry, session_cmp)

static struct session *
find(struct worker *w, uint32_t id)
{
	struct session key = { .id = id };

	return RB_FIND(sessions, &w->sessions, &key);
}

void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	if (j->fd != -1)
		(void)close(j->fd);
	free(j->rcpts);
	free(j->outcomes);
	free(j->body);
	free(j);
}

/* --- the connection --- */

static void
disconnect(struct session *s)
{
	if (s->fd == -1)
		return;
	secure_free(s);
	ev_io_del(s->worker->ev, &s->io);
	(void)close(s->fd);
	s->fd = -1;
	smtpc_free(&s->smtpc);
	free(s->out);
	s->out = NULL;
	s->out_len = 0;
	stats_dec(STAT_OUT_SESSIONS_OPEN);
}

static void
session_free(struct session *s)
{
	struct worker *w = s->worker;

	peers_cancel(s);
	disconnect(s);
	ev_timer_del(w->ev, &s->timer);
	plan_free(&s->plan);
	job_free(s->job);
	(void)RB_REMOVE(sessions, &w->sessions, s);
	w->slots[s->slot] = NULL;
	w->nsessions--;
	free(s);
	if (w->nsessions == 0 && child_draining(w->child))
		child_exit(w->child);
}

static void
gone(struct session *s, const struct qo_outcome *o)
{
	peers_gone(s->worker, s->id, s->ready, &s->relay, o);
	session_free(s);
}

/* Bytes need not touch the heap of timers: one that is early looks again. */
static void
arm(struct session *s, uint64_t ms)
{
	struct ev *ev = s->worker->ev;

	s->deadline = ev_now(ev) + ms;
	if (ev_timer_pending(&s->timer) && s->timer.at <= s->deadline)
		return;
	if (ev_timer_set(ev, &s->timer, ms) == -1)
		log_warn("timer");
}

/*
 * Is the server further than when this was asked last?  Only then has it more
 * time: an octet now and then keeps no session (RFC 5321 4.5.3.2 counts to
 * the reply, not to its next octet).
 */
static bool
progress(struct session *s)
{
	const struct smtpc *c = &s->smtpc;
	bool is = s->wrote || s->replies != c->replies ||
	    s->state != smtpc_state(c) || s->signed_for != s->signing;

	s->wrote = false;
	s->replies = c->replies;
	s->state = smtpc_state(c);
	s->signed_for = s->signing;
	return is;
}

static int
keep_out(struct session *s, const char *p, size_t len)
{
	char *keep;

	if (len > KEPT_MAX - s->out_len ||
	    (keep = realloc(s->out, s->out_len + len)) == NULL)
		return -1;
	memcpy(keep + s->out_len, p, len);
	s->out = keep;
	s->out_len += len;
	return 0;
}

int
session_write(struct session *s, const void *p, size_t len)
{
	ssize_t n;

	if (len == 0)
		return 0;
	if (s->out != NULL)
		return keep_out(s, p, len);
	n = send(s->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		n = 0;
	if (n == -1)
		return -1;
	if ((size_t)n == len)
		return 0;
	return keep_out(s, (const char *)p + n, len - (size_t)n);
}

/* -1: lost.  What the client's machine says, as it goes over the wire. */
static int
write_out(struct session *s, const char *p, size_t len)
{
	return s->secure ? secure_write(s, p, len) : session_write(s, p, len);
}

static int
flush_kept(struct session *s)
{
	char *old = s->out;
	size_t len = s->out_len;
	int rc;

	s->out = NULL;
	s->out_len = 0;
	rc = session_write(s, old, len);
	free(old);
	return rc;
}

static void
watch(struct session *s)
{
	/* what comes while keyd is asked is read when it has answered */
	uint32_t want = s->signing ? 0 : EPOLLIN;

	if (s->out != NULL)
		want |= EPOLLOUT;
	if (ev_io_set(s->worker->ev, &s->io, s->fd, want) == -1)
		log_warn("watching a connection");
}

/* --- the text of a job --- */

/* Octets of the text at its offset, as many as there are; -1: unreadable. */
static int
text_at(struct job *j, struct smtp_slice *s)
{
	uint64_t left = j->job.size - j->off;
	size_t want = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
	ssize_t n;

	if (j->body != NULL) {
		*s = smtp_slice((const char *)j->body + j->off, (size_t)left);
		return 0;
	}
	do {
		n = pread(j->fd, chunk, want, (off_t)j->off);
	} while (n == -1 && errno == EINTR);
	if (n <= 0)
		return -1;
	*s = smtp_slice(chunk, (size_t)n);
	return 0;
}

/* Encode as much of the text as goes out now. */
static void
pump_text(struct session *s, struct smtp_outbuf *out)
{
	struct job *j = s->job;
	struct smtp_slice text;

	if (j != NULL && s->smtpc.body_new) {
		j->off = 0;
		s->smtpc.body_new = false;
	}
	while (j != NULL && smtpc_wants_text(&s->smtpc) && s->out == NULL) {
		if (smtp_outbuf_room(out) < SMTPC_OUT_MIN) {
			if (write_out(s, out->buf, out->len) == -1)
				smtpc_lost(&s->smtpc);
			out->len = 0;
		} else if (j->off == j->job.size) {
			(void)smtpc_body_end(&s->smtpc, out);
		} else if (text_at(j, &text) == -1) {
			smtpc_body_failed(&s->smtpc);
		} else {
			j->off += smtpc_body(&s->smtpc, text, out);
		}
	}
}

/* --- states --- */

static void
give_back(struct session *s, bool keep)
{
	peers_result(s, keep);
	job_free(s->job);
	s->job = NULL;
	plan_free(&s->plan);
}

static bool
nobody_served(const struct job *j)
{
	uint16_t i;

	for (i = 0; i < j->job.nrcpt; i++)
		if (j->outcomes[i].status != QO_DEFERRED &&
		    j->outcomes[i].reason != REASON_REQUIRETLS)
			return false;
	return true;
}

/*
 * Nobody was served, and there are other candidates: one of them may take the
 * job now.  Not when the text may have been taken: that makes duplicates.
 */
static bool
move_on(struct session *s)
{
	struct job *j = s->job;

	if (s->plan.hosts == NULL || s->quitting || s->smtpc.unsure ||
	    !nobody_served(j))
		return false;
	j->relay = s->relay;
	plan_failed(&s->plan, &j->outcomes[0]);
	s->plain = false;
	return plan_step(&s->plan) != PLAN_OVER;
}

static void
finish_job(struct session *s, struct smtp_outbuf *out)
{
	struct worker *w = s->worker;
	bool keep;

	if (move_on(s)) {
		s->moving = true;
		smtpc_take(&s->smtpc);
		if (smtpc_state(&s->smtpc) == SMTPC_READY)
			smtpc_quit(&s->smtpc, out);
		return;
	}
	keep = smtpc_may_go_on(&s->smtpc) && !s->quitting &&
	    s->smtpc.messages < w->conf->limits.out_messages;
	give_back(s, keep);
	smtpc_take(&s->smtpc);
	if (!keep && smtpc_state(&s->smtpc) == SMTPC_READY)
		smtpc_quit(&s->smtpc, out);
}

static void
begin_job(struct session *s, struct smtp_outbuf *out)
{
	struct job *j = s->job;

	j->off = 0;
	smtpc_job(&s->smtpc, &j->job, j->rcpts, j->outcomes, out);
}

static void
become_ready(struct session *s, struct smtp_outbuf *out)
{
	if (s->job != NULL || !s->ready)
		secure_tell(s);
	if (s->job != NULL) {
		begin_job(s, out);
		return;
	}
	if (s->quitting) {
		smtpc_quit(&s->smtpc, out);
		return;
	}
	if (s->ready)
		return;
	s->ready = true;
	peers_ready(s);
}

/* The connection is at its end; true: the session as well, and freed. */
static bool
over(struct session *s)
{
	struct qo_outcome o = s->smtpc.end;

	secure_over(s);
	disconnect(s);
	if (o.status == 0)
		smtpc_outcome(&o, QO_DEFERRED, REASON_OK, 0, "4.4.2",
		    "session closed");
	if (s->ready && s->job == NULL) {
		gone(s, &o);
		return true;
	}
	if (s->smtpc.again_plain && !s->plain) {
		s->plain = true; /* the same address once more */
	} else if (!s->moving) {
		stats_inc(STAT_OUT_CONNECT_FAILED);
		plan_failed(&s->plan, &o);
		s->plain = false;
	}
	s->moving = false;
	session_go_on(s);
	return true;
}

/* Do what the machine's state asks for, until it waits for the server. */
static void
proceed(struct session *s, struct smtp_outbuf *out)
{
	enum smtpc_state before;

	do {
		before = smtpc_state(&s->smtpc);
		if (before == SMTPC_READY)
			become_ready(s, out);
		else if (smtpc_wants_text(&s->smtpc))
			pump_text(s, out);
		else if (before == SMTPC_RESULT)
			finish_job(s, out);
		else if (before == SMTPC_HANDSHAKE && s->tls == NULL)
			secure_begin(s, out);
	} while (smtpc_state(&s->smtpc) != before);
	if (smtpc_state(&s->smtpc) != SMTPC_OVER && out->len > 0 &&
	    write_out(s, out->buf, out->len) == -1) {
		out->len = 0;
		smtpc_lost(&s->smtpc);
		proceed(s, out);
		return;
	}
	if (smtpc_state(&s->smtpc) == SMTPC_OVER && over(s))
		return;
	watch(s);
	if (progress(s))
		arm(s,
		    s->signing ? SIGN_TIME : smtpc_wait(&s->smtpc) * 1000ULL);
}

static void
on_input(struct session *s)
{
	struct smtp_outbuf out;
	ssize_t n = 0;

	/* it has gone, if it makes itself heard while it is not listened to */
	if (!s->signing)
		n = recv(s->fd, inbuf, sizeof(inbuf), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	smtp_outbuf_init(&out, outbuf, sizeof(outbuf));
	if (n > 0 && s->tls != NULL)
		secure_input(s, inbuf, (size_t)n, &out);
	else if (n > 0)
		smtpc_input(&s->smtpc, inbuf, (size_t)n, &out);
	else
		smtpc_lost(&s->smtpc);
	proceed(s, &out);
}

static void
on_io(struct ev_io *io, uint32_t events)
{
	struct session *s = io->arg;
	struct smtp_outbuf out;

	if (s->out != NULL &&
	    (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
		smtp_outbuf_init(&out, outbuf, sizeof(outbuf));
		s->wrote = true;
		if (flush_kept(s) == -1)
			smtpc_lost(&s->smtpc);
		proceed(s, &out);
		return;
	}
	if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
		on_input(s);
}

static void
on_timer(struct ev_timer *t)
{
	struct session *s = t->arg;
	struct smtp_outbuf out;
	uint64_t now = ev_now(s->worker->ev);

	if (now < s->deadline) {
		arm(s, s->deadline - now);
		return;
	}
	if (s->fd == -1)
		return; /* dnsd and connd answer within deadlines of theirs */
	smtp_outbuf_init(&out, outbuf, sizeof(outbuf));
	if (s->signing)
		secure_late(s, &out);
	else if (smtpc_state(&s->smtpc) == SMTPC_READY && s->out == NULL)
		smtpc_quit(&s->smtpc, &out);
	else
		smtpc_timeout(&s->smtpc);
	proceed(s, &out);
}

void
session_signed(struct session *s)
{
	struct smtp_outbuf out;

	smtp_outbuf_init(&out, outbuf, sizeof(outbuf));
	secure_go_on(s, &out);
	proceed(s, &out);
}

void
sessions_unsigned(struct worker *w)
{
	struct smtp_outbuf out;
	uint32_t i;

	for (i = 0; i < SESSIONS_MAX; i++) {
		if (w->slots[i] == NULL || !w->slots[i]->signing)
			continue;
		smtp_outbuf_init(&out, outbuf, sizeof(outbuf));
		secure_late(w->slots[i], &out);
		proceed(w->slots[i], &out);
	}
}

/* --- finding a host --- */

/* A job that is still in hand was deferred by the last host that saw it. */
static void
no_host(struct session *s)
{
	struct qo_outcome o = *plan_outcome(&s->plan);

	if (s->job != NULL) {
		s->relay = s->job->relay;
		give_back(s, false);
	}
	gone(s, &o);
}

void
session_go_on(struct session *s)
{
	const char *name;

	if (s->quitting || plan_step(&s->plan) == PLAN_OVER) {
		no_host(s);
		return;
	}
	switch (plan_step(&s->plan)) {
	case PLAN_MX:
		peers_ask_dns(s, Q_FIRST, SD_MX);
		break;
	case PLAN_ADDRS:
		peers_ask_dns(s, Q_FIRST, SD_A);
		peers_ask_dns(s, Q_AAAA, SD_AAAA);
		break;
	case PLAN_CONNECT:
		plan_target(&s->plan, &s->relay.addr, &name);
		(void)strlcpy(s->relay.name, name, sizeof(s->relay.name));
		peers_ask_socket(s);
		break;
	case PLAN_OVER:
		break;
	}
}

void
session_connected(struct session *s, int fd)
{
	const struct conf_tls *t = conf_tls_find(s->worker->conf, s->plan.tls);
	struct qo_outcome o;

	if (t == NULL) {
		(void)close(fd);
		smtpc_outcome(&o, QO_DEFERRED, REASON_NO_ROUTE, 0, "4.3.5",
		    "the configuration is changing");
		plan_failed(&s->plan, &o);
		session_go_on(s);
		return;
	}
	s->fd = fd;
	s->relay.tls[0] = '\0';
	stats_inc(STAT_OUT_CONNECTIONS);
	stats_inc(STAT_OUT_SESSIONS_OPEN);
	smtpc_init(&s->smtpc, s->worker->conf->hostname);
	smtpc_tls(&s->smtpc, t->level, s->plain);
	watch(s);
	arm(s, smtpc_wait(&s->smtpc) * 1000ULL);
}

void
session_connect_failed(struct session *s, const struct oc_answer *a)
{
	struct qo_outcome o;

	stats_inc(STAT_OUT_CONNECT_FAILED);
	if (a->result == OC_DENIED)
		smtpc_outcome(&o, QO_FAILED, REASON_POLICY_ADDRESS, 0, "5.4.4",
		    "the host's address may not be connected to");
	else
		smtpc_outcome(&o, QO_DEFERRED, REASON_CONNECT, 0, "4.4.1",
		    oc_result_name(a->result));
	plan_failed(&s->plan, &o);
	s->plain = false;
	session_go_on(s);
}

/* --- what queued says --- */

static int
find_slot(struct worker *w, uint16_t *slot)
{
	uint32_t i;

	for (i = 0; i < SESSIONS_MAX; i++) {
		*slot = (uint16_t)(w->next_slot++ % SESSIONS_MAX);
		if (w->slots[*slot] == NULL)
			return 0;
	}
	return -1;
}

static void
refuse(struct worker *w, uint32_t id)
{
	static const struct qo_relay none;
	struct qo_outcome o;

	smtpc_outcome(&o, QO_DEFERRED, REASON_TOO_MANY_SESSIONS, 0, "4.3.2",
	    "no more sessions here");
	peers_gone(w, id, false, &none, &o);
}

void
session_open(struct worker *w, uint32_t id, const struct msg_hop *hop)
{
	struct session *s;
	uint16_t slot = 0;

	if (w->conf == NULL || child_draining(w->child) ||
	    find_slot(w, &slot) == -1 || (s = calloc(1, sizeof(*s))) == NULL) {
		refuse(w, id);
		return;
	}
	if (plan_init(&s->plan, w->conf, hop, arc4random_uniform) == -1) {
		free(s);
		refuse(w, id);
		return;
	}
	s->worker = w;
	s->id = id;
	s->slot = slot;
	s->fd = -1;
	ev_io_init(&s->io, on_io, s);
	ev_timer_init(&s->timer, on_timer, s);
	(void)RB_INSERT(sessions, &w->sessions, s);
	w->slots[slot] = s;
	w->nsessions++;
	session_go_on(s);
}

/*
 * A job for a session that has just gone crosses our GONE: queued knows then
 * that nothing was done with it.
 */
int
session_job(struct worker *w, uint32_t id, struct job *j)
{
	struct session *s = find(w, id);
	struct smtp_outbuf out;

	if (s == NULL ||
	    (s->ready && s->job == NULL &&
		smtpc_state(&s->smtpc) != SMTPC_READY)) {
		job_free(j);
		return 0;
	}
	if (!s->ready || s->job != NULL) {
		job_free(j);
		return -1;
	}
	s->job = j;
	j->begun = ev_now(w->ev);
	stats_inc(STAT_OUT_MESSAGES);
	smtp_outbuf_init(&out, outbuf, sizeof(outbuf));
	begin_job(s, &out);
	proceed(s, &out);
	return 0;
}

static void
stop(struct session *s)
{
	struct smtp_outbuf out;

	s->quitting = true;
	if (s->fd == -1) {
		no_host(s);
		return;
	}
	if (smtpc_state(&s->smtpc) != SMTPC_READY)
		return; /* when its job is done */
	smtp_outbuf_init(&out, outbuf, sizeof(outbuf));
	smtpc_quit(&s->smtpc, &out);
	proceed(s, &out);
}

void
session_close(struct worker *w, uint32_t id)
{
	struct session *s = find(w, id);

	if (s != NULL && !s->quitting)
		stop(s);
}

void
sessions_drain(struct worker *w)
{
	uint32_t i;

	for (i = 0; i < SESSIONS_MAX; i++)
		if (w->slots[i] != NULL)
			stop(w->slots[i]);
	if (w->nsessions == 0)
		child_exit(w->child);
}

void
sessions_abort(struct worker *w)
{
	uint32_t i;

	for (i = 0; i < SESSIONS_MAX; i++)
		if (w->slots[i] != NULL)
			session_free(w->slots[i]);
}
