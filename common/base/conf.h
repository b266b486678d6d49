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

#define CONF_NAME_MAX	      256  /* a domain or host name with its NUL */
#define CONF_PATH_MAX	      1024 /* a path with its NUL */
#define CONF_IFNAME_MAX	      16
#define CONF_RETRY_MAX	      32
#define CONF_DNS_MAX	      8	 /* servers a side */
#define CONF_LISTEN_MAX	      32 /* listeners in all */
#define CONF_PROXIES_MAX      64 /* "proxy from", of one listener */
#define CONF_HOSTS_MAX	      16 /* hosts of one route */
#define CONF_WORKERS_MAX      16
#define CONF_CERTS_MAX	      64	  /* certificates in all */
#define CONF_CHAIN_MAX	      (32 * 1024) /* bytes of a chain's file */
#define CONF_ACCEPT_CERTS_MAX 64	  /* "accept certificate" */
#define CONF_FINGERPRINT      32	  /* SHA-256 */
#define CONF_TLS_MAX	      1024 /* different statements of TLS towards servers */
#define CONF_TLS_ITEMS_MAX    8 /* names or fingerprints of one */
#define CONF_NO_CERT	      UINT32_MAX
#define CONF_ANCHORS_MAX      (1024 * 1024) /* bytes of trust anchors of a side */
#define CONF_PACES_MAX	      10000	    /* "limit to" */
#define CONF_SOURCES_MAX      256	    /* "limit from" */
#define CONF_RATE_COUNT_MAX   1000000
#define CONF_RATE_PERIOD_MAX  (30 * 86400) /* s */
#define CONF_AGES_MAX	      32 /* different times of expiry, or of warnings */

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
	/* only these may connect, and say for whom (PROXY v2); owned */
	struct netset proxies;
};

struct conf_host {
	char name[CONF_NAME_MAX]; /* empty when addr is a literal */
	struct netaddr addr;	  /* family NONE when name is set; port 0 */
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
	char mx[CONF_NAME_MAX];	 /* CONF_ROUTE_MX */
	struct conf_host *hosts; /* HOSTS and SMARTHOST; owned */
	uint32_t nhosts;
};

/* who may have what signed with the key of a certificate */
enum conf_cert_use {
	CONF_CERT_SERVER_EXT = 1 << 0, /* smtpd-in/ext */
	CONF_CERT_SERVER_INT = 1 << 1,
	CONF_CERT_CLIENT_EXT = 1 << 2, /* smtpd-out/ext */
	CONF_CERT_CLIENT_INT = 1 << 3,
	CONF_CERT_USES = (1 << 4) - 1
};

/* The key itself is in no conf: keyd has it, by conf_cert_key(). */
struct conf_cert {
	uint32_t id;			/* index in conf.certs */
	uint32_t uses;			/* enum conf_cert_use */
	char chain_path[CONF_PATH_MAX]; /* paths: posternd only */
	char key_path[CONF_PATH_MAX];
	uint8_t *chain; /* the file, PEM; owned; NULL: not read (yet) */
	uint32_t chain_len;
	struct conf_pos pos;
};

/* what is asked of a server before mail is given to it; in this order */
enum conf_tls_level {
	CONF_TLS_NONE = 1,	    /* clear text */
	CONF_TLS_OPPORTUNISTIC = 2, /* TLS if it can be had */
	CONF_TLS_REQUIRE = 3,	    /* TLS, whoever it is */
	CONF_TLS_VERIFY = 4,	    /* and a trusted certificate of its name */
	CONF_TLS_FINGERPRINT = 5    /* and one of these certificates */
};

/*
 * The statements of a domain or connector, which names it by id: the same for
 * the same statements, from one configuration to the next.
 */
struct conf_tls {
	uint64_t id; /* 0: the default, which is in no list */
	enum side side;
	enum conf_tls_level level;
	uint32_t cert; /* ours, in conf.certs; or CONF_NO_CERT */
	/* VERIFY: these names, "*.name" for any below; none: the host's own */
	char names[CONF_TLS_ITEMS_MAX][CONF_NAME_MAX];
	uint32_t nnames;
	uint8_t fingerprints[CONF_TLS_ITEMS_MAX][CONF_FINGERPRINT];
	uint32_t nfingerprints;
};

enum conf_rcpt_kind {
	CONF_RCPT_ANY = 1,
	CONF_RCPT_FILE = 2
	/* ldap and callout: "recipients ldap", "recipients callout" later */
};

/* which of its fields a statement has; the others are the general ones */
enum conf_schedule_set {
	CONF_S_RETRY = 1 << 0,
	CONF_S_EXPIRE = 1 << 1,
	CONF_S_WARN = 1 << 2
};
#define CONF_S_ALL (CONF_S_RETRY | CONF_S_EXPIRE | CONF_S_WARN)

