/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/smtp/mime.h"

/* --- values of fields --- */

struct cursor {
	const char *p, *end;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 5322 3.2.2; false: a comment that does not end */
static bool
skip_comments(struct cursor *c)
{
	unsigned depth = 0;

	for (; c->p < c->end; c->p++) {
		if (*c->p == '(')
			depth++;
		else if (depth > 0 && *c->p == ')')
			depth--;
		else if (depth > 0 && *c->p == '\\' && c->end - c->p > 1)
			c->p++;
		else if (depth == 0 && !is_space(*c->p))
			break;
	}
	return depth == 0;
}

/* RFC 2045 5.1 */
static bool
is_token(char ch)
{
	return smtp_isgraph(ch) && strchr("()<>@,;:\\\"/[]?=", ch) == NULL;
}

static struct smtp_slice
take_token(struct cursor *c)
{
	const char *start = c->p;

	while (c->p < c->end && is_token(*c->p))
		c->p++;
	return smtp_slice(start, (size_t)(c->p - start));
}

static bool
take_char(struct cursor *c, char ch)
{
	if (!skip_comments(c) || c->p == c->end || *c->p != ch)
		return false;
	c->p++;
	return skip_comments(c);
}

/* A token or a quoted string, into to; its length, or 0 if it is none. */
static size_t
take_value(struct cursor *c, char *to, size_t cap)
{
	struct smtp_slice token;
	size_t n = 0;

	if (c->p == c->end || *c->p != '"') {
		token = take_token(c);
		if (token.len > cap)
			return 0;
		memcpy(to, token.p, token.len);
		return token.len;
	}
	for (c->p++; c->p < c->end && *c->p != '"'; c->p++) {
		if (*c->p == '\\' && c->end - c->p > 1)
			c->p++;
		if (n == cap)
			return 0;
		to[n++] = *c->p;
	}
	if (c->p == c->end)
		return 0;
	c->p++;
	return n;
}

static enum mime_encoding
encoding_of(struct smtp_slice value)
{
	static const struct {
		const char *word;
		enum mime_encoding encoding;
	} words[] = {
		{ "7bit", MIME_ENC_7BIT },
		{ "8bit", MIME_ENC_8BIT },
		{ "binary", MIME_ENC_BINARY },
	};
	struct cursor c = { value.p, value.p + value.len };
	struct smtp_slice word;
	size_t i;

	if (!skip_comments(&c))
		return MIME_ENC_CODED;
	word = take_token(&c);
	if (!skip_comments(&c) || c.p != c.end)
		return MIME_ENC_CODED;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (smtp_slice_is(word, words[i].word))
			return words[i].encoding;
	return MIME_ENC_CODED;
}

/* RFC 2046 5.1.1 */
static bool
is_boundary(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!smtp_isalnum(s[i]) &&
		    strchr("'()+_,-./:=? ", s[i]) == NULL)
			return false;
	return len > 0 && s[len - 1] != ' ';
}

/* Parameters, up to a boundary, once; false: none, or not well-formed. */
static bool
find_boundary(struct cursor *c, struct mime_level *l)
{
	char value[MIME_TYPE_MAX];
	struct smtp_slice name;
	size_t n;

	l->len = 0;
	while (c->p < c->end) {
		if (!take_char(c, ';'))
			return false;
		if (c->p == c->end)
			break; /* a ';' at the end is common */
		name = take_token(c);
		if (name.len == 0 || !take_char(c, '='))
			return false;
		n = take_value(c, value, sizeof(value));
		if (!skip_comments(c))
			return false;
		if (!smtp_slice_is(name, "boundary"))
			continue;
		if (l->len != 0 || n > sizeof(l->boundary) ||
		    !is_boundary(value, n))
			return false;
		memcpy(l->boundary, value, n);
		l->len = (uint8_t)n;
	}
	return l->len > 0;
}

/* --- the end of a header --- */

