/* SPDX-License-Identifier: ISC */
/* Sequences of commands: made up, written, printed. */
#include "regress/model/ops.h"

#include <string.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
	const char *wire;
	const char *canonical;
	bool utf8;
	bool route;
} senders[] = {
	{ "<a@example.org>", "a@example.org", false, false },
	{ "<>", "", false, false },
	{ "<b@Example.ORG>", "b@example.org", false, false },
	{ "<\"c d\"@example.org>", "\"c d\"@example.org", false, false },
	{ "<@relay.test:e@example.org>", "e@example.org", false, false },
	{ "<f@[192.0.2.1]>", "f@[192.0.2.1]", false, false },
	{ "<\xc3\xa9@example.org>", "\xc3\xa9@example.org", true, false },
}, rcpts[] = {
	{ "<user@gw.test>", "user@gw.test", false, false },
	{ "<Postmaster>", "Postmaster@gw.test", false, false },
	{ "<postmaster@gw.test>", "postmaster@gw.test", false, false },
	{ "<@x.test,@y.test:other@GW.test>", "other@gw.test", false, false },
	{ "<\"u\"@gw.test>", "u@gw.test", false, false },
	{ "<a%b@gw.test>", "", false, true },
	{ "<\xc3\xa9@gw.test>", "\xc3\xa9@gw.test", true, false },
};

/* what a text is put together from; most of it good */
static const struct {
	const char *p;
	uint32_t len;
} atoms[] = {
#define ATOM(s)                                                                \
	{                                                                      \
		s, sizeof(s) - 1                                               \
	}
	ATOM("Subject: x\r\n"),
	ATOM("hello\r\n"),
	ATOM("\r\n"),
	ATOM(".\r\n"),
	ATOM("..\r\n"),
	ATOM(".x\r\n"),
	ATOM("QUIT\r\n"),
	ATOM("MAIL FROM:<evil@example.org>\r\n"),
	ATOM("no end"),
	ATOM("."),
	ATOM("Received: from a by b; c\r\n"),
	ATOM("0123456789012345678901234567890123456789012345678\r\n"),
	ATOM("01234567890123456789012345678901234567890123456789\r\n"),
	ATOM("\xc3\xa9t\xc3\xa9\r\n"),
#define GOOD_ATOMS 14
	ATOM("012345678901234567890123456789012345678901234567890\r\n"),
	ATOM("\r"),
	ATOM("\n"),
	ATOM("a\rb\r\n"),
	ATOM("a\nb\r\n"),
	ATOM("\n.\r\n"),
	ATOM("\r.\r\n"),
	ATOM("\n.\n"),
	ATOM("\r.\r"),
	{ "nul\0\r\n", 6 },
	ATOM("\r\r\n"),
};

uint64_t
seq_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint32_t
below(uint64_t *g, uint32_t n)
{
	return (uint32_t)(seq_random(g) % n);
}

/* once in n times */
static bool
once_in(uint64_t *g, uint32_t n)
{
	return below(g, n) == 0;
}

/* --- making up --- */

/* One of n, the first half of the time. */
static uint8_t
often_first(uint64_t *g, uint32_t n)
{
	uint32_t i = below(g, 2 * n);

	return (uint8_t)(i < n ? i : 0);
}

static void
make_conf(struct ref_conf *c, uint64_t *g)
{
	c->pipelining = !once_in(g, 6);
	c->chunking = !once_in(g, 8);
	c->starttls = !once_in(g, 4);
	c->requiretls = !once_in(g, 3);
	c->dsn = !once_in(g, 4);
	c->utf8 = !once_in(g, 4);
	c->sync = !once_in(g, 3);
	c->strict8 = once_in(g, 3);
	c->tls_required = c->starttls && once_in(g, 6);
	c->turned_away = once_in(g, 60);
	c->size = once_in(g, 2) ? 150 : 4000;
	c->line_max = 50;
	c->hops_max = 2;
	c->rcpt_max = once_in(g, 2) ? 1 : 3;
	c->message_max = once_in(g, 4) ? 1 + below(g, 3) : 0;
	c->error_max = once_in(g, 4) ? below(g, 5) : 1000;
	c->unknown_max = once_in(g, 4) ? below(g, 3) : 1000;
	c->junk_max = once_in(g, 4) ? 1 + below(g, 6) : 1000;
}

