/* SPDX-License-Identifier: ISC */
/* link: common/base.a common/msg.a */
/*
 * Log lines: whatever is put into one, it stays one line of printable pairs
 * that reads back as it was meant.
 */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "common/base/netaddr.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define VALUE_MAX 512 /* of one value, as logd(8) says */

static struct logline l;

/* --- reading a line back --- */

struct pair {
	char key[64];
	char value[LOG_LINE_MAX]; /* without quotes and escapes */
	size_t len;
	bool quoted, cut;
};

static struct pair pairs[64];
static size_t npairs;

static int
hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = strchr(digits, c);

	assert_true(c != '\0' && p != NULL);
	return (int)(p - digits);
}

/* One character of a quoted value at s; returns its length there. */
static size_t
unescape(const char *s, char *c)
{
	*c = s[0];
	if (s[0] != '\\')
		return 1;
	switch (s[1]) {
	case 'n':
		*c = '\n';
		return 2;
	case 'r':
		*c = '\r';
		return 2;
	case 'x':
		*c = (char)(hex(s[2]) << 4 | hex(s[3]));
		return 4;
	default:
		assert_true(s[1] == '"' || s[1] == '\\');
		*c = s[1];
		return 2;
	}
}

static const char *
read_value(const char *s, struct pair *p)
{
	const char *start = s;

	p->len = 0;
	p->quoted = *s == '"';
	if (!p->quoted) {
		while (*s != ' ' && *s != '\0') {
			assert_true(*s != '"' && *s != '=' && *s != '\\');
			p->value[p->len++] = *s++;
		}
		assert_true(p->len > 0);
		return s;
	}
	for (s++; *s != '"';) {
		assert_true(*s != '\0');
		s += unescape(s, &p->value[p->len++]);
	}
	p->cut = p->len >= 3 && strncmp(s - 3, "...", 3) == 0;
	assert_true((size_t)(s - start) <= 1 + VALUE_MAX + 3);
	return s + 1;
}

static void
read_line(void)
{
	const char *s = l.text;
	size_t i;

	assert_int_equal(l.len, strlen(l.text));
	assert_true(l.len < LOG_LINE_MAX);
	for (i = 0; i < l.len; i++)
		assert_true(l.text[i] >= ' ' && l.text[i] <= '~');
	for (npairs = 0; *s != '\0'; npairs++) {
		struct pair *p = &pairs[npairs];

		assert_true(npairs < NELEMS(pairs));
		i = strspn(s, "abcdefghijklmnopqrstuvwxyz-");
		assert_true(i > 0 && i < sizeof(p->key) && s[i] == '=');
		memcpy(p->key, s, i);
		p->key[i] = '\0';
		s = read_value(s + i + 1, p);
		assert_true(*s == '\0' || (*s == ' ' && s[1] != '\0'));
		if (*s == ' ')
			s++;
	}
	assert_string_equal(pairs[0].key, "event");
}

/* The last pair is this one, whole or cut. */
static void
check_last(const char *key, const char *value, size_t len)
{
	const struct pair *p;

	read_line();
	p = &pairs[npairs - 1];
	assert_string_equal(p->key, key);
	if (p->len != len || memcmp(p->value, value, len) != 0) {
		assert_true(p->cut && len > p->len - 3);
		assert_memory_equal(p->value, value, p->len - 3);
	}
}

/* --- values --- */

static const struct {
	const char *value, *written;
} values[] = {
	{ "plain", "plain" },
	{ "u@a.test", "u@a.test" },
	{ "a/b:[c],{d}~!", "a/b:[c],{d}~!" },
	{ "", "\"\"" },
	{ " ", "\" \"" },
	{ "two words", "\"two words\"" },
	{ "a=b", "\"a=b\"" },
	{ "\"", "\"\\\"\"" },
	{ "\\", "\"\\\\\"" },
	{ "a\nevent=accept", "\"a\\nevent=accept\"" },
	{ "a\r\n", "\"a\\r\\n\"" },
	{ "\t", "\"\\x09\"" },
	{ "\x01\x1b[2J\x7f", "\"\\x01\\x1b[2J\\x7f\"" },
	{ "\xc3\xa9\xff", "\"\\xc3\\xa9\\xff\"" },
};

static void
test_values(void **state)
{
	char want[128];
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(values); i++) {
		ll_begin(&l, LOG_L_INFO, "x");
		ll_cstr(&l, "key", values[i].value);
		(void)snprintf(want, sizeof(want), "event=x key=%s",
		    values[i].written);
		assert_string_equal(l.text, want);
		check_last("key", values[i].value, strlen(values[i].value));
	}
	ll_begin(&l, LOG_L_INFO, "x");
	ll_str(&l, "key", "a\0b", 3);
	assert_string_equal(l.text, "event=x key=\"a\\x00b\"");
}

