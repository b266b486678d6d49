/* SPDX-License-Identifier: ISC */
/* postern queue shape: destinations by the age of what waits for them */
#include <sys/ioctl.h>

#include <err.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "common/base/chan.h"
#include "postern/queue.h"

#define TOP   20 /* destinations, where not told otherwise */
#define NAME  30 /* columns of a name */
#define CELLS 10 /* of a bar */

struct dest {
	uint64_t total;
	struct cq_shape row;
};

struct shape {
	struct dest *v; /* sorted by name and side while it is summed up */
	size_t n, cap;
	struct dest all;
};

/* --- summing up --- */

static int
by_name(const void *va, const void *vb)
{
	const struct dest *a = va, *b = vb;

	if (a->row.side != b->row.side)
		return a->row.side < b->row.side ? -1 : 1;
	return strcmp(a->row.name, b->row.name);
}

static int
by_total(const void *va, const void *vb)
{
	const struct dest *a = va, *b = vb;

	if (a->total != b->total)
		return a->total > b->total ? -1 : 1;
	return by_name(va, vb);
}

static void
sum_up(struct dest *d, const struct cq_shape *row)
{
	size_t i;

	d->row.held += row->held;
	d->row.suspended += row->suspended;
	for (i = 0; i < CQ_AGES; i++) {
		d->row.ages[i] += row->ages[i];
		d->total += row->ages[i];
	}
}

static struct dest *
add(struct shape *s, const struct cq_shape *row)
{
	struct dest *v, *d;
	size_t cap;

	if (s->n == s->cap) {
		cap = s->cap == 0 ? 256 : 2 * s->cap;
		v = reallocarray(s->v, cap, sizeof(*v));
		if (v == NULL)
			err(EXIT_ASK, NULL);
		s->v = v;
		s->cap = cap;
	}
	d = &s->v[s->n++];
	memset(d, 0, sizeof(*d));
	d->row.side = row->side;
	(void)strlcpy(d->row.name, row->name, sizeof(d->row.name));
	return d;
}

static int
on_row(void *arg, uint16_t type, struct ibuf *b)
{
	struct shape *s = arg;
	struct cq_shape row;

	if (type != CQ_ANS_SHAPE || get_cq_shape(b, &row) == -1)
		return -1;
	sum_up(row.name[0] == '\0' ? &s->all : add(s, &row), &row);
	return 0;
}

/* One for each destination, the fullest first. */
static void
merge(struct shape *s)
{
	size_t i, n = 0;

	if (s->n == 0)
		return;
	qsort(s->v, s->n, sizeof(*s->v), by_name);
	for (i = 1; i < s->n; i++) {
		if (by_name(&s->v[n], &s->v[i]) == 0)
			sum_up(&s->v[n], &s->v[i].row);
		else
			s->v[++n] = s->v[i];
	}
	s->n = n + 1;
	qsort(s->v, s->n, sizeof(*s->v), by_total);
}

/* --- the picture --- */

