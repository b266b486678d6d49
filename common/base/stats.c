/* SPDX-License-Identifier: ISC */
/*
 * Shared counters.  Without a page (unit tests, before posternd sent it) the
 * counters count in private memory.
 */
#include <sys/mman.h>

#include <stdatomic.h>
#include <unistd.h>

#include "common/base/stats.h"

#define WORDS (STATS_PAGE_SIZE / sizeof(uint64_t))
#define KEPT  (WORDS - 1)
_Static_assert((size_t)STAT_MAX <= KEPT, "one page");

static const struct {
	const char *name;
	const char *help;
} desc[STAT_MAX] = {
	[STAT_CONN_ACCEPTED] = { "connections_accepted_total",
	    "Connections accepted and handed to a session" },
	[STAT_CONN_REFUSED_LIMIT] = { "connections_refused_limit_total",
	    "Connections answered 421 because of a limit" },
	[STAT_CONN_REFUSED_SOURCE] = { "connections_refused_source_total",
	    "Connections from hosts that may not use the listener" },
	[STAT_CONN_REFUSED_RATE] = { "connections_refused_rate_total",
	    "Connections answered 421 as too many came in a minute" },
	[STAT_CONN_REFUSED_BAD] = { "connections_refused_bad_total",
	    "Connections answered 421 after too many bad sessions" },
	[STAT_CONN_RECORDS] = { "connections_records",
	    "Addresses and networks of clients that are remembered now" },
	[STAT_CONN_DIALLED] = { "connections_dialled_total",
	    "Outgoing connections made" },
	[STAT_CONN_DIAL_FAILED] = { "connections_dial_failed_total",
	    "Outgoing connections that failed" },
	[STAT_CONN_DIAL_DENIED] = { "connections_dial_denied_total",
	    "Outgoing connections that the address policy refused" },
	[STAT_CONN_OPEN] = { "connections_open",
	    "Accepted connections open now" },
	[STAT_SESSIONS] = { "smtp_sessions_total", "SMTP server sessions" },
	[STAT_SESSIONS_OPEN] = { "smtp_sessions_open",
	    "SMTP server sessions open now" },
	[STAT_PROXY_REFUSED] = { "proxy_headers_refused_total",
	    "Connections of proxies without a good PROXY header" },
	[STAT_LINES_REPAIRED] = { "smtp_lines_repaired_total",
	    "Line ends of inside hosts that were repaired" },
	[STAT_SESSIONS_BAD] = { "smtp_sessions_bad_total",
	    "SMTP server sessions without a message that made errors" },
	[STAT_SESSIONS_EARLY] = { "smtp_sessions_early_total",
	    "SMTP server sessions ended as the client spoke first" },
	[STAT_SESSIONS_ERRORS] = { "smtp_sessions_errors_total",
	    "SMTP server sessions ended after too many errors" },
	[STAT_SESSIONS_TIMEOUT] = { "smtp_sessions_timeout_total",
	    "SMTP server sessions ended as they took too long" },
	[STAT_SESSIONS_SLOW] = { "smtp_sessions_slow_total",
	    "SMTP server sessions ended as a message came too slowly" },
	[STAT_MSGS_ACCEPTED] = { "messages_accepted_total",
	    "Messages acknowledged with 250" },
	[STAT_MSGS_REFUSED] = { "messages_refused_total",
	    "Messages refused after DATA" },
	[STAT_RCPTS_ACCEPTED] = { "recipients_accepted_total",
	    "RCPT commands accepted" },
	[STAT_RCPTS_REFUSED] = { "recipients_refused_total",
	    "RCPT commands refused" },
	[STAT_BYTES_ACCEPTED] = { "bytes_accepted_total",
	    "Bytes of acknowledged messages" },
	[STAT_TLS_SESSIONS] = { "tls_sessions_total",
	    "TLS handshakes with clients that succeeded" },
	[STAT_TLS_RESUMED] = { "tls_sessions_resumed_total",
	    "Of them, those that took up an earlier session" },
	[STAT_TLS_FAILED] = { "tls_handshakes_failed_total",
	    "TLS handshakes with clients that failed" },
	[STAT_TLS_UNAVAILABLE] = { "tls_unavailable_total",
	    "STARTTLS commands answered 454" },
	[STAT_TLS_PIPELINED] = { "tls_pipelined_total",
	    "STARTTLS commands with something behind them, which was dropped" },
	[STAT_DIR_YES] = { "directory_yes_total", "Recipients found" },
	[STAT_DIR_NO] = { "directory_no_total", "Recipients not found" },
	[STAT_DIR_LATER] = { "directory_later_total",
	    "Recipients that could not be looked up" },
	[STAT_Q_RECEIVED_EXT] = { "queue_received_ext_total",
	    "Messages received from the Internet side" },
	[STAT_Q_RECEIVED_INT] = { "queue_received_int_total",
	    "Messages received from the intranet side" },
	[STAT_Q_BOUNCES] = { "queue_bounces_total",
	    "Delivery status notifications made" },
	[STAT_Q_REFUSED] = { "queue_refused_total",
	    "Messages refused by the queue" },
	[STAT_Q_COMMITS] = { "queue_commits_total", "Synced group commits" },
	[STAT_Q_COMMIT_BYTES] = { "queue_commit_bytes_total",
	    "Bytes written by commits" },
	[STAT_Q_DELIVERED] = { "deliveries_sent_total",
	    "Recipients delivered" },
	[STAT_Q_DEFERRED] = { "deliveries_deferred_total",
	    "Delivery attempts deferred" },
	[STAT_Q_FAILED] = { "deliveries_failed_total",
	    "Recipients failed for good" },
	[STAT_Q_EXPIRED] = { "deliveries_expired_total",
	    "Recipients expired in the queue" },
	[STAT_Q_DELIVERED_IN] = { "deliveries_sent_in_total",
	    "Recipients delivered, from the Internet to the intranet" },
	[STAT_Q_DELIVERED_OUT] = { "deliveries_sent_out_total",
	    "Recipients delivered, to the Internet" },
	[STAT_Q_DELIVERED_LOCAL] = { "deliveries_sent_local_total",
	    "Recipients delivered, from inside to the intranet" },
	[STAT_Q_DEFERRED_IN] = { "deliveries_deferred_in_total",
	    "Delivery attempts deferred, from the Internet to the intranet" },
	[STAT_Q_DEFERRED_OUT] = { "deliveries_deferred_out_total",
	    "Delivery attempts deferred, to the Internet" },
	[STAT_Q_DEFERRED_LOCAL] = { "deliveries_deferred_local_total",
	    "Delivery attempts deferred, from inside to the intranet" },
	[STAT_Q_FAILED_IN] = { "deliveries_failed_in_total",
	    "Recipients failed for good, from the Internet to the intranet" },
	[STAT_Q_FAILED_OUT] = { "deliveries_failed_out_total",
	    "Recipients failed for good, to the Internet" },
	[STAT_Q_FAILED_LOCAL] = { "deliveries_failed_local_total",
	    "Recipients failed for good, from inside to the intranet" },
	[STAT_Q_MESSAGES_IN] = { "queue_messages_in",
	    "Messages in the inbound spool" },
	[STAT_Q_MESSAGES_OUT] = { "queue_messages_out",
	    "Messages in the outbound spool" },
	[STAT_Q_BYTES_IN] = { "queue_bytes_in",
	    "Bytes used by the inbound spool" },
	[STAT_Q_BYTES_OUT] = { "queue_bytes_out",
	    "Bytes used by the outbound spool" },
	[STAT_Q_HELD] = { "queue_held", "Messages held" },
	[STAT_OUT_CONNECTIONS] = { "smtp_client_connections_total",
	    "Sessions opened to next hops" },
	[STAT_OUT_CONNECT_FAILED] = { "smtp_client_connect_failed_total",
	    "Next hops that could not be reached" },
	[STAT_OUT_MESSAGES] = { "smtp_client_messages_total",
	    "Messages offered to next hops" },
	[STAT_OUT_SESSIONS_OPEN] = { "smtp_client_sessions_open",
	    "Sessions to next hops open now" },
	[STAT_OUT_TLS] = { "smtp_client_tls_total",
	    "TLS handshakes with next hops that succeeded" },
	[STAT_OUT_TLS_VERIFIED] = { "smtp_client_tls_verified_total",
	    "The same, of servers that were verified" },
	[STAT_OUT_TLS_FAILED] = { "smtp_client_tls_failed_total",
	    "TLS handshakes with next hops that failed" },
	[STAT_OUT_TLS_FALLBACK] = { "smtp_client_tls_fallback_total",
	    "The same, after which clear text is tried" },
	[STAT_OUT_TLS_INJECTED] = { "smtp_client_tls_injected_total",
	    "Sessions with something put behind the reply to STARTTLS" },
	[STAT_DNS_QUESTIONS] = { "dns_questions_total",
	    "Questions asked by smtpd-out" },
	[STAT_DNS_CACHE_HITS] = { "dns_cache_hits_total",
	    "Questions answered from the cache" },
	[STAT_DNS_SENT] = { "dns_queries_sent_total",
	    "Queries sent to servers" },
	[STAT_DNS_TCP] = { "dns_queries_tcp_total", "Queries sent by TCP" },
	[STAT_DNS_TIMEOUTS] = { "dns_timeouts_total",
	    "Queries that a server did not answer in time" },
	[STAT_DNS_MISMATCH] = { "dns_mismatch_total",
	    "Answers that did not fit the query" },
	[STAT_DNS_POLICY_DROPPED] = { "dns_policy_dropped_total",
	    "Questions or answers refused by the side's policy" },
	[STAT_DNS_FAILED] = { "dns_failed_total",
	    "Questions that no server answered" },
	[STAT_KEY_SIGNED] = { "keys_signed_total",
	    "Handshakes signed with a private key" },
	[STAT_KEY_REFUSED] = { "keys_refused_total",
	    "Questions for a signature that were no handshake of the asker" },
	[STAT_KEY_LATER] = { "keys_later_total",
	    "Questions for a signature put off: too many, or an unknown key" },
	[STAT_KEY_CERTS_EXPIRED] = { "certificates_expired",
	    "Certificates that have expired" },
	[STAT_KEY_DAYS_LEFT] = { "certificate_days_left",
	    "Days until the first certificate expires" },
	[STAT_LOG_LINES] = { "log_lines_total", "Log lines written" },
	[STAT_LOG_DROPPED] = { "log_dropped_total", "Log lines lost" },
	[STAT_CTL_REQUESTS] = { "control_requests_total",
	    "Requests on the control socket" },
	[STAT_CTL_DENIED] = { "control_denied_total",
	    "Requests on the control socket refused" },
	[STAT_VIOLATIONS] = { "channel_violations_total",
	    "Messages of peers that broke their contract" },
};

