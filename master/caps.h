/* SPDX-License-Identifier: ISC */
/* The capabilities that posternd keeps, each with its reason. */
#ifndef MASTER_CAPS_H
#define MASTER_CAPS_H

#include <stdint.h>

/*
 * Give up all that the start does not need, and the host's IPC objects; fatal
 * if that fails.
 */
void caps_start(void);
/* The start is over: give up what only it needed. */
void caps_run(void);
/* Bits of those kept while running, by capability number, for the audit. */
uint64_t caps_mask(void);

#endif
