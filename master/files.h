/* SPDX-License-Identifier: ISC */
/*
 * Files and sockets of the host that posternd prepares and hands out: the
 * spool directory (kept locked, so that there is one posternd for it), the
 * empty root of the children, the control socket, where the log goes.
 */
#ifndef MASTER_FILES_H
#define MASTER_FILES_H

#include "master/config.h"

struct files;
struct instance;

/* NULL after errors in c->report */
struct files *files_open(struct config *c);
/* Just the empty root of the children; -1 after errors in c->report. */
int files_chroot(struct config *c);
/* Closes all and removes the control socket. */
void files_free(struct files *);
/*
 * The log's target again: after a reload (another place, or the file was
 * rotated away), or when syslog lost us.  -1 after an error in c->report; the
 * old target is then still there.
 */
int files_log(struct files *, struct config *c);
void files_stderr(void); /* it does not block from here on */
/* What logd, ctld or nobody gets; again: it has what never changes. */
void files_give(const struct files *, struct instance *, bool again);

#endif
