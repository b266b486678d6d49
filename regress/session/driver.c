/* SPDX-License-Identifier: ISC */
/* link: smtpd-in/session.o smtpd-in/verb.o smtpd-in/text.o */
/* link: smtpd-in/answer.o smtpd-in/data.o smtpd-in/chunk.o common/smtp.a
 * common/base.a */
/* link: smtpd-in/repair.o common/base/reason.o */
/*
 * Drives the SMTP session machine from a script, without a socket, and writes
 * down all that comes out: driver [-a] [-s STEP] NAME.in
 *
 * -s STEP  give the client's octets in pieces of STEP, not as sent
 * -a       answer each question only after the machine said that it waits
 *
 * A script is a line a statement:
 *	# text             comment
 *	C text             the client sends text and CRLF
 *	. text             the client sends text alone; \r \n \0 \\ \xHH mean
 *	                   what they mean in C; \*N TEXT; repeats TEXT N times
 *	{ ... }            on lines by themselves: what is between is one write
 *	greet NAME         ok, refused, busy
 *	end NAME           timeout, slow, shutdown, long
 *	eof                the client is gone
 *	secured            the TLS handshake is done
 *	repair             line ends are repaired from now on
 *	require            TLS is required of this client; before greet
 *	answer Q NAME      from now on Q (mail, rcpt, data, submit) is answered
 *	                   so; "auto" for rcpt decides by the address
 *	set NAME VALUE     change the configuration, before greet
 */
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "smtpd-in/repair.h"
#include "smtpd-in/session.h"

#define N(table)  (sizeof(table) / sizeof((table)[0]))
#define INPUT_MAX (4 * 1024 * 1024)
#define AUTO	  ANSWER_MAX

struct name {
	const char *name;
	int value;
};

static const struct name greetings[] = {
	{ "ok", SMTP_R_GREETING },
	{ "refused", SMTP_R_REFUSED },
	{ "busy", SMTP_R_BUSY },
};

static const struct name farewells[] = {
	{ "timeout", SMTP_R_TIMEOUT },
	{ "slow", SMTP_R_TOO_SLOW },
	{ "shutdown", SMTP_R_SHUTDOWN },
	{ "long", SMTP_R_TOO_LONG_SESSION },
};

static const struct name questions[] = {
	{ "mail", ACT_MAIL },
	{ "rcpt", ACT_RCPT },
	{ "data", ACT_DATA },
	{ "starttls", ACT_STARTTLS },
	{ "submit", ACT_SUBMIT },
};

static const struct name answers[] = {
	{ "yes", ANSWER_YES },
	{ "later", ANSWER_LATER },
	{ "full", ANSWER_FULL },
	{ "denied", ANSWER_DENIED },
	{ "no-user", ANSWER_NO_USER },
	{ "no-domain", ANSWER_NO_DOMAIN },
	{ "relay", ANSWER_RELAY_DENIED },
	{ "too-big", ANSWER_TOO_BIG },
	{ "no-client", ANSWER_NO_CLIENT },
	{ "null-mx", ANSWER_NULL_MX },
	{ "auto", AUTO },
};

static const struct name bodies[] = {
	{ "7bit", SMTP_BODY_7BIT },
	{ "8bitmime", SMTP_BODY_8BITMIME },
	{ "binarymime", SMTP_BODY_BINARYMIME },
};

static const struct name policies[] = {
	{ "routes", SESSION_P_NO_ROUTES },
	{ "sync", SESSION_P_SYNC },
	{ "strict8", SESSION_P_STRICT_8BIT },
	{ "local", SESSION_P_LOCAL },
};

static const struct name extensions[] = {
	{ "chunking", SMTP_EXT_CHUNKING },
	{ "dsn", SMTP_EXT_DSN },
	{ "starttls", SMTP_EXT_STARTTLS },
	{ "requiretls", SMTP_EXT_REQUIRETLS },
	{ "utf8", SMTP_EXT_SMTPUTF8 },
	{ "limits", SMTP_EXT_LIMITS },
	{ "-pipelining", SMTP_EXT_PIPELINING },
	{ "-size", SMTP_EXT_SIZE },
	{ "-8bitmime", SMTP_EXT_8BITMIME },
};

