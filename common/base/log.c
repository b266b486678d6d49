/* SPDX-License-Identifier: ISC */
/*
 * Log lines: built in a fixed buffer, escaped as they are built, and given to
 * logd or stderr.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/chan.h"
#include "common/base/log.h"
#include "common/base/netaddr.h"
#include "common/msg/log.h"

#define VALUE_MAX 512 /* bytes of one escaped value */
#define KEPT	  256 /* bytes of a line that strings leave to others */
#define DOTS	  "..."

static const char b32[] = "0123456789abcdefghjkmnpqrstvwxyz";

static char procname[64] = "postern";
static int debugging;

void
log_init(const char *name, int debug)
{
	(void)snprintf(procname, sizeof(procname), "%s", name);
	debugging = debug;
}

int
log_is_debug(void)
{
	return debugging;
}

static void
put(struct logline *l, char c)
{
	if (l->len < sizeof(l->text) - 1) {
		l->text[l->len++] = c;
		l->text[l->len] = '\0';
	}
}

static void
put_raw(struct logline *l, const char *s)
{
	while (*s != '\0')
		put(l, *s++);
}

static size_t
room(const struct logline *l)
{
	return sizeof(l->text) - 1 - l->len;
}

/* key= and room for a value of len; false: it does not fit, nothing is put */
static bool
put_key(struct logline *l, const char *key, size_t len)
{
	if (strlen(key) + 2 + len > room(l))
		return false;
	put(l, ' ');
	put_raw(l, key);
	put(l, '=');
	return true;
}

static void
put_pair(struct logline *l, const char *key, const char *value)
{
	if (put_key(l, key, strlen(value)))
		put_raw(l, value);
}

/* a value that needs no quotes: what logfmt readers take as one word */
static int
is_plain(const char *s, size_t len)
{
	size_t i;

	if (len == 0)
		return 0;
	for (i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f || s[i] == '"' || s[i] == '=' ||
		    s[i] == '\\')
			return 0;
	return 1;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_in_key(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

/* Letters before it make it the end of another key; what is no letter does not,
 * as a reader that looks for keys anywhere begins at the first. */
bool
log_is_stamp(const char *text, size_t at)
{
	static const char *const keys[] = { "time", "level", "proc" };
	size_t i, n;

	if (text[at] != '=')
		return false;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		n = strlen(keys[i]);
		if (n > at || memcmp(text + at - n, keys[i], n) != 0)
			continue;
		for (n = at - n; n > 0 && is_in_key(text[n - 1]); n--)
			if (is_letter(text[n - 1]))
				return false;
		return true;
	}
	return false;
}

static size_t
escape(const char *s, size_t at, char to[4])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char c = (unsigned char)s[at];

	to[0] = '\\';
	switch (c) {
	case '"':
	case '\\':
		to[1] = (char)c;
		return 2;
	case '\n':
		to[1] = 'n';
		return 2;
	case '\r':
		to[1] = 'r';
		return 2;
	default:
		break;
	}
	if (c >= ' ' && c < 0x7f && !log_is_stamp(s, at)) {
		to[0] = (char)c;
		return 1;
	}
	to[1] = 'x';
	to[2] = hex[c >> 4];
	to[3] = hex[c & 15];
	return 4;
}

/* What of it fits into max bytes, and then dots. */
static void
put_escaped(struct logline *l, const char *s, size_t len, size_t max)
{
	size_t i, k, n;
	char to[4];

	for (i = 0; i < len; i++) {
		n = escape(s, i, to);
		if (n > max) {
			put_raw(l, DOTS);
			return;
		}
		max -= n;
		for (k = 0; k < n; k++)
			put(l, to[k]);
	}
}

void
ll_begin(struct logline *l, enum log_level level, const char *event)
{
	l->level = level;
	l->len = 0;
	l->text[0] = '\0';
	put_raw(l, "event=");
	put_raw(l, event);
}

/* the largest value of a string that leaves room for what else is to be said */
static size_t
value_max(const struct logline *l)
{
	size_t left = room(l);

	if (left < KEPT)
		return 0;
	return left - KEPT < VALUE_MAX ? left - KEPT : VALUE_MAX;
}

