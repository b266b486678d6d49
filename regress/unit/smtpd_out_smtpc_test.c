/* SPDX-License-Identifier: ISC */
/* link: smtpd-out/starttls.o smtpd-out/tlspolicy.o smtpd-out/text.o */
/* link: regress/unit/smtpd_out_talk.o smtpd-out/smtpc.o smtpd-out/envelope.o
 * common/smtp.a common/base.a */
/* link: common/msg.a common/base.a */
/* Dialogues of the SMTP client, word by word: greetings to lost connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "regress/unit/smtpd_out_talk.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

/* --- dialogues --- */

#define HELLO                                                                  \
	"S 220 a.test ESMTP\n"                                                 \
	"C EHLO gw.test\n"                                                     \
	"S 250-a.test\n"                                                       \
	"S 250-PIPELINING\n"                                                   \
	"S 250-SIZE 10000000\n"                                                \
	"S 250-8BITMIME\n"                                                     \
	"S 250 ENHANCEDSTATUSCODES\n"                                          \
	"K\n"
#define PLAIN_HELLO                                                            \
	"S 220 a.test\n"                                                       \
	"C EHLO gw.test\n"                                                     \
	"S 250 a.test\n"                                                       \
	"K\n"
#define DSN_HELLO                                                              \
	"S 220 a.test ESMTP\n"                                                 \
	"C EHLO gw.test\n"                                                     \
	"S 250-a.test\n"                                                       \
	"S 250-PIPELINING\n"                                                   \
	"S 250 DSN\n"                                                          \
	"K\n"
#define BDAT_HELLO                                                             \
	"S 220 a.test ESMTP\n"                                                 \
	"C EHLO gw.test\n"                                                     \
	"S 250-a.test\n"                                                       \
	"S 250-PIPELINING\n"                                                   \
	"S 250 CHUNKING\n"                                                     \
	"K\n"
#define JOB                                                                    \
	"J s@gw.test u@a.test\n"                                               \
	"C MAIL FROM:<s@gw.test> SIZE=4\n"                                     \
	"C RCPT TO:<u@a.test>\n"                                               \
	"C DATA\n"
#define GOOD_JOB                                                               \
	JOB "S 250 2.1.0 ok\n"                                                 \
	    "S 250 2.1.5 ok\n"                                                 \
	    "S 354 go\n"                                                       \
	    "C hi\n"                                                           \
	    "C .\n"                                                            \
	    "S 250 2.0.0 queued\n"                                             \
	    "R delivered 2.0.0 250 delivered: 2.0.0 queued\n"                  \
	    "K\n"
#define RSET_JOB                                                               \
	"J s@gw.test u@a.test\n"                                               \
	"C RSET\n"                                                             \
	"C MAIL FROM:<s@gw.test> SIZE=4\n"                                     \
	"C RCPT TO:<u@a.test>\n"                                               \
	"C DATA\n"                                                             \
	"S 250 flushed\n"                                                      \
	"S 250 ok\n"                                                           \
	"S 250 ok\n"                                                           \
	"S 354 go\n"                                                           \
	"C hi\n"                                                               \
	"C .\n"                                                                \
	"S 250 queued\n"                                                       \
	"R delivered 2.0.0 250 delivered: queued\n"                            \
	"K\n"
#define BYE                                                                    \
	"Q\n"                                                                  \
	"C QUIT\n"                                                             \
	"W 5\n"                                                                \
	"S 221 bye\n"                                                          \
	"Z\n"