/* when delivery is tried again, and for how long */
struct conf_schedule {
	uint32_t set;			/* enum conf_schedule_set */
	uint32_t retry[CONF_RETRY_MAX]; /* s; the last one repeats */
	uint32_t nretry;
	uint32_t expire;     /* s */
	uint32_t warn_after; /* s; 0: no delay warning */
};

struct conf_domain {
	uint32_t id;		  /* index in conf.domains */
	char name[CONF_NAME_MAX]; /* lower case, no trailing dot */
	enum conf_rcpt_kind rcpt_kind;
	char rcpt_path[CONF_PATH_MAX]; /* CONF_RCPT_FILE */
	struct conf_route route;
	struct conf_schedule schedule;
	uint64_t tls; /* struct conf_tls */
	struct conf_pos pos;
};

struct conf_connector {
	uint32_t id;
	char pattern[CONF_NAME_MAX]; /* "*", "example.net", "*.example.net" */
	struct conf_route route;     /* DNS or SMARTHOST */
	struct conf_schedule schedule;
	uint64_t tls; /* struct conf_tls */
	struct conf_pos pos;
};

struct conf_side {
	char interface[CONF_IFNAME_MAX]; /* empty: not bound to one */
	char netns[CONF_NAME_MAX];	 /* ext { namespace "x" }; or empty */
	struct netaddr source4;		 /* family NONE: kernel's choice */
	struct netaddr source6;
	struct netaddr dns[CONF_DNS_MAX]; /* with port, in order */
	uint32_t ndns;
	struct netset networks;	   /* int: the intranet */
	struct netset accept_from; /* int: hosts that may submit */
	struct netset repair;	   /* int: hosts whose line ends are repaired */
	struct netset reach;	   /* exceptions to special-use ranges */
	uint32_t workers_in;
	uint32_t workers_out;
	bool tls_off;			/* STARTTLS is not offered */
	bool tls_require;		/* of every client */
	struct netset tls_from;		/* of these clients */
	char trust_path[CONF_PATH_MAX]; /* "tls trust"; posternd only */
	uint8_t *anchors;		/* for verifying servers: PEM; owned */
	uint32_t anchors_len;
};

/* so many messages in so many seconds; count 0: not limited */
struct conf_rate {
	uint32_t count;
	uint32_t period; /* s */
};

/* "limit to": each destination that the pattern fits, for itself */
struct conf_pace {
	char pattern[CONF_NAME_MAX]; /* "*", "example.net", "*.example.net" */
	uint32_t sessions;	     /* at a time; 0: as limits.out_sessions */
	uint32_t messages; /* a connection; 0: as limits.out_messages */
	struct conf_rate rate;
	struct conf_pos pos;
};

/* "limit from": each host in the network, for itself */
struct conf_source {
	struct netprefix prefix;
	struct conf_rate rate;
	struct conf_pos pos;
};

/* none is 0 but data_rate, which then is not judged, and greeting_delay */
struct conf_limits {
	uint64_t message_size;	       /* bytes, also offered as SIZE */
	uint32_t recipients;	       /* a transaction */
	uint32_t sessions;	       /* a side */
	uint32_t sessions_per_address; /* a side; v6 counted by /64 */
	uint32_t sessions_per_network; /* a side; /24, v6 /48 */
	uint32_t connections;	       /* a minute from one address */
	uint32_t connections_network;
	uint32_t bad_sessions; /* an hour from one address */
	uint32_t bad_sessions_network;
	uint32_t greeting_delay; /* s, ext: who talks meanwhile is refused */
	uint32_t errors;	 /* bad commands a session */
	uint32_t unknown_rcpts;	 /* unknown recipients a session */
	uint32_t messages_per_session;
	uint32_t hops;		  /* Received fields: loop */
	uint32_t command_timeout; /* s, RFC 5321 4.5.3.2.7: 300 */
	uint32_t data_timeout;	  /* s without a byte in DATA */
	uint32_t data_rate;	  /* least bytes/s, judged each minute */
	uint32_t session_time;	  /* s, longest session */
	uint32_t out_sessions;	  /* connections to one destination */
	uint32_t out_messages;	  /* messages a connection */
	uint64_t spool_in;	  /* quota in bytes, inbound */
	uint64_t spool_out;	  /* quota in bytes, outbound */
};

enum conf_log_kind {
	CONF_LOG_STDERR = 1,
	CONF_LOG_SYSLOG = 2,
	CONF_LOG_FILE = 3
};

