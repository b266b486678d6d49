/* SPDX-License-Identifier: ISC */
/* link: dird/list.o common/base.a */
/*
 * A recipient file.  Whatever is in it: a line is either counted or reported,
 * never both, what is found was on a line of it, and has a destination that
 * can be dialled, if any.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dird/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct seen {
	uint32_t bad, last;
};

static void
on_bad(void *arg, uint32_t line, const char *why)
{
	struct seen *s = arg;

	assert(why != NULL && why[0] != '\0');
	assert(line > 0);
	s->bad++;
	if (line > s->last)
		s->last = line;
}

static uint32_t
count_lines(const uint8_t *data, size_t len)
{
	uint32_t n = 1;
	size_t i;

	for (i = 0; i < len; i++)
		n += data[i] == '\n';
	return n;
}

static void
look_up(const struct list *l, const char *word, uint32_t lines)
{
	struct list_answer a;

	list_find(l, word, &a);
	if (!a.found) {
		assert(!a.has_host);
		return;
	}
	assert(a.line > 0 && a.line <= lines);
	if (!a.has_host)
		return;
	assert(list_has_hosts(l));
	assert(a.host.port != 0);
	assert(memchr(a.host.name, '\0', sizeof(a.host.name)) != NULL);
	assert((a.host.name[0] != '\0') != netaddr_valid(&a.host.addr));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), *words = malloc(len + 1), *word, *rest;
	uint32_t lines = count_lines(data, len);
	struct seen seen = { 0, 0 };
	struct list *l;

	assert(text != NULL && words != NULL);
	memcpy(text, data, len);
	memcpy(words, data, len);
	text[len] = words[len] = '\0';
	l = list_parse(text, len, "example.com", on_bad, &seen);
	assert(l != NULL);
	assert(seen.last <= lines && seen.bad <= lines);
	assert(list_count(l) <= lines - seen.bad);
	for (rest = words; (word = strsep(&rest, " \t\r\n@")) != NULL;)
		look_up(l, word, lines);
	look_up(l, "nobody-of-that-name", lines);
	list_free(l);
	free(words);
	return 0;
}
