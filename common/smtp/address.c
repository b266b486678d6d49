/* SPDX-License-Identifier: ISC */
/* Paths and mailboxes: RFC 5321 section 4.1.2, RFC 6531 section 3.3. */
#include "common/smtp/address.h"

#include <string.h>

#include "common/base/utf8.h"

/* The input, and how far it is read. */
struct cursor {
	const char *p;
	const char *end;
	unsigned allow; /* enum smtp_path_allow */
};

/* A local part as it means, without quotes and backslashes. */
struct local {
	char buf[SMTP_LOCAL_MAX];
	size_t len;
};

static bool
at(const struct cursor *c, char what)
{
	return c->p < c->end && *c->p == what;
}

/* atext of RFC 5322 3.2.3, ASCII only */
static bool
is_atext(char c)
{
	static const char specials[] = "!#$%&'*+-/=?^_`{|}~";

	return smtp_isalnum(c) || (c != '\0' && strchr(specials, c) != NULL);
}

static enum smtp_addr_error
local_add(struct local *l, const char *p, size_t len)
{
	if (len > sizeof(l->buf) - l->len)
		return SMTP_ADDR_ELOCAL;
	memcpy(l->buf + l->len, p, len);
	l->len += len;
	return SMTP_ADDR_OK;
}

/* A character beyond ASCII, common to all places that may have one. */
static enum smtp_addr_error
local_utf8(struct local *l, struct cursor *c)
{
	size_t n = utf8_char(c->p, (size_t)(c->end - c->p));

	if (n == 0)
		return SMTP_ADDR_ELOCAL;
	if ((c->allow & SMTP_PATH_UTF8) == 0)
		return SMTP_ADDR_EUTF8;
	c->p += n;
	return local_add(l, c->p - n, n);
}

/* Quoted-string: the opening quote is already read. */
static enum smtp_addr_error
quoted_string(struct cursor *c, struct local *l)
{
	enum smtp_addr_error e = SMTP_ADDR_OK;

	while (e == SMTP_ADDR_OK && c->p < c->end && *c->p != '"') {
		if (smtp_is8bit(*c->p)) {
			e = local_utf8(l, c);
			continue;
		}
		if (*c->p == '\\' && ++c->p == c->end)
			break;
		if (!smtp_isgraph(*c->p) && *c->p != ' ')
			return SMTP_ADDR_ELOCAL;
		e = local_add(l, c->p++, 1);
	}
	if (e != SMTP_ADDR_OK)
		return e;
	if (!at(c, '"'))
		return SMTP_ADDR_ELOCAL;
	c->p++;
	return SMTP_ADDR_OK;
}

/* Dot-string, up to the first character that cannot be in one. */
static enum smtp_addr_error
dot_string(struct cursor *c, struct local *l)
{
	enum smtp_addr_error e = SMTP_ADDR_OK;

	while (e == SMTP_ADDR_OK && c->p < c->end) {
		if (smtp_is8bit(*c->p))
			e = local_utf8(l, c);
		else if (is_atext(*c->p) || *c->p == '.')
			e = local_add(l, c->p++, 1);
		else
			break;
	}
	return e;
}

/* Can it stand without quotes: atoms joined by single dots? */
static bool
is_dot_string(const struct local *l)
{
	size_t i;
	char before = '.';

	for (i = 0; i < l->len; i++) {
		char c = l->buf[i];

		if (c == '.' && before == '.')
			return false;
		if (c != '.' && !is_atext(c) && !smtp_is8bit(c))
			return false;
		before = c;
	}
	return before != '.';
}

static unsigned
local_flags(const struct local *l)
{
	unsigned flags = 0;
	size_t i;

	for (i = 0; i < l->len; i++) {
		if (smtp_is8bit(l->buf[i]))
			flags |= SMTP_ADDR_UTF8;
		else if (strchr("%!@", l->buf[i]) != NULL)
			flags |= SMTP_ADDR_ROUTE;
	}
	if (smtp_slice_is(smtp_slice(l->buf, l->len), "postmaster"))
		flags |= SMTP_ADDR_POSTMASTER;
	return flags;
}

static bool
store_char(struct smtp_addr *a, char c)
{
	if (a->local_len == SMTP_LOCAL_MAX)
		return false;
	a->text[a->local_len++] = c;
	return true;
}

