/* link: smtpd-in/repair.o */
/* SPDX-License-Identifier: ISC */
/* Line ends repaired: a table, in one piece and in two, and all short strings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "smtpd-in/repair.h"

static const struct {
	const char *in, *out;
	size_t repaired;
} rows[] = {
	{ "", "", 0 },
	{ "a\r\nb\r\n", "a\r\nb\r\n", 0 },
	{ "a\nb\n", "a\r\nb\r\n", 2 },
	{ "a\rb", "a\r\nb", 1 },
	{ "a\r", "a", 0 }, /* not known yet */
	{ "\n", "\r\n", 1 },
	{ "\r\r\n", "\r\n\r\n", 1 },
	{ "\n\r", "\r\n", 1 },
	{ "\n\r\n", "\r\n\r\n", 1 },
	{ "\r\n\n", "\r\n\r\n", 1 },
	{ "\n.\n", "\r\n.\r\n", 2 },
	{ "\r.\rx", "\r\n.\r\nx", 2 },
	{ "\n.\r\n", "\r\n.\r\n", 1 },
};

static void
test_rows(void **state)
{
	char out[64];
	size_t i, cut, len, n, repaired;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = strlen(rows[i].in);
		for (cut = 0; cut <= len; cut++) {
			struct repair r = { false };

			repaired = 0;
			n = repair_lines(&r, rows[i].in, cut, out, &repaired);
			n += repair_lines(&r, rows[i].in + cut, len - cut,
			    out + n, &repaired);
			assert_int_equal(n, strlen(rows[i].out));
			assert_memory_equal(out, rows[i].out, n);
			assert_int_equal(repaired, rows[i].repaired);
		}
	}
}

/* Of any octets: each CR is followed by LF, each LF follows a CR. */
static void
test_all(void **state)
{
	static const char alphabet[] = "\r\n.x";
	char in[6], out[REPAIR_ROOM(sizeof(in))];
	size_t i, k, n, v, repaired = 0;

	(void)state;
	for (v = 0; v < 4 * 4 * 4 * 4 * 4 * 4; v++) {
		struct repair r = { v % 2 == 0 };

		for (k = 0, n = v; k < sizeof(in); k++, n /= 4)
			in[k] = alphabet[n % 4];
		n = repair_lines(&r, in, sizeof(in), out, &repaired);
		assert_in_range(n, 0, sizeof(out));
		for (i = 0; i < n; i++) {
			if (out[i] == '\r')
				assert_true(i + 1 < n && out[i + 1] == '\n');
			if (out[i] == '\n')
				assert_true(i > 0 && out[i - 1] == '\r');
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
