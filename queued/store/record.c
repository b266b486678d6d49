/* SPDX-License-Identifier: ISC */
/* Records and segment headers as bytes. */
#include <string.h>

#include "queued/store/crc32c.h"
#include "queued/store/le.h"
#include "queued/store/record.h"

/* offsets in a record's header */
enum {
	H_MAGIC = 0,
	H_TYPE = 4,
	H_FLAGS = 6,
	H_LEN = 8,
	H_BATCH = 12,
	H_ID = 16,
	H_EPOCH = 24,
	H_CRC = 32,
	H_HCRC = 36
};

/* offsets in a segment's header */
enum {
	S_MAGIC = 0,
	S_VERSION = 8,
	S_SEQ = 12,
	S_EPOCH = 16,
	S_SIZE = 24,
	S_CREATED = 32,
	S_FLAGS = 40,
	S_CRC = 60
};

static uint32_t
header_crc(const uint8_t *h, const struct rec_place *place)
{
	uint8_t seed[12];

	le32_put(seed, place->seq);
	le64_put(seed + 4, place->off);
	return crc32c(crc32c(0, seed, sizeof(seed)), h, H_HCRC);
}

void
rec_put(uint8_t *h, const struct rec *r, const struct rec_place *place)
{
	le32_put(h + H_MAGIC, REC_MAGIC);
	le16_put(h + H_TYPE, r->type);
	le16_put(h + H_FLAGS, r->flags);
	le32_put(h + H_LEN, r->len);
	le32_put(h + H_BATCH, r->batch);
	le64_put(h + H_ID, r->id);
	le64_put(h + H_EPOCH, place->epoch);
	le32_put(h + H_CRC, r->crc);
	le32_put(h + H_HCRC, header_crc(h, place));
}

int
rec_get(const uint8_t *h, struct rec *r, const struct rec_place *place)
{
	if (le32_get(h + H_MAGIC) != REC_MAGIC ||
	    le64_get(h + H_EPOCH) != place->epoch ||
	    le32_get(h + H_HCRC) != header_crc(h, place))
		return -1;
	r->type = le16_get(h + H_TYPE);
	r->flags = le16_get(h + H_FLAGS);
	r->len = le32_get(h + H_LEN);
	r->batch = le32_get(h + H_BATCH);
	r->id = le64_get(h + H_ID);
	r->epoch = le64_get(h + H_EPOCH);
	r->crc = le32_get(h + H_CRC);
	return 0;
}

bool
rec_near(const uint8_t *h, const struct rec_place *place)
{
	uint8_t copy[REC_HEADER];
	bool magic = le32_get(h + H_MAGIC) == REC_MAGIC;
	bool epoch = le64_get(h + H_EPOCH) == place->epoch;

	if (magic && epoch)
		return true;
	memcpy(copy, h, sizeof(copy));
	le32_put(copy + H_MAGIC, REC_MAGIC);
	le64_put(copy + H_EPOCH, place->epoch);
	return le32_get(copy + H_HCRC) == header_crc(copy, place);
}

int64_t
rec_covered(const struct rec *r, const uint8_t *payload)
{
	uint32_t env;

	if (r->type != REC_MSG)
		return r->len;
	if (r->len < REC_MSG_PREFIX)
		return -1;
	env = le32_get(payload);
	if (env > r->len - REC_MSG_PREFIX)
		return -1;
	return REC_MSG_PREFIX + (int64_t)env;
}

bool
rec_padded(const struct rec *r, const uint8_t *payload)
{
	uint64_t i;

	for (i = r->len; i < rec_total(r->len) - REC_HEADER; i++)
		if (payload[i] != 0)
			return false;
	return true;
}

bool
rec_sound(const struct rec *r, const uint8_t *payload)
{
	int64_t covered = rec_covered(r, payload);

	if (covered == -1 || crc32c(0, payload, (size_t)covered) != r->crc)
		return false;
	return r->type != REC_MSG ||
	    crc32c(0, payload + covered, r->len - (size_t)covered) ==
	    le32_get(payload + 4);
}

void
rec_file_put(uint8_t *p, const struct rec_file *f)
{
	le32_put(p, f->env_len);
	le32_put(p + 4, f->state_len);
	le64_put(p + 8, f->size);
	le32_put(p + 16, f->body_crc);
	le32_put(p + 20, 0);
}

int
rec_file_get(const uint8_t *p, uint32_t len, struct rec_file *f)
{
	if (len < REC_FILE_PREFIX)
		return -1;
	f->env_len = le32_get(p);
	f->state_len = le32_get(p + 4);
	f->size = le64_get(p + 8);
	f->body_crc = le32_get(p + 16);
	len -= REC_FILE_PREFIX;
	if (f->env_len > len || f->state_len != len - f->env_len)
		return -1;
	return 0;
}

void
rec_start_put(uint8_t *p, const struct rec_start *st)
{
	le32_put(p, st->version);
	le32_put(p + 4, st->seq);
	le64_put(p + 8, st->size);
	le32_put(p + 16, st->prev_seq);
	le32_put(p + 20, st->flags);
	le64_put(p + 24, st->prev_end);
	le32_put(p + 32, st->oldest);
	le32_put(p + 36, st->newest);
}

void
rec_start_get(const uint8_t *p, struct rec_start *st)
{
	st->version = le32_get(p);
	st->seq = le32_get(p + 4);
	st->size = le64_get(p + 8);
	st->prev_seq = le32_get(p + 16);
	st->flags = le32_get(p + 20);
	st->prev_end = le64_get(p + 24);
	st->oldest = le32_get(p + 32);
	st->newest = le32_get(p + 36);
}

void
seg_header_put(uint8_t *h, const struct seg_header *sh)
{
	memset(h, 0, SEG_HEADER);
	memcpy(h + S_MAGIC, SEG_MAGIC, sizeof(SEG_MAGIC) - 1);
	le32_put(h + S_VERSION, sh->version);
	le32_put(h + S_SEQ, sh->seq);
	le64_put(h + S_EPOCH, sh->epoch);
	le64_put(h + S_SIZE, sh->size);
	le64_put(h + S_CREATED, sh->created);
	le32_put(h + S_FLAGS, sh->flags);
	le32_put(h + S_CRC, crc32c(0, h, S_CRC));
}

enum seg_verdict
seg_header_get(const uint8_t *h, struct seg_header *sh)
{
	if (memcmp(h + S_MAGIC, SEG_MAGIC, sizeof(SEG_MAGIC) - 1) != 0 ||
	    le32_get(h + S_CRC) != crc32c(0, h, S_CRC))
		return SEG_BAD;
	sh->version = le32_get(h + S_VERSION);
	sh->seq = le32_get(h + S_SEQ);
	sh->epoch = le64_get(h + S_EPOCH);
	sh->size = le64_get(h + S_SIZE);
	sh->created = le64_get(h + S_CREATED);
	sh->flags = le32_get(h + S_FLAGS);
	return sh->version == SEG_VERSION ? SEG_OK : SEG_FUTURE;
}
