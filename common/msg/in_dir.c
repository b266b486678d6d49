/* SPDX-License-Identifier: ISC */
#include <errno.h>

#include "common/msg/in_dir.h"

int
put_id_verdict(struct ibuf *b, enum id_verdict v)
{
	return ibuf_add_n8(b, v);
}

int
get_id_verdict(struct ibuf *b, enum id_verdict *v)
{
	static const enum id_verdict all[] = { ID_YES, ID_NO, ID_LATER,
		ID_FOREIGN };
	uint8_t n;
	size_t i;

	if (ibuf_get_n8(b, &n) == -1 || ibuf_get_end(b) == -1)
		return -1;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (n == all[i]) {
			*v = all[i];
			return 0;
		}
	errno = EBADMSG;
	return -1;
}
