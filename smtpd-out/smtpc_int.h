/* SPDX-License-Identifier: ISC */
/*
 * What the files of the client machine say to each other: smtpc.c knows
 * commands and replies, starttls.c TLS, text.c sends the message.
 */
#ifndef SMTPD_OUT_SMTPC_INT_H
#define SMTPD_OUT_SMTPC_INT_H

#include "smtpd-out/smtpc.h"

/* smtpc.c */
/* Every recipient that has no outcome yet gets this one. */
void smtpc_settle(struct smtpc *, const struct qo_outcome *);
/* The connection is of no use any more; what is in hand is deferred. */
void smtpc_give_up(struct smtpc *, const struct qo_outcome *);
/* The envelope, now that it is known that the text can be sent. */
void smtpc_start(struct smtpc *, struct smtp_outbuf *);
void smtpc_put_hello(struct smtpc *, struct smtp_outbuf *, const char *verb);

/* starttls.c */
/* EHLO or HELO was accepted. */
void smtpc_greeted(struct smtpc *, struct smtp_outbuf *);
void smtpc_on_starttls(struct smtpc *); /* its reply was read */
/* Octets in the clear came behind that reply. */
void smtpc_injected(struct smtpc *);
/* TLS did not come about: that may be no reason to give the host up. */
void smtpc_no_tls(struct smtpc *, const char *what);

#endif