static const struct dialogue hellos[] = {
	{ "a message", "W 300\n" HELLO GOOD_JOB BYE, NULL },
	{ "greet421",
	    "S 421 busy\n"
	    "O deferred 4.0.0 421 remote-greeting: busy\n",
	    NULL },
	{ "greeting refused",
	    "S 554 5.7.1 not you\n"
	    "O deferred 4.0.0 554 remote-greeting: 5.7.1 not you\n",
	    NULL },
	{ "greeting deferred",
	    "S 450 4.3.2 later\n"
	    "O deferred 4.3.2 450 remote-greeting: 4.3.2 later\n",
	    NULL },
	{ "greeting of another kind",
	    "S 354 go\n"
	    "O deferred 4.0.0 354 remote-greeting: go\n",
	    NULL },
	{ "greetmulti",
	    "S 220-a.test hello\nS 220-more\nS 220 a.test ESMTP\n"
	    "C EHLO gw.test\n"
	    "W 300\n"
	    "S 250 a.test\n"
	    "K\n",
	    NULL },
	{ "greetclose",
	    "X\n"
	    "O deferred 4.4.2 0 conn-lost: connection lost while waiting for "
	    "the greeting\n",
	    NULL },
	{ "greetclose, in a line",
	    "P 220 a.te\n"
	    "X\n"
	    "O deferred 4.4.2 0 conn-lost: connection lost while waiting for "
	    "the greeting\n",
	    NULL },
	{ "no greeting",
	    "T\n"
	    "O deferred 4.4.2 0 timeout: timed out while waiting for the "
	    "greeting\n",
	    NULL },
	{ "not SMTP",
	    "S SSH-2.0-OpenSSH_9.2\n"
	    "O deferred 4.5.0 0 remote-protocol: not an SMTP reply while "
	    "waiting for the greeting\n",
	    NULL },
	{ "greeting twice",
	    "S 220 a.test\n"
	    "C EHLO gw.test\n"
	    "S 220 a.test\n"
	    "K\n"
	    "S 250 a.test\n"
	    "O deferred 4.5.0 0 remote-protocol: a reply to nothing while "
	    "idle\n",
	    NULL },
	{ "LF alone",
	    "L 220 a.test\n"
	    "C EHLO gw.test\n"
	    "L 250-a.test\n"
	    "L 250 PIPELINING\n"
	    "J s@x u@y\n"
	    "C MAIL FROM:<s@x>\n"
	    "C RCPT TO:<u@y>\n"
	    "C DATA\n",
	    NULL },
	{ "ehlo502",
	    "S 220 a.test\n"
	    "C EHLO gw.test\n"
	    "S 502-5.5.1 no\n"
	    "S 502-PIPELINING\n"
	    "S 502 SIZE 3\n"
	    "C HELO gw.test\n"
	    "W 300\n"
	    "S 250 hello\n"
	    "J s@gw.test u@a.test\n"
	    "C MAIL FROM:<s@gw.test>\n"
	    "S 250 ok\n"
	    "C RCPT TO:<u@a.test>\n"
	    "S 250 ok\n"
	    "C DATA\n"
	    "S 354 go\n"
	    "C hi\n"
	    "C .\n"
	    "S 250 queued\n"
	    "R delivered 2.0.0 250 delivered: queued\n" BYE,
	    NULL },
	{ "EHLO deferred",
	    "S 220 a.test\n"
	    "C EHLO gw.test\n"
	    "S 450 later\n"
	    "O deferred 4.0.0 450 remote-helo: later\n",
	    NULL },
	{ "421 to EHLO",
	    "S 220 a.test\n"
	    "C EHLO gw.test\n"
	    "S 421 4.3.2 closing\n"
	    "O deferred 4.3.2 421 conn-lost: 4.3.2 closing\n",
	    NULL },
	{ "EHLO and HELO refused",
	    "S 220 a.test\n"
	    "C EHLO gw.test\n"
	    "S 500 what\n"
	    "C HELO gw.test\n"
	    "S 550 not you\n"
	    "O deferred 4.0.0 550 remote-helo: not you\n",
	    NULL },
	{ "lost after EHLO",
	    "S 220 a.test\n"
	    "C EHLO gw.test\n"
	    "P 250-a\n"
	    "X\n"
	    "O deferred 4.4.2 0 conn-lost: connection lost while saying "
	    "hello\n",
	    NULL },
	{ "silent after HELO",
	    "S 220 a.test\n"
	    "C EHLO gw.test\n"
	    "S 502 no\n"
	    "C HELO gw.test\n"
	    "T\n"
	    "O deferred 4.4.2 0 timeout: timed out while saying hello\n",
	    NULL },
	{ "the name of a server is no keyword",
	    "S 220 a.test\n"
	    "C EHLO gw.test\n"
	    "S 250-PIPELINING\n"
	    "S 250 8BITMIME\n"
	    "J s@x u@y 8bit\n"
	    "C MAIL FROM:<s@x> BODY=8BITMIME\n",
	    NULL },
	{ "nor when it is all there is",
	    "S 220 a.test\n"
	    "C EHLO gw.test\n"
	    "S 250 PIPELINING\n"
	    "J s@x u@y\n"
	    "C MAIL FROM:<s@x>\n",
	    NULL },
	{ "classes mixed",
	    "S 220 a.test\n"
	    "C EHLO gw.test\n"
	    "S 250-a.test\n"
	    "S 550 no\n"
	    "O deferred 4.5.0 0 remote-protocol: reply of different classes "
	    "while saying hello\n",
	    NULL },
};

