/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "smtpd-out/envelope.h"

static bool
has(const struct smtp_features *f, unsigned ext)
{
	return (f->ext & ext) != 0;
}

/* RFC 3461 4: what is asked of DSNs is handed on to a server that knows it. */
static void
put_mail_dsn(const struct qo_job *j, struct smtp_outbuf *out)
{
	if (j->ret != RET_NONE)
		smtp_put_str(out,
		    j->ret == RET_FULL ? " RET=FULL" : " RET=HDRS");
	if (j->envid[0] != '\0') {
		smtp_put_str(out, " ENVID=");
		smtp_put_str(out, j->envid);
	}
}

/* An octet that begins a character, and how many follow; valid UTF-8. */
static unsigned
followers(unsigned char c)
{
	return c < 0xc0 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
}

#define POINT_MAX 16 /* a character: "\\x{10FFFF}" */

/*
 * Beyond ASCII it is written as utf-8-addr-xtext (RFC 6533 section 3), which
 * every server takes; left out if that gets too long.
 */
static void
put_orcpt(const char *s, struct smtp_outbuf *out)
{
	char text[MSG_ORCPT_MAX + POINT_MAX];
	unsigned char c;
	uint32_t point;
	unsigned left;
	size_t n = 0;

	while ((c = (unsigned char)*s++) != '\0') {
		if (n >= MSG_ORCPT_MAX)
			return;
		if (c < 0x80) {
			text[n++] = (char)c;
			continue;
		}
		left = followers(c);
		point = c & (0x7fU >> (left + 1));
		for (; left > 0 && *s != '\0'; left--)
			point = point << 6 | ((unsigned char)*s++ & 0x3f);
		n += (size_t)snprintf(text + n, POINT_MAX, "\\x{%X}",
		    (unsigned)point);
	}
	text[n] = '\0';
	if (n == 0 || n > MSG_ORCPT_MAX)
		return;
	smtp_put_str(out, " ORCPT=");
	smtp_put_str(out, text);
}

static void
put_rcpt_dsn(const struct msg_rcpt *r, struct smtp_outbuf *out)
{
	static const struct {
		enum msg_notify bit;
		const char *word;
	} words[] = {
		{ NOTIFY_NEVER, "NEVER" },
		{ NOTIFY_SUCCESS, "SUCCESS" },
		{ NOTIFY_FAILURE, "FAILURE" },
		{ NOTIFY_DELAY, "DELAY" },
	};
	const char *before = " NOTIFY=";
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((r->notify & words[i].bit) == 0)
			continue;
		smtp_put_str(out, before);
		smtp_put_str(out, words[i].word);
		before = ",";
	}
	put_orcpt(r->orcpt, out);
}

void
envelope_put_mail(const struct smtp_features *f, const struct qo_job *j,
    struct smtp_outbuf *out)
{
	smtp_put_str(out, "MAIL FROM:<");
	smtp_put_str(out, j->sender);
	smtp_put_char(out, '>');
	if (has(f, SMTP_EXT_SIZE)) {
		smtp_put_str(out, " SIZE=");
		smtp_put_number(out, j->size, 0);
	}
	if (has(f, SMTP_EXT_8BITMIME) &&
	    (j->flags & (MSG_F_8BIT_DATA | MSG_F_8BITMIME)) != 0)
		smtp_put_str(out, " BODY=8BITMIME");
	if ((j->flags & MSG_F_SMTPUTF8) != 0)
		smtp_put_str(out, " SMTPUTF8");
	if ((j->flags & MSG_F_REQUIRETLS) != 0)
		smtp_put_str(out, " REQUIRETLS");
	if (has(f, SMTP_EXT_DSN))
		put_mail_dsn(j, out);
	smtp_put_str(out, "\r\n");
}

void
envelope_put_rcpt(const struct smtp_features *f, const struct msg_rcpt *r,
    struct smtp_outbuf *out)
{
	smtp_put_str(out, "RCPT TO:<");
	smtp_put_str(out, r->addr);
	smtp_put_char(out, '>');
	if (has(f, SMTP_EXT_DSN))
		put_rcpt_dsn(r, out);
	smtp_put_str(out, "\r\n");
}

/* --- which recipients --- */

static const char *
domain_of(const struct msg_rcpt *r)
{
	const char *at = strrchr(r->addr, '@');

	return at == NULL ? "" : at + 1;
}

/* Is the domain of r among those of the n that were chosen? */
static bool
is_chosen_domain(const struct msg_rcpt *r, const struct msg_rcpt *rcpts,
    const uint8_t *places, uint16_t n)
{
	uint16_t i;

	for (i = 0; i < n; i++)
		if (strcasecmp(domain_of(&rcpts[places[i]]), domain_of(r)) == 0)
			return true;
	return false;
}

uint16_t
envelope_choose(const struct smtp_features *f, const struct msg_rcpt *rcpts,
    uint16_t n, uint8_t places[QO_RCPTS_MAX])
{
	uint32_t domains = 0;
	uint16_t i, chosen = 0;

	for (i = 0; i < n; i++) {
		if (f->rcpt_max != 0 && chosen >= f->rcpt_max)
			break;
		if (f->rcpt_domain_max != 0 &&
		    !is_chosen_domain(&rcpts[i], rcpts, places, chosen)) {
			if (domains >= f->rcpt_domain_max)
				continue;
			domains++;
		}
		places[chosen++] = (uint8_t)i;
	}
	return chosen;
}
