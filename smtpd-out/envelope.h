/* SPDX-License-Identifier: ISC */
/*
 * An envelope as a server is told of it: the commands MAIL and RCPT with the
 * parameters that the server knows, and which recipients it takes at a time.
 * Pure.
 */
#ifndef SMTPD_OUT_ENVELOPE_H
#define SMTPD_OUT_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/msg/queue_out.h"
#include "common/smtp/ehlo.h"
#include "common/smtp/outbuf.h"

void envelope_put_mail(const struct smtp_features *, const struct qo_job *,
    struct smtp_outbuf *);
void envelope_put_rcpt(const struct smtp_features *, const struct msg_rcpt *,
    struct smtp_outbuf *);
/*
 * The recipients for one transaction: their places, in order, and how many; at
 * least one of n.  RFC 9422 section 3.1: RCPTMAX and RCPTDOMAINMAX.
 */
uint16_t envelope_choose(const struct smtp_features *, const struct msg_rcpt *,
    uint16_t n, uint8_t places[QO_RCPTS_MAX]);

#endif
