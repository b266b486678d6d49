/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "common/base/conf.h"
#include "common/msg/dns_conn.h"

int
put_dc_socket(struct ibuf *b, const struct dc_socket *m)
{
	(void)ibuf_add_n32(b, m->generation);
	(void)ibuf_add_n8(b, m->server);
	return ibuf_add_n8(b, m->proto);
}

int
get_dc_socket(struct ibuf *b, struct dc_socket *m)
{
	uint8_t proto;

	if (ibuf_get_n32(b, &m->generation) == -1 ||
	    ibuf_get_n8(b, &m->server) == -1 || ibuf_get_n8(b, &proto) == -1 ||
	    ibuf_get_end(b) == -1)
		return -1;
	if (m->server >= CONF_DNS_MAX || (proto != DC_UDP && proto != DC_TCP)) {
		errno = EBADMSG;
		return -1;
	}
	m->proto = (enum dc_proto)proto;
	return 0;
}
