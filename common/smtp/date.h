/* SPDX-License-Identifier: ISC */
/*
 * Date and time as RFC 5322 section 3.3 writes them, from a given Unix time.
 * No locale, no zone file: libc's gmtime_r() opens one, which a sandboxed
 * process may not.
 */
#ifndef COMMON_SMTP_DATE_H
#define COMMON_SMTP_DATE_H

#include <stdint.h>

#include "common/smtp/outbuf.h"

/* "Tue, 24 Nov 2026 10:00:00 +0000"; years beyond 9999 need more */
#define SMTP_DATE_LEN 31

/* offset: minutes east of UTC, within a day; when: 0 or later */
void smtp_put_date(struct smtp_outbuf *, int64_t when, int offset);

#endif
