/* SPDX-License-Identifier: ISC */
/*
 * The texts of smtpload, made once: a transaction's commands, and a message
 * that differs from the next in its first line only.
 */
#ifndef BENCH_MAILTEXT_H
#define BENCH_MAILTEXT_H

#include <stddef.h>
#include <stdint.h>

#define MAIL_HEAD 35U /* "X-Bench: rrrrrrrr nnnnnnnn ssssssss" */

struct mail_envelope {
	char text[1536]; /* MAIL, RCPT and DATA */
	size_t at[4];	 /* where each begins; the end */
};

struct mail_body {
	char *text; /* what follows a head, with its dot */
	size_t len;
};

/* Returns the size of a message, at least `size`. */
unsigned mail_body(struct mail_body *, unsigned size, const char *from,
    const char *to);

void mail_envelope(struct mail_envelope *, unsigned size, const char *from,
    const char *to);

/* Writes MAIL_HEAD characters. */
void mail_head(char *, uint32_t run, uint32_t number, uint32_t size);

#endif
