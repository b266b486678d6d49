/* SPDX-License-Identifier: ISC */
/* What the command line of posternd says. */
#ifndef MASTER_OPTIONS_H
#define MASTER_OPTIONS_H

#include <stdbool.h>

/* exit statuses, as sysexits.h numbers them */
#define EXIT_USAGE  64
#define EXIT_CONFIG 78

struct options {
	const char *file;
	const char *libexec;  /* -L, or NULL: found by spawn.c */
	bool check;	      /* -n */
	bool print;	      /* -v */
	bool foreground;      /* -d */
	bool trap;	      /* -T: filters name the call, then kill */
	bool topology;	      /* --topology */
	const char *firewall; /* --firewall: a namespace, "": the own; NULL */
	bool selftest;	      /* "selftest": attack the sandboxes, no more */
};

/* Reads the command line; ends the process on --help, --version or misuse. */
void options_parse(struct options *, int argc, char **argv);

#endif
