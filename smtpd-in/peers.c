/* SPDX-License-Identifier: ISC */
/*
 * The channels of smtpd-in: connd gives it sockets, dird says who exists,
 * queued takes the messages.  Each may be away for a moment; then clients are
 * told to come again later.
 */
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "smtpd-in/server.h"

/* --- connd --- */

static int
on_session(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct ci_session m;

	if (get_ci_session(b, &m) == -1) {
		(void)close(fd);
		return -1;
	}
	client_start(chan_ctx(ch), id, &m, fd);
	return 0;
}

static int
on_admit(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct ci_admit m;
	struct client *c;

	(void)id;
	(void)fd;
	if (get_ci_admit(b, &m) == -1)
		return -1;
	if ((c = client_asking(chan_ctx(ch), m.tag, WAIT_ADMIT)) != NULL)
		entry_admit(c, m.verdict);
	return 0;
}

int
peers_tell_client(const struct client *c, const struct ci_client *m)
{
	const struct server *sv = c->server;
	struct ibuf b;

	if (sv->conn == NULL || sv->conn_life != c->conn_life)
		return -1;
	chan_scratch(&b);
	if (put_ci_client(&b, m) == -1)
		return -1;
	return chan_send(sv->conn, CI_ANS_CLIENT, c->conn_id, &b, -1);
}

void
peers_conn_closed(struct server *sv, uint32_t conn_id, uint32_t conn_life,
    enum ci_end how)
{
	struct ibuf b;

	if (sv->conn == NULL || sv->conn_life != conn_life)
		return;
	chan_scratch(&b);
	if (put_ci_end(&b, how) == 0)
		(void)chan_send(sv->conn, CI_ANS_CLOSED, conn_id, &b, -1);
}

static const struct chan_msg conn_msgs[] = {
	{ CI_REQ_SESSION, CI_SESSION_LEN, CI_SESSION_LEN, FD_ONE, CHAN_ANY,
	    on_session },
	{ CI_REQ_ADMIT, CI_ADMIT_LEN, CI_ADMIT_LEN, FD_NONE, CHAN_ANY,
	    on_admit },
};

/* --- dird --- */

int
peers_ask_recipient(struct server *sv, uint32_t id, const struct smtp_addr *a)
{
	struct smtp_slice local = smtp_addr_local(a);
	struct smtp_slice domain = smtp_addr_domain(a);
	struct msg_ask ask = { 0 };
	struct ibuf b;

	if (sv->dir == NULL || local.len > MSG_LOCAL_MAX ||
	    domain.len > MSG_DOMAIN_MAX)
		return -1;
	memcpy(ask.local, local.p, local.len);
	memcpy(ask.domain, domain.p, domain.len);
	chan_scratch(&b);
	if (put_ask(&b, &ask) == -1)
		return -1;
	return chan_send(sv->dir, ID_REQ_RCPT, id, &b, -1);
}

static enum session_answer
answer_of(enum id_verdict v)
{
	switch (v) {
	case ID_YES:
		return ANSWER_YES;
	case ID_NO:
		return ANSWER_NO_USER;
	case ID_LATER:
		return ANSWER_LATER;
	case ID_FOREIGN:
		return ANSWER_RELAY_DENIED;
	}
	return ANSWER_LATER;
}

static int
on_verdict(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct client *c = client_asking(chan_ctx(ch), id, WAIT_DIR);
	enum id_verdict v;

	(void)fd;
	if (get_id_verdict(b, &v) == -1)
		return -1;
	if (c != NULL)
		client_answer(c, answer_of(v), NULL);
	return 0;
}

static const struct chan_msg dir_msgs[] = {
	{ ID_ANS_RCPT, ID_ANS_LEN, ID_ANS_LEN, FD_NONE, CHAN_ANY, on_verdict },
};

/* --- dnsd --- */

int
peers_ask_sender(struct server *sv, uint32_t id, struct smtp_slice domain)
{
	struct in_sender m = { { 0 } };
	struct ibuf b;

	if (sv->dns == NULL || domain.len == 0 || domain.len > IN_DOMAIN_MAX)
		return -1;
	memcpy(m.domain, domain.p, domain.len);
	chan_scratch(&b);
	if (put_in_sender(&b, &m) == -1)
		return -1;
	return chan_send(sv->dns, IN_REQ_SENDER, id, &b, -1);
}

static int
on_sender(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct client *c = client_asking(chan_ctx(ch), id, WAIT_DNS);
	enum in_verdict v;

	(void)fd;
	if (get_in_verdict(b, &v) == -1)
		return -1;
	if (c != NULL)
		client_answer(c, v == IN_NULL_MX ? ANSWER_NULL_MX : ANSWER_YES,
		    NULL);
	return 0;
}

static const struct chan_msg dns_msgs[] = {
	{ IN_ANS_SENDER, IN_VERDICT_LEN, IN_VERDICT_LEN, FD_NONE, CHAN_ANY,
	    on_sender },
};

/* --- queued --- */

