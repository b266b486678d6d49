/* SPDX-License-Identifier: ISC */
/* A message's state as bytes, and the sum of its changes. */
#include <errno.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "queued/store/le.h"
#include "queued/store/state.h"

#define TLV 4 /* tag and length */

static const struct {
	enum store_set bit;
	uint16_t tag;
	uint16_t len;
} numbers[] = {
	{ STORE_SET_NEXT, STATE_NEXT, 8 },
	{ STORE_SET_ATTEMPTS, STATE_ATTEMPTS, 4 },
	{ STORE_SET_HELD, STATE_HELD, 1 },
	{ STORE_SET_POISON, STATE_POISON, 4 },
};

#define NNUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static uint16_t
text_cut(uint16_t len)
{
	return len > STORE_TEXT_MAX ? STORE_TEXT_MAX : len;
}

size_t
state_size(const struct store_state *st)
{
	size_t n = 0, i;

	for (i = 0; i < NNUMBERS; i++)
		if (st->set & (uint32_t)numbers[i].bit)
			n += TLV + numbers[i].len;
	if (st->set & STORE_SET_TEXT)
		n += TLV + (size_t)text_cut(st->text_len);
	for (i = 0; i < st->nrcpts; i++) {
		if (st->rcpts[i].index >= STORE_RCPTS_MAX) {
			errno = EINVAL;
			return 0;
		}
		n += TLV + STATE_RCPT_LEN +
		    (size_t)text_cut(st->rcpts[i].text_len);
	}
	for (i = 0; i < st->nextras; i++) {
		if (st->extras[i].tag < STORE_EXTRA_MIN) {
			errno = EINVAL;
			return 0;
		}
		n += TLV + (size_t)st->extras[i].len;
	}
	if (n == 0)
		errno = EINVAL;
	return n;
}

static uint8_t *
tlv_put(uint8_t *p, uint16_t tag, size_t len)
{
	le16_put(p, tag);
	le16_put(p + 2, (uint16_t)len);
	return p + TLV;
}

static uint8_t *
bytes_put(uint8_t *p, const void *data, size_t len)
{
	if (len > 0)
		memcpy(p, data, len);
	return p + len;
}

static uint8_t *
number_put(uint8_t *p, size_t i, const struct store_state *st)
{
	p = tlv_put(p, numbers[i].tag, numbers[i].len);
	switch ((enum state_tag)numbers[i].tag) {
	case STATE_NEXT:
		le64_put(p, st->next);
		break;
	case STATE_ATTEMPTS:
		le32_put(p, st->attempts);
		break;
	case STATE_POISON:
		le32_put(p, st->poison);
		break;
	case STATE_HELD:
		*p = st->held ? 1 : 0;
		break;
	case STATE_RCPT:
	case STATE_TEXT:
		break; /* no numbers */
	}
	return p + numbers[i].len;
}

static uint8_t *
rcpt_put(uint8_t *p, const struct store_rcpt *r)
{
	uint16_t len = text_cut(r->text_len);

	p = tlv_put(p, STATE_RCPT, (size_t)STATE_RCPT_LEN + len);
	le32_put(p, r->index);
	p[4] = r->status;
	p[5] = r->reason;
	le16_put(p + 6, r->code);
	le16_put(p + 8, r->attempts);
	return bytes_put(p + STATE_RCPT_LEN, r->text, len);
}

void
state_put(uint8_t *p, const struct store_state *st)
{
	size_t i;

	for (i = 0; i < NNUMBERS; i++)
		if (st->set & (uint32_t)numbers[i].bit)
			p = number_put(p, i, st);
	if (st->set & STORE_SET_TEXT) {
		p = tlv_put(p, STATE_TEXT, text_cut(st->text_len));
		p = bytes_put(p, st->text, text_cut(st->text_len));
	}
	for (i = 0; i < st->nrcpts; i++)
		p = rcpt_put(p, &st->rcpts[i]);
	for (i = 0; i < st->nextras; i++) {
		p = tlv_put(p, st->extras[i].tag, st->extras[i].len);
		p = bytes_put(p, st->extras[i].data, st->extras[i].len);
	}
}

void
state_sum_reset(struct state_sum *sum)
{
	size_t i;

	for (i = 0; i < sum->st.nrcpts; i++)
		sum->seen[sum->rcpts[i].index / 8] = 0;
	memset(&sum->st, 0, sizeof(sum->st));
}

/* True: now seen for the first time.  Grows the bit map as needed. */
static int
first_seen(struct state_sum *sum, uint32_t index)
{
	size_t byte = index / 8, cap;
	uint8_t bit = (uint8_t)(1U << (index % 8)), *p;

	if (byte >= sum->cap_seen) {
		cap = byte * 2 + 64;
		p = realloc(sum->seen, cap);
		if (p == NULL)
			return -1;
		memset(p + sum->cap_seen, 0, cap - sum->cap_seen);
		sum->seen = p;
		sum->cap_seen = cap;
	}
	if (sum->seen[byte] & bit)
		return 0;
	sum->seen[byte] |= bit;
	return 1;
}

