/* SPDX-License-Identifier: ISC */
/* A command line cut into verb and argument. */
#include "common/smtp/command.h"

#include <string.h>

/* the most frequent first */
static const struct {
	const char *name;
	enum smtp_verb verb;
} verbs[] = {
	{ "MAIL", SMTP_VERB_MAIL },
	{ "RCPT", SMTP_VERB_RCPT },
	{ "DATA", SMTP_VERB_DATA },
	{ "EHLO", SMTP_VERB_EHLO },
	{ "QUIT", SMTP_VERB_QUIT },
	{ "HELO", SMTP_VERB_HELO },
	{ "RSET", SMTP_VERB_RSET },
	{ "NOOP", SMTP_VERB_NOOP },
	{ "VRFY", SMTP_VERB_VRFY },
	{ "HELP", SMTP_VERB_HELP },
	{ "BDAT", SMTP_VERB_BDAT },
	{ "STARTTLS", SMTP_VERB_STARTTLS },
	{ "AUTH", SMTP_VERB_AUTH },
	{ "EXPN", SMTP_VERB_OTHER },
	{ "ETRN", SMTP_VERB_OTHER },
	{ "ATRN", SMTP_VERB_OTHER },
	{ "TURN", SMTP_VERB_OTHER },
	{ "SEND", SMTP_VERB_OTHER },
	{ "SOML", SMTP_VERB_OTHER },
	{ "SAML", SMTP_VERB_OTHER },
	{ "BURL", SMTP_VERB_OTHER },
	{ "XCLIENT", SMTP_VERB_OTHER },
	{ "XFORWARD", SMTP_VERB_OTHER },
	/* what a browser made to talk to port 25 would send */
	{ "GET", SMTP_VERB_HTTP },
	{ "POST", SMTP_VERB_HTTP },
	{ "PUT", SMTP_VERB_HTTP },
	{ "HEAD", SMTP_VERB_HTTP },
	{ "PATCH", SMTP_VERB_HTTP },
	{ "DELETE", SMTP_VERB_HTTP },
	{ "TRACE", SMTP_VERB_HTTP },
	{ "CONNECT", SMTP_VERB_HTTP },
	{ "OPTIONS", SMTP_VERB_HTTP },
	{ "PRI", SMTP_VERB_HTTP },
	{ "HOST:", SMTP_VERB_HTTP },
	{ "USER-AGENT:", SMTP_VERB_HTTP },
};

static enum smtp_verb
find_verb(struct smtp_slice name)
{
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (smtp_slice_is(name, verbs[i].name))
			return verbs[i].verb;
	return SMTP_VERB_UNKNOWN;
}

void
smtp_command_parse(struct smtp_command *cmd, struct smtp_slice line)
{
	const char *space;
	size_t n;

	/* 4.1.1: trailing white space is to be tolerated */
	while (line.len > 0 &&
	    (line.p[line.len - 1] == ' ' || line.p[line.len - 1] == '\t'))
		line.len--;
	space = memchr(line.p, ' ', line.len);
	n = space == NULL ? line.len : (size_t)(space - line.p);
	cmd->name = smtp_slice(line.p, n);
	cmd->verb = find_verb(cmd->name);
	while (n < line.len && line.p[n] == ' ')
		n++;
	cmd->arg = smtp_slice(line.p + n, line.len - n);
}

bool
smtp_command_path(const struct smtp_command *cmd, const char *word,
    struct smtp_slice *rest)
{
	size_t n = strlen(word);

	if (cmd->arg.len < n || !smtp_caseequal(cmd->arg.p, word, n))
		return false;
	if (n < cmd->arg.len && cmd->arg.p[n] == ' ')
		n++;
	*rest = smtp_slice(cmd->arg.p + n, cmd->arg.len - n);
	return true;
}
