/* SPDX-License-Identifier: ISC */
/*
 * Every codec of the edges in one table: for the tests of all of them alike,
 * and for their fuzzer.
 */
#ifndef REGRESS_MSG_MSG_CODECS_H
#define REGRESS_MSG_MSG_CODECS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/ibuf.h"

#define CODEC_TEXTS 6
#define CODEC_SIZE  8192 /* no structure, and no message in it, is larger */

struct codec {
	const char *name;
	int (*put)(struct ibuf *, const void *);
	int (*get)(struct ibuf *, void *);
	size_t size;	 /* of the structure */
	size_t min, max; /* what the header promises of the message */
	size_t under,
	    over; /* how far that is off the smallest and the largest */
	const void *least; /* a structure whose message is the smallest */
	void *most;	   /* and one whose message is the largest */
	bool part;	   /* more may follow in the same message */
	bool loose;	   /* one structure may come from several messages */
	/* its strings, as NUL-terminated arrays; size 0: no more */
	struct {
		size_t at, size;
	} text[CODEC_TEXTS];
};

extern struct codec codecs[];
extern const size_t ncodecs;

/* Fill the strings of the largest ones; to be called first. */
void codecs_init(void);
struct codec *codec_find(const char *name);

#endif
