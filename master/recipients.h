/* SPDX-License-Identifier: ISC */
/*
 * Recipient files: opened by posternd, read by dird.  Their directories are
 * watched; a file that was written or replaced is handed over again.
 */
#ifndef MASTER_RECIPIENTS_H
#define MASTER_RECIPIENTS_H

#include "master/config.h"
#include "master/super.h"

struct recipients;

/* NULL: no memory, or no inotify; logged */
struct recipients *recipients_new(struct ev *, struct super *);
void recipients_free(struct recipients *);
/* Watch the files of this configuration instead of those before. */
void recipients_watch(struct recipients *, const struct config *);
/* Give dird every file of the configuration in force. */
void recipients_give(struct recipients *, struct instance *dird);

#endif
