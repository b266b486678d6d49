/* SPDX-License-Identifier: ISC */
#include "common/base/json.h"

#include <string.h>

#include "common/base/utf8.h"

#define REPLACEMENT  0xfffd
#define PLANE	     0x10000
#define SURROGATE_HI 0xd800
#define SURROGATE_LO 0xdc00

static void
put_char(FILE *fp, uint32_t code)
{
	if (code == '"' || code == '\\')
		(void)fprintf(fp, "\\%c", (char)code);
	else if (code >= ' ' && code <= '~')
		(void)fputc((int)code, fp);
	else if (code < PLANE)
		(void)fprintf(fp, "\\u%04x", (unsigned)code);
	else
		(void)fprintf(fp, "\\u%04x\\u%04x",
		    (unsigned)(SURROGATE_HI | (code - PLANE) >> 10),
		    (unsigned)(SURROGATE_LO | (code & 0x3ff)));
}

void
json_quote(FILE *fp, const char *s)
{
	size_t left = strlen(s), n;

	(void)fputc('"', fp);
	for (; left > 0; s += n, left -= n) {
		n = utf8_char(s, left);
		put_char(fp, n == 0 ? REPLACEMENT : utf8_code(s, n));
		if (n == 0)
			n = 1;
	}
	(void)fputc('"', fp);
}
