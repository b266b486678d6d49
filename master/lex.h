/* SPDX-License-Identifier: ISC */
/*
 * Parser state: the text, the lexer's place in it, and what the grammar is
 * just building.  Lives only inside config_parse(); parse.y, lex.c, syntax.c
 * and build.c share it.
 */
#ifndef MASTER_LEX_H
#define MASTER_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/conf.h"
#include "master/marks.h"
#include "master/report.h"

#define LEX_WORD_MAX  2048 /* bytes of one word or string */
#define LEX_DEPTH_MAX 8	   /* braces inside braces */

struct loc {
	uint32_t line;
};

/* strings handed to the grammar; freed together at the end */
struct arena {
	char **v;
	size_t n;
};

/* one host of "deliver to" or "smarthost" being read */
struct block_host {
	struct conf_host host;
	uint32_t line;
};

#define BLOCK_NAMES_MAX 256

/* a domain block or connector being read */
struct block {
	uint32_t line;
	size_t errors; /* reported before it began */
	const char *names[BLOCK_NAMES_MAX];
	uint32_t name_lines[BLOCK_NAMES_MAX];
	size_t nnames;
	enum conf_rcpt_kind rcpt_kind; /* 0: not stated yet */
	char rcpt_path[CONF_PATH_MAX];
	enum conf_route_kind route_kind; /* 0: not stated yet */
	char mx[CONF_NAME_MAX];
	struct block_host hosts[CONF_HOSTS_MAX];
	uint32_t nhosts;
	uint32_t rcpt_line, route_line;
	struct conf_schedule schedule;
	struct conf_tls tls; /* level 0: not stated yet; cert is one of ours */
	uint32_t tls_line, tls_cert_line;
};

struct parser {
	/* lexer */
	const char *text;
	size_t len, pos;
	uint32_t line;
	bool in_list;	 /* newlines are spaces between list braces */
	bool at_start;	 /* only newlines since the last statement */
	bool recovering; /* after a syntax error: skip inner braces */
	bool ended;
	int token;		       /* the last one */
	uint32_t brace[LEX_DEPTH_MAX]; /* lines of the open braces */
	size_t depth;
	char word[LEX_WORD_MAX];     /* the token last read, as written */
	char previous[LEX_WORD_MAX]; /* the one before, in this statement */
	const char *where;	     /* "external", "domain": for errors */
	bool nomem;
	/* what is built */
	struct arena arena;
	struct conf *conf;
	struct marks *marks;
	struct report *report;
	enum side side;
	bool listening; /* the listener being read is the last one */
	struct block block;
	struct conf_pace pace;	   /* the "limit to" being read */
	size_t pace_errors;	   /* reported before it began */
	char trust[CONF_PATH_MAX]; /* "tls trust" of both sides */
	uint32_t workers[NSIDES + 1]
			[2]; /* [side or both][in, out]; 0: not set */
};

void lex_init(struct parser *, const char *text, size_t len);
void lex_free(struct parser *);
/* A syntax error was found at the last token; called before recovery. */
void lex_recover(struct parser *);
/* a copy in the arena; NULL: ENOMEM, noted in nomem */
const char *lex_keep(struct parser *, const char *);

#endif
