/* SPDX-License-Identifier: ISC */
/*
 * A client: its socket, its time limits, and the loop that drives the session
 * machine.  Input is read into one buffer of the process and only what is
 * left over is kept; so an idle client costs its session and nothing more.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/relay.h"
#include "common/base/stats.h"
#include "smtpd-in/server.h"

#define READ_SIZE      (64 * 1024)
#define IN_SIZE	       (READ_SIZE + SMTP_LINE_MAX)
#define OUT_SIZE       (16 * 1024)
#define DIR_DEADLINE   10000  /* ms for dird's answer */
#define DNS_DEADLINE   5000   /* ms for dnsd's: then the mail is taken */
#define QUEUE_DEADLINE 120000 /* ms for queued's: a slow disk is no loss */
#define KEYD_DEADLINE  2000   /* ms for keyd's: then there is no TLS */
#define HANDSHAKE_TIME 60000  /* ms for a client's part of it */
#define RATE_PERIOD    60000

/* One of each for the process: they are empty between two callbacks. */
static char inbuf[REPAIR_ROOM(IN_SIZE)];
static char raw[IN_SIZE]; /* what is being repaired */
static char outbuf[OUT_SIZE];

/* --- questions to peers carry slot and sequence --- */

uint32_t
client_question_id(const struct client *c)
{
	return (uint32_t)c->seq << 16 | c->slot;
}

struct client *
client_asking(struct server *sv, uint32_t id, enum waiting_for what)
{
	struct client *c = sv->clients[id & 0xffff];

	if (c == NULL || c->seq != id >> 16 || c->waiting != what)
		return NULL;
	return c;
}

/* --- timers: the earliest of what limits this client now --- */

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool
client_in_text(const struct client *c)
{
	return c->session.state == SESSION_TEXT ||
	    c->session.state == SESSION_CHUNK;
}

bool
client_in_handshake(const struct client *c)
{
	return c->tls != NULL && !c->secure;
}

static uint64_t
deadline(const struct client *c)
{
	const struct conf_limits *lim = &c->server->conf->limits;
	uint64_t at = c->started + lim->session_time * 1000ULL;

	if (c->stage != STAGE_IN)
		return entry_deadline(c);
	switch (c->waiting) {
	case WAIT_DIR:
		return c->wait_since + DIR_DEADLINE;
	case WAIT_DNS:
		return c->wait_since + DNS_DEADLINE;
	case WAIT_ROOM:
	case WAIT_QUEUE:
		return c->wait_since + QUEUE_DEADLINE;
	case WAIT_KEYD:
	case WAIT_SIGN:
		return c->wait_since + KEYD_DEADLINE;
	case WAIT_ADMIT: /* its stage decides */
	case WAIT_NOTHING:
		break;
	}
	if (client_in_handshake(c))
		return earlier(at, c->wait_since + HANDSHAKE_TIME);
	if (client_in_text(c)) {
		at = earlier(at, c->rate_since + RATE_PERIOD);
		return earlier(at,
		    c->quiet_since + lim->data_timeout * 1000ULL);
	}
	return earlier(at, c->quiet_since + lim->command_timeout * 1000ULL);
}

static void
arm(struct client *c)
{
	uint64_t now = ev_now(c->server->ev), at = deadline(c);

	/* one that fires too early looks again: bytes need not touch the heap
	 */
	if (ev_timer_pending(&c->timer) && c->timer.at <= at)
		return;
	if (ev_timer_set(c->server->ev, &c->timer, at > now ? at - now : 0) ==
	    -1)
		log_warn("timer");
}

static enum smtp_reply_id
what_is_over(struct client *c, uint64_t now)
{
	const struct conf_limits *lim = &c->server->conf->limits;

	if (now >= c->started + lim->session_time * 1000ULL)
		return SMTP_R_TOO_LONG_SESSION;
	if (!client_in_text(c))
		return SMTP_R_TIMEOUT;
	if (now >= c->quiet_since + lim->data_timeout * 1000ULL)
		return SMTP_R_TIMEOUT;
	if (c->rate_bytes < lim->data_rate * (RATE_PERIOD / 1000ULL))
		return SMTP_R_TOO_SLOW;
	c->rate_since = now;
	c->rate_bytes = 0;
	return SMTP_R_NONE;
}

