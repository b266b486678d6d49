/* SPDX-License-Identifier: ISC */
/*
 * postern audit --html: the audit as one page that needs nothing else, no
 * script either.  It is made of what posternd declares and the kernel says of
 * the processes (audit.h), of the table of channels that posternd prints, of
 * the lists of calls that the programs print, and of TRUST.  No time and no
 * process id is in it: the same system gives the same bytes.
 */
#ifndef POSTERN_PAGE_H
#define POSTERN_PAGE_H

#include <stdio.h>

#include "postern/audit.h"

/* A row of posternd --topology that says who talks to whom. */
struct wire {
	const char *from, *to; /* "smtpd-in/ext", "queued" */
	const char *pass;      /* none, to, back: who hands out descriptors */
	const char *what;
	bool planned; /* of a later version: no channel is there */
};

struct wires {
	char *text;	/* owned; what the rows point into */
	struct wire *v; /* owned */
	size_t n;
};

/* Cuts text, which it owns from now on, in pieces.  -1: no memory. */
int wires_parse(struct wires *, char *text);
void wires_free(struct wires *);

/* The whole page; files are not touched.  -1: a part could not be had. */
int page_write(FILE *, const struct declaration *, size_t differences);

/* page_graph.c: the picture; names of the processes that are there */
void page_graph(FILE *, const struct wires *, const char *const *names,
    size_t n);
/* page_style.c */
void page_style(FILE *);
/* trust.c: what TRUST says of "smtpd-in/ext"; nothing: returns -1 */
int page_trust(FILE *, const char *name);
/* Text with what HTML would take for its own replaced. */
void page_escape(FILE *, const char *);

#endif
