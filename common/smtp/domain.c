/* SPDX-License-Identifier: ISC */
/* Domains and address literals: RFC 5321 sections 4.1.2 and 4.1.3. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string.h>

#include "common/base/utf8.h"
#include "common/smtp/address.h"
#include "common/smtp/idna.h"

struct out {
	char *buf;
	size_t len;
};

static int
out_add(struct out *o, const char *p, size_t len)
{
	if (len > SMTP_DOMAIN_MAX - o->len)
		return -1;
	memcpy(o->buf + o->len, p, len);
	o->len += len;
	return 0;
}

/* Octets of one letter, digit, hyphen or, if allowed, UTF-8; 0: none. */
static size_t
label_char(struct smtp_slice in, unsigned allow, struct out *o)
{
	size_t n;
	char c = in.p[0];

	if (smtp_isalnum(c) || c == '-') {
		c = smtp_tolower(c);
		return out_add(o, &c, 1) == 0 ? 1 : 0;
	}
	if (!smtp_is8bit(c) || (allow & SMTP_PATH_UTF8) == 0)
		return 0;
	n = utf8_char(in.p, in.len);
	return n != 0 && out_add(o, in.p, n) == 0 ? n : 0;
}

static bool
has_8bit(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (smtp_is8bit(p[i]))
			return true;
	return false;
}

/* One label at the start of in; its length, 0: none or malformed. */
static size_t
label(struct smtp_slice in, unsigned allow, struct out *o)
{
	size_t at = 0, n;

	while (at < in.len) {
		n = label_char(smtp_slice(in.p + at, in.len - at), allow, o);
		if (n == 0)
			break;
		at += n;
	}
	/* how long one of UTF-8 is as an A-label, libidn2 says */
	if (at == 0 || (at > SMTP_LABEL_MAX && !has_8bit(in.p, at)) ||
	    in.p[0] == '-' || in.p[at - 1] == '-')
		return 0;
	return at;
}

/* What the mapping gave is judged as if it had been written so. */
static enum smtp_addr_error
to_ascii(char *out, size_t *outlen)
{
	char ascii[SMTP_DOMAIN_MAX];
	size_t len = *outlen;

	memcpy(ascii, out, len);
	if (smtp_idna(ascii, &len) == -1)
		return SMTP_ADDR_EDOMAIN;
	return smtp_domain(smtp_slice(ascii, len), 0, out, outlen);
}

enum smtp_addr_error
smtp_domain(struct smtp_slice in, unsigned allow, char *out, size_t *outlen)
{
	size_t at = 0, n;
	struct out o;

	o.buf = out;
	o.len = 0;
	for (;;) {
		n = label(smtp_slice(in.p + at, in.len - at), allow, &o);
		if (n == 0)
			return SMTP_ADDR_EDOMAIN;
		at += n;
		if (at == in.len)
			break;
		if (in.p[at++] != '.')
			return SMTP_ADDR_EDOMAIN;
		/* the root's dot: the same domain, written in full */
		if (at == in.len)
			break;
		if (out_add(&o, ".", 1) == -1)
			return SMTP_ADDR_EDOMAIN;
	}
	*outlen = o.len;
	return has_8bit(o.buf, o.len) ? to_ascii(out, outlen) : SMTP_ADDR_OK;
}

/* General-address-literal: Standardized-tag ":" 1*dcontent, without brackets */
static int
general(struct smtp_slice in, struct out *o)
{
	struct out tag = { o->buf, o->len };
	const char *colon = memchr(in.p, ':', in.len);
	size_t i, n;

	if (colon == NULL || colon == in.p ||
	    (size_t)(colon - in.p) + 1 == in.len)
		return -1;
	n = (size_t)(colon - in.p);
	if (label(smtp_slice(in.p, n), 0, &tag) != n)
		return -1;
	for (i = n + 1; i < in.len; i++)
		if (!smtp_isgraph(in.p[i]) || strchr("[\\]", in.p[i]) != NULL)
			return -1;
	return out_add(o, in.p, in.len);
}

static int
ip(int family, struct smtp_slice in, struct out *o)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	/* no NUL may hide what follows it from inet_pton() */
	if (in.len >= sizeof(text) || memchr(in.p, '\0', in.len) != NULL)
		return -1;
	memcpy(text, in.p, in.len);
	text[in.len] = '\0';
	if (inet_pton(family, text, &addr) != 1 ||
	    inet_ntop(family, &addr, text, sizeof(text)) == NULL)
		return -1;
	return out_add(o, text, strlen(text));
}

enum smtp_addr_error
smtp_literal(struct smtp_slice in, char *out, size_t *outlen)
{
	static const char tag6[] = "IPv6:";
	const size_t tag6_len = sizeof(tag6) - 1;
	struct smtp_slice inner;
	struct out o;
	int ok;

	if (in.len < 3 || in.p[0] != '[' || in.p[in.len - 1] != ']')
		return SMTP_ADDR_EDOMAIN;
	inner = smtp_slice(in.p + 1, in.len - 2);
	o.buf = out;
	o.len = 0;
	ok = out_add(&o, "[", 1);
	if (inner.len > tag6_len && smtp_caseequal(inner.p, tag6, tag6_len)) {
		ok |= out_add(&o, tag6, tag6_len);
		ok |= ip(AF_INET6,
		    smtp_slice(inner.p + tag6_len, inner.len - tag6_len), &o);
	} else if (memchr(inner.p, ':', inner.len) != NULL)
		ok |= general(inner, &o);
	else
		ok |= ip(AF_INET, inner, &o);
	ok |= out_add(&o, "]", 1);
	*outlen = o.len;
	return ok == 0 ? SMTP_ADDR_OK : SMTP_ADDR_EDOMAIN;
}
