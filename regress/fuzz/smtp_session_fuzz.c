/* SPDX-License-Identifier: ISC */
/* link: smtpd-in/session.o smtpd-in/verb.o smtpd-in/text.o */
/* link: smtpd-in/answer.o smtpd-in/data.o smtpd-in/chunk.o common/smtp.a
 * common/base.a */
/*
 * Whole sessions: four octets say which extensions are offered, how questions
 * are answered and in what pieces the rest, the client's octets, is read.
 * Whatever comes: transactions begin and end in pairs, every reply is well
 * formed, and the pieces make no difference.
 */
#include <assert.h>

#include "common/smtp/reply.h"
#include "smtpd-in/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define TEXT_MAX (1024 * 1024)

struct text {
	char *p; /* TEXT_MAX octets */
	size_t len;
};

struct run {
	struct session s;
	struct smtp_slice in;
	size_t have; /* octets of in that were given */
	size_t step;
	uint32_t salt;
	uint32_t questions;
	bool open;	  /* between ACT_MAIL and its end */
	struct text log;  /* replies and submitted texts */
	struct text text; /* of the open transaction */
};

static struct session_conf conf;
/* of each run: its log, its text; too large to be made afresh each time */
static char memory[2][2][TEXT_MAX];

static void
add(struct text *t, const char *p, size_t len)
{
	assert(len <= TEXT_MAX - t->len);
	memcpy(t->p + t->len, p, len);
	t->len += len;
}

/* The same question gets the same answer, however the input was cut. */
static enum session_answer
answer(struct run *r)
{
	uint32_t x = (r->salt ^ ++r->questions) * 2654435761U;

	return x >> 30 != 0 ? ANSWER_YES : (enum session_answer)(x >> 8 & 7);
}

static void
on_question(struct run *r, const struct session_act *act)
{
	enum session_answer a = answer(r);

	if (act->type == ACT_MAIL) {
		assert(!r->open);
		r->open = a == ANSWER_YES;
	} else
		assert(r->open == (act->type != ACT_STARTTLS));
	if (act->type == ACT_SUBMIT) {
		assert(r->s.tx.rcpts > 0 && r->s.tx.data.faults == 0);
		assert(r->text.len == r->s.tx.data.size);
		add(&r->log, r->text.p, r->text.len);
		r->text.len = 0;
		r->open = false;
	}
	assert(session_answer(&r->s, act->question, a,
		   smtp_slice_str("id\r\nx")) == 0);
}

static void
on_action(struct run *r, const struct session_act *act)
{
	switch (act->type) {
	case ACT_MAIL:
	case ACT_RCPT:
	case ACT_DATA:
	case ACT_STARTTLS:
	case ACT_SUBMIT:
		on_question(r, act);
		break;
	case ACT_TEXT:
		assert(r->open);
		add(&r->text, act->text.p, act->text.len);
		break;
	case ACT_ABORT:
		assert(r->open);
		r->open = false;
		r->text.len = 0;
		break;
	case ACT_INPUT:
		if (r->have == r->in.len)
			session_eof(&r->s);
		else
			r->have += r->in.len - r->have < r->step
			    ? r->in.len - r->have
			    : r->step;
		break;
	case ACT_CLOSE:
		assert(!r->open);
		break;
	case ACT_TLS: /* what is dropped depends on the pieces: enough */
		assert(!r->open && !r->s.secured);
		session_secured(&r->s);
		assert(r->s.secured && r->s.helo[0] == '\0');
		session_eof(&r->s);
		break;
	case ACT_WAIT: /* answered at once: never */
		assert(0);
		break;
	case ACT_FLUSH:
	case ACT_REFUSED:
		break;
	}
}

static void
check_replies(const char *p, size_t len)
{
	static struct smtp_reply reply;
	enum smtp_reply_event ev = SMTP_REPLY_DONE;
	size_t used;

	smtp_reply_init(&reply);
	while (len > 0) {
		ev = smtp_reply_push(&reply, p, len, &used);
		assert(ev == SMTP_REPLY_LINE || ev == SMTP_REPLY_DONE);
		assert(reply.flags == 0 && used <= SMTP_REPLY_LINE_MAX);
		p += used;
		len -= used;
	}
	assert(ev == SMTP_REPLY_DONE);
}

static void
run(struct run *r, size_t which, struct smtp_slice in, size_t step,
    uint32_t salt)
{
	static char out[SESSION_OUT_MIN];
	struct smtp_outbuf ob;
	struct session_act act;
	size_t at = 0, used;

	memset(r, 0, sizeof(*r));
	r->in = in;
	r->step = step;
	r->salt = salt;
	r->log.p = memory[which][0];
	r->text.p = memory[which][1];
	session_init(&r->s, &conf);
	session_greet(&r->s, SMTP_R_GREETING);
	smtp_outbuf_init(&ob, out, sizeof(out));
	do {
		(void)session_step(&r->s, smtp_slice(in.p + at, r->have - at),
		    &used, &ob, &act);
		at += used;
		assert(at <= r->have && !ob.failed);
		check_replies(out, ob.len);
		add(&r->log, out, ob.len);
		ob.len = 0;
		on_action(r, &act);
	} while (act.type != ACT_CLOSE);
}

static void
configure(const uint8_t *data)
{
	assert(session_conf_init(&conf, "gw.test") == 0);
	conf.features.ext = ((unsigned)data[0] << 8 | data[1]) & SMTP_EXT_ALL;
	conf.features.size = 4000;
	conf.line_max = 100;
	conf.hops_max = 5;
	conf.own_max = 1;
	conf.header_max = 1000;
	conf.rcpt_max = 3;
	conf.message_max = 5;
	/* what a client sent too early depends on the pieces */
	conf.policy = SESSION_P_NO_ROUTES;
	if ((data[2] & 0x80) != 0)
		conf.policy |= SESSION_P_STRICT_8BIT;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run whole, cut;
	struct smtp_slice in;

	if (size < 4 || size > 60000)
		return 0;
	configure(data);
	in = smtp_slice((const char *)data + 4, size - 4);
	run(&whole, 0, in, SIZE_MAX, data[2]);
	run(&cut, 1, in, data[3] + 1U, data[2]);
	assert(whole.log.len == cut.log.len);
	assert(memcmp(whole.log.p, cut.log.p, cut.log.len) == 0);
	assert(whole.s.messages == cut.s.messages);
	return 0;
}
