/* SPDX-License-Identifier: ISC */
/*
 * The commands: what each may be in each state is a table, what it does a
 * function (RFC 5321 sections 4.1.1 and 4.1.4).
 */
#include "smtpd-in/session_int.h"

enum rule_flag {
	F_NO_ARG = 1 << 0,
	F_ARG = 1 << 1,
	F_LAST = 1 << 2,  /* the client must wait for the reply, RFC 2920 3.1 */
	F_JUNK = 1 << 3,  /* harmless, but not for ever */
	F_CLEAR = 1 << 4, /* allowed where TLS is required, before it */
	F_TLS = 1 << 5	  /* what follows is dropped, waiting or not */
};

/* SESSION_START, _IDLE, _MAIL, _RCPT, _CHUNKS */
#define NSTATES 5

struct rule {
	/* the reply in a state where it is out of place; NONE: it is not */
	enum smtp_reply_id in[NSTATES];
	unsigned flags;
	uint32_t line_max; /* with CRLF */
	void (*run)(struct step *, const struct smtp_command *);
};

static void run_ehlo(struct step *, const struct smtp_command *);
static void run_helo(struct step *, const struct smtp_command *);
static void run_starttls(struct step *, const struct smtp_command *);
static void run_mail(struct step *, const struct smtp_command *);
static void run_rcpt(struct step *, const struct smtp_command *);
static void run_data(struct step *, const struct smtp_command *);
static void run_rset(struct step *, const struct smtp_command *);
static void run_noop(struct step *, const struct smtp_command *);
static void run_quit(struct step *, const struct smtp_command *);
static void run_vrfy(struct step *, const struct smtp_command *);
static void run_help(struct step *, const struct smtp_command *);

#define ANYWHERE                                                               \
	{                                                                      \
		SMTP_R_NONE, SMTP_R_NONE, SMTP_R_NONE, SMTP_R_NONE,            \
		    SMTP_R_NONE                                                \
	}
#define NOWHERE(reply)                                                         \
	{                                                                      \
		reply, reply, reply, reply, reply                              \
	}

static const struct rule rules[SMTP_VERB_MAX] = {
	[SMTP_VERB_UNKNOWN] = { NOWHERE(SMTP_R_UNKNOWN), 0, SMTP_LINE_MAX,
	    NULL },
	[SMTP_VERB_OTHER] = { NOWHERE(SMTP_R_NOT_IMPLEMENTED), 0, SMTP_LINE_MAX,
	    NULL },
	[SMTP_VERB_HTTP] = { NOWHERE(SMTP_R_HTTP), 0, SMTP_LINE_MAX, NULL },
	[SMTP_VERB_EHLO] = { ANYWHERE, F_LAST | F_JUNK | F_CLEAR,
	    SMTP_COMMAND_MAX, run_ehlo },
	[SMTP_VERB_HELO] = { ANYWHERE, F_LAST | F_JUNK, SMTP_COMMAND_MAX,
	    run_helo },
	[SMTP_VERB_MAIL] = { { SMTP_R_NEED_HELO, SMTP_R_NONE,
				 SMTP_R_NESTED_MAIL, SMTP_R_NESTED_MAIL,
				 SMTP_R_NESTED_MAIL },
	    0, SMTP_LINE_MAX, run_mail },
	[SMTP_VERB_RCPT] = { { SMTP_R_NEED_HELO, SMTP_R_NEED_MAIL, SMTP_R_NONE,
				 SMTP_R_NONE, SMTP_R_IN_CHUNKS },
	    0, SMTP_LINE_MAX, run_rcpt },
	[SMTP_VERB_DATA] = { { SMTP_R_NEED_HELO, SMTP_R_NEED_MAIL, SMTP_R_NONE,
				 SMTP_R_NONE, SMTP_R_IN_CHUNKS },
	    F_NO_ARG | F_LAST, SMTP_COMMAND_MAX, run_data },
	/* its octets are read wherever it is out of place */
	[SMTP_VERB_BDAT] = { ANYWHERE, F_ARG, SMTP_COMMAND_MAX, session_bdat },
	[SMTP_VERB_RSET] = { ANYWHERE, F_NO_ARG | F_JUNK, SMTP_COMMAND_MAX,
	    run_rset },
	[SMTP_VERB_NOOP] = { ANYWHERE, F_JUNK | F_CLEAR, SMTP_COMMAND_MAX,
	    run_noop },
	[SMTP_VERB_QUIT] = { ANYWHERE, F_NO_ARG | F_CLEAR, SMTP_COMMAND_MAX,
	    run_quit },
	[SMTP_VERB_VRFY] = { ANYWHERE, F_ARG | F_JUNK, SMTP_COMMAND_MAX,
	    run_vrfy },
	[SMTP_VERB_HELP] = { ANYWHERE, F_JUNK, SMTP_COMMAND_MAX, run_help },
	/* known, and not spoken by this session */
	/*
	 * Where it is offered.  It must be the last command of a packet, and
	 * what follows all the same is dropped, not an error.
	 */
	[SMTP_VERB_STARTTLS] = { { SMTP_R_NEED_HELO, SMTP_R_NONE,
				     SMTP_R_NESTED_MAIL, SMTP_R_NESTED_MAIL,
				     SMTP_R_NESTED_MAIL },
	    F_NO_ARG | F_TLS | F_CLEAR, SMTP_COMMAND_MAX, run_starttls },
	[SMTP_VERB_AUTH] = { NOWHERE(SMTP_R_NOT_IMPLEMENTED), 0, SMTP_LINE_MAX,
	    NULL },
};

