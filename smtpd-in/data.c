/* SPDX-License-Identifier: ISC */
/* The text after DATA: a byte machine that works on whole runs of lines. */
#include "smtpd-in/data.h"

enum data_state {
	ST_LINE = 0, /* at the first octet of a line */
	ST_DOT,	     /* after a dot that began a line */
	ST_DOT_CR,   /* after a dot and a CR that began a line */
	ST_TEXT,     /* within a line */
	ST_CR	     /* within a line, after a CR */
};

/* Octets compared side by side; any CPU of ours does 16 at once. */
#define LANES 16
typedef unsigned char lanes __attribute__((vector_size(LANES)));

/* What a run of text holds, found without looking at its lines. */
struct tally {
	size_t crs;
	bool nul;
	bool eight_bit;
};

void
data_init(struct data_machine *d, uint64_t size_max, uint32_t line_max)
{
	memset(d, 0, sizeof(*d));
	d->size_max = size_max;
	d->line_max = line_max;
}

void
data_init_chunks(struct data_machine *d, uint64_t size_max, uint32_t line_max)
{
	data_init(d, size_max, line_max);
	d->chunks = true;
}

bool
data_end(struct data_machine *d)
{
	if (d->state == ST_CR)
		d->faults |= DATA_F_BARE_CR;
	if (d->state != ST_TEXT)
		return false;
	d->state = ST_LINE;
	d->size += 2;
	if (d->size > d->size_max)
		d->faults |= DATA_F_TOO_BIG;
	return d->faults == 0;
}

static void
tally_octet(struct tally *t, unsigned char c)
{
	t->crs += c == '\r';
	t->nul |= c == '\0';
	t->eight_bit |= (c & 0x80) != 0;
}

/* Up to 255 blocks: then a lane's count of CRs could overflow. */
static void
tally_blocks(struct tally *t, const char *p, size_t blocks)
{
	lanes crs = { 0 }, nuls = { 0 }, all = { 0 };
	size_t i;

	for (i = 0; i < blocks; i++) {
		lanes v;

		memcpy(&v, p + i * LANES, LANES);
		crs -= (lanes)(v == '\r');
		nuls |= (lanes)(v == 0);
		all |= v;
	}
	for (i = 0; i < LANES; i++) {
		t->crs += crs[i];
		t->nul |= nuls[i] != 0;
		t->eight_bit |= (all[i] & 0x80) != 0;
	}
}

static void
tally_run(struct tally *t, const char *p, size_t len)
{
	while (len >= LANES) {
		size_t blocks = len / LANES;

		if (blocks > UINT8_MAX)
			blocks = UINT8_MAX;
		tally_blocks(t, p, blocks);
		p += blocks * LANES;
		len -= blocks * LANES;
	}
	for (; len > 0; len--)
		tally_octet(t, (unsigned char)*p++);
}

static void
grow_line(struct data_machine *d, size_t n)
{
	if (n > UINT32_MAX - d->line_len)
		d->line_len = UINT32_MAX;
	else
		d->line_len += (uint32_t)n;
}

static void
check_line(struct data_machine *d, bool cr_included)
{
	if (d->line_len > d->line_max &&
	    d->line_len - cr_included > d->line_max)
		d->faults |= DATA_F_LONG_LINE;
}

/*
 * Lines from the front of in, until one begins with a dot or in is used up.
 * Returns the octets read; *crs gets the number of CRs that were seen in
 * their place, before a LF or as the last octet.
 */
static size_t
take_lines(struct data_machine *d, struct smtp_slice in, size_t *crs)
{
	const char *p = in.p, *end = in.p + in.len, *lf;
	bool cr;

	while (p < end && (d->state != ST_LINE || *p != '.' || d->chunks)) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL) {
			cr = end[-1] == '\r';
			grow_line(d, (size_t)(end - p));
			check_line(d, cr);
			d->state = cr ? ST_CR : ST_TEXT;
			*crs += cr;
			return in.len;
		}
		cr = lf > p ? lf[-1] == '\r' : d->state == ST_CR;
		*crs += cr && lf > in.p;
		grow_line(d, (size_t)(lf - p));
		check_line(d, cr);
		p = lf + 1;
		if (cr) {
			d->line_len = 0;
			d->state = ST_LINE;
		} else {
			grow_line(d, 1);
			d->faults |= DATA_F_BARE_LF;
			d->state = ST_TEXT;
		}
	}
	return (size_t)(p - in.p);
}

static size_t
take_text(struct data_machine *d, struct smtp_slice in)
{
	struct tally t = { 0, false, false };
	size_t crs = 0, n;

	/* a CR carried over must be followed by LF at once */
	if (d->state == ST_CR && in.p[0] != '\n')
		d->faults |= DATA_F_BARE_CR;
	n = take_lines(d, in, &crs);
	tally_run(&t, in.p, n);
	if (t.crs != crs)
		d->faults |= DATA_F_BARE_CR;
	if (t.nul)
		d->faults |= DATA_F_NUL;
	d->eight_bit |= t.eight_bit;
	return n;
}

/*
 * The octets at the beginning of a line that decide what it is.  Returns the
 * octets read; state is ST_TEXT when the line turned out to be text, and
 * *ended is set at the end of all text.
 */
static size_t
take_start(struct data_machine *d, struct smtp_slice in, bool *ended)
{
	size_t at = 0;

	while (at < in.len && d->state < ST_TEXT && !d->chunks) {
		char c = in.p[at];

		if (d->state == ST_LINE && c == '.')
			d->state = ST_DOT;
		else if (d->state == ST_DOT && c == '\r')
			d->state = ST_DOT_CR;
		else if (d->state == ST_DOT_CR && c == '\n') {
			*ended = true;
			return at + 1;
		} else {
			/* the CR after the dot was no line end */
			if (d->state == ST_DOT_CR)
				d->faults |= DATA_F_BARE_CR;
			d->state = ST_TEXT;
			break;
		}
		at++;
	}
	return at;
}

enum data_event
data_next(struct data_machine *d, struct smtp_slice in, size_t *used,
    struct smtp_slice *out)
{
	size_t at = 0, n;
	bool ended = false;

	*used = 0;
	*out = smtp_slice(in.p, 0);
	while (at < in.len) {
		n = take_start(d, smtp_slice(in.p + at, in.len - at), &ended);
		at += n;
		d->octets += n;
		*used = at;
		if (ended)
			return DATA_END;
		if (at == in.len)
			break;
		n = take_text(d, smtp_slice(in.p + at, in.len - at));
		*out = smtp_slice(in.p + at, n);
		at += n;
		d->octets += n;
		*used = at;
		d->size += n;
		if (d->size > d->size_max)
			d->faults |= DATA_F_TOO_BIG;
		if (d->faults == 0)
			return DATA_CHUNK;
		*out = smtp_slice(in.p, 0);
	}
	return DATA_MORE;
}