static const struct {
	const char *name;
	size_t at;
} numbers[] = {
	{ "line", offsetof(struct session_conf, line_max) },
	{ "hops", offsetof(struct session_conf, hops_max) },
	{ "own", offsetof(struct session_conf, own_max) },
	{ "rcpts", offsetof(struct session_conf, rcpt_max) },
	{ "errors", offsetof(struct session_conf, error_max) },
	{ "unknown", offsetof(struct session_conf, unknown_max) },
	{ "junk", offsetof(struct session_conf, junk_max) },
	{ "messages", offsetof(struct session_conf, message_max) },
	{ "told-messages", offsetof(struct session_conf, features.mail_max) },
	{ "told-rcpts", offsetof(struct session_conf, features.rcpt_max) },
};

struct driver {
	struct session_conf conf;
	struct session s;
	char *in;	/* INPUT_MAX octets */
	size_t in_at;	/* of them used */
	size_t in_len;	/* given to the machine */
	size_t in_more; /* behind them, not given yet */
	char out[SESSION_OUT_MIN];
	struct smtp_outbuf ob;
	char *text; /* of the message; INPUT_MAX octets */
	size_t text_len;
	int answer[ACT_SUBMIT + 1];
	size_t step;
	bool async;
	bool repairs;
	struct repair repair;
	bool grouped;
	bool closed;
	uint32_t asked;
	struct smtp_addr addr; /* of the question */
};

static int
lookup(const struct name *table, size_t n, const char *word)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(table[i].name, word) == 0)
			return table[i].value;
	errx(1, "no such word: %s", word);
}

static const char *
name_of(const struct name *table, size_t n, int value)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (table[i].value == value)
			return table[i].name;
	return "?";
}

/* One line, with everything but printable ASCII escaped. */
static void
print_octets(const char *prefix, const char *p, size_t len)
{
	size_t i;

	(void)fputs(prefix, stdout);
	for (i = 0; i < len; i++) {
		if (p[i] == '\\' || !(smtp_isgraph(p[i]) || p[i] == ' '))
			printf("\\x%02x", (unsigned char)p[i]);
		else
			putchar(p[i]);
	}
	putchar('\n');
}

/* Octets of the line at the front, with its end. */
static size_t
line_octets(const char *p, size_t len)
{
	const char *lf = memchr(p, '\n', len);

	return lf == NULL ? len : (size_t)(lf - p) + 1;
}

/* Lines that are all the same are counted, not repeated. */
static void
print_lines(const char *prefix, const char *p, size_t len)
{
	while (len > 0) {
		size_t n = line_octets(p, len), same = 1;
		bool crlf = n >= 2 && p[n - 1] == '\n' && p[n - 2] == '\r';

		while (len >= (same + 1) * n && crlf &&
		    memcmp(p, p + same * n, n) == 0)
			same++;
		if (same > 3)
			printf("(%zu times) ", same);
		else
			same = 1;
		print_octets(prefix, p, crlf ? n - 2 : n);
		p += same * n;
		len -= same * n;
	}
}

static void
flush_out(struct driver *d)
{
	print_lines("S ", d->out, d->ob.len);
	d->ob.len = 0;
}

static enum session_answer
decide(const struct driver *d, enum session_act_type question)
{
	static const char domain[] = "gw.test";
	struct smtp_slice local = smtp_addr_local(&d->addr);
	int a = d->answer[question];

	if (a != AUTO)
		return (enum session_answer)a;
	if (!smtp_slice_is(smtp_addr_domain(&d->addr), domain))
		return ANSWER_RELAY_DENIED;
	if (smtp_slice_is(local, "later"))
		return ANSWER_LATER;
	if ((d->addr.flags & SMTP_ADDR_POSTMASTER) != 0 ||
	    smtp_slice_is(local, "user"))
		return ANSWER_YES;
	return ANSWER_NO_USER;
}