static int
on_done(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct client *c = client_asking(chan_ctx(ch), id, WAIT_QUEUE);
	char text[MSGID_STRLEN];
	struct iq_done m;

	(void)fd;
	if (get_iq_done(b, &m) == -1)
		return -1;
	if (c == NULL)
		return 0; /* it gave up; queued keeps the message */
	if (m.verdict == IQ_OK)
		client_answer(c, ANSWER_YES, msgid_fmt(m.msgid, text));
	else if (m.verdict == IQ_PERM)
		client_answer(c, ANSWER_DENIED, NULL);
	else if (m.reason == REASON_QUEUE_FULL)
		client_answer(c, ANSWER_FULL, NULL);
	else
		client_answer(c, ANSWER_LATER, NULL);
	return 0;
}

static int
on_room(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct server *sv = chan_ctx(ch);
	struct iq_room m;

	(void)id;
	(void)fd;
	if (get_iq_room(b, &m) == -1)
		return -1;
	sv->room = m;
	sv->room_known = true;
	return 0;
}

static const struct chan_msg queue_msgs[] = {
	{ IQ_ANS_DONE, IQ_DONE_LEN, IQ_DONE_LEN, FD_NONE, CHAN_ANY, on_done },
	{ IQ_NOTE_ROOM, IQ_ROOM_LEN, IQ_ROOM_LEN, FD_NONE, CHAN_ANY, on_room },
};

/* Messages that waited for the channel are handed over while it takes them. */
static void
on_queue_drain(struct chan *ch)
{
	struct server *sv = chan_ctx(ch);
	struct client *c;

	while (!chan_busy(ch) && (c = STAILQ_FIRST(&sv->submits)) != NULL) {
		STAILQ_REMOVE_HEAD(&sv->submits, submit);
		c->waiting = WAIT_QUEUE;
		if (intx_submit(sv, c, client_question_id(c)) == -1)
			client_answer(c, ANSWER_LATER, NULL);
	}
}

/* --- all --- */

static void
lost(struct server *sv, struct chan **slot, enum waiting_for what)
{
	chan_free(*slot);
	*slot = NULL;
	if (slot == &sv->queue) {
		sv->room_known = false;
		clients_give_up(sv, WAIT_ROOM);
	}
	if (slot == &sv->key)
		secure_give_up(sv);
	clients_give_up(sv, what);
}

static struct chan **
slot_of(struct server *sv, enum proc proc, struct peer **peer,
    enum waiting_for *what)
{
	if (proc == PROC_CONND) {
		*peer = &sv->conn_peer;
		*what = WAIT_NOTHING;
		return &sv->conn;
	}
	if (proc == PROC_DIRD) {
		*peer = &sv->dir_peer;
		*what = WAIT_DIR;
		return &sv->dir;
	}
	if (proc == PROC_DNSD_EXT) {
		*peer = &sv->dns_peer;
		*what = WAIT_DNS;
		return &sv->dns;
	}
	if (proc == PROC_KEYD) {
		*peer = &sv->key_peer;
		*what = WAIT_KEYD;
		return &sv->key;
	}
	*peer = &sv->queue_peer;
	*what = WAIT_QUEUE;
	return &sv->queue;
}

static void
on_violation(struct chan *ch, enum chan_violation v)
{
	struct server *sv = chan_ctx(ch);
	enum waiting_for what;
	struct peer *peer;
	struct chan **slot;
	enum proc proc = PROC_QUEUED;

	if (ch == sv->conn)
		proc = PROC_CONND;
	else if (ch == sv->dir)
		proc = PROC_DIRD;
	else if (ch == sv->dns)
		proc = PROC_DNSD_EXT;
	else if (ch == sv->key)
		proc = PROC_KEYD;
	slot = slot_of(sv, proc, &peer, &what);
	child_violation(sv->child, peer, v);
	lost(sv, slot, what);
	clients_leave(sv);
}

static void
fill_spec(struct chan_spec *spec, enum proc proc)
{
	memset(spec, 0, sizeof(*spec));
	spec->on_violation = on_violation;
	if (proc == PROC_CONND) {
		spec->msgs = conn_msgs;
		spec->nmsgs = sizeof(conn_msgs) / sizeof(conn_msgs[0]);
		spec->recv_fds = true;
	} else if (proc == PROC_DIRD) {
		spec->msgs = dir_msgs;
		spec->nmsgs = sizeof(dir_msgs) / sizeof(dir_msgs[0]);
	} else if (proc == PROC_DNSD_EXT) {
		spec->msgs = dns_msgs;
		spec->nmsgs = sizeof(dns_msgs) / sizeof(dns_msgs[0]);
	} else if (proc == PROC_KEYD) {
		spec->msgs = key_msgs;
		spec->nmsgs = nkey_msgs;
	} else {
		spec->msgs = queue_msgs;
		spec->nmsgs = sizeof(queue_msgs) / sizeof(queue_msgs[0]);
		spec->send_fds = true;
		spec->queue_max = 64UL * 1024 * 1024;
		spec->on_drain = on_queue_drain;
	}
}

void
peers_set(struct server *sv, const struct peer *p, int fd)
{
	enum waiting_for what;
	struct chan_spec spec;
	struct peer *peer;
	struct chan **slot;
	char name[INSTANCE_MAX];

	slot = slot_of(sv, p->proc, &peer, &what);
	if (*slot != NULL)
		lost(sv, slot, what);
	*peer = *p;
	if (p->proc == PROC_CONND)
		sv->conn_life++;
	fill_spec(&spec, p->proc);
	spec.name = peer_name(p, name);
	spec.ctx = sv;
	if ((*slot = chan_new(sv->ev, fd, &spec)) == NULL)
		log_warn("channel to %s", name);
}
