/* SPDX-License-Identifier: ISC */
#include "common/base/civil.h"

/* Eras of 400 years that begin in March, so that leap days come last. */
void
civil_utc(uint64_t t, struct civil *c)
{
	uint64_t z = t / 86400 + 719468, era = z / 146097, doe = z % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint64_t mp = (5 * doy + 2) / 153;
	unsigned s = (unsigned)(t % 86400);

	c->day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	c->month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	c->year = (unsigned)(yoe + era * 400 + (c->month <= 2 ? 1 : 0));
	c->hour = s / 3600;
	c->minute = s / 60 % 60;
	c->second = s % 60;
}