static int
rcpt_add(struct state_sum *sum, const uint8_t *p, size_t len)
{
	struct store_rcpt *r;
	uint32_t index;
	size_t cap;

	if (len < STATE_RCPT_LEN || (index = le32_get(p)) >= STORE_RCPTS_MAX) {
		errno = EBADMSG;
		return -1;
	}
	if (sum->st.nrcpts == sum->cap_rcpts) {
		cap = sum->cap_rcpts * 2 + 4;
		r = reallocarray(sum->rcpts, cap, sizeof(*r));
		if (r == NULL)
			return -1;
		sum->rcpts = r;
		sum->cap_rcpts = cap;
	}
	sum->st.rcpts = sum->rcpts; /* moved, even if this one is not new */
	switch (first_seen(sum, index)) {
	case -1:
		return -1;
	case 0:
		return 0;
	}
	r = &sum->rcpts[sum->st.nrcpts++];
	r->index = index;
	r->status = p[4];
	r->reason = p[5];
	r->code = le16_get(p + 6);
	r->attempts = le16_get(p + 8);
	r->text_len = (uint16_t)(len - STATE_RCPT_LEN);
	r->text = r->text_len > 0 ? (const char *)p + STATE_RCPT_LEN : NULL;
	return 0;
}

static int
extra_add(struct state_sum *sum, uint16_t tag, const uint8_t *p, size_t len)
{
	struct store_extra *e;
	size_t i, cap;

	for (i = 0; i < sum->st.nextras; i++)
		if (sum->extras[i].tag == tag)
			return 0;
	if (sum->st.nextras == sum->cap_extras) {
		cap = sum->cap_extras * 2 + 4;
		e = reallocarray(sum->extras, cap, sizeof(*e));
		if (e == NULL)
			return -1;
		sum->extras = e;
		sum->cap_extras = cap;
	}
	e = &sum->extras[sum->st.nextras++];
	e->tag = tag;
	e->len = (uint16_t)len;
	e->data = p;
	sum->st.extras = sum->extras;
	return 0;
}

static void
number_add(struct store_state *st, size_t i, const uint8_t *p)
{
	if (st->set & (uint32_t)numbers[i].bit)
		return;
	st->set |= (uint32_t)numbers[i].bit;
	switch ((enum state_tag)numbers[i].tag) {
	case STATE_NEXT:
		st->next = le64_get(p);
		break;
	case STATE_ATTEMPTS:
		st->attempts = le32_get(p);
		break;
	case STATE_POISON:
		st->poison = le32_get(p);
		break;
	case STATE_HELD:
		st->held = *p != 0;
		break;
	case STATE_RCPT:
	case STATE_TEXT:
		break; /* no numbers */
	}
}

static int
tlv_add(struct state_sum *sum, uint16_t tag, const uint8_t *p, size_t len)
{
	size_t i;

	if (tag == STATE_RCPT)
		return rcpt_add(sum, p, len);
	if (tag >= STORE_EXTRA_MIN)
		return extra_add(sum, tag, p, len);
	if (tag == STATE_TEXT) {
		if (!(sum->st.set & STORE_SET_TEXT)) {
			sum->st.set |= STORE_SET_TEXT;
			sum->st.text = (const char *)p;
			sum->st.text_len = (uint16_t)len;
		}
		return 0;
	}
	for (i = 0; i < NNUMBERS; i++)
		if (numbers[i].tag == tag && numbers[i].len == len)
			number_add(&sum->st, i, p);
	return 0; /* a later program's tag: not ours to judge */
}

int
state_sum_add(struct state_sum *sum, const uint8_t *p, size_t left)
{
	size_t len;

	while (left > 0) {
		if (left < TLV || (len = le16_get(p + 2)) > left - TLV) {
			errno = EBADMSG;
			return -1;
		}
		if (tlv_add(sum, le16_get(p), p + TLV, len) == -1)
			return -1;
		p += TLV + len;
		left -= TLV + len;
	}
	return 0;
}

static int
by_index(const void *a, const void *b)
{
	const struct store_rcpt *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

void
state_sum_sort(struct state_sum *sum)
{
	if (sum->st.nrcpts > 1)
		qsort(sum->rcpts, sum->st.nrcpts, sizeof(*sum->rcpts),
		    by_index);
}

void
state_sum_free(struct state_sum *sum)
{
	free(sum->rcpts);
	free(sum->extras);
	free(sum->seen);
	memset(sum, 0, sizeof(*sum));
}

size_t
state_sum_fit(struct state_sum *sum, size_t max)
{
	static const uint16_t cuts[] = { STORE_TEXT_MAX, 100, 40, 0 };
	size_t i, k, n = state_size(&sum->st);

	for (k = 0; k < sizeof(cuts) / sizeof(cuts[0]) && n > max; k++) {
		for (i = 0; i < sum->st.nrcpts; i++)
			if (sum->rcpts[i].text_len > cuts[k])
				sum->rcpts[i].text_len = cuts[k];
		n = state_size(&sum->st);
	}
	return n;
}
