/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/*
 * Addresses: the first octet says what is allowed, the rest is a path.  What
 * is taken is printable, within its limits, and parses to itself again.
 */
#include <assert.h>

#include "common/base/utf8.h"
#include "common/smtp/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_text(const struct smtp_addr *a, unsigned allow)
{
	size_t i;

	assert(a->len <= SMTP_ADDR_MAX && a->text[a->len] == '\0');
	assert(a->local_len <= SMTP_LOCAL_MAX);
	assert(a->domain_len <= SMTP_DOMAIN_MAX);
	assert(utf8_valid(a->text, a->len));
	for (i = 0; i < a->len; i++) {
		if (smtp_is8bit(a->text[i]))
			assert((allow & SMTP_PATH_UTF8) != 0);
		else
			assert(smtp_isgraph(a->text[i]) || a->text[i] == ' ');
	}
}

static void
check_again(const struct smtp_addr *a, unsigned allow)
{
	struct smtp_addr b;

	assert(smtp_addr_mailbox(&b, smtp_addr_text(a), allow) == SMTP_ADDR_OK);
	assert(a->len == b.len && memcmp(a->text, b.text, a->len) == 0);
	assert(a->local_len == b.local_len);
	/* a route is gone, and U-labels are */
	assert((a->flags & ~(unsigned)(SMTP_ADDR_SOURCE | SMTP_ADDR_UTF8)) ==
	    (b.flags & ~(unsigned)SMTP_ADDR_UTF8));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char domain[SMTP_DOMAIN_MAX];
	struct smtp_slice in;
	struct smtp_addr a;
	unsigned allow;
	size_t used, len;

	if (size == 0)
		return 0;
	allow = data[0] & 7;
	in = smtp_slice((const char *)data + 1, size - 1);
	if (smtp_addr_path(&a, in, allow, &used) == SMTP_ADDR_OK) {
		assert(used <= in.len && in.p[used - 1] == '>');
		check_text(&a, allow);
		if ((a.flags & SMTP_ADDR_NULL) == 0)
			check_again(&a, allow);
	}
	if (smtp_addr_mailbox(&a, in, allow) == SMTP_ADDR_OK) {
		check_text(&a, allow);
		check_again(&a, allow);
	}
	if (smtp_domain(in, allow, domain, &len) == SMTP_ADDR_OK)
		assert(len > 0 && len <= SMTP_DOMAIN_MAX);
	if (smtp_literal(in, domain, &len) == SMTP_ADDR_OK)
		assert(len > 2 && len <= SMTP_DOMAIN_MAX);
	return 0;
}