/* Has this client been told that it need not wait? */
static bool
may_pipeline(const struct session *s)
{
	return s->esmtp && (s->conf->features.ext & SMTP_EXT_PIPELINING) != 0;
}

bool
session_is_unsync(const struct session *s, bool last, bool more_input)
{
	return more_input && (s->conf->policy & SESSION_P_SYNC) != 0 &&
	    (last || !may_pipeline(s));
}

/* The reply that keeps a command from being run; NONE: run it. */
static enum smtp_reply_id
check(const struct step *st, const struct rule *r,
    const struct smtp_command *cmd, size_t line_len)
{
	const struct session *s = st->s;
	enum smtp_reply_id out;

	if (s->state == SESSION_REFUSED)
		return r->run == run_quit ? SMTP_R_NONE : SMTP_R_NO_SERVICE;
	if (r->run == session_bdat &&
	    (s->conf->features.ext & SMTP_EXT_CHUNKING) == 0)
		return SMTP_R_NOT_IMPLEMENTED;
	if (r->run == run_starttls &&
	    (s->conf->features.ext & SMTP_EXT_STARTTLS) == 0)
		return SMTP_R_NOT_IMPLEMENTED;
	out = r->in[s->state - SESSION_START];
	if (line_len + 2 > r->line_max)
		return SMTP_R_LINE_TOO_LONG;
	/* the octets behind BDAT belong to it: nobody waits before them */
	if (r->run != run_quit && r->run != session_bdat &&
	    (r->flags & F_TLS) == 0 &&
	    session_is_unsync(s, (r->flags & F_LAST) != 0, st->more_input))
		return SMTP_R_UNSYNC;
	/* RFC 3207 section 4 */
	if (s->tls_required && !s->secured && r->run != NULL &&
	    (r->flags & F_CLEAR) == 0)
		return SMTP_R_TLS_NEEDED;
	if (out != SMTP_R_NONE)
		return out;
	if ((r->flags & F_NO_ARG) != 0 && cmd->arg.len > 0)
		return SMTP_R_TAKES_NO_ARG;
	if ((r->flags & F_ARG) != 0 && cmd->arg.len == 0)
		return SMTP_R_NEEDS_ARG;
	return SMTP_R_NONE;
}

void
session_command(struct step *st, struct smtp_slice line)
{
	struct session *s = st->s;
	struct smtp_command cmd;
	const struct rule *r;
	enum smtp_reply_id id;

	smtp_command_parse(&cmd, line);
	r = &rules[cmd.verb];
	if (cmd.verb == SMTP_VERB_HTTP)
		id = SMTP_R_HTTP;
	else
		id = check(st, r, &cmd, line.len);
	if (id == SMTP_R_NONE && (r->flags & F_JUNK) != 0 &&
	    ++s->junk > s->conf->junk_max)
		id = SMTP_R_TOO_MANY_ERRORS;
	if (id != SMTP_R_NONE) {
		session_refuse(st, id, line);
		/* the octets that follow must not be taken for commands */
		if (cmd.verb == SMTP_VERB_BDAT)
			s->closing = true;
		return;
	}
	r->run(st, &cmd);
	if (st->act->type == ACT_REFUSED)
		st->act->text = line;
}

/*
 * HELO and EHLO: printable ASCII without spaces.  More is not asked for: a
 * name that does not fit the client is no ground for refusal (4.1.4).
 */
static bool
take_helo(struct step *st, const struct smtp_command *cmd)
{
	struct session *s = st->s;
	size_t i;

	for (i = 0; i < cmd->arg.len && smtp_isgraph(cmd->arg.p[i]); i++)
		;
	if (i == 0 || i < cmd->arg.len || i >= sizeof(s->helo)) {
		session_refuse(st, SMTP_R_BAD_HELO, cmd->arg);
		return false;
	}
	/* 4.1.4: it clears the transaction */
	session_abort_tx(st);
	memcpy(s->helo, cmd->arg.p, i);
	s->helo[i] = '\0';
	s->state = SESSION_IDLE;
	return true;
}

