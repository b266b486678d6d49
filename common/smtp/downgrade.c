/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "common/smtp/downgrade.h"

/* what is done to an entity */
enum plan {
	PLAN_QUOTE = 1 << 0,  /* its text becomes quoted-printable */
	PLAN_LABEL = 1 << 1,  /* it says 8bit and is 7bit afterwards */
	PLAN_VERSION = 1 << 2 /* a message with MIME fields, and no version */
};

static void
begin(struct smtp_downgrade *d)
{
	smtp_mime_init(&d->mime);
	smtp_quoted_init(&d->quoted);
	d->len = 0;
	d->within = false;
}

void
smtp_downgrade_init(struct smtp_downgrade *d)
{
	memset(d, 0, sizeof(*d));
	begin(d);
}

static bool
has_8bit(struct smtp_slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (smtp_is8bit(s.p[i]))
			return true;
	return false;
}

/* The first reason counts. */
static void
refuse(struct smtp_downgrade *d, enum smtp_downgrade_verdict why)
{
	if (d->verdict == DOWNGRADE_OK)
		d->verdict = why;
}

/* --- looking --- */

static void
plan_header(struct smtp_downgrade *d)
{
	const struct mime_entity *e = &d->mime.entity;

	if (e->index >= SMTP_DOWNGRADE_ENTITIES) {
		refuse(d, DOWNGRADE_STRUCTURE);
		return;
	}
	if (d->mime.is_signed || e->unclear)
		return;
	if (e->encoding == MIME_ENC_8BIT || e->encoding == MIME_ENC_BINARY)
		d->plan[e->index] |= PLAN_LABEL;
	if (e->is_root && e->has_type && !e->has_version)
		d->plan[e->index] |= PLAN_VERSION;
}

static void
plan_text(struct smtp_downgrade *d)
{
	const struct mime_entity *e = &d->mime.entity;

	if (d->mime.is_signed)
		refuse(d, DOWNGRADE_SIGNED);
	else if (e->kind == MIME_FIXED)
		refuse(d, DOWNGRADE_FIXED);
	else if (e->unclear || e->encoding == MIME_ENC_CODED ||
	    e->index >= SMTP_DOWNGRADE_ENTITIES)
		refuse(d, DOWNGRADE_STRUCTURE);
	else
		d->plan[e->index] |= PLAN_QUOTE;
}

static void
look(struct smtp_downgrade *d, enum mime_place place, struct smtp_slice line)
{
	switch (place) {
	case MIME_HEADER:
		if (has_8bit(line))
			refuse(d, DOWNGRADE_HEADER);
		break;
	case MIME_BLANK:
		plan_header(d);
		break;
	case MIME_TEXT:
		if (has_8bit(line))
			plan_text(d);
		break;
	case MIME_OTHER:
		/* no reader looks at it, but a signature may be of it */
		if (d->mime.is_signed && has_8bit(line))
			refuse(d, DOWNGRADE_SIGNED);
		break;
	}
}

/* --- converting --- */

static uint8_t
plan_of(const struct smtp_downgrade *d)
{
	return d->mime.entity.index < SMTP_DOWNGRADE_ENTITIES
	    ? d->plan[d->mime.entity.index]
	    : 0;
}

static void
put_line(struct smtp_downgrade *d, struct smtp_slice line, bool ends)
{
	smtp_put_slice(&d->out, line);
	if (ends)
		smtp_put_str(&d->out, "\r\n");
}

/* Octets around parts, which mean nothing. */
static void
put_other(struct smtp_downgrade *d, struct smtp_slice line, bool ends)
{
	size_t i;

	for (i = 0; i < line.len; i++)
		smtp_put_char(&d->out,
		    smtp_is8bit(line.p[i]) ? '?' : line.p[i]);
	if (ends)
		smtp_put_str(&d->out, "\r\n");
}

/* The empty line, and before it what the header has to say now. */
static void
put_blank(struct smtp_downgrade *d)
{
	const struct mime_entity *e = &d->mime.entity;
	uint8_t plan = plan_of(d);

	smtp_quoted_init(&d->quoted);
	if ((plan & PLAN_VERSION) != 0 ||
	    ((plan & PLAN_QUOTE) != 0 && e->is_root && !e->has_version))
		smtp_put_str(&d->out, "MIME-Version: 1.0\r\n");
	/* RFC 1428: nobody said in which character set it is */
	if ((plan & PLAN_QUOTE) != 0 && !e->has_type)
		smtp_put_str(&d->out,
		    "Content-Type: text/plain; charset=unknown-8bit\r\n");
	if ((plan & PLAN_QUOTE) != 0)
		smtp_put_str(&d->out,
		    "Content-Transfer-Encoding: quoted-printable\r\n");
	else if ((plan & PLAN_LABEL) != 0)
		smtp_put_str(&d->out, "Content-Transfer-Encoding: 7bit\r\n");
	smtp_put_str(&d->out, "\r\n");
}

