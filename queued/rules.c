/* SPDX-License-Identifier: ISC */
/*
 * The operator's rules: see rules.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "queued/rules.h"

/* What a rule is known by; name is in lower case. */
struct key {
	enum cq_rule_kind kind;
	enum cq_flow flow;
	const char *name;
};

static int
key_cmp(const void *vkey, const void *vrule)
{
	const struct cq_rule *r = vrule;
	const struct key *key = vkey;

	if (key->kind != r->kind)
		return key->kind < r->kind ? -1 : 1;
	if (key->flow != r->flow)
		return key->flow < r->flow ? -1 : 1;
	return strcmp(key->name, r->name);
}

static int
rule_cmp(const void *va, const void *vb)
{
	const struct cq_rule *a = va;
	const struct key key = { a->kind, a->flow, a->name };

	return key_cmp(&key, vb);
}

void
rules_free(struct rules *r)
{
	free(r->v);
	*r = (struct rules){ 0 };
}

static void
lower(char *s)
{
	for (; *s != '\0'; s++) {
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	}
}

/* One word of a line: no space, nothing that is not printable ASCII. */
static bool
is_word(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s <= ' ' || *s >= 0x7f)
			return false;
	}
	return true;
}

static bool
is_sound(const struct cq_rule *r)
{
	switch (r->kind) {
	case CQ_SUSPEND:
		return is_word(r->name) && r->flow == CQ_FLOW_ANY;
	case CQ_SUSPEND_FLOW:
		return r->name[0] == '\0' && r->flow != CQ_FLOW_ANY;
	case CQ_REROUTE:
		return is_word(r->name) && is_word(r->host) && r->port != 0 &&
		    r->flow == CQ_FLOW_ANY;
	}
	return false;
}

/* What stands in its place may say nothing else; its text is one line. */
static void
clean(struct cq_rule *r)
{
	char *s;

	lower(r->name);
	lower(r->host);
	r->set = true;
	r->lasts = 0;
	if (r->kind != CQ_REROUTE) {
		r->host[0] = '\0';
		r->port = 0;
	}
	for (s = r->text; *s != '\0'; s++) {
		if (*s < ' ' || *s >= 0x7f)
			*s = '?';
	}
}

static struct cq_rule *
find(const struct rules *r, enum cq_rule_kind kind, enum cq_flow flow,
    const char *name)
{
	const struct key key = { kind, flow, name };

	if (r->n == 0)
		return NULL;
	return bsearch(&key, r->v, r->n, sizeof(*r->v), key_cmp);
}

static int
grow(struct rules *r)
{
	size_t cap = r->cap == 0 ? 16 : 2 * r->cap;
	struct cq_rule *v;

	if (r->n < r->cap)
		return 0;
	if (r->n >= RULES_MAX) {
		errno = ENOSPC;
		return -1;
	}
	v = reallocarray(r->v, cap, sizeof(*v));
	if (v == NULL)
		return -1;
	r->v = v;
	r->cap = cap;
	return 0;
}

int
rules_set(struct rules *r, const struct cq_rule *rule)
{
	struct cq_rule in = *rule, *old;

	if (!is_sound(&in)) {
		errno = EINVAL;
		return -1;
	}
	clean(&in);
	old = find(r, in.kind, in.flow, in.name);
	if (old != NULL) {
		*old = in;
		return 0;
	}
	if (r->n >= RULES_MAX) {
		errno = ENOSPC;
		return -1;
	}
	if (grow(r) == -1)
		return -1;
	r->v[r->n++] = in;
	qsort(r->v, r->n, sizeof(*r->v), rule_cmp);
	return 0;
}

static void
take_out(struct rules *r, struct cq_rule *at, struct cq_rule *was)
{
	size_t i = (size_t)(at - r->v);

	*was = *at;
	r->n--;
	memmove(at, at + 1, (r->n - i) * sizeof(*at));
}

bool
rules_clear(struct rules *r, const struct cq_rule *like, struct cq_rule *was)
{
	char name[sizeof(like->name)];
	struct cq_rule *at;

	(void)strlcpy(name, like->name, sizeof(name));
	lower(name);
	at = find(r, like->kind, like->flow, name);
	if (at == NULL)
		return false;
	take_out(r, at, was);
	return true;
}

const struct cq_rule *
rules_find(const struct rules *r, enum cq_rule_kind kind, const char *name)
{
	char key[MSG_DOMAIN_MAX + 1];

	if (r->n == 0)
		return NULL;
	if (strlcpy(key, name, sizeof(key)) >= sizeof(key))
		return NULL;
	lower(key);
	return find(r, kind, CQ_FLOW_ANY, key);
}

const struct cq_rule *
rules_flow(const struct rules *r, enum cq_flow flow)
{
	return find(r, CQ_SUSPEND_FLOW, flow, "");
}

