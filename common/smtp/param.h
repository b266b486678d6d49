/* SPDX-License-Identifier: ISC */
/*
 * Parameters of MAIL and RCPT (RFC 5321 section 4.1.1.11).  The slices of the
 * results point into the line that was parsed.
 */
#ifndef COMMON_SMTP_PARAM_H
#define COMMON_SMTP_PARAM_H

#include <stdint.h>

#include "common/smtp/ascii.h"
#include "common/smtp/ext.h"

enum smtp_body {
	SMTP_BODY_7BIT = 0, /* also when nothing was said */
	SMTP_BODY_8BITMIME,
	SMTP_BODY_BINARYMIME
};

enum smtp_ret {
	SMTP_RET_NONE = 0, /* nothing was said */
	SMTP_RET_FULL,
	SMTP_RET_HDRS
};

enum smtp_notify {
	SMTP_NOTIFY_NEVER = 1 << 0,
	SMTP_NOTIFY_SUCCESS = 1 << 1,
	SMTP_NOTIFY_FAILURE = 1 << 2,
	SMTP_NOTIFY_DELAY = 1 << 3
};

/* which parameters were given: for duplicates, and told to the caller */
enum smtp_param {
	SMTP_PARAM_SIZE = 1 << 0,
	SMTP_PARAM_BODY = 1 << 1,
	SMTP_PARAM_SMTPUTF8 = 1 << 2,
	SMTP_PARAM_RET = 1 << 3,
	SMTP_PARAM_ENVID = 1 << 4,
	SMTP_PARAM_AUTH = 1 << 5,
	SMTP_PARAM_REQUIRETLS = 1 << 6,
	SMTP_PARAM_NOTIFY = 1 << 7,
	SMTP_PARAM_ORCPT = 1 << 8
};

struct smtp_mail_params {
	unsigned given; /* enum smtp_param */
	uint64_t size;
	enum smtp_body body;
	enum smtp_ret ret;
	struct smtp_slice envid; /* xtext as received, RFC 3461 4.4 */
	struct smtp_slice auth;	 /* xtext or <>, RFC 4954 5 */
};

struct smtp_rcpt_params {
	unsigned given;
	unsigned notify; /* enum smtp_notify; 0: nothing was said */
	struct smtp_slice orcpt_type; /* "rfc822", RFC 3461 4.2 */
	struct smtp_slice orcpt;      /* xtext as received */
};

enum smtp_param_error {
	SMTP_PARAM_OK = 0,
	SMTP_PARAM_ESYNTAX, /* 501: keyword or value not well-formed */
	SMTP_PARAM_EVALUE,  /* 501: not a value of this parameter */
	SMTP_PARAM_ETWICE,  /* 501 */
	SMTP_PARAM_EUNKNOWN /* 555: not known, or its extension not offered */
};

/*
 * in: what follows the path, from the space that ends it; may be empty.
 * ext: extensions offered (enum smtp_ext).
 */
enum smtp_param_error smtp_mail_params(struct smtp_mail_params *,
    struct smtp_slice in, unsigned ext);
enum smtp_param_error smtp_rcpt_params(struct smtp_rcpt_params *,
    struct smtp_slice in, unsigned ext);

#endif
