/* SPDX-License-Identifier: ISC */
/*
 * Edge 2, the configuration: listeners, and the proxies of each.  Pure.
 */
#include "common/msg/child_conf_int.h"

void
cc_put_listener(struct ibuf *b, const struct conf_listener *l)
{
	size_t i;

	(void)ibuf_add_n32(b, l->id);
	(void)ibuf_add_n8(b, (uint64_t)l->side);
	(void)ibuf_add_netaddr(b, &l->addr);
	(void)ibuf_add_n32(b, l->pos.line);
	(void)ibuf_add_n8(b, l->proxies.n);
	for (i = 0; i < l->proxies.n; i++)
		(void)ibuf_add_netprefix(b, &l->proxies.v[i]);
}

static int
get_proxies(struct ibuf *b, struct netset *set)
{
	struct netprefix prefix;
	uint8_t i, n;

	cc_get_range8(b, &n, 0, CONF_PROXIES_MAX);
	if (ibuf_failed(b))
		return -1;
	for (i = 0; i < n; i++) {
		(void)ibuf_get_netprefix(b, &prefix);
		if (ibuf_failed(b) || netset_add(set, &prefix) == -1)
			return -1;
	}
	return ibuf_get_end(b);
}

int
cc_get_listener(struct conf *c, struct ibuf *b)
{
	struct conf_listener in = { 0 }, *l;
	uint8_t side;

	(void)ibuf_get_n32(b, &in.id);
	cc_get_range8(b, &side, SIDE_EXT, SIDE_INT);
	cc_get_endpoint(b, &in.addr);
	(void)ibuf_get_n32(b, &in.pos.line);
	if (ibuf_failed(b) || in.id != c->nlisteners)
		return -1;
	l = conf_add_listener(c);
	if (l == NULL)
		return -1;
	in.side = (enum side)side;
	*l = in;
	return get_proxies(b, &l->proxies);
}
