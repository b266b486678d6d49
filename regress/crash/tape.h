/* SPDX-License-Identifier: ISC */
/*
 * A tape of everything that reached a disk, in order: writes, flushes, and
 * the marks of whoever uses it.  It lies in memory that is shared with all
 * processes forked after tape_new(), and any of them may append.
 *
 * Lengths and offsets are bytes.  A tape that is full ends the process: a
 * part of a story proves nothing.
 */
#ifndef REGRESS_CRASH_TAPE_H
#define REGRESS_CRASH_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tape_kind {
	TAPE_WRITE = 1,
	TAPE_ZERO,  /* a write of nothing but zeros: no bytes are kept */
	TAPE_FLUSH, /* all writes before it are durable */
	TAPE_MARK   /* no write: bytes of ledger.h */
};

struct tape_entry {
	uint32_t kind;
	uint32_t len;
	uint64_t off;  /* on the disk */
	uint64_t data; /* where its bytes are: tape_bytes() */
};

struct tape;

struct tape *tape_new(size_t entries, size_t bytes);
void tape_free(struct tape *);
void tape_add(struct tape *, enum tape_kind, uint64_t off, const void *,
    size_t len);
size_t tape_length(const struct tape *);
const struct tape_entry *tape_at(const struct tape *, size_t);
const uint8_t *tape_bytes(const struct tape *, const struct tape_entry *);
void tape_cut(struct tape *, size_t n); /* forget entries from n on */

/* To and from a file, so that a state can be built again.  -1 and errno. */
int tape_save(const struct tape *, const char *path);
int tape_load(struct tape *, const char *path);

#endif
