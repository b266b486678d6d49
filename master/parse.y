/* SPDX-License-Identifier: ISC */
/*
 * The grammar of the configuration, and nothing but grammar: values are judged
 * in build*.c, words stand in words.c, error texts are made in syntax.c.
 * A statement ends with its line, except the last one before a brace.  After
 * an error the rest of the line (and any brace group that it opens) is passed
 * over, so that one run reports every wrong line.
 */
%require "3.6"
%define api.pure full
%define api.location.type {struct loc}
%define parse.error custom
%define parse.lac full
%locations
%param { struct parser *p }
%expect 0

%code requires {
#include "master/lex.h"
#include "master/syntax.h"
}

%code {
#include "master/build.h"

#define YYLLOC_DEFAULT(cur, rhs, n)                                        \
	do {                                                               \
		(cur).line = (n) > 0 ? YYRHSLOC(rhs, 1).line :             \
				       YYRHSLOC(rhs, 0).line;              \
	} while (0)

static void list_begin(struct parser *);
static void list_end(struct parser *);
}

%code provides {
int yylex(YYSTYPE *, struct loc *, struct parser *);
void yyerror(struct loc *, struct parser *, const char *);
}

%union {
	const char *str;
	unsigned num;
}

%token <str> STRING "string"
%token <str> WORD "word"
%token <str> NUMBER "number"
%token <str> QUANTITY "quantity"
%token <str> ADDRESS "address"
%token ACCEPT "accept"
%token AFTER "after"
%token ALLOW "allow"
%token ANY "any"
%token BEST_EFFORT "best-effort"
%token CERTIFICATE "certificate"
%token CHECK "check"
%token CHROOT "chroot"
%token COMPANY "company"
%token CONNECTOR "connector"
%token CONTROL "control"
%token DELIVER "deliver"
%token DNS "dns"
%token DOMAIN "domain"
%token EXPIRE "expire"
%token EXTERNAL "external"
%token FILE_ "file"
%token FINGERPRINT "fingerprint"
%token FORWARDING "forwarding"
%token FROM "from"
%token GROUP "group"
%token HOST "host"
%token HOSTNAME "hostname"
%token IN "in"
%token INTERFACE "interface"
%token INTERNAL "internal"
%token IP "ip"
%token KEY "key"
%token LIMIT "limit"
%token LINES "lines"
%token LISTEN "listen"
%token LOG "log"
%token MX "mx"
%token NAMESPACE "namespace"
%token NETWORKS "networks"
%token NEVER "never"
%token NONE "none"
%token OFF "off"
%token OFFER "offer"
%token ON "on"
%token OPPORTUNISTIC "opportunistic"
%token OUT "out"
%token PER "per"
%token PORT "port"
%token PROXY "proxy"
%token RATE "rate"
%token REACH "reach"
%token <str> RECIPIENTS "recipients"
%token REPAIR "repair"
%token REQUIRE "require"
%token RETRY "retry"
%token SANDBOX "sandbox"
%token SELFTEST "selftest"
%token SENDER "sender"
%token SENDERS "senders"
%token SINGLE_HOMED "single-homed"
%token SMARTHOST "smarthost"
%token SOCKET "socket"
%token SOURCE "source"
%token SPOOL "spool"
%token STDERR "stderr"
%token STRICT "strict"
%token SYSLOG "syslog"
%token TLS "tls"
%token TO "to"
%token TRUST "trust"
%token VERIFY "verify"
%token VIA "via"
%token WARN "warn"
%token WORKERS "workers"

%type <str> port group limit value address hostaddr
%type <num> worker_kind

%%

file: %empty
	| file '\n'
	| file statement '\n'
	| file error '\n'	{ p->where = NULL; yyerrok; }
	;

statement: global
	| external
	| internal
	| domain
	| connector
	;

