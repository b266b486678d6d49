/* SPDX-License-Identifier: ISC */
#include <idn2.h>
#include <stdint.h>
#include <string.h>

#include "common/smtp/idna.h"

int
smtp_idna(char *domain, size_t *len)
{
	uint8_t labels[SMTP_DOMAIN_MAX + 1], *ascii = NULL;
	size_t n;
	int rc = -1;

	memcpy(labels, domain, *len);
	labels[*len] = '\0';
	if (idn2_lookup_u8(labels, &ascii, IDN2_NFC_INPUT | IDN2_NO_TR46) !=
	    IDN2_OK)
		return -1;
	n = strlen((const char *)ascii);
	if (n > 0 && n <= SMTP_DOMAIN_MAX) {
		memcpy(domain, ascii, n);
		*len = n;
		rc = 0;
	}
	idn2_free(ascii);
	return rc;
}