static void
test_every_byte(void **state)
{
	char s[2] = "";
	int c, where;

	(void)state;
	for (c = 0; c < 256; c++) {
		for (where = 0; where < 2; where++) {
			s[where] = (char)c;
			s[1 - where] = 'a';
			ll_begin(&l, LOG_L_WARN, "x");
			ll_str(&l, "key", s, 2);
			check_last("key", s, 2);
		}
	}
}

static void
test_other_pairs(void **state)
{
	struct netaddr a = { 0 };

	(void)state;
	ll_begin(&l, LOG_L_ERROR, "x");
	assert_int_equal(l.level, LOG_L_ERROR);
	ll_num(&l, "n", UINT64_MAX);
	ll_int(&l, "i", INT64_MIN);
	ll_addr(&l, "none", &a);
	assert_int_equal(netaddr_parse(&a, "2001:db8::1"), 0);
	ll_addr(&l, "addr", &a);
	a.port = 25;
	ll_addr(&l, "port", &a);
	ll_id(&l, "id", 0);
	ll_reason(&l, REASON_TOO_BIG);
	ll_reason(&l, (enum reason)REASON_MAX);
	ll_errno(&l, ENOENT);
	assert_string_equal(l.text,
	    "event=x n=18446744073709551615 i=-9223372036854775808 none=none "
	    "addr=2001:db8::1 port=[2001:db8::1]:25 id=0000000000000 "
	    "reason=too-big reason=unknown "
	    "error=\"No such file or directory\"");
	read_line();
}

/* --- too much --- */

static void
test_long_values(void **state)
{
	static const char with[] = "x\x01\"\n ";
	char big[3000];
	size_t k, len;

	(void)state;
	for (k = 0; k < sizeof(with) - 1; k++) {
		memset(big, with[k], sizeof(big));
		for (len = 100; len < sizeof(big); len += 1 + len / 50) {
			ll_begin(&l, LOG_L_INFO, "x");
			ll_str(&l, "key", big, len);
			check_last("key", big, len);
			if (len <= VALUE_MAX / 4)
				assert_false(pairs[1].cut);
			if (len > VALUE_MAX)
				assert_true(pairs[1].cut);
		}
	}
	memset(big, 'x', sizeof(big));
	ll_begin(&l, LOG_L_INFO, "x");
	ll_str(&l, "key", big, VALUE_MAX);
	read_line();
	assert_false(pairs[1].quoted);
	assert_int_equal(pairs[1].len, VALUE_MAX);
}

/*
 * A line that a client has filled up is still whole: nothing is cut in a
 * quote or an escape, and what we say ourselves is there.
 */
static void
test_full_lines(void **state)
{
	char big[LOG_LINE_MAX];
	size_t len, i;
	char fill;

	(void)state;
	for (len = 0; len < sizeof(big); len++) {
		fill = "x\x01\n\""[len % 4];
		memset(big, fill, sizeof(big));
		ll_begin(&l, LOG_L_INFO, "reject");
		for (i = 0; i < 6; i++)
			ll_str(&l, "what", big, len);
		ll_num(&l, "n", UINT64_MAX);
		ll_reason(&l, REASON_TOO_MANY_SESSIONS);
		ll_id(&l, "id", 1);
		read_line();
		assert_true(npairs >= 4);
		assert_string_equal(pairs[npairs - 1].key, "id");
		assert_string_equal(pairs[npairs - 2].key, "reason");
		assert_int_equal(pairs[npairs - 2].len, 17);
		assert_string_equal(pairs[npairs - 3].key, "n");
	}
}

/* Nor does it ever break, whoever goes on and on. */
static void
test_endless_lines(void **state)
{
	unsigned i;

	(void)state;
	ll_begin(&l, LOG_L_INFO, "x");
	for (i = 0; i < 1000; i++) {
		ll_cstr(&l, "k", "some \"value\"");
		ll_num(&l, "n", i);
		ll_id(&l, "id", i);
		ll_reason(&l, REASON_OK);
		ll_int(&l, "i", -1);
		assert_int_equal(l.len, strlen(l.text));
		assert_true(l.len < LOG_LINE_MAX);
	}
	assert_int_not_equal(l.text[l.len - 1], ' ');
	assert_int_not_equal(l.text[l.len - 1], '=');
}

static void
test_random_lines(void **state)
{
	uint32_t seed = 3;
	char s[700];
	unsigned i, n;
	size_t k, len;

	(void)state;
	for (i = 0; i < 5000; i++) {
		ll_begin(&l, LOG_L_INFO, "x");
		for (n = 0; n < 8; n++) {
			seed = seed * 1664525 + 1013904223;
			len = (seed >> 8) % ((seed >> 30) ? 40 : sizeof(s));
			for (k = 0; k < len; k++) {
				seed = seed * 1664525 + 1013904223;
				s[k] = (char)(seed >> 24);
			}
			ll_str(&l, "key", s, len);
			read_line();
		}
	}
}