global: HOSTNAME STRING	{ build_hostname(p, @1.line, $2); }
	| SPOOL STRING	{ build_path(p, @1.line, MARK_SPOOL, $2); }
	| CHROOT STRING	{ build_path(p, @1.line, MARK_CHROOT, $2); }
	| CONTROL SOCKET STRING group
	    { build_control(p, @1.line, $3, $4); }
	| LOG TO STDERR
	    { build_log(p, @1.line, CONF_LOG_STDERR, NULL); }
	| LOG TO SYSLOG
	    { build_log(p, @1.line, CONF_LOG_SYSLOG, NULL); }
	| LOG TO FILE_ STRING
	    { build_log(p, @1.line, CONF_LOG_FILE, $4); }
	| LIMIT limit value	{ build_limit(p, @1.line, $2, $3); }
	| limit_to pace	{ build_pace(p); }
	| limit_to pace_open paces list_end	{ build_pace(p); }
	| limit_to pace_open paces error '}'	{ list_end(p); yyerrok; }
	| LIMIT FROM address RATE NUMBER PER value
	    { build_limit_from(p, @1.line, $3, $5, $7); }
	| schedule
	| SANDBOX STRICT	{ build_sandbox(p, @1.line, false); }
	| SANDBOX BEST_EFFORT	{ build_sandbox(p, @1.line, true); }
	| SANDBOX SELFTEST OFF
	    { build_flag(p, @1.line, CONF_F_NO_SELFTEST, true); }
	| SANDBOX SELFTEST ON
	    { build_flag(p, @1.line, CONF_F_NO_SELFTEST, false); }
	| SINGLE_HOMED
	    { build_flag(p, @1.line, CONF_F_SINGLE_HOMED, true); }
	| IP FORWARDING ALLOW
	    { build_flag(p, @1.line, CONF_F_FORWARDING, true); }
	| WORKERS worker_kind NUMBER
	    { build_workers(p, @1.line, BUILD_BOTH, $2, $3); }
	| TLS CERTIFICATE STRING KEY STRING
	    { build_cert(p, @1.line, BUILD_BOTH, $3, $5); }
	| TLS TRUST STRING	{ build_trust(p, @1.line, BUILD_BOTH, $3); }
	;

group: %empty	{ $$ = NULL; }
	| GROUP STRING	{ $$ = $2; }
	;

/* a limit's name may be a word of the language as well */
limit: WORD
	| RECIPIENTS
	;

limit_to: LIMIT TO STRING	{ build_limit_to(p, @1.line, $3); }
	;

pace_open: list_begin
	;

pace: WORD NUMBER	{ build_pace_limit(p, @1.line, $1, $2); }
	| RATE NUMBER PER value
	    { build_pace_rate(p, @1.line, $2, $4); }
	;

paces: %empty
	| paces pace comma
	;

/* at the top level, in a domain and behind a connector */
schedule: RETRY retry_open times list_end
	| RETRY retry_open times error '}'	{ list_end(p); yyerrok; }
	| EXPIRE value	{ build_expire(p, @1.line, $2); }
	| WARN AFTER value	{ build_warn(p, @1.line, $3); }
	| WARN NEVER	{ build_warn(p, @1.line, NULL); }
	;

value: NUMBER
	| QUANTITY
	;

worker_kind: %empty	{ $$ = BUILD_BOTH; }
	| IN	{ $$ = 0; }
	| OUT	{ $$ = 1; }
	;

/* Between the braces of a list newlines are spaces; commas may be left out. */
list_begin: '{'	{ list_begin(p); }
	;

list_end: '}'	{ list_end(p); }
	;

comma: %empty
	| ','
	;

retry_open: list_begin	{ build_retry_begin(p, @1.line); }
	;

times: %empty
	| times value comma	{ build_retry(p, @2.line, $2); }
	;

port: %empty	{ $$ = NULL; }
	| PORT NUMBER	{ $$ = $2; }
	;

/* an address of digits alone is none, but its error should say so */
address: ADDRESS
	| NUMBER
	;

/* --- the two sides --- */

external: ext_open ext_lines ext_end	{ p->where = NULL; }
	;

ext_open: EXTERNAL '{'	{ build_side(p, @1.line, SIDE_EXT); }
	;

ext_lines: %empty
	| ext_lines '\n'
	| ext_lines ext_statement '\n'
	| ext_lines error '\n'	{ yyerrok; }
	;

ext_end: '}'
	| ext_statement '}'
	| error '}'	{ yyerrok; }
	;

ext_statement: side_statement
	| NAMESPACE STRING	{ build_namespace(p, @1.line, $2); }
	| CHECK SENDER MX
	    { build_flag(p, @1.line, CONF_F_CHECK_SENDER_MX, true); }
	;

internal: int_open int_lines int_end	{ p->where = NULL; }
	;

int_open: INTERNAL '{'	{ build_side(p, @1.line, SIDE_INT); }
	;

int_lines: %empty
	| int_lines '\n'
	| int_lines int_statement '\n'
	| int_lines error '\n'	{ yyerrok; }
	;

int_end: '}'
	| int_statement '}'
	| error '}'	{ yyerrok; }
	;

