/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "common/msg/conn_in.h"

int
put_ci_session(struct ibuf *b, const struct ci_session *m)
{
	(void)ibuf_add_netaddr(b, &m->client);
	(void)ibuf_add_netaddr(b, &m->local);
	(void)ibuf_add_n32(b, m->listener);
	return ibuf_add_n8(b, m->proxied);
}

int
get_ci_session(struct ibuf *b, struct ci_session *m)
{
	uint8_t proxied;

	if (ibuf_get_netaddr(b, &m->client) == -1 ||
	    ibuf_get_netaddr(b, &m->local) == -1 ||
	    ibuf_get_n32(b, &m->listener) == -1 ||
	    ibuf_get_n8(b, &proxied) == -1)
		return -1;
	m->proxied = proxied == 1;
	if (m->client.family == NETADDR_NONE ||
	    m->local.family == NETADDR_NONE || proxied > 1) {
		errno = EBADMSG;
		return -1;
	}
	return ibuf_get_end(b);
}

int
put_ci_client(struct ibuf *b, const struct ci_client *m)
{
	(void)ibuf_add_n32(b, m->tag);
	return ibuf_add_netaddr(b, &m->client);
}

int
get_ci_client(struct ibuf *b, struct ci_client *m)
{
	if (ibuf_get_n32(b, &m->tag) == -1 ||
	    ibuf_get_netaddr(b, &m->client) == -1)
		return -1;
	if (m->client.family == NETADDR_NONE) {
		errno = EBADMSG;
		return -1;
	}
	return ibuf_get_end(b);
}

int
put_ci_admit(struct ibuf *b, const struct ci_admit *m)
{
	(void)ibuf_add_n32(b, m->tag);
	return ibuf_add_n8(b, m->verdict);
}

int
get_ci_admit(struct ibuf *b, struct ci_admit *m)
{
	static const enum ci_verdict all[] = { CI_MAY, CI_TOO_MANY, CI_DENIED };
	uint8_t n;

	if (ibuf_get_n32(b, &m->tag) == -1 || ibuf_get_n8(b, &n) == -1)
		return -1;
	if (n >= sizeof(all) / sizeof(all[0])) {
		errno = EBADMSG;
		return -1;
	}
	m->verdict = all[n];
	return ibuf_get_end(b);
}

int
put_ci_end(struct ibuf *b, enum ci_end m)
{
	return ibuf_add_n8(b, m);
}

int
get_ci_end(struct ibuf *b, enum ci_end *m)
{
	uint8_t n;

	if (ibuf_get_n8(b, &n) == -1)
		return -1;
	if (n > CI_END_BAD) {
		errno = EBADMSG;
		return -1;
	}
	*m = n == CI_END_BAD ? CI_END_BAD : CI_END_FAIR;
	return ibuf_get_end(b);
}
