/* SPDX-License-Identifier: ISC */
/* link: smtpd-out/smtpc.o smtpd-out/starttls.o smtpd-out/tlspolicy.o */
/* link: smtpd-out/envelope.o smtpd-out/text.o common/smtp.a common/msg.a
 * common/base.a */
/*
 * A hostile server against the SMTP client: what is asked of TLS, what the
 * message asks for, in what pieces the rest is read, and then the octets of
 * the server; one that is read during a handshake says how that ends.  However
 * it goes: no envelope in the clear where TLS is asked for, nor to a server
 * that is not verified where that is, and every recipient has its outcome.
 */
#include <assert.h>
#include <string.h>

#include <bsd/string.h>

#include "smtpd-out/smtpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define RCPTS 3
#define TEXT  "Subject: x\r\n\r\n.a\r\nb\r\n"
#define EIGHT "Subject: x\r\n\r\n\303\251\r\n"

static char outmem[4 * SMTPC_OUT_MIN];
static struct smtpc c;
static struct msg_rcpt rcpts[RCPTS];
static struct qo_outcome outcomes[RCPTS];
static struct qo_job job;
static const char *text;
static size_t off;

/* Does a line of what was said begin with MAIL? */
static bool
says_mail(const char *p, size_t len)
{
	return (len >= 5 && memcmp(p, "MAIL ", 5) == 0) ||
	    memmem(p, len, "\nMAIL ", 6) != NULL;
}

static void
judge(struct smtp_outbuf *out, bool in_text)
{
	assert(!out->failed);
	if (!in_text && says_mail(out->buf, out->len)) {
		assert(c.tls.level < CONF_TLS_REQUIRE || c.tls.secure);
		assert(c.tls.level < CONF_TLS_VERIFY ||
		    c.tls.verified == TLS_V_OK);
		assert((job.flags & MSG_F_REQUIRETLS) == 0 ||
		    (c.tls.secure && c.tls.verified == TLS_V_OK));
	}
	smtp_outbuf_init(out, outmem, sizeof(outmem));
}

static void
result(void)
{
	unsigned i;

	for (i = 0; i < RCPTS; i++)
		assert(outcomes[i].status >= QO_DELIVERED &&
		    outcomes[i].status <= QO_DEFERRED);
	smtpc_take(&c);
}

/* What the session around it would do, until it waits for the server. */
static void
service(struct smtp_outbuf *out, unsigned *jobs)
{
	size_t left;

	for (;;) {
		if (smtpc_wants_text(&c)) {
			judge(out, false);
			if (c.body_new)
				off = 0;
			c.body_new = false;
			left = strlen(text) - off;
			if (left > 0)
				off += smtpc_body(&c,
				    smtp_slice(text + off, left), out);
			else
				(void)smtpc_body_end(&c, out);
			judge(out, true);
		} else if (smtpc_state(&c) == SMTPC_RESULT) {
			result();
		} else if (smtpc_state(&c) == SMTPC_READY && *jobs > 0) {
			(*jobs)--;
			off = 0;
			smtpc_job(&c, &job, rcpts, outcomes, out);
		} else {
			break;
		}
	}
	judge(out, false);
}

static void
begin(const uint8_t *data)
{
	unsigned i;

	smtpc_init(&c, "gw.test");
	smtpc_tls(&c, (enum conf_tls_level)(data[0] % 5 + 1),
	    (data[0] & 0x80) != 0);
	text = (data[1] & 4) != 0 ? EIGHT : TEXT;
	memset(&job, 0, sizeof(job));
	job.size = strlen(text);
	job.nrcpt = RCPTS;
	job.flags = (uint8_t)(((data[1] & 1) != 0 ? MSG_F_REQUIRETLS : 0) |
	    ((data[1] & 2) != 0 ? MSG_F_SMTPUTF8 : 0) |
	    ((data[1] & 4) != 0 ? MSG_F_8BIT_DATA : 0));
	(void)strlcpy(job.sender, "s@x.test", sizeof(job.sender));
	for (i = 0; i < RCPTS; i++) {
		rcpts[i].index = (uint16_t)i;
		(void)strlcpy(rcpts[i].addr, "u@y.test", sizeof(rcpts[i].addr));
	}
}

static void
shake(uint8_t how, struct smtp_outbuf *out)
{
	if ((how & 8) != 0)
		smtpc_insecure(&c, "no", (how & 16) != 0);
	else
		smtpc_secured(&c, (enum tls_verified)(how & 7), out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_outbuf out;
	unsigned jobs = 3;
	size_t step, n;

	if (size < 3)
		return 0;
	begin(data);
	step = data[2] == 0 ? size : data[2];
	smtp_outbuf_init(&out, outmem, sizeof(outmem));
	for (data += 3, size -= 3; size > 0 && smtpc_state(&c) != SMTPC_OVER;
	     data += n, size -= n) {
		n = 1;
		if (smtpc_state(&c) == SMTPC_HANDSHAKE) {
			shake(data[0], &out);
		} else {
			n = size < step ? size : step;
			smtpc_input(&c, (const char *)data, n, &out);
		}
		service(&out, &jobs);
	}
	smtpc_lost(&c);
	service(&out, &jobs);
	assert(smtpc_state(&c) == SMTPC_OVER);
	assert(c.end.status == 0 || c.end.reason != REASON_NONE);
	smtpc_free(&c);
	return 0;
}