static void
answer(struct driver *d, enum session_act_type question)
{
	if (session_answer(&d->s, d->asked, decide(d, question),
		smtp_slice_str("0abc")) == -1)
		errx(1, "the machine did not ask");
	/* the same answer again is not wanted any more */
	if (session_answer(&d->s, d->asked, ANSWER_YES, smtp_slice_str("")) !=
	    -1)
		errx(1, "the machine took two answers");
}

static void
show_mail(const struct session_act *act)
{
	printf("> mail <%s> flags=%x size=%llu body=%s%s", act->addr->text,
	    act->addr->flags, (unsigned long long)act->mail->size,
	    name_of(bodies, N(bodies), (int)act->mail->body),
	    (act->mail->given & SMTP_PARAM_SMTPUTF8) != 0 ? " utf8" : "");
	if ((act->mail->given & SMTP_PARAM_RET) != 0)
		printf(" ret=%d", (int)act->mail->ret);
	if ((act->mail->given & SMTP_PARAM_ENVID) != 0)
		printf(" envid=%.*s", (int)act->mail->envid.len,
		    act->mail->envid.p);
	putchar('\n');
}

static void
show_rcpt(const struct session_act *act)
{
	printf("> rcpt <%s> flags=%x", act->addr->text, act->addr->flags);
	if (act->rcpt->notify != 0)
		printf(" notify=%x", act->rcpt->notify);
	if (act->rcpt->orcpt.len != 0)
		printf(" orcpt=%.*s", (int)act->rcpt->orcpt.len,
		    act->rcpt->orcpt.p);
	putchar('\n');
}

static void
show_submit(struct driver *d)
{
	const struct session_tx *tx = &d->s.tx;

	print_lines("| ", d->text, d->text_len);
	d->text_len = 0;
	printf("> submit rcpts=%u size=%llu received=%u own=%u%s%s\n",
	    tx->rcpts, (unsigned long long)tx->data.size,
	    tx->header.count[SMTP_FIELD_RECEIVED], tx->header.own,
	    tx->header.eight_bit ? " header8" : "",
	    tx->data.eight_bit ? " 8bit" : "");
}

static void
show_question(struct driver *d, const struct session_act *act)
{
	d->asked = act->question;
	if (act->type == ACT_MAIL)
		show_mail(act);
	else if (act->type == ACT_RCPT) {
		d->addr = *act->addr;
		show_rcpt(act);
	} else if (act->type == ACT_DATA)
		puts("> data");
	else if (act->type == ACT_STARTTLS)
		puts("> starttls");
	else
		show_submit(d);
}

static void
keep_text(struct driver *d, struct smtp_slice piece)
{
	if (piece.len == 0 || piece.len > INPUT_MAX - d->text_len)
		errx(1, "piece of %zu octets", piece.len);
	memcpy(d->text + d->text_len, piece.p, piece.len);
	d->text_len += piece.len;
}

static void
show_refused(const struct session_act *act)
{
	const struct smtp_reply_def *r = smtp_reply_def(act->reply);

	printf("> refused %u %s", r->code, reason_name(r->reason));
	print_octets(" ", act->text.p, act->text.len < 60 ? act->text.len : 60);
}

/* Do one action; false: nothing more before another event. */
static bool
act_on(struct driver *d, const struct session_act *act,
    enum session_act_type *open)
{
	switch (act->type) {
	case ACT_INPUT:
		return false;
	case ACT_FLUSH:
		return true;
	case ACT_WAIT:
		answer(d, *open);
		return true;
	case ACT_MAIL:
	case ACT_RCPT:
	case ACT_DATA:
	case ACT_STARTTLS:
	case ACT_SUBMIT:
		show_question(d, act);
		*open = act->type;
		if (!d->async)
			answer(d, act->type);
		return true;
	case ACT_TEXT:
		keep_text(d, act->text);
		return true;
	case ACT_ABORT:
		d->text_len = 0;
		puts("> abort");
		return true;
	case ACT_REFUSED:
		show_refused(act);
		return true;
	case ACT_TLS:
		printf("> tls, %zu octets dropped\n", act->text.len);
		return false;
	case ACT_CLOSE:
		if (!d->closed)
			puts("> close");
		d->closed = true;
		return false;
	}
	return false;
}