static enum mime_kind
message_kind(struct smtp_slice subtype)
{
	if (smtp_slice_is(subtype, "rfc822"))
		return MIME_MESSAGE;
	/* RFC 6532 3.7, RFC 6533: of these any encoding is allowed */
	if (smtp_slice_is(subtype, "global") ||
	    smtp_slice_is(subtype, "global-headers") ||
	    smtp_slice_is(subtype, "global-delivery-status"))
		return MIME_LEAF;
	return MIME_FIXED;
}

static void
open_multipart(struct smtp_mime *m, struct cursor *c, struct smtp_slice sub)
{
	struct mime_level *l = &m->levels[m->nlevels];

	if (m->nlevels == MIME_DEPTH || !find_boundary(c, l)) {
		m->entity.unclear = true;
		return;
	}
	l->is_digest = smtp_slice_is(sub, "digest");
	l->is_signed =
	    smtp_slice_is(sub, "signed") || smtp_slice_is(sub, "encrypted");
	m->nlevels++;
	m->entity.kind = MIME_MULTIPART;
}

static void
judge_type(struct smtp_mime *m)
{
	struct cursor c = { m->type, m->type + m->type_len };
	struct smtp_slice type, sub;

	if (!m->entity.has_type) {
		if (m->nlevels > 0 && m->levels[m->nlevels - 1].is_digest &&
		    !m->entity.is_root)
			m->entity.kind = MIME_MESSAGE;
		return;
	}
	if (!skip_comments(&c)) {
		m->entity.unclear = true;
		return;
	}
	type = take_token(&c);
	if (!take_char(&c, '/'))
		return; /* "text" alone: a part of some kind */
	sub = take_token(&c);
	if (!skip_comments(&c))
		m->entity.unclear = true;
	else if (smtp_slice_is(type, "multipart"))
		open_multipart(m, &c, sub);
	else if (smtp_slice_is(type, "message"))
		m->entity.kind = message_kind(sub);
}

static void
end_header(struct smtp_mime *m)
{
	struct mime_entity *e = &m->entity;

	if (e->has_encoding)
		e->encoding =
		    encoding_of(smtp_slice(m->encoding, m->encoding_len));
	/* RFC 2045 6.4: what has parts is not encoded itself */
	if (!e->unclear)
		judge_type(m);
	if (e->encoding == MIME_ENC_CODED && e->kind != MIME_LEAF) {
		if (e->kind == MIME_MULTIPART)
			m->nlevels--;
		e->kind = MIME_FIXED;
	}
	m->next_root = e->kind == MIME_MESSAGE && !e->unclear;
}

/* --- lines --- */

static void
begin_entity(struct smtp_mime *m, bool is_root)
{
	unsigned i;

	memset(&m->entity, 0, sizeof(m->entity));
	m->entity.index = m->count;
	if (m->count < UINT32_MAX)
		m->count++;
	m->entity.is_root = is_root;
	m->field = MIME_F_OTHER;
	m->type_len = m->encoding_len = 0;
	m->next_root = false;
	m->place = MIME_HEADER;
	m->is_signed = false;
	for (i = 0; i < m->nlevels; i++)
		m->is_signed = m->is_signed || m->levels[i].is_signed;
}

void
smtp_mime_init(struct smtp_mime *m)
{
	memset(m, 0, sizeof(*m));
}

/* Which field a line begins; *value gets what is after the colon. */
static enum mime_field
field_of(struct smtp_mime *m, struct smtp_slice line, struct smtp_slice *value)
{
	static const struct {
		const char *name;
		enum mime_field field;
	} names[] = {
		{ "MIME-Version", MIME_F_VERSION },
		{ "Content-Type", MIME_F_TYPE },
		{ "Content-Transfer-Encoding", MIME_F_ENCODING },
	};
	const char *colon = memchr(line.p, ':', line.len);
	size_t i, n;

	*value = smtp_slice(line.p, 0);
	if (colon == NULL) {
		m->entity.unclear =
		    true; /* a header for some, text for others */
		return MIME_F_OTHER;
	}
	n = (size_t)(colon - line.p);
	*value = smtp_slice(colon + 1, line.len - n - 1);
	while (n > 0 && is_space(line.p[n - 1]))
		n--;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (smtp_slice_is(smtp_slice(line.p, n), names[i].name))
			return names[i].field;
	return MIME_F_OTHER;
}

