/* SPDX-License-Identifier: ISC */
/* TRUST, as it was when this was built, by process: see page.h. */
#include <ctype.h>
#include <string.h>

#include "postern/page.h"

static const char *const lines[] = {
#include "postern/trust.inc"
};
#define NLINES (sizeof(lines) / sizeof(lines[0]))

/* "smtpd-in/ext in: ...": the name, and what comes in or "the same ...". */
static bool
begins(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) != 0 || line[n] != ' ')
		return false;
	line += n + strspn(line + n, " ");
	return strncmp(line, "in: ", 4) == 0 ||
	    strncmp(line, "the same ", 9) == 0;
}

int
page_trust(FILE *fp, const char *name)
{
	size_t i, indent;

	for (i = 0; i < NLINES && !begins(lines[i], name); i++)
		;
	if (i == NLINES)
		return -1;
	indent = strlen(name);
	indent += strspn(lines[i] + indent, " ");
	page_escape(fp, lines[i] + indent);
	(void)fputc('\n', fp);
	for (i++; i < NLINES && (lines[i][0] == ' ' || lines[i][0] == '\0');
	     i++) {
		if (lines[i][0] == '\0')
			break;
		page_escape(fp,
		    strspn(lines[i], " ") >= indent
			? lines[i] + indent
			: lines[i] + strspn(lines[i], " "));
		(void)fputc('\n', fp);
	}
	return 0;
}
