/* SPDX-License-Identifier: ISC */
#include "smtpd-in/repair.h"

static size_t
put_end(char *out)
{
	out[0] = '\r';
	out[1] = '\n';
	return 2;
}

size_t
repair_lines(struct repair *r, const char *in, size_t len, char *out,
    size_t *repaired)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		bool after_cr = r->cr;

		r->cr = in[i] == '\r';
		if (in[i] == '\n') {
			*repaired += !after_cr;
			n += put_end(out + n);
			continue;
		}
		if (after_cr) {
			(*repaired)++;
			n += put_end(out + n);
		}
		if (!r->cr)
			out[n++] = in[i];
	}
	return n;
}
