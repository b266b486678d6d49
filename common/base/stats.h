/* SPDX-License-Identifier: ISC */
/*
 * Counters in a shared page: each process has a page of its own, made by
 * posternd, written by nobody else, read by ctld.  A counter is one relaxed
 * atomic addition; nobody polls anybody.  Counters end in _total, gauges do
 * not; the list is closed and named here and in stats.c.
 */
#ifndef COMMON_BASE_STATS_H
#define COMMON_BASE_STATS_H

#include <stddef.h>
#include <stdint.h>

#define STATS_PAGE_SIZE 4096

enum counter {
	/* connd */
	STAT_CONN_ACCEPTED = 0,
	STAT_CONN_REFUSED_LIMIT,
	STAT_CONN_REFUSED_SOURCE,
	STAT_CONN_REFUSED_RATE,
	STAT_CONN_REFUSED_BAD,
	STAT_CONN_RECORDS, /* gauge */
	STAT_CONN_DIALLED,
	STAT_CONN_DIAL_FAILED,
	STAT_CONN_DIAL_DENIED,
	STAT_CONN_OPEN, /* gauge */
	/* smtpd-in */
	STAT_SESSIONS,
	STAT_SESSIONS_OPEN, /* gauge */
	STAT_PROXY_REFUSED,
	STAT_LINES_REPAIRED,
	STAT_SESSIONS_BAD,
	STAT_SESSIONS_EARLY,
	STAT_SESSIONS_ERRORS,
	STAT_SESSIONS_TIMEOUT,
	STAT_SESSIONS_SLOW,
	STAT_MSGS_ACCEPTED,
	STAT_MSGS_REFUSED,
	STAT_RCPTS_ACCEPTED,
	STAT_RCPTS_REFUSED,
	STAT_BYTES_ACCEPTED,
	STAT_TLS_SESSIONS,
	STAT_TLS_RESUMED,
	STAT_TLS_FAILED,
	STAT_TLS_UNAVAILABLE,
	STAT_TLS_PIPELINED,
	/* dird */
	STAT_DIR_YES,
	STAT_DIR_NO,
	STAT_DIR_LATER,
	/* queued */
	STAT_Q_RECEIVED_EXT,
	STAT_Q_RECEIVED_INT,
	STAT_Q_BOUNCES,
	STAT_Q_REFUSED,
	STAT_Q_COMMITS,
	STAT_Q_COMMIT_BYTES,
	STAT_Q_DELIVERED,
	STAT_Q_DEFERRED,
	STAT_Q_FAILED,
	STAT_Q_EXPIRED,
	/* the same by flow: in, out, local, in this order */
	STAT_Q_DELIVERED_IN,
	STAT_Q_DELIVERED_OUT,
	STAT_Q_DELIVERED_LOCAL,
	STAT_Q_DEFERRED_IN,
	STAT_Q_DEFERRED_OUT,
	STAT_Q_DEFERRED_LOCAL,
	STAT_Q_FAILED_IN,
	STAT_Q_FAILED_OUT,
	STAT_Q_FAILED_LOCAL,
	STAT_Q_MESSAGES_IN,  /* gauge: inbound spool */
	STAT_Q_MESSAGES_OUT, /* gauge: outbound spool */
	STAT_Q_BYTES_IN,     /* gauge */
	STAT_Q_BYTES_OUT,    /* gauge */
	STAT_Q_HELD,	     /* gauge */
	/* smtpd-out */
	STAT_OUT_CONNECTIONS,
	STAT_OUT_CONNECT_FAILED,
	STAT_OUT_MESSAGES,
	STAT_OUT_SESSIONS_OPEN, /* gauge */
	STAT_OUT_TLS,
	STAT_OUT_TLS_VERIFIED,
	STAT_OUT_TLS_FAILED,
	STAT_OUT_TLS_FALLBACK,
	STAT_OUT_TLS_INJECTED,
	/* dnsd */
	STAT_DNS_QUESTIONS,
	STAT_DNS_CACHE_HITS,
	STAT_DNS_SENT,
	STAT_DNS_TCP,
	STAT_DNS_TIMEOUTS,
	STAT_DNS_MISMATCH,
	STAT_DNS_POLICY_DROPPED,
	STAT_DNS_FAILED,
	/* keyd */
	STAT_KEY_SIGNED,
	STAT_KEY_REFUSED,
	STAT_KEY_LATER,
	STAT_KEY_CERTS_EXPIRED, /* gauge */
	STAT_KEY_DAYS_LEFT,	/* gauge: of the certificate that ends first */
	/* logd */
	STAT_LOG_LINES,
	STAT_LOG_DROPPED,
	/* ctld */
	STAT_CTL_REQUESTS,
	STAT_CTL_DENIED,
	/* every process */
	STAT_VIOLATIONS,
	STAT_MAX
};

/* fd: the page's memfd, mapped read-write, then closed.  -1 with errno. */
int stats_attach(int fd);
void stats_add(enum counter, uint64_t);
void stats_inc(enum counter);
void stats_dec(enum counter);
void stats_set(enum counter, uint64_t);
uint64_t stats_get(enum counter);
/*
 * One word that a process keeps for its next life, whatever ends this one;
 * 0 at first.  What is there before stats_attach() is lost.
 */
void stats_keep(uint64_t);
uint64_t stats_kept(void);
/* A reader's view of another's page (fd is closed); NULL with errno. */
const uint64_t *stats_map(int fd);
uint64_t stats_read(const uint64_t *other, enum counter);
const char *stats_name(enum counter); /* "smtp_sessions_total" */
const char *stats_help(enum counter);
int stats_is_gauge(enum counter);

#endif