static const struct dialogue idle[] = {
	{ "421 between messages",
	    HELLO "S 421 4.4.2 idle too long\n"
		  "O deferred 4.4.2 421 conn-lost: 4.4.2 idle too long\n",
	    NULL },
	{ "421 after a message",
	    HELLO GOOD_JOB "S 421 bye\n"
			   "O deferred 4.0.0 421 conn-lost: bye\n",
	    NULL },
	{ "lost between messages",
	    HELLO GOOD_JOB "X\n"
			   "O deferred 4.4.2 0 conn-lost: connection lost "
			   "while idle\n",
	    NULL },
	{ "a reply to nothing",
	    HELLO "S 250 ok\n"
		  "O deferred 4.5.0 0 remote-protocol: a reply to nothing "
		  "while idle\n",
	    NULL },
	{ "quit-noreply",
	    HELLO GOOD_JOB "Q\nC QUIT\nX\nO deferred 4.4.2 0 "
			   "conn-lost: connection lost while "
			   "idle\n",
	    NULL },
	{ "QUIT, 421", HELLO "Q\nC QUIT\nS 421 closing\nZ\n", NULL },
	{ "QUIT, 500", HELLO "Q\nC QUIT\nS 500 what\nZ\n", NULL },
	{ "many messages",
	    HELLO GOOD_JOB GOOD_JOB GOOD_JOB GOOD_JOB GOOD_JOB BYE, NULL },
	{ "tworcpt",
	    HELLO "J s@gw.test u1@a.test,u2@a.test\n"
		  "C MAIL FROM:<s@gw.test> SIZE=4\n"
		  "C RCPT TO:<u1@a.test>\n"
		  "C RCPT TO:<u2@a.test>\n"
		  "C DATA\n"
		  "S 250 ok\nS 250 ok\nS 251 will forward\nS 354 go\n"
		  "C hi\nC .\n"
		  "S 250 queued\n"
		  "R delivered 2.0.0 250 delivered: queued\n"
		  "R delivered 2.0.0 250 delivered: queued\n" BYE,
	    NULL },
	{ "nullsender",
	    HELLO "J <> u@a.test\n"
		  "C MAIL FROM:<> SIZE=4\n"
		  "C RCPT TO:<u@a.test>\n"
		  "C DATA\n"
		  "S 250 ok\nS 550 5.1.1 no\nS 503 5.5.1 no\n"
		  "R failed 5.1.1 550 remote-rcpt: 5.1.1 no\n" RSET_JOB,
	    NULL },
};

