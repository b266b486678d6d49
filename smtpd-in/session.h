/* SPDX-License-Identifier: ISC */
/*
 * An SMTP server session as a pure state machine (RFC 5321): octets and events
 * in, replies and actions out.  No socket, no clock, no memory of its own, no
 * policy beyond the syntax: whatever depends on the rest of the gateway is
 * asked.
 *
 * The caller owns struct session, an input buffer of at least SMTP_LINE_MAX
 * octets and an output buffer of at least SESSION_OUT_MIN.  It tells events
 * with session_greet() and its kin, then calls session_step() again and again,
 * as the action that came back says:
 *
 *   ACT_INPUT   wait for the client; give what was not used again, with more
 *   ACT_FLUSH   write output away, it is too full for one more reply
 *   ACT_WAIT    a question is open; wait for its answer
 *   ACT_MAIL, ACT_RCPT, ACT_DATA, ACT_STARTTLS, ACT_SUBMIT
 *               questions, to be answered with session_answer(), at once or
 *               later; nothing is read meanwhile, which is all that
 *               pipelining (RFC 2920) needs
 *   ACT_TEXT    a piece of the message, with no dot-stuffing
 *   ACT_ABORT   forget the transaction that the last ACT_MAIL opened
 *   ACT_REFUSED a command or message was refused: something to log
 *   ACT_CLOSE   write output away and close; it is the answer for ever
 *   ACT_TLS     write output away, then a TLS handshake; all input that was
 *               there is dropped (text), and nothing is stepped before
 *               session_secured()
 *
 * Output should be flushed before waiting for anything (INPUT, WAIT, CLOSE).
 * A transaction begins with ACT_MAIL and ends with ACT_SUBMIT or ACT_ABORT,
 * never both; an ACT_MAIL not answered with yes ends it, too.  Pointers in an
 * action are good until the next call of session_step().
 */
#ifndef SMTPD_IN_SESSION_H
#define SMTPD_IN_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/smtp/address.h"
#include "common/smtp/ascii.h"
#include "common/smtp/command.h"
#include "common/smtp/ehlo.h"
#include "common/smtp/header.h"
#include "common/smtp/limits.h"
#include "common/smtp/outbuf.h"
#include "common/smtp/param.h"
#include "common/smtp/replies.h"
#include "smtpd-in/data.h"

/* least size of the output buffer: two replies */
#define SESSION_OUT_MIN (2 * SMTP_REPLY_ROOM)

enum session_policy {
	/* refuse recipients with '%', '!' or '@' in the local part */
	SESSION_P_NO_ROUTES = 1 << 0,
	/* hang up on a client that does not wait where it must, RFC 2920 */
	SESSION_P_SYNC = 1 << 1,
	/* refuse 8-bit text that was not declared (RFC 6152) */
	SESSION_P_STRICT_8BIT = 1 << 2,
	/* mail for our domains only: what cannot be one of them is relaying */
	SESSION_P_LOCAL = 1 << 3
};

/* Shared by all sessions of a process, not changed while one is open. */
struct session_conf {
	char hostname[SMTP_DOMAIN_MAX + 1];
	/* given to <Postmaster>; empty: the question has no domain */
	char postmaster_domain[SMTP_DOMAIN_MAX + 1];
	struct smtp_features features; /* offered; size is the limit of text */
	unsigned policy;	       /* enum session_policy */
	uint32_t line_max;	       /* octets of a text line without CRLF */
	uint64_t header_max;	       /* octets */
	uint32_t hops_max;	       /* Received fields */
	uint32_t own_max;	       /* of them our own */
	uint32_t rcpt_max;	       /* a transaction */
	uint32_t error_max;	       /* a session */
	uint32_t unknown_max;	       /* unknown recipients a session */
	uint32_t junk_max;    /* NOOP and the like between two messages */
	uint32_t message_max; /* a session; 0: no limit */
	struct smtp_token trace;
};

/* Safe defaults; -1: hostname is no domain. */
int session_conf_init(struct session_conf *, const char *hostname);

enum session_state {
	SESSION_CONNECT = 0, /* before the greeting */
	SESSION_START,	     /* before HELO or EHLO */
	SESSION_IDLE,	     /* between transactions */
	SESSION_MAIL,	     /* a sender, no recipient yet */
	SESSION_RCPT,	     /* a sender and a recipient */
	SESSION_CHUNKS,	     /* between two chunks of text, RFC 3030 */
	SESSION_TEXT,	     /* in the text after DATA */
	SESSION_CHUNK,	     /* in the octets of a BDAT */
	SESSION_REFUSED,     /* greeted with 554: nothing but QUIT */
	SESSION_TLS	     /* STARTTLS was answered 220: a handshake */
};

enum session_act_type {
	ACT_INPUT = 0,
	ACT_FLUSH,
	ACT_WAIT,
	ACT_MAIL,
	ACT_RCPT,
	ACT_DATA,
	ACT_STARTTLS,
	ACT_SUBMIT,
	ACT_TEXT,
	ACT_ABORT,
	ACT_REFUSED,
	ACT_CLOSE,
	ACT_TLS
};

/*
 * Answers.  Which reply each gives to which question is one table in
 * answer.c; one that makes no sense there is taken as ANSWER_LATER.
 */
