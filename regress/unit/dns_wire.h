/* SPDX-License-Identifier: ISC */
/*
 * DNS messages from one line of text, and answers back to one, so that the
 * tests are tables.
 *
 * A reply is words and records, separated by " | ":
 *	flags=HEX	default 8180
 *	id		another id than the query's
 *	noq		no question
 *	q=NAME qt=N qc=N	another question
 *	fold		the question in lower case
 *	an=N au=N ar=N	counts that lie
 *	tail=HEX	bytes behind the last record
 *	an|au|ar OWNER TTL TYPE RDATA...
 * OWNER is a name, or @N for a compression pointer to offset N.  TYPE is a
 * known name or a number; RDATA is in the type's usual form (TXT: strings
 * with commas between), or x:HEX for raw bytes, and len=N at its end lies.
 */
#ifndef REGRESS_UNIT_DNS_WIRE_H
#define REGRESS_UNIT_DNS_WIRE_H

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/answer.h"
#include "common/dns/packet.h"

struct wire {
	size_t n;
	uint8_t b[70000];
};

static const struct {
	const char *name;
	uint16_t type;
} wire_types[] = {
	{ "A", 1 },
	{ "NS", 2 },
	{ "CNAME", 5 },
	{ "SOA", 6 },
	{ "PTR", 12 },
	{ "MX", 15 },
	{ "TXT", 16 },
	{ "AAAA", 28 },
	{ "OPT", 41 },
	{ "RRSIG", 46 },
	{ "TLSA", 52 },
	{ "TSIG", 250 },
};

static void
wire_bug(const char *what, const char *text)
{
	fprintf(stderr, "test table: %s: %s\n", what, text);
	abort();
}

static void
wire_add(struct wire *w, const void *p, size_t n)
{
	if (n > sizeof(w->b) - w->n)
		wire_bug("message too long", "");
	memcpy(w->b + w->n, p, n);
	w->n += n;
}

static void
wire_16(struct wire *w, unsigned long v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	wire_add(w, b, sizeof(b));
}

static void
wire_32(struct wire *w, unsigned long v)
{
	wire_16(w, v >> 16);
	wire_16(w, v & 0xffff);
}

static void
wire_set16(struct wire *w, size_t off, unsigned long v)
{
	w->b[off] = (uint8_t)(v >> 8);
	w->b[off + 1] = (uint8_t)v;
}

static void
wire_hex(struct wire *w, const char *hex)
{
	char two[3] = "";
	uint8_t b;

	for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
		memcpy(two, hex, 2);
		b = (uint8_t)strtoul(two, NULL, 16);
		wire_add(w, &b, 1);
	}
}

/* A name (any bytes but the dot), or @N. */
static void
wire_name(struct wire *w, const char *name)
{
	const char *dot;
	uint8_t n;

	if (name[0] == '@') {
		wire_16(w, 0xc000 | strtoul(name + 1, NULL, 10));
		return;
	}
	while (*name != '\0' && strcmp(name, ".") != 0) {
		dot = strchrnul(name, '.');
		n = (uint8_t)(dot - name);
		wire_add(w, &n, 1);
		wire_add(w, name, n);
		name = *dot == '.' ? dot + 1 : dot;
	}
	wire_add(w, "", 1);
}

static uint16_t
wire_type(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(wire_types) / sizeof(wire_types[0]); i++)
		if (strcmp(wire_types[i].name, word) == 0)
			return wire_types[i].type;
	return (uint16_t)strtoul(word, NULL, 10);
}

static char *
wire_word(char **save)
{
	char *w = strtok_r(NULL, " ", save);

	if (w == NULL)
		wire_bug("a word is missing", "");
	return w;
}

static void
wire_strings(struct wire *w, char *list)
{
	char *s;
	uint8_t n;

	while ((s = strsep(&list, ",")) != NULL) {
		n = (uint8_t)strlen(s);
		wire_add(w, &n, 1);
		wire_add(w, s, n);
	}
}

static void
wire_rdata(struct wire *w, uint16_t type, char *word, char **save)
{
	uint8_t addr[16];

	if (strncmp(word, "x:", 2) == 0) {
		wire_hex(w, word + 2);
		return;
	}
	switch (type) {
	case 1:
	case 28:
		if (inet_pton(type == 1 ? AF_INET : AF_INET6, word, addr) != 1)
			wire_bug("address", word);
		wire_add(w, addr, type == 1 ? 4 : 16);
		break;
	case 15:
		wire_16(w, strtoul(word, NULL, 10));
		word = wire_word(save);
		__attribute__((fallthrough));
	case 2:
	case 5:
	case 12:
		wire_name(w, word);
		break;
	case 6: /* just the minimum is told */
		wire_name(w, "ns.example");
		wire_name(w, "root.example");
		wire_32(w, 1);
		wire_32(w, 7200);
		wire_32(w, 3600);
		wire_32(w, 86400);
		wire_32(w, strtoul(word, NULL, 10));
		break;
	case 16:
		wire_strings(w, word);
		break;
	default:
		wire_bug("rdata", word);
	}
}

/* OWNER TTL TYPE RDATA */
static void
wire_record(struct wire *w, char **save)
{
	char *word;
	uint16_t type;
	size_t lenoff;

	wire_name(w, wire_word(save));
	word = wire_word(save);
	type = wire_type(wire_word(save));
	wire_16(w, type);
	wire_16(w, type == 41 ? 1232 : 1);
	wire_32(w, strtoul(word, NULL, 10));
	lenoff = w->n;
	wire_16(w, 0);
	word = wire_word(save);
	wire_rdata(w, type, word, save);
	wire_set16(w, lenoff, w->n - lenoff - 2);
	if ((word = strtok_r(NULL, " ", save)) != NULL) {
		if (strncmp(word, "len=", 4) != 0)
			wire_bug("word", word);
		wire_set16(w, lenoff, strtoul(word + 4, NULL, 10));
	}
}