/* RFC 3207 4.2: not again; RFC 8689 section 3: not in clear text. */
static unsigned
offered(const struct session *s)
{
	return s->conf->features.ext &
	    ~(unsigned)(s->secured ? SMTP_EXT_STARTTLS : SMTP_EXT_REQUIRETLS);
}

static void
run_ehlo(struct step *st, const struct smtp_command *cmd)
{
	const struct session_conf *c = st->s->conf;
	struct smtp_features f = c->features;

	if (!take_helo(st, cmd))
		return;
	st->s->esmtp = true;
	f.ext = offered(st->s);
	smtp_put_ehlo(st->out, smtp_slice_str(c->hostname), &f);
}

static void
run_starttls(struct step *st, const struct smtp_command *cmd)
{
	if (st->s->secured)
		session_refuse(st, SMTP_R_TLS_ALREADY, cmd->arg);
	else
		session_ask(st, ACT_STARTTLS);
}

static void
run_helo(struct step *st, const struct smtp_command *cmd)
{
	if (!take_helo(st, cmd))
		return;
	st->s->esmtp = false;
	session_reply(st, SMTP_R_HELO);
}

static enum smtp_reply_id
param_reply(enum smtp_param_error e)
{
	static const enum smtp_reply_id replies[] = {
		[SMTP_PARAM_OK] = SMTP_R_NONE,
		[SMTP_PARAM_ESYNTAX] = SMTP_R_BAD_PARAM,
		[SMTP_PARAM_EVALUE] = SMTP_R_BAD_PARAM,
		[SMTP_PARAM_ETWICE] = SMTP_R_PARAM_TWICE,
		[SMTP_PARAM_EUNKNOWN] = SMTP_R_UNKNOWN_PARAM,
	};

	return replies[e];
}

static unsigned
utf8_allowed(bool allowed)
{
	return allowed ? SMTP_PATH_UTF8 : 0;
}

/* Parse MAIL: the sender into s->asked, the rest into the transaction. */
static enum smtp_reply_id
parse_mail(struct session *s, const struct smtp_command *cmd)
{
	static const enum smtp_reply_id addr_replies[] = {
		[SMTP_ADDR_OK] = SMTP_R_NONE,
		[SMTP_ADDR_ESYNTAX] = SMTP_R_BAD_SENDER,
		[SMTP_ADDR_ELOCAL] = SMTP_R_BAD_SENDER,
		[SMTP_ADDR_EDOMAIN] = SMTP_R_BAD_SENDER,
		[SMTP_ADDR_EUTF8] = SMTP_R_SENDER_UTF8,
		[SMTP_ADDR_EROUTE] = SMTP_R_BAD_SENDER,
	};
	unsigned ext = offered(s);
	struct session_tx *tx = &s->tx;
	struct smtp_slice rest;
	enum smtp_addr_error e;
	enum smtp_reply_id id;
	size_t n;

	if (!smtp_command_path(cmd, "FROM:", &rest))
		return SMTP_R_MAIL_SYNTAX;
	/* whether UTF-8 may be in it, a parameter tells that comes later */
	e = smtp_addr_path(&s->asked, rest,
	    SMTP_PATH_NULL | utf8_allowed((ext & SMTP_EXT_SMTPUTF8) != 0), &n);
	if (e != SMTP_ADDR_OK)
		return addr_replies[e];
	id = param_reply(smtp_mail_params(&s->mail_params,
	    smtp_slice(rest.p + n, rest.len - n), ext));
	if (id != SMTP_R_NONE)
		return id;
	tx->utf8 = (s->mail_params.given & SMTP_PARAM_SMTPUTF8) != 0;
	tx->body = s->mail_params.body;
	tx->size = s->mail_params.size;
	if ((s->asked.flags & SMTP_ADDR_UTF8) != 0 && !tx->utf8)
		return SMTP_R_SENDER_UTF8;
	if (s->conf->features.size != 0 && tx->size > s->conf->features.size)
		return SMTP_R_SIZE_DECLARED;
	return SMTP_R_NONE;
}

static void
run_mail(struct step *st, const struct smtp_command *cmd)
{
	struct session *s = st->s;
	uint32_t max = s->conf->message_max;
	enum smtp_reply_id id;

	if (max != 0 && s->messages >= max)
		id = SMTP_R_TOO_MANY_MESSAGES;
	else
		id = parse_mail(s, cmd);
	if (id != SMTP_R_NONE) {
		session_reset_tx(s);
		session_refuse(st, id, cmd->arg);
		return;
	}
	s->tx_open = true;
	session_ask(st, ACT_MAIL);
	st->act->addr = &s->asked;
	st->act->mail = &s->mail_params;
}