static enum ref_answer
make_answer(uint64_t *g)
{
	if (!once_in(g, 10))
		return A_YES;
	if (once_in(g, 12))
		return A_NEVER;
	return (enum ref_answer)below(g, A_NEVER);
}

static void
make_text(struct op *op, uint64_t *g, bool whole_lines)
{
	uint32_t n = below(g, 6), len = 0;
	bool bad = once_in(g, 4);

	while (n-- > 0) {
		uint32_t i =
		    below(g, bad ? (uint32_t)N(atoms) : (uint32_t)GOOD_ATOMS);

		if (atoms[i].len > OPS_TEXT_MAX - 2 - len)
			break;
		memcpy(op->text + len, atoms[i].p, atoms[i].len);
		len += atoms[i].len;
	}
	if (whole_lines && len > 0 &&
	    (len < 2 || memcmp(op->text + len - 2, "\r\n", 2) != 0)) {
		memcpy(op->text + len, "\r\n", 2);
		len += 2;
	}
	op->cmd.len = len;
}

/* A few bits of mask; often none. */
static unsigned
make_params(uint64_t *g, unsigned mask)
{
	unsigned p = (unsigned)seq_random(g) & mask;

	p &= (unsigned)seq_random(g);
	if (once_in(g, 2))
		return 0;
	if (!once_in(g, 8))
		p &= ~(unsigned)(P_TWICE | P_BOGUS);
	return p;
}

static void
make_mail(struct op *op, uint64_t *g)
{
	op->addr = often_first(g, N(senders));
	op->cmd.addr = senders[op->addr].canonical;
	op->cmd.addr_utf8 = senders[op->addr].utf8;
	op->cmd.params = make_params(g,
	    P_SIZE | P_BODY8 | P_UTF8 | P_RET | P_ENVID | P_REQUIRETLS |
		P_TWICE | P_BOGUS);
	op->cmd.size = once_in(g, 6) ? 5000 : 100;
}

static void
make_rcpt(struct op *op, uint64_t *g)
{
	op->addr = often_first(g, N(rcpts));
	op->cmd.addr = rcpts[op->addr].canonical;
	op->cmd.addr_utf8 = rcpts[op->addr].utf8;
	op->cmd.addr_route = rcpts[op->addr].route;
	op->cmd.params = make_params(g, P_NOTIFY | P_ORCPT | P_TWICE | P_BOGUS);
}

/* What a client would say next, if it knew its business. */
static enum ref_verb
sensible(uint64_t *g, enum ref_verb before)
{
	if (before == V_EHLO)
		return once_in(g, 4) ? V_STARTTLS : V_MAIL;
	if (before == V_STARTTLS)
		return V_EHLO;
	if (before == V_MAIL)
		return V_RCPT;
	if (before == V_RCPT || before == V_BDAT)
		return once_in(g, 3) ? V_RCPT : once_in(g, 2) ? V_DATA : V_BDAT;
	if (before == V_DATA || before == V_RSET || before == V_HELO)
		return V_MAIL;
	return once_in(g, 2) ? V_EHLO : V_MAIL;
}

static enum ref_verb
make_verb(uint64_t *g, enum ref_verb before)
{
	enum ref_verb v;

	if (!once_in(g, 6))
		return sensible(g, before);
	v = (enum ref_verb)below(g, V_MAX);
	/* what ends sessions should not end most of them early */
	if ((v == V_QUIT || v == V_BADBDAT) && !once_in(g, 4))
		return V_NOOP;
	return v == V_TEXT ? V_BDAT : v;
}

