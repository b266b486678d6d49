/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "common/msg/child_master.h"
#include "common/msg/ctl_tool.h"

_Static_assert(CTM_AUDIT_MAX + 2 <= CT_ROW_MAX, "an audit row fits");
_Static_assert(CQ_ROW_MAX + 2 <= CT_ROW_MAX, "a queue row fits");
_Static_assert(CQ_RCPT_MAX + 2 <= CT_ROW_MAX, "a recipient row fits");
_Static_assert(CQ_WHY_MAX + 2 <= CT_ROW_MAX, "what it waits for fits");
_Static_assert(CT_STATS_MAX + 2 <= CT_ROW_MAX, "a row of counters fits");

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

int
put_ct_end(struct ibuf *b, const struct ct_end *m)
{
	(void)ibuf_add_n8(b, m->result);
	(void)ibuf_add_n32(b, m->count);
	return ibuf_add_n32(b, m->busy);
}

int
get_ct_end(struct ibuf *b, struct ct_end *m)
{
	uint8_t result;

	if (ibuf_get_n8(b, &result) == -1 || ibuf_get_n32(b, &m->count) == -1 ||
	    ibuf_get_n32(b, &m->busy) == -1 || ibuf_get_end(b) == -1)
		return -1;
	if (result < CT_DONE || result > CT_DENIED)
		return bad();
	m->result = (enum ct_result)result;
	return 0;
}

int
put_ct_stats(struct ibuf *b, const struct ct_stats *m)
{
	unsigned i, n = 0;

	for (i = 0; i < STAT_MAX; i++)
		if (m->value[i] != 0)
			n++;
	(void)put_peer(b, &m->peer);
	(void)ibuf_add_n16(b, n);
	for (i = 0; i < STAT_MAX; i++) {
		if (m->value[i] == 0)
			continue;
		(void)ibuf_add_n16(b, i);
		(void)ibuf_add_n64(b, m->value[i]);
	}
	return ibuf_failed(b) ? -1 : 0;
}

int
get_ct_stats(struct ibuf *b, struct ct_stats *m)
{
	uint16_t i, n, which;
	uint64_t value;

	memset(m->value, 0, sizeof(m->value));
	if (get_peer(b, &m->peer) == -1 || ibuf_get_n16(b, &n) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		if (ibuf_get_n16(b, &which) == -1 ||
		    ibuf_get_n64(b, &value) == -1)
			return -1;
		if (which >= STAT_MAX)
			return bad();
		m->value[which] = value;
	}
	return ibuf_get_end(b);
}
