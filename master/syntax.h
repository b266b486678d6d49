/* SPDX-License-Identifier: ISC */
/*
 * Syntax errors in words: what was found, where, and what would be right.
 */
#ifndef MASTER_SYNTAX_H
#define MASTER_SYNTAX_H

#include <stddef.h>
#include <stdint.h>

struct parser;

#define SYNTAX_EXPECTED_MAX 80

/* found and expected are the grammar's names of tokens */
void syntax_error(struct parser *, uint32_t line, const char *found,
    const char *const *expected, size_t n);

#endif
