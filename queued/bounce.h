/* SPDX-License-Identifier: ISC */
/*
 * Delivery status notifications: the text of one report (RFC 3464 in the
 * container of RFC 6522) about some recipients of one message.  Pure.
 *
 * What the report quotes was written by strangers: replies, addresses, the
 * header of the message.  Nothing of it can make a line longer than 998
 * octets, a control character, or an end of a MIME part.
 */
#ifndef QUEUED_BOUNCE_H
#define QUEUED_BOUNCE_H

#include <stddef.h>
#include <stdint.h>

#include "common/msg/addr.h"

enum bounce_kind {
	BOUNCE_FAILED = 1,  /* Action: failed */
	BOUNCE_DELAYED = 2, /* Action: delayed */
	/*
	 * Success, if NOTIFY asks for it (RFC 3461 4.1).  A gateway has no
	 * mailboxes: it hands mail on, and says so where the next system will
	 * say no more (5.2.2).
	 */
	BOUNCE_RELAYED = 3
};
const char *bounce_kind_name(enum bounce_kind); /* "failure", "delay" ... */

/* Returned text at most; a longer message comes back as its header only. */
#define BOUNCE_FULL_MAX	  (48UL * 1024)
#define BOUNCE_HEADER_MAX (16UL * 1024)

struct bounce_rcpt {
	const char *addr;   /* local@domain */
	const char *orcpt;  /* RFC 3461 4.2, in xtext as given; or "" */
	const char *enh;    /* "5.1.1" */
	uint16_t code;	    /* of the remote's reply; 0: the text is ours */
	const char *text;   /* the reply or our words; any octets */
	const char *remote; /* the server that was spoken to; or "" */
	uint64_t until;	    /* Unix s, BOUNCE_DELAYED: given up then */
};

struct bounce {
	enum bounce_kind kind;
	const char *hostname; /* the gateway's */
	const char *to;	      /* sender of the message; never empty */
	const char *envid;    /* RFC 3461 4.4, in xtext; or "" */
	const char *id;	      /* of the message, as logged */
	const char *token;    /* unpredictable word, for boundary and id */
	uint64_t arrival;     /* Unix s */
	uint64_t now;	      /* Unix s */
	uint64_t until;	      /* Unix s, the last that a recipient has */
	enum msg_ret ret;
	const struct bounce_rcpt *rcpts;
	size_t nrcpts;
	const void *body; /* the message, or the first part of it */
	size_t body_len;  /* of what is at body */
	uint64_t size;	  /* of the whole message */
};

struct bounce_text {
	char *text; /* owned by whoever asked: free() */
	size_t len;
	uint8_t flags; /* enum msg_flag that the text needs */
};

/* -1: no memory */
int bounce_build(const struct bounce *, struct bounce_text *);

#endif
