/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "common/msg/conn_in.h"

int
put_ci_session(struct ibuf *b, const struct ci_session *m)
{
	(void)ibuf_add_netaddr(b, &m->client);
	(void)ibuf_add_netaddr(b, &m->local);
	return ibuf_add_n32(b, m->listener);
}

int
get_ci_session(struct ibuf *b, struct ci_session *m)
{
	if (ibuf_get_netaddr(b, &m->client) == -1 ||
	    ibuf_get_netaddr(b, &m->local) == -1 ||
	    ibuf_get_n32(b, &m->listener) == -1)
		return -1;
	if (m->client.family == NETADDR_NONE ||
	    m->local.family == NETADDR_NONE) {
		errno = EBADMSG;
		return -1;
	}
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
