/* SPDX-License-Identifier: ISC */
/* link: master/limits.o master/words.o common/base/conf.o */
/* link: common/base/netaddr.o */
/* Numbers with units, and which word a mistyped one was meant to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "master/limits.h"
#include "master/words.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

struct quantity {
	const char *text;
	enum unit unit;
	enum quantity_error error;
	uint64_t value;
};

static const struct quantity quantities[] = {
	{ "0", UNIT_COUNT, QUANTITY_OK, 0 },
	{ "25", UNIT_COUNT, QUANTITY_OK, 25 },
	{ "25", UNIT_SIZE, QUANTITY_OK, 25 },
	{ "25k", UNIT_SIZE, QUANTITY_OK, 25600 },
	{ "25m", UNIT_SIZE, QUANTITY_OK, 26214400 },
	{ "1g", UNIT_SIZE, QUANTITY_OK, 1073741824 },
	{ "25m", UNIT_TIME, QUANTITY_OK, 1500 },
	{ "2h", UNIT_TIME, QUANTITY_OK, 7200 },
	{ "5d", UNIT_TIME, QUANTITY_OK, 432000 },
	{ "18446744073709551615", UNIT_COUNT, QUANTITY_OK, UINT64_MAX },
	{ "18446744073709551616", UNIT_COUNT, QUANTITY_RANGE, 0 },
	{ "99999999999999999999999", UNIT_SIZE, QUANTITY_RANGE, 0 },
	{ "18446744073709551615k", UNIT_SIZE, QUANTITY_RANGE, 0 },
	{ "5", UNIT_TIME, QUANTITY_NO_UNIT, 0 },
	{ "5k", UNIT_TIME, QUANTITY_SYNTAX, 0 },
	{ "5s", UNIT_SIZE, QUANTITY_SYNTAX, 0 },
	{ "5m", UNIT_COUNT, QUANTITY_SYNTAX, 0 },
	{ "5mm", UNIT_SIZE, QUANTITY_SYNTAX, 0 },
	{ "5 m", UNIT_SIZE, QUANTITY_SYNTAX, 0 },
	{ "", UNIT_COUNT, QUANTITY_SYNTAX, 0 },
	{ "k", UNIT_SIZE, QUANTITY_SYNTAX, 0 },
	{ "-1", UNIT_COUNT, QUANTITY_SYNTAX, 0 },
	{ "+1", UNIT_COUNT, QUANTITY_SYNTAX, 0 },
	{ "0x10", UNIT_COUNT, QUANTITY_SYNTAX, 0 },
};

static void
test_quantities(void **state)
{
	const struct quantity *q;
	uint64_t value;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(quantities); i++) {
		q = &quantities[i];
		if (quantity_parse(q->text, q->unit, &value) != q->error)
			fail_msg("\"%s\"", q->text);
		if (q->error == QUANTITY_OK)
			assert_int_equal(value, q->value);
	}
}

/* What is printed reads back as the same, in the largest unit that fits. */
static void
test_format(void **state)
{
	char text[QUANTITY_STRLEN];
	uint64_t value, i;

	(void)state;
	assert_string_equal(quantity_fmt(0, UNIT_SIZE, text), "0");
	assert_string_equal(quantity_fmt(0, UNIT_TIME, text), "0s");
	assert_string_equal(quantity_fmt(90, UNIT_TIME, text), "90s");
	assert_string_equal(quantity_fmt(7200, UNIT_TIME, text), "2h");
	assert_string_equal(quantity_fmt(7200, UNIT_COUNT, text), "7200");
	assert_string_equal(quantity_fmt(1536, UNIT_SIZE, text), "1536");
	assert_string_equal(quantity_fmt(2048, UNIT_SIZE, text), "2k");
	for (i = 1; i < (UINT64_C(1) << 60); i = i * 3 + 1) {
		(void)quantity_fmt(i, UNIT_SIZE, text);
		assert_int_equal(quantity_parse(text, UNIT_SIZE, &value),
		    QUANTITY_OK);
		assert_int_equal(value, i);
		(void)quantity_fmt(i, UNIT_TIME, text);
		assert_int_equal(quantity_parse(text, UNIT_TIME, &value),
		    QUANTITY_OK);
		assert_int_equal(value, i);
	}
}

/* Every limit can be read and set by itself. */
static void
test_limits(void **state)
{
	struct conf_limits cl;
	size_t i, j;

	(void)state;
	memset(&cl, 0, sizeof(cl));
	for (i = 0; i < LIMITS_N; i++) {
		assert_ptr_equal(limit_find(limits[i].name), &limits[i]);
		limit_set(&cl, &limits[i], i + 1);
	}
	for (j = 0; j < LIMITS_N; j++)
		assert_int_equal(limit_get(&cl, &limits[j]), j + 1);
	assert_null(limit_find("bananas"));
}

static void
test_defaults(void **state)
{
	struct conf *conf = conf_new();
	uint64_t value;
	size_t i;

	(void)state;
	assert_non_null(conf);
	for (i = 0; i < LIMITS_N; i++) {
		value = limit_get(&conf->limits, &limits[i]);
		assert_true(value >= limits[i].min && value <= limits[i].max);
	}
	conf_free(conf);
}

static void
test_suggest(void **state)
{
	static const char *const words[] = { "listen", "dns", "interface",
		"networks", "recipients", "to", "on" };
	static const struct {
		const char *typed, *meant;
	} rows[] = {
		{ "lisen", "listen" },
		{ "lsiten", "listen" },
		{ "listten", "listen" },
		{ "Listen", "listen" },
		{ "dsn", "dns" },
		{ "interfcae", "interface" },
		{ "network", "networks" },
		{ "recipents", "recipients" },
		{ "firewall", NULL },
		{ "x", NULL },
		{ "yes", NULL },
		{ "", NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		    NULL },
	};
	const char *best;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(rows); i++) {
		best = word_suggest(rows[i].typed, words, NELEMS(words));
		if (rows[i].meant == NULL)
			assert_null(best);
		else
			assert_string_equal(best, rows[i].meant);
	}
}

static void
test_words(void **state)
{
	(void)state;
	assert_non_null(word_find("accept"));
	assert_non_null(word_find("workers"));
	assert_non_null(word_find("listen"));
	assert_string_equal(word_find("single-homed")->text, "single-homed");
	assert_null(word_find("listens"));
	assert_null(word_find(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantities),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_suggest),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
