/* SPDX-License-Identifier: ISC */
/*
 * The text stays where it is; an open-addressing table of entries points into
 * it.  The hash is seeded, so that a list cannot be made to collide.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "dird/list.h"

#define PORT_SMTP 25
#define LOCAL_MAX 255

struct entry {
	const char *local; /* NULL: free slot */
	const char *host;  /* NULL: none */
	uint32_t line;
	uint16_t port;
};

struct list {
	char *text;
	struct entry *slots;
	size_t nslots; /* a power of two */
	uint32_t n;
	uint32_t all_line; /* "@domain" stands there; 0: nowhere */
	bool has_hosts;
	uint64_t seed;
};

struct parser {
	struct list *list;
	const char *domain;
	uint32_t line;
	void (*bad)(void *, uint32_t, const char *);
	void *arg;
};

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* FNV-1a, seeded and finished by a multiply-xorshift */
static uint64_t
hash(const struct list *l, const char *s)
{
	uint64_t h = l->seed ^ 0xcbf29ce484222325ULL;

	for (; *s != '\0'; s++)
		h = (h ^ (uint8_t)lower(*s)) * 0x100000001b3ULL;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 29;
}

static struct entry *
slot_of(const struct list *l, const char *local)
{
	size_t i = hash(l, local) & (l->nslots - 1);

	while (l->slots[i].local != NULL &&
	    strcasecmp(l->slots[i].local, local) != 0)
		i = (i + 1) & (l->nslots - 1);
	return &l->slots[i];
}

static void
bad_line(const struct parser *p, const char *why)
{
	if (p->bad != NULL)
		p->bad(p->arg, p->line, why);
}

/* the next word of a line, NUL-terminated in place; NULL: no more */
static char *
word(char **s)
{
	char *w;

	while (**s == ' ' || **s == '\t')
		(*s)++;
	if (**s == '\0' || **s == '#')
		return NULL;
	w = *s;
	while (**s != '\0' && **s != ' ' && **s != '\t')
		(*s)++;
	if (**s != '\0')
		*(*s)++ = '\0';
	return w;
}

/*
 * A quoted local part may hold spaces and '#': the word ends at the quote's
 * end and the domain behind it.
 */
static char *
address_word(char **s)
{
	char *w, *p;

	while (**s == ' ' || **s == '\t')
		(*s)++;
	if (**s != '"')
		return word(s);
	w = *s;
	for (p = w + 1; *p != '\0' && *p != '"'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
	if (*p == '\0')
		return word(s);
	while (*p != '\0' && *p != ' ' && *p != '\t')
		p++;
	*s = p;
	if (*p != '\0')
		*(*s)++ = '\0';
	return w;
}

static bool
host_valid(const char *h)
{
	struct netaddr a;
	size_t i;

	if (strlen(h) >= CONF_NAME_MAX)
		return false;
	if (netaddr_parse(&a, h) == 0)
		return true;
	for (i = 0; h[i] != '\0'; i++)
		if (!isalnum((unsigned char)h[i]) && h[i] != '-' &&
		    h[i] != '.' && h[i] != '_')
			return false;
	return i > 0 && h[0] != '.' && h[0] != '-';
}

static int
destination(struct parser *p, char *rest, struct entry *e)
{
	char *host = word(&rest), *port;
	const char *err = NULL;

	e->host = NULL;
	e->port = PORT_SMTP;
	if (host == NULL)
		return 0;
	if (!host_valid(host)) {
		bad_line(p, "the second word is not a host name or address");
		return -1;
	}
	e->host = host;
	if ((port = word(&rest)) != NULL)
		e->port = (uint16_t)strtonum(port, 1, 65535, &err);
	if (err != NULL || word(&rest) != NULL) {
		bad_line(p, "expected: address [host [port]]");
		return -1;
	}
	return 0;
}

static void
add(struct parser *p, const char *local, char *rest)
{
	struct entry e = { .local = local, .line = p->line }, *slot;

	if (strlen(local) > LOCAL_MAX) {
		bad_line(p, "the local part is longer than 255 octets");
		return;
	}
	if (destination(p, rest, &e) == -1)
		return;
	slot = slot_of(p->list, local);
	if (slot->local != NULL) {
		bad_line(p, "this recipient stands in the list already");
		return;
	}
	*slot = e;
	p->list->n++;
	p->list->has_hosts |= e.host != NULL;
}

static void
parse_line(struct parser *p, char *s)
{
	char *addr = address_word(&s), *at;

	if (addr == NULL)
		return;
	if ((at = strrchr(addr, '@')) != NULL) {
		if (strcasecmp(at + 1, p->domain) != 0) {
			bad_line(p, "this address is of another domain");
			return;
		}
		*at = '\0';
	}
	if (*addr != '\0') {
		add(p, addr, s);
	} else if (word(&s) != NULL) {
		bad_line(p, "a whole domain goes where postern.conf says");
	} else {
		p->list->all_line = p->line;
	}
}

static size_t
count_lines(const char *text, size_t len)
{
	size_t n = 1;
	const char *p = text;

	while ((p = memchr(p, '\n', len - (size_t)(p - text))) != NULL) {
		n++;
		p++;
	}
	return n;
}

struct list *
list_parse(char *text, size_t len, const char *domain,
    void (*bad)(void *, uint32_t, const char *), void *arg)
{
	struct list *l = calloc(1, sizeof(*l));
	struct parser p = { .list = l,
		.domain = domain,
		.bad = bad,
		.arg = arg };
	char *end = text + len, *eol, *next;

	if (l == NULL) {
		free(text);
		return NULL;
	}
	l->text = text;
	arc4random_buf(&l->seed, sizeof(l->seed));
	for (l->nslots = 16; l->nslots < 2 * count_lines(text, len);)
		l->nslots *= 2;
	if ((l->slots = calloc(l->nslots, sizeof(*l->slots))) == NULL) {
		list_free(l);
		return NULL;
	}
	for (; text < end; text = next) {
		p.line++;
		eol = memchr(text, '\n', (size_t)(end - text));
		next = eol == NULL ? end : eol + 1;
		/* a last line without an end has the text's own NUL */
		if (eol != NULL)
			*eol = '\0';
		if (eol != NULL && eol > text && eol[-1] == '\r')
			eol[-1] = '\0';
		parse_line(&p, text);
	}
	return l;
}

void
list_free(struct list *l)
{
	if (l == NULL)
		return;
	free(l->slots);
	free(l->text);
	free(l);
}

void
list_find(const struct list *l, const char *local, struct list_answer *a)
{
	const struct entry *e = slot_of(l, local);

	memset(a, 0, sizeof(*a));
	if (e->local == NULL) {
		a->found = l->all_line != 0;
		a->line = l->all_line;
		return;
	}
	a->found = true;
	a->line = e->line;
	if (e->host == NULL)
		return;
	a->has_host = true;
	a->host.port = e->port;
	if (netaddr_parse(&a->host.addr, e->host) == -1)
		(void)strlcpy(a->host.name, e->host, sizeof(a->host.name));
}

uint32_t
list_count(const struct list *l)
{
	return l->n;
}

bool
list_has_hosts(const struct list *l)
{
	return l->has_hosts;
}
