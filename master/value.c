/* SPDX-License-Identifier: ISC */
/*
 * Values of statements: addresses, numbers, paths and names, with an error
 * that says what to write instead.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <bsd/string.h>

#include "master/build.h"
#include "master/limits.h"

int
value_addr(struct parser *p, uint32_t line, const char *s, struct netaddr *a)
{
	const char *colon = strchr(s, ':'), *slash = strchr(s, '/');

	if (netaddr_parse(a, s) == 0) {
		a->port = 0;
		return 0;
	}
	if (slash != NULL)
		report_error(p->report, line,
		    "\"%.80s\" is a network: one "
		    "address is wanted, without \"%.20s\"",
		    s, slash);
	else if (colon != NULL && strchr(colon + 1, ':') == NULL)
		report_error(p->report, line,
		    "\"%.80s\" is not an address: "
		    "write %.*s port %.20s",
		    s, (int)(colon - s), s, colon + 1);
	else
		report_error(p->report, line,
		    "\"%.80s\" is not an IPv4 or "
		    "IPv6 address",
		    s);
	return -1;
}

int
value_number(struct parser *p, uint32_t line, const char *what, const char *s,
    uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t n;

	if (quantity_parse(s, UNIT_COUNT, &n) != QUANTITY_OK || n < min ||
	    n > max) {
		report_error(p->report, line,
		    "%s %.40s is out of range: %u "
		    "to %u",
		    what, s, min, max);
		return -1;
	}
	*out = (uint32_t)n;
	return 0;
}

int
value_port(struct parser *p, uint32_t line, const char *s, uint16_t *port)
{
	uint32_t n;

	if (value_number(p, line, "port", s, 1, 65535, &n) == -1)
		return -1;
	*port = (uint16_t)n;
	return 0;
}

int
value_time(struct parser *p, uint32_t line, const char *what, const char *s,
    uint32_t max, uint32_t *out)
{
	char text[QUANTITY_STRLEN];
	uint64_t n = 0;

	switch (quantity_parse(s, UNIT_TIME, &n)) {
	case QUANTITY_OK:
		if (n >= 1 && n <= max) {
			*out = (uint32_t)n;
			return 0;
		}
		break;
	case QUANTITY_NO_UNIT:
		report_error(p->report, line,
		    "%s %.40s has no unit: write "
		    "%.40ss, %.40sm, %.40sh or %.40sd",
		    what, s, s, s, s, s);
		return -1;
	case QUANTITY_SYNTAX:
		report_error(p->report, line,
		    "%s \"%.40s\" is not a time: "
		    "write a number and s, m, h or d",
		    what, s);
		return -1;
	case QUANTITY_RANGE:
		break;
	}
	report_error(p->report, line, "%s %.40s is out of range: 1s to %s",
	    what, s, quantity_fmt(max, UNIT_TIME, text));
	return -1;
}

int
value_path(struct parser *p, uint32_t line, const char *what, const char *s,
    char *out, size_t size)
{
	if (s[0] != '/') {
		report_error(p->report, line,
		    "%s \"%.200s\" is not a full "
		    "path: it begins with /",
		    what, s);
		return -1;
	}
	if (strlcpy(out, s, size) >= size) {
		report_error(p->report, line,
		    "%s: a path has at most %zu "
		    "characters",
		    what, size - 1);
		return -1;
	}
	return 0;
}

/* What is wrong with one label; NULL: nothing.  RFC 1123 2.1, RFC 5890. */
static const char *
label_fault(const char *s, size_t len)
{
	size_t i;

	if (len == 0)
		return "two dots in a row, or one at the start";
	if (len > 63)
		return "a part between dots has at most 63 characters";
	if (s[0] == '-' || s[len - 1] == '-')
		return "a part between dots cannot begin or end with -";
	for (i = 0; i < len; i++) {
		if ((unsigned char)s[i] >= 0x80)
			return "write an international name in its ASCII "
			       "form, xn--...";
		if (s[i] == '@')
			return "only what stands behind the @";
		if (s[i] == '*')
			return "* stands in connectors only; here every name "
			       "is "
			       "written out";
		if (!isalnum((unsigned char)s[i]) && s[i] != '-')
			return "a name has letters, digits, - and dots";
	}
	return NULL;
}

static const char *
name_fault(const char *s)
{
	const char *fault, *last = s;
	size_t len, total = strlen(s);

	if (total == 0)
		return "a name is missing";
	if (total > 253)
		return "a name has at most 253 characters";
	for (;;) {
		len = strcspn(s, ".");
		fault = label_fault(s, len);
		if (fault != NULL)
			return fault;
		last = s;
		if (s[len] == '\0' || s[len + 1] == '\0')
			break;
		s += len + 1;
	}
	if (strspn(last, "0123456789.") == strlen(last))
		return "this is no name; an address has no place here";
	return NULL;
}

int
value_name(struct parser *p, uint32_t line, const char *what, const char *s,
    char out[CONF_NAME_MAX])
{
	const char *fault = name_fault(s);
	size_t i, len;

	if (fault != NULL) {
		report_error(p->report, line, "%s \"%.80s\": %s", what, s,
		    fault);
		return -1;
	}
	len = strlen(s);
	if (s[len - 1] == '.')
		len--;
	for (i = 0; i < len; i++)
		out[i] = (char)tolower((unsigned char)s[i]);
	out[len] = '\0';
	return 0;
}

int
value_pattern(struct parser *p, uint32_t line, const char *what, const char *s,
    char out[CONF_NAME_MAX])
{
	const char *star = strrchr(s, '*');
	char name[CONF_NAME_MAX];

	if (strcmp(s, "*") == 0) {
		(void)strlcpy(out, s, CONF_NAME_MAX);
		return 0;
	}
	if (star != NULL && (star != s || s[1] != '.')) {
		report_error(p->report, line,
		    "%s \"%.80s\": * stands "
		    "alone, or first as in \"*.example.net\"",
		    what, s);
		return -1;
	}
	if (star == NULL)
		return value_name(p, line, what, s, out);
	if (value_name(p, line, what, s + 2, name) == -1)
		return -1;
	/* a name has at most 253 characters, the array takes 255 */
	(void)snprintf(out, CONF_NAME_MAX, "*.%.253s", name);
	return 0;
}

int
value_prefix(struct parser *p, uint32_t line, const char *what, const char *s,
    struct netprefix *prefix)
{
	char text[NETADDR_STRLEN];

	if (netprefix_parse(prefix, s) == 0)
		return 0;
	if (errno == EDOM)
		report_error(p->report, line,
		    "%s: \"%.80s\" names a host inside the network: write %s",
		    what, s, netprefix_ntop(prefix, text, sizeof(text)));
	else
		report_error(p->report, line,
		    "%s: \"%.80s\" is not an address or network", what, s);
	return -1;
}
