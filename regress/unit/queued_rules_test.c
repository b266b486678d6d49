/* SPDX-License-Identifier: ISC */
/* link: queued/rules.o queued/rules_file.o regress/unit/store_memfs.o
 * regress/unit/store_memfs_names.o regress/unit/store_memfs_power.o
 * common/msg.a common/base.a */
/* The operator's rules: the table, its lines, its file and what can fail. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <bsd/string.h>

#include "queued/rules.h"
#include "regress/unit/store_memfs.h"

static const struct cq_rule some[] = {
	{ .kind = CQ_SUSPEND, .name = "Example.NET", .uid = 1, .since = 5 },
	{ .kind = CQ_SUSPEND,
	    .name = "b.test",
	    .since = 6,
	    .until = 900,
	    .text = "it moves: back at \"noon\"" },
	{ .kind = CQ_SUSPEND_FLOW,
	    .flow = CQ_FLOW_OUT,
	    .uid = 7,
	    .until = 500 },
	{ .kind = CQ_REROUTE,
	    .name = "b.test",
	    .host = "MX2.b.test",
	    .port = 2525,
	    .uid = UINT32_MAX,
	    .since = UINT64_MAX },
	{ .kind = CQ_REROUTE,
	    .name = "c.test",
	    .host = "2001:db8::1",
	    .port = 25 },
};
#define NSOME (sizeof(some) / sizeof(some[0]))

static void
set_some(struct rules *r)
{
	size_t i;

	*r = (struct rules){ 0 };
	for (i = 0; i < NSOME; i++)
		assert_int_equal(rules_set(r, &some[i]), 0);
	assert_int_equal(r->n, NSOME);
}

static bool
same(const struct rules *a, const struct rules *b)
{
	return a->n == b->n &&
	    (a->n == 0 || memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0);
}

static void
test_find(void **state)
{
	const struct cq_rule *f;
	struct rules r;

	(void)state;
	set_some(&r);
	f = rules_find(&r, CQ_SUSPEND, "EXAMPLE.net");
	assert_non_null(f);
	assert_string_equal(f->name, "example.net");
	assert_true(f->set);
	assert_null(rules_find(&r, CQ_REROUTE, "example.net"));
	assert_null(rules_find(&r, CQ_SUSPEND, "sub.example.net"));
	assert_null(rules_find(&r, CQ_SUSPEND, ""));
	f = rules_find(&r, CQ_REROUTE, "b.test");
	assert_string_equal(f->host, "mx2.b.test");
	assert_int_equal(f->port, 2525);
	assert_int_equal(rules_flow(&r, CQ_FLOW_OUT)->uid, 7);
	assert_null(rules_flow(&r, CQ_FLOW_IN));
	rules_free(&r);
	assert_null(rules_find(&r, CQ_SUSPEND, "example.net"));
	assert_null(rules_flow(&r, CQ_FLOW_OUT));
}

static void
test_change(void **state)
{
	struct cq_rule again = some[1], was;
	struct rules r;

	(void)state;
	set_some(&r);
	again.text[0] = '\0';
	assert_int_equal(rules_set(&r, &again), 0);
	assert_int_equal(r.n, NSOME);
	assert_string_equal(rules_find(&r, CQ_SUSPEND, "b.test")->text, "");
	(void)strlcpy(again.name, "B.TEST", sizeof(again.name));
	assert_true(rules_clear(&r, &again, &was));
	assert_string_equal(was.name, "b.test");
	assert_false(rules_clear(&r, &again, &was));
	/* the other one of that name is of another kind */
	assert_non_null(rules_find(&r, CQ_REROUTE, "b.test"));
	assert_int_equal(r.n, NSOME - 1);
	rules_free(&r);
}

static void
test_times(void **state)
{
	struct cq_rule was;
	struct rules r;

	(void)state;
	set_some(&r);
	assert_int_equal(rules_next(&r), 500);
	assert_false(rules_expire(&r, 499, &was));
	assert_true(rules_expire(&r, 500, &was));
	assert_int_equal(was.kind, CQ_SUSPEND_FLOW);
	assert_int_equal(rules_next(&r), 900);
	assert_true(rules_expire(&r, 5000, &was));
	assert_false(rules_expire(&r, UINT64_MAX, &was));
	assert_true(rules_next(&r) == UINT64_MAX);
	rules_free(&r);
}

/* What could not be done, or not be written as a line, is not taken. */
static void
test_refused(void **state)
{
	static const struct cq_rule bad[] = {
		{ .kind = CQ_SUSPEND },
		{ .kind = CQ_SUSPEND, .name = "a b" },
		{ .kind = CQ_SUSPEND, .name = "a\nb" },
		{ .kind = CQ_SUSPEND, .name = "a\x80" },
		{ .kind = CQ_SUSPEND, .name = "a", .flow = CQ_FLOW_IN },
		{ .kind = CQ_SUSPEND_FLOW },
		{ .kind = CQ_SUSPEND_FLOW, .flow = CQ_FLOW_IN, .name = "a" },
		{ .kind = CQ_REROUTE, .name = "a", .port = 25 },
		{ .kind = CQ_REROUTE, .name = "a", .host = "b" },
		{ .kind = CQ_REROUTE, .name = "a", .host = "b c", .port = 25 },
	};
	struct cq_rule one = { .kind = CQ_SUSPEND };
	struct rules r = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(rules_set(&r, &bad[i]), -1);
		assert_int_equal(errno, EINVAL);
	}
	for (i = 0; i < RULES_MAX; i++) {
		(void)snprintf(one.name, sizeof(one.name), "d%zu.test", i);
		assert_int_equal(rules_set(&r, &one), 0);
	}
	assert_int_equal(rules_set(&r, &some[0]), -1);
	assert_int_equal(errno, ENOSPC);
	/* but one that is there can be changed */
	assert_int_equal(rules_set(&r, &one), 0);
	assert_int_equal(r.n, RULES_MAX);
	rules_free(&r);
}

