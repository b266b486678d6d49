/* SPDX-License-Identifier: ISC */
/*
 * The words of the configuration language: see words.h.
 */
#include <stdlib.h>
#include <string.h>

#include "master/lex.h"
#include "master/words.h"

#include "master/parse.h"

#define TYPED_MAX 40 /* a longer word is nobody's typing mistake */

#define TOP	  "the top level"
#define EXT	  "external { }"
#define INT	  "internal { }"
#define SIDES	  "external { } or internal { }"
#define SCHED	  TOP ", a domain or a connector"
#define DOM	  "domain \"name\" { }"

/* sorted by text */
static const struct word words[] = {
	{ "accept", ACCEPT, INT },
	{ "after", AFTER, "warn after" },
	{ "allow", ALLOW, "ip forwarding allow" },
	{ "any", ANY, "recipients any or senders any" },
	{ "best-effort", BEST_EFFORT, "sandbox best-effort" },
	{ "certificate", CERTIFICATE, "tls certificate or accept certificate" },
	{ "check", CHECK, EXT },
	{ "chroot", CHROOT, TOP },
	{ "company", COMPANY, "senders company" },
	{ "connector", CONNECTOR, TOP },
	{ "control", CONTROL, TOP },
	{ "deliver", DELIVER, DOM },
	{ "dns", DNS, SIDES " or after via" },
	{ "domain", DOMAIN, TOP },
	{ "expire", EXPIRE, SCHED },
	{ "external", EXTERNAL, TOP },
	{ "file", FILE_, "recipients file or log to file" },
	{ "fingerprint", FINGERPRINT, "tls fingerprint" },
	{ "forwarding", FORWARDING, "ip forwarding allow" },
	{ "from", FROM, "tls require, accept, limit, proxy and repair lines" },
	{ "group", GROUP, "control socket \"path\" group" },
	{ "host", HOST, "deliver to host" },
	{ "hostname", HOSTNAME, TOP },
	{ "in", IN, "workers in" },
	{ "interface", INTERFACE, SIDES },
	{ "internal", INTERNAL, TOP },
	{ "ip", IP, TOP },
	{ "key", KEY, "tls certificate \"chain\" key" },
	{ "limit", LIMIT, TOP },
	{ "lines", LINES, "repair lines" },
	{ "listen", LISTEN, SIDES },
	{ "log", LOG, TOP },
	{ "mx", MX, "deliver to mx or check sender mx" },
	{ "namespace", NAMESPACE, EXT },
	{ "networks", NETWORKS, INT },
	{ "never", NEVER, "warn never" },
	{ "none", NONE, "tls none" },
	{ "off", OFF, "tls off or sandbox selftest off" },
	{ "offer", OFFER, "tls offer" },
	{ "on", ON, "listen on or sandbox selftest on" },
	{ "opportunistic", OPPORTUNISTIC, "tls opportunistic" },
	{ "out", OUT, "workers out" },
	{ "per", PER, "limit to and limit from" },
	{ "port", PORT, "listen, dns, host and smarthost" },
	{ "proxy", PROXY, "listen" },
	{ "rate", RATE, "limit to and limit from" },
	{ "reach", REACH, SIDES },
	{ "recipients", RECIPIENTS, DOM },
	{ "repair", REPAIR, INT },
	{ "require", REQUIRE, "tls require" },
	{ "retry", RETRY, SCHED },
	{ "sandbox", SANDBOX, TOP },
	{ "selftest", SELFTEST, "sandbox selftest" },
	{ "sender", SENDER, "check sender mx" },
	{ "senders", SENDERS, INT },
	{ "single-homed", SINGLE_HOMED, TOP },
	{ "smarthost", SMARTHOST, "connector \"pattern\" via" },
	{ "socket", SOCKET, "control socket" },
	{ "source", SOURCE, SIDES },
	{ "spool", SPOOL, TOP },
	{ "stderr", STDERR, "log to" },
	{ "strict", STRICT, "sandbox strict" },
	{ "syslog", SYSLOG, "log to" },
	{ "tls", TLS, TOP ", " SIDES ", a domain or a connector" },
	{ "to", TO, "deliver to, limit to or log to" },
	{ "trust", TRUST, "tls trust" },
	{ "verify", VERIFY, "tls verify" },
	{ "via", VIA, "connector \"pattern\" via" },
	{ "warn", WARN, SCHED },
	{ "workers", WORKERS, TOP " or " SIDES },
};

#define NWORDS (sizeof(words) / sizeof(words[0]))

static int
word_cmp(const void *key, const void *elem)
{
	return strcmp(key, ((const struct word *)elem)->text);
}

const struct word *
word_find(const char *text)
{
	return bsearch(text, words, NWORDS, sizeof(words[0]), word_cmp);
}

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Edit distance in which two neighbours swapped count as one mistake. */
static unsigned
distance(const char *a, size_t alen, const char *b, size_t blen)
{
	unsigned row[3][TYPED_MAX + 1], *prev2, *prev, *cur;
	unsigned cost;
	size_t i, j;

	for (j = 0; j <= blen; j++)
		row[0][j] = (unsigned)j;
	for (i = 1; i <= alen; i++) {
		cur = row[i % 3];
		prev = row[(i - 1) % 3];
		prev2 = row[(i + 1) % 3];
		cur[0] = (unsigned)i;
		for (j = 1; j <= blen; j++) {
			cost = a[i - 1] == b[j - 1] ? 0 : 1;
			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1,
			    prev[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && prev2[j - 2] + 1 < cur[j])
				cur[j] = prev2[j - 2] + 1;
		}
	}
	return row[alen % 3][blen];
}

const char *
word_suggest(const char *typed, const char *const *candidates, size_t n)
{
	const char *best = NULL;
	unsigned d, best_d = 0;
	size_t i, len = strlen(typed), clen;

	if (len > TYPED_MAX)
		return NULL;
	for (i = 0; i < n; i++) {
		clen = strlen(candidates[i]);
		if (clen > TYPED_MAX)
			continue;
		d = distance(typed, len, candidates[i], clen);
		/* up to a third of the word may be wrong */
		if (d > 3 || 3 * d > (len > clen ? len : clen))
			continue;
		if (best == NULL || d < best_d) {
			best = candidates[i];
			best_d = d;
		}
	}
	return best;
}
