/* SPDX-License-Identifier: ISC */
/* link: common/base/hex.o */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/hex.h"

static void
parse(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} cases[] = {
		{ "00ff7f", 0 },
		{ "00FF7f", 0 },
		{ "00:ff:7f", 0 },
		{ "00:ff7f", 0 },
		{ "", -1 },
		{ "00ff7", -1 },
		{ "00ff", -1 },
		{ "00ff7f00", -1 },
		{ "00ff7f:", -1 },
		{ ":00ff7f", -1 },
		{ "00::ff7f", -1 },
		{ "0:0ff7f", -1 },
		{ "00fg7f", -1 },
		{ "00ff7f ", -1 },
	};
	uint8_t out[3];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (hex_parse(cases[i].text, out, 3) != cases[i].rc)
			fail_msg("\"%s\"", cases[i].text);
		if (cases[i].rc == 0)
			assert_memory_equal(out, "\x00\xff\x7f", 3);
	}
}

static void
format(void **state)
{
	const uint8_t in[] = { 0, 0xff, 0x7f, 0xa0 };
	char out[HEX_STRLEN(4)];

	(void)state;
	assert_string_equal(hex_fmt(in, 4, out), "00ff7fa0");
	assert_string_equal(hex_fmt(in, 0, out), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
