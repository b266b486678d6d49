/* SPDX-License-Identifier: ISC */
/*
 * Line ends repaired, for the inside hosts of "repair lines from": each CR and
 * each LF that is not part of a CRLF becomes one.  Pure.  It works on all that
 * the client sends, ahead of the session machine, which so sees canonical lines
 * alone; hence also a dot between bare LFs ends a message.
 */
#ifndef SMTPD_IN_REPAIR_H
#define SMTPD_IN_REPAIR_H

#include <stdbool.h>
#include <stddef.h>

struct repair {
	bool cr; /* a CR was read; what it is shows by the next octet */
};

/* Room that len octets may need. */
#define REPAIR_ROOM(len) (2 * (len) + 2)

/*
 * out, which is not in, gets what len octets of in amount to; how many.
 * *repaired grows by the number of line ends that were none.
 */
size_t repair_lines(struct repair *, const char *in, size_t len, char *out,
    size_t *repaired);

#endif