int_statement: side_statement
	| networks_open networks list_end
	| networks_open networks error '}'	{ list_end(p); yyerrok; }
	| ACCEPT FROM address
	    { build_prefix(p, @3.line, MARK_ACCEPT, $3); }
	| ACCEPT FROM list_begin accepts list_end
	| ACCEPT FROM list_begin accepts error '}' { list_end(p); yyerrok; }
	| ACCEPT CERTIFICATE STRING
	    { build_accept_cert(p, @1.line, $3); }
	| REPAIR LINES FROM address
	    { build_prefix(p, @4.line, MARK_REPAIR, $4); }
	| REPAIR LINES FROM list_begin repairs list_end
	| REPAIR LINES FROM list_begin repairs error '}'
	    { list_end(p); yyerrok; }
	| SENDERS ANY	{ build_senders(p, @1.line, false); }
	| SENDERS COMPANY	{ build_senders(p, @1.line, true); }
	;

side_statement: listen
	| listen PROXY FROM address
	    { build_prefix(p, @4.line, MARK_PROXY, $4); }
	| listen PROXY FROM list_begin proxies list_end
	    { build_proxies(p, @2.line); }
	| listen PROXY FROM list_begin proxies error '}'
	    { list_end(p); yyerrok; }
	| SOURCE address	{ build_source(p, @1.line, $2); }
	| INTERFACE STRING	{ build_interface(p, @1.line, $2); }
	| DNS server
	| DNS list_begin servers list_end
	| DNS list_begin servers error '}'	{ list_end(p); yyerrok; }
	| REACH list_begin reaches list_end
	| REACH list_begin reaches error '}'	{ list_end(p); yyerrok; }
	| WORKERS worker_kind NUMBER
	    { build_workers(p, @1.line, p->side, $2, $3); }
	| TLS CERTIFICATE STRING KEY STRING
	    { build_cert(p, @1.line, p->side, $3, $5); }
	| TLS TRUST STRING	{ build_trust(p, @1.line, p->side, $3); }
	| TLS OFFER	{ build_tls(p, @1.line, BUILD_TLS_OFFER); }
	| TLS OFF	{ build_tls(p, @1.line, BUILD_TLS_OFF); }
	| TLS REQUIRE	{ build_tls(p, @1.line, BUILD_TLS_REQUIRE); }
	| TLS REQUIRE FROM address
	    { build_prefix(p, @4.line, MARK_TLS_FROM, $4); }
	| TLS REQUIRE FROM list_begin tls_clients list_end
	| TLS REQUIRE FROM list_begin tls_clients error '}'
	    { list_end(p); yyerrok; }
	;

listen: LISTEN ON address port	{ build_listen(p, @1.line, $3, $4); }
	;

proxies: %empty
	| proxies address comma
	    { build_prefix(p, @2.line, MARK_PROXY, $2); }
	;

tls_clients: %empty
	| tls_clients address comma
	    { build_prefix(p, @2.line, MARK_TLS_FROM, $2); }
	;

server: address port	{ build_dns(p, @1.line, $1, $2); }
	;

servers: %empty
	| servers server comma
	;

reaches: %empty
	| reaches address comma
	    { build_prefix(p, @2.line, MARK_REACH, $2); }
	;

networks_open: NETWORKS list_begin
	    { build_networks_begin(p, @1.line); }
	;

networks: %empty
	| networks address comma
	    { build_prefix(p, @2.line, MARK_NETWORK, $2); }
	;

repairs: %empty
	| repairs address comma
	    { build_prefix(p, @2.line, MARK_REPAIR, $2); }
	;

accepts: %empty
	| accepts address comma
	    { build_prefix(p, @2.line, MARK_ACCEPT, $2); }
	;

/* --- domains and connectors --- */

domain: dom_open dom_lines dom_end
	    { build_domains(p); p->where = NULL; }
	;

dom_open: dom_word names '{'
	;

dom_word: DOMAIN	{ build_block(p, @1.line, "domain"); }
	;

names: STRING	{ build_name(p, @1.line, $1); }
	| list_begin name_list list_end
	| list_begin name_list error '}'	{ list_end(p); yyerrok; }
	;

name_list: %empty
	| name_list STRING comma	{ build_name(p, @2.line, $2); }
	;

dom_lines: %empty
	| dom_lines '\n'
	| dom_lines dom_statement '\n'
	| dom_lines error '\n'	{ yyerrok; }
	;

dom_end: '}'
	| dom_statement '}'
	| error '}'	{ yyerrok; }
	;