enum conf_flag {
	CONF_F_SINGLE_HOMED = 1 << 0,
	CONF_F_BEST_EFFORT = 1 << 1,	 /* sandbox best-effort */
	CONF_F_FORWARDING = 1 << 2,	 /* "ip forwarding allow" */
	CONF_F_COMPANY_SENDERS = 1 << 3, /* int: "senders company" */
	CONF_F_NO_SELFTEST = 1 << 4,	 /* "sandbox selftest off" */
	CONF_F_CHECK_SENDER_MX = 1 << 5	 /* ext: "check sender mx" */
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
	struct conf_cert *certs; /* in the order of the file */
	uint32_t ncerts;
	struct conf_tls *tls; /* by id */
	uint32_t ntls;
	/* int: clients with one of these certificates may submit as well */
	uint8_t accept_certs[CONF_ACCEPT_CERTS_MAX][CONF_FINGERPRINT];
	uint32_t naccept_certs;
	struct conf_limits limits;
	struct conf_pace *paces; /* most specific first */
	uint32_t npaces;
	struct conf_source *sources; /* most specific first */
	uint32_t nsources;
	struct conf_schedule schedule; /* all of it is set */
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
 * 1000 recipients, 1000 sessions a side, 50 an address, 500 a network, 6000
 * connections a minute an address, 30000 a network, 600 bad sessions an hour an
 * address, 3000 a network, no delay of the greeting, 20 errors, 50 unknown
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
const struct conf_domain *conf_domain_find(const struct conf *,
    const char *name, size_t len);
/*
 * The one connector for a domain (or literal "[...]"); NULL if none.  The name
 * itself, then the longest "*.suffix" below which it is, then "*"; for a
 * literal only "*".
 */
const struct conf_connector *conf_connector_find(const struct conf *,
    const char *name, size_t len);
/* What holds for a name; the same order.  NULL: nothing is stated. */
const struct conf_pace *conf_pace_find(const struct conf *, const char *name,
    size_t len);
/* What holds for a host: of several networks the smallest.  NULL: nothing. */
const struct conf_source *conf_source_find(const struct conf *,
    const struct netaddr *);
/*
 * The schedule of mail to a domain: its own, or that of its connector.  What
 * is not set there is the configuration's.  Never NULL.
 */
const struct conf_schedule *conf_schedule_find(const struct conf *,
    const char *name, size_t len);
/* Of the two the one that says when to retry. */
const struct conf_schedule *conf_retry(const struct conf *,
    const struct conf_schedule *);
/* s, as that schedule says or else the configuration */
uint32_t conf_expire(const struct conf *, const struct conf_schedule *);
/* the same; 0: never, or not before it expires */
uint32_t conf_warn_after(const struct conf *, const struct conf_schedule *);
/*
 * All values that conf_expire() can have, or conf_warn_after() but 0, in
 * ascending order: how many, or -1: more than CONF_AGES_MAX.
 */
int conf_ages(const struct conf *, enum conf_schedule_set,
    uint32_t[CONF_AGES_MAX]);
/*
 * Append a zeroed element (id set); pointers to others become invalid.  NULL:
 * ENOMEM, or ERANGE past a CONF_*_MAX.
 */
struct conf_listener *conf_add_listener(struct conf *);
struct conf_domain *conf_add_domain(struct conf *);
struct conf_connector *conf_add_connector(struct conf *);
struct conf_pace *conf_add_pace(struct conf *);
struct conf_source *conf_add_source(struct conf *);
struct conf_host *conf_route_add_host(struct conf_route *);
struct conf_cert *conf_add_cert(struct conf *);
/*
 * The list of conf.tls has this one, which gets its id if that is 0; what is
 * the default is not added, and stays 0.  -1: as above.
 */
int conf_add_tls(struct conf *, struct conf_tls *);
/* NULL: unknown.  Good before conf_seal() as well. */
const struct conf_tls *conf_tls_find(const struct conf *, uint64_t id);
extern const struct conf_tls conf_tls_default;
const char *conf_tls_level_name(enum conf_tls_level); /* "verify" */
/* More trust anchors of a side.  -1: ENOMEM, ERANGE. */
int conf_add_anchors(struct conf *, enum side, const void *, size_t);
/* -1: there are CONF_ACCEPT_CERTS_MAX already */
int conf_add_accept_cert(struct conf *, const uint8_t[CONF_FINGERPRINT]);
bool conf_accepts_cert(const struct conf *, const uint8_t[CONF_FINGERPRINT]);
/* Has this side a certificate to show, and is it offered? */
bool conf_offers_tls(const struct conf *, enum side);
/* Must this client of the side's listeners use TLS? */
bool conf_requires_tls(const struct conf *, enum side, const struct netaddr *);
/* The name of a certificate's key on the edge to keyd: good for one conf. */
uint32_t conf_cert_key(const struct conf *, const struct conf_cert *);
uint32_t conf_key_generation(uint32_t key);
uint32_t conf_key_number(uint32_t key);
/*
 * Sorts what is looked for, and numbers domains and connectors anew.  To be
 * called when all are added, and before any *_find().
 */
void conf_seal(struct conf *);
/* Order of sources: most specific first. */
int conf_source_cmp(const struct netprefix *, const struct netprefix *);
/* Order of patterns: most specific first, of two suffixes the longer. */
int conf_pattern_cmp(const char *, const char *);
const char *side_name(enum side); /* "ext", "int" */

#endif
