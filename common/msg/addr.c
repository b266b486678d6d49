/* SPDX-License-Identifier: ISC */
/*
 * The codecs that several edges share: questions about an address,
 * recipients, next hops.
 */
#include <errno.h>
#include <string.h>

#include "common/msg/addr.h"

/* a length octet and a field of fixed size, padded with zeros */
static int
put_fixed(struct ibuf *b, const char *s, size_t max)
{
	size_t len = strlen(s);
	uint8_t *p;

	if (len > max) {
		errno = ERANGE;
		return -1;
	}
	if (ibuf_add_n8(b, len) == -1 || (p = ibuf_reserve(b, max)) == NULL)
		return -1;
	memset(p, 0, max);
	memcpy(p, s, len);
	return 0;
}

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

static int
get_fixed(struct ibuf *b, char *s, size_t max)
{
	const void *view;
	const char *p;
	uint8_t len;
	size_t i;

	if (ibuf_get_n8(b, &len) == -1 || ibuf_get_view(b, &view, max) == -1)
		return -1;
	if (len > max)
		return bad();
	p = view;
	for (i = 0; i < max; i++)
		if (i < len ? p[i] == '\0' || p[i] == '\r' || p[i] == '\n'
			    : p[i] != '\0')
			return bad();
	memcpy(s, p, len);
	s[len] = '\0';
	return 0;
}

int
put_ask(struct ibuf *b, const struct msg_ask *a)
{
	if (put_fixed(b, a->local, MSG_LOCAL_MAX) == -1)
		return -1;
	return put_fixed(b, a->domain, MSG_DOMAIN_MAX);
}

int
get_ask(struct ibuf *b, struct msg_ask *a)
{
	if (get_fixed(b, a->local, MSG_LOCAL_MAX) == -1 ||
	    get_fixed(b, a->domain, MSG_DOMAIN_MAX) == -1)
		return -1;
	return a->local[0] == '\0' || a->domain[0] == '\0' ? bad() : 0;
}

#define NOTIFY_ALL                                                             \
	(NOTIFY_NEVER | NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY)

int
put_rcpt(struct ibuf *b, const struct msg_rcpt *r)
{
	(void)ibuf_add_n16(b, r->index);
	(void)ibuf_add_n8(b, r->notify);
	(void)ibuf_add_cstr(b, r->addr, MSG_ADDR_MAX);
	return ibuf_add_cstr(b, r->orcpt, MSG_ORCPT_MAX);
}

int
get_rcpt(struct ibuf *b, struct msg_rcpt *r)
{
	size_t len;

	if (ibuf_get_n16(b, &r->index) == -1 ||
	    ibuf_get_n8(b, &r->notify) == -1 ||
	    ibuf_get_cstr(b, r->addr, sizeof(r->addr), &len) == -1 ||
	    ibuf_get_cstr(b, r->orcpt, sizeof(r->orcpt), NULL) == -1)
		return -1;
	return len == 0 || (r->notify & ~NOTIFY_ALL) != 0 ? bad() : 0;
}

static int
put_host(struct ibuf *b, const struct conf_host *h)
{
	(void)ibuf_add_cstr(b, h->name, CONF_NAME_MAX - 1);
	(void)ibuf_add_netaddr(b, &h->addr);
	return ibuf_add_n16(b, h->port);
}

static int
get_host(struct ibuf *b, struct conf_host *h)
{
	size_t len;

	if (ibuf_get_cstr(b, h->name, sizeof(h->name), &len) == -1 ||
	    ibuf_get_netaddr(b, &h->addr) == -1 ||
	    ibuf_get_n16(b, &h->port) == -1)
		return -1;
	/* exactly one of name and address */
	if ((len == 0) == (h->addr.family == NETADDR_NONE) || h->port == 0)
		return bad();
	return 0;
}

int
put_hop(struct ibuf *b, const struct msg_hop *h)
{
	uint8_t i;

	(void)ibuf_add_n8(b, h->kind);
	(void)ibuf_add_cstr(b, h->name, CONF_NAME_MAX - 1);
	(void)ibuf_add_n64(b, h->tls);
	if (h->nhosts > CONF_HOSTS_MAX)
		return bad();
	if (ibuf_add_n8(b, h->nhosts) == -1)
		return -1;
	for (i = 0; i < h->nhosts; i++)
		if (put_host(b, &h->hosts[i]) == -1)
			return -1;
	return 0;
}

static int
kind_from(unsigned v, enum conf_route_kind *kind)
{
	static const enum conf_route_kind kinds[] = { CONF_ROUTE_HOSTS,
		CONF_ROUTE_MX, CONF_ROUTE_DNS, CONF_ROUTE_SMARTHOST };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (v == kinds[i]) {
			*kind = kinds[i];
			return 0;
		}
	return -1;
}

int
get_hop(struct ibuf *b, struct msg_hop *h)
{
	uint8_t kind, i;
	int by_hosts;
	size_t len;

	if (ibuf_get_n8(b, &kind) == -1 ||
	    ibuf_get_cstr(b, h->name, sizeof(h->name), &len) == -1 ||
	    ibuf_get_n64(b, &h->tls) == -1 || ibuf_get_n8(b, &h->nhosts) == -1)
		return -1;
	if (kind_from(kind, &h->kind) == -1 || h->nhosts > CONF_HOSTS_MAX)
		return bad();
	for (i = 0; i < h->nhosts; i++)
		if (get_host(b, &h->hosts[i]) == -1)
			return -1;
	by_hosts =
	    h->kind == CONF_ROUTE_HOSTS || h->kind == CONF_ROUTE_SMARTHOST;
	if (by_hosts ? h->nhosts == 0 : len == 0 || h->nhosts != 0)
		return bad();
	return 0;
}