dom_statement: RECIPIENTS ANY
	    { build_recipients(p, @1.line, CONF_RCPT_ANY, NULL); }
	| RECIPIENTS FILE_ STRING
	    { build_recipients(p, @1.line, CONF_RCPT_FILE, $3); }
	| deliver HOST host
	| deliver list_begin hosts list_end
	| deliver list_begin hosts error '}'	{ list_end(p); yyerrok; }
	| DELIVER TO MX STRING
	    { build_route(p, @1.line, CONF_ROUTE_MX, $4); }
	| schedule
	| tls_out
	;

deliver: DELIVER TO
	    { build_route(p, @1.line, CONF_ROUTE_HOSTS, NULL); }
	;

host: hostaddr port	{ build_host(p, @1.line, $1, $2); }
	;

hostaddr: STRING
	| ADDRESS
	;

hosts: %empty
	| hosts HOST host comma
	;

connector: con_open via con_block
	    { build_connector(p); p->where = NULL; }
	;

/* its few statements may share a line */
con_block: %empty
	| '{' con_lines '}'
	| '{' con_lines error '}'	{ yyerrok; }
	;

con_lines: %empty
	| con_lines '\n'
	| con_lines schedule
	| con_lines tls_out
	| con_lines error '\n'	{ yyerrok; }
	;

con_open: con_word STRING VIA	{ build_name(p, @2.line, $2); }
	;

con_word: CONNECTOR	{ build_block(p, @1.line, "connector"); }
	;

via: DNS	{ build_route(p, @1.line, CONF_ROUTE_DNS, NULL); }
	| smarthost host
	| smarthost list_begin smarthosts list_end
	| smarthost list_begin smarthosts error '}' { list_end(p); yyerrok; }
	;

/* of a domain or connector: towards the servers that its mail goes to */
tls_out: TLS NONE	{ build_tls_out(p, @1.line, CONF_TLS_NONE); }
	| TLS OPPORTUNISTIC
	    { build_tls_out(p, @1.line, CONF_TLS_OPPORTUNISTIC); }
	| TLS REQUIRE	{ build_tls_out(p, @1.line, CONF_TLS_REQUIRE); }
	| tls_verify
	| tls_verify STRING	{ build_tls_name(p, @2.line, $2); }
	| tls_verify list_begin tls_names list_end
	| tls_verify list_begin tls_names error '}' { list_end(p); yyerrok; }
	| tls_fingerprint STRING	{ build_tls_print(p, @2.line, $2); }
	| tls_fingerprint list_begin tls_prints list_end
	| tls_fingerprint list_begin tls_prints error '}'
	    { list_end(p); yyerrok; }
	| TLS CERTIFICATE STRING KEY STRING
	    { build_tls_cert(p, @1.line, $3, $5); }
	;

tls_verify: TLS VERIFY
	    { build_tls_out(p, @1.line, CONF_TLS_VERIFY); }
	;

tls_names: %empty
	| tls_names STRING comma	{ build_tls_name(p, @2.line, $2); }
	;

tls_fingerprint: TLS FINGERPRINT
	    { build_tls_out(p, @1.line, CONF_TLS_FINGERPRINT); }
	;

tls_prints: %empty
	| tls_prints STRING comma	{ build_tls_print(p, @2.line, $2); }
	;

smarthost: SMARTHOST
	    { build_route(p, @1.line, CONF_ROUTE_SMARTHOST, NULL); }
	;

smarthosts: %empty
	| smarthosts host comma
	;

%%

static void
list_begin(struct parser *p)
{
	p->in_list = true;
}

static void
list_end(struct parser *p)
{
	p->in_list = false;
}

/* Called with custom errors only when memory runs out. */
void
yyerror(struct loc *loc, struct parser *p, const char *msg)
{
	(void)msg;
	p->nomem = true;
	report_error(p->report, loc->line, "out of memory");
}

static int
yyreport_syntax_error(const yypcontext_t *ctx, struct parser *p)
{
	yysymbol_kind_t kinds[SYNTAX_EXPECTED_MAX];
	const char *names[SYNTAX_EXPECTED_MAX];
	yysymbol_kind_t found = yypcontext_token(ctx);
	int i, n;

	n = yypcontext_expected_tokens(ctx, kinds, SYNTAX_EXPECTED_MAX);
	if (n < 0)
		return n;
	for (i = 0; i < n; i++)
		names[i] = yysymbol_name(kinds[i]);
	syntax_error(p, yypcontext_location(ctx)->line,
	    found == YYSYMBOL_YYEMPTY ? "" : yysymbol_name(found), names,
	    (size_t)n);
	lex_recover(p);
	return 0;
}
