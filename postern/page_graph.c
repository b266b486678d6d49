/* SPDX-License-Identifier: ISC */
/* The picture of processes, channels and sides: see page.h. */
#include <string.h>

#include "postern/page.h"

#define WIDTH	 1200
#define HEIGHT	 620
#define ZONE_TOP 10
#define ZONE_END 520
#define BOX_W	 150
#define BOX_H	 46
#define ROW(n)	 (100 + 115 * (n))
#define BEND	 115 /* of a line within a column, past others */

/* Of what stands behind no row, the picture has a place of its own. */
static const struct place {
	const char *name;
	const char *side; /* class */
	int x, y;	  /* the middle */
} places[] = {
	{ "connd/ext", "ext", 100, ROW(1) },
	{ "smtpd-in/ext", "ext", 340, ROW(0) },
	{ "smtpd-out/ext", "ext", 340, ROW(1) },
	{ "dnsd-ext", "ext", 340, ROW(2) },
	{ "dird", "mid", 600, ROW(0) },
	{ "queued", "mid", 600, ROW(1) },
	{ "keyd", "mid", 600, ROW(2) },
	{ "ctld", "mid", 600, ROW(3) },
	{ "smtpd-in/int", "int", 860, ROW(0) },
	{ "smtpd-out/int", "int", 860, ROW(1) },
	{ "dnsd-int", "int", 860, ROW(2) },
	{ "connd/int", "int", 1100, ROW(1) },
	{ "posternd", "mid", 500, 575 },
	{ "logd", "mid", 700, 575 },
};
#define NPLACES (sizeof(places) / sizeof(places[0]))

static const struct {
	const char *side, *title;
	int x, width;
} zones[] = {
	{ "ext", "the Internet's side", 10, 430 },
	{ "mid", "on neither side, in no network", 450, 300 },
	{ "int", "the intranet's side", 760, 430 },
};

static const struct place *
place_of(const char *name)
{
	size_t i;

	for (i = 0; i < NPLACES; i++)
		if (strcmp(places[i].name, name) == 0)
			return &places[i];
	return NULL;
}

/* Where a line to another box leaves this one: lines are spread by it. */
static int
port(const struct place *p, const struct place *other)
{
	int shift = (other->y - p->y) / 9, most = BOX_H / 2 - 6;

	return p->y + (shift > most ? most : shift < -most ? -most : shift);
}

/* From border to border; past the boxes between two of one column. */
static void
path(FILE *fp, const struct place *a, const struct place *b)
{
	int dx = a->x < b->x ? BOX_W / 2 : -BOX_W / 2;
	int dy = a->y < b->y ? BOX_H / 2 : -BOX_H / 2;
	int gap = a->y < b->y ? b->y - a->y : a->y - b->y;
	/* an outer column bends outwards, the middle to the right */
	int out = a->x < WIDTH / 2 ? -1 : 1;

	if (a->x == b->x && gap <= ROW(1) - ROW(0))
		(void)fprintf(fp, "M%d %dV%d", a->x, a->y + dy, b->y - dy);
	else if (a->x == b->x)
		(void)fprintf(fp, "M%d %dC%d %d %d %d %d %d",
		    a->x + out * BOX_W / 2, a->y, a->x + out * BEND, a->y,
		    a->x + out * BEND, b->y, b->x + out * BOX_W / 2, b->y);
	else
		(void)fprintf(fp, "M%d %dC%d %d %d %d %d %d", a->x + dx,
		    port(a, b), (a->x + b->x) / 2, port(a, b),
		    (a->x + b->x) / 2, port(b, a), b->x - dx, port(b, a));
}

static void
draw_wire(FILE *fp, const struct wire *w)
{
	const struct place *a = place_of(w->from), *b = place_of(w->to);
	bool back = strcmp(w->pass, "back") == 0;

	/* everybody has these two, which is said in words */
	if (a == NULL || b == NULL || w->planned ||
	    strcmp(w->to, "posternd") == 0 || strcmp(w->to, "logd") == 0)
		return;
	(void)fprintf(fp, "<path class=\"wire%s\"%s d=\"",
	    strcmp(w->pass, "none") == 0 ? "" : " hands",
	    strcmp(w->pass, "none") == 0 ? "" : " marker-end=\"url(#head)\"");
	path(fp, back ? b : a, back ? a : b);
	(void)fputs("\"><title>", fp);
	page_escape(fp, w->from);
	(void)fputs(" \xe2\x86\x92 ", fp);
	page_escape(fp, w->to);
	(void)fputs(": ", fp);
	page_escape(fp, w->what);
	(void)fputs("</title></path>\n", fp);
}

static void
draw_box(FILE *fp, const char *name)
{
	const struct place *p = place_of(name);

	if (p == NULL)
		return;
	(void)fprintf(fp,
	    "<a href=\"#%s\"><g class=\"%s\"><rect x=\"%d\" y=\"%d\" "
	    "width=\"%d\" height=\"%d\" rx=\"6\"/>"
	    "<text x=\"%d\" y=\"%d\">%s</text></g></a>\n",
	    name, p->side, p->x - BOX_W / 2, p->y - BOX_H / 2, BOX_W, BOX_H,
	    p->x, p->y + 5, name);
}

void
page_graph(FILE *fp, const struct wires *wires, const char *const *names,
    size_t n)
{
	size_t i;

	(void)fprintf(fp,
	    "<svg viewBox=\"0 0 %d %d\" role=\"img\" "
	    "aria-label=\"processes and channels\">\n"
	    "<defs><marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"10\" "
	    "refY=\"5\" markerWidth=\"6\" markerHeight=\"6\" "
	    "orient=\"auto\"><path class=\"head\" d=\"M0 0L10 5L0 10z\"/>"
	    "</marker></defs>\n",
	    WIDTH, HEIGHT);
	for (i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		(void)fprintf(fp,
		    "<rect class=\"zone %s-zone\" x=\"%d\" y=\"%d\" "
		    "width=\"%d\" height=\"%d\" rx=\"10\"/>"
		    "<text class=\"title\" x=\"%d\" y=\"%d\">%s</text>\n",
		    zones[i].side, zones[i].x, ZONE_TOP, zones[i].width,
		    ZONE_END - ZONE_TOP, zones[i].x + zones[i].width / 2,
		    ZONE_TOP + 26, zones[i].title);
	for (i = 0; i < wires->n; i++)
		draw_wire(fp, &wires->v[i]);
	for (i = 0; i < n; i++)
		draw_box(fp, names[i]);
	(void)fputs("</svg>\n", fp);
}
