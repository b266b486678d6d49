/* SPDX-License-Identifier: ISC */
/* The list of extensions that answers EHLO. */
#include "common/smtp/ehlo.h"

struct keyword {
	const char *name;
	enum smtp_ext ext;
	void (*parse)(struct smtp_features *, struct smtp_slice args);
	void (*put)(struct smtp_outbuf *, const struct smtp_features *);
};

/* Cut the next word from the front of *in; empty: no more. */
static struct smtp_slice
next_word(struct smtp_slice *in)
{
	size_t start = 0, stop;
	struct smtp_slice word;

	while (start < in->len && in->p[start] == ' ')
		start++;
	for (stop = start; stop < in->len && in->p[stop] != ' '; stop++)
		;
	word = smtp_slice(in->p + start, stop - start);
	*in = smtp_slice(in->p + stop, in->len - stop);
	return word;
}

static void
parse_size(struct smtp_features *f, struct smtp_slice args)
{
	uint64_t n;

	if (smtp_parse_number(next_word(&args), &n) == 0)
		f->size = n;
}

static void
put_size(struct smtp_outbuf *o, const struct smtp_features *f)
{
	if (f->size == 0)
		return;
	smtp_put_char(o, ' ');
	smtp_put_number(o, f->size, 0);
}

static const struct limit {
	const char *name;
	size_t at; /* in struct smtp_features */
} limits[] = {
	{ "MAILMAX", offsetof(struct smtp_features, mail_max) },
	{ "RCPTMAX", offsetof(struct smtp_features, rcpt_max) },
	{ "RCPTDOMAINMAX", offsetof(struct smtp_features, rcpt_domain_max) },
};

#define NLIMITS (sizeof(limits) / sizeof(limits[0]))

static void
set_limit(struct smtp_features *f, size_t at, uint64_t n)
{
	uint32_t v = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;

	memcpy((char *)f + at, &v, sizeof(v));
}

static uint32_t
get_limit(const struct smtp_features *f, size_t at)
{
	uint32_t v;

	memcpy(&v, (const char *)f + at, sizeof(v));
	return v;
}

/* The limit that a word NAME=number sets; *value gets what follows. */
static const struct limit *
find_limit(struct smtp_slice word, struct smtp_slice *value)
{
	size_t i;

	for (i = 0; i < NLIMITS; i++) {
		size_t n = strlen(limits[i].name);

		if (word.len <= n || word.p[n] != '=' ||
		    !smtp_caseequal(word.p, limits[i].name, n))
			continue;
		*value = smtp_slice(word.p + n + 1, word.len - n - 1);
		return &limits[i];
	}
	return NULL;
}

/* RFC 9422 section 3; unknown names are passed over */
static void
parse_limits(struct smtp_features *f, struct smtp_slice args)
{
	struct smtp_slice word, value;
	const struct limit *l;
	uint64_t n;

	while ((word = next_word(&args)).len > 0) {
		l = find_limit(word, &value);
		if (l != NULL && smtp_parse_number(value, &n) == 0)
			set_limit(f, l->at, n);
	}
}

static void
put_limits(struct smtp_outbuf *o, const struct smtp_features *f)
{
	size_t i;

	for (i = 0; i < NLIMITS; i++) {
		if (get_limit(f, limits[i].at) == 0)
			continue;
		smtp_put_char(o, ' ');
		smtp_put_str(o, limits[i].name);
		smtp_put_char(o, '=');
		smtp_put_number(o, get_limit(f, limits[i].at), 0);
	}
}

static const struct keyword keywords[] = {
	{ "PIPELINING", SMTP_EXT_PIPELINING, NULL, NULL },
	{ "SIZE", SMTP_EXT_SIZE, parse_size, put_size },
	{ "8BITMIME", SMTP_EXT_8BITMIME, NULL, NULL },
	{ "ENHANCEDSTATUSCODES", SMTP_EXT_ENHANCED, NULL, NULL },
	{ "STARTTLS", SMTP_EXT_STARTTLS, NULL, NULL },
	{ "CHUNKING", SMTP_EXT_CHUNKING, NULL, NULL },
	{ "BINARYMIME", SMTP_EXT_BINARYMIME, NULL, NULL },
	{ "DSN", SMTP_EXT_DSN, NULL, NULL },
	{ "SMTPUTF8", SMTP_EXT_SMTPUTF8, NULL, NULL },
	{ "REQUIRETLS", SMTP_EXT_REQUIRETLS, NULL, NULL },
	{ "LIMITS", SMTP_EXT_LIMITS, parse_limits, put_limits },
	{ "AUTH", SMTP_EXT_AUTH, NULL, NULL },
	{ "VRFY", SMTP_EXT_VRFY, NULL, NULL },
	{ "HELP", SMTP_EXT_HELP, NULL, NULL },
	{ "ETRN", SMTP_EXT_ETRN, NULL, NULL },
};

#define NKEYWORDS (sizeof(keywords) / sizeof(keywords[0]))

void
smtp_features_init(struct smtp_features *f)
{
	memset(f, 0, sizeof(*f));
}

void
smtp_features_line(struct smtp_features *f, struct smtp_slice line)
{
	struct smtp_slice word = next_word(&line);
	const struct keyword *k;
	size_t i;

	for (i = 0; i < NKEYWORDS; i++) {
		k = &keywords[i];
		if (!smtp_slice_is(word, k->name))
			continue;
		if ((f->ext & k->ext) == 0 && k->parse != NULL)
			k->parse(f, line);
		f->ext |= k->ext;
		return;
	}
}

static void
put_line(struct smtp_outbuf *o, bool last, const char *text)
{
	smtp_put_str(o, last ? "250 " : "250-");
	smtp_put_str(o, text);
}

void
smtp_put_ehlo(struct smtp_outbuf *o, struct smtp_slice hostname,
    const struct smtp_features *f)
{
	unsigned left = f->ext & SMTP_EXT_ALL;
	const struct keyword *k;
	size_t i;

	put_line(o, left == 0, "");
	smtp_put_slice(o, hostname);
	smtp_put_str(o, "\r\n");
	for (i = 0; i < NKEYWORDS; i++) {
		k = &keywords[i];
		if ((left & k->ext) == 0)
			continue;
		left &= ~(unsigned)k->ext;
		put_line(o, left == 0, k->name);
		if (k->put != NULL)
			k->put(o, f);
		smtp_put_str(o, "\r\n");
	}
}
