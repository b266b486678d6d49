/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "common/base/civil.h"
#include "logd/logd.h"

static const struct {
	enum log_level level;
	const char *name;
} levels[] = {
	{ LOG_L_ERROR, "error" },
	{ LOG_L_WARN, "warn" },
	{ LOG_L_INFO, "info" },
	{ LOG_L_DEBUG, "debug" },
};
#define NLEVELS (sizeof(levels) / sizeof(levels[0]))

enum log_level
format_level_from(unsigned level)
{
	size_t i;

	for (i = 0; i < NLEVELS; i++)
		if (levels[i].level == level)
			return levels[i].level;
	return LOG_L_INFO;
}

const char *
format_level(unsigned level)
{
	size_t i;

	for (i = 0; i < NLEVELS; i++)
		if (levels[i].level == level)
			return levels[i].name;
	return "info";
}

/* "2026-11-24T03:31:18.042Z"; the part to the second is made once a second */
static const char *
stamp(uint64_t now)
{
	static char buf[96];
	static uint64_t second = UINT64_MAX;
	static size_t base;
	struct civil c;
	int n;

	if (second != now / 1000) {
		civil_utc(now / 1000, &c);
		n = snprintf(buf, sizeof(buf), "%04u-%02u-%02uT%02u:%02u:%02u",
		    c.year, c.month, c.day, c.hour, c.minute, c.second);
		base = n < 0 ? 0 : (size_t)n;
		second = now / 1000;
	}
	(void)snprintf(buf + base, sizeof(buf) - base, ".%03uZ",
	    (unsigned)(now % 1000));
	return buf;
}

static size_t
escape(char *to, size_t cap, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c < 0x7f && !log_is_stamp(text, i)) {
			if (cap - n < 2)
				break;
			to[n++] = (char)c;
			continue;
		}
		if (cap - n < 5)
			break;
		to[n++] = '\\';
		to[n++] = 'x';
		to[n++] = hex[c >> 4];
		to[n++] = hex[c & 15];
	}
	to[n] = '\0';
	return n;
}

size_t
format_line(char *buf, size_t cap, uint64_t now, enum log_level level,
    const char *proc, const char *text, size_t len)
{
	int n;

	n = snprintf(buf, cap, "time=%s level=%s proc=%s ", stamp(now),
	    format_level(level), proc);
	if (n < 0 || (size_t)n >= cap)
		return 0;
	return (size_t)n + escape(buf + n, cap - (size_t)n, text, len);
}
