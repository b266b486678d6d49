/* SPDX-License-Identifier: ISC */
/*
 * Sequences of commands, made up from a seed: what each means (for the
 * reference model), how it is written (for the session machine), and how the
 * client sends it.
 */
#ifndef REGRESS_MODEL_OPS_H
#define REGRESS_MODEL_OPS_H

#include <stdio.h>

#include "regress/model/ref.h"

#define OPS_MAX	     28
#define OPS_TEXT_MAX 260
#define OPS_WIRE_MAX 4096 /* of a command, or of a text with its dots */
#define SEQ_EAGER    "NOOP\r\n"

struct op {
	struct ref_cmd cmd; /* text points into text[] */
	uint8_t addr;	    /* which of the addresses */
	uint8_t shape;	    /* which way of writing it */
	char text[OPS_TEXT_MAX];
	bool join;   /* in one packet with what follows, where that may be */
	bool eager;  /* SEQ_EAGER follows in the same packet, allowed or not */
	bool cutoff; /* it is the last, and not sent whole */
	bool late;   /* questions are answered later */
	uint32_t cuts; /* how what is sent is cut */
};

struct seq {
	struct ref_conf conf;
	bool gone; /* how it ends: the client is gone, or we say 421 */
	uint32_t n;
	struct op ops[OPS_MAX];
};

/* splitmix64: the same everywhere */
uint64_t seq_random(uint64_t *state);

void seq_make(struct seq *, uint64_t seed);
/* An op was copied: its text moved along. */
void seq_fix(struct op *);
/* As it goes over the wire; octets. */
size_t op_command(const struct op *, char out[OPS_WIRE_MAX]);
size_t op_data(const struct op *, char out[OPS_WIRE_MAX]); /* after 354 */
void seq_print(FILE *, const struct seq *);

#endif