enum session_answer {
	ANSWER_YES = 0,
	ANSWER_LATER,	     /* cannot say or do it now: 451 */
	ANSWER_FULL,	     /* no room: 452 */
	ANSWER_DENIED,	     /* MAIL: this sender; SUBMIT: by policy */
	ANSWER_NO_USER,	     /* RCPT */
	ANSWER_NO_DOMAIN,    /* RCPT: null MX and the like */
	ANSWER_RELAY_DENIED, /* RCPT */
	ANSWER_TOO_BIG,	     /* MAIL, DATA, SUBMIT */
	ANSWER_NO_CLIENT,    /* MAIL: nobody may send who is this client */
	ANSWER_NULL_MX,	     /* MAIL: its domain takes no mail, RFC 7505 */
	ANSWER_MAX
};

struct session_act {
	enum session_act_type type;
	uint32_t question; /* its number, for the answer */
	/* MAIL: the sender; RCPT: the recipient */
	const struct smtp_addr *addr;
	/* MAIL: 0 if not declared */
	const struct smtp_mail_params *mail;
	const struct smtp_rcpt_params *rcpt;
	/*
	 * TEXT: the piece.  REFUSED: the client's line or, for the address of
	 * a question, that address; may be empty.
	 */
	struct smtp_slice text;
	/* REFUSED: what was answered */
	enum smtp_reply_id reply;
};

/*
 * One transaction; session_reset_tx() is the one function that clears it.  The
 * addresses are not in it: whoever is asked about them keeps those he takes.
 */
struct session_tx {
	enum smtp_body body;
	bool utf8;
	uint64_t size;		  /* declared */
	uint32_t rcpts;		  /* accepted */
	uint32_t later;		  /* answered with 4yz */
	uint32_t refused;	  /* answered with 5yz */
	struct data_machine data; /* of DATA, or of all chunks */
	struct smtp_header header;
	enum smtp_reply_id fault; /* why the text is refused; NONE so far */
	bool ended;		  /* the text is at its end, and refused */
};

/* To be read by the caller, written by the machine only. */
struct session {
	const struct session_conf *conf;
	enum session_state state;
	bool esmtp;	   /* EHLO rather than HELO */
	bool secured;	   /* TLS is on */
	bool tls_required; /* before anything of use */
	char helo[SMTP_DOMAIN_MAX + 1];
	struct session_tx tx;
	uint32_t messages; /* accepted */
	uint32_t errors;
	uint32_t unknown;
	uint32_t junk;
	/* private: the open question and its answer */
	enum session_act_type question; /* ACT_INPUT: none */
	uint32_t question_no;
	bool answered;
	enum session_answer answer;
	char answer_text[32];
	struct smtp_addr asked; /* address of the last question, or refused */
	struct smtp_mail_params mail_params;
	struct smtp_rcpt_params rcpt_params;
	/* private: events and lines */
	enum smtp_reply_id event; /* greeting or farewell to be said */
	bool tx_open; /* ACT_MAIL was given, neither ABORT nor SUBMIT yet */
	bool eof;
	bool closing;
	bool skipping; /* a bad line, up to its CRLF */
	bool skip_cr;
	uint32_t skipped;
	uint32_t scanned; /* octets of the line known to have no end */
	/* private: the chunk that is being read, or asked about */
	uint64_t chunk_left; /* octets */
	bool chunk_last;
	bool chunk_asked;	       /* ACT_DATA is about it, not DATA */
	enum session_state chunk_back; /* where it was out of place, */
	enum smtp_reply_id
	    chunk_reply; /* and what is said of that at its end */
};

void session_init(struct session *, const struct session_conf *);

/*
 * Greet the client: SMTP_R_GREETING, SMTP_R_REFUSED (it may only QUIT) or
 * SMTP_R_BUSY (and close).  Input that is there before is an early talker.
 */
void session_greet(struct session *, enum smtp_reply_id);
/*
 * Say good-bye with a 421 (SMTP_R_TIMEOUT, _TOO_SLOW, _SHUTDOWN,
 * _TOO_LONG_SESSION) and close; an open question is dropped.
 */
void session_end(struct session *, enum smtp_reply_id);
/* Nothing of use before STARTTLS (RFC 3207 section 4: 530). */
void session_require_tls(struct session *);
/*
 * TLS is on: what was said in clear text is forgotten (RFC 3207 4.2), but not
 * what counts against a limit.
 */
void session_secured(struct session *);
/* The client is gone: no reply.  First let the machine use all input. */
void session_eof(struct session *);
/*
 * Answer question no.  text: with ANSWER_YES to ACT_SUBMIT, the message's
 * id.  -1: that question is not open (any more); nothing happens.
 */
int session_answer(struct session *, uint32_t no, enum session_answer,
    struct smtp_slice text);
/* Does the session wait for an answer of ours rather than for the client? */
bool session_is_asking(const struct session *);
/* May it be ended now without cutting a transaction off? */
bool session_is_idle(const struct session *);

/* Is what was used of the input the beginning of a bad line, with no end yet?
 */
bool session_is_mid_line(const struct session *);

/*
 * One step.  in is all input that is there, from the first octet not yet
 * used; *used gets the octets to drop from its front after the action is
 * done.  Replies are appended to out.
 */
enum session_act_type session_step(struct session *, struct smtp_slice in,
    size_t *used, struct smtp_outbuf *out, struct session_act *);

#endif