void
client_on_timer(struct ev_timer *t)
{
	struct client *c = t->arg;
	uint64_t now = ev_now(c->server->ev);
	enum smtp_reply_id id;

	if (now < deadline(c)) {
		arm(c);
		return;
	}
	if (c->closing) { /* it does not even take our last words */
		client_free(c);
		return;
	}
	if (c->stage != STAGE_IN) {
		entry_late(c);
		return;
	}
	if (client_in_handshake(c)) {
		secure_late(c);
		return;
	}
	if (c->waiting != WAIT_NOTHING) {
		client_no_answer(c);
		return;
	}
	if ((id = what_is_over(c, now)) == SMTP_R_NONE) {
		arm(c);
		return;
	}
	session_end(&c->session, id);
	client_run(c, 0);
}

/* --- questions of the session --- */

/* By its address, or by the certificate that it has shown. */
static bool
may_send(const struct client *c)
{
	const struct conf *conf = c->server->conf;

	if (!c->by_cert)
		return true;
	return c->has_cert && conf_accepts_cert(conf, c->cert);
}

static enum session_answer
judge_mail(struct client *c, const struct session_act *a)
{
	struct server *sv = c->server;
	struct smtp_slice domain = smtp_addr_domain(a->addr);

	if (sv->queue == NULL || !sv->room_known)
		return ANSWER_LATER;
	if (!sv->room.accepting)
		return ANSWER_FULL;
	if ((a->mail->given & SMTP_PARAM_SIZE) != 0 &&
	    a->mail->size > sv->room.max_size)
		return ANSWER_FULL;
	if (!may_send(c))
		return ANSWER_NO_CLIENT;
	if (relay_sender(sv->conf, sv->side, domain.p, domain.len) != REASON_OK)
		return ANSWER_DENIED;
	intx_free(sv, c->tx);
	c->tx = intx_new(a, &c->session);
	return c->tx != NULL ? ANSWER_YES : ANSWER_LATER;
}

/*
 * RFC 7505 section 4.2: who takes no mail sends none.  Is dnsd asked?  Not of
 * the null sender and of literals, and without an answer the mail is taken.
 */
static bool
ask_dns(struct client *c, const struct session_act *a)
{
	struct server *sv = c->server;
	struct smtp_slice domain = smtp_addr_domain(a->addr);

	if (sv->side != SIDE_EXT ||
	    (sv->conf->flags & CONF_F_CHECK_SENDER_MX) == 0 ||
	    domain.len == 0 || domain.p[0] == '[')
		return false;
	c->seq++;
	if (peers_ask_sender(sv, client_question_id(c), domain) == -1)
		return false;
	c->waiting = WAIT_DNS;
	c->wait_since = ev_now(sv->ev);
	return true;
}

static bool
ask_dird(struct client *c, const struct session_act *a)
{
	c->seq++;
	if (peers_ask_recipient(c->server, client_question_id(c), a->addr) ==
	    -1)
		return false;
	c->waiting = WAIT_DIR;
	c->wait_since = ev_now(c->server->ev);
	return true;
}

/* true: answered now, by *answer; false: dird will */
static bool
judge_rcpt(struct client *c, const struct session_act *a,
    enum session_answer *answer)
{
	struct server *sv = c->server;
	struct smtp_slice domain = smtp_addr_domain(a->addr);
	struct relay_decision d;

	/* one that is let in by its certificate has no address that counts */
	relay_decide(sv->conf, sv->side, c->by_cert ? NULL : &c->peer.client,
	    domain.p, domain.len, &d);
	if (d.verdict == RELAY_REFUSE || !may_send(c)) {
		*answer = ANSWER_RELAY_DENIED;
		return true;
	}
	if (intx_rcpt(c->tx, a) == -1) {
		*answer = ANSWER_LATER;
		return true;
	}
	if (d.verdict == RELAY_OUTBOUND) {
		*answer = ANSWER_YES;
		return true;
	}
	if (ask_dird(c, a))
		return false;
	*answer = ANSWER_LATER;
	return true;
}

