/* SPDX-License-Identifier: ISC */
/*
 * A reference model of an SMTP server's session (RFC 5321 section 4.1.4 and
 * the extensions that smtpd-in speaks), to be read in ten minutes.  It shares
 * no line with smtpd-in and reads no octets: whoever makes up a command says
 * here what it means, and gets what a server has to do with it: the code of
 * the reply, the question to the rest of the gateway, the envelope that must
 * reach the queue, and nothing else.
 */
#ifndef REGRESS_MODEL_REF_H
#define REGRESS_MODEL_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REF_RCPTS 4
#define REF_TEXT  8192

/* What the server offers and allows. */
struct ref_conf {
	bool pipelining, chunking, starttls, requiretls, dsn, utf8;
	bool sync;	   /* who does not wait where it must is hung up on */
	bool strict8;	   /* 8-bit text must be declared */
	bool tls_required; /* of this client */
	bool turned_away;  /* this client was greeted with 554 */
	uint32_t size, line_max, hops_max, rcpt_max, message_max;
	uint32_t error_max, unknown_max, junk_max;
};

enum ref_verb {
	V_EHLO,
	V_HELO,
	V_MAIL,
	V_RCPT,
	V_DATA,
	V_TEXT, /* what follows 354 */
	V_BDAT, /* with its octets */
	V_RSET,
	V_NOOP,
	V_VRFY,
	V_HELP,
	V_QUIT,
	V_STARTTLS,
	V_AUTH,	   /* known, and not spoken */
	V_EXPN,	   /* the same */
	V_UNKNOWN, /* no word of SMTP */
	V_BADLINE, /* a bare CR, a bare LF or a NUL in it */
	V_BADBDAT, /* a BDAT whose line is so: what follows it is unknowable */
	V_LONGLINE,
	V_MAX
};

enum ref_param {
	P_SIZE = 1 << 0,
	P_BODY8 = 1 << 1, /* BODY=8BITMIME */
	P_UTF8 = 1 << 2,
	P_RET = 1 << 3, /* RET=HDRS */
	P_ENVID = 1 << 4,
	P_REQUIRETLS = 1 << 5,
	P_NOTIFY = 1 << 6, /* NOTIFY=NEVER */
	P_ORCPT = 1 << 7,
	P_TWICE = 1 << 8, /* SIZE or NOTIFY given again */
	P_BOGUS = 1 << 9  /* one that nobody knows */
};

enum ref_question { Q_NONE, Q_MAIL, Q_RCPT, Q_DATA, Q_STARTTLS, Q_SUBMIT };

enum ref_answer {
	A_YES,
	A_LATER,
	A_FULL,
	A_DENIED,
	A_NO_USER,
	A_NO_DOMAIN,
	A_RELAY,
	A_TOO_BIG,
	A_NO_CLIENT,
	A_NULL_MX,
	A_NEVER, /* the session ends before it comes */
	A_MAX
};

struct ref_cmd {
	enum ref_verb verb;
	bool bad;  /* its argument is malformed, missing or too much */
	bool more; /* more lay behind it already when it was read */
	bool cut;  /* BDAT, TEXT: the client stopped in its octets */
	enum ref_answer answer;	       /* to what it makes the server ask */
	enum ref_answer submit_answer; /* to Q_SUBMIT */
	/* MAIL, RCPT */
	const char *addr; /* canonical */
	bool addr_utf8;
	bool addr_route; /* a%b */
	unsigned params; /* enum ref_param */
	uint32_t size;	 /* declared */
	/* TEXT, BDAT: octets without stuffed dots */
	const char *text;
	uint32_t len;
	bool last; /* BDAT */
	bool huge; /* BDAT: a chunk larger than any message */
};

struct ref_rcpt {
	char addr[64];
	unsigned params;
};

/* A transaction: ref_forget() is all that clears it. */
struct ref_env {
	char sender[64];
	unsigned params;
	uint32_t size;
	uint32_t nrcpt;
	uint32_t later;	  /* recipients answered with 4yz */
	uint32_t refused; /* with 5yz */
	struct ref_rcpt rcpts[REF_RCPTS];
	int fault;	   /* code that the text gets; 0: none yet */
	bool fault_counts; /* as an error of the client */
	uint32_t len;
	char text[REF_TEXT]; /* the last: only len octets are kept or copied */
};

enum ref_state { S_START, S_IDLE, S_MAIL, S_CHUNKS, S_TEXT };

struct ref {
	const struct ref_conf *conf;
	enum ref_state state;
	bool esmtp, secured;
	bool open; /* the queue was told of a transaction, and not its end */
	struct ref_env env;
	uint32_t messages, errors, unknown, junk;
};

/* What a command leads to. */
struct ref_out {
	enum ref_question asked[2];
	enum ref_answer answers[2];
	uint32_t nasked;
	int code;	 /* of the one reply; 0: none */
	uint32_t aborts; /* the queue is told to forget */
	bool close;
	bool tls;     /* a handshake begins, what lies behind is dropped */
	bool stuck;   /* an answer never comes */
	bool offers;  /* the reply lists the extensions */
	bool deliver; /* env has what the queue is asked to take */
	struct ref_env env;
};

void ref_init(struct ref *, const struct ref_conf *);
void ref_step(struct ref *, const struct ref_cmd *, struct ref_out *);
/* The session is ended from our side: 421, or the client is gone: nothing. */
void ref_end(struct ref *, bool gone, struct ref_out *);
void ref_secured(struct ref *);
/* Was this client told that it need not wait for replies? */
bool ref_may_pipeline(const struct ref *);
/* Of the text so far: the code that refuses it, 0: none. */
int ref_text_fault(const struct ref *, bool at_end, bool *counts);

#endif
