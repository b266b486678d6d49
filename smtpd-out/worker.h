/* SPDX-License-Identifier: ISC */
/*
 * smtpd-out's edges around the pure cores: sessions for queued, questions to
 * dnsd, sockets from connd.
 *
 * Questions carry a number made of the session's slot, which of its questions
 * it is, and a sequence, so that a late answer finds nobody.  A question that
 * is open when dnsd or connd is replaced is asked again of the new one.
 */
#ifndef SMTPD_OUT_WORKER_H
#define SMTPD_OUT_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/chan.h"
#include "common/base/child.h"
#include "common/base/ev.h"
#include "common/base/sandbox.h"
#include "common/base/tree.h"
#include "common/msg/out_conn.h"
#include "common/msg/queue_out.h"
#include "common/msg/smtp_dns.h"
#include "common/tls/keys.h"
#include "common/tls/tls.h"
#include "smtpd-out/plan.h"
#include "smtpd-out/smtpc.h"

#define SESSIONS_MAX 4096 /* of one worker: 12 bits of a question */
#define QUESTIONS    3	  /* of one session: MX or A, AAAA, socket */

enum question {
	Q_FIRST = 0, /* MX, or A */
	Q_AAAA = 1,
	Q_SOCKET = 2
};

struct asked {
	bool open;
	enum sd_rrtype type; /* Q_FIRST, Q_AAAA */
};

/* A job in hand: the message and where its text is. */
struct job {
	struct qo_job job;
	struct msg_rcpt *rcpts;	     /* owned */
	struct qo_outcome *outcomes; /* owned */
	uint8_t *body;		     /* owned; NULL: in fd */
	int fd;			     /* -1: inline */
	uint64_t off;		     /* octets of the text already encoded */
	uint64_t begun;		     /* ms */
	struct qo_relay relay;	     /* whose outcomes these are */
};

struct session {
	RB_ENTRY(session) entry;
	struct worker *worker;
	uint32_t id; /* queued's */
	uint16_t slot;
	uint32_t seq;
	struct asked asked[QUESTIONS];
	struct plan plan; /* without hosts once one of them took a job */
	struct qo_relay relay;
	int fd; /* -1: not connected */
	struct ev_io io;
	struct ev_timer timer;
	uint64_t deadline; /* ms; moved by progress(), not by each octet */
	uint32_t replies;  /* and what there was at the last one */
	enum smtpc_state state;
	bool signed_for, wrote;
	char *out; /* not yet written; owned */
	size_t out_len;
	struct tls_conn *tls; /* NULL: clear text; owned */
	bool secure;	      /* its handshake is done */
	bool signing;	      /* its handshake waits for keyd */
	bool unanswered;      /* keyd did not answer */
	bool plain;    /* a handshake with this address failed: without TLS */
	bool ready;    /* queued knows of the connection */
	bool quitting; /* queued wants no more, or we drain */
	bool moving;   /* from this host, with the job, to the next */
	struct smtpc smtpc;
	struct job *job; /* owned */
};
RB_HEAD(sessions, session);

struct worker {
	struct child *child;
	struct ev *ev;
	const struct conf *conf;
	enum side side;
	struct chan *queue, *conn, *dns, *key; /* NULL: being replaced */
	struct peer queue_peer, conn_peer, dns_peer, key_peer;
	struct tls_keys keys;
	struct tls_client *tls;			/* owned; NULL: not made yet */
	struct tls_cert *certs[CONF_CERTS_MAX]; /* by id; owned */
	struct sessions sessions;
	struct session *slots[SESSIONS_MAX];
	uint32_t nsessions, next_slot;
};

/* sandbox.c */
extern const struct cage smtpd_out_cage;

/* session.c */
void session_open(struct worker *, uint32_t id, const struct msg_hop *);
/* Takes the job.  -1: there is such a session, but it has one already. */
int session_job(struct worker *, uint32_t id, struct job *);
void session_close(struct worker *, uint32_t id); /* no more jobs */
void session_connected(struct session *, int fd);
void session_connect_failed(struct session *, const struct oc_answer *);
/* The plan was told something: do its next step. */
void session_go_on(struct session *);
void sessions_drain(struct worker *);
void sessions_abort(struct worker *); /* queued is gone: it forgot them all */
void job_free(struct job *);
/* To the socket; what it does not take is kept.  -1: lost. */
int session_write(struct session *, const void *, size_t);
void session_signed(struct session *);	 /* keyd has answered */
void sessions_unsigned(struct worker *); /* keyd is gone */

/* secure.c: a session under TLS */
void secure_conf(struct worker *, const struct conf *);
/* 220 was said: a handshake begins. */
void secure_begin(struct session *, struct smtp_outbuf *);
/* Octets of the wire. */
void secure_input(struct session *, const void *, size_t, struct smtp_outbuf *);
void secure_go_on(struct session *, struct smtp_outbuf *);
void secure_late(struct session *, struct smtp_outbuf *); /* keyd is silent */
int secure_write(struct session *, const char *, size_t);
void secure_tell(struct session *);	  /* the evidence, into its relay */
void secure_over(const struct session *); /* logs how TLS came to nothing */
void secure_free(struct session *);

/* peers.c */
void peers_set(struct worker *, const struct peer *, int fd);
void peers_ask_dns(struct session *, enum question, enum sd_rrtype);
void peers_ask_socket(struct session *);
void peers_cancel(struct session *); /* forget what it asked */
void peers_ready(struct session *);
void peers_result(struct session *, bool keep);
void peers_gone(struct worker *, uint32_t id, bool was_ready,
    const struct qo_relay *, const struct qo_outcome *);

#endif
