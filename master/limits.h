/* SPDX-License-Identifier: ISC */
/*
 * The limits of the configuration as a table, and numbers with units.
 */
#ifndef MASTER_LIMITS_H
#define MASTER_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/conf.h"

enum unit {
	UNIT_COUNT, /* a bare number */
	UNIT_SIZE,  /* bytes, or k, m, g (powers of 1024) */
	UNIT_TIME   /* s, m, h, d: a unit must be written */
};

struct limit {
	const char *name;
	size_t offset; /* in struct conf_limits */
	bool wide;     /* 64 bits there */
	enum unit unit;
	uint64_t min, max;
};

#define LIMITS_N 22
extern const struct limit limits[LIMITS_N];

const struct limit *limit_find(const char *name); /* NULL: none */
uint64_t limit_get(const struct conf_limits *, const struct limit *);
void limit_set(struct conf_limits *, const struct limit *, uint64_t);

enum quantity_error {
	QUANTITY_OK,
	QUANTITY_SYNTAX,  /* not a number with a unit of this kind */
	QUANTITY_NO_UNIT, /* a time without a unit */
	QUANTITY_RANGE	  /* does not fit 64 bits */
};

enum quantity_error quantity_parse(const char *, enum unit, uint64_t *);
/* In the largest unit that divides it: "25m", "90s", "2h". */
#define QUANTITY_STRLEN 24
const char *quantity_fmt(uint64_t, enum unit, char[QUANTITY_STRLEN]);

#endif
