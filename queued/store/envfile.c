/* SPDX-License-Identifier: ISC */
/* Envelope files: see envfile.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/civil.h"
#include "queued/store/crc32c.h"
#include "queued/store/envelope.h"
#include "queued/store/internal.h"

#define HEX_LINE 32 /* bytes on one line */

static const char digits[] = "0123456789abcdef";
static const char *const statuses[] = { "open", "delivered", "failed",
	"deferred" };

static void
put(void *arg, const char *text, size_t len)
{
	struct envfile *ef = arg;
	size_t cap;
	uint8_t *p;

	if (ef->failed)
		return;
	if (len > ef->cap - ef->len) {
		cap = ef->cap * 2 + len + 1024;
		p = realloc(ef->text, cap);
		if (p == NULL) {
			ef->failed = true;
			return;
		}
		ef->text = p;
		ef->cap = cap;
	}
	if (len > 0)
		memcpy(ef->text + ef->len, text, len);
	ef->len += len;
}

static void __attribute__((format(printf, 2, 3)))
print(struct envfile *ef, const char *fmt, ...)
{
	char line[200];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(line))
		put(ef, line, (size_t)n);
}

static void
put_hex(struct envfile *ef, const char *name, const uint8_t *p, size_t len)
{
	char hex[2 * HEX_LINE + 1];
	size_t i, n;

	for (; len > 0; len -= n, p += n) {
		n = len > HEX_LINE ? HEX_LINE : len;
		for (i = 0; i < n; i++) {
			hex[2 * i] = digits[p[i] >> 4];
			hex[2 * i + 1] = digits[p[i] & 15];
		}
		hex[2 * n] = '\0';
		print(ef, "%s: %s\n", name, hex);
	}
}

static void
put_printable(struct envfile *ef, const char *text, size_t len)
{
	char c;

	for (; len > 0; len--, text++) {
		c = *text >= ' ' && *text <= '~' ? *text : '?';
		put(ef, &c, 1);
	}
}

static void
put_results(struct envfile *ef, const struct store_state *st)
{
	const struct store_rcpt *r;
	size_t i;

	for (i = 0; i < st->nrcpts; i++) {
		r = &st->rcpts[i];
		print(ef, "Result: %" PRIu32 " %s attempts=%u code=%u",
		    r->index, r->status < 4 ? statuses[r->status] : "other",
		    r->attempts, r->code);
		if (r->text_len > 0) {
			put(ef, " ", 1);
			put_printable(ef, r->text, r->text_len);
		}
		put(ef, "\n", 1);
	}
}

static void
put_time(struct envfile *ef, const char *name, uint64_t ms)
{
	struct civil c;

	civil_utc(ms / 1000, &c);
	if (c.year > 9999)
		print(ef, "%s: %" PRIu64 " ms\n", name, ms);
	else
		print(ef, "%s: %04u-%02u-%02uT%02u:%02u:%02u.%03uZ\n", name,
		    c.year, c.month, c.day, c.hour, c.minute, c.second,
		    (unsigned)(ms % 1000));
}

/* Of the message as a whole. */
static void
put_schedule(struct envfile *ef, const struct store_state *st)
{
	if (st->set & STORE_SET_ATTEMPTS)
		print(ef, "Attempts: %" PRIu32 "\n", st->attempts);
	if (st->set & STORE_SET_NEXT)
		put_time(ef, "Next-Attempt", st->next);
	if (st->set & STORE_SET_HELD)
		print(ef, "Held: %s\n", st->held ? "yes" : "no");
	if (st->set & STORE_SET_POISON)
		print(ef, "In-Hand-At-Crashes: %" PRIu32 "\n", st->poison);
	if ((st->set & STORE_SET_TEXT) && st->text_len > 0) {
		put(ef, "Status: ", 8);
		put_printable(ef, st->text, st->text_len);
		put(ef, "\n", 1);
	}
}

static int
put_state(struct envfile *ef, const struct store_state *st)
{
	size_t len = state_size(st);
	uint8_t *p;

	if (len == 0)
		return 0;
	p = malloc(len);
	if (p == NULL)
		return -1;
	state_put(p, st);
	put_hex(ef, "State-Bytes", p, len);
	free(p);
	return 0;
}

