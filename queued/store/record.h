/* SPDX-License-Identifier: ISC */
/*
 * Records and segment headers as bytes (spool(5)).  Pure.
 *
 * A record is a header of REC_HEADER bytes, its payload, and zeros up to a
 * multiple of eight.  The header's CRC also covers the segment's number and
 * the offset, which are not stored: a record is valid in its place only.
 * The payload's CRC covers all of it, but of MSG only what precedes the body;
 * the body has its own.
 */
#ifndef QUEUED_STORE_RECORD_H
#define QUEUED_STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REC_HEADER 40
#define REC_MAGIC  0x63655250U /* "PRec" */

enum rec_type {
	REC_MSG = 1,   /* u32 envelope length, u32 CRC of body; both */
	REC_FILE = 2,  /* a message whose body is a file: struct rec_file */
	REC_MOVED = 3, /* the same for a message that was there before */
	REC_STATE = 4, /* u32 segment, u32 offset/8 of the one before; TLVs */
	REC_DONE = 5,  /* empty */
	REC_START = 6, /* first in each segment: struct rec_start */
	REC_TAIL = 7   /* u32 oldest segment that is needed, u32 0 */
};

enum rec_flag {
	REC_FIRST = 1 << 0, /* of its batch */
	REC_LAST = 1 << 1
};

#define REC_MSG_PREFIX	 8
#define REC_FILE_PREFIX	 24
#define REC_STATE_PREFIX 8
#define REC_TAIL_LEN	 8
#define REC_START_LEN	 40

struct rec {
	uint16_t type; /* enum rec_type, or one of a later program */
	uint16_t flags;
	uint32_t len; /* of the payload */
	uint32_t batch;
	uint64_t id;
	uint64_t epoch;
	uint32_t crc; /* of the payload */
};

/* Where a record stands; makes its header valid there and nowhere else. */
struct rec_place {
	uint32_t seq;
	uint64_t epoch;
	uint64_t off;
};

struct rec_file {
	uint32_t env_len, state_len;
	uint64_t size;	   /* of the body */
	uint32_t body_crc; /* then envelope and state */
};

struct rec_start {
	uint32_t version;
	uint32_t seq;
	uint64_t size;	   /* of the segment */
	uint32_t prev_seq; /* where the log continues from; 0: begins here */
	uint32_t flags;	   /* enum start_flag */
	uint64_t prev_end; /* what stands behind it there does not count */
	uint32_t oldest;   /* as in TAIL */
	uint32_t newest;   /* rec_time() of the newest id so far; 0: unknown */
};

enum start_flag {
	START_PREV_SYNCED = 1 << 0,  /* all before prev_end was synced */
	START_PREV_POISONED = 1 << 1 /* a write or sync failed there */
};

/* Seconds since the start of 2020 in a message's id. */
static inline uint32_t
rec_time(uint64_t id)
{
	return (uint32_t)((id >> 20) / 1000);
}

/* bytes that a record with this payload takes */
static inline uint64_t
rec_total(uint32_t len)
{
	return REC_HEADER + (((uint64_t)len + 7) & ~(uint64_t)7);
}

void rec_put(uint8_t *, const struct rec *, const struct rec_place *);
/* -1: this is no header that is valid in this place */
int rec_get(const uint8_t *, struct rec *, const struct rec_place *);
/* True if it would be valid but for damage of magic or epoch. */
bool rec_near(const uint8_t *, const struct rec_place *);
bool rec_sound(const struct rec *, const uint8_t *payload);
bool rec_padded(const struct rec *, const uint8_t *payload); /* with zeros */
/* bytes of the payload that its CRC covers; -1: not well-formed */
int64_t rec_covered(const struct rec *, const uint8_t *payload);

void rec_file_put(uint8_t *, const struct rec_file *);
int rec_file_get(const uint8_t *, uint32_t len, struct rec_file *);
void rec_start_put(uint8_t *, const struct rec_start *);
void rec_start_get(const uint8_t *, struct rec_start *);

/* --- segment header --- */

#define SEG_MAGIC   "PSTNSEG\n"
#define SEG_VERSION 1
#define SEG_HEADER  64
#define SEG_DATA    4096 /* the first record, always a START */

struct seg_header {
	uint32_t version;
	uint32_t seq;
	uint64_t epoch;
	uint64_t size;
	uint64_t created; /* Unix ms */
	uint32_t flags;	  /* enum seg_flag */
};

enum seg_flag {
	SEG_FILLED = 1 << 0 /* with zeros to its size: a shorter one was cut */
};

enum seg_verdict { SEG_OK, SEG_BAD, SEG_FUTURE };

void seg_header_put(uint8_t *, const struct seg_header *);
enum seg_verdict seg_header_get(const uint8_t *, struct seg_header *);

#endif
