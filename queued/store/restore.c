/* SPDX-License-Identifier: ISC */
/*
 * Messages that were in another store.  A MSG record carries no state, and the
 * states of a batch that was cut off do not count; so such a message becomes a
 * file and one MOVED record, as if it had been spilled here.
 */
#include <errno.h>

#include "queued/store/internal.h"

static int
write_files(struct store *s, uint64_t id, const struct store_whole *w,
    const struct store_source *src)
{
	struct store_msg m = { .loc = { id, 0 },
		.size = src->head.iov_len + src->size,
		.env = w->env,
		.env_len = w->env_len };
	struct state_sum sum = { .cap_rcpts = 0 };
	uint32_t crc;
	int r = -1;

	state_sum_reset(&sum);
	if (w->state_len > 0 &&
	    state_sum_add(&sum, w->state, w->state_len) == -1)
		goto out;
	state_sum_sort(&sum);
	m.state = sum.st;
	batch_keep_file(s, id);
	if (spill_write(s, &m, src, &crc) == -1)
		goto out;
	r = 0;
	if (crc != w->crc) {
		spill_remove(s, id);
		errno = EBADMSG;
		r = -1;
	}
out:
	state_sum_free(&sum);
	return r;
}

int
store_restore(struct store *s, uint64_t id, const struct store_whole *w,
    const struct store_source *src, struct store_loc *loc)
{
	uint64_t len = REC_FILE_PREFIX + (uint64_t)w->env_len + w->state_len;

	if (batch_may_append(s, id, w->env_len) == -1)
		return -1;
	if (len > s->p.segment_size) {
		errno = EMSGSIZE;
		return -1;
	}
	if (batch_admit(s, rec_total((uint32_t)len)) == -1)
		return -1;
	if (write_files(s, id, w, src) == -1)
		return -1;
	if (adopt_add(s, id, w, src->head.iov_len + src->size) == -1) {
		spill_remove(s, id);
		return -1;
	}
	*loc = (struct store_loc){ id, index_find(&s->ix, id) };
	return 0;
}