/*
 * A path that was refused as non-ASCII: is its domain?  Ours are A-labels, so
 * that nobody needs SMTPUTF8 to be told that this one is not ours.
 */
static bool
is_foreign_idn(const struct session *s, struct smtp_slice path)
{
	bool found = false;
	size_t i;

	for (i = 0; i < path.len && path.p[i] != '>'; i++) {
		if (path.p[i] == '@')
			found = false;
		else if (smtp_is8bit(path.p[i]))
			found = true;
	}
	return found && (s->conf->policy & SESSION_P_LOCAL) != 0;
}

/* Parse RCPT into s->asked and s->rcpt_params; NONE: it is well-formed. */
static enum smtp_reply_id
parse_rcpt(struct session *s, const struct smtp_command *cmd)
{
	static const enum smtp_reply_id addr_replies[] = {
		[SMTP_ADDR_OK] = SMTP_R_NONE,
		[SMTP_ADDR_ESYNTAX] = SMTP_R_BAD_RCPT,
		[SMTP_ADDR_ELOCAL] = SMTP_R_BAD_RCPT,
		[SMTP_ADDR_EDOMAIN] = SMTP_R_BAD_RCPT,
		[SMTP_ADDR_EUTF8] = SMTP_R_RCPT_UTF8,
		[SMTP_ADDR_EROUTE] = SMTP_R_ROUTE_DENIED,
	};
	struct smtp_slice rest;
	enum smtp_addr_error e;
	size_t n;

	if (!smtp_command_path(cmd, "TO:", &rest))
		return SMTP_R_RCPT_SYNTAX;
	e = smtp_addr_path(&s->asked, rest,
	    SMTP_PATH_BARE | utf8_allowed(s->tx.utf8), &n);
	if (e == SMTP_ADDR_EUTF8 && is_foreign_idn(s, rest))
		return SMTP_R_RELAY_DENIED;
	if (e != SMTP_ADDR_OK)
		return addr_replies[e];
	return param_reply(smtp_rcpt_params(&s->rcpt_params,
	    smtp_slice(rest.p + n, rest.len - n), s->conf->features.ext));
}

/* What can be said of a well-formed recipient without asking anyone. */
static enum smtp_reply_id
check_rcpt(struct session *s)
{
	const struct session_conf *c = s->conf;

	if ((c->policy & SESSION_P_NO_ROUTES) != 0 &&
	    smtp_addr_has_route(&s->asked))
		return SMTP_R_ROUTE_DENIED;
	if (s->tx.rcpts >= c->rcpt_max)
		return SMTP_R_TOO_MANY_RCPTS;
	/* a domain that does not fit is none: the question goes without */
	if ((s->asked.flags & SMTP_ADDR_BARE) != 0)
		(void)smtp_addr_set_domain(&s->asked,
		    smtp_slice_str(c->postmaster_domain));
	return SMTP_R_NONE;
}

static void
run_rcpt(struct step *st, const struct smtp_command *cmd)
{
	struct session *s = st->s;
	enum smtp_reply_id id = parse_rcpt(s, cmd);

	if (id == SMTP_R_NONE)
		id = check_rcpt(s);
	if (id != SMTP_R_NONE) {
		s->tx.refused++;
		session_refuse(st, id, cmd->arg);
		return;
	}
	session_ask(st, ACT_RCPT);
	st->act->addr = &s->asked;
	st->act->rcpt = &s->rcpt_params;
}

static void
run_data(struct step *st, const struct smtp_command *cmd)
{
	const struct session_tx *tx = &st->s->tx;

	if (tx->rcpts > 0)
		session_ask(st, ACT_DATA);
	else if (tx->later > 0)
		session_refuse(st, SMTP_R_NO_RCPT_YET, cmd->arg);
	else if (tx->refused > 0)
		session_refuse(st, SMTP_R_NO_VALID_RCPT, cmd->arg);
	else
		session_refuse(st, SMTP_R_NEED_RCPT, cmd->arg);
}

static void
run_rset(struct step *st, const struct smtp_command *cmd)
{
	(void)cmd;
	session_abort_tx(st);
	session_reply(st, SMTP_R_RSET);
}

static void
run_noop(struct step *st, const struct smtp_command *cmd)
{
	(void)cmd;
	session_reply(st, SMTP_R_NOOP);
}

static void
run_vrfy(struct step *st, const struct smtp_command *cmd)
{
	(void)cmd;
	session_reply(st, SMTP_R_VRFY);
}

static void
run_help(struct step *st, const struct smtp_command *cmd)
{
	(void)cmd;
	session_reply(st, SMTP_R_HELP);
}

static void
run_quit(struct step *st, const struct smtp_command *cmd)
{
	(void)cmd;
	session_reply(st, SMTP_R_QUIT);
	st->s->closing = true;
}
