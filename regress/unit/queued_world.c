/* SPDX-License-Identifier: ISC */
/* The world around the queue: see queued_world.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/log.h"

#include "queued/report.h"

#include "queued_world.h"

struct world w;

static uint8_t scratch[131064];

static void
broken(const char *what)
{
	(void)fprintf(stderr, "world: %s\n", what);
	abort();
}

unsigned
w_random(void)
{
	w.seed = w.seed * 1103515245 + 12345;
	return w.seed >> 8;
}

/* --- the ledger --- */

struct w_rcpt *
w_find(uint64_t id, const char *addr)
{
	size_t i;

	for (i = w.nrcpts; i-- > 0;) {
		if (w.rcpts[i].id == id && strcmp(w.rcpts[i].addr, addr) == 0)
			return &w.rcpts[i];
	}
	return NULL;
}

static struct w_rcpt *
enter(uint64_t id, const char *addr)
{
	struct w_rcpt *r;

	if (w.nrcpts == w.cap_rcpts) {
		w.cap_rcpts = 2 * w.cap_rcpts + 64;
		w.rcpts = realloc(w.rcpts, w.cap_rcpts * sizeof(*w.rcpts));
		if (w.rcpts == NULL)
			abort();
	}
	r = &w.rcpts[w.nrcpts++];
	memset(r, 0, sizeof(*r));
	r->id = id;
	(void)strlcpy(r->addr, addr, sizeof(r->addr));
	return r;
}

static int
on_row(void *arg, const struct cq_row *row)
{
	(void)arg;
	(void)row;
	return 0;
}

struct search {
	const char *addr;
	bool found;
};

static int
on_rcpt(void *arg, const struct cq_rcpt *r)
{
	struct search *s = arg;

	if (r->status == 0 &&
	    (s->addr == NULL || strcmp(r->addr, s->addr) == 0))
		s->found = true;
	return 0;
}

bool
w_is_open(uint64_t id, const char *addr)
{
	struct search s = { addr, false };

	return queue_show(&w.q, id, on_row, on_rcpt, &s) == CQ_DONE && s.found;
}

bool
w_is_queued(uint64_t id)
{
	return w_is_open(id, NULL);
}

/* --- report.h, as far as a test wants to know --- */

void
report_compose_accept(struct logline *l, const struct report_accept *r)
{
	l->len = (size_t)snprintf(l->text, sizeof(l->text), "%s %u", r->rcpt,
	    (unsigned)r->nrcpt);
}

void
report_accepted(enum origin origin, const char *line, size_t len)
{
	(void)origin;
	if (len == 0 || line[0] == ' ')
		broken("log line of an accepted message");
}

void
report_refused(enum origin origin, const struct iq_commit *c, const char *rcpt,
    enum reason why)
{
	(void)origin;
	(void)c;
	(void)rcpt;
	(void)why;
}

void
report_delivery(const struct report_delivery *d)
{
	struct w_rcpt *r = w_find(d->id, d->to);

	if (r == NULL) /* to the sender of a notice */
		r = enter(d->id, d->to);
	r->reason = d->outcome->reason;
	switch (d->outcome->status) {
	case QO_DELIVERED:
		r->delivered++;
		break;
	case QO_FAILED:
		r->failed++;
		break;
	case QO_DEFERRED:
		r->deferred++;
		break;
	}
}

void
report_paused(const struct dest *d, uint64_t ms)
{
	(void)d;
	(void)ms;
	w.paused++;
}

/* The notice is durable and names its recipients: they are reported. */
static void
read_notice(uint64_t dsn)
{
	static const char mark[] = "Final-Recipient: rfc822; ";
	static char body[1024 * 1024];
	char addr[MSG_ADDR_MAX + 1];
	const char *p = body;
	size_t i, len;
	ssize_t n;

	n = fake_body(dsn, body, sizeof(body) - 1);
	if (n == -1)
		broken("a notice is not in the store");
	body[n] = '\0';
	while ((p = strstr(p, mark)) != NULL) {
		p += sizeof(mark) - 1;
		len = strcspn(p, "\r");
		if (len >= sizeof(addr))
			broken("address in a notice");
		memcpy(addr, p, len);
		addr[len] = '\0';
		for (i = 0; i < w.nrcpts; i++) {
			if (strcmp(w.rcpts[i].addr, addr) == 0 &&
			    w.rcpts[i].failed > 0)
				w.rcpts[i].reported++;
		}
	}
}

void
report_notice(uint64_t dsn, uint64_t about, const char *to, int failed)
{
	(void)about;
	if (failed)
		read_notice(dsn);
	(void)enter(dsn, to);
	w.notices++;
}