static void
submit(struct client *c)
{
	struct server *sv = c->server;

	c->seq++;
	c->wait_since = ev_now(sv->ev);
	if (c->tx != NULL && sv->queue != NULL && chan_busy(sv->queue)) {
		c->waiting = WAIT_ROOM;
		STAILQ_INSERT_TAIL(&sv->submits, c, submit);
		return;
	}
	if (c->tx == NULL || sv->queue == NULL ||
	    intx_submit(sv, c, client_question_id(c)) == -1)
		(void)session_answer(&c->session, c->question, ANSWER_LATER,
		    smtp_slice("", 0));
	else
		c->waiting = WAIT_QUEUE;
}

/* A recipient that was noted and then not accepted is taken out again. */
static void
forget_last_rcpt(struct client *c, size_t len, uint32_t n)
{
	if (c->tx != NULL) {
		c->tx->rcpts_len = len;
		c->tx->nrcpt = n;
	}
}

static void
question(struct client *c, const struct session_act *a)
{
	enum session_answer answer = ANSWER_LATER;

	c->question = a->question;
	switch (a->type) {
	case ACT_MAIL:
		answer = judge_mail(c, a);
		if (answer == ANSWER_YES && ask_dns(c, a))
			return;
		break;
	case ACT_RCPT:
		if (c->tx == NULL)
			break;
		c->rcpt_mark = c->tx->rcpts_len;
		if (!judge_rcpt(c, a, &answer))
			return;
		if (answer != ANSWER_YES)
			forget_last_rcpt(c, c->rcpt_mark, c->session.tx.rcpts);
		else
			stats_inc(STAT_RCPTS_ACCEPTED);
		break;
	case ACT_DATA:
		answer = intx_room(c->server) ? ANSWER_YES : ANSWER_FULL;
		c->rate_since = ev_now(c->server->ev);
		c->rate_bytes = 0;
		break;
	case ACT_STARTTLS:
		if (!secure_ask(c, &answer))
			return;
		break;
	case ACT_SUBMIT:
		submit(c);
		return;
	case ACT_INPUT:
	case ACT_FLUSH:
	case ACT_WAIT:
	case ACT_TEXT:
	case ACT_ABORT:
	case ACT_REFUSED:
	case ACT_CLOSE:
	case ACT_TLS:
		return;
	}
	(void)session_answer(&c->session, a->question, answer,
	    smtp_slice("", 0));
}

/* dird has spoken of the last recipient. */
static void
settle_rcpt(struct client *c, bool yes)
{
	if (yes)
		stats_inc(STAT_RCPTS_ACCEPTED);
	else
		forget_last_rcpt(c, c->rcpt_mark, c->session.tx.rcpts);
}

/* queued has taken the message, or not: here it is done with. */
static void
settle_message(struct client *c, bool yes)
{
	if (yes && c->tx != NULL) {
		stats_inc(STAT_MSGS_ACCEPTED);
		stats_add(STAT_BYTES_ACCEPTED, c->tx->size);
	}
	intx_free(c->server, c->tx);
	c->tx = NULL;
}

void
client_answer(struct client *c, enum session_answer answer, const char *text)
{
	enum waiting_for was = c->waiting;

	if (was == WAIT_ROOM)
		STAILQ_REMOVE(&c->server->submits, c, client, submit);
	c->waiting = WAIT_NOTHING;
	c->quiet_since = ev_now(c->server->ev);
	if (was == WAIT_DNS && answer != ANSWER_YES) {
		intx_free(c->server, c->tx);
		c->tx = NULL;
	}
	if (was == WAIT_DIR)
		settle_rcpt(c, answer == ANSWER_YES);
	else if (was == WAIT_ROOM || was == WAIT_QUEUE)
		settle_message(c, answer == ANSWER_YES);
	if (session_answer(&c->session, c->question, answer,
		smtp_slice_str(text != NULL ? text : "")) == 0)
		client_run(c, 0);
}

