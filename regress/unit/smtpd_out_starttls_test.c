/* SPDX-License-Identifier: ISC */
/* link: regress/unit/smtpd_out_talk.o smtpd-out/smtpc.o smtpd-out/starttls.o */
/* link: smtpd-out/tlspolicy.o smtpd-out/envelope.o smtpd-out/text.o */
/* link: common/smtp.a common/msg.a common/base.a */
/*
 * STARTTLS in the SMTP client (RFC 3207): dialogues up to the handshake and
 * behind it, with what may be put between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "regress/unit/smtpd_out_talk.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* levels of enum conf_tls_level, and enum tls_verified */
#define NONE	    "V 1\n"
#define OPPORTUNIST "V 2\n"
#define AGAIN	    "V 2 plain\n"
#define REQUIRE	    "V 3\n"
#define VERIFY	    "V 4\n"
#define FINGERPRINT "V 5\n"
#define OK	    "1"
#define UNTRUSTED   "3"
#define EXPIRED	    "4"
#define NAME	    "5"
#define PRINT	    "6"

#define OFFER                                                                  \
	"S 220 a.test\nC EHLO gw.test\nS 250-a.test\nS 250-SIZE 9\n"           \
	"S 250-REQUIRETLS\nS 250 STARTTLS\n"
#define START  OFFER "C STARTTLS\nW 120\n"
#define BEGUN  START "S 220 go ahead\nW 120\n"
#define SECURE "C EHLO gw.test\nW 300\nS 250-a.test\nS 250 8BITMIME\nK\n"
#define MAIL                                                                   \
	"J s@x u@y\nC MAIL FROM:<s@x>\nS 250 ok\nC RCPT TO:<u@y>\nS 250 ok\n"  \
	"C DATA\nS 354 go\nC hi\nC .\nS 250 queued\n"                          \
	"R delivered 2.0.0 250 delivered: queued\nK\n"

static const struct dialogue begins[] = {
	{ "TLS, and what was known is forgotten: a larger message passes",
	    OPPORTUNIST BEGUN "G " UNTRUSTED "\n" SECURE
			      "J s@x u@y size=99\nC MAIL FROM:<s@x>\n",
	    NULL },
	{ "a message", OPPORTUNIST BEGUN "G " UNTRUSTED "\n" SECURE MAIL MAIL,
	    NULL },
	{ "none: it is not even asked for",
	    NONE OFFER "K\nQ\nC QUIT\nS 221 bye\nZ\n", NULL },
	{ "not offered",
	    OPPORTUNIST "S 220 a.test\nC EHLO gw.test\nS 250 a.test\nK\n" MAIL,
	    NULL },
	{ "an old server",
	    OPPORTUNIST
	    "S 220 a.test\nC EHLO gw.test\nS 502 what\nC HELO gw.test\n"
	    "S 250 a.test\nK\n" MAIL,
	    NULL },
	{ "offered again under TLS",
	    OPPORTUNIST BEGUN "G " OK
			      "\nC EHLO gw.test\nS 250-a.test\nS 250 STARTTLS\n"
			      "K\n" MAIL,
	    NULL },
	{ "EHLO unknown under TLS",
	    OPPORTUNIST BEGUN "G " OK "\nC EHLO gw.test\nS 500 what\n"
			      "C HELO gw.test\nS 250 a.test\nK\n" MAIL,
	    NULL },
	{ "after a failed handshake: in the clear", AGAIN OFFER "K\n", NULL },
};

static const struct dialogue refused[] = {
	{ "454, opportunistic", OPPORTUNIST START "S 454 4.7.0 no\nK\n", NULL },
	{ "502, opportunistic", OPPORTUNIST START "S 502 what\nK\n", NULL },
	{ "454, require",
	    REQUIRE START
	    "S 454 4.7.0 no\nO deferred 4.7.4 0 tls-needed: TLS is required, "
	    "and the server refused to begin it\n",
	    NULL },
	{ "not offered, require",
	    REQUIRE "S 220 a.test\nC EHLO gw.test\nS 250 a.test\n"
		    "O deferred 4.7.4 0 tls-needed: TLS is required, and the "
		    "server does not offer it\n",
	    NULL },
	{ "421",
	    OPPORTUNIST START "S 421 4.3.2 closing\n"
			      "O deferred 4.3.2 421 conn-lost: 4.3.2 closing\n",
	    NULL },
	{ "garbage", OPPORTUNIST START "S garbage\nA\n", NULL },
	{ "garbage, require",
	    REQUIRE START "S garbage\nO deferred 4.7.5 0 tls-failed: TLS "
			  "failed: not an SMTP reply\n",
	    NULL },
	{ "closed", OPPORTUNIST START "X\nA\n", NULL },
	{ "silent", OPPORTUNIST START "T\nA\n", NULL },
};

