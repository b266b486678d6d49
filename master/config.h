/* SPDX-License-Identifier: ISC */
/*
 * A configuration as posternd holds it: the typed values, where each of them
 * stands, and what was found about it.  Loaded at start, by -n, and again by
 * a reload; one that failed has its errors in the report and is thrown away.
 */
#ifndef MASTER_CONFIG_H
#define MASTER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/conf.h"
#include "master/marks.h"
#include "master/report.h"

/* used if it exists; any other group must */
#define CONFIG_OPS_GROUP "_postern-ops"
#define CONFIG_SIZE_MAX	 (4 * 1024 * 1024) /* bytes of the file */

struct config {
	char file[CONF_PATH_MAX];
	struct conf *conf; /* sealed */
	struct marks marks;
	struct report report;
	bool workers_set[NSIDES][2]; /* [side][in, out]: stated in the file */
	int keys;		     /* the set for keyd, keys.h; -1: none */
};

/*
 * Read, check and prove.  Never NULL but for ENOMEM; report_failed() of its
 * report tells whether it may be used.  Touches no network and needs no
 * privileges beyond reading the files that it names.
 */
struct config *config_load(const char *file);
void config_free(struct config *);

/* The steps of it; each reports to c->report. */
void config_parse(struct config *, const char *text, size_t len);
void config_check(struct config *); /* contradictions: check.c ... */
void check_sides(struct config *);  /* check_side.c */
void check_routes(struct config *); /* check_route.c */
void check_tls(struct config *);    /* check_tls.c */
void config_prove(struct config *); /* relay.c: it cannot relay */
/* The canonical form, which parses to the same. */
void config_print(const struct config *, FILE *);

#endif
