/* SPDX-License-Identifier: ISC */
/* ESMTP parameters of MAIL and RCPT: one table, one function a value. */
#include "common/smtp/param.h"

#include <string.h>

#include "common/base/utf8.h"
#include "common/smtp/limits.h"
#include "common/smtp/xtext.h"

struct param {
	struct smtp_slice keyword;
	struct smtp_slice value;
	bool has_value; /* "KEYWORD=", even if nothing follows */
};

/* Where a value goes; mail or rcpt is NULL. */
struct target {
	unsigned *given; /* of the one that is not */
	struct smtp_mail_params *mail;
	struct smtp_rcpt_params *rcpt;
	unsigned ext;
};

struct rule {
	const char *keyword;
	enum smtp_param bit;
	enum smtp_ext ext; /* must be offered */
	bool of_rcpt;
	bool takes_value;
	bool (*parse)(struct target *, struct smtp_slice);
};

static bool
parse_size(struct target *t, struct smtp_slice v)
{
	return smtp_parse_number(v, &t->mail->size) == 0;
}

static bool
parse_body(struct target *t, struct smtp_slice v)
{
	if (smtp_slice_is(v, "7BIT"))
		t->mail->body = SMTP_BODY_7BIT;
	else if (smtp_slice_is(v, "8BITMIME"))
		t->mail->body = SMTP_BODY_8BITMIME;
	else if (smtp_slice_is(v, "BINARYMIME") &&
	    (t->ext & SMTP_EXT_BINARYMIME) != 0)
		t->mail->body = SMTP_BODY_BINARYMIME;
	else
		return false;
	return true;
}

static bool
parse_ret(struct target *t, struct smtp_slice v)
{
	if (smtp_slice_is(v, "FULL"))
		t->mail->ret = SMTP_RET_FULL;
	else if (smtp_slice_is(v, "HDRS"))
		t->mail->ret = SMTP_RET_HDRS;
	else
		return false;
	return true;
}

static bool
parse_envid(struct target *t, struct smtp_slice v)
{
	t->mail->envid = v;
	return v.len > 0 && v.len <= SMTP_ENVID_MAX && smtp_xtext_printable(v);
}

static bool
parse_auth(struct target *t, struct smtp_slice v)
{
	t->mail->auth = v;
	return v.len > 0 && v.len <= SMTP_ORCPT_MAX &&
	    (smtp_slice_is(v, "<>") || smtp_xtext_printable(v));
}

/* Presence is all; the bit in given says it. */
static bool
parse_flag(struct target *t, struct smtp_slice v)
{
	(void)t;
	return v.len == 0;
}

static unsigned
notify_bit(struct smtp_slice word)
{
	static const struct {
		const char *word;
		enum smtp_notify bit;
	} words[] = {
		{ "NEVER", SMTP_NOTIFY_NEVER },
		{ "SUCCESS", SMTP_NOTIFY_SUCCESS },
		{ "FAILURE", SMTP_NOTIFY_FAILURE },
		{ "DELAY", SMTP_NOTIFY_DELAY },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (smtp_slice_is(word, words[i].word))
			return words[i].bit;
	return 0;
}

/* RFC 3461 4.1: a list, or NEVER alone */
static bool
parse_notify(struct target *t, struct smtp_slice v)
{
	unsigned all = 0;

	for (;;) {
		const char *comma = memchr(v.p, ',', v.len);
		size_t n = comma == NULL ? v.len : (size_t)(comma - v.p);
		unsigned bit = notify_bit(smtp_slice(v.p, n));

		if (bit == 0)
			return false;
		all |= bit;
		if (comma == NULL)
			break;
		v = smtp_slice(comma + 1, v.len - n - 1);
	}
	t->rcpt->notify = all;
	return (all & SMTP_NOTIFY_NEVER) == 0 || all == SMTP_NOTIFY_NEVER;
}

/* An ORCPT of type utf-8 may be written in UTF-8 itself (RFC 6533 3). */
static bool
orcpt_text(struct target *t, struct smtp_slice type, struct smtp_slice v)
{
	if (smtp_slice_is(type, "utf-8"))
		return (t->ext & SMTP_EXT_SMTPUTF8) != 0 &&
		    utf8_valid(v.p, v.len);
	return smtp_xtext_printable(v);
}

/* RFC 3461 4.2: addr-type ";" xtext */
static bool
parse_orcpt(struct target *t, struct smtp_slice v)
{
	const char *semi = memchr(v.p, ';', v.len);
	struct smtp_slice type, text;
	size_t i;

	if (semi == NULL || v.len > SMTP_ORCPT_MAX)
		return false;
	type = smtp_slice(v.p, (size_t)(semi - v.p));
	text = smtp_slice(semi + 1, v.len - type.len - 1);
	for (i = 0; i < type.len; i++)
		if (!smtp_isalnum(type.p[i]) && type.p[i] != '-')
			return false;
	t->rcpt->orcpt_type = type;
	t->rcpt->orcpt = text;
	return type.len > 0 && text.len > 0 && orcpt_text(t, type, text);
}

static const struct rule rules[] = {
	{ "SIZE", SMTP_PARAM_SIZE, SMTP_EXT_SIZE, false, true, parse_size },
	{ "BODY", SMTP_PARAM_BODY, SMTP_EXT_8BITMIME, false, true, parse_body },
	{ "SMTPUTF8", SMTP_PARAM_SMTPUTF8, SMTP_EXT_SMTPUTF8, false, false,
	    parse_flag },
	{ "RET", SMTP_PARAM_RET, SMTP_EXT_DSN, false, true, parse_ret },
	{ "ENVID", SMTP_PARAM_ENVID, SMTP_EXT_DSN, false, true, parse_envid },
	{ "AUTH", SMTP_PARAM_AUTH, SMTP_EXT_AUTH, false, true, parse_auth },
	{ "REQUIRETLS", SMTP_PARAM_REQUIRETLS, SMTP_EXT_REQUIRETLS, false,
	    false, parse_flag },
	{ "NOTIFY", SMTP_PARAM_NOTIFY, SMTP_EXT_DSN, true, true, parse_notify },
	{ "ORCPT", SMTP_PARAM_ORCPT, SMTP_EXT_DSN, true, true, parse_orcpt },
};

static const struct rule *
find_rule(struct smtp_slice keyword, bool of_rcpt, unsigned ext)
{
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].of_rcpt == of_rcpt && (rules[i].ext & ext) != 0 &&
		    smtp_slice_is(keyword, rules[i].keyword))
			return &rules[i];
	return NULL;
}

