/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "common/msg/out_conn.h"

#define TIMEOUT_MIN 1000U
#define TIMEOUT_MAX 600000U

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

int
put_oc_connect(struct ibuf *b, const struct oc_connect *m)
{
	(void)ibuf_add_netaddr(b, &m->to);
	return ibuf_add_n32(b, m->timeout_ms);
}

int
get_oc_connect(struct ibuf *b, struct oc_connect *m)
{
	if (ibuf_get_netaddr(b, &m->to) == -1 ||
	    ibuf_get_n32(b, &m->timeout_ms) == -1 || ibuf_get_end(b) == -1)
		return -1;
	if (m->to.family == NETADDR_NONE || m->to.port == 0 ||
	    m->timeout_ms < TIMEOUT_MIN || m->timeout_ms > TIMEOUT_MAX)
		return bad();
	return 0;
}

int
put_oc_answer(struct ibuf *b, const struct oc_answer *m)
{
	(void)ibuf_add_n8(b, m->result);
	return ibuf_add_n32(b, m->error);
}

int
get_oc_answer(struct ibuf *b, struct oc_answer *m)
{
	uint8_t result;

	if (ibuf_get_n8(b, &result) == -1 || ibuf_get_n32(b, &m->error) == -1 ||
	    ibuf_get_end(b) == -1)
		return -1;
	if (result < OC_OK || result > OC_ERROR)
		return bad();
	m->result = (enum oc_result)result;
	return 0;
}

const char *
oc_result_name(enum oc_result r)
{
	switch (r) {
	case OC_OK:
		return "connected";
	case OC_DENIED:
		return "address refused by policy";
	case OC_REFUSED:
		return "connection refused";
	case OC_TIMEOUT:
		return "connection timed out";
	case OC_UNREACHABLE:
		return "network unreachable";
	case OC_LIMIT:
		return "too many connections";
	case OC_ERROR:
		return "connection failed";
	}
	return "unknown";
}
