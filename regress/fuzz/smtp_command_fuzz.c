/* SPDX-License-Identifier: ISC */
/* link: common/smtp.a common/base.a */
/*
 * Command lines and parameters: two octets say which extensions are offered,
 * the rest is a line.  Every slice that comes out lies within the line.
 */
#include <assert.h>

#include "common/smtp/address.h"
#include "common/smtp/command.h"
#include "common/smtp/param.h"
#include "common/smtp/xtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct smtp_slice line;

static void
within(struct smtp_slice s)
{
	assert(
	    s.len == 0 || (s.p >= line.p && s.p + s.len <= line.p + line.len));
}

static void
try_mail(struct smtp_slice in, unsigned ext)
{
	char plain[SMTP_ENVID_MAX];
	struct smtp_mail_params m;

	if (smtp_mail_params(&m, in, ext) != SMTP_PARAM_OK)
		return;
	within(m.envid);
	within(m.auth);
	assert((m.given & SMTP_PARAM_RET) == 0 || m.ret != SMTP_RET_NONE);
	if ((m.given & SMTP_PARAM_ENVID) != 0)
		assert(smtp_xtext_decode(m.envid, plain, sizeof(plain)) > 0);
}

static void
try_rcpt(struct smtp_slice in, unsigned ext)
{
	struct smtp_rcpt_params r;

	if (smtp_rcpt_params(&r, in, ext) != SMTP_PARAM_OK)
		return;
	within(r.orcpt_type);
	within(r.orcpt);
	if ((r.given & SMTP_PARAM_NOTIFY) == 0)
		assert(r.notify == 0);
	else if ((r.notify & SMTP_NOTIFY_NEVER) != 0)
		assert(r.notify == SMTP_NOTIFY_NEVER);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_command c;
	struct smtp_slice rest;
	struct smtp_addr a;
	unsigned ext;
	size_t used;

	if (size < 2)
		return 0;
	ext = ((unsigned)data[0] << 8 | data[1]) & SMTP_EXT_ALL;
	line = smtp_slice((const char *)data + 2, size - 2);
	smtp_command_parse(&c, line);
	within(c.name);
	within(c.arg);
	if (!smtp_command_path(&c, "FROM:", &rest) &&
	    !smtp_command_path(&c, "TO:", &rest))
		return 0;
	within(rest);
	if (smtp_addr_path(&a, rest,
		SMTP_PATH_NULL | SMTP_PATH_BARE | SMTP_PATH_UTF8,
		&used) != SMTP_ADDR_OK)
		return 0;
	rest = smtp_slice(rest.p + used, rest.len - used);
	try_mail(rest, ext);
	try_rcpt(rest, ext);
	return 0;
}
