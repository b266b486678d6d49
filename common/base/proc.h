/* SPDX-License-Identifier: ISC */
/*
 * The names of programs and instances.  Who may exist and who may talk to
 * whom stands in master/topology.c alone; this is only the vocabulary.
 */
#ifndef COMMON_BASE_PROC_H
#define COMMON_BASE_PROC_H

#include <stdint.h>

#include "common/base/conf.h"

enum proc {
	PROC_MASTER = 0,
	PROC_CONND,
	PROC_SMTPD_IN,
	PROC_QUEUED,
	PROC_SMTPD_OUT,
	PROC_DNSD_EXT,
	PROC_DNSD_INT,
	PROC_DIRD,
	PROC_LOGD,
	PROC_CTLD,
	PROC_KEYD,
	PROC_MAX
};

#define PROC_SIDE_NONE 2  /* beside enum side: belongs to neither */
#define INSTANCE_MAX   32 /* "smtpd-out/ext.15" and its NUL */

/* One process: what it is, which side it serves, which worker of it. */
struct peer {
	enum proc proc;
	uint8_t side;  /* enum side or PROC_SIDE_NONE */
	uint8_t index; /* worker number, from 0 */
};

const char *proc_name(enum proc); /* "smtpd-in": program and directory */
/* checked decode of an untrusted number; -1: none */
int proc_from(unsigned, enum proc *);
/* "smtpd-in/ext.0", "connd/int", "queued"; returns its buffer */
const char *peer_name(const struct peer *, char[INSTANCE_MAX]);

#endif
