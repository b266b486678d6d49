/* link: dird/list.o common/base.a */
/* SPDX-License-Identifier: ISC */
/* Recipient lists: what is in, what is out, what is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dird/list.h"

static uint32_t bad_lines[16];
static unsigned nbad;

static void
on_bad(void *arg, uint32_t line, const char *why)
{
	(void)arg;
	assert_true(why[0] != '\0');
	if (nbad < 16)
		bad_lines[nbad++] = line;
}

static struct list *
parse(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	nbad = 0;
	return list_parse(copy, len, "example.com", on_bad, NULL);
}

static const char text[] = "# staff\n"
			   "alice\n"
			   "Bob@Example.COM   # the boss\r\n"
			   "\n"
			   "carol mail2.corp.example.com\n"
			   "dave 10.0.0.12 2525\n"
			   "\"odd name\"@example.com\n"
			   "eve@other.example\n"
			   "frank bad_host! 25\n"
			   "george host 70000\n"
			   "alice\n"
			   "last";

static void
test_lookup(void **state)
{
	static const struct {
		const char *local;
		bool found;
		uint32_t line;
		const char *host;
		uint16_t port;
	} cases[] = {
		{ "alice", true, 2, NULL, 0 },
		{ "ALICE", true, 2, NULL, 0 },
		{ "bob", true, 3, NULL, 0 },
		{ "carol", true, 5, "mail2.corp.example.com", 25 },
		{ "dave", true, 6, "", 2525 },
		{ "\"odd name\"", true, 7, NULL, 0 },
		{ "eve", false, 0, NULL, 0 },
		{ "frank", false, 0, NULL, 0 },
		{ "george", false, 0, NULL, 0 },
		{ "last", true, 12, NULL, 0 },
		{ "alic", false, 0, NULL, 0 },
		{ "alice2", false, 0, NULL, 0 },
		{ "", false, 0, NULL, 0 },
	};
	struct list *l = parse(text, sizeof(text) - 1);
	struct list_answer a;
	size_t i;

	(void)state;
	assert_non_null(l);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		list_find(l, cases[i].local, &a);
		assert_int_equal(a.found, cases[i].found);
		assert_int_equal(a.line, cases[i].line);
		assert_int_equal(a.has_host, cases[i].host != NULL);
		if (cases[i].host == NULL)
			continue;
		assert_string_equal(a.host.name, cases[i].host);
		assert_int_equal(a.host.port, cases[i].port);
		assert_int_equal(a.host.addr.family,
		    cases[i].host[0] == '\0' ? NETADDR_V4 : NETADDR_NONE);
	}
	assert_int_equal(list_count(l), 6);
	assert_true(list_has_hosts(l));
	list_free(l);
}

static void
test_reports(void **state)
{
	static const uint32_t want[] = { 8, 9, 10, 11 };
	struct list *l = parse(text, sizeof(text) - 1);
	size_t i;

	(void)state;
	assert_int_equal(nbad, 4);
	for (i = 0; i < 4; i++)
		assert_int_equal(bad_lines[i], want[i]);
	list_free(l);
}

static void
test_whole_domain(void **state)
{
	static const char all[] = "alice\n@example.com\n";
	struct list *l = parse(all, sizeof(all) - 1);
	struct list_answer a;

	(void)state;
	list_find(l, "anyone", &a);
	assert_true(a.found);
	assert_int_equal(a.line, 2);
	list_find(l, "alice", &a);
	assert_int_equal(a.line, 1);
	assert_false(list_has_hosts(l));
	list_free(l);
}

/* "any" is a word of the configuration; in a list it is somebody's name */
static void
test_no_wildcard(void **state)
{
	static const char names[] = "any\n*\n";
	struct list *l = parse(names, sizeof(names) - 1);
	struct list_answer a;

	(void)state;
	list_find(l, "nobody", &a);
	assert_false(a.found);
	list_free(l);
}

static void
test_every_cut(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text); i++)
		list_free(parse(text, i));
	list_free(parse("a\0b\nc\n", 6));
}

static void
test_many(void **state)
{
	enum { N = 50000 };
	char *big = malloc(N * 16), name[16];
	struct list_answer a;
	struct list *l;
	size_t len = 0;
	int i;

	(void)state;
	assert_non_null(big);
	for (i = 0; i < N; i++)
		len += (size_t)snprintf(big + len, 16, "user%d\n", i);
	l = parse(big, len);
	free(big);
	assert_int_equal(list_count(l), N);
	for (i = 0; i < N; i++) {
		(void)snprintf(name, sizeof(name), "user%d", i);
		list_find(l, name, &a);
		assert_true(a.found);
		(void)snprintf(name, sizeof(name), "other%d", i);
		list_find(l, name, &a);
		assert_false(a.found);
	}
	list_free(l);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_whole_domain),
		cmocka_unit_test(test_no_wildcard),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("dird_list", tests, NULL, NULL);
}
