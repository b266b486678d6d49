/* SPDX-License-Identifier: ISC */
/*
 * The words of the configuration language, and which of several a mistyped
 * one was meant to be.
 */
#ifndef MASTER_WORDS_H
#define MASTER_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct word {
	const char *text;
	int token;	  /* of the grammar */
	const char *home; /* where it is written, for the error */
};

const struct word *word_find(const char *); /* NULL: not a word of ours */
/*
 * The candidate nearest to what was typed, if it is near enough to be meant
 * (letters changed, missing, doubled or swapped); NULL if none is.
 */
const char *word_suggest(const char *typed, const char *const *candidates,
    size_t n);

#endif