/* esmtp-keyword: letters, digits and inner hyphens */
static bool
valid_keyword(struct smtp_slice k)
{
	size_t i;

	if (k.len == 0 || k.p[0] == '-')
		return false;
	for (i = 0; i < k.len; i++)
		if (!smtp_isalnum(k.p[i]) && k.p[i] != '-')
			return false;
	return true;
}

/* esmtp-value: no "=", no space, no control; RFC 6531 3.3 adds UTF-8 */
static bool
valid_value(struct smtp_slice v, unsigned ext)
{
	size_t i;

	for (i = 0; i < v.len; i++) {
		if (smtp_is8bit(v.p[i])) {
			if ((ext & SMTP_EXT_SMTPUTF8) == 0)
				return false;
		} else if (!smtp_isgraph(v.p[i]) || v.p[i] == '=')
			return false;
	}
	return true;
}

/* Cut the next parameter from the front of *in; false: nothing is left. */
static bool
next_param(struct smtp_slice *in, struct param *p)
{
	const char *end = in->p + in->len;
	const char *start = in->p, *stop, *eq;

	while (start < end && *start == ' ')
		start++;
	if (start == end)
		return false;
	for (stop = start; stop < end && *stop != ' '; stop++)
		;
	eq = memchr(start, '=', (size_t)(stop - start));
	p->has_value = eq != NULL;
	if (eq == NULL)
		eq = stop;
	p->keyword = smtp_slice(start, (size_t)(eq - start));
	p->value = p->has_value ? smtp_slice(eq + 1, (size_t)(stop - eq) - 1)
				: smtp_slice(stop, 0);
	*in = smtp_slice(stop, (size_t)(end - stop));
	return true;
}

static enum smtp_param_error
apply(struct target *t, const struct param *p)
{
	const struct rule *r;

	if (!valid_keyword(p->keyword) || !valid_value(p->value, t->ext))
		return SMTP_PARAM_ESYNTAX;
	r = find_rule(p->keyword, t->rcpt != NULL, t->ext);
	if (r == NULL)
		return SMTP_PARAM_EUNKNOWN;
	if ((*t->given & r->bit) != 0)
		return SMTP_PARAM_ETWICE;
	*t->given |= r->bit;
	if (p->has_value != r->takes_value || !r->parse(t, p->value))
		return SMTP_PARAM_EVALUE;
	return SMTP_PARAM_OK;
}

static enum smtp_param_error
parse_all(struct target *t, struct smtp_slice in)
{
	enum smtp_param_error e = SMTP_PARAM_OK;
	struct param p;

	if (in.len > 0 && in.p[0] != ' ')
		return SMTP_PARAM_ESYNTAX;
	while (e == SMTP_PARAM_OK && next_param(&in, &p))
		e = apply(t, &p);
	return e;
}

enum smtp_param_error
smtp_mail_params(struct smtp_mail_params *m, struct smtp_slice in, unsigned ext)
{
	struct target t = { &m->given, m, NULL, ext };

	memset(m, 0, sizeof(*m));
	return parse_all(&t, in);
}

enum smtp_param_error
smtp_rcpt_params(struct smtp_rcpt_params *r, struct smtp_slice in, unsigned ext)
{
	struct target t = { &r->given, NULL, r, ext };

	memset(r, 0, sizeof(*r));
	return parse_all(&t, in);
}