static void
convert(struct smtp_downgrade *d, enum mime_place place, struct smtp_slice line,
    bool ends)
{
	uint8_t plan = plan_of(d);

	switch (place) {
	case MIME_HEADER:
		if ((plan & (PLAN_QUOTE | PLAN_LABEL)) == 0 ||
		    d->mime.field != MIME_F_ENCODING)
			put_line(d, line, ends);
		break;
	case MIME_BLANK:
		put_blank(d);
		break;
	case MIME_TEXT:
		if ((plan & PLAN_QUOTE) != 0)
			smtp_quoted_put(&d->quoted, line, ends, &d->out);
		else
			put_line(d, line, ends);
		break;
	case MIME_OTHER:
		put_other(d, line, ends);
		break;
	}
}

/* --- lines --- */

static void
take_line(struct smtp_downgrade *d, size_t len, bool ends)
{
	struct smtp_slice line = smtp_slice(d->line, len);
	enum mime_place place;

	if (memchr(line.p, '\r', line.len) != NULL ||
	    memchr(line.p, '\0', line.len) != NULL)
		refuse(d, DOWNGRADE_LINES);
	place = smtp_mime_line(&d->mime, line, !d->within, ends);
	d->within = !ends;
	if (d->converting)
		convert(d, place, line, ends);
	else
		look(d, place, line);
}

/* The line in memory is whole, or as much as there is room for. */
static void
line_there(struct smtp_downgrade *d)
{
	bool cr = d->line[d->len - 1] == '\r';

	if (d->line[d->len - 1] == '\n') {
		if (d->len < 2 || d->line[d->len - 2] != '\r') {
			refuse(d, DOWNGRADE_LINES);
			d->line[d->len++ - 1] = '\r';
		}
		take_line(d, d->len - 2, true);
		d->len = 0;
		return;
	}
	take_line(d, d->len - cr, false);
	d->len = 0;
	if (cr)
		d->line[d->len++] = '\r';
}

/* Octets of in up to the end of a line, or to that of the memory. */
static size_t
fill(struct smtp_downgrade *d, struct smtp_slice in)
{
	size_t room = sizeof(d->line) - 1 - d->len;
	size_t n = in.len < room ? in.len : room;
	const char *lf = memchr(in.p, '\n', n);

	if (lf != NULL)
		n = (size_t)(lf - in.p) + 1;
	memcpy(d->line + d->len, in.p, n);
	d->len += n;
	if (lf != NULL || d->len == sizeof(d->line) - 1)
		line_there(d);
	return n;
}

void
smtp_downgrade_look(struct smtp_downgrade *d, struct smtp_slice in)
{
	size_t n;

	while (in.len > 0 && d->verdict == DOWNGRADE_OK) {
		n = fill(d, in);
		in = smtp_slice(in.p + n, in.len - n);
	}
}

enum smtp_downgrade_verdict
smtp_downgrade_looked(struct smtp_downgrade *d)
{
	if (d->len > 0)
		take_line(d, d->len, false);
	if (d->mime.odd)
		refuse(d, DOWNGRADE_STRUCTURE);
	begin(d);
	d->converting = true;
	return d->verdict;
}

size_t
smtp_downgrade_push(struct smtp_downgrade *d, struct smtp_slice in,
    struct smtp_slice *out)
{
	size_t n = 0;

	smtp_outbuf_init(&d->out, d->mem, sizeof(d->mem));
	if (in.len > 0)
		n = fill(d, in);
	*out = smtp_slice(d->mem, d->out.len);
	return n;
}

void
smtp_downgrade_end(struct smtp_downgrade *d, struct smtp_slice *out)
{
	smtp_outbuf_init(&d->out, d->mem, sizeof(d->mem));
	if (d->len > 0)
		take_line(d, d->len, false);
	d->len = 0;
	smtp_quoted_end(&d->quoted, &d->out);
	*out = smtp_slice(d->mem, d->out.len);
}
