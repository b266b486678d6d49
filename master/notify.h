/* SPDX-License-Identifier: ISC */
/*
 * Telling the one who started us: a service manager (sd_notify(3), spoken by
 * hand), or the shell that waits until posternd has gone to the background.
 */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H

#include <stdbool.h>

/*
 * Go to the background.  Returns in the process that stays; the one that the
 * shell waits for ends when notify_ready() is called, or with status 1.
 */
void notify_background(void);
/* Ready: detach from terminal and shell, if in the background. */
void notify_ready(void);
void notify_state(const char *); /* "STOPPING=1" */

#endif
