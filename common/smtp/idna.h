/* SPDX-License-Identifier: ISC */
/*
 * Internationalised domain names: the one place that includes libidn2.
 * IDNA2008 to the letter (RFC 5891 5.4), and no mapping beyond NFC: what
 * another program would map to something else is no domain here, so that no
 * two readers see two domains.
 */
#ifndef COMMON_SMTP_IDNA_H
#define COMMON_SMTP_IDNA_H

#include <stddef.h>

#include "common/smtp/limits.h"

/*
 * A domain of UTF-8 labels in the form that DNS has, in lower case.  domain
 * has SMTP_DOMAIN_MAX octets, *len of them in use.  -1: it is no domain, or it
 * would be too long; nothing is changed.
 */
int smtp_idna(char *domain, size_t *len);

#endif
