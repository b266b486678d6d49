/* SPDX-License-Identifier: ISC */
/* link: common/base/reason.o */
/* The vocabulary of reasons is whole, without doubles, and speakable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/reason.h"

static void
test_names(void **state)
{
	const char *name;
	unsigned i, j;

	(void)state;
	for (i = 0; i < REASON_MAX; i++) {
		name = reason_name((enum reason)i);
		if (name == NULL || name[0] == '\0') {
			fail_msg("reason %u has no name", i);
			abort();
		}
		/* one word of logfmt */
		if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") !=
		    strlen(name))
			fail_msg("\"%s\"", name);
		for (j = 0; j < i; j++)
			assert_string_not_equal(name,
			    reason_name((enum reason)j));
	}
	assert_string_equal(reason_name(REASON_RELAY_DENIED), "relay-denied");
	assert_string_equal(reason_name(REASON_DIRECTION), "direction");
	assert_string_equal(reason_name((enum reason)REASON_MAX), "unknown");
}

static void
test_from(void **state)
{
	enum reason r;
	unsigned i;

	(void)state;
	for (i = 0; i < REASON_MAX; i++) {
		assert_int_equal(reason_from(i, &r), 0);
		assert_int_equal(r, i);
	}
	r = REASON_HELD;
	assert_int_equal(reason_from(REASON_MAX, &r), -1);
	assert_int_equal(reason_from(255, &r), -1);
	assert_int_equal(reason_from(UINT32_MAX, &r), -1);
	assert_int_equal(r, REASON_HELD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
