/* SPDX-License-Identifier: ISC */
/* Answers to the machine's questions: which reply, and what follows. */
#include "smtpd-in/session_int.h"

/* a row for each action that is a question */
static const enum smtp_reply_id replies[ACT_SUBMIT + 1][ANSWER_MAX] = {
	[ACT_MAIL] = { [ANSWER_YES] = SMTP_R_SENDER_OK,
	    [ANSWER_LATER] = SMTP_R_MAIL_LATER,
	    [ANSWER_FULL] = SMTP_R_NO_ROOM,
	    [ANSWER_DENIED] = SMTP_R_SENDER_DENIED,
	    [ANSWER_TOO_BIG] = SMTP_R_SIZE_DECLARED,
	    [ANSWER_NO_CLIENT] = SMTP_R_CLIENT_DENIED,
	    [ANSWER_NULL_MX] = SMTP_R_SENDER_NULL_MX },
	[ACT_RCPT] = { [ANSWER_YES] = SMTP_R_RCPT_OK,
	    [ANSWER_LATER] = SMTP_R_RCPT_LATER,
	    [ANSWER_FULL] = SMTP_R_TOO_MANY_RCPTS,
	    [ANSWER_NO_USER] = SMTP_R_NO_USER,
	    [ANSWER_NO_DOMAIN] = SMTP_R_NO_DOMAIN,
	    [ANSWER_RELAY_DENIED] = SMTP_R_RELAY_DENIED },
	[ACT_DATA] = { [ANSWER_YES] = SMTP_R_DATA,
	    [ANSWER_LATER] = SMTP_R_DATA_LATER,
	    [ANSWER_FULL] = SMTP_R_QUEUE_FULL,
	    [ANSWER_TOO_BIG] = SMTP_R_TOO_BIG },
	[ACT_STARTTLS] = { [ANSWER_YES] = SMTP_R_TLS_READY,
	    [ANSWER_LATER] = SMTP_R_TLS_LATER },
	[ACT_SUBMIT] = { [ANSWER_YES] = SMTP_R_ACCEPTED,
	    [ANSWER_LATER] = SMTP_R_QUEUE_LATER,
	    [ANSWER_FULL] = SMTP_R_QUEUE_FULL,
	    [ANSWER_DENIED] = SMTP_R_QUEUE_REFUSED,
	    [ANSWER_TOO_BIG] = SMTP_R_TOO_BIG },
};

static enum smtp_reply_id
reply_for(enum session_act_type question, enum session_answer answer)
{
	const enum smtp_reply_id *row = replies[question];

	if ((unsigned)answer >= ANSWER_MAX || row[answer] == SMTP_R_NONE)
		return row[ANSWER_LATER];
	return row[answer];
}

static void
accepted(struct step *st, enum session_act_type question)
{
	struct session *s = st->s;

	if (question == ACT_MAIL)
		s->state = SESSION_MAIL;
	else if (question == ACT_RCPT) {
		s->tx.rcpts++;
		s->state = SESSION_RCPT;
	} else if (question == ACT_DATA)
		session_text_begin(s);
	else if (question == ACT_STARTTLS)
		s->state = SESSION_TLS;
	else {
		s->messages++;
		s->junk = 0;
		session_reset_tx(s);
	}
}

static void
refused(struct step *st, enum session_act_type question, bool for_now)
{
	struct session *s = st->s;

	if (question == ACT_RCPT && for_now)
		s->tx.later++;
	else if (question == ACT_RCPT)
		s->tx.refused++;
	else if (question == ACT_MAIL) {
		s->tx_open = false;
		session_reset_tx(s);
	} else if (question == ACT_SUBMIT)
		session_reset_tx(s);
}

void
session_take_answer(struct step *st)
{
	struct session *s = st->s;
	enum session_act_type question = s->question;
	enum smtp_reply_id id = reply_for(question, s->answer);
	struct smtp_slice what = smtp_slice("", 0);

	s->question = ACT_INPUT;
	if (question == ACT_DATA && s->chunk_asked) {
		session_chunk_answer(st,
		    s->answer == ANSWER_YES ? SMTP_R_NONE : id);
		return;
	}
	if (s->answer == ANSWER_YES) {
		accepted(st, question);
		session_reply(st, id);
		return;
	}
	refused(st, question, smtp_reply_def(id)->code / 100 == 4);
	if (question == ACT_MAIL || question == ACT_RCPT)
		what = smtp_addr_text(&s->asked);
	session_refuse(st, id, what);
}