void
client_no_answer(struct client *c)
{
	client_answer(c, c->waiting == WAIT_DNS ? ANSWER_YES : ANSWER_LATER,
	    NULL);
}

/* --- output --- */

int
client_write(struct client *c, const void *data, size_t len)
{
	const char *p = data;
	char *keep;
	ssize_t n;

	n = send(c->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		n = 0;
	if (n == -1)
		return -1;
	if ((size_t)n == len)
		return 0;
	if ((keep = malloc(len - (size_t)n)) == NULL)
		return -1;
	memcpy(keep, p + n, len - (size_t)n);
	free(c->out);
	c->out = keep;
	c->out_len = (uint32_t)(len - (size_t)n);
	return 0;
}

/* What the session says, by whichever way. */
static int
put_out(struct client *c, const char *p, size_t len)
{
	return c->secure ? secure_write(c, p, len) : client_write(c, p, len);
}

static int
flush_kept(struct client *c)
{
	char *old = c->out;
	size_t len = c->out_len;
	int rc;

	if (old == NULL)
		return 0;
	c->out = NULL;
	c->out_len = 0;
	rc = client_write(c, old, len);
	free(old);
	return rc;
}

/* --- the loop --- */

/*
 * While a peer is asked the client is left as it is watched: it is told to
 * wait only if it says something meanwhile, as few do.
 */
static void
watch(struct client *c)
{
	uint32_t want = c->out != NULL ? EPOLLOUT : EPOLLIN;

	if (c->out == NULL && (c->waiting != WAIT_NOTHING || c->closing))
		return;
	if (ev_io_set(c->server->ev, &c->io, c->fd, want) == -1)
		log_warn("watching a client");
}

void
client_watch(struct client *c)
{
	watch(c);
	arm(c);
}

/* Keep what the session has not used. */
int
client_keep(struct client *c, const char *p, size_t len)
{
	free(c->in);
	c->in = NULL;
	c->in_len = 0;
	if (len == 0)
		return 0;
	if ((c->in = malloc(len)) == NULL)
		return -1;
	memcpy(c->in, p, len);
	c->in_len = (uint32_t)len;
	return 0;
}

/* 1: go on stepping; 0: stop, wait for something; -1: the client is over */
static int
perform(struct client *c, const struct session_act *a, struct smtp_outbuf *out)
{
	switch (a->type) {
	case ACT_MAIL:
	case ACT_RCPT:
	case ACT_DATA:
	case ACT_STARTTLS:
	case ACT_SUBMIT:
		question(c, a);
		return 1;
	case ACT_TEXT:
		if (c->tx != NULL)
			intx_text(c->server, c->tx, a->text);
		return 1;
	case ACT_ABORT:
		intx_free(c->server, c->tx);
		c->tx = NULL;
		return 1;
	case ACT_REFUSED:
		client_log_refused(c, a);
		return 1;
	case ACT_FLUSH:
		if (put_out(c, out->buf, out->len) == -1)
			return -1;
		out->len = 0;
		out->failed = false;
		return c->out == NULL ? 1 : 0;
	case ACT_TLS:
		if (put_out(c, out->buf, out->len) == -1 ||
		    secure_begin(c, a->text.len) == -1)
			return -1;
		out->len = 0;
		return 0;
	case ACT_CLOSE:
		c->closing = true;
		return 0;
	case ACT_INPUT:
	case ACT_WAIT:
		return 0;
	}
	return 0;
}

/*
 * A client that has said more already is not waiting for these replies: they
 * go out with the others, RFC 2920 3.2.
 */
static int
hold(struct client *c, const struct smtp_outbuf *out)
{
	if ((c->held = malloc(out->len)) == NULL)
		return -1;
	memcpy(c->held, out->buf, out->len);
	c->held_len = (uint32_t)out->len;
	return 0;
}

static void
put_held(struct client *c, struct smtp_outbuf *out)
{
	if (c->held == NULL)
		return;
	smtp_put(out, c->held, c->held_len);
	free(c->held);
	c->held = NULL;
	c->held_len = 0;
}

/* -1: the client is over */
static int
say(struct client *c, const struct smtp_outbuf *out, bool more)
{
	if (out->len == 0 || c->out != NULL)
		return 0;
	if (more && (c->waiting == WAIT_DIR || c->waiting == WAIT_DNS))
		return hold(c, out);
	return put_out(c, out->buf, out->len);
}

/* At the end a client is let go as soon as no transaction is cut off. */
static bool
say_goodbye(struct client *c)
{
	if (!child_hurried(c->server->child) || c->closing ||
	    client_in_handshake(c) || !session_is_idle(&c->session))
		return false;
	session_end(&c->session, SMTP_R_SHUTDOWN);
	return true;
}

/*
 * The clock of a command runs from the end of the one before to its own end, or
 * a client would hold its session with an octet now and then.  In a message
 * each octet counts, and the rate is judged.
 */
static void
note_progress(struct client *c, size_t used)
{
	if (used > 0 && !session_is_mid_line(&c->session))
		c->quiet_since = ev_now(c->server->ev);
}

/* Step through len bytes of inbuf and whatever was kept before them. */
void
client_run(struct client *c, size_t len)
{
	struct smtp_outbuf out;
	struct session_act act;
	size_t off = 0, used;
	int go;

	if (len == 0 && c->in != NULL) {
		len = c->in_len;
		memcpy(inbuf, c->in, len);
	}
	smtp_outbuf_init(&out, outbuf, sizeof(outbuf));
	put_held(c, &out);
	do {
		used = 0;
		(void)session_step(&c->session,
		    smtp_slice(inbuf + off, len - off), &used, &out, &act);
		go = perform(c, &act, &out);
		off += used;
	} while (go == 1 || (go == 0 && say_goodbye(c)));
	note_progress(c, off);
	if (go == 0)
		go = say(c, &out, len > off);
	if (go != -1 && c->closing)
		secure_bye(c);
	if (go == -1 || (c->closing && c->out == NULL) ||
	    client_keep(c, inbuf + off, len - off) == -1) {
		client_free(c);
		return;
	}
	client_watch(c);
}

char *
client_room(struct client *c, size_t *cap)
{
	*cap = c->in_len < IN_SIZE ? IN_SIZE - c->in_len : 0;
	if (c->in_len > 0)
		memcpy(inbuf, c->in, c->in_len);
	return inbuf + c->in_len;
}

size_t
client_repair(struct client *c, char *room, size_t len)
{
	if (!c->repairs)
		return len;
	memcpy(raw, room, len);
	return repair_lines(&c->repair, raw, len, room, &c->repaired);
}

void
client_input(struct client *c)
{
	size_t kept = c->in_len;
	ssize_t n;

	if (kept > IN_SIZE - 1)
		kept = IN_SIZE - 1; /* cannot be: less than a line */
	n = recv(c->fd, inbuf + kept, IN_SIZE - kept, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (kept > 0)
		memcpy(inbuf, c->in, kept);
	if (n > 0) {
		c->rate_bytes += (uint64_t)n;
		client_run(c, kept + client_repair(c, inbuf + kept, (size_t)n));
		return;
	}
	c->eof = true;
	session_eof(&c->session);
	client_run(c, kept);
}

void
client_on_io(struct ev_io *io, uint32_t events)
{
	struct client *c = io->arg;

	if (c->out == NULL) {
		if (c->waiting != WAIT_NOTHING || c->closing)
			ev_io_del(c->server->ev, io);
		else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
			return;
		else if (c->stage == STAGE_PROXY)
			entry_proxy(c);
		else if (c->tls != NULL)
			secure_input(c);
		else
			client_input(c);
		return;
	}
	if (flush_kept(c) == -1) {
		client_free(c);
		return;
	}
	if (c->out == NULL && !client_in_handshake(c))
		client_run(c, 0);
	else
		client_watch(c);
}
