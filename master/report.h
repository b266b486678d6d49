/* SPDX-License-Identifier: ISC */
/*
 * What was found while a configuration was read, as lines for a person:
 * FILE:LINE: text.  The report owns its lines; it is printed by -n, logged
 * at start and sent to the operator after a reload that failed.
 */
#ifndef MASTER_REPORT_H
#define MASTER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REPORT_TEXT_MAX	  1024 /* a longer line is cut */
#define REPORT_ERRORS_MAX 50   /* further ones are counted only */

enum report_level { REPORT_ERROR, REPORT_WARNING };

struct report_line {
	enum report_level level;
	uint32_t line;
	char *text;
};

struct report {
	const char *file; /* not owned */
	struct report_line *v;
	size_t n;
	size_t errors;
	bool nomem; /* a line was lost: counts as an error */
};

void report_init(struct report *, const char *file);
void report_free(struct report *);
bool report_failed(const struct report *);
/* line 0: about the file or the host as a whole */
void report_error(struct report *, uint32_t line, const char *, ...)
    __attribute__((format(printf, 3, 4)));
void report_warning(struct report *, uint32_t line, const char *, ...)
    __attribute__((format(printf, 3, 4)));
/* By line; what came first on one line stays first. */
void report_sort(struct report *);
void report_print(const struct report *, FILE *);
/* Each line as an event of the log. */
void report_log(const struct report *);

#endif