uint64_t
rules_next(const struct rules *r)
{
	uint64_t at = UINT64_MAX;
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (r->v[i].until != 0 && r->v[i].until < at)
			at = r->v[i].until;
	}
	return at;
}

bool
rules_expire(struct rules *r, uint64_t now, struct cq_rule *was)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (r->v[i].until == 0 || r->v[i].until > now)
			continue;
		take_out(r, &r->v[i], was);
		return true;
	}
	return false;
}

/* --- lines --- */

static const struct kind {
	const char *word;
	enum cq_rule_kind kind;
} kinds[] = {
	{ "suspend", CQ_SUSPEND },
	{ "suspend-flow", CQ_SUSPEND_FLOW },
	{ "reroute", CQ_REROUTE },
};
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

void
rules_print(const struct cq_rule *r, char line[RULE_LINE])
{
	char via[MSG_DOMAIN_MAX + 32] = "";
	size_t i;

	for (i = 0; i + 1 < NKINDS && kinds[i].kind != r->kind; i++)
		;
	if (r->kind == CQ_REROUTE)
		(void)snprintf(via, sizeof(via), " via %s port %u", r->host,
		    r->port);
	(void)snprintf(line, RULE_LINE,
	    "%s %s%s since %" PRIu64 " until %" PRIu64 " uid %" PRIu32
	    " because %s",
	    kinds[i].word,
	    r->kind == CQ_SUSPEND_FLOW ? cq_flow_name(r->flow) : r->name, via,
	    r->since, r->until, r->uid, r->text);
}

/* The next word of a line, copied; -1: there is none, or it is too long. */
static int
word(const char **at, char *buf, size_t cap)
{
	size_t n = strcspn(*at, " ");

	if (n == 0 || n >= cap)
		return -1;
	memcpy(buf, *at, n);
	buf[n] = '\0';
	*at += n;
	if (**at == ' ')
		++*at;
	return 0;
}

/* " NAME NUMBER" */
static int
number(const char **at, const char *name, uint64_t max, uint64_t *v)
{
	char buf[32], *end;

	if (word(at, buf, sizeof(buf)) == -1 || strcmp(buf, name) != 0 ||
	    word(at, buf, sizeof(buf)) == -1 || buf[0] < '0' || buf[0] > '9')
		return -1;
	errno = 0;
	*v = strtoull(buf, &end, 10);
	return errno != 0 || *end != '\0' || *v > max ? -1 : 0;
}

static int
parse_kind(const char **at, struct cq_rule *r)
{
	char buf[MSG_DOMAIN_MAX + 1];
	size_t i;

	if (word(at, buf, sizeof(buf)) == -1)
		return -1;
	for (i = 0; i < NKINDS && strcmp(kinds[i].word, buf) != 0; i++)
		;
	if (i == NKINDS || word(at, buf, sizeof(buf)) == -1)
		return -1;
	r->kind = kinds[i].kind;
	if (r->kind != CQ_SUSPEND_FLOW) {
		(void)strlcpy(r->name, buf, sizeof(r->name));
		return 0;
	}
	for (i = CQ_FLOW_IN; i <= CQ_FLOW_LOCAL; i++) {
		if (strcmp(cq_flow_name((enum cq_flow)i), buf) == 0)
			r->flow = (enum cq_flow)i;
	}
	return r->flow == CQ_FLOW_ANY ? -1 : 0;
}

static int
parse_via(const char **at, struct cq_rule *r)
{
	uint64_t port;
	char buf[8];

	if (r->kind != CQ_REROUTE)
		return 0;
	if (word(at, buf, sizeof(buf)) == -1 || strcmp(buf, "via") != 0 ||
	    word(at, r->host, sizeof(r->host)) == -1 ||
	    number(at, "port", UINT16_MAX, &port) == -1)
		return -1;
	r->port = (uint16_t)port;
	return 0;
}

int
rules_parse(const char *line, struct cq_rule *r)
{
	uint64_t uid;
	char buf[16];

	memset(r, 0, sizeof(*r));
	if (parse_kind(&line, r) == -1 || parse_via(&line, r) == -1 ||
	    number(&line, "since", UINT64_MAX, &r->since) == -1 ||
	    number(&line, "until", UINT64_MAX, &r->until) == -1 ||
	    number(&line, "uid", UINT32_MAX, &uid) == -1 ||
	    word(&line, buf, sizeof(buf)) == -1 || strcmp(buf, "because") != 0)
		return -1;
	r->uid = (uint32_t)uid;
	if (strlcpy(r->text, line, sizeof(r->text)) >= sizeof(r->text) ||
	    !is_sound(r))
		return -1;
	clean(r);
	return 0;
}