/* Write the local part in its canonical form as the start of a->text. */
static enum smtp_addr_error
store_local(struct smtp_addr *a, const struct local *l)
{
	size_t i;
	bool quote = !is_dot_string(l);
	bool fits = true;

	a->flags |= (uint16_t)local_flags(l);
	if (quote) {
		a->flags |= SMTP_ADDR_QUOTED;
		fits = store_char(a, '"');
	}
	for (i = 0; i < l->len && fits; i++) {
		if (quote && (l->buf[i] == '"' || l->buf[i] == '\\'))
			fits = store_char(a, '\\');
		fits = fits && store_char(a, l->buf[i]);
	}
	if (quote)
		fits = fits && store_char(a, '"');
	a->len = a->local_len;
	a->text[a->len] = '\0';
	return fits ? SMTP_ADDR_OK : SMTP_ADDR_ELOCAL;
}

static enum smtp_addr_error
local_part(struct cursor *c, struct smtp_addr *a)
{
	enum smtp_addr_error e;
	struct local l;

	l.len = 0;
	if (at(c, '"')) {
		c->p++;
		e = quoted_string(c, &l);
	} else {
		e = dot_string(c, &l);
		if (e == SMTP_ADDR_OK && !is_dot_string(&l))
			e = SMTP_ADDR_ELOCAL;
	}
	return e == SMTP_ADDR_OK ? store_local(a, &l) : e;
}

/* The span up to a character that ends a domain. */
static struct smtp_slice
domain_span(struct cursor *c)
{
	const char *start = c->p;

	if (at(c, '[')) {
		while (c->p < c->end && *c->p != ']')
			c->p++;
		if (c->p < c->end)
			c->p++;
	} else {
		while (c->p < c->end && strchr(">@,: ", *c->p) == NULL)
			c->p++;
	}
	return smtp_slice(start, (size_t)(c->p - start));
}

static enum smtp_addr_error
check_utf8(const struct cursor *c, struct smtp_slice s, bool *found)
{
	size_t i;

	for (i = 0; i < s.len && !smtp_is8bit(s.p[i]); i++)
		;
	*found = i < s.len;
	if (!*found)
		return SMTP_ADDR_OK;
	if (!utf8_valid(s.p, s.len))
		return SMTP_ADDR_EDOMAIN;
	return c->allow & SMTP_PATH_UTF8 ? SMTP_ADDR_OK : SMTP_ADDR_EUTF8;
}

static enum smtp_addr_error
domain_part(struct cursor *c, struct smtp_addr *a)
{
	struct smtp_slice span = domain_span(c);
	char *out = a->text + a->local_len + 1;
	enum smtp_addr_error e;
	bool utf8;
	size_t len;

	e = check_utf8(c, span, &utf8);
	if (e != SMTP_ADDR_OK)
		return e;
	if (utf8)
		a->flags |= SMTP_ADDR_UTF8;
	if (span.len > 0 && span.p[0] == '[') {
		a->flags |= SMTP_ADDR_LITERAL;
		e = smtp_literal(span, out, &len);
	} else
		e = smtp_domain(span, c->allow, out, &len);
	if (e != SMTP_ADDR_OK)
		return e;
	a->text[a->local_len] = '@';
	a->domain_len = (uint16_t)len;
	a->len = (uint16_t)(a->local_len + 1 + len);
	a->text[a->len] = '\0';
	return at(c, '@') ? SMTP_ADDR_EROUTE : SMTP_ADDR_OK;
}

/*
 * A-d-l ":" : at-domains joined by commas, checked and dropped.  A literal is
 * none by the grammar, but then it means the same.
 */
static enum smtp_addr_error
source_route(struct cursor *c)
{
	char scratch[SMTP_DOMAIN_MAX];
	enum smtp_addr_error e;
	struct smtp_slice span;
	size_t len;

	while (at(c, '@')) {
		c->p++;
		span = domain_span(c);
		if (span.len > 0 && span.p[0] == '[')
			e = smtp_literal(span, scratch, &len);
		else
			e = smtp_domain(span, c->allow, scratch, &len);
		if (e != SMTP_ADDR_OK)
			return e;
		if (at(c, ':')) {
			c->p++;
			return SMTP_ADDR_OK;
		}
		if (!at(c, ','))
			return SMTP_ADDR_ESYNTAX;
		c->p++;
	}
	return SMTP_ADDR_ESYNTAX;
}