void
report_dropped(uint64_t id, const char *sender, enum reason why)
{
	(void)id;
	(void)sender;
	(void)why;
	w.dropped++;
}

void
report_held(uint64_t id, enum reason why)
{
	(void)id;
	(void)why;
	w.held++;
}

void
report_lost(uint64_t id)
{
	(void)id;
	w.lost++;
}

void
report_removed(uint64_t id, uint32_t uid)
{
	(void)id;
	(void)uid;
}

void
report_flushed(const char *domain, uint32_t uid, uint32_t parts)
{
	(void)domain;
	(void)uid;
	(void)parts;
}

void
report_store(const char *store, const struct store_event *e)
{
	(void)store;
	(void)e;
}

void
report_commit(size_t bytes)
{
	(void)bytes;
}

void
report_recovered(const char *store, uint64_t messages, uint64_t bytes)
{
	(void)store;
	(void)messages;
	(void)bytes;
}

void
report_clock(int64_t off)
{
	(void)off;
}

/* --- what the queue wants done --- */

static struct w_session *
slot_of(const struct session *s)
{
	size_t i;

	for (i = 0; i < W_SESSIONS; i++) {
		if (w.sessions[i].used && w.sessions[i].id == s->id)
			return &w.sessions[i];
	}
	return NULL;
}

static int
env_open(void *arg, const struct session *s)
{
	struct w_session *ws;
	struct ibuf b;
	size_t i;

	(void)arg;
	if (w.fail_open) {
		errno = EPIPE;
		return -1;
	}
	if (slot_of(s) != NULL)
		broken("a session's number is used twice");
	for (i = 0; w.sessions[i].used; i++)
		if (i == W_SESSIONS - 1)
			broken("too many sessions");
	ws = &w.sessions[i];
	memset(ws, 0, sizeof(*ws));
	ws->used = true;
	ws->side = s->worker->side;
	ws->worker = s->worker->index;
	ws->id = s->id;
	if ((unsigned)s->dest->side != (unsigned)ws->side)
		broken("a session at a worker of the other side");
	ibuf_from(&b, s->dest->hop, s->dest->hop_len);
	if (get_hop(&b, &ws->hop) == -1 || ibuf_get_end(&b) == -1)
		broken("next hop");
	w.opens++;
	return 0;
}

static void
read_body(struct w_session *ws, struct ibuf *b, int fd)
{
	ws->body = calloc(1, ws->job.size + 1);
	if (ws->body == NULL)
		abort();
	ws->by_fd = ws->job.in_fd;
	if (!ws->job.in_fd) {
		if (ibuf_get(b, ws->body, ws->job.size) == -1)
			broken("body of a job");
	} else if (pread(fd, ws->body, ws->job.size, 0) !=
	    (ssize_t)ws->job.size) {
		broken("descriptor of a job");
	}
	if (ibuf_get_end(b) == -1)
		broken("end of a job");
}

static int
env_job(void *arg, const struct session *s, struct ibuf *b, int fd)
{
	struct w_session *ws = slot_of(s);
	struct msg_rcpt r;
	uint16_t i;

	(void)arg;
	if (ws == NULL || ws->has_job || ws->closing)
		broken("a job for a session that cannot take one");
	if (w.fail_job) {
		if (fd != -1)
			(void)close(fd);
		errno = EPIPE;
		return -1;
	}
	if (get_qo_job(b, &ws->job) == -1 || ws->job.nrcpt > QO_RCPTS_MAX)
		broken("a job");
	for (i = 0; i < ws->job.nrcpt; i++) {
		if (get_rcpt(b, &r) == -1)
			broken("a recipient of a job");
		ws->rcpts[i] = r.index;
		(void)strlcpy(ws->addr[i], r.addr, sizeof(ws->addr[i]));
	}
	read_body(ws, b, fd);
	if (fd != -1)
		(void)close(fd);
	ws->has_job = true;
	w.jobs++;
	return 0;
}

static int
env_close(void *arg, const struct session *s)
{
	struct w_session *ws = slot_of(s);

	(void)arg;
	if (ws == NULL || ws->has_job || ws->closing)
		broken("a session is closed that cannot be");
	ws->closing = true;
	w.closes++;
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
	FILE *f = tmpfile();
	char *body = malloc(size);
	int fd;

	(void)arg;
	if (f == NULL || body == NULL ||
	    store_read(st, loc, 0, body, size) != (ssize_t)size ||
	    fwrite(body, 1, size, f) != size || fflush(f) != 0)
		abort();
	fd = dup(fileno(f));
	(void)fclose(f);
	free(body);
	return fd;
}

