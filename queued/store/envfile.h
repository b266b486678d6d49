/* SPDX-License-Identifier: ISC */
/*
 * A message's envelope and state as a text file: NAME.env beside a spilled
 * body, and in what is exported.  Lines for people, then the same exactly, in
 * hexadecimal, for a program; the last line is a checksum of all before it.
 */
#ifndef QUEUED_STORE_ENVFILE_H
#define QUEUED_STORE_ENVFILE_H

#include <stddef.h>
#include <stdint.h>

#include "queued/store/store.h"

struct envfile {
	uint8_t *text; /* grows; the caller frees it */
	size_t len, cap;
	bool failed;
};

/*
 * note: a further line for people without its end, or NULL.  crc: of the
 * body.  -1: no memory; nothing to free.
 */
int envfile_make(struct envfile *, const struct store_msg *, uint32_t crc,
    const char *note);

struct envfile_parts {
	uint8_t *env, *state;
	size_t env_len, state_len;
	uint64_t size; /* of the body */
	uint32_t crc;
};

/* -1: cut off, damaged, or no memory.  The parts are to be freed always. */
int envfile_parse(const uint8_t *, size_t, struct envfile_parts *);
void envfile_free(struct envfile_parts *);

#endif