static const struct dialogue refusals[] = {
	{ "mail451",
	    HELLO JOB "S 451 4.3.0 later\nS 503 no\nS 503 no\n"
		      "R deferred 4.3.0 451 remote-sender: 4.3.0 later\n"
		      "K\n" RSET_JOB,
	    NULL },
	{ "mail550",
	    HELLO JOB "S 550 5.7.1 no\nS 503 no\nS 503 no\n"
		      "R failed 5.7.1 550 remote-sender: 5.7.1 no\n"
		      "K\n" RSET_JOB,
	    NULL },
	{ "MAIL refused, the rest accepted",
	    HELLO JOB "S 550 no\nS 250 ok\nS 354 go\n"
		      "C .\n"
		      "S 250 queued\n"
		      "R failed 5.0.0 550 remote-sender: no\n"
		      "K\n" GOOD_JOB,
	    NULL },
	{ "rcpt450",
	    HELLO JOB "S 250 ok\nS 450 4.2.1 greylisted\nS 554 none\n"
		      "R deferred 4.2.1 450 remote-rcpt: 4.2.1 greylisted\n"
		      "K\n" RSET_JOB,
	    NULL },
	{ "rcpt550",
	    HELLO JOB "S 250 ok\nS 550 5.1.1 no such user\nS 554 none\n"
		      "R failed 5.1.1 550 remote-rcpt: 5.1.1 no such user\n"
		      "K\n" RSET_JOB,
	    NULL },
	{ "552 to RCPT: too many",
	    HELLO JOB "S 250 ok\nS 552 5.5.3 too many\nS 554 none\n"
		      "R deferred 4.0.0 552 remote-rcpt: 5.5.3 too many\n",
	    NULL },
	{ "354 to RCPT",
	    HELLO JOB "S 250 ok\nS 354 go\nS 503 none\n"
		      "R deferred 4.0.0 354 remote-rcpt: go\n",
	    NULL },
	{ "rcptmixed",
	    HELLO "J s@gw.test good@a.test,bad@a.test,slow@a.test\n"
		  "C MAIL FROM:<s@gw.test> SIZE=4\n"
		  "C RCPT TO:<good@a.test>\n"
		  "C RCPT TO:<bad@a.test>\n"
		  "C RCPT TO:<slow@a.test>\n"
		  "C DATA\n"
		  "S 250 ok\nS 250 ok\nS 550 5.1.1 unknown\nS 450 4.2.2 full\n"
		  "S 354 go\n"
		  "C hi\nC .\n"
		  "S 250 queued\n"
		  "R delivered 2.0.0 250 delivered: queued\n"
		  "R failed 5.1.1 550 remote-rcpt: 5.1.1 unknown\n"
		  "R deferred 4.2.2 450 remote-rcpt: 4.2.2 full\n"
		  "K\n" GOOD_JOB,
	    NULL },
	{ "all recipients refused, 354 anyway",
	    HELLO JOB "S 250 ok\nS 550 no\nS 354 go\n"
		      "C .\n"
		      "W 600\n"
		      "S 554 no valid recipients\n"
		      "R failed 5.0.0 550 remote-rcpt: no\n"
		      "K\n" GOOD_JOB,
	    NULL },
	{ "data451",
	    HELLO JOB "S 250 ok\nS 250 ok\nS 451 4.3.0 later\n"
		      "R deferred 4.3.0 451 remote-data: 4.3.0 later\n"
		      "K\n" RSET_JOB,
	    NULL },
	{ "data554",
	    HELLO JOB "S 250 ok\nS 250 ok\nS 554 5.6.0 no\n"
		      "R failed 5.6.0 554 remote-data: 5.6.0 no\n"
		      "K\n" RSET_JOB,
	    NULL },
	{ "250 to DATA is no delivery",
	    HELLO JOB "S 250 ok\nS 250 ok\nS 250 2.0.0 ok\n"
		      "R deferred 4.0.0 250 remote-data: 2.0.0 ok\n"
		      "K\n" RSET_JOB,
	    NULL },
	{ "eod451",
	    HELLO JOB "S 250 ok\nS 250 ok\nS 354 go\nC hi\nC .\n"
		      "S 451 4.3.0 later\n"
		      "R deferred 4.3.0 451 remote-data: 4.3.0 later\n"
		      "K\n" GOOD_JOB,
	    NULL },
	{ "eod550",
	    HELLO JOB "S 250 ok\nS 250 ok\nS 354 go\nC hi\nC .\n"
		      "S 550-5.7.1 spam\nS 550-5.7.1 see\nS 550 5.7.1 there\n"
		      "R failed 5.7.1 550 remote-data: 5.7.1 spam see there\n"
		      "K\n" GOOD_JOB,
	    NULL },
	{ "354 to the message",
	    HELLO JOB "S 250 ok\nS 250 ok\nS 354 go\nC hi\nC .\n"
		      "S 354 more\n"
		      "R deferred 4.0.0 354 remote-data: more\n"
		      "K\n" GOOD_JOB,
	    NULL },
	{ "an enhanced code of another class",
	    HELLO JOB "S 250 ok\nS 550 4.2.2 full\nS 503 no\n"
		      "R failed 5.0.0 550 remote-rcpt: 4.2.2 full\n",
	    NULL },
	{ "no text at all",
	    HELLO JOB "S 250\nS 550\nS 503\n"
		      "R failed 5.0.0 550 remote-rcpt: \n",
	    NULL },
	{ "RSET refused",
	    HELLO JOB "S 250 ok\nS 550 no\nS 503 no\n"
		      "R failed 5.0.0 550 remote-rcpt: no\n"
		      "J s@x u@y\n"
		      "C RSET\n"
		      "C MAIL FROM:<s@x> SIZE=4\nC RCPT TO:<u@y>\nC DATA\n"
		      "S 500 what\nS 250 ok\nS 250 ok\nS 354 go\nC hi\nC .\n"
		      "S 250 queued\n"
		      "R delivered 2.0.0 250 delivered: queued\n"
		      "K\n" GOOD_JOB,
	    NULL },
	{ "reply to nothing, pipelined",
	    HELLO JOB "S 250 ok\nS 550 no\nS 503 no\n"
		      "R failed 5.0.0 550 remote-rcpt: no\n"
		      "S 250 extra\n"
		      "O deferred 4.5.0 0 remote-protocol: a reply to nothing "
		      "while idle\n",
	    NULL },
};