static void
run(struct driver *d)
{
	enum session_act_type open = ACT_INPUT;
	struct session_act act;
	size_t used;
	bool again;

	do {
		(void)session_step(&d->s,
		    smtp_slice(d->in + d->in_at, d->in_len), &used, &d->ob,
		    &act);
		if (used > d->in_len || d->ob.failed)
			errx(1, "the machine overran a buffer");
		flush_out(d);
		again = act_on(d, &act, &open);
		d->in_at += used;
		d->in_len -= used;
	} while (again);
	/* a client may be cut off with a line half sent, no more */
	if (!d->closed && d->in_len >= SMTP_LINE_MAX)
		errx(1, "%zu octets were not used", d->in_len);
}

static void
deliver(struct driver *d)
{
	while (d->in_more > 0) {
		size_t n =
		    d->step == 0 || d->in_more < d->step ? d->in_more : d->step;

		d->in_len += n;
		d->in_more -= n;
		run(d);
	}
}

static void
client_octets(struct driver *d, const char *p, size_t len)
{
	size_t end = d->in_at + d->in_len + d->in_more;

	size_t repaired = 0;

	if (REPAIR_ROOM(len) > INPUT_MAX - end)
		errx(1, "script sends too much");
	if (d->repairs)
		len = repair_lines(&d->repair, p, len, d->in + end, &repaired);
	else
		memcpy(d->in + end, p, len);
	d->in_more += len;
}

static int
hex(int c)
{
	if (!isxdigit(c))
		errx(1, "bad \\x in the script");
	return isdigit(c) ? c - '0' : tolower(c) - 'a' + 10;
}

static const char *client_escaped(struct driver *, const char *);

/* \*N TEXT; : N times TEXT, which may hold escapes */
static const char *
client_repeat(struct driver *d, const char *p)
{
	char *text, part[256];
	const char *end = strchr(p, ';');
	long n = strtol(p, &text, 10);

	if (end == NULL || *text != ' ' || n < 1 ||
	    (size_t)(end - text) >= sizeof(part))
		errx(1, "bad \\* in the script");
	text++;
	memcpy(part, text, (size_t)(end - text));
	part[end - text] = '\0';
	while (n-- > 0)
		(void)client_escaped(d, part);
	return end + 1;
}

static const char *
client_escape(struct driver *d, const char *p)
{
	char c;

	switch (*p) {
	case 'r':
		c = '\r';
		break;
	case 'n':
		c = '\n';
		break;
	case '0':
		c = '\0';
		break;
	case '\\':
		c = '\\';
		break;
	case 'x':
		c = (char)(unsigned char)(hex(p[1]) << 4 | hex(p[2]));
		p += 2;
		break;
	case '*':
		return client_repeat(d, p + 1);
	default:
		errx(1, "bad escape in the script: %s", p);
	}
	client_octets(d, &c, 1);
	return p + 1;
}

static const char *
client_escaped(struct driver *d, const char *p)
{
	while (*p != '\0') {
		if (*p == '\\')
			p = client_escape(d, p + 1);
		else
			client_octets(d, p++, 1);
	}
	return p;
}

static void
set(struct driver *d, const char *name, const char *value)
{
	struct session_conf *c = &d->conf;
	uint32_t n;
	size_t i;

	if (strcmp(name, "policy") == 0) {
		c->policy |= (unsigned)lookup(policies, N(policies), value);
		return;
	}
	if (strcmp(name, "ext") == 0) {
		c->features.ext ^=
		    (unsigned)lookup(extensions, N(extensions), value);
		return;
	}
	if (strcmp(name, "postmaster") == 0) {
		(void)strlcpy(c->postmaster_domain, value,
		    sizeof(c->postmaster_domain));
		return;
	}
	n = (uint32_t)strtonum(value, 0, UINT32_MAX, NULL);
	if (strcmp(name, "size") == 0) {
		c->features.size = n;
		return;
	}
	if (strcmp(name, "header") == 0) {
		c->header_max = n;
		return;
	}
	for (i = 0; i < N(numbers); i++)
		if (strcmp(numbers[i].name, name) == 0)
			break;
	if (i == N(numbers))
		errx(1, "set: no such word: %s", name);
	/* cppcheck-suppress arrayIndexOutOfBounds; errx() does not return */
	memcpy((char *)c + numbers[i].at, &n, sizeof(n));
}