static const struct dialogue handshakes[] = {
	{ "failed", OPPORTUNIST BEGUN "F no shared cipher\nA\n", NULL },
	{ "lost", OPPORTUNIST BEGUN "X\nA\n", NULL },
	{ "silent", OPPORTUNIST BEGUN "T\nA\n", NULL },
	{ "failed, require",
	    REQUIRE BEGUN "F no shared cipher\nO deferred 4.7.5 0 tls-failed: "
			  "TLS failed: no shared cipher\n",
	    NULL },
	{ "not signed, verify",
	    VERIFY BEGUN "D no signature\nO deferred 4.7.5 0 tls-down: TLS "
			 "failed: no signature\n",
	    NULL },
	{ "untrusted, require", REQUIRE BEGUN "G " UNTRUSTED "\n" SECURE,
	    NULL },
	{ "verified", VERIFY BEGUN "G " OK "\n" SECURE MAIL, NULL },
	{ "untrusted, verify",
	    VERIFY BEGUN "G " UNTRUSTED
			 "\nO deferred 4.7.5 0 tls-unverified: the server's "
			 "certificate is of no trusted authority\n",
	    NULL },
	{ "expired, verify",
	    VERIFY BEGUN "G " EXPIRED
			 "\nO deferred 4.7.5 0 tls-unverified: the server's "
			 "certificate has expired or is not valid yet\n",
	    NULL },
	{ "wrong name, verify",
	    VERIFY BEGUN "G " NAME
			 "\nO deferred 4.7.5 0 tls-unverified: the server's "
			 "certificate is for another name\n",
	    NULL },
	{ "fingerprint", FINGERPRINT BEGUN "G " OK "\n" SECURE MAIL, NULL },
	{ "wrong fingerprint",
	    FINGERPRINT BEGUN "G " PRINT
			      "\nO deferred 4.7.5 0 tls-unverified: the "
			      "server's certificate is none of those "
			      "expected\n",
	    NULL },
};

#define INJECTED                                                               \
	"O deferred 4.7.0 0 tls-injection: octets in clear text behind the "   \
	"reply to STARTTLS\n"

/* However the octets arrive, and whatever is asked: never taken, never plain */
static const struct dialogue injections[] = {
	{ "a reply", OPPORTUNIST START "S 220 go\nS 250 evil\n" INJECTED,
	    NULL },
	{ "extensions",
	    OPPORTUNIST START "S 220 go\nS 250-evil\nS 250 SIZE 1\n" INJECTED,
	    NULL },
	{ "one octet", OPPORTUNIST START "S 220 go\nP 2\n" INJECTED, NULL },
	{ "behind several lines",
	    REQUIRE START "S 220-a\nS 220 go\nS 250 evil\n" INJECTED, NULL },
};

/* RFC 8689 */
#define KNOWS "C EHLO gw.test\nS 250-a.test\nS 250 REQUIRETLS\nK\n"
static const struct dialogue requiretls[] = {
	{ "passed on",
	    OPPORTUNIST BEGUN
	    "G " OK "\n" KNOWS "J s@x u@y requiretls\n"
	    "C MAIL FROM:<s@x> REQUIRETLS\nS 250 ok\n"
	    "C RCPT TO:<u@y>\nS 250 ok\nC DATA\nS 354 go\n"
	    "C hi\nC .\nS 250 queued\n"
	    "R delivered 2.0.0 250 delivered: queued\nK\n" MAIL,
	    NULL },
	{ "not verified",
	    OPPORTUNIST BEGUN "G " NAME "\n" KNOWS "J s@x u@y requiretls\n"
			      "R failed 5.7.30 0 requiretls: REQUIRETLS: the "
			      "server could not be verified\nK\n" MAIL,
	    NULL },
	{ "offered only before TLS",
	    OPPORTUNIST BEGUN "G " OK "\n" SECURE "J s@x u@y requiretls\n"
			      "R failed 5.7.30 0 requiretls: REQUIRETLS "
			      "support required: the server has none\nK\n",
	    NULL },
	{ "in the clear",
	    NONE OFFER "J s@x u@y requiretls\n"
		       "R failed 5.7.30 0 requiretls: REQUIRETLS support "
		       "required: no TLS with this server\nK\n",
	    NULL },
};

static void
test_begins(void **state)
{
	(void)state;
	talk(begins, NELEMS(begins));
}

static void
test_refused(void **state)
{
	(void)state;
	talk(refused, NELEMS(refused));
}

static void
test_handshakes(void **state)
{
	(void)state;
	talk(handshakes, NELEMS(handshakes));
}

static void
test_injections(void **state)
{
	(void)state;
	talk(injections, NELEMS(injections));
}

static void
test_requiretls(void **state)
{
	(void)state;
	talk(requiretls, NELEMS(requiretls));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begins),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_handshakes),
		cmocka_unit_test(test_injections),
		cmocka_unit_test(test_requiretls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