static void
make_op(struct op *op, uint64_t *g, enum ref_verb v)
{
	struct ref_cmd *c = &op->cmd;

	c->verb = v;
	op->shape = (uint8_t)below(g, 8);
	c->bad = once_in(g, 30);
	c->answer = make_answer(g);
	c->submit_answer = make_answer(g);
	if (v == V_MAIL)
		make_mail(op, g);
	else if (v == V_RCPT)
		make_rcpt(op, g);
	else if (v == V_DATA)
		make_text(op, g, true);
	else if (v == V_BDAT) {
		make_text(op, g, false);
		c->last = once_in(g, 2);
		c->huge = once_in(g, 40);
	}
	op->join = !once_in(g, 3);
	op->eager = once_in(g, 40);
	op->late = once_in(g, 2);
	op->cuts = (uint32_t)seq_random(g);
	seq_fix(op);
}

void
seq_make(struct seq *s, uint64_t seed)
{
	uint64_t g = seed * 0x2545f4914f6cdd1dULL + 1;
	enum ref_verb v = V_EHLO;
	uint32_t i;

	memset(s, 0, sizeof(*s));
	make_conf(&s->conf, &g);
	s->gone = once_in(&g, 2);
	s->n = 1 + below(&g, OPS_MAX);
	for (i = 0; i < s->n; i++) {
		if (i > 0 || once_in(&g, 8))
			v = make_verb(&g, v);
		make_op(&s->ops[i], &g, v);
	}
	s->ops[s->n - 1].cutoff = once_in(&g, 4);
}

void
seq_fix(struct op *op)
{
	op->cmd.text = op->text;
}

/* --- writing --- */

struct wire {
	char *p;
	size_t len;
};

static void
put(struct wire *w, const char *p, size_t n)
{
	memcpy(w->p + w->len, p, n);
	w->len += n;
}

static void
puts_(struct wire *w, const char *s)
{
	put(w, s, strlen(s));
}

static void
put_params(struct wire *w, const struct op *op)
{
	static const struct {
		unsigned bit;
		const char *text;
	} texts[] = {
		{ P_BODY8, " BODY=8BITMIME" },
		{ P_UTF8, " SMTPUTF8" },
		{ P_RET, " RET=HDRS" },
		{ P_ENVID, " ENVID=e+2B1" },
		{ P_REQUIRETLS, " REQUIRETLS" },
		{ P_NOTIFY, " NOTIFY=NEVER" },
		{ P_ORCPT, " ORCPT=rfc822;o@example.org" },
	};
	const struct ref_cmd *c = &op->cmd;
	char size[32];
	size_t i;

	if ((c->params & P_SIZE) != 0) {
		(void)snprintf(size, sizeof(size), " SIZE=%u", c->size);
		puts_(w, size);
	}
	for (i = 0; i < N(texts); i++)
		if ((c->params & texts[i].bit) != 0)
			puts_(w, texts[i].text);
	if ((c->params & P_TWICE) != 0)
		puts_(w,
		    c->verb == V_MAIL ? " SIZE=1 SIZE=1"
				      : " NOTIFY=DELAY NOTIFY=DELAY");
	if ((c->params & P_BOGUS) != 0)
		puts_(w, " X-BOGUS=1");
}

static void
put_mail(struct wire *w, const struct op *op)
{
	static const char *const bad[] = { "MAIL", "MAIL FROM",
		"MAIL TO:<a@example.org>", "MAIL FROM:a@example.org",
		"MAIL FROM:<a@example.org", "MAIL FROM:<a@>",
		"MAIL FROM:<a b@example.org>", "MAIL FROM:<a@exa_mple..org>" };

	if (op->cmd.bad) {
		puts_(w, bad[op->shape]);
		return;
	}
	puts_(w, op->shape == 1 ? "mail from:" : "MAIL FROM:");
	puts_(w, senders[op->addr].wire);
	put_params(w, op);
}

