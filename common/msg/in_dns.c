/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "common/msg/in_dns.h"

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

int
put_in_sender(struct ibuf *b, const struct in_sender *m)
{
	size_t len = strnlen(m->domain, sizeof(m->domain));
	uint8_t *p;

	if (len == 0 || len > IN_DOMAIN_MAX) {
		errno = ERANGE;
		return -1;
	}
	if (ibuf_add_n8(b, len) == -1 ||
	    (p = ibuf_reserve(b, IN_DOMAIN_MAX)) == NULL)
		return -1;
	memset(p, 0, IN_DOMAIN_MAX);
	memcpy(p, m->domain, len);
	return 0;
}

int
get_in_sender(struct ibuf *b, struct in_sender *m)
{
	const void *view;
	const char *p;
	uint8_t len;
	size_t i;

	if (ibuf_get_n8(b, &len) == -1 ||
	    ibuf_get_view(b, &view, IN_DOMAIN_MAX) == -1 ||
	    ibuf_get_end(b) == -1)
		return -1;
	p = view;
	if (len == 0)
		return bad();
	for (i = 0; i < IN_DOMAIN_MAX; i++)
		if (i < len ? p[i] == '\0' || p[i] == '\r' || p[i] == '\n'
			    : p[i] != '\0')
			return bad();
	memset(m, 0, sizeof(*m));
	memcpy(m->domain, p, len);
	return 0;
}

int
put_in_verdict(struct ibuf *b, enum in_verdict v)
{
	return ibuf_add_n8(b, v);
}

int
get_in_verdict(struct ibuf *b, enum in_verdict *v)
{
	static const enum in_verdict all[] = { IN_FAIR, IN_NULL_MX,
		IN_UNKNOWN };
	uint8_t n;
	size_t i;

	if (ibuf_get_n8(b, &n) == -1 || ibuf_get_end(b) == -1)
		return -1;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (n == all[i]) {
			*v = all[i];
			return 0;
		}
	return bad();
}