/* Without PIPELINING each command waits for the reply to the one before. */
static const struct dialogue one_by_one[] = {
	{ "nopipelining",
	    PLAIN_HELLO "J s@gw.test u@a.test\n"
			"C MAIL FROM:<s@gw.test>\n"
			"W 300\n"
			"S 250 ok\n"
			"C RCPT TO:<u@a.test>\n"
			"W 300\n"
			"S 250 ok\n"
			"C DATA\n"
			"W 120\n"
			"H\n"
			"S 354 go\n"
			"W 180\n",
	    NULL },
	{ "the whole of it",
	    PLAIN_HELLO "J s@gw.test u@a.test,v@a.test\n"
			"C MAIL FROM:<s@gw.test>\n"
			"S 250 ok\n"
			"C RCPT TO:<u@a.test>\n"
			"S 550 5.1.1 no\n"
			"C RCPT TO:<v@a.test>\n"
			"S 250 ok\n"
			"C DATA\n"
			"S 354 go\n"
			"C hi\nC .\n"
			"W 600\n"
			"S 250 queued\n"
			"R failed 5.1.1 550 remote-rcpt: 5.1.1 no\n"
			"R delivered 2.0.0 250 delivered: queued\n" BYE,
	    NULL },
	{ "MAIL refused",
	    PLAIN_HELLO "J s@x u@y\n"
			"C MAIL FROM:<s@x>\n"
			"S 550 no\n"
			"R failed 5.0.0 550 remote-sender: no\n"
			"K\n"
			"J s@x u@y\n"
			"C RSET\n"
			"S 250 ok\n"
			"C MAIL FROM:<s@x>\n"
			"S 250 ok\n"
			"C RCPT TO:<u@y>\n"
			"S 450 later\n"
			"R deferred 4.0.0 450 remote-rcpt: later\n"
			"K\n"
			"J s@x u@y\n"
			"C RSET\n"
			"S 250 ok\n"
			"C MAIL FROM:<s@x>\n",
	    NULL },
	{ "reply to nothing",
	    PLAIN_HELLO "J s@x u@y\n"
			"C MAIL FROM:<s@x>\n"
			"S 250 ok\nS 250 extra\n"
			"C RCPT TO:<u@y>\n"
			"C DATA\n"
			"X\n"
			"R deferred 4.4.2 0 conn-lost: connection lost while "
			"starting the data\n"
			"O deferred 4.4.2 0 conn-lost: connection lost while "
			"starting the data\n",
	    NULL },
};

