/* SPDX-License-Identifier: ISC */
/* link: postern/page.o postern/page_graph.o postern/page_style.o
 * postern/trust.o postern/check.o postern/kernel.o postern/ksock.o
 * postern/become.o
 * postern/text.o common/msg.a common/base.a */
/* The parts of the audit's page that need no gateway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "postern/page.h"

/* audit.c has it, with all that asks a gateway */
const char *
netns_text(const struct declared *p)
{
	return p->audit.netns_name;
}

static void
test_wires(void **state)
{
	static const char text[] = "program connd/ext account=x\n"
				   "edge a b pass=to \"what for\"\n"
				   "edge\n"
				   "edge a\n"
				   "edge a b\n"
				   "edge a b pass=to\n"
				   "edge c d pass=back words without quotes\n"
				   "\n"
				   "planned e f \"later\"\n"
				   "planned e\n"
				   "edge g h pass=none \"";
	struct wires w;

	(void)state;
	assert_int_equal(wires_parse(&w, strdup(text)), 0);
	assert_int_equal(w.n, 4);
	assert_string_equal(w.v[0].from, "a");
	assert_string_equal(w.v[0].to, "b");
	assert_string_equal(w.v[0].pass, "to");
	assert_string_equal(w.v[0].what, "what for");
	assert_false(w.v[0].planned);
	assert_string_equal(w.v[1].pass, "back");
	assert_string_equal(w.v[1].what, "words without quotes");
	assert_true(w.v[2].planned);
	assert_string_equal(w.v[2].what, "later");
	assert_string_equal(w.v[3].what, "");
	wires_free(&w);
	assert_int_equal(wires_parse(&w, strdup("")), 0);
	assert_int_equal(w.n, 0);
	wires_free(&w);
}

static char *
written(void (*write)(FILE *, void *), void *arg)
{
	char *text = NULL;
	size_t len;
	FILE *fp = open_memstream(&text, &len);

	assert_non_null(fp);
	write(fp, arg);
	assert_int_equal(fclose(fp), 0);
	return text;
}

static void
escape(FILE *fp, void *arg)
{
	page_escape(fp, arg);
}

static void
test_escape(void **state)
{
	char hostile[] = "<script>\"a\" & 'b'</script>";
	char *text = written(escape, hostile);

	(void)state;
	assert_string_equal(text,
	    "&lt;script&gt;&quot;a&quot; &amp; 'b'&lt;/script&gt;");
	free(text);
}

static void
trust(FILE *fp, void *arg)
{
	if (page_trust(fp, arg) == -1)
		(void)fputs("nothing", fp);
}

/* Each process has its part of TRUST, from its first line on and no more. */
static void
test_trust(void **state)
{
	static char names[][16] = { "connd/ext", "connd/int", "smtpd-in/ext",
		"smtpd-in/int", "queued", "smtpd-out/ext", "smtpd-out/int",
		"dnsd-ext", "dnsd-int", "dird", "keyd", "logd", "ctld",
		"posternd" };
	static char unknown[] = "smtpd";
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		text = written(trust, names[i]);
		assert_true(strncmp(text, "in: ", 4) == 0 ||
		    strncmp(text, "the same ", 9) == 0);
		assert_null(strstr(text, "\n\n"));
		free(text);
	}
	text = written(trust, unknown);
	assert_string_equal(text, "nothing");
	free(text);
}

static void
graph(FILE *fp, void *arg)
{
	static const char *const names[] = { "queued", "unheard-of", "ctld" };

	page_graph(fp, arg, names, 3);
}

static unsigned
count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)) != NULL; text++)
		n++;
	return n;
}

/* What has no place is left out, what is drawn is escaped. */
static void
test_graph(void **state)
{
	struct wire v[] = {
		{ "ctld", "queued", "none", "ask & \"operate\"", false },
		{ "ctld", "unheard-of", "none", "x", false },
		{ "queued", "dird", "back", "x", false },
		{ "queued", "logd", "none", "everybody has it", false },
		{ "dird", "keyd", "none", "later", true },
	};
	struct wires w = { .v = v, .n = sizeof(v) / sizeof(v[0]) };
	char *text = written(graph, &w);

	(void)state;
	assert_int_equal(count(text, "class=\"wire"), 2);
	assert_int_equal(count(text, "marker-end"), 1);
	assert_int_equal(count(text, "<g class=\"mid\""), 2);
	assert_non_null(strstr(text, "ask &amp; &quot;operate&quot;"));
	assert_null(strstr(text, "unheard-of"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wires),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_graph),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
