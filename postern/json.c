/* SPDX-License-Identifier: ISC */
/* JSON lines (RFC 8259). */
#include <inttypes.h>
#include <stdio.h>

#include "common/base/json.h"
#include "postern/tool.h"

static const char *separator;

static void
key(const char *k)
{
	(void)fputs(separator, stdout);
	separator = ",";
	json_quote(stdout, k);
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
	json_quote(stdout, value);
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
	json_quote(stdout, value);
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
