/* SPDX-License-Identifier: ISC */
/*
 * The SMTP client as a pure machine (RFC 5321): one connection, any number of
 * messages one after the other.  Octets of the server in, octets for it and
 * outcomes out; no socket, no clock.
 *
 * The caller moves bytes and watches the time: smtpc_wait() says how long the
 * server may take for what is awaited (section 4.5.3.2).  When smtpc_state()
 * is SMTPC_READY a job may begin; while smtpc_wants_text() the caller gives the
 * text by smtpc_body(), from its start when body_new says so; when it is
 * SMTPC_RESULT every recipient has its outcome, and smtpc_take() makes it ready
 * again or ends it.
 *
 * An 8-bit message for a server without 8BITMIME is looked at first, and then
 * sent as common/smtp/downgrade.h says, or fails.
 *
 * A server may take fewer recipients in a transaction than a job has: it says
 * so by LIMITS (RFC 9422), or by refusing one when it has accepted others (RFC
 * 5321 section 4.5.3.1.10).  Those are deferred with REASON_TOO_MANY_RCPTS;
 * nothing speaks against another transaction for them at once.
 */
#ifndef SMTPD_OUT_SMTPC_H
#define SMTPD_OUT_SMTPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/msg/queue_out.h"
#include "common/smtp/downgrade.h"
#include "common/smtp/ehlo.h"
#include "common/smtp/encode.h"
#include "common/smtp/outbuf.h"
#include "common/smtp/reply.h"
#include "smtpd-out/tlspolicy.h"

/* room that the output buffer must have: a job's commands, pipelined */
#define SMTPC_OUT_MIN (64 * 1024)

enum smtpc_state {
	SMTPC_GREETING,
	SMTPC_EHLO,
	SMTPC_HELO,
	SMTPC_STARTTLS,	 /* it was sent */
	SMTPC_HANDSHAKE, /* 220: TLS begins; the caller says how that went */
	SMTPC_READY,	 /* between messages */
	SMTPC_LOOK,	 /* the text is wanted, before anything is said */
	SMTPC_COMMANDS,	 /* RSET, MAIL, RCPT, DATA or BDAT */
	SMTPC_BODY,	 /* the text is wanted */
	SMTPC_END,	 /* all of it was sent */
	SMTPC_RESULT,	 /* outcomes are there */
	SMTPC_QUIT,	 /* QUIT was sent */
	SMTPC_OVER	 /* close the connection */
};

struct smtpc {
	enum smtpc_state state;
	char helo[CONF_NAME_MAX];
	struct smtp_features features;
	struct tls_facts tls;	 /* what is wanted, what is there */
	struct smtp_reply reply; /* the parser, and the last reply read */
	/* the job in hand */
	const struct qo_job *job;
	const struct msg_rcpt *rcpts; /* the caller's, job->nrcpt of them */
	struct qo_outcome *outcomes;  /* the caller's, as many */
	uint8_t asked[QO_RCPTS_MAX];  /* of each RCPT: its place in rcpts */
	uint16_t nasked;
	uint32_t sent, got; /* steps: see smtpc.c */
	uint32_t naccepted;
	bool mail_ok;
	bool need_rset; /* the last transaction did not end by itself */
	bool dot_only;	/* 354 though no recipient was accepted */
	bool chunked;	/* the text goes in one BDAT, RFC 3030 */
	bool body_new;	/* the text is wanted from its start: caller clears */
	struct smtp_encoder encoder;
	bool held_cr;		      /* taken and not yet sent */
	struct smtp_downgrade *seven; /* the text is converted; owned */
	/* how it ended */
	bool broken;	  /* after the outcomes: the connection is of no use */
	bool again_plain; /* SMTPC_OVER: to be tried again without TLS */
	bool unsure;	  /* lost after the final dot: it may have been taken */
	struct qo_outcome end; /* why SMTPC_OVER came before it was asked for */
	uint32_t messages;
	uint32_t replies; /* whole ones so far */
};

void smtpc_init(struct smtpc *, const char *helo);
/*
 * Before any input: what is asked of TLS; without this call there is none.
 * plain: a handshake with this host has failed before.
 */
void smtpc_tls(struct smtpc *, enum conf_tls_level, bool plain);
void smtpc_free(struct smtpc *); /* what it owns; before another init */
enum smtpc_state smtpc_state(const struct smtpc *);
/* s that the server may be silent in this state */
unsigned smtpc_wait(const struct smtpc *);

/* Begin a job (state READY).  Pointers stay the caller's and must live on. */
void smtpc_job(struct smtpc *, const struct qo_job *, const struct msg_rcpt *,
    struct qo_outcome *, struct smtp_outbuf *);
/* Octets from the server; all are used. */
void smtpc_input(struct smtpc *, const char *, size_t, struct smtp_outbuf *);
bool smtpc_wants_text(const struct smtpc *);
/*
 * State HANDSHAKE: it is done, and that was found out about the server.  All
 * that was known of it is dropped.
 */
void smtpc_secured(struct smtpc *, enum tls_verified, struct smtp_outbuf *);
/* State HANDSHAKE: it came to nothing; ours: because nobody signs for us. */
void smtpc_insecure(struct smtpc *, const char *why, bool ours);
/*
 * Encode text from the front of in, as far as out has room; returns the octets
 * used.
 */
size_t smtpc_body(struct smtpc *, struct smtp_slice in, struct smtp_outbuf *);
/* All text was given: the final dot.  -1: out has no room yet. */
int smtpc_body_end(struct smtpc *, struct smtp_outbuf *);
/* The text cannot be read: give up without a dot, so that nothing is taken. */
void smtpc_body_failed(struct smtpc *);
/*
 * May another job follow?  Not on a broken connection, nor beyond the
 * server's MAILMAX (RFC 9422).
 */
bool smtpc_may_go_on(const struct smtpc *);
/* State RESULT: outcomes were taken. */
void smtpc_take(struct smtpc *);
void smtpc_quit(struct smtpc *, struct smtp_outbuf *); /* state READY */
/* The connection ended (lost) or the server was silent too long (timeout). */
void smtpc_lost(struct smtpc *);
void smtpc_timeout(struct smtpc *);

/* Fill an outcome; text is made printable and cut. */
void smtpc_outcome(struct qo_outcome *, enum qo_status, enum reason,
    uint16_t code, const char *enh, const char *text);

#endif