static bool
is_utf8(void)
{
	return setlocale(LC_CTYPE, "") != NULL &&
	    strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Eighths of a cell, so that one message among many is still seen. */
static void
bar(uint64_t n, uint64_t most, bool utf8)
{
	static const char *const part[] = { "", "\u258f", "\u258e", "\u258d",
		"\u258c", "\u258b", "\u258a", "\u2589" };
	uint64_t eighths = most == 0 ? 0 : n * CELLS * 8 / most;
	unsigned i;

	if (n > 0 && eighths == 0)
		eighths = 1;
	if (!utf8) {
		for (i = 0; i < (eighths + 7) / 8; i++)
			(void)putchar('#');
		return;
	}
	for (i = 0; i < eighths / 8; i++)
		(void)fputs("\u2588", stdout);
	(void)fputs(part[eighths % 8], stdout);
}

/* The label of a class: until which age. */
static void
label(unsigned class, char buf[TEXT_MAX])
{
	unsigned minutes = CQ_AGE_MIN / 60U << class;

	if (class + 1 == CQ_AGES)
		(void)snprintf(buf, TEXT_MAX, "%um+", minutes / 2);
	else
		(void)snprintf(buf, TEXT_MAX, "%um", minutes);
}

static void
head(void)
{
	char buf[TEXT_MAX];
	unsigned i;

	(void)printf("%-*s %-4s %7s", NAME, "DESTINATION", "SIDE", "TOTAL");
	for (i = 0; i < CQ_AGES; i++) {
		label(i, buf);
		(void)printf(" %6s", buf);
	}
	(void)printf(" %6s %6s\n", "HELD", "SUSP");
}

/* A name that is too long loses its beginning: its end tells more. */
static void
name(const char *text)
{
	size_t len = strlen(text);

	if (len <= NAME)
		(void)printf("%-*s", NAME, text);
	else
		(void)printf("..%s", text + len - (NAME - 2));
}

static void
line(const struct dest *d, const char *what, const char *side, uint64_t most,
    bool utf8)
{
	unsigned i;

	name(what);
	(void)printf(" %-4s %7llu", side, (unsigned long long)d->total);
	for (i = 0; i < CQ_AGES; i++) {
		if (d->row.ages[i] == 0)
			(void)printf(" %6s", ".");
		else
			(void)printf(" %6u", d->row.ages[i]);
	}
	(void)printf(" %6u %6u", d->row.held, d->row.suspended);
	if (most > 0 && d->total > 0) {
		(void)putchar(' ');
		bar(d->total, most, utf8);
	}
	(void)putchar('\n');
}

/* How the ages of all of them lie, as a column of bars each. */
static void
picture(const struct dest *d, bool utf8)
{
	uint64_t most = 0;
	char buf[TEXT_MAX];
	unsigned i;

	for (i = 0; i < CQ_AGES; i++) {
		if (d->row.ages[i] > most)
			most = d->row.ages[i];
	}
	for (i = 0; i < CQ_AGES; i++) {
		label(i, buf);
		(void)printf("%8s %8u ", buf, d->row.ages[i]);
		bar(d->row.ages[i], 1 + (most - 1) / 4, utf8);
		(void)putchar('\n');
	}
}

static void
print_text(const struct shape *s, size_t top)
{
	bool utf8 = is_utf8();
	size_t i;

	if (s->all.total == 0) {
		(void)puts("the queue is empty");
		return;
	}
	head();
	for (i = 0; i < s->n && i < top; i++)
		line(&s->v[i], text_clean(s->v[i].row.name),
		    side_name((enum side)s->v[i].row.side), s->v[0].total,
		    utf8);
	if (s->n > top)
		(void)printf("... and %zu more\n", s->n - top);
	line(&s->all, "TOTAL", "", 0, utf8);
	(void)putchar('\n');
	picture(&s->all, utf8);
}

static void
row_json(const struct dest *d)
{
	char buf[TEXT_MAX];
	unsigned i;

	json_begin();
	json_str("destination", d->row.name);
	json_str("side",
	    d->row.name[0] == '\0' ? "" : side_name((enum side)d->row.side));
	json_num("messages", d->total);
	json_num("held", d->row.held);
	json_num("suspended", d->row.suspended);
	for (i = 0; i < CQ_AGES; i++) {
		label(i, buf);
		json_num(buf, d->row.ages[i]);
	}
	json_end();
}

static void
print_json(const struct shape *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		row_json(&s->v[i]);
	row_json(&s->all);
}

int
cmd_queue_shape(int argc, char **argv, bool json)
{
	struct selection sel = { .select = { .verb = CQ_SHAPE } };
	struct shape s = { 0 };
	struct ct_end end;
	const char *e = NULL;
	size_t top = TOP;
	int rc;

	if (selection_parse(&sel, &argc, &argv, "d:s:o:q:") == -1 || argc > 1)
		return EXIT_USE;
	if (argc == 1)
		top = (size_t)strtonum(argv[0], 1, 1000000, &e);
	if (e != NULL) {
		warnx("%s: how many destinations?", argv[0]);
		return EXIT_USE;
	}
	rc = selection_ask(&sel.select, on_row, &s, &end);
	if (rc == 0) {
		merge(&s);
		if (json)
			print_json(&s);
		else
			print_text(&s, top);
	}
	free(s.v);
	return rc;
}
