/* SPDX-License-Identifier: ISC */
/* Dialogues of the SMTP client with a server, played from text. */
#ifndef REGRESS_UNIT_SMTPD_OUT_TALK_H
#define REGRESS_UNIT_SMTPD_OUT_TALK_H

#include <stddef.h>

/*
 * The lines of a dialogue:
 *
 *	S text	the server says a line; L: the same, ended by LF alone;
 *		P: these octets and no line end
 *	C text	and the client must say this line now, and nothing else
 *	J from to,to [8bit] [utf8] [requiretls] [size=n]	a job
 *	  [ret=n] [envid=x] [notify=n] [orcpt=x]	with these, to all
 *	R status enhanced code reason: text	its outcome, for each recipient
 *	K	the connection can take another job
 *	N	it is idle and can take no other
 *	Q	quit it
 *	H	the text is not sent yet (from here on)
 *	X, T	the connection is lost; the server is silent for too long
 *	W n	that is so after n seconds
 *	O status enhanced code reason: text	it is over, and why
 *	Z	it is over as it was asked to be
 *	V level [plain]	what is asked of TLS, before anything is said
 *	G n	the handshake is done, with enum tls_verified n
 *	F text	the handshake failed; D text: because of us
 *	A	it is over, and to be tried again in clear text
 *	U	and the message may have been taken; without it, not
 */
struct dialogue {
	const char *id;
	const char *lines;
	const char *text; /* of the message; NULL: "hi\r\n" */
};

/*
 * Each dialogue as it stands, with the server's octets cut once at each place,
 * and with them one by one.  Whatever is not as the lines say fails the test.
 */
void talk(const struct dialogue *, size_t n);

#endif