static void
test_lines(void **state)
{
	static const char *const bad[] = { "", "suspend", "suspend ",
		"suspend a", "suspend a since x until 0 uid 0 because ",
		"suspend a since 1 until 0 uid 4294967296 because ",
		"suspend a since 18446744073709551616 until 0 uid 0 because ",
		"suspend a since 1 until -1 uid 0 because ",
		"suspend a since 1 until 0 uid 0",
		"halt a since 1 until 0 uid 0 because ",
		"suspend-flow up since 1 until 0 uid 0 because ",
		"suspend-flow any since 1 until 0 uid 0 because ",
		"reroute a since 1 until 0 uid 0 because ",
		"reroute a via b port 0 since 1 until 0 uid 0 because ",
		"reroute a via b port 65536 since 1 until 0 uid 0 because ",
		"reroute a via b since 1 until 0 uid 0 because " };
	char line[RULE_LINE];
	struct cq_rule back;
	struct rules r;
	size_t i;

	(void)state;
	set_some(&r);
	for (i = 0; i < r.n; i++) {
		rules_print(&r.v[i], line);
		assert_null(strchr(line, '\n'));
		assert_int_equal(rules_parse(line, &back), 0);
		assert_memory_equal(&back, &r.v[i], sizeof(back));
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(rules_parse(bad[i], &back), -1);
	rules_free(&r);
}

/* The longest one is a line, too; a text is one line whatever it holds. */
static void
test_longest(void **state)
{
	struct cq_rule one = { .kind = CQ_REROUTE,
		.port = 65535,
		.uid = UINT32_MAX,
		.since = UINT64_MAX,
		.until = UINT64_MAX };
	char line[RULE_LINE];
	struct rules r = { 0 };
	struct cq_rule back;

	(void)state;
	memset(one.name, 'n', MSG_DOMAIN_MAX);
	memset(one.host, 'h', MSG_DOMAIN_MAX);
	memset(one.text, '\n', CQ_TEXT_MAX);
	assert_int_equal(rules_set(&r, &one), 0);
	rules_print(&r.v[0], line);
	assert_true(strlen(line) < RULE_LINE - 1);
	assert_null(strchr(line, '\n'));
	assert_int_equal(rules_parse(line, &back), 0);
	assert_memory_equal(&back, &r.v[0], sizeof(back));
	rules_free(&r);
}

static void
test_file(void **state)
{
	static const char damaged[] =
	    "# by hand\n\nsuspend a since 1 until 0 uid 0 because x\ngarbage\n"
	    "suspend b since";
	struct memfs *fs = memfs_new(1);
	struct rules r, back = { 0 };

	(void)state;
	assert_int_equal(rules_load(&back, &fs->ops, MEMFS_ROOT), 0);
	assert_int_equal(back.n, 0);
	set_some(&r);
	assert_int_equal(rules_save(&r, &fs->ops, MEMFS_ROOT), 0);
	memfs_power(fs, MEMFS_DROP);
	assert_int_equal(rules_load(&back, &fs->ops, MEMFS_ROOT), 0);
	assert_true(same(&r, &back));
	assert_int_equal(memfs_open_fds(fs), 0);
	rules_free(&back);
	/* what is damaged is left out, and counted */
	memfs_put(fs, "rules", damaged, sizeof(damaged) - 1);
	assert_int_equal(rules_load(&back, &fs->ops, MEMFS_ROOT), 2);
	assert_int_equal(back.n, 1);
	rules_free(&back);
	rules_free(&r);
	memfs_free(fs);
}

/* Each call fails, or the power goes there: the old file or the new one. */
static void
test_faults(void **state)
{
	static const enum memfs_fault faults[] = { MEMFS_ERROR, MEMFS_SHORT,
		MEMFS_HALF, MEMFS_CUT };
	struct rules old, new, back;
	struct cq_rule was;
	struct memfs *fs;
	uint64_t at, calls = 1;
	unsigned f, cut;
	int rc;

	(void)state;
	set_some(&old);
	set_some(&new);
	assert_true(rules_clear(&new, &some[0], &was));
	for (f = 0; f < 4; f++)
		for (cut = 0; cut < MEMFS_CUTS; cut++)
			for (at = 0; at <= calls; at++) {
				fs = memfs_new(at + 1);
				assert_int_equal(rules_save(&old, &fs->ops,
						     MEMFS_ROOT),
				    0);
				fs->fault = faults[f];
				fs->fault_errno = EIO;
				calls = fs->calls;
				fs->fault_at = fs->calls + at;
				rc = rules_save(&new, &fs->ops, MEMFS_ROOT);
				calls = fs->calls - calls;
				fs->fault = MEMFS_NONE;
				memfs_power(fs, (enum memfs_cut)cut);
				back = (struct rules){ 0 };
				assert_int_equal(rules_load(&back, &fs->ops,
						     MEMFS_ROOT),
				    0);
				assert_true(same(&back, &new) ||
				    (rc == -1 && same(&back, &old)));
				rules_free(&back);
				memfs_free(fs);
			}
	rules_free(&old);
	rules_free(&new);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
