/* SPDX-License-Identifier: ISC */
/*
 * What the files of the session machine share: session.c (events, lines,
 * steps), verb.c (commands), text.c and chunk.c (the message), answer.c
 * (questions).
 */
#ifndef SMTPD_IN_SESSION_INT_H
#define SMTPD_IN_SESSION_INT_H

#include "smtpd-in/session.h"

/* What one step works with. */
struct step {
	struct session *s;
	struct smtp_outbuf *out;
	struct session_act *act;
	/* octets that lie behind the line or text being worked on */
	bool more_input;
};

/* Reply.  One that counts may be replaced by a 421 at its limit. */
void session_reply(struct step *, enum smtp_reply_id);
/* Reply and report it: what it was about goes into the action. */
void session_refuse(struct step *, enum smtp_reply_id, struct smtp_slice what);
/* Report the end of the transaction, if one is open, and clear it. */
void session_abort_tx(struct step *);
void session_reset_tx(struct session *);
/* Open a question: the action and what waits for its answer. */
void session_ask(struct step *, enum session_act_type);

/* verb.c */
void session_command(struct step *, struct smtp_slice line);
/*
 * Has the client sent more where it must wait for the reply: always (last),
 * or because it was not offered PIPELINING?
 */
bool session_is_unsync(const struct session *, bool last, bool more_input);
/* text.c */
size_t session_text(struct step *, struct smtp_slice in);
/* Why the text so far is refused; NONE: it is not. */
enum smtp_reply_id session_text_fault(const struct session *);
/* The end was found: hand the message over, or say why not. */
void session_text_finish(struct step *);
/* A faulty text goes on without end: the client does not want to hear. */
bool session_text_is_endless(const struct session *);
void session_text_begin(struct session *);
/* chunk.c */
void session_bdat(struct step *, const struct smtp_command *);
/* Do octets follow this line, that could be taken for commands? */
bool session_is_bdat(struct smtp_slice line);
size_t session_chunk(struct step *, struct smtp_slice in);
/* ACT_DATA about a chunk was answered; NONE: it may come */
void session_chunk_answer(struct step *, enum smtp_reply_id refused);
/* answer.c */
void session_take_answer(struct step *);

#endif