/* --- where they go --- */

static char heard[4096];

/* stderr, while what() runs */
static void
hear(void (*what)(void))
{
	int fds[2], saved;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	saved = dup(STDERR_FILENO);
	assert_true(saved != -1);
	assert_int_not_equal(dup2(fds[1], STDERR_FILENO), -1);
	what();
	assert_int_not_equal(dup2(saved, STDERR_FILENO), -1);
	n = read(fds[0], heard, sizeof(heard) - 1);
	heard[n > 0 ? n : 0] = '\0';
	(void)close(saved);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
say_warning(void)
{
	errno = ENOENT;
	log_warn("a %s\nevent=accept", "b");
	assert_int_equal(errno, ENOENT);
}

static void
say_error(void)
{
	log_errorx("%s", "x");
}

static void
say_debug(void)
{
	log_debug("x");
}

static void
say_long(void)
{
	char big[3000];

	memset(big, '\n', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_info("%s", big);
}

static void
die(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		errno = EPERM;
		fatal("no way");
	}
	assert_true(pid != -1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void
test_stderr(void **state)
{
	(void)state;
	log_init("test/ext.0", 0);
	assert_int_equal(log_is_debug(), 0);
	hear(say_warning);
	assert_string_equal(heard,
	    "proc=test/ext.0 event=note text=\"a b\\nevent=accept\" "
	    "error=\"No such file or directory\"\n");
	hear(say_error);
	assert_string_equal(heard, "proc=test/ext.0 event=note text=x\n");
	hear(say_debug);
	assert_string_equal(heard, "");
	hear(die);
	assert_string_equal(heard,
	    "proc=test/ext.0 event=note text=\"no way\" "
	    "error=\"Operation not permitted\"\n");
	hear(say_long);
	assert_int_equal(strcspn(heard, "\n"), strlen(heard) - 1);
	log_init("test", 1);
	hear(say_debug);
	assert_string_equal(heard, "proc=test event=note text=x\n");
	assert_int_equal(log_dropped(), 0);
}

/* --- message ids --- */

static void
test_ids(void **state)
{
	static const struct {
		uint64_t id;
		const char *text;
	} ids[] = {
		{ 0, "0000000000000" },
		{ 31, "000000000000z" },
		{ 32, "0000000000010" },
		{ UINT64_MAX, "fzzzzzzzzzzzz" },
		{ UINT64_C(0x123456789abcdef0), "14d2pf2dbsqqg" },
	};
	char buf[MSGID_STRLEN];
	uint64_t id, last;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(ids); i++) {
		assert_string_equal(msgid_fmt(ids[i].id, buf), ids[i].text);
		assert_int_equal(msgid_parse(ids[i].text, &id), 0);
		assert_true(id == ids[i].id);
	}
	/* what is later sorts later */
	for (last = 1; last != 0; last <<= 1) {
		char before[MSGID_STRLEN];

		(void)msgid_fmt(last - 1, before);
		(void)msgid_fmt(last, buf);
		assert_true(strcmp(before, buf) < 0);
		assert_int_equal(msgid_parse(buf, &id), 0);
		assert_true(id == last);
	}
}

static void
test_bad_ids(void **state)
{
	static const char *const bad[] = { "", "0", "000000000000",
		"00000000000000", "g000000000000", "zzzzzzzzzzzzz",
		"000000000000Z", "00000000000i0", "00000000000l0",
		"00000000000o0", "00000000000u0", "000000 000000",
		"-000000000000", "000000000000\n" };
	uint64_t id = 7;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(bad); i++)
		assert_int_equal(msgid_parse(bad[i], &id), -1);
	assert_true(id == 7);
}

/* a value of a remote cannot pass for what logd writes, not even in quotes */
static void
test_no_stamp_in_a_value(void **state)
{
	static const char value[] = "x proc=queued level=info\"time=1";

	(void)state;
	ll_begin(&l, LOG_L_INFO, "x");
	ll_cstr(&l, "helo", value);
	assert_string_equal(l.text,
	    "event=x helo=\"x proc\\x3dqueued level\\x3dinfo\\\"time"
	    "\\x3d1\"");
	read_line();
	assert_int_equal(npairs, 2);
	assert_int_equal(pairs[1].len, strlen(value));
	assert_memory_equal(pairs[1].value, value, strlen(value));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_other_pairs),
		cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_full_lines),
		cmocka_unit_test(test_endless_lines),
		cmocka_unit_test(test_random_lines),
		cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_bad_ids),
		cmocka_unit_test(test_no_stamp_in_a_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
