/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "common/msg/smtp_key.h"

int
put_sk_sign(struct ibuf *b, const struct sk_sign *m)
{
	(void)ibuf_add_n32(b, m->key);
	return ibuf_add_n16(b, m->scheme);
}

int
get_sk_sign(struct ibuf *b, struct sk_sign *m)
{
	(void)ibuf_get_n32(b, &m->key);
	return ibuf_get_n16(b, &m->scheme);
}

int
put_sk_signed(struct ibuf *b, const struct sk_signed *m)
{
	(void)ibuf_add_n8(b, m->verdict);
	(void)ibuf_add_n16(b, m->len);
	if (m->len > sizeof(m->sig)) {
		errno = ERANGE;
		return -1;
	}
	return ibuf_add(b, m->sig, m->len);
}

int
get_sk_signed(struct ibuf *b, struct sk_signed *m)
{
	uint8_t verdict;

	(void)ibuf_get_n8(b, &verdict);
	if (ibuf_get_n16(b, &m->len) == -1 || m->len > sizeof(m->sig) ||
	    verdict < SK_SIGNED || verdict > SK_LATER ||
	    (m->len > 0) != (verdict == SK_SIGNED)) {
		errno = EBADMSG;
		return -1;
	}
	m->verdict = (enum sk_verdict)verdict;
	if (ibuf_get(b, m->sig, m->len) == -1)
		return -1;
	return ibuf_get_end(b);
}