static void
begin_field(struct smtp_mime *m, struct smtp_slice line,
    struct smtp_slice *value)
{
	struct mime_entity *e = &m->entity;

	m->field = field_of(m, line, value);
	switch (m->field) {
	case MIME_F_OTHER:
		return;
	case MIME_F_VERSION:
		e->has_version = true;
		return;
	case MIME_F_TYPE:
		e->unclear = e->unclear || e->has_type;
		e->has_type = true;
		return;
	case MIME_F_ENCODING:
		e->unclear = e->unclear || e->has_encoding;
		e->has_encoding = true;
		return;
	}
}

/* An unfolded value; one that is too long is not understood. */
static void
collect(struct smtp_mime *m, char *to, size_t *len, size_t cap,
    struct smtp_slice s)
{
	if (s.len > cap - *len) {
		m->entity.unclear = true;
		return;
	}
	memcpy(to + *len, s.p, s.len);
	*len += s.len;
}

static void
header_line(struct smtp_mime *m, struct smtp_slice line, bool begins)
{
	if (begins && !is_space(line.p[0]))
		begin_field(m, line, &line);
	if (m->field == MIME_F_TYPE)
		collect(m, m->type, &m->type_len, sizeof(m->type), line);
	else if (m->field == MIME_F_ENCODING)
		collect(m, m->encoding, &m->encoding_len, sizeof(m->encoding),
		    line);
}

/* Is the line that boundary, with white space after it at most? */
static bool
matches(const struct mime_level *l, struct smtp_slice line, bool *closes)
{
	size_t at = 2U + l->len;

	*closes = line.len - at >= 2 && memcmp(line.p + at, "--", 2) == 0;
	for (at += *closes ? 2 : 0; at < line.len; at++)
		if (!is_space(line.p[at]))
			return false;
	return true;
}

static bool
has_prefix(const struct mime_level *l, struct smtp_slice line)
{
	return line.len >= 2U + l->len &&
	    memcmp(line.p + 2, l->boundary, l->len) == 0;
}

/*
 * RFC 2046 5.1.2: the boundaries of all that is open count.  One with more
 * behind it is a boundary for some readers and text for others.
 */
static bool
boundary_line(struct smtp_mime *m, struct smtp_slice line, bool ends)
{
	bool closes, prefix = false;
	unsigned i;

	if (line.len < 2 || memcmp(line.p, "--", 2) != 0)
		return false;
	for (i = m->nlevels; i-- > 0;) {
		if (!has_prefix(&m->levels[i], line))
			continue;
		prefix = true;
		if (!ends || !matches(&m->levels[i], line, &closes))
			continue;
		m->nlevels = closes ? i : i + 1;
		m->place = MIME_OTHER;
		if (!closes)
			begin_entity(m, false);
		return true;
	}
	m->odd = m->odd || prefix;
	return false;
}

enum mime_place
smtp_mime_line(struct smtp_mime *m, struct smtp_slice line, bool begins,
    bool ends)
{
	if (!m->begun || m->next_root)
		begin_entity(m, true);
	m->begun = true;
	if (begins && boundary_line(m, line, ends))
		return MIME_OTHER;
	if (m->place != MIME_HEADER)
		return m->place;
	if (begins && ends && line.len == 0) {
		end_header(m);
		m->place =
		    m->entity.kind == MIME_MULTIPART ? MIME_OTHER : MIME_TEXT;
		return MIME_BLANK;
	}
	if (line.len > 0)
		header_line(m, line, begins);
	return MIME_HEADER;
}