static enum smtp_addr_error
mailbox(struct cursor *c, struct smtp_addr *a)
{
	enum smtp_addr_error e = local_part(c, a);

	if (e != SMTP_ADDR_OK)
		return e;
	if (at(c, '@')) {
		c->p++;
		return domain_part(c, a);
	}
	/* host!user, user%host: no domain, but somewhere to go */
	if (smtp_addr_has_route(a))
		return SMTP_ADDR_EROUTE;
	if ((c->allow & SMTP_PATH_BARE) == 0 ||
	    (a->flags & SMTP_ADDR_POSTMASTER) == 0)
		return SMTP_ADDR_ESYNTAX;
	a->flags |= SMTP_ADDR_BARE;
	return SMTP_ADDR_OK;
}

void
smtp_addr_null(struct smtp_addr *a)
{
	a->flags = SMTP_ADDR_NULL;
	a->local_len = 0;
	a->domain_len = 0;
	a->len = 0;
	a->text[0] = '\0';
}

static enum smtp_addr_error
bracketed(struct cursor *c, struct smtp_addr *a)
{
	enum smtp_addr_error e = SMTP_ADDR_OK;

	if (at(c, '@')) {
		e = source_route(c);
		a->flags |= SMTP_ADDR_SOURCE;
	}
	if (e == SMTP_ADDR_OK)
		e = mailbox(c, a);
	if (e == SMTP_ADDR_OK && !at(c, '>'))
		e = SMTP_ADDR_ESYNTAX;
	return e;
}

enum smtp_addr_error
smtp_addr_path(struct smtp_addr *a, struct smtp_slice in, unsigned allow,
    size_t *used)
{
	struct cursor c = { in.p, in.p + in.len, allow };
	enum smtp_addr_error e = SMTP_ADDR_OK;

	smtp_addr_null(a);
	if (!at(&c, '<'))
		return SMTP_ADDR_ESYNTAX;
	c.p++;
	if (at(&c, '>')) {
		if ((allow & SMTP_PATH_NULL) == 0)
			return SMTP_ADDR_ESYNTAX;
	} else {
		a->flags = 0;
		e = bracketed(&c, a);
	}
	*used = (size_t)(c.p + 1 - in.p);
	return e;
}

enum smtp_addr_error
smtp_addr_mailbox(struct smtp_addr *a, struct smtp_slice in, unsigned allow)
{
	struct cursor c = { in.p, in.p + in.len, allow };
	enum smtp_addr_error e;

	smtp_addr_null(a);
	a->flags = 0;
	e = mailbox(&c, a);
	if (e == SMTP_ADDR_OK && c.p != c.end)
		e = SMTP_ADDR_ESYNTAX;
	return e;
}

struct smtp_slice
smtp_addr_local(const struct smtp_addr *a)
{
	return smtp_slice(a->text, a->local_len);
}

struct smtp_slice
smtp_addr_domain(const struct smtp_addr *a)
{
	if (a->domain_len == 0)
		return smtp_slice(a->text, 0);
	return smtp_slice(a->text + a->local_len + 1, a->domain_len);
}

struct smtp_slice
smtp_addr_text(const struct smtp_addr *a)
{
	return smtp_slice(a->text, a->len);
}

bool
smtp_addr_has_route(const struct smtp_addr *a)
{
	return (a->flags & SMTP_ADDR_ROUTE) != 0;
}

int
smtp_addr_set_domain(struct smtp_addr *a, struct smtp_slice domain)
{
	if (domain.len == 0 || domain.len > SMTP_DOMAIN_MAX)
		return -1;
	a->text[a->local_len] = '@';
	memcpy(a->text + a->local_len + 1, domain.p, domain.len);
	a->domain_len = (uint16_t)domain.len;
	a->len = (uint16_t)(a->local_len + 1 + domain.len);
	a->text[a->len] = '\0';
	a->flags &= (uint16_t)~SMTP_ADDR_BARE;
	return 0;
}
