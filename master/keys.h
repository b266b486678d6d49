/* SPDX-License-Identifier: ISC */
/*
 * Certificates and their keys.  posternd opens the files, which root may read,
 * and copies each whole into a sealed memfd for keyd (common/msg/key_set.h):
 * inside the kernel, so that a key is never in its memory.  It parses neither:
 * "keyd -c", a process that lives for this answer, says whether they are good.
 * The chains, which are public, go to those who show them.
 *
 * The set is kept as long as the configuration, so that a keyd that is
 * replaced has the keys whose certificates its askers show.
 */
#ifndef MASTER_KEYS_H
#define MASTER_KEYS_H

#include <stdbool.h>

#include "master/config.h"

struct instance;

/*
 * Reads and checks what the configuration names; errors and warnings go to
 * c->report.  strict false (option -n): a key that this user may not read is
 * no error.
 */
void keys_read(struct config *, const char *libexec, bool strict);
/* What keyd gets. */
void keys_give(const struct config *, struct instance *keyd);

#endif