static void
put_rcpt(struct wire *w, const struct op *op)
{
	static const char *const bad[] = { "RCPT", "RCPT TO", "RCPT TO:<>",
		"RCPT TO:user@gw.test", "RCPT TO:<user@gw.test",
		"RCPT TO:<nobody>", "RCPT TO:<a@[1.2.3]>",
		"RCPT FROM:<user@gw.test>" };

	if (op->cmd.bad) {
		puts_(w, bad[op->shape]);
		return;
	}
	puts_(w, op->shape == 1 ? "Rcpt To:" : "RCPT TO:");
	puts_(w, rcpts[op->addr].wire);
	put_params(w, op);
}

static void
put_bdat(struct wire *w, const struct op *op)
{
	static const char *const bad[] = { "BDAT 1,", "BDAT x", "BDAT -1",
		"BDAT 1x", "BDAT 1 LAS", "BDAT 99999999999999999999",
		"BDAT LAST", "BDAT 0x1" };
	const struct ref_cmd *c = &op->cmd;
	char line[48];

	if (c->bad)
		(void)snprintf(line, sizeof(line), "%s\r\n", bad[op->shape]);
	else
		(void)snprintf(line, sizeof(line), "BDAT %u%s\r\n",
		    c->huge ? 99999999 : c->len, c->last ? " LAST" : "");
	puts_(w, line);
	if (!c->bad && !c->huge)
		put(w, op->text, c->len);
}

static void
put_bad_line(struct wire *w, const struct op *op)
{
	static const struct {
		const char *p;
		size_t len;
	} bad[] = {
		ATOM("NOOP\n\r\n"),
		ATOM("RSET\nMAIL FROM:<evil@example.org>\r\n"),
		ATOM("NO\rOP\r\n"),
		ATOM("NOOP\r\r\n"),
		{ "NO\0OP\r\n", 7 },
		ATOM("\nDATA\r\n"),
		ATOM("NOOP \rQUIT\r\n"),
		ATOM("QUIT\n.\r\n"),
	};

	put(w, bad[op->shape].p, bad[op->shape].len);
}

/* without arguments, or with one that makes it bad, or one that does not */
static const struct {
	const char *good, *bad, *other;
} plain[V_MAX] = {
	[V_EHLO] = { "EHLO client.test", "EHLO", "ehlo [192.0.2.7]" },
	[V_HELO] = { "HELO client.test", "HELO a b",
	    "HELO [IPv6:2001:db8::1]" },
	[V_DATA] = { "DATA", "DATA x", "data" },
	[V_RSET] = { "RSET", "RSET x", "rset " },
	[V_NOOP] = { "NOOP", "NOOP x", "NOOP anything at all" },
	[V_VRFY] = { "VRFY user", "VRFY", "vrfy <user@gw.test>" },
	[V_HELP] = { "HELP", "HELP x", "HELP MAIL" },
	[V_QUIT] = { "QUIT", "QUIT x", "Quit" },
	[V_STARTTLS] = { "STARTTLS", "STARTTLS x", "StartTLS" },
	[V_AUTH] = { "AUTH PLAIN AAA=", "AUTH", "AUTH LOGIN" },
	[V_EXPN] = { "EXPN list", "EXPN", "ETRN x" },
	[V_UNKNOWN] = { "XYZZY", "", "MAILFROM:<a@example.org>" },
};

size_t
op_command(const struct op *op, char out[OPS_WIRE_MAX])
{
	struct wire w = { out, 0 };
	enum ref_verb v = op->cmd.verb;

	if (v == V_BDAT) {
		put_bdat(&w, op);
		return w.len;
	}
	if (v == V_BADLINE) {
		put_bad_line(&w, op);
		return w.len;
	}
	if (v == V_BADBDAT) {
		puts_(&w,
		    op->shape % 2 == 0 ? "BDAT 5\nQUIT\r\n"
				       : "BDAT 6 LAST\rQUIT\r\n");
		return w.len;
	}
	if (v == V_LONGLINE) {
		memset(out, 'x', 2048 + 16U * op->shape);
		w.len = 2048 + 16U * op->shape;
	} else if (v == V_MAIL)
		put_mail(&w, op);
	else if (v == V_RCPT)
		put_rcpt(&w, op);
	else
		puts_(&w,
		    op->cmd.bad		 ? plain[v].bad
			: op->shape == 0 ? plain[v].other
					 : plain[v].good);
	puts_(&w, "\r\n");
	return w.len;
}

