/* SPDX-License-Identifier: ISC */
/*
 * The lexer of the configuration.  Words are made of letters, digits and
 * . _ : / * -, so that addresses, prefixes and numbers with units are words
 * and are told apart by their shape; strings stand in double quotes.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "master/lex.h"
#include "master/words.h"

#include "master/parse.h"

void
lex_init(struct parser *p, const char *text, size_t len)
{
	p->text = text;
	p->len = len;
	p->pos = 0;
	p->line = 1;
	p->at_start = true;
	p->where = NULL;
}

void
lex_free(struct parser *p)
{
	size_t i;

	for (i = 0; i < p->arena.n; i++)
		free(p->arena.v[i]);
	free(p->arena.v);
	memset(&p->arena, 0, sizeof(p->arena));
}

const char *
lex_keep(struct parser *p, const char *s)
{
	struct arena *a = &p->arena;
	char **v, *copy;

	if ((a->n & (a->n - 1)) == 0) {
		v = reallocarray(a->v, a->n == 0 ? 1 : a->n * 2, sizeof(*v));
		if (v == NULL) {
			p->nomem = true;
			return NULL;
		}
		a->v = v;
	}
	copy = strdup(s);
	if (copy == NULL) {
		p->nomem = true;
		return NULL;
	}
	a->v[a->n++] = copy;
	return copy;
}

static int
peek(const struct parser *p)
{
	return p->pos < p->len ? (unsigned char)p->text[p->pos] : -1;
}

static bool
word_char(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c > 0 && strchr("._:/*-", c) != NULL);
}

static void
skip_blanks(struct parser *p)
{
	int c;

	for (;;) {
		c = peek(p);
		if (c == '#') {
			while (c != '\n' && c != -1) {
				p->pos++;
				c = peek(p);
			}
		}
		if (c == '\n' && p->in_list)
			p->line++;
		else if (c != ' ' && c != '\t' && c != '\r')
			return;
		p->pos++;
	}
}

/*
 * "10.0.0.0/8" and "2001:db8::1" against "25", "30s" and "single-homed".  What
 * merely looks like an address is called one here and judged where it is used.
 */
static int
classify(const char *s)
{
	size_t n = strspn(s, "0123456789");

	if (strchr(s, ':') != NULL)
		return ADDRESS;
	if (n == 0)
		return WORD;
	if (s[n] == '\0')
		return NUMBER;
	if (strpbrk(s, "./") != NULL)
		return ADDRESS;
	return QUANTITY;
}

static int
read_word(struct parser *p)
{
	const struct word *w;
	size_t n = 0;
	bool fits = true;

	while (word_char(peek(p))) {
		if (n < sizeof(p->word) - 1)
			p->word[n++] = p->text[p->pos];
		else
			fits = false;
		p->pos++;
	}
	p->word[n] = '\0';
	if (!fits) {
		report_error(p->report, p->line,
		    "a word of more than %d "
		    "characters",
		    LEX_WORD_MAX - 1);
		return YYerror;
	}
	w = word_find(p->word);
	return w != NULL ? w->token : classify(p->word);
}

static int
bad_string(struct parser *p, const char *why)
{
	if (!p->recovering)
		report_error(p->report, p->line, "%s", why);
	while (peek(p) != -1 && peek(p) != '\n')
		p->pos++;
	return YYerror;
}

static int
read_string(struct parser *p)
{
	size_t n = 0;
	int c;

	p->pos++;
	for (;;) {
		c = peek(p);
		if (c == -1 || c == '\n')
			return bad_string(p,
			    "this string has no closing quote");
		p->pos++;
		if (c == '"')
			break;
		if (c == '\\') {
			c = peek(p);
			if (c != '"' && c != '\\')
				return bad_string(p,
				    "in a string, \\ stands "
				    "only before \" or \\");
			p->pos++;
		}
		if (c < 0x20 || c == 0x7f)
			return bad_string(p, "a control character in a string");
		if (n == sizeof(p->word) - 1)
			return bad_string(p, "this string is too long");
		p->word[n++] = (char)c;
	}
	p->word[n] = '\0';
	return STRING;
}

static int
read_brace(struct parser *p, int c)
{
	p->word[0] = (char)c;
	p->word[1] = '\0';
	p->pos++;
	if (c == '{') {
		if (p->depth < LEX_DEPTH_MAX)
			p->brace[p->depth] = p->line;
		p->depth++;
	} else if (c == '}' && p->depth > 0) {
		p->depth--;
	}
	return c;
}

static int
read_unknown(struct parser *p, int c)
{
	p->pos++;
	if (p->recovering)
		return YYerror;
	if (isgraph(c))
		report_error(p->report, p->line, "unexpected character '%c'%s",
		    c,
		    c == '\'' || c == '`'      ? ": quotes are \"...\""
			: c == '[' || c == ']' ? ": addresses stand without "
						 "brackets"
			: c == ';' ? ": a statement ends with its line"
				   : "");
	else
		report_error(p->report, p->line, "unexpected byte 0x%02x",
		    (unsigned)c);
	return YYerror;
}

static int
read_newline(struct parser *p)
{
	p->pos++;
	(void)strlcpy(p->word, "\n", sizeof(p->word));
	return '\n';
}

static int
read_end(struct parser *p)
{
	/* the last line may lack its newline */
	if (!p->ended) {
		p->ended = true;
		(void)strlcpy(p->word, "\n", sizeof(p->word));
		return p->in_list || p->depth > 0 ? YYEOF : '\n';
	}
	p->word[0] = '\0';
	return YYEOF;
}

static int
next_token(struct parser *p)
{
	int c;

	skip_blanks(p);
	c = peek(p);
	switch (c) {
	case -1:
		return read_end(p);
	case '\n':
		return read_newline(p);
	case '"':
		return read_string(p);
	case '{':
	case '}':
	case ',':
		return read_brace(p, c);
	default:
		return word_char(c) ? read_word(p) : read_unknown(p, c);
	}
}

/*
 * Pass over a brace group that belongs to a statement already in error, so
 * that its contents make no further errors and its closing brace does not
 * end the block around it.
 */
static void
skip_group(struct parser *p, size_t outer)
{
	bool in_list = p->in_list;
	int t;

	p->in_list = false;
	while (p->depth > outer) {
		t = next_token(p);
		if (t == '\n')
			p->line++;
		if (t == YYEOF)
			break;
	}
	p->in_list = in_list;
}

void
lex_recover(struct parser *p)
{
	int token = p->token;

	if (token == '{') {
		skip_group(p, p->depth - 1);
		p->recovering = true;
	} else {
		p->recovering = token != '\n' && token != '}' && token != YYEOF;
	}
}

static int
recover_token(struct parser *p, int token)
{
	while (token == '{') {
		skip_group(p, p->depth - 1);
		token = next_token(p);
	}
	if (token == '\n' || token == '}' || token == YYEOF)
		p->recovering = false;
	return token;
}

int
yylex(YYSTYPE *value, struct loc *loc, struct parser *p)
{
	int token;

	if (p->at_start)
		p->previous[0] = '\0';
	else
		(void)strlcpy(p->previous, p->word, sizeof(p->previous));
	token = next_token(p);
	if (p->recovering)
		token = recover_token(p, token);
	else if (token == YYerror)
		p->recovering = true;
	loc->line = p->line;
	value->str = "";
	p->at_start = token == '\n' || token == '{' || token == '}';
	if (token == '\n')
		p->line++;
	else if (token != YYEOF && token != YYerror)
		value->str = lex_keep(p, p->word);
	if (value->str == NULL)
		token = YYEOF;
	p->token = token;
	return token;
}
