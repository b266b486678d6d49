/* SPDX-License-Identifier: ISC */
/*
 * The configuration as typed values.  posternd makes one from the file; each
 * child receives, in one step, the items that topology.c grants it and holds
 * a struct conf in which all else is empty.  A conf is never changed after it
 * is complete: reload builds a new one and swaps it in (conf_free the old).
 * Strings are NUL-terminated, validated by the parser and again by the codec.
 */
#ifndef COMMON_BASE_CONF_H
#define COMMON_BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/netaddr.h"

#define CONF_NAME_MAX 256  /* a domain or host name with its NUL */
#define CONF_PATH_MAX 1024 /* a path with its NUL */
#define CONF_IFNAME_MAX 16
#define CONF_RETRY_MAX 32
#define CONF_DNS_MAX 8     /* servers a side */
#define CONF_LISTEN_MAX 32 /* listeners in all */
#define CONF_HOSTS_MAX 16  /* hosts of one route */
#define CONF_WORKERS_MAX 16

enum side {
	SIDE_EXT = 0, /* the Internet */
	SIDE_INT = 1  /* the intranet */
};
#define NSIDES 2

/* where a statement stands: shown by errors and "why" answers */
struct conf_pos {
	uint32_t line; /* 0: a default */
};

struct conf_listener {
	uint32_t id; /* index in conf.listeners, stable for one conf */
	enum side side;
	struct netaddr addr; /* with port */
	struct conf_pos pos;
};

struct conf_host {
	char name[CONF_NAME_MAX]; /* empty when addr is a literal */
	struct netaddr addr;      /* family NONE when name is set; port 0 */
	uint16_t port;
};

enum conf_route_kind {
	CONF_ROUTE_HOSTS = 1, /* deliver to host / hosts, in order */
	CONF_ROUTE_MX = 2,    /* deliver to mx "name": inside DNS */
	CONF_ROUTE_DNS = 3,   /* connector: by the MX of the domain itself */
	CONF_ROUTE_SMARTHOST = 4
};

struct conf_route {
	enum conf_route_kind kind;
	char mx[CONF_NAME_MAX];  /* CONF_ROUTE_MX */
	struct conf_host *hosts; /* HOSTS and SMARTHOST; owned */
	uint32_t nhosts;
};

enum conf_rcpt_kind {
	CONF_RCPT_ANY = 1,
	CONF_RCPT_FILE = 2
	/* ldap and callout: "recipients ldap", "recipients callout" later */
};

struct conf_domain {
	uint32_t id; /* index in conf.domains */
	char name[CONF_NAME_MAX]; /* lower case, no trailing dot */
	enum conf_rcpt_kind rcpt_kind;
	char rcpt_path[CONF_PATH_MAX]; /* CONF_RCPT_FILE */
	struct conf_route route;
	struct conf_pos pos;
};

struct conf_connector {
	uint32_t id;
	char pattern[CONF_NAME_MAX]; /* "*", "example.net", "*.example.net" */
	struct conf_route route;     /* DNS or SMARTHOST */
	struct conf_pos pos;
};

struct conf_side {
	char interface[CONF_IFNAME_MAX]; /* empty: not bound to one */
	char netns[CONF_NAME_MAX];       /* ext { namespace "x" }; or empty */
	struct netaddr source4;          /* family NONE: kernel's choice */
	struct netaddr source6;
	struct netaddr dns[CONF_DNS_MAX]; /* with port, in order */
	uint32_t ndns;
	struct netset networks;    /* int: the intranet */
	struct netset accept_from; /* int: hosts that may submit */
	struct netset reach;       /* exceptions to special-use ranges */
	uint32_t workers_in;
	uint32_t workers_out;
};

