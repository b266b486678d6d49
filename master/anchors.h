/* SPDX-License-Identifier: ISC */
/*
 * The certificates by which smtpd-out verifies servers: "tls trust", or else
 * those of the system.  posternd reads the file and parses none of it; a file
 * of the system that is missing is an error only where "tls verify" needs it.
 */
#ifndef MASTER_ANCHORS_H
#define MASTER_ANCHORS_H

#include "master/config.h"

/* Into c->conf; errors go to c->report. */
void anchors_read(struct config *);

#endif
