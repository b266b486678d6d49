/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bsd/string.h>

#include "postern/tool.h"

uint64_t
text_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

const char *
text_age(uint64_t ms, char *buf)
{
	uint64_t s = ms / 1000;

	if (s < 60)
		(void)snprintf(buf, TEXT_MAX, "%us", (unsigned)s);
	else if (s < 3600)
		(void)snprintf(buf, TEXT_MAX, "%um %us", (unsigned)(s / 60),
		    (unsigned)(s % 60));
	else if (s < 86400)
		(void)snprintf(buf, TEXT_MAX, "%uh %um", (unsigned)(s / 3600),
		    (unsigned)(s / 60 % 60));
	else
		(void)snprintf(buf, TEXT_MAX, "%llud %uh",
		    (unsigned long long)(s / 86400), (unsigned)(s / 3600 % 24));
	return buf;
}

const char *
text_size(uint64_t bytes, char *buf)
{
	static const char units[] = "BKMGT";
	uint64_t whole = bytes;
	unsigned part = 0; /* 1024ths */
	size_t u = 0;

	while (whole >= 1024 && u < sizeof(units) - 2) {
		part = (unsigned)(whole % 1024);
		whole /= 1024;
		u++;
	}
	if (u == 0)
		(void)snprintf(buf, TEXT_MAX, "%u B", (unsigned)bytes);
	else
		(void)snprintf(buf, TEXT_MAX, "%u.%u %ciB", (unsigned)whole,
		    part * 10 / 1024, units[u]);
	return buf;
}

const char *
text_time(uint64_t ms, char *buf)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (ms == 0 || localtime_r(&t, &tm) == NULL ||
	    strftime(buf, TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		(void)strlcpy(buf, "-", TEXT_MAX);
	return buf;
}

const char *
text_iso(uint64_t ms, char *buf)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (ms == 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(buf, TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)strlcpy(buf, "-", TEXT_MAX);
	return buf;
}

int
text_seconds(const char *s, uint32_t *seconds)
{
	static const struct {
		char letter;
		uint32_t s;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	uint64_t n = 0;
	size_t i;

	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9' && n <= UINT32_MAX; s++)
		n = n * 10 + (uint64_t)(*s - '0');
	for (i = 0; *s != '\0' && i < sizeof(units) / sizeof(units[0]); i++) {
		if (*s == units[i].letter) {
			n *= units[i].s;
			s++;
			break;
		}
	}
	if (*s != '\0' || n == 0 || n > UINT32_MAX)
		return -1;
	*seconds = (uint32_t)n;
	return 0;
}

const char *
text_clean(const char *s)
{
	static char buf[4 * 1024];
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *s != '\0' && n + 5 < sizeof(buf); s++) {
		unsigned char c = (unsigned char)*s;

		if (c >= ' ' && c < 0x7f) {
			buf[n++] = (char)c;
			continue;
		}
		buf[n++] = '\\';
		buf[n++] = 'x';
		buf[n++] = hex[c >> 4];
		buf[n++] = hex[c & 15];
	}
	buf[n] = '\0';
	return buf;
}