void
ll_str(struct logline *l, const char *key, const char *s, size_t len)
{
	size_t i, max;

	if (!put_key(l, key, strlen("\"" DOTS "\"")))
		return;
	max = value_max(l);
	if (len <= max && is_plain(s, len)) {
		for (i = 0; i < len; i++)
			put(l, s[i]);
		return;
	}
	put(l, '"');
	put_escaped(l, s, len, max);
	put(l, '"');
}

void
ll_cstr(struct logline *l, const char *key, const char *s)
{
	ll_str(l, key, s, strlen(s));
}

void
ll_num(struct logline *l, const char *key, uint64_t n)
{
	char buf[24];

	(void)snprintf(buf, sizeof(buf), "%llu", (unsigned long long)n);
	put_pair(l, key, buf);
}

void
ll_int(struct logline *l, const char *key, int64_t n)
{
	char buf[24];

	(void)snprintf(buf, sizeof(buf), "%lld", (long long)n);
	put_pair(l, key, buf);
}

void
ll_addr(struct logline *l, const char *key, const struct netaddr *a)
{
	char buf[NETADDR_STRLEN];

	if (a->family == NETADDR_NONE)
		ll_cstr(l, key, "none");
	else if (a->port != 0)
		ll_cstr(l, key, netaddr_ntop_port(a, buf, sizeof(buf)));
	else
		ll_cstr(l, key, netaddr_ntop(a, buf, sizeof(buf)));
}

void
ll_id(struct logline *l, const char *key, uint64_t id)
{
	char buf[MSGID_STRLEN];

	put_pair(l, key, msgid_fmt(id, buf));
}

void
ll_reason(struct logline *l, enum reason r)
{
	put_pair(l, "reason", reason_name(r));
}

void
ll_errno(struct logline *l, int error)
{
	ll_cstr(l, "error",
	    strerror(error)); /* NOLINT(concurrency-mt-unsafe) */
}

static void
to_stderr(const struct logline *l)
{
	char buf[LOG_LINE_MAX + 128];
	int n;
	ssize_t w;

	n = snprintf(buf, sizeof(buf), "proc=%s %s\n", procname, l->text);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(buf))
		n = (int)sizeof(buf) - 1;
	w = write(STDERR_FILENO, buf, (size_t)n);
	(void)w;
}

void
ll_send(const struct logline *l)
{
	int saved = errno;

	if (l->level == LOG_L_DEBUG && !debugging)
		return;
	if (!log_to_logd(l))
		to_stderr(l);
	errno = saved;
}

static void __attribute__((format(printf, 3, 0)))
note(enum log_level level, int error, const char *fmt, va_list ap)
{
	struct logline l;
	char text[1024];

	if (level == LOG_L_DEBUG && !debugging)
		return;
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	ll_begin(&l, level, "note");
	ll_cstr(&l, "text", text);
	if (error != 0)
		ll_errno(&l, error);
	ll_send(&l);
}

void
log_errorx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(LOG_L_ERROR, 0, fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;
	int saved = errno;

	va_start(ap, fmt);
	note(LOG_L_WARN, saved, fmt, ap);
	va_end(ap);
	errno = saved;
}

void
log_warnx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(LOG_L_WARN, 0, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(LOG_L_INFO, 0, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(LOG_L_DEBUG, 0, fmt, ap);
	va_end(ap);
}

void
fatal(const char *fmt, ...)
{
	va_list ap;
	int saved = errno;

	va_start(ap, fmt);
	note(LOG_L_ERROR, saved, fmt, ap);
	va_end(ap);
	_exit(1);
}

void
fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(LOG_L_ERROR, 0, fmt, ap);
	va_end(ap);
	_exit(1);
}

const char *
msgid_fmt(uint64_t id, char buf[MSGID_STRLEN])
{
	int i;

	for (i = MSGID_STRLEN - 2; i >= 0; i--) {
		buf[i] = b32[id & 31];
		id >>= 5;
	}
	buf[MSGID_STRLEN - 1] = '\0';
	return buf;
}

int
msgid_parse(const char *s, uint64_t *id)
{
	uint64_t v = 0;
	size_t i;

	if (strlen(s) != MSGID_STRLEN - 1)
		return -1;
	for (i = 0; i < MSGID_STRLEN - 1; i++) {
		const char *p = strchr(b32, s[i]);

		if (p == NULL || (i == 0 && p - b32 > 15))
			return -1;
		v = v << 5 | (uint64_t)(p - b32);
	}
	*id = v;
	return 0;
}