static int
env_ask(void *arg, uint32_t tx, const struct msg_ask *ask)
{
	size_t i;

	(void)arg;
	for (i = 0; i < ASKS_MAX && w.asked[i].used; i++)
		;
	if (i == ASKS_MAX)
		broken("too many questions");
	w.asked[i].used = true;
	w.asked[i].tx = tx;
	w.asked[i].ask = *ask;
	w.asks++;
	return 0;
}

static void
env_answer(void *arg, uint64_t token, const struct iq_done *done)
{
	(void)arg;
	w.answer = *done;
	w.answer_token = token;
	w.answers++;
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

static const struct q_env env = { .open = env_open,
	.job = env_job,
	.close = env_close,
	.scratch = env_scratch,
	.body_fd = env_body_fd,
	.ask = env_ask,
	.answer = env_answer,
	.room = env_room,
	.random = env_random };

/* --- life --- */

struct conf *
w_conf(void)
{
	struct conf *c = conf_new();
	struct conf_domain *d;
	struct conf_connector *k;
	struct netprefix p;

	if (c == NULL)
		abort();
	(void)strlcpy(c->hostname, "gw.example.com", sizeof(c->hostname));
	d = conf_add_domain(c);
	(void)strlcpy(d->name, "example.com", sizeof(d->name));
	d = conf_add_domain(c);
	(void)strlcpy(d->name, "example.org", sizeof(d->name));
	k = conf_add_connector(c);
	(void)strlcpy(k->pattern, "*", sizeof(k->pattern));
	k->route.kind = CONF_ROUTE_DNS;
	if (netprefix_parse(&p, "10.0.0.0/8") == -1 ||
	    netset_add(&c->side[SIDE_INT].accept_from, &p) == -1)
		abort();
	conf_seal(c);
	return c;
}

void
w_set_conf(struct conf *c)
{
	struct conf *old = w.conf;

	w.conf = c;
	queue_set_conf(&w.q, c);
	conf_free(old);
}

void
w_peers_up(void)
{
	unsigned side, i;

	for (side = 0; side < NSIDES; side++) {
		for (i = 0; i < 2; i++)
			queue_worker_up(&w.q, (enum side)side, i);
	}
	queue_dir_up(&w.q);
}

static void
forget_sessions(void)
{
	size_t i;

	for (i = 0; i < W_SESSIONS; i++)
		free(w.sessions[i].body);
	memset(w.sessions, 0, sizeof(w.sessions));
	memset(w.asked, 0, sizeof(w.asked));
}

void
w_open(void)
{
	static const struct store_params params;

	queue_init(&w.q, &env);
	queue_time(&w.q, w.now, w.real);
	queue_set_conf(&w.q, w.conf);
	if (queue_open(&w.q, Q_IN, NULL, 0, &params) == -1 ||
	    queue_open(&w.q, Q_OUT, NULL, 1, &params) == -1)
		broken("open");
	queue_start(&w.q);
}

void
w_start(void)
{
	memset(&w, 0, sizeof(w));
	fake_reset();
	w.seed = 1;
	w.now = W_START;
	w.real = W_REAL;
	w.conf = w_conf();
	w.dir_answers = true;
	w.route = (struct qd_route){ .verdict = QD_OK,
		.scope = QD_SCOPE_DOMAIN,
		.hop = { .kind = CONF_ROUTE_HOSTS, .nhosts = 1 } };
	(void)strlcpy(w.route.hop.hosts[0].name, "mail.corp.example.com",
	    sizeof(w.route.hop.hosts[0].name));
	w.route.hop.hosts[0].port = 25;
	w_open();
	w_peers_up();
}

void
w_stop(void)
{
	queue_free(&w.q);
	forget_sessions();
	conf_free(w.conf);
	free(w.rcpts);
	w.conf = NULL;
	w.rcpts = NULL;
	fake_reset();
}

void
w_crash(void)
{
	queue_free(&w.q);
	forget_sessions();
	w_open();
}

/* --- driving --- */

static bool
answer_questions(void)
{
	uint32_t tx;
	size_t i;
	bool some = false;

	for (i = 0; i < ASKS_MAX && w.dir_answers; i++) {
		if (!w.asked[i].used)
			continue;
		w.asked[i].used = false;
		tx = w.asked[i].tx;
		queue_dir_answer(&w.q, tx, &w.route);
		some = true;
	}
	return some;
}

void
w_turn(void)
{
	unsigned n = 0;

	do {
		queue_time(&w.q, w.now, w.real);
		while (queue_turn(&w.q))
			if (++n > 100000)
				broken("the queue never comes to rest");
	} while (answer_questions());
}

void
w_advance(uint64_t ms)
{
	w.now += ms;
	w.real += ms;
	w_turn();
}

void
w_run_until(uint64_t at)
{
	unsigned late = 0;
	uint64_t next;

	w_turn();
	while (w.now < at) {
		next = queue_next(&w.q);
		/* what is due was done in the turn before */
		late = next <= w.now ? late + 1 : 0;
		if (late > 10)
			broken("the queue asks for turns and does nothing");
		if (next > at)
			next = at;
		w_advance(next > w.now ? next - w.now : 1);
	}
}

/* --- submitting --- */

struct rcpt_list {
	const char *const *v;
	struct msg_rcpt r;
};

static const struct msg_rcpt *
nth_rcpt(void *arg, uint32_t i)
{
	struct rcpt_list *l = arg;

	memset(&l->r, 0, sizeof(l->r));
	l->r.index = (uint16_t)i;
	(void)strlcpy(l->r.addr, l->v[i], sizeof(l->r.addr));
	return &l->r;
}

int
w_offer(enum origin origin, const char *sender, const char *const *rcpts,
    size_t n, const char *body, struct iq_done *no)
{
	static uint64_t tokens;
	static struct iq_commit c;
	struct rcpt_list l = { .v = rcpts };
	struct q_submit s = { .origin = origin,
		.token = ++tokens,
		.commit = &c,
		.rcpt = nth_rcpt,
		.arg = &l,
		.nrcpt = (uint32_t)n,
		.body = body,
		.fd = -1 };

	memset(&c, 0, sizeof(c));
	(void)netaddr_parse(&c.client,
	    origin == ORIGIN_INT ? "10.0.0.10" : "198.51.100.7");
	(void)strlcpy(c.sender, sender, sizeof(c.sender));
	(void)strlcpy(c.helo, "client.test", sizeof(c.helo));
	c.size = strlen(body);
	c.nrcpt = (uint16_t)n;
	c.flags = MSG_F_ESMTP;
	return queue_submit(&w.q, &s, no);
}

uint64_t
w_submit(enum origin origin, const char *sender, const char *const *rcpts,
    size_t n, const char *body)
{
	struct iq_done no;
	unsigned before = w.answers;
	size_t i;

	if (w_offer(origin, sender, rcpts, n, body, &no) == -1) {
		w.answer = no;
		return 0;
	}
	w_turn();
	if (w.answers != before + 1 || w.answer.verdict != IQ_OK)
		return 0;
	for (i = 0; i < n; i++) {
		if (w_find(w.answer.msgid, rcpts[i]) == NULL)
			(void)enter(w.answer.msgid, rcpts[i]);
		w_find(w.answer.msgid, rcpts[i])->has_sender =
		    sender[0] != '\0';
	}
	return w.answer.msgid;
}

uint64_t
w_mail(enum origin origin, const char *sender, const char *rcpt)
{
	return w_submit(origin, sender, &rcpt, 1,
	    "Subject: test\r\n\r\nthe text\r\n");
}

/* --- sessions --- */

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
w_ready(struct w_session *s)
{
	if (queue_ready(&w.q, worker_of(s), s->id) == -1)
		broken("READY was refused");
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
w_gone(struct w_session *s, enum qo_status status, enum reason reason,
    const char *enh, const char *text)
{
	struct qo_gone g = { 0 };

	outcome(&g.outcome, status, reason, enh, text);
	s->used = false;
	free(s->body);
	s->body = NULL;
	if (queue_gone(&w.q, worker_of(s), s->id, &g) == -1)
		broken("GONE was refused");
	w_turn();
}

void
w_results(struct w_session *s, bool keep, const struct qo_outcome *o)
{
	static struct q_outcome v[QO_RCPTS_MAX];
	struct qo_result r = { .msgid = s->job.msgid,
		.keep = keep,
		.n = s->job.nrcpt };
	uint16_t i;

	for (i = 0; i < r.n; i++) {
		v[i].rcpt = s->rcpts[i];
		v[i].outcome = o[i];
	}
	if (o[0].status == QO_DELIVERED && s->job.sender[0] == '\0')
		(void)strlcpy(w.dsn, s->body, sizeof(w.dsn));
	s->has_job = false;
	free(s->body);
	s->body = NULL;
	if (queue_result(&w.q, worker_of(s), s->id, &r, v) == -1)
		broken("RESULT was refused");
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
w_kill_worker(enum side side, unsigned index)
{
	size_t i;

	for (i = 0; i < W_SESSIONS; i++) {
		if (!w.sessions[i].used || w.sessions[i].side != side ||
		    w.sessions[i].worker != index)
			continue;
		w.sessions[i].used = false;
		free(w.sessions[i].body);
		w.sessions[i].body = NULL;
	}
	queue_worker_down(&w.q, side, index);
	queue_worker_up(&w.q, side, index);
	w_turn();
}