static const struct dialogue abilities[] = {
	{ "sizesmall",
	    "S 220 a.test\nC EHLO gw.test\nS 250-a.test\nS 250 SIZE 2000\n"
	    "J s@x u@y,v@y size=2001\n"
	    "R failed 5.3.4 0 too-big: message is larger than the server "
	    "accepts\n"
	    "R failed 5.3.4 0 too-big: message is larger than the server "
	    "accepts\n"
	    "K\n"
	    "J s@x u@y size=2000\n"
	    "C MAIL FROM:<s@x> SIZE=2000\n",
	    NULL },
	{ "SIZE without a limit",
	    "S 220 a.test\nC EHLO gw.test\nS 250-a.test\nS 250 SIZE 0\n"
	    "J s@x u@y size=18446744073709551615\n"
	    "C MAIL FROM:<s@x> SIZE=18446744073709551615\n",
	    NULL },
	{ "552 to SIZE=",
	    HELLO JOB "S 552 5.3.4 too big\nS 503 no\nS 503 no\n"
		      "R failed 5.3.4 552 remote-sender: 5.3.4 too big\n",
	    NULL },
	{ "452 to SIZE=",
	    HELLO JOB "S 452 4.3.1 no room\nS 503 no\nS 503 no\n"
		      "R deferred 4.3.1 452 remote-sender: 4.3.1 no room\n",
	    NULL },
	{ "declared 8-bit, and none there",
	    PLAIN_HELLO "J s@x u@y 8bitmime\n"
			"C MAIL FROM:<s@x>\n",
	    NULL },
	{ "has8bit",
	    HELLO "J s@x u@y 8bit\n"
		  "C MAIL FROM:<s@x> SIZE=9 BODY=8BITMIME\n"
		  "C RCPT TO:<u@y>\nC DATA\n"
		  "S 250 ok\nS 250 ok\nS 354 go\n"
		  "C caf\303\251 \377\nC .\n"
		  "S 250 queued\n"
		  "R delivered 2.0.0 250 delivered: queued\n",
	    "caf\303\251 \377\r\n" },
	{ "REQUIRETLS in clear text, RFC 8689 4.2.1",
	    HELLO "J s@x u@y requiretls\n"
		  "R failed 5.7.30 0 requiretls: REQUIRETLS support required: "
		  "no TLS with this server\n"
		  "K\n" GOOD_JOB,
	    NULL },
	{ "noutf8",
	    HELLO "J s@x \320\264@y utf8 8bit\n"
		  "R failed 5.6.7 0 remote-protocol: the server does not take "
		  "internationalised mail\n"
		  "K\n",
	    NULL },
	{ "utf8",
	    "S 220 a.test\nC EHLO gw.test\nS 250-a.test\nS 250-8BITMIME\n"
	    "S 250 SMTPUTF8\n"
	    "J s@x \320\264@y utf8 8bit\n"
	    "C MAIL FROM:<s@x> BODY=8BITMIME SMTPUTF8\n"
	    "S 250 ok\n"
	    "C RCPT TO:<\320\264@y>\n",
	    NULL },
	{ "DSN offered",
	    DSN_HELLO
	    "J s@x u@y,v@y ret=2 envid=QQ+2B1 notify=14 orcpt=rfc822;w@z\n"
	    "C MAIL FROM:<s@x> RET=HDRS ENVID=QQ+2B1\n"
	    "C RCPT TO:<u@y> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;w@z\n"
	    "C RCPT TO:<v@y> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;w@z\n"
	    "C DATA\n",
	    NULL },
	{ "DSN, never",
	    DSN_HELLO "J s@x u@y ret=1 notify=1\n"
		      "C MAIL FROM:<s@x> RET=FULL\n"
		      "C RCPT TO:<u@y> NOTIFY=NEVER\nC DATA\n",
	    NULL },
	{ "DSN, nothing asked",
	    DSN_HELLO "J s@x u@y\nC MAIL FROM:<s@x>\nC RCPT TO:<u@y>\n"
		      "C DATA\n",
	    NULL },
	{ "DSN not offered",
	    HELLO "J s@x u@y ret=2 envid=A notify=2 orcpt=rfc822;w@z\n"
		  "C MAIL FROM:<s@x> SIZE=4\nC RCPT TO:<u@y>\nC DATA\n",
	    NULL },
	{ "BDAT",
	    BDAT_HELLO "J s@x u@y,v@y\n"
		       "C MAIL FROM:<s@x>\nC RCPT TO:<u@y>\nC RCPT TO:<v@y>\n"
		       "S 250 ok\nS 550 no\nS 250 ok\n"
		       "C BDAT 16 LAST\nC .\nC ..\nC .x\nC \nC .\n"
		       "S 250 queued\n"
		       "R failed 5.0.0 550 remote-rcpt: no\n"
		       "R delivered 2.0.0 250 delivered: queued\nK\n",
	    ".\r\n..\r\n.x\r\n\r\n.\r\n" },
	{ "BDAT, nobody accepted",
	    BDAT_HELLO "J s@x u@y\n"
		       "C MAIL FROM:<s@x>\nC RCPT TO:<u@y>\n"
		       "S 250 ok\nS 550 no\n"
		       "R failed 5.0.0 550 remote-rcpt: no\nK\n"
		       "J s@x u@y\nC RSET\n"
		       "C MAIL FROM:<s@x>\nC RCPT TO:<u@y>\n",
	    NULL },
	{ "BDAT one by one",
	    "S 220 a.test\nC EHLO gw.test\nS 250-a.test\nS 250 CHUNKING\nK\n"
	    "J s@x u@y\n"
	    "C MAIL FROM:<s@x>\nS 250 ok\nC RCPT TO:<u@y>\nS 250 ok\n"
	    "C BDAT 4 LAST\nC hi\n"
	    "S 452 4.3.1 full\n"
	    "R deferred 4.3.1 452 remote-data: 4.3.1 full\nK\n",
	    NULL },
	{ "BDAT offered and not known",
	    BDAT_HELLO "J s@x u@y\n"
		       "C MAIL FROM:<s@x>\nC RCPT TO:<u@y>\n"
		       "S 250 ok\nS 250 ok\n"
		       "C BDAT 4 LAST\nC hi\n"
		       "S 502 what\n"
		       "C RSET\nC MAIL FROM:<s@x>\nC RCPT TO:<u@y>\nC DATA\n"
		       "S 250 ok\nS 250 ok\nS 250 ok\nS 354 go\n"
		       "C hi\nC .\nS 250 queued\n"
		       "R delivered 2.0.0 250 delivered: queued\nK\n",
	    NULL },
	{ "dots",
	    HELLO "J s@x u@y\n"
		  "C MAIL FROM:<s@x> SIZE=16\nC RCPT TO:<u@y>\nC DATA\n"
		  "S 250 ok\nS 250 ok\nS 354 go\n"
		  "C ..\nC ...\nC ..x\nC \nC ..\nC .\n"
		  "S 250 queued\n"
		  "R delivered 2.0.0 250 delivered: queued\n",
	    ".\r\n..\r\n.x\r\n\r\n.\r\n" },
	{ "no line end at the end",
	    HELLO "J s@x u@y\n"
		  "C MAIL FROM:<s@x> SIZE=1\nC RCPT TO:<u@y>\nC DATA\n"
		  "S 250 ok\nS 250 ok\nS 354 go\n"
		  "C x\nC .\n",
	    "x" },
	{ "an empty message",
	    HELLO "J s@x u@y\n"
		  "C MAIL FROM:<s@x> SIZE=0\nC RCPT TO:<u@y>\nC DATA\n"
		  "S 250 ok\nS 250 ok\nS 354 go\n"
		  "C .\n",
	    "" },
};