struct wire_question {
	char *name;
	uint16_t type;
	uint16_t class;
	bool none;
	bool fold;
};

static void
wire_put_question(struct wire *w, const struct dns_query_packet *q,
    const struct wire_question *wq)
{
	size_t i, n = q->len - 12 - (q->edns ? 11 : 0);

	if (wq->none)
		return;
	wire_set16(w, 4, 1);
	if (wq->name != NULL)
		wire_name(w, wq->name);
	else
		wire_add(w, q->wire + 12, n - 4);
	if (wq->fold)
		for (i = 12; i < w->n; i++)
			if (w->b[i] >= 'A' && w->b[i] <= 'Z')
				w->b[i] |= 0x20;
	wire_16(w, wq->type != 0 ? wq->type : q->type);
	wire_16(w, wq->class != 0 ? wq->class : 1);
}

/* One head word; false if it begins a record. */
static bool
wire_head(struct wire *w, const char *word, struct wire_question *wq)
{
	if (strncmp(word, "flags=", 6) == 0)
		wire_set16(w, 2, strtoul(word + 6, NULL, 16));
	else if (strcmp(word, "id") == 0)
		w->b[1] ^= 1;
	else if (strcmp(word, "noq") == 0)
		wq->none = true;
	else if (strcmp(word, "fold") == 0)
		wq->fold = true;
	else if (strncmp(word, "q=", 2) == 0) {
		free(wq->name);
		wq->name = strdup(word + 2);
	} else if (strncmp(word, "qt=", 3) == 0)
		wq->type = (uint16_t)strtoul(word + 3, NULL, 10);
	else if (strncmp(word, "qc=", 3) == 0)
		wq->class = (uint16_t)strtoul(word + 3, NULL, 10);
	else
		return false;
	return true;
}

static void
wire_part(struct wire *w, char *part, unsigned long count[3],
    unsigned long lie[3])
{
	static const char *const sections[] = { "an", "au", "ar" };
	char *save, *word = strtok_r(part, " ", &save);
	size_t i;

	if (strncmp(word, "tail=", 5) == 0) {
		wire_hex(w, word + 5);
		return;
	}
	for (i = 0; i < 3; i++) {
		if (strncmp(word, sections[i], 2) != 0)
			continue;
		if (word[2] == '=') {
			lie[i] = strtoul(word + 3, NULL, 10);
			return;
		}
		wire_record(w, &save);
		count[i]++;
		return;
	}
	wire_bug("part", word);
}

/* The reply that a line describes, to a query. */
static inline void
wire_reply(struct wire *w, const struct dns_query_packet *q, const char *line)
{
	char *copy = strdup(line), *rest = copy, *part, *end;
	unsigned long count[3] = { 0 }, lie[3] = { 0 };
	struct wire_question wq = { 0 };
	bool head = true;
	size_t i;

	w->n = 0;
	wire_add(w, q->wire, 2);
	wire_16(w, 0x8180);
	wire_32(w, 0);
	wire_32(w, 0);
	while ((part = strsep(&rest, "|")) != NULL) {
		part += strspn(part, " ");
		for (end = part + strlen(part); end > part && end[-1] == ' ';)
			*--end = '\0';
		if (*part == '\0' || (head && wire_head(w, part, &wq)))
			continue;
		if (head)
			wire_put_question(w, q, &wq);
		head = false;
		wire_part(w, part, count, lie);
	}
	if (head)
		wire_put_question(w, q, &wq);
	for (i = 0; i < 3; i++)
		wire_set16(w, 6 + 2 * i, lie[i] != 0 ? lie[i] : count[i]);
	free(wq.name);
	free(copy);
}

/* --- answers as text ----------------------------------------------------- */

struct text {
	size_t n;
	char s[8192];
};

static void __attribute__((format(printf, 2, 3)))
text_add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->s + t->n, sizeof(t->s) - t->n, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(t->s) - t->n)
		wire_bug("text too long", t->s);
	t->n += (size_t)n;
}

static void
text_record(struct text *t, const struct dns_record *r)
{
	char addr[INET6_ADDRSTRLEN];
	size_t i;

	text_add(t, " %s", dns_type_name(r->type));
	switch (r->type) {
	case DNS_T_A:
	case DNS_T_AAAA:
		text_add(t, " %s",
		    inet_ntop(r->type == DNS_T_A ? AF_INET : AF_INET6, r->data,
			addr, sizeof(addr)));
		break;
	case DNS_T_MX:
		text_add(t, " %u", r->pref);
		__attribute__((fallthrough));
	case DNS_T_CNAME:
	case DNS_T_PTR:
		text_add(t, " %s", (const char *)r->data);
		break;
	case DNS_T_TLSA:
		text_add(t, " %u%u%u ", r->usage, r->selector, r->matching);
		for (i = 0; i < r->len; i++)
			text_add(t, "%02x", r->data[i]);
		break;
	case DNS_T_TXT:
		text_add(t, " [%.*s]", (int)r->len, (const char *)r->data);
		break;
	}
}

/* "ok 300 example.com A 192.0.2.1 A 192.0.2.2" */
static inline void
text_answer(struct text *t, const struct dns_answer *a)
{
	size_t i;

	t->n = 0;
	text_add(t, "%s %u %s", dns_status_name(a->status), a->ttl, a->canon);
	for (i = 0; i < a->nrecords; i++)
		text_record(t, &a->records[i]);
	if (a->left_out > 0)
		text_add(t, " left-out %u", a->left_out);
}

#endif