static const enum counter gauges[] = { STAT_CONN_OPEN, STAT_CONN_RECORDS,
	STAT_SESSIONS_OPEN, STAT_Q_MESSAGES_IN, STAT_Q_MESSAGES_OUT,
	STAT_Q_BYTES_IN, STAT_Q_BYTES_OUT, STAT_Q_HELD, STAT_OUT_SESSIONS_OPEN,
	STAT_KEY_CERTS_EXPIRED, STAT_KEY_DAYS_LEFT };

static _Atomic uint64_t private_page[WORDS];
static _Atomic uint64_t *page = private_page;

int
stats_attach(int fd)
{
	void *p;

	p = mmap(NULL, STATS_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);
	(void)close(fd);
	if (p == MAP_FAILED)
		return -1;
	page = p;
	return 0;
}

void
stats_keep(uint64_t v)
{
	atomic_store_explicit(&page[KEPT], v, memory_order_relaxed);
}

uint64_t
stats_kept(void)
{
	return atomic_load_explicit(&page[KEPT], memory_order_relaxed);
}

void
stats_add(enum counter s, uint64_t n)
{
	(void)atomic_fetch_add_explicit(&page[s], n, memory_order_relaxed);
}

void
stats_inc(enum counter s)
{
	stats_add(s, 1);
}

void
stats_dec(enum counter s)
{
	(void)atomic_fetch_sub_explicit(&page[s], 1, memory_order_relaxed);
}

void
stats_set(enum counter s, uint64_t n)
{
	atomic_store_explicit(&page[s], n, memory_order_relaxed);
}

uint64_t
stats_get(enum counter s)
{
	return atomic_load_explicit(&page[s], memory_order_relaxed);
}

const uint64_t *
stats_map(int fd)
{
	void *p;

	p = mmap(NULL, STATS_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	(void)close(fd);
	return p == MAP_FAILED ? NULL : p;
}

uint64_t
stats_read(const uint64_t *other, enum counter s)
{
	return __atomic_load_n(&other[s], __ATOMIC_RELAXED);
}

const char *
stats_name(enum counter s)
{
	return (unsigned)s < STAT_MAX ? desc[s].name : "unknown";
}

const char *
stats_help(enum counter s)
{
	return (unsigned)s < STAT_MAX ? desc[s].help : "";
}

int
stats_is_gauge(enum counter s)
{
	size_t i;

	for (i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		if (gauges[i] == s)
			return 1;
	return 0;
}
