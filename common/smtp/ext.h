/* SPDX-License-Identifier: ISC */
/*
 * SMTP service extensions as bits: what a server offers, what a client was
 * offered, and so which parameters and verbs may be used.
 */
#ifndef COMMON_SMTP_EXT_H
#define COMMON_SMTP_EXT_H

enum smtp_ext {
	SMTP_EXT_PIPELINING = 1 << 0, /* RFC 2920 */
	SMTP_EXT_SIZE = 1 << 1,	      /* RFC 1870 */
	SMTP_EXT_8BITMIME = 1 << 2,   /* RFC 6152 */
	SMTP_EXT_ENHANCED = 1 << 3,   /* RFC 2034 */
	SMTP_EXT_STARTTLS = 1 << 4,   /* RFC 3207 */
	SMTP_EXT_CHUNKING = 1 << 5,   /* RFC 3030 */
	SMTP_EXT_BINARYMIME = 1 << 6, /* RFC 3030 */
	SMTP_EXT_DSN = 1 << 7,	      /* RFC 3461 */
	SMTP_EXT_SMTPUTF8 = 1 << 8,   /* RFC 6531 */
	SMTP_EXT_REQUIRETLS = 1 << 9, /* RFC 8689 */
	SMTP_EXT_LIMITS = 1 << 10,    /* RFC 9422 */
	SMTP_EXT_AUTH = 1 << 11,      /* RFC 4954 */
	SMTP_EXT_VRFY = 1 << 12,      /* RFC 5321 */
	SMTP_EXT_HELP = 1 << 13,
	SMTP_EXT_ETRN = 1 << 14, /* RFC 1985 */
	SMTP_EXT_ALL = (1 << 15) - 1
};

#endif
