/* SPDX-License-Identifier: ISC */
/*
 * Syntax errors in words: see syntax.h.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "master/lex.h"
#include "master/syntax.h"
#include "master/words.h"

#define LIST_MAX 600

/* tokens that are not words of the language, as a person calls them */
static const struct {
	const char *token, *text;
} kinds[] = {
	{ "string", "a \"string\"" }, { "word", "a name" },
	{ "number", "a number" }, { "quantity", "a number with a unit" },
	{ "address", "an address" }, { "'\\n'", "the end of the line" },
	{ "'{'", "\"{\"" }, { "'}'", "\"}\"" }, { "','", "\",\"" },
	{ "end of file", NULL }, /* never what would be right */
};

static const char *
kind_text(const char *token, bool *is_word)
{
	size_t i;

	*is_word = false;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(token, kinds[i].token) == 0)
			return kinds[i].text;
	*is_word = true;
	return token;
}

static bool
expects(const char *const *expected, size_t n, const char *token)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(expected[i], token) == 0)
			return true;
	return false;
}

/* What is left unsaid: commas, and the lesser of two kinds of number. */
static bool
unsaid(const char *const *expected, size_t n, const char *token)
{
	if (strcmp(token, "','") == 0)
		return true;
	if (strcmp(token, "'\\n'") == 0)
		return n > 6;
	if (strcmp(token, "number") == 0)
		return expects(expected, n, "address");
	return strcmp(token, "quantity") == 0;
}

/* "a", "b" or "c" */
static void
list_expected(char *buf, size_t size, const char *const *expected, size_t n)
{
	const char *texts[SYNTAX_EXPECTED_MAX], *quote;
	bool is_word[SYNTAX_EXPECTED_MAX];
	size_t i, m = 0;

	for (i = 0; i < n; i++) {
		texts[m] = kind_text(expected[i], &is_word[m]);
		if (texts[m] != NULL && !unsaid(expected, n, expected[i]))
			m++;
	}
	buf[0] = '\0';
	for (i = 0; i < m; i++) {
		quote = is_word[i] ? "\"" : "";
		if (i > 0)
			(void)strlcat(buf, i + 1 < m ? ", " : " or ", size);
		(void)strlcat(buf, quote, size);
		(void)strlcat(buf, texts[i], size);
		(void)strlcat(buf, quote, size);
	}
}

static void
describe_found(char *buf, size_t size, const struct parser *p,
    const char *found)
{
	bool is_word;
	const char *text = kind_text(found, &is_word);

	if (strcmp(found, "'\\n'") == 0)
		(void)strlcpy(buf, "the line ends too early", size);
	else if (text == NULL)
		(void)strlcpy(buf, "the file ends too early", size);
	else if (is_word)
		(void)snprintf(buf, size, "\"%.60s\" is out of place", p->word);
	else if (strcmp(found, "word") == 0)
		(void)snprintf(buf, size, "unknown word \"%.60s\"", p->word);
	else if (strcmp(found, "string") == 0)
		(void)snprintf(buf, size, "unexpected string \"%.60s\"",
		    p->word);
	else
		(void)snprintf(buf, size, "unexpected \"%.60s\"", p->word);
}

/* What follows the colon: the one thing to write, or the choice. */
static void
describe_remedy(char *buf, size_t size, const struct parser *p,
    const char *found, const char *const *expected, size_t n)
{
	char list[LIST_MAX];
	const char *best = NULL, *words[SYNTAX_EXPECTED_MAX];
	const struct word *w;
	bool is_word;
	size_t i, m = 0;

	for (i = 0; i < n; i++) {
		(void)kind_text(expected[i], &is_word);
		if (is_word)
			words[m++] = expected[i];
	}
	w = word_find(p->word);
	if (isalpha((unsigned char)p->word[0]) && strcmp(found, "string") != 0)
		best = word_suggest(p->word, words, m);
	list_expected(list, sizeof(list), expected, n);
	if (best != NULL)
		(void)snprintf(buf, size, "did you mean \"%s\"?", best);
	else if (strcmp(found, "word") == 0 && n > 0 &&
	    expects(expected, n, "string"))
		(void)snprintf(buf, size,
		    "write it in double quotes, "
		    "\"%.60s\"",
		    p->word);
	else if (w != NULL && strcmp(found, w->text) == 0 &&
	    p->previous[0] == '\0')
		(void)snprintf(buf, size, "it belongs in %s; here go %s",
		    w->home, list);
	else
		(void)snprintf(buf, size, "expected %s", list);
}

static void
error_at_end(struct parser *p, uint32_t line)
{
	size_t i = p->depth < LEX_DEPTH_MAX ? p->depth : LEX_DEPTH_MAX;

	if (i > 0)
		report_error(p->report, line,
		    "the file ends inside \"{\" of "
		    "line %u: a \"}\" is missing",
		    p->brace[i - 1]);
	else
		report_error(p->report, line, "the file ends too early");
}

void
syntax_error(struct parser *p, uint32_t line, const char *found,
    const char *const *expected, size_t n)
{
	char what[128], remedy[LIST_MAX + 128], where[128];

	if (strcmp(found, "end of file") == 0) {
		error_at_end(p, line);
		return;
	}
	if (strcmp(found, "'}'") == 0 && p->where == NULL && !p->in_list) {
		report_error(p->report, line, "this \"}\" closes nothing");
		return;
	}
	describe_found(what, sizeof(what), p, found);
	describe_remedy(remedy, sizeof(remedy), p, found, expected, n);
	where[0] = '\0';
	if (p->previous[0] != '\0')
		(void)snprintf(where, sizeof(where), " after \"%.60s\"",
		    p->previous);
	else if (p->where != NULL)
		(void)snprintf(where, sizeof(where), " in %s", p->where);
	report_error(p->report, line, "%s%s: %s", what, where, remedy);
}
