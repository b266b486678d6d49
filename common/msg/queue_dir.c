/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "common/msg/queue_dir.h"

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

int
put_qd_route(struct ibuf *b, const struct qd_route *m)
{
	(void)ibuf_add_n8(b, m->verdict);
	(void)ibuf_add_n8(b, m->scope);
	(void)ibuf_add_n8(b, m->individual);
	if (ibuf_add_n32(b, m->line) == -1)
		return -1;
	return m->verdict == QD_OK ? put_hop(b, &m->hop) : 0;
}

int
get_qd_route(struct ibuf *b, struct qd_route *m)
{
	uint8_t verdict, scope;

	if (ibuf_get_n8(b, &verdict) == -1 || ibuf_get_n8(b, &scope) == -1 ||
	    ibuf_get_n8(b, &m->individual) == -1 ||
	    ibuf_get_n32(b, &m->line) == -1)
		return -1;
	if (verdict < QD_OK || verdict > QD_FOREIGN || m->individual > 1 ||
	    (scope != QD_SCOPE_ADDRESS && scope != QD_SCOPE_DOMAIN))
		return bad();
	m->verdict = (enum qd_verdict)verdict;
	m->scope = (enum qd_scope)scope;
	memset(&m->hop, 0, sizeof(m->hop));
	if (m->verdict == QD_OK && get_hop(b, &m->hop) == -1)
		return -1;
	return ibuf_get_end(b);
}
