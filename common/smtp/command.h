/* SPDX-License-Identifier: ISC */
/* A command line cut into verb and argument (RFC 5321 section 4.1.1). */
#ifndef COMMON_SMTP_COMMAND_H
#define COMMON_SMTP_COMMAND_H

#include "common/smtp/ascii.h"

enum smtp_verb {
	SMTP_VERB_UNKNOWN = 0,
	SMTP_VERB_EHLO,
	SMTP_VERB_HELO,
	SMTP_VERB_MAIL,
	SMTP_VERB_RCPT,
	SMTP_VERB_DATA,
	SMTP_VERB_RSET,
	SMTP_VERB_NOOP,
	SMTP_VERB_QUIT,
	SMTP_VERB_VRFY,
	SMTP_VERB_HELP,
	SMTP_VERB_BDAT,
	SMTP_VERB_STARTTLS,
	SMTP_VERB_AUTH,
	SMTP_VERB_OTHER, /* of some RFC, but nothing that we ever speak */
	SMTP_VERB_HTTP,	 /* a request, or a header field, of HTTP */
	SMTP_VERB_MAX
};

struct smtp_command {
	enum smtp_verb verb;
	struct smtp_slice name; /* as written */
	struct smtp_slice arg;	/* without spaces around; may be empty */
};

/* line: without its CRLF.  The slices point into it. */
void smtp_command_parse(struct smtp_command *, struct smtp_slice line);
/*
 * The argument of MAIL ("FROM:") or RCPT ("TO:"): *rest gets what follows the
 * word.  One space after the colon is let pass, as peers do.  False: the word
 * is not there.
 */
bool smtp_command_path(const struct smtp_command *, const char *word,
    struct smtp_slice *rest);

#endif
