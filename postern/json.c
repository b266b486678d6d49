/* SPDX-License-Identifier: ISC */
/*
 * JSON lines (RFC 8259).  Values are text that Postern itself validated, but
 * for replies of other hosts: whatever is not printable ASCII is escaped.
 */
#include <inttypes.h>
#include <stdio.h>

#include "postern/tool.h"

static const char *separator;

static void
quoted(const char *s)
{
	(void)putchar('"');
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			(void)printf("\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			(void)printf("\\u%04x", c);
		else
			(void)putchar(c);
	}
	(void)putchar('"');
}

static void
key(const char *k)
{
	(void)fputs(separator, stdout);
	separator = ",";
	quoted(k);
	(void)putchar(':');
}

void
json_begin(void)
{
	separator = "";
	(void)putchar('{');
}

void
json_str(const char *k, const char *value)
{
	key(k);
	quoted(value);
}

void
json_num(const char *k, uint64_t value)
{
	key(k);
	(void)printf("%" PRIu64, value);
}

void
json_bool(const char *k, bool value)
{
	key(k);
	(void)fputs(value ? "true" : "false", stdout);
}

void
json_list(const char *k)
{
	key(k);
	(void)putchar('[');
	separator = "";
}

void
json_elem(const char *value)
{
	(void)fputs(separator, stdout);
	separator = ",";
	quoted(value);
}

void
json_list_end(void)
{
	(void)putchar(']');
	separator = ",";
}

void
json_end(void)
{
	(void)puts("}");
}