#define LOST_AT(where)                                                         \
	"X\n"                                                                  \
	"R deferred 4.4.2 0 conn-lost: connection lost while " where "\n"      \
	"O deferred 4.4.2 0 conn-lost: connection lost while " where "\n"
#define SILENT_AT(where)                                                       \
	"T\n"                                                                  \
	"R deferred 4.4.2 0 timeout: timed out while " where "\n"              \
	"O deferred 4.4.2 0 timeout: timed out while " where "\n"
#define CLOSING_AT                                                             \
	"S 421 4.3.0 closing\n"                                                \
	"R deferred 4.3.0 421 conn-lost: 4.3.0 closing\n"                      \
	"O deferred 4.3.0 421 conn-lost: 4.3.0 closing\n"
#define GARBAGE_AT(where)                                                      \
	"S oops\n"                                                             \
	"R deferred 4.5.0 0 remote-protocol: not an SMTP reply while " where   \
	"\n"                                                                   \
	"O deferred 4.5.0 0 remote-protocol: not an SMTP reply while " where   \
	"\n"
#define EACH_END(name, before, where)                                          \
	{ "lost " name, before LOST_AT(where), NULL },                         \
	    { "silent " name, before SILENT_AT(where), NULL },                 \
	    { "421 " name, before CLOSING_AT, NULL },                          \
	{                                                                      \
		"garbage " name, before GARBAGE_AT(where), NULL                \
	}

#define SENT	   JOB "S 250 ok\nS 250 ok\nS 354 go\nC hi\nC .\n"
#define AT_THE_END "waiting for the reply to the message"

