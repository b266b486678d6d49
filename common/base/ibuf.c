/* SPDX-License-Identifier: ISC */
/* Byte buffers with exact-length reads and bounded writes.  Pure. */
#include <errno.h>
#include <string.h>

#include "common/base/ibuf.h"
#include "common/base/netaddr.h"

static int
bad(struct ibuf *b, int error)
{
	b->failed = true;
	errno = error;
	return -1;
}

void
ibuf_wrap(struct ibuf *b, void *mem, size_t max)
{
	*b = (struct ibuf){ .mem = mem, .max = max };
}

/* Nothing can be added to it: max is len, so mem is never written through. */
void
ibuf_from(struct ibuf *b, const void *mem, size_t len)
{
	ibuf_wrap(b, (void *)(uintptr_t)mem, len);
	b->wpos = len;
}

size_t
ibuf_size(const struct ibuf *b)
{
	return b->wpos - b->rpos;
}

size_t
ibuf_left(const struct ibuf *b)
{
	return b->max - b->wpos;
}

const void *
ibuf_data(const struct ibuf *b)
{
	return b->mem + b->rpos;
}

bool
ibuf_failed(const struct ibuf *b)
{
	return b->failed;
}

void *
ibuf_reserve(struct ibuf *b, size_t len)
{
	void *p;

	if (b->failed || len > ibuf_left(b)) {
		(void)bad(b, ERANGE);
		return NULL;
	}
	p = b->mem + b->wpos;
	b->wpos += len;
	return p;
}

int
ibuf_add(struct ibuf *b, const void *data, size_t len)
{
	void *p = ibuf_reserve(b, len);

	if (p == NULL)
		return -1;
	if (len > 0)
		memcpy(p, data, len);
	return 0;
}

static int
add_number(struct ibuf *b, uint64_t value, unsigned width)
{
	uint8_t be[8];
	unsigned i;

	if (width < 8 && value >> (8 * width) != 0)
		return bad(b, ERANGE);
	for (i = 0; i < width; i++)
		be[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
	return ibuf_add(b, be, width);
}

int
ibuf_add_n8(struct ibuf *b, uint64_t value)
{
	return add_number(b, value, 1);
}

int
ibuf_add_n16(struct ibuf *b, uint64_t value)
{
	return add_number(b, value, 2);
}

int
ibuf_add_n32(struct ibuf *b, uint64_t value)
{
	return add_number(b, value, 4);
}

int
ibuf_add_n64(struct ibuf *b, uint64_t value)
{
	return add_number(b, value, 8);
}

int
ibuf_add_str(struct ibuf *b, const char *s, size_t len, size_t max)
{
	if (len > max || len > UINT16_MAX)
		return bad(b, ERANGE);
	if (ibuf_add_n16(b, len) == -1)
		return -1;
	return ibuf_add(b, s, len);
}

int
ibuf_add_cstr(struct ibuf *b, const char *s, size_t max)
{
	return ibuf_add_str(b, s, strlen(s), max);
}

int
ibuf_get_view(struct ibuf *b, const void **view, size_t len)
{
	if (b->failed || len > ibuf_size(b))
		return bad(b, EBADMSG);
	*view = b->mem + b->rpos;
	b->rpos += len;
	return 0;
}

int
ibuf_get(struct ibuf *b, void *data, size_t len)
{
	const void *view;

	if (ibuf_get_view(b, &view, len) == -1)
		return -1;
	if (len > 0)
		memcpy(data, view, len);
	return 0;
}

static int
get_number(struct ibuf *b, uint64_t *value, unsigned width)
{
	uint8_t be[8] = { 0 };
	unsigned i;

	*value = 0;
	if (ibuf_get(b, be, width) == -1)
		return -1;
	for (i = 0; i < width; i++)
		*value = *value << 8 | be[i];
	return 0;
}

int
ibuf_get_n8(struct ibuf *b, uint8_t *value)
{
	uint64_t n;
	int rc = get_number(b, &n, 1);

	*value = (uint8_t)n;
	return rc;
}

int
ibuf_get_n16(struct ibuf *b, uint16_t *value)
{
	uint64_t n;
	int rc = get_number(b, &n, 2);

	*value = (uint16_t)n;
	return rc;
}

int
ibuf_get_n32(struct ibuf *b, uint32_t *value)
{
	uint64_t n;
	int rc = get_number(b, &n, 4);

	*value = (uint32_t)n;
	return rc;
}

int
ibuf_get_n64(struct ibuf *b, uint64_t *value)
{
	return get_number(b, value, 8);
}

static bool
text_byte(char c)
{
	return c != '\0' && c != '\r' && c != '\n';
}

int
ibuf_get_cstr(struct ibuf *b, char *s, size_t cap, size_t *lenp)
{
	uint16_t len;
	size_t i;

	if (cap > 0)
		s[0] = '\0';
	if (lenp != NULL)
		*lenp = 0;
	if (ibuf_get_n16(b, &len) == -1)
		return -1;
	if (len >= cap)
		return bad(b, EBADMSG);
	if (ibuf_get(b, s, len) == -1)
		return -1;
	s[len] = '\0';
	for (i = 0; i < len; i++) {
		if (!text_byte(s[i])) {
			s[0] = '\0';
			return bad(b, EBADMSG);
		}
	}
	if (lenp != NULL)
		*lenp = len;
	return 0;
}

int
ibuf_get_end(struct ibuf *b)
{
	if (b->failed || ibuf_size(b) != 0)
		return bad(b, EBADMSG);
	return 0;
}

/* "None" has one form only: all bytes zero. */
static bool
is_none(const struct netaddr *a)
{
	static const struct netaddr none;

	return a->family == NETADDR_NONE && netaddr_cmp(a, &none) == 0;
}

int
ibuf_add_netaddr(struct ibuf *b, const struct netaddr *a)
{
	if (!netaddr_valid(a) && !is_none(a))
		return bad(b, ERANGE);
	(void)ibuf_add_n8(b, a->family);
	(void)ibuf_add(b, a->bytes, sizeof(a->bytes));
	return ibuf_add_n16(b, a->port);
}

int
ibuf_get_netaddr(struct ibuf *b, struct netaddr *a)
{
	memset(a, 0, sizeof(*a));
	(void)ibuf_get_n8(b, &a->family);
	(void)ibuf_get(b, a->bytes, sizeof(a->bytes));
	if (ibuf_get_n16(b, &a->port) == -1 ||
	    (!netaddr_valid(a) && !is_none(a))) {
		memset(a, 0, sizeof(*a));
		return bad(b, EBADMSG);
	}
	return 0;
}

int
ibuf_add_netprefix(struct ibuf *b, const struct netprefix *p)
{
	if (!netprefix_valid(p))
		return bad(b, ERANGE);
	(void)ibuf_add_netaddr(b, &p->addr);
	return ibuf_add_n8(b, p->len);
}

int
ibuf_get_netprefix(struct ibuf *b, struct netprefix *p)
{
	memset(p, 0, sizeof(*p));
	(void)ibuf_get_netaddr(b, &p->addr);
	if (ibuf_get_n8(b, &p->len) == -1 || !netprefix_valid(p)) {
		memset(p, 0, sizeof(*p));
		return bad(b, EBADMSG);
	}
	return 0;
}
