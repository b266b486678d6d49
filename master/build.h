/* SPDX-License-Identifier: ISC */
/*
 * What the grammar's actions do: values are checked here and put into the
 * configuration being built.  Every function reports its own errors and the
 * grammar goes on, so that one run shows them all.
 */
#ifndef MASTER_BUILD_H
#define MASTER_BUILD_H

#include "master/lex.h"

/* top level */
void build_hostname(struct parser *, uint32_t line, const char *);
void build_path(struct parser *, uint32_t line, enum mark_kind, const char *);
void build_control(struct parser *, uint32_t line, const char *path,
    const char *group);
void build_log(struct parser *, uint32_t line, enum conf_log_kind,
    const char *path);
void build_flag(struct parser *, uint32_t line, enum conf_flag, bool on);
void build_sandbox(struct parser *, uint32_t line, bool best_effort);
void build_limit(struct parser *, uint32_t line, const char *name,
    const char *value);
/* of the block that is open, or else of the whole configuration */
void build_retry_begin(struct parser *, uint32_t line);
void build_retry(struct parser *, uint32_t line, const char *value);
void build_expire(struct parser *, uint32_t line, const char *value);
/* value NULL: never */
void build_warn(struct parser *, uint32_t line, const char *value);

/* p->pace holds what "limit to" has said so far */
void build_limit_to(struct parser *, uint32_t line, const char *pattern);
void build_pace_limit(struct parser *, uint32_t line, const char *name,
    const char *value);
void build_pace_rate(struct parser *, uint32_t line, const char *count,
    const char *period);
void build_pace(struct parser *);
void build_limit_from(struct parser *, uint32_t line, const char *addr,
    const char *count, const char *period);

/* sides; port NULL: the usual one */
#define BUILD_BOTH 2 /* both sides, or both kinds of worker */
void build_side(struct parser *, uint32_t line, enum side);
void build_listen(struct parser *, uint32_t line, const char *addr,
    const char *port);
/* The list of its proxies has ended. */
void build_proxies(struct parser *, uint32_t line);
void build_source(struct parser *, uint32_t line, const char *addr);
void build_interface(struct parser *, uint32_t line, const char *);
void build_namespace(struct parser *, uint32_t line, const char *);
void build_dns(struct parser *, uint32_t line, const char *addr,
    const char *port);
void build_prefix(struct parser *, uint32_t line, enum mark_kind, const char *);
enum build_tls { BUILD_TLS_OFFER, BUILD_TLS_OFF, BUILD_TLS_REQUIRE };
/* NULL: no more of them, or no memory; it has been said. */
struct conf_cert *build_add_cert(struct parser *, uint32_t line);
void build_tls(struct parser *, uint32_t line, enum build_tls);
/* side BUILD_BOTH: at the top level */
void build_cert(struct parser *, uint32_t line, unsigned side,
    const char *chain, const char *key);
void build_certs_finish(struct parser *);
void build_trust(struct parser *, uint32_t line, unsigned side,
    const char *path);
void build_trust_finish(struct parser *);
void build_accept_cert(struct parser *, uint32_t line, const char *);
void build_networks_begin(struct parser *, uint32_t line);
void build_senders(struct parser *, uint32_t line, bool company);
/* side BUILD_BOTH: the statement at the top level; kind 0 in, 1 out, or both */
void build_workers(struct parser *, uint32_t line, unsigned side, unsigned kind,
    const char *value);

/* domains and connectors; p->block holds what was read so far */
void build_block(struct parser *, uint32_t line, const char *where);
void build_name(struct parser *, uint32_t line, const char *);
void build_recipients(struct parser *, uint32_t line, enum conf_rcpt_kind,
    const char *path);
void build_route(struct parser *, uint32_t line, enum conf_route_kind,
    const char *mx);
void build_host(struct parser *, uint32_t line, const char *name,
    const char *port);
/* build_tls_out.c: what a block says of TLS towards servers */
void build_tls_out(struct parser *, uint32_t line, enum conf_tls_level);
void build_tls_name(struct parser *, uint32_t line, const char *);
void build_tls_print(struct parser *, uint32_t line, const char *);
void build_tls_cert(struct parser *, uint32_t line, const char *chain,
    const char *key);
/* All of it; *id becomes that of conf_add_tls(). */
void build_tls_block(struct parser *, enum side, uint64_t *id);
void build_domains(struct parser *);
void build_connector(struct parser *);

/* the end of the file: what one statement alone cannot decide */
void build_finish(struct parser *);

/* values; each -1 after having reported why not */
int value_addr(struct parser *, uint32_t line, const char *, struct netaddr *);
/* an address or network */
int value_prefix(struct parser *, uint32_t line, const char *what, const char *,
    struct netprefix *);
int value_port(struct parser *, uint32_t line, const char *, uint16_t *);
int value_number(struct parser *, uint32_t line, const char *what, const char *,
    uint32_t min, uint32_t max, uint32_t *);
int value_time(struct parser *, uint32_t line, const char *what, const char *,
    uint32_t max, uint32_t *);
int value_path(struct parser *, uint32_t line, const char *what, const char *,
    char *, size_t);
/* "*", "*.name" or "name", the pattern of a statement */
int value_pattern(struct parser *, uint32_t line, const char *what,
    const char *, char[CONF_NAME_MAX]);
/* "sha256 " and 64 hexadecimal digits */
int value_fingerprint(struct parser *, uint32_t line, const char *what,
    const char *, uint8_t[CONF_FINGERPRINT]);
/* a domain or host name; lower case, without the trailing dot */
int value_name(struct parser *, uint32_t line, const char *what, const char *,
    char[CONF_NAME_MAX]);

/* -1 after an error: the statement stands twice */
int build_once(struct parser *, uint32_t line, enum mark_kind, uint32_t a,
    uint32_t b, const char *what);
void build_mark(struct parser *, uint32_t line, enum mark_kind, uint32_t a,
    uint32_t b);

#endif
