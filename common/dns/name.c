/* SPDX-License-Identifier: ISC */
/* Domain names, text and wire.  Pure. */
#include <errno.h>
#include <string.h>

#include "common/dns/name.h"

#define POINTER_BITS 0xc0
#define HEADER_LEN   12
#define HOPS_MAX                                                               \
	64 /* pointers per name: keeps the cost of a message linear            \
	    */

static bool
label_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '/';
}

static char
lower(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + ('a' - 'A'));
	return (char)c;
}

/* Labels of 1 to 63 good bytes with single dots between them. */
static bool
labels_ok(const char *src, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (src[i] == '.') {
			if (n == 0)
				return false;
			n = 0;
			continue;
		}
		if (!label_byte((uint8_t)src[i]) || ++n > DNS_LABEL_MAX)
			return false;
	}
	return n > 0;
}

int
dns_name_canon(char *dst, size_t size, const char *src, size_t len)
{
	size_t i;

	if (size > 0)
		dst[0] = '\0';
	if (len > 1 && src[len - 1] == '.' && src[len - 2] != '.')
		len--;
	/* Text is two bytes shorter than wire: first length, last zero. */
	if (len >= size || len > DNS_WIRE_MAX - 2) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (!(len == 1 && src[0] == '.') && !labels_ok(src, len)) {
		errno = EINVAL;
		return -1;
	}
	for (i = 0; i < len; i++)
		dst[i] = lower((uint8_t)src[i]);
	dst[len] = '\0';
	return 0;
}

bool
dns_name_under(const char *name, const char *zone)
{
	size_t n = strlen(name), z = strlen(zone);

	if (strcmp(zone, ".") == 0)
		return true;
	if (z > n || strcmp(name + (n - z), zone) != 0)
		return false;
	return z == n || name[n - z - 1] == '.';
}

size_t
dns_name_wire(uint8_t *dst, size_t size, const char *name)
{
	size_t left, n, used = 0;
	const char *dot;

	if (strcmp(name, ".") == 0)
		name = "";
	for (left = strlen(name); left > 0;) {
		dot = memchr(name, '.', left);
		n = dot == NULL ? left : (size_t)(dot - name);
		if (n == 0 || n > DNS_LABEL_MAX || size - used < n + 2)
			return 0;
		dst[used++] = (uint8_t)n;
		memcpy(dst + used, name, n);
		used += n;
		name += n;
		left -= n;
		if (left > 0) {
			name++;
			left--;
		}
	}
	if (used >= size || used >= DNS_WIRE_MAX)
		return 0;
	dst[used++] = 0;
	return used;
}

void
dns_name_case(uint8_t *wire, size_t len, const uint8_t *bits)
{
	size_t i;

	for (i = 0; i < len && i / 8 < DNS_CASE_BYTES; i++) {
		/* A length byte is at most 63 and so never a letter's code. */
		if (wire[i] < 'a' || wire[i] > 'z')
			continue;
		if (bits[i / 8] & (1U << (i % 8)))
			wire[i] = (uint8_t)(wire[i] - ('a' - 'A'));
	}
}

/*
 * One label into dst at *used.  False when the name grows too long; *good is
 * cleared when it holds a byte that we do not take.
 */
static bool
take_label(const uint8_t *label, size_t n, char *dst, size_t *used, bool *good)
{
	size_t i;

	if (*used + (*used > 0) + n + 2 > DNS_WIRE_MAX)
		return false;
	if (*used > 0)
		dst[(*used)++] = '.';
	for (i = 0; i < n; i++) {
		if (!label_byte(label[i]))
			*good = false;
		dst[(*used)++] = lower(label[i]);
	}
	return true;
}

/* A place in a message, and what bounds the pointers from there. */
struct walk {
	const uint8_t *msg;
	size_t len;
	size_t pos;
	size_t floor; /* the next pointer has to go before this */
	size_t hops;
};

static bool
take_pointer(struct walk *w)
{
	size_t target;

	if (w->len - w->pos < 2 || ++w->hops > HOPS_MAX)
		return false;
	target =
	    (size_t)(w->msg[w->pos] & ~POINTER_BITS) << 8 | w->msg[w->pos + 1];
	if (target >= w->floor || target < HEADER_LEN)
		return false;
	w->pos = w->floor = target;
	return true;
}

/* Expand the name at w->pos; false when it is broken.  *end: behind it. */
static bool
expand(struct walk *w, char *dst, size_t *used, size_t *end, bool *good)
{
	size_t n;

	*end = 0;
	for (;;) {
		if (w->pos >= w->len)
			return false;
		n = w->msg[w->pos];
		if ((n & POINTER_BITS) == POINTER_BITS) {
			if (*end == 0)
				*end = w->pos + 2;
			if (!take_pointer(w))
				return false;
			continue;
		}
		w->pos++;
		if (n == 0)
			break;
		if (n > DNS_LABEL_MAX || n > w->len - w->pos)
			return false;
		if (!take_label(w->msg + w->pos, n, dst, used, good))
			return false;
		w->pos += n;
	}
	if (*end == 0)
		*end = w->pos;
	return true;
}

enum dns_name_read
dns_name_read(const uint8_t *msg, size_t len, size_t *off, char *dst)
{
	struct walk w = { .msg = msg, .len = len, .pos = *off, .floor = *off };
	size_t used = 0, end;
	bool good = true;

	if (!expand(&w, dst, &used, &end, &good)) {
		dst[0] = '\0';
		return DNS_NAME_BAD;
	}
	*off = end;
	if (used == 0)
		dst[used++] = '.';
	dst[good ? used : 0] = '\0';
	return good ? DNS_NAME_OK : DNS_NAME_STRANGE;
}
