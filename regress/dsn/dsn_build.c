/* SPDX-License-Identifier: ISC */
/* link: queued/bounce.o common/smtp.a common/msg.a common/base.a */
/*
 * Prints a notification about three recipients, for a reader that knows
 * nothing of how it was made: dsn_build KIND RET < message
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <bsd/stdlib.h>

#include "queued/bounce.h"

static char body[256 * 1024];

int
main(int argc, char **argv)
{
	static const struct bounce_rcpt rcpts[] = {
		{ .addr = "ann@example.net",
		    .orcpt = "rfc822;Ann+2BX@example.net",
		    .enh = "2.1.5",
		    .code = 250,
		    .text = "2.1.5 ok, \"queued\" as <77>; --=_boundary",
		    .remote = "mx.example.net",
		    .until = 1795600000 },
		{ .addr = "\"bob=; x\"@example.net",
		    .orcpt = "",
		    .enh = "5.2.2",
		    .code = 552,
		    .text = "5.2.2 full\r\nX-Evil: yes\r\n\r\n--=_",
		    .remote = "mx.example.net",
		    .until = 1795600000 },
		{ .addr = "carl@example.org",
		    .orcpt = "",
		    .enh = "nonsense",
		    .code = 0,
		    .text = "connection timed out",
		    .remote = "",
		    .until = 1795600000 },
	};
	struct bounce b = { .hostname = "gw.example.com",
		.to = "sender@example.com",
		.envid = "QQ314159+2B",
		.id = "0123456789abc",
		.token = "5f3a9c",
		.arrival = 1795514400,
		.now = 1795514460,
		.until = 1795600000,
		.rcpts = rcpts,
		.nrcpts = 3,
		.body = body };
	struct bounce_text t;

	if (argc != 3)
		errx(2, "KIND RET");
	b.kind = (enum bounce_kind)strtonum(argv[1], 0, 9, NULL);
	b.ret = (enum msg_ret)strtonum(argv[2], 0, 9, NULL);
	b.body_len = fread(body, 1, sizeof(body), stdin);
	b.size = b.body_len;
	if (bounce_build(&b, &t) == -1 ||
	    fwrite(t.text, 1, t.len, stdout) != t.len)
		err(1, "the text");
	free(t.text);
	return 0;
}