int
envfile_make(struct envfile *ef, const struct store_msg *m, uint32_t crc,
    const char *note)
{
	char id[MSGID_STRLEN];

	print(ef, "Postern-Message: 1\n");
	print(ef, "Id: %s\n", msgid_fmt(m->loc.id, id));
	if (note != NULL)
		print(ef, "%s\n", note);
	/* an envelope that cannot be read is kept all the same, below */
	(void)env_print(m->env, m->env_len, put, ef);
	put_results(ef, &m->state);
	put_schedule(ef, &m->state);
	print(ef, "Body-Size: %" PRIu64 "\n", m->size);
	print(ef, "Body-CRC32C: %08" PRIx32 "\n", crc);
	put_hex(ef, "Envelope-Bytes", m->env, m->env_len);
	if (put_state(ef, &m->state) == -1)
		ef->failed = true;
	if (!ef->failed)
		print(ef, "End: %08" PRIx32 "\n", crc32c(0, ef->text, ef->len));
	if (!ef->failed)
		return 0;
	free(ef->text);
	ef->text = NULL;
	errno = ENOMEM;
	return -1;
}

/* --- back --- */

struct line {
	const char *text; /* behind "Name: " */
	size_t len;
};

static int
nibble(char c)
{
	const char *p = c != '\0' ? strchr(digits, c) : NULL;

	return p == NULL ? -1 : (int)(p - digits);
}

static int
get_hex(struct line l, uint8_t **buf, size_t *len)
{
	uint8_t *p;
	size_t i;
	int hi, lo;

	if (l.len % 2 != 0)
		return -1;
	p = realloc(*buf, *len + l.len / 2 + 1);
	if (p == NULL)
		return -1;
	*buf = p;
	for (i = 0; i < l.len; i += 2) {
		hi = nibble(l.text[i]);
		lo = nibble(l.text[i + 1]);
		if (hi == -1 || lo == -1)
			return -1;
		p[(*len)++] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

static int
get_number(struct line l, int base, uint64_t *v)
{
	char str[24], *end;

	if (l.len == 0 || l.len >= sizeof(str))
		return -1;
	memcpy(str, l.text, l.len);
	str[l.len] = '\0';
	errno = 0;
	*v = strtoull(str, &end, base);
	return errno != 0 || *end != '\0' ? -1 : 0;
}

static bool
named(const char *text, size_t len, const char *name, struct line *l)
{
	size_t n = strlen(name);

	if (len < n + 2 || memcmp(text, name, n) != 0 || text[n] != ':' ||
	    text[n + 1] != ' ')
		return false;
	*l = (struct line){ text + n + 2, len - n - 2 };
	return true;
}

static int
parse_line(const char *text, size_t len, struct envfile_parts *ep)
{
	struct line l;
	uint64_t crc;

	if (named(text, len, "Envelope-Bytes", &l))
		return get_hex(l, &ep->env, &ep->env_len);
	if (named(text, len, "State-Bytes", &l))
		return get_hex(l, &ep->state, &ep->state_len);
	if (named(text, len, "Body-Size", &l))
		return get_number(l, 10, &ep->size);
	if (named(text, len, "Body-CRC32C", &l)) {
		if (get_number(l, 16, &crc) == -1 || crc > UINT32_MAX)
			return -1;
		ep->crc = (uint32_t)crc;
	}
	return 0;
}

/* The last line is "End: " and the checksum of what precedes it. */
static bool
is_whole(const char *text, size_t len, size_t *end)
{
	static const size_t last = sizeof("End: 01234567\n") - 1;
	struct line l;
	uint64_t crc;

	if (len < last)
		return false;
	*end = len - last;
	return text[len - 1] == '\n' &&
	    named(text + *end, last - 1, "End", &l) &&
	    get_number(l, 16, &crc) == 0 && crc == crc32c(0, text, *end);
}

void
envfile_free(struct envfile_parts *ep)
{
	free(ep->env);
	free(ep->state);
	memset(ep, 0, sizeof(*ep));
}

int
envfile_parse(const uint8_t *file, size_t len, struct envfile_parts *ep)
{
	const char *text = (const char *)file, *nl;
	size_t end, n;

	memset(ep, 0, sizeof(*ep));
	if (!is_whole(text, len, &end))
		return -1;
	while (end > 0) {
		nl = memchr(text, '\n', end);
		if (nl == NULL)
			return -1;
		n = (size_t)(nl - text);
		if (parse_line(text, n, ep) == -1)
			return -1;
		text += n + 1;
		end -= n + 1;
	}
	return ep->env_len > 0 ? 0 : -1;
}
