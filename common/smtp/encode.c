/* SPDX-License-Identifier: ISC */
/* A message as it goes out after DATA: dot-stuffed slices. */
#include "common/smtp/encode.h"

#include <string.h>

void
smtp_encode_init(struct smtp_encoder *e)
{
	e->in_line = false;
	e->after_cr = false;
	e->failed = false;
}

/*
 * Octets of the line at the start of in, with its CRLF if that is there; 0
 * if the line has a bare CR or LF, or a NUL.
 */
static size_t
take_line(struct smtp_encoder *e, struct smtp_slice in)
{
	const char *lf = memchr(in.p, '\n', in.len);
	size_t n = lf == NULL ? in.len : (size_t)(lf - in.p);
	const char *cr = memchr(in.p, '\r', n);

	/* a CR carried over must be followed by LF at once */
	if ((e->after_cr && n > 0) || memchr(in.p, '\0', n) != NULL)
		return 0;
	if (lf == NULL) {
		if (cr != NULL && cr != in.p + n - 1)
			return 0;
		e->after_cr = cr != NULL;
		e->in_line = true;
		return n;
	}
	if (n == 0 ? !e->after_cr : cr != lf - 1)
		return 0;
	e->after_cr = false;
	e->in_line = false;
	return n + 1;
}

size_t
smtp_encode(struct smtp_encoder *e, struct smtp_slice in,
    struct smtp_slice *out)
{
	size_t at = 0, n;

	*out = smtp_slice(in.p, 0);
	if (e->failed || in.len == 0)
		return 0;
	if (!e->in_line && in.p[0] == '.') {
		*out = smtp_slice(".", 1);
		e->in_line = true;
		return 0;
	}
	do {
		n = take_line(e, smtp_slice(in.p + at, in.len - at));
		if (n == 0) {
			e->failed = true;
			return 0;
		}
		at += n;
	} while (at < in.len && in.p[at] != '.');
	*out = smtp_slice(in.p, at);
	return at;
}

int
smtp_encode_end(struct smtp_encoder *e, struct smtp_slice *out)
{
	if (e->failed || e->after_cr)
		return -1;
	*out =
	    e->in_line ? smtp_slice_str("\r\n.\r\n") : smtp_slice_str(".\r\n");
	return 0;
}
