/* SPDX-License-Identifier: ISC */
/* link: common/base/proc.o common/base/conf.o common/base/netaddr.o */
/* Names of programs and instances. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/proc.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static void
test_peer_name(void **state)
{
	static const struct {
		struct peer peer;
		const char *name;
	} rows[] = {
		{ { PROC_MASTER, PROC_SIDE_NONE, 0 }, "posternd" },
		{ { PROC_CONND, SIDE_EXT, 0 }, "connd/ext" },
		{ { PROC_CONND, SIDE_INT, 0 }, "connd/int" },
		{ { PROC_SMTPD_IN, SIDE_EXT, 0 }, "smtpd-in/ext.0" },
		{ { PROC_SMTPD_IN, SIDE_INT, 15 }, "smtpd-in/int.15" },
		{ { PROC_QUEUED, PROC_SIDE_NONE, 0 }, "queued" },
		{ { PROC_SMTPD_OUT, SIDE_EXT, 15 }, "smtpd-out/ext.15" },
		{ { PROC_DNSD_EXT, SIDE_EXT, 0 }, "dnsd-ext" },
		{ { PROC_DNSD_INT, PROC_SIDE_NONE, 0 }, "dnsd-int" },
		{ { PROC_DIRD, PROC_SIDE_NONE, 0 }, "dird" },
		{ { PROC_LOGD, PROC_SIDE_NONE, 0 }, "logd" },
		{ { PROC_CTLD, PROC_SIDE_NONE, 0 }, "ctld" },
		{ { PROC_KEYD, PROC_SIDE_NONE, 0 }, "keyd" },
		{ { PROC_CONND, PROC_SIDE_NONE, 0 }, "connd" },
		{ { PROC_MAX, SIDE_EXT, 0 }, "unknown" },
		/* fits whatever it is */
		{ { PROC_SMTPD_OUT, SIDE_EXT, 255 }, "smtpd-out/ext.255" },
	};
	char buf[INSTANCE_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(rows); i++) {
		assert_ptr_equal(peer_name(&rows[i].peer, buf), buf);
		assert_string_equal(buf, rows[i].name);
	}
}

static void
test_names(void **state)
{
	unsigned i, j;

	(void)state;
	for (i = 0; i < PROC_MAX; i++) {
		assert_non_null(proc_name((enum proc)i));
		for (j = 0; j < i; j++)
			assert_string_not_equal(proc_name((enum proc)i),
			    proc_name((enum proc)j));
	}
	assert_string_equal(proc_name(PROC_MAX), "unknown");
}

static void
test_from(void **state)
{
	enum proc p;
	unsigned i;

	(void)state;
	for (i = 0; i < PROC_MAX; i++) {
		assert_int_equal(proc_from(i, &p), 0);
		assert_int_equal(p, i);
	}
	p = PROC_DIRD;
	assert_int_equal(proc_from(PROC_MAX, &p), -1);
	assert_int_equal(proc_from(UINT32_MAX, &p), -1);
	assert_int_equal(p, PROC_DIRD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer_name),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
