/* SPDX-License-Identifier: ISC */
/* The trace field that a server puts on top. */
#include "common/smtp/received.h"

#include "common/smtp/date.h"
#include "common/smtp/limits.h"

/* A name from outside, unable to close a comment or to begin a line. */
static void
put_name(struct smtp_outbuf *o, struct smtp_slice name)
{
	size_t i, n = name.len;

	if (n > SMTP_DOMAIN_MAX)
		n = SMTP_DOMAIN_MAX;
	for (i = 0; i < n; i++) {
		char c = name.p[i];
		bool ok = smtp_isalnum(c) ||
		    (c != '\0' && strchr(".-_:[]", c) != NULL);

		smtp_put_char(o, ok ? c : '?');
	}
}

static void
put_ip(struct smtp_outbuf *o, struct smtp_slice ip)
{
	smtp_put_char(o, '[');
	if (memchr(ip.p, ':', ip.len) != NULL)
		smtp_put_str(o, "IPv6:");
	put_name(o, ip);
	smtp_put_char(o, ']');
}

/* RFC 8314 section 4.3 has nothing to parse for: a comment, for people. */
static void
put_tls(struct smtp_outbuf *o, struct smtp_slice tls)
{
	size_t i;

	smtp_put_str(o, " (");
	for (i = 0; i < tls.len; i++)
		smtp_put_char(o,
		    smtp_isalnum(tls.p[i]) || strchr("._- ", tls.p[i]) != NULL
			? tls.p[i]
			: '?');
	smtp_put_char(o, ')');
}

void
smtp_put_received(struct smtp_outbuf *o, const struct smtp_received *r)
{
	smtp_put_str(o, "Received: from ");
	if (r->helo.len > 0)
		put_name(o, r->helo);
	else
		put_ip(o, r->ip);
	smtp_put_str(o, " (");
	if (r->name.len > 0) {
		put_name(o, r->name);
		smtp_put_char(o, ' ');
	}
	put_ip(o, r->ip);
	/* smtp_token_init() looks for this " by HOST " */
	smtp_put_str(o, ")\r\n\tby ");
	smtp_put_slice(o, r->host);
	smtp_put_str(o, " with ");
	smtp_put_str(o, r->with);
	if (r->tls.len > 0)
		put_tls(o, r->tls);
	smtp_put_str(o, " id ");
	smtp_put_slice(o, r->id);
	if (r->rcpt.len > 0) {
		smtp_put_str(o, "\r\n\tfor <");
		smtp_put_slice(o, r->rcpt);
		smtp_put_char(o, '>');
	}
	smtp_put_str(o, ";\r\n\t");
	smtp_put_date(o, r->when, 0);
	smtp_put_str(o, "\r\n");
}
