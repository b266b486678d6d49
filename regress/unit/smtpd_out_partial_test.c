/* SPDX-License-Identifier: ISC */
/* link: smtpd-out/starttls.o smtpd-out/tlspolicy.o */
/* link: regress/unit/smtpd_out_talk.o smtpd-out/smtpc.o */
/* link: smtpd-out/envelope.o smtpd-out/text.o common/smtp.a common/msg.a
 * common/base.a */
/*
 * A server that takes fewer recipients at a time than a job has, word by word:
 * LIMITS (RFC 9422), and 452 after others were accepted (RFC 5321 4.5.3.1.10);
 * and one that takes 7-bit only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "regress/unit/smtpd_out_talk.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

#define HELLO(limits)                                                          \
	"S 220 a.test ESMTP\n"                                                 \
	"C EHLO gw.test\n"                                                     \
	"S 250-a.test\n"                                                       \
	"S 250-PIPELINING\n" limits "S 250 HELP\n"                             \
	"K\n"
#define LIMITS(x) HELLO("S 250-LIMITS " x "\n")
#define TEXT	  "C hi\nC .\nS 250 queued\n"
#define SENT	  "R delivered 2.0.0 250 delivered: queued\n"
#define LEFT                                                                   \
	"R deferred 4.5.3 0 too-many-rcpts: more recipients than the server "  \
	"takes at a time\n"
#define THREE "J s@x a@y,b@z,c@y\nC MAIL FROM:<s@x>\n"

static const struct dialogue limits[] = {
	{ "RCPTMAX",
	    LIMITS("RCPTMAX=2") THREE
	    "C RCPT TO:<a@y>\nC RCPT TO:<b@z>\nC DATA\n"
	    "S 250 ok\nS 250 ok\nS 250 ok\nS 354 go\n" TEXT SENT SENT LEFT
	    "K\n",
	    NULL },
	{ "RCPTMAX, as many as there are",
	    LIMITS("RCPTMAX=3") THREE
	    "C RCPT TO:<a@y>\nC RCPT TO:<b@z>\nC RCPT TO:<c@y>\nC DATA\n",
	    NULL },
	{ "RCPTMAX=0 is no limit",
	    LIMITS("RCPTMAX=0") THREE
	    "C RCPT TO:<a@y>\nC RCPT TO:<b@z>\nC RCPT TO:<c@y>\nC DATA\n",
	    NULL },
	{ "a limit that is no number",
	    LIMITS("RCPTMAX=1x") THREE
	    "C RCPT TO:<a@y>\nC RCPT TO:<b@z>\nC RCPT TO:<c@y>\nC DATA\n",
	    NULL },
	{ "RCPTDOMAINMAX",
	    LIMITS("RCPTDOMAINMAX=1") THREE
	    "C RCPT TO:<a@y>\nC RCPT TO:<c@y>\nC DATA\n"
	    "S 250 ok\nS 250 ok\nS 250 ok\nS 354 go\n" TEXT SENT LEFT SENT
	    "K\n",
	    NULL },
	{ "RCPTDOMAINMAX, by any case",
	    LIMITS(
		"RCPTDOMAINMAX=1") "J s@x a@y,b@Y\nC MAIL FROM:<s@x>\n"
				   "C RCPT TO:<a@y>\nC RCPT TO:<b@Y>\nC DATA\n",
	    NULL },
	{ "those that are asked are refused",
	    LIMITS(
		"RCPTMAX=1") "J s@x a@y,b@z\nC MAIL FROM:<s@x>\n"
			     "C RCPT TO:<a@y>\nC DATA\n"
			     "S 250 ok\nS 550 5.1.1 no\nS 503 none\n"
			     "R failed 5.1.1 550 remote-rcpt: 5.1.1 no\n" LEFT
			     "K\n",
	    NULL },
	{ "the sender is refused, to all",
	    LIMITS("RCPTMAX=1") "J s@x a@y,b@z\nC MAIL FROM:<s@x>\n"
				"C RCPT TO:<a@y>\nC DATA\n"
				"S 550 no\nS 503 no\nS 503 no\n"
				"R failed 5.0.0 550 remote-sender: no\n"
				"R failed 5.0.0 550 remote-sender: no\nK\n",
	    NULL },
	{ "the text is refused, to those asked",
	    LIMITS(
		"RCPTMAX=1") "J s@x a@y,b@z\nC MAIL FROM:<s@x>\n"
			     "C RCPT TO:<a@y>\nC DATA\n"
			     "S 250 ok\nS 250 ok\nS 354 go\nC hi\nC .\nS 552 "
			     "5.2.3 size\n"
			     "R failed 5.2.3 552 remote-data: 5.2.3 size\n" LEFT
			     "K\n",
	    NULL },
	{ "lost, to all",
	    LIMITS("RCPTMAX=1") "J s@x a@y,b@z\nC MAIL FROM:<s@x>\n"
				"C RCPT TO:<a@y>\nC DATA\n"
				"S 250 ok\nX\n"
				"R deferred 4.4.2 0 conn-lost: connection lost "
				"while giving the "
				"recipients\n"
				"R deferred 4.4.2 0 conn-lost: connection lost "
				"while giving the "
				"recipients\n"
				"O deferred 4.4.2 0 conn-lost: connection lost "
				"while giving the "
				"recipients\n",
	    NULL },
	{ "MAILMAX",
	    LIMITS("MAILMAX=2") "J s@x a@y\nC MAIL FROM:<s@x>\n"
				"C RCPT TO:<a@y>\nC DATA\n"
				"S 250 ok\nS 250 ok\nS 354 go\n" TEXT SENT "K\n"
				"J s@x a@y\nC MAIL FROM:<s@x>\n"
				"C RCPT TO:<a@y>\nC DATA\n"
				"S 250 ok\nS 250 ok\nS 354 go\n" TEXT SENT "N\n"
				"Q\nC QUIT\nS 221 bye\nZ\n",
	    NULL },
	{ "of a limit given twice the first line counts",
	    LIMITS("RCPTMAX=1\nS 250-LIMITS RCPTMAX=3") "J s@x a@y,b@z\nC MAIL "
							"FROM:<s@x>\n"
							"C RCPT TO:<a@y>\nC "
							"DATA\n",
	    NULL },
};

#define ALL_THREE                                                              \
	THREE "C RCPT TO:<a@y>\nC RCPT TO:<b@z>\nC RCPT TO:<c@y>\nC DATA\n"

static const struct dialogue one_too_many[] = {
	{ "452",
	    HELLO("") ALL_THREE
	    "S 250 ok\nS 250 ok\nS 452 too many\nS 452 4.5.3 too many\n"
	    "S 354 go\n" TEXT SENT
	    "R deferred 4.0.0 452 too-many-rcpts: too many\n"
	    "R deferred 4.5.3 452 too-many-rcpts: 4.5.3 too many\nK\n",
	    NULL },
	{ "552, as in RFC 821",
	    HELLO("") ALL_THREE
	    "S 250 ok\nS 250 ok\nS 250 ok\nS 552 too many\n"
	    "S 354 go\n" TEXT SENT SENT
	    "R deferred 4.0.0 552 too-many-rcpts: too many\nK\n",
	    NULL },
	{ "452 of a full mailbox",
	    HELLO("") ALL_THREE
	    "S 250 ok\nS 250 ok\nS 452 4.2.2 full\nS 452 4.3.1 no room\n"
	    "S 354 go\n" TEXT SENT
	    "R deferred 4.2.2 452 remote-rcpt: 4.2.2 full\n"
	    "R deferred 4.3.1 452 remote-rcpt: 4.3.1 no room\nK\n",
	    NULL },
	{ "452 before any is accepted",
	    HELLO("") ALL_THREE
	    "S 250 ok\nS 452 4.5.3 none\nS 250 ok\nS 452 4.5.3 too many\n"
	    "S 354 go\n" TEXT
	    "R deferred 4.5.3 452 remote-rcpt: 4.5.3 none\n" SENT
	    "R deferred 4.5.3 452 too-many-rcpts: 4.5.3 too many\nK\n",
	    NULL },
	{ "then lost with all of them",
	    HELLO("") ALL_THREE
	    "S 250 ok\nS 250 ok\nS 452 many\nS 452 many\nS 421 bye\n"
	    "R deferred 4.0.0 421 conn-lost: bye\n"
	    "R deferred 4.0.0 452 too-many-rcpts: many\n"
	    "R deferred 4.0.0 452 too-many-rcpts: many\n"
	    "O deferred 4.0.0 421 conn-lost: bye\n",
	    NULL },
};

/* RFC 6152 3: no 8BITMIME */
static const struct dialogue seven_bit[] = {
	{ "no8bit",
	    "S 220 a.test\nC EHLO gw.test\nS 250-a.test\nS 250 PIPELINING\n"
	    "J s@x u@y 8bit 8bitmime\n"
	    "R failed 5.6.3 0 no-8bitmime: the message is 8-bit, the server "
	    "takes 7-bit only, and its header is 8-bit\n"
	    "K\n"
	    "J s@x u@y\n"
	    "C MAIL FROM:<s@x>\nC RCPT TO:<u@y>\nC DATA\n",
	    "A: \351\r\n\r\nx\r\n" },
	{ "no8bit, converted: without SIZE, by DATA",
	    "S 220 a.test\nC EHLO gw.test\nS 250-a.test\nS 250-CHUNKING\n"
	    "S 250 SIZE 99\n"
	    "J s@x u@y 8bit 8bitmime\nC MAIL FROM:<s@x>\nS 250 ok\n"
	    "C RCPT TO:<u@y>\nS 250 ok\nC DATA\nS 354 go\n"
	    "C MIME-Version: 1.0\n"
	    "C Content-Type: text/plain; charset=unknown-8bit\n"
	    "C Content-Transfer-Encoding: quoted-printable\nC \n"
	    "C =E9=20\nC ..\nC .\nS 250 ok\n"
	    "R delivered 2.0.0 250 delivered: ok\nK\n"
	    "J s@x u@y\nC MAIL FROM:<s@x> SIZE=9\n",
	    "\r\n\351 \r\n.\r\n" },
	{ "no8bit, lost while it is converted",
	    "S 220 a.test\nC EHLO gw.test\nS 250-a.test\n"
	    "S 250 PIPELINING\n"
	    "J s@x u@y 8bit\nC MAIL FROM:<s@x>\nC RCPT TO:<u@y>\nC DATA\n"
	    "S 250 ok\nS 250 ok\nH\nS 354 go\nX\n"
	    "R deferred 4.4.2 0 conn-lost: connection lost while sending the "
	    "message\n"
	    "O deferred 4.4.2 0 conn-lost: connection lost while sending the "
	    "message\n",
	    "\r\n\351 \r\n" },
};

