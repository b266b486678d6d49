/* SPDX-License-Identifier: ISC */
/* Questions to keyd: see keys.h. */
#include <string.h>

#include "common/tls/keys.h"
#include "common/tls/tls.h"

static int
ask(void *arg, uint32_t id, uint32_t key, uint16_t scheme, const uint8_t *block,
    size_t len)
{
	const struct sk_sign m = { .key = key, .scheme = scheme };
	const struct tls_keys *k = arg;
	struct iovec iov[2];
	uint8_t head[SK_SIGN_LEN];
	struct ibuf b;

	if (*k->chan == NULL || len > SK_BLOCK_MAX)
		return -1;
	ibuf_wrap(&b, head, sizeof(head));
	if (put_sk_sign(&b, &m) == -1)
		return -1;
	iov[0].iov_base = head;
	iov[0].iov_len = sizeof(head);
	/* it is read, whatever the type says */
	memcpy(&iov[1].iov_base, &block, sizeof(block));
	iov[1].iov_len = len;
	return chan_sendv(*k->chan, SK_REQ_SIGN, id, iov, 2, -1);
}

void
tls_keys_init(struct tls_keys *k)
{
	tls_set_signer(ask, k);
}

int
tls_keys_signed(struct tls_keys *k, uint32_t id, struct ibuf *b)
{
	struct sk_signed m;
	void *owner;

	if (get_sk_signed(b, &m) == -1)
		return -1;
	owner = tls_signed(id, m.sig, m.len);
	if (owner != NULL)
		k->go_on(owner);
	return 0;
}