size_t
/* NOLINTNEXTLINE(readability-non-const-parameter): w writes there */
op_data(const struct op *op, char out[OPS_WIRE_MAX])
{
	struct wire w = { out, 0 };
	uint32_t i;

	for (i = 0; i < op->cmd.len; i++) {
		bool starts = i == 0 ||
		    (i >= 2 && memcmp(op->text + i - 2, "\r\n", 2) == 0);

		if (starts && op->text[i] == '.')
			put(&w, ".", 1);
		put(&w, op->text + i, 1);
	}
	puts_(&w, ".\r\n");
	return w.len;
}

/* --- printing --- */

static void
print_octets(FILE *f, const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (i == 80 && len > 300) {
			(void)fprintf(f, "[... %zu octets]", len);
			return;
		}
		if (p[i] == '\r')
			(void)fputs("\\r", f);
		else if (p[i] == '\n')
			(void)fputs("\\n", f);
		else if (p[i] < ' ' || p[i] > '~')
			(void)fprintf(f, "\\x%02x", (unsigned char)p[i]);
		else
			(void)fputc(p[i], f);
	}
}

static void
print_conf(FILE *f, const struct ref_conf *c)
{
	(void)fprintf(f,
	    "  offered:%s%s%s%s%s%s%s%s%s%s\n"
	    "  limits: size %u line %u hops %u rcpts %u messages %u errors %u "
	    "unknown %u junk %u\n",
	    c->pipelining ? " pipelining" : "", c->chunking ? " chunking" : "",
	    c->starttls ? " starttls" : "", c->requiretls ? " requiretls" : "",
	    c->dsn ? " dsn" : "", c->utf8 ? " utf8" : "",
	    c->sync ? "; sync" : "", c->strict8 ? "; strict8" : "",
	    c->tls_required ? "; TLS required" : "",
	    c->turned_away ? "; turned away" : "", c->size, c->line_max,
	    c->hops_max, c->rcpt_max, c->message_max, c->error_max,
	    c->unknown_max, c->junk_max);
}

static void
print_op(FILE *f, const struct op *op)
{
	static const char *const answers[A_MAX] = { "yes", "later", "full",
		"denied", "no-user", "no-domain", "relay", "too-big",
		"no-client", "null-mx", "never" };
	char wire[OPS_WIRE_MAX] = "";

	(void)fputs("  C ", f);
	print_octets(f, wire, op_command(op, wire));
	if (op->cmd.verb == V_DATA) {
		(void)fputs(" after 354: ", f);
		print_octets(f, wire, op_data(op, wire));
	}
	if (op->cmd.answer != A_YES)
		(void)fprintf(f, "  (answer: %s)", answers[op->cmd.answer]);
	if (op->cmd.submit_answer != A_YES)
		(void)fprintf(f, "  (the queue: %s)",
		    answers[op->cmd.submit_answer]);
	(void)fprintf(f, "%s%s%s%s\n", op->join ? "  +next" : "",
	    op->eager ? "  +NOOP at once" : "", op->cutoff ? "  cut off" : "",
	    op->late ? "  late" : "");
}

void
seq_print(FILE *f, const struct seq *s)
{
	uint32_t i;

	print_conf(f, &s->conf);
	for (i = 0; i < s->n; i++)
		print_op(f, &s->ops[i]);
	(void)fprintf(f, "  then %s\n",
	    s->gone ? "the client is gone" : "the server says 421");
}