/* none is 0 but data_rate, which then is not judged */
struct conf_limits {
	uint64_t message_size;         /* bytes, also offered as SIZE */
	uint32_t recipients;           /* a transaction */
	uint32_t sessions;             /* a side */
	uint32_t sessions_per_address; /* a side; v6 counted by /64 */
	uint32_t errors;               /* bad commands a session */
	uint32_t unknown_rcpts;        /* unknown recipients a session */
	uint32_t messages_per_session;
	uint32_t hops;                 /* Received fields: loop */
	uint32_t command_timeout;      /* s, RFC 5321 4.5.3.2.7: 300 */
	uint32_t data_timeout;         /* s without a byte in DATA */
	uint32_t data_rate;            /* least bytes/s, judged each minute */
	uint32_t session_time;         /* s, longest session */
	uint32_t out_sessions;         /* connections to one destination */
	uint32_t out_messages;         /* messages a connection */
	uint64_t spool_in;             /* quota in bytes, inbound */
	uint64_t spool_out;            /* quota in bytes, outbound */
};

enum conf_log_kind {
	CONF_LOG_STDERR = 1,
	CONF_LOG_SYSLOG = 2,
	CONF_LOG_FILE = 3
};

enum conf_flag {
	CONF_F_SINGLE_HOMED = 1 << 0,
	CONF_F_BEST_EFFORT = 1 << 1, /* sandbox best-effort */
	CONF_F_FORWARDING = 1 << 2,  /* "ip forwarding allow" */
	CONF_F_COMPANY_SENDERS = 1 << 3 /* int: "senders company" */
};

struct conf {
	uint32_t generation; /* 1 at start, +1 a successful reload */
	char hostname[CONF_NAME_MAX];
	struct conf_side side[NSIDES];
	struct conf_listener *listeners;
	uint32_t nlisteners;
	struct conf_domain *domains; /* sorted by name */
	uint32_t ndomains;
	struct conf_connector *connectors; /* most specific first */
	uint32_t nconnectors;
	struct conf_limits limits;
	uint32_t retry[CONF_RETRY_MAX]; /* s; the last one repeats */
	uint32_t nretry;
	uint32_t expire;     /* s */
	uint32_t warn_after; /* s; 0: no delay warning */
	enum conf_log_kind log_kind;
	char log_path[CONF_PATH_MAX];
	char spool[CONF_PATH_MAX];
	char control[CONF_PATH_MAX];
	char control_group[CONF_NAME_MAX]; /* may use the control socket */
	char chroot_dir[CONF_PATH_MAX];
	uint32_t flags; /* enum conf_flag */
};

/*
 * Defaults in every field that has one, lists empty: a message of 50 MiB,
 * 1000 recipients, 1000 sessions a side, 50 an address, 20 errors, 50 unknown
 * recipients and 1000 messages a session, 30 hops, 300 s for a command and in
 * DATA, 100 bytes/s, 4 h a session; 20 connections to a destination, 1000
 * messages each; 4 GiB for each spool; retry after 30 s, 1 m, 5 m, 15 m,
 * 30 m, 1 h, 2 h; a warning after 4 h, the end after 5 days; one worker a
 * core; log to syslog; /var/spool/postern, /run/postern/control.sock for the
 * group _postern-ops, /run/postern/empty.  NULL: ENOMEM.
 */
struct conf *conf_new(void);
void conf_free(struct conf *);

/*
 * The domain, if name (any case, with or without trailing dot) is one of
 * ours; exact match only.  O(log n).
 */
const struct conf_domain *conf_domain_find(
    const struct conf *, const char *name, size_t len);
/*
 * The one connector for a domain (or literal "[...]"); NULL if none.  The name
 * itself, then the longest "*.suffix" below which it is, then "*"; for a
 * literal only "*".
 */
const struct conf_connector *conf_connector_find(
    const struct conf *, const char *name, size_t len);
/*
 * Append a zeroed element (id set); pointers to others become invalid.  NULL:
 * ENOMEM, or ERANGE past a CONF_*_MAX.
 */
struct conf_listener *conf_add_listener(struct conf *);
struct conf_domain *conf_add_domain(struct conf *);
struct conf_connector *conf_add_connector(struct conf *);
struct conf_host *conf_route_add_host(struct conf_route *);
/*
 * Sorts domains and connectors and numbers them anew.  To be called when all
 * are added, and before any *_find().
 */
void conf_seal(struct conf *);
/* Order of connectors: most specific first, of two suffixes the longer. */
int conf_pattern_cmp(const char *, const char *);
const char *side_name(enum side); /* "ext", "int" */

#endif
