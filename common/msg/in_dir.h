/* SPDX-License-Identifier: ISC */
/*
 * Edge 6, smtpd-in/X -> dird: does this recipient exist?  Fixed size both
 * ways.  dird limits the rate for ext; a hostile smtpd-in/ext learns no more
 * than a client could by RCPT.
 */
#ifndef COMMON_MSG_IN_DIR_H
#define COMMON_MSG_IN_DIR_H

#include "common/base/ibuf.h"
#include "common/msg/addr.h"
#include "common/msg/edge.h"

enum id_type {
	ID_REQ_RCPT = MSG_TYPE(EDGE_IN_DIR, 1),		    /* put_ask() */
	ID_ANS_RCPT = MSG_TYPE(EDGE_IN_DIR, MSG_ANSWER | 1) /* u8 verdict */
};

enum id_verdict {
	ID_YES = 1,
	ID_NO = 2,     /* the domain is ours, the recipient unknown */
	ID_LATER = 3,  /* the list is not there: 451 */
	ID_FOREIGN = 4 /* not a domain of ours */
};
#define ID_ANS_LEN 1
int put_id_verdict(struct ibuf *, enum id_verdict);
int get_id_verdict(struct ibuf *, enum id_verdict *);

#endif