/* RFC 6533 3: what is beyond ASCII goes out as ASCII. */
static const struct dialogue orcpt[] = {
	{ "ORCPT in UTF-8",
	    HELLO("S 250-DSN\n") "J s@x u@y "
				 "orcpt=utf-8;"
				 "\320\266\303\251\360\237\230\200\342\202\254@"
				 "z\n"
				 "C MAIL FROM:<s@x>\n"
				 "C RCPT TO:<u@y> "
				 "ORCPT=utf-8;\\x{436}\\x{E9}\\x{1F600}\\x{"
				 "20AC}@z\n"
				 "C DATA\n",
	    NULL },
	{ "ORCPT as received",
	    HELLO("S 250-DSN\n") "J s@x u@y orcpt=rfc822;a+2Bb@z\n"
				 "C MAIL FROM:<s@x>\n"
				 "C RCPT TO:<u@y> ORCPT=rfc822;a+2Bb@z\n"
				 "C DATA\n",
	    NULL },
};

static void
test_orcpt(void **state)
{
	(void)state;
	talk(orcpt, NELEMS(orcpt));
}

static void
test_seven_bit(void **state)
{
	(void)state;
	talk(seven_bit, NELEMS(seven_bit));
}

static void
test_limits(void **state)
{
	(void)state;
	talk(limits, NELEMS(limits));
}

static void
test_one_too_many(void **state)
{
	(void)state;
	talk(one_too_many, NELEMS(one_too_many));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_one_too_many),
		cmocka_unit_test(test_seven_bit),
		cmocka_unit_test(test_orcpt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