static void
statement(struct driver *d, char *line)
{
	char *word = strsep(&line, " ");
	char *second;

	if (strcmp(word, "eof") == 0) {
		session_eof(&d->s);
		run(d);
		return;
	}
	if (strcmp(word, "secured") == 0) {
		session_secured(&d->s);
		run(d);
		return;
	}
	if (strcmp(word, "repair") == 0) {
		d->repairs = true;
		return;
	}
	if (strcmp(word, "require") == 0) {
		session_require_tls(&d->s);
		return;
	}
	second = strsep(&line, " ");
	if (second == NULL)
		errx(1, "script: %s needs a word", word);
	if (strcmp(word, "greet") == 0)
		session_greet(&d->s,
		    (enum smtp_reply_id)lookup(greetings, N(greetings),
			second));
	else if (strcmp(word, "end") == 0)
		session_end(&d->s,
		    (enum smtp_reply_id)lookup(farewells, N(farewells),
			second));
	else if (line == NULL)
		errx(1, "script: %s needs two words", word);
	else if (strcmp(word, "answer") == 0)
		d->answer[lookup(questions, N(questions), second)] =
		    lookup(answers, N(answers), line);
	else if (strcmp(word, "set") == 0)
		set(d, second, line);
	else
		errx(1, "script: no such statement: %s", word);
	if (strcmp(word, "greet") == 0 || strcmp(word, "end") == 0)
		run(d);
}

static void
script_line(struct driver *d, char *line)
{
	if (line[0] == '\0' || line[0] == '#')
		return;
	if (strcmp(line, "{") == 0) {
		d->grouped = true;
		return;
	}
	if (strcmp(line, "}") == 0)
		d->grouped = false;
	else if (strcmp(line, "C") == 0 || strncmp(line, "C ", 2) == 0) {
		if (line[1] != '\0')
			(void)client_escaped(d, line + 2);
		client_octets(d, "\r\n", 2);
	} else if (strncmp(line, ". ", 2) == 0)
		(void)client_escaped(d, line + 2);
	else {
		statement(d, line);
		return;
	}
	if (!d->grouped) {
		deliver(d);
	}
}

static void
start(struct driver *d)
{
	if (session_conf_init(&d->conf, "gw.test") == -1)
		errx(1, "session_conf_init");
	d->conf.policy &= ~(unsigned)SESSION_P_SYNC;
	(void)strlcpy(d->conf.postmaster_domain, "gw.test",
	    sizeof(d->conf.postmaster_domain));
	session_init(&d->s, &d->conf);
	d->in = malloc(INPUT_MAX);
	d->text = malloc(INPUT_MAX);
	if (d->in == NULL || d->text == NULL)
		err(1, "malloc");
	smtp_outbuf_init(&d->ob, d->out, sizeof(d->out));
	d->answer[ACT_RCPT] = AUTO;
}

int
main(int argc, char **argv)
{
	static struct driver d;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;
	int c;

	while ((c = getopt(argc, argv, "as:")) != -1) {
		if (c == 'a')
			d.async = true;
		else if (c == 's')
			d.step = (size_t)strtonum(optarg, 1, 65536, NULL);
		else
			return 2;
	}
	if (optind + 1 != argc)
		errx(2, "usage: driver [-a] [-s STEP] NAME.in");
	f = fopen(argv[optind], "r");
	if (f == NULL)
		err(1, "%s", argv[optind]);
	start(&d);
	while ((n = getline(&line, &cap, f)) != -1) {
		if (n > 0 && line[n - 1] == '\n')
			line[n - 1] = '\0';
		script_line(&d, line);
	}
	free(line);
	free(d.in);
	free(d.text);
	(void)fclose(f);
	return 0;
}
