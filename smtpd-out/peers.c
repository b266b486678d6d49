/* SPDX-License-Identifier: ISC */
/*
 * The channels of smtpd-out: queued gives it sessions and jobs, dnsd answers
 * questions, connd gives it sockets.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/log.h"
#include "smtpd-out/worker.h"

#define DNS_DEADLINE	30000 /* ms */
#define CONNECT_TIMEOUT 30000 /* ms for one address */

#define SLOT_BITS	12
#define WHICH_BITS	2

static uint32_t
question_id(const struct session *s, enum question q)
{
	return s->slot | (uint32_t)q << SLOT_BITS |
	    s->seq << (SLOT_BITS + WHICH_BITS);
}

/* Who asked this; NULL: nobody (any more). */
static struct session *
asker_of(struct worker *w, uint32_t id, enum question *q)
{
	struct session *s = w->slots[id & (SESSIONS_MAX - 1)];
	uint32_t which = id >> SLOT_BITS & ((1U << WHICH_BITS) - 1);

	if (s == NULL || which >= QUESTIONS || !s->asked[which].open)
		return NULL;
	*q = (enum question)which;
	return question_id(s, *q) == id ? s : NULL;
}

/* --- dnsd --- */

static void
send_dns(const struct session *s, enum question q)
{
	struct sd_query m = { .type = s->asked[q].type,
		.deadline_ms = DNS_DEADLINE };
	struct worker *w = s->worker;
	struct ibuf b;

	if (w->dns == NULL)
		return; /* asked when it is there again */
	(void)strlcpy(m.name, plan_name(&s->plan), sizeof(m.name));
	chan_scratch(&b);
	if (put_sd_query(&b, &m) == 0)
		(void)chan_send(w->dns, SD_REQ_QUERY, question_id(s, q), &b,
		    -1);
}

void
peers_ask_dns(struct session *s, enum question q, enum sd_rrtype type)
{
	if (q == Q_FIRST)
		s->seq++;
	s->asked[q].open = true;
	s->asked[q].type = type;
	send_dns(s, q);
}

static int
on_dns_answer(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	static struct sd_record records[SD_RECORDS_MAX];
	struct worker *w = chan_ctx(ch);
	struct session *s;
	struct sd_answer m;
	enum question q;
	uint16_t i;

	(void)fd;
	if (get_sd_answer(b, &m) == -1)
		return -1;
	for (i = 0; i < m.n; i++)
		if (get_sd_record(b, m.type, &records[i]) == -1)
			return -1;
	if (ibuf_get_end(b) == -1)
		return -1;
	if ((s = asker_of(w, id, &q)) == NULL)
		return 0;
	if (m.type != s->asked[q].type)
		return -1;
	s->asked[q].open = false;
	if (m.type == SD_MX)
		plan_mx_answer(&s->plan, m.status, records, m.n);
	else
		plan_addr_answer(&s->plan, m.status, records, m.n);
	if (!s->asked[Q_FIRST].open && !s->asked[Q_AAAA].open)
		session_go_on(s);
	return 0;
}

static const struct chan_msg dns_msgs[] = {
	{ SD_ANS_QUERY, SD_ANSWER_MIN, SD_ANSWER_MAX, FD_NONE, CHAN_ANY,
	    on_dns_answer },
};

/* --- connd --- */

static void
send_socket(const struct session *s)
{
	struct oc_connect m = { .to = s->relay.addr,
		.timeout_ms = CONNECT_TIMEOUT };
	struct worker *w = s->worker;
	struct ibuf b;

	if (w->conn == NULL)
		return;
	chan_scratch(&b);
	if (put_oc_connect(&b, &m) == 0)
		(void)chan_send(w->conn, OC_REQ_CONNECT,
		    question_id(s, Q_SOCKET), &b, -1);
}

void
peers_ask_socket(struct session *s)
{
	s->seq++;
	s->asked[Q_SOCKET].open = true;
	send_socket(s);
}