static const struct dialogue ends[] = {
	EACH_END("at MAIL", HELLO JOB, "giving the sender"),
	EACH_END("at RCPT", HELLO JOB "S 250 ok\n", "giving the recipients"),
	EACH_END("at DATA", HELLO JOB "S 250 ok\nS 250 ok\n",
	    "starting the data"),
	{ "lost in a reply",
	    HELLO JOB "S 250 ok\nP 250-mo\n" LOST_AT("giving the recipients"),
	    NULL },
	{ "421 in the place of another line",
	    HELLO JOB "S 250 ok\nS 250-mo\nS 421 closing\n"
		      "R deferred 4.5.0 0 remote-protocol: reply of different "
		      "classes while giving the recipients\n"
		      "O deferred 4.5.0 0 remote-protocol: reply of different "
		      "classes while giving the recipients\n",
	    NULL },
	EACH_END("after another message", HELLO GOOD_JOB JOB,
	    "giving the sender"),
	{ "lost at the end", HELLO SENT LOST_AT(AT_THE_END) "U\n", NULL },
	{ "silent at the end", HELLO SENT SILENT_AT(AT_THE_END) "U\n", NULL },
	{ "421 at the end", HELLO SENT CLOSING_AT "U\n", NULL },
	{ "garbage at the end", HELLO SENT GARBAGE_AT(AT_THE_END) "U\n", NULL },
	{ "450 in the text",
	    "H\n" HELLO JOB "S 250 ok\nS 250 ok\nS 354 go\n"
	    "S 450 4.2.0 ~ no\n"
	    "R deferred 4.2.0 450 remote-data: 4.2.0 ~ no\n"
	    "O deferred 4.2.0 450 remote-data: 4.2.0 ~ no\n",
	    NULL },
	{ "399 in the text",
	    "H\n" HELLO JOB "S 250 ok\nS 250 ok\nS 354 go\n"
	    "S 399 what\n"
	    "R deferred 4.5.0 0 remote-protocol: a reply to nothing while "
	    "sending the message\n"
	    "O deferred 4.5.0 0 remote-protocol: a reply to nothing while "
	    "sending the message\n",
	    NULL },
	{ "lost in the text",
	    "H\n" HELLO JOB
	    "S 250 ok\nS 250 ok\nS 354 go\n" LOST_AT("sending the message"),
	    NULL },
	{ "silent in the text",
	    "H\n" HELLO JOB
	    "S 250 ok\nS 250 ok\nS 354 go\n" SILENT_AT("sending the message"),
	    NULL },
	{ "421 in the text",
	    "H\n" HELLO JOB "S 250 ok\nS 250 ok\nS 354 go\n" CLOSING_AT, NULL },
	/* not a reply to the message, which is not there yet; but why it ends
	 */
	{ "552 in the text",
	    "H\n" HELLO JOB "S 250 ok\nS 250 ok\nS 354 go\n"
	    "S 552 5.3.4 too big\n"
	    "R deferred 4.0.0 552 remote-data: 5.3.4 too big\n"
	    "O deferred 4.0.0 552 remote-data: 5.3.4 too big\n",
	    NULL },
	{ "250 in the text",
	    "H\n" HELLO JOB "S 250 ok\nS 250 ok\nS 354 go\n"
	    "S 250 thanks\n"
	    "R deferred 4.5.0 0 remote-protocol: a reply to "
	    "nothing while sending the message\n"
	    "O deferred 4.5.0 0 remote-protocol: a reply to "
	    "nothing while sending the message\n",
	    NULL },
	{ "what was refused stays so",
	    HELLO "J s@x u@y,v@y\n"
		  "C MAIL FROM:<s@x> SIZE=4\n"
		  "C RCPT TO:<u@y>\nC RCPT TO:<v@y>\nC DATA\n"
		  "S 250 ok\nS 550 5.1.1 no\nS 250 ok\n"
		  "X\n"
		  "R failed 5.1.1 550 remote-rcpt: 5.1.1 no\n"
		  "R deferred 4.4.2 0 conn-lost: connection lost while "
		  "starting the data\n"
		  "O deferred 4.4.2 0 conn-lost: connection lost while "
		  "starting the data\n",
	    NULL },
	{ "lost after a refusal, at the dot",
	    HELLO JOB "S 250 ok\nS 550 5.1.1 no\nS 354 go\nC .\n"
		      "X\n"
		      "R failed 5.1.1 550 remote-rcpt: 5.1.1 no\n"
		      "O deferred 4.4.2 0 conn-lost: connection lost while "
		      "waiting for the reply to the message\n",
	    NULL },
	{ "a bare LF in the text",
	    HELLO "J s@x u@y\n"
		  "C MAIL FROM:<s@x> SIZE=4\nC RCPT TO:<u@y>\nC DATA\n"
		  "S 250 ok\nS 250 ok\nS 354 go\n"
		  "R deferred 4.3.0 0 store-error: the message could not be "
		  "read from the queue\n"
		  "O deferred 4.3.0 0 store-error: the message could not be "
		  "read from the queue\n",
	    "a\n.\n" },
};

static void
test_hellos(void **state)
{
	(void)state;
	talk(hellos, NELEMS(hellos));
}

static void
test_idle(void **state)
{
	(void)state;
	talk(idle, NELEMS(idle));
}

static void
test_refusals(void **state)
{
	(void)state;
	talk(refusals, NELEMS(refusals));
}

static void
test_one_by_one(void **state)
{
	(void)state;
	talk(one_by_one, NELEMS(one_by_one));
}

static void
test_abilities(void **state)
{
	(void)state;
	talk(abilities, NELEMS(abilities));
}

static void
test_ends(void **state)
{
	(void)state;
	talk(ends, NELEMS(ends));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hellos),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_one_by_one),
		cmocka_unit_test(test_abilities),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
