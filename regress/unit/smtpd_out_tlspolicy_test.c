/* SPDX-License-Identifier: ISC */
/* link: smtpd-out/tlspolicy.o */
/* The decision about TLS towards servers: every combination, by a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtpd-out/tlspolicy.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

enum { NONE = CONF_TLS_NONE, OPP, REQ, VER, FPR };

/* --- what each level does with each thing that can happen --- */

static const struct {
	const char *what;
	enum tls_moment moment;
	struct tls_facts f; /* without its level */
	enum tls_action want[5];
	const char *enh; /* of DEFER and FAIL */
	enum reason reason;
} rows[] = {
	{ "STARTTLS is offered", TLS_AT_HELLO, { .offered = true },
	    { TLS_GO_PLAIN, TLS_START, TLS_START, TLS_START, TLS_START }, "",
	    REASON_NONE },
	{ "it is not", TLS_AT_HELLO, { .offered = false },
	    { TLS_GO_PLAIN, TLS_GO_PLAIN, TLS_DEFER, TLS_DEFER, TLS_DEFER },
	    "4.7.4", REASON_TLS_NEEDED },
	{ "offered, and failed before", TLS_AT_HELLO,
	    { .offered = true, .fell_back = true },
	    { TLS_GO_PLAIN, TLS_GO_PLAIN, TLS_START, TLS_START, TLS_START }, "",
	    REASON_NONE },
	{ "refused", TLS_AT_REFUSAL, { .offered = false },
	    { TLS_GO_PLAIN, TLS_GO_PLAIN, TLS_DEFER, TLS_DEFER, TLS_DEFER },
	    "4.7.4", REASON_TLS_NEEDED },
	{ "the handshake failed", TLS_AT_FAILURE, { .offered = false },
	    { TLS_AGAIN_PLAIN, TLS_AGAIN_PLAIN, TLS_DEFER, TLS_DEFER,
		TLS_DEFER },
	    "4.7.5", REASON_TLS_FAILED },
	{ "verified", TLS_AT_DONE, { .verified = TLS_V_OK },
	    { TLS_GO_SECURE, TLS_GO_SECURE, TLS_GO_SECURE, TLS_GO_SECURE,
		TLS_GO_SECURE },
	    "", REASON_NONE },
};

static void
test_levels(void **state)
{
	struct tls_verdict v;
	struct tls_facts f;
	unsigned level;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(rows); i++) {
		for (level = NONE; level <= FPR; level++) {
			f = rows[i].f;
			f.level = (enum conf_tls_level)level;
			v = tls_decide(rows[i].moment, &f);
			if (v.action != rows[i].want[level - 1])
				fail_msg("%s, level %u: %d", rows[i].what,
				    level, (int)v.action);
			if (v.action < TLS_DEFER)
				continue;
			assert_string_equal(v.enh, rows[i].enh);
			assert_int_equal(v.reason, rows[i].reason);
			assert_true(v.text[0] != '\0');
		}
	}
}

/* Whatever is wrong with a certificate stops those who asked for a good one. */
static void
test_unverified(void **state)
{
	static const char *const texts[] = {
		[TLS_V_NOT_ASKED] = "not acceptable",
		[TLS_V_NO_CERT] = "no certificate",
		[TLS_V_UNTRUSTED] = "no trusted authority",
		[TLS_V_EXPIRED] = "expired",
		[TLS_V_NAME] = "another name",
		[TLS_V_FINGERPRINT] = "none of those",
		[TLS_V_BAD] = "not acceptable",
	};
	struct tls_verdict v;
	struct tls_facts f = { .offered = false };
	unsigned level, i;

	(void)state;
	for (i = TLS_V_NOT_ASKED; i <= TLS_V_BAD; i++) {
		if (i == TLS_V_OK)
			continue;
		f.verified = (enum tls_verified)i;
		for (level = NONE; level <= FPR; level++) {
			f.level = (enum conf_tls_level)level;
			v = tls_decide(TLS_AT_DONE, &f);
			if (level < VER) {
				assert_int_equal(v.action, TLS_GO_SECURE);
				continue;
			}
			assert_int_equal(v.action, TLS_DEFER);
			assert_int_equal(v.reason, REASON_TLS_UNVERIFIED);
			assert_string_equal(v.enh, "4.7.5");
			assert_non_null(strstr(v.text, texts[i]));
		}
	}
}

/* RFC 8689, at every level: TLS, verified, and the server knows it. */
static void
test_requiretls(void **state)
{
	struct tls_facts f = { .offered = false };
	struct tls_verdict v;
	unsigned i, level;

	(void)state;
	for (level = NONE; level <= FPR; level++) {
		for (i = 0; i < 16; i++) {
			f.level = (enum conf_tls_level)level;
			f.requiretls = (i & 1) != 0;
			f.secure = (i & 2) != 0;
			f.offers_requiretls = (i & 4) != 0;
			f.verified = (i & 8) != 0 ? TLS_V_OK : TLS_V_UNTRUSTED;
			v = tls_decide(TLS_AT_MESSAGE, &f);
			if (!f.requiretls) {
				assert_int_equal(v.action,
				    f.secure ? TLS_GO_SECURE : TLS_GO_PLAIN);
			} else if (i == 15) {
				assert_int_equal(v.action, TLS_GO_SECURE);
			} else {
				assert_int_equal(v.action, TLS_FAIL);
				assert_string_equal(v.enh, "5.7.30");
				assert_int_equal(v.reason, REASON_REQUIRETLS);
				assert_non_null(strstr(v.text, "REQUIRETLS"));
			}
		}
	}
}

/* Who asked for TLS never ends up in clear text, whatever the facts are. */
static void
test_never_plain(void **state)
{
	struct tls_verdict v;
	struct tls_facts f;
	unsigned level, m, i, k;

	(void)state;
	for (level = REQ; level <= FPR; level++)
		for (m = TLS_AT_HELLO; m <= TLS_AT_DONE; m++)
			for (i = 0; i < 16; i++)
				for (k = 0; k <= TLS_V_BAD; k++) {
					f = (struct tls_facts){
						.level =
						    (enum conf_tls_level)level,
						.fell_back = i & 1,
						.offered = i & 2,
						.secure = i & 4,
						.offers_requiretls = i & 8,
						.verified = (enum tls_verified)k
					};
					v = tls_decide((enum tls_moment)m, &f);
					assert_int_not_equal(v.action,
					    TLS_GO_PLAIN);
					assert_int_not_equal(v.action,
					    TLS_AGAIN_PLAIN);
				}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_unverified),
		cmocka_unit_test(test_requiretls),
		cmocka_unit_test(test_never_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
