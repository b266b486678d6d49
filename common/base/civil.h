/* SPDX-License-Identifier: ISC */
/*
 * Dates of the Gregorian calendar without a zone file: gmtime_r(3) would open
 * one, which a sandboxed process may not.
 */
#ifndef COMMON_BASE_CIVIL_H
#define COMMON_BASE_CIVIL_H

#include <stdint.h>

struct civil {
	unsigned year, month, day;     /* month and day from 1 */
	unsigned hour, minute, second; /* UTC */
};

/* t: Unix time in seconds */
void civil_utc(uint64_t t, struct civil *);

#endif
