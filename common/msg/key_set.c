/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "common/msg/key_set.h"

int
put_ks_entry(struct ibuf *b, const struct ks_entry *m)
{
	(void)ibuf_add_n32(b, m->uses);
	(void)ibuf_add_n32(b, m->chain_len);
	return ibuf_add_n32(b, m->key_len);
}

int
get_ks_entry(struct ibuf *b, struct ks_entry *m)
{
	(void)ibuf_get_n32(b, &m->uses);
	(void)ibuf_get_n32(b, &m->chain_len);
	if (ibuf_get_n32(b, &m->key_len) == -1 ||
	    (m->uses & ~(uint32_t)CONF_CERT_USES) != 0 ||
	    m->chain_len > KS_FILE_MAX || m->key_len > KS_FILE_MAX) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

int
put_ks_check(struct ibuf *b, const struct ks_check *m)
{
	(void)ibuf_add_n8(b, m->verdict);
	(void)ibuf_add_n8(b, m->loose ? 1 : 0);
	return ibuf_add_n64(b, m->not_after);
}

int
get_ks_check(struct ibuf *b, struct ks_check *m)
{
	uint8_t verdict, loose;

	(void)ibuf_get_n8(b, &verdict);
	(void)ibuf_get_n8(b, &loose);
	if (ibuf_get_n64(b, &m->not_after) == -1 || verdict >= KS_MAX ||
	    loose > 1) {
		errno = EBADMSG;
		return -1;
	}
	m->verdict = (enum ks_verdict)verdict;
	m->loose = loose == 1;
	return 0;
}