static int
on_socket(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct worker *w = chan_ctx(ch);
	struct session *s;
	struct oc_answer m;
	enum question q;

	if (get_oc_answer(b, &m) == -1 || (m.result == OC_OK) != (fd != -1)) {
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	s = asker_of(w, id, &q);
	if (s == NULL || q != Q_SOCKET) {
		if (fd != -1)
			(void)close(fd);
		return 0;
	}
	s->asked[Q_SOCKET].open = false;
	if (fd != -1)
		session_connected(s, fd);
	else
		session_connect_failed(s, &m);
	return 0;
}

static const struct chan_msg conn_msgs[] = {
	{ OC_ANS_CONNECT, OC_ANSWER_LEN, OC_ANSWER_LEN, FD_OPT, CHAN_ANY,
	    on_socket },
};

/* --- keyd --- */

static int
on_signed(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct worker *w = chan_ctx(ch);

	(void)fd;
	return tls_keys_signed(&w->keys, id, b);
}

static const struct chan_msg key_msgs[] = {
	{ SK_ANS_SIGNED, SK_SIGNED_MIN, SK_SIGNED_MAX, FD_NONE, CHAN_ANY,
	    on_signed },
};

void
peers_cancel(struct session *s)
{
	struct worker *w = s->worker;

	if (s->asked[Q_SOCKET].open && w->conn != NULL)
		(void)chan_send(w->conn, OC_REQ_CANCEL,
		    question_id(s, Q_SOCKET), NULL, -1);
	memset(s->asked, 0, sizeof(s->asked));
}

/* --- queued --- */

static int
on_open(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct msg_hop hop;

	(void)fd;
	if (get_hop(b, &hop) == -1 || ibuf_get_end(b) == -1)
		return -1;
	session_open(chan_ctx(ch), id, &hop);
	return 0;
}

static int
read_job(struct job *j, struct ibuf *b, int fd)
{
	uint16_t i;

	if (get_qo_job(b, &j->job) == -1 || j->job.in_fd != (fd != -1))
		return -1;
	j->rcpts = calloc(j->job.nrcpt, sizeof(*j->rcpts));
	j->outcomes = calloc(j->job.nrcpt, sizeof(*j->outcomes));
	if (j->rcpts == NULL || j->outcomes == NULL)
		fatal("memory");
	for (i = 0; i < j->job.nrcpt; i++)
		if (get_rcpt(b, &j->rcpts[i]) == -1)
			return -1;
	if (j->job.in_fd)
		return ibuf_get_end(b);
	if (ibuf_size(b) != j->job.size)
		return -1;
	if ((j->body = malloc(j->job.size > 0 ? j->job.size : 1)) == NULL)
		fatal("memory");
	return ibuf_get(b, j->body, j->job.size);
}

static int
on_job(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		fatal("memory");
	j->fd = fd;
	if (read_job(j, b, fd) == -1) {
		job_free(j);
		return -1;
	}
	return session_job(chan_ctx(ch), id, j);
}

static int
on_close(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	session_close(chan_ctx(ch), id);
	return 0;
}

static const struct chan_msg queue_msgs[] = {
	{ QO_REQ_OPEN, MSG_HOP_MIN, MSG_HOP_MAX, FD_NONE, CHAN_ANY, on_open },
	{ QO_REQ_JOB, QO_JOB_MIN, CHAN_PAYLOAD_MAX, FD_OPT, CHAN_ANY, on_job },
	{ QO_REQ_CLOSE, 0, 0, FD_NONE, CHAN_ANY, on_close },
};

void
peers_ready(struct session *s)
{
	struct worker *w = s->worker;
	struct ibuf b;

	chan_scratch(&b);
	if (w->queue != NULL && put_qo_relay(&b, &s->relay) == 0)
		(void)chan_send(w->queue, QO_ANS_READY, s->id, &b, -1);
}

void
peers_result(struct session *s, bool keep)
{
	struct worker *w = s->worker;
	const struct job *j = s->job;
	struct qo_result m = {
		.msgid = j->job.msgid,
		.keep = keep,
		.dsn = (s->smtpc.features.ext & SMTP_EXT_DSN) != 0,
		.delay = (uint32_t)(ev_now(w->ev) - j->begun),
		.n = j->job.nrcpt,
		.relay = s->relay,
	};
	struct ibuf b;
	uint16_t i;

	if (w->queue == NULL)
		return;
	chan_scratch(&b);
	(void)put_qo_result(&b, &m);
	for (i = 0; i < m.n; i++) {
		(void)ibuf_add_n16(&b, j->rcpts[i].index);
		(void)put_qo_outcome(&b, &j->outcomes[i]);
	}
	(void)chan_send(w->queue, QO_ANS_RESULT, s->id, &b, -1);
}

void
peers_gone(struct worker *w, uint32_t id, bool was_ready,
    const struct qo_relay *relay, const struct qo_outcome *o)
{
	struct qo_gone m = { .was_ready = was_ready,
		.relay = *relay,
		.outcome = *o };
	struct ibuf b;

	chan_scratch(&b);
	if (w->queue != NULL && put_qo_gone(&b, &m) == 0)
		(void)chan_send(w->queue, QO_ANS_GONE, id, &b, -1);
}

/* --- all --- */

/* Questions that were open are asked of the one that is there now. */
static void
ask_again(struct worker *w, enum proc proc)
{
	struct session *s;
	uint32_t i;

	for (i = 0; i < SESSIONS_MAX; i++) {
		if ((s = w->slots[i]) == NULL)
			continue;
		if (proc == PROC_CONND) {
			if (s->asked[Q_SOCKET].open)
				send_socket(s);
			continue;
		}
		if (s->asked[Q_FIRST].open)
			send_dns(s, Q_FIRST);
		if (s->asked[Q_AAAA].open)
			send_dns(s, Q_AAAA);
	}
}

static struct chan **
slot_of(struct worker *w, enum proc proc, struct peer **peer)
{
	if (proc == PROC_QUEUED) {
		*peer = &w->queue_peer;
		return &w->queue;
	}
	if (proc == PROC_CONND) {
		*peer = &w->conn_peer;
		return &w->conn;
	}
	if (proc == PROC_KEYD) {
		*peer = &w->key_peer;
		return &w->key;
	}
	*peer = &w->dns_peer;
	return &w->dns;
}

static void
lost(struct worker *w, struct chan **slot)
{
	chan_free(*slot);
	*slot = NULL;
	if (slot == &w->queue)
		sessions_abort(w);
	else if (slot == &w->key)
		sessions_unsigned(w);
}

static void
on_violation(struct chan *ch, enum chan_violation v)
{
	struct worker *w = chan_ctx(ch);
	enum proc proc = PROC_DNSD_EXT;
	struct chan **slot;
	struct peer *peer;

	if (ch == w->queue)
		proc = PROC_QUEUED;
	else if (ch == w->conn)
		proc = PROC_CONND;
	else if (ch == w->key)
		proc = PROC_KEYD;
	slot = slot_of(w, proc, &peer);
	child_violation(w->child, peer, v);
	lost(w, slot);
}

void
peers_set(struct worker *w, const struct peer *p, int fd)
{
	struct chan_spec spec = { .ctx = w, .on_violation = on_violation };
	struct chan **slot;
	struct peer *peer;
	char name[INSTANCE_MAX];

	slot = slot_of(w, p->proc, &peer);
	if (*slot != NULL)
		lost(w, slot);
	*peer = *p;
	if (p->proc == PROC_QUEUED) {
		spec.msgs = queue_msgs;
		spec.nmsgs = sizeof(queue_msgs) / sizeof(queue_msgs[0]);
		spec.recv_fds = true;
	} else if (p->proc == PROC_CONND) {
		spec.msgs = conn_msgs;
		spec.nmsgs = sizeof(conn_msgs) / sizeof(conn_msgs[0]);
		spec.recv_fds = true;
	} else if (p->proc == PROC_KEYD) {
		spec.msgs = key_msgs;
		spec.nmsgs = sizeof(key_msgs) / sizeof(key_msgs[0]);
	} else {
		spec.msgs = dns_msgs;
		spec.nmsgs = sizeof(dns_msgs) / sizeof(dns_msgs[0]);
	}
	spec.name = peer_name(p, name);
	if ((*slot = chan_new(w->ev, fd, &spec)) == NULL)
		log_warn("channel to %s", name);
	else if (p->proc != PROC_QUEUED && p->proc != PROC_KEYD)
		ask_again(w, p->proc);
}
