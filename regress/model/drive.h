/* SPDX-License-Identifier: ISC */
/*
 * A sequence is sent to smtpd-in's session machine, and all that comes out is
 * compared with what the reference model says: each reply's code, each
 * question with what it is about, the envelope and the text that are
 * submitted, each transaction's end, and the end of the session.
 */
#ifndef REGRESS_MODEL_DRIVE_H
#define REGRESS_MODEL_DRIVE_H

#include "regress/model/ops.h"

struct drive_tally {
	uint64_t commands;
	uint64_t delivered;
	uint64_t secured;      /* sessions that went on under TLS */
	uint64_t replies[600]; /* by code */
};

/* NULL: as it must be; else what was not, good until the next call. */
const char *drive(const struct seq *, struct drive_tally *);

#endif
