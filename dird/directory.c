/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/log.h"
#include "common/base/stats.h"
#include "dird/dird.h"
#include "dird/list.h"

#define BAD_LINES_LOGGED 20

static const struct conf *conf;
static struct list **lists; /* by domain id; NULL: no list (yet) */
static uint32_t nlists;

static struct list *
take_old(const struct conf *old, const struct conf_domain *d)
{
	const struct conf_domain *o;
	struct list *l;

	if (old == NULL || d->rcpt_kind != CONF_RCPT_FILE)
		return NULL;
	o = conf_domain_find(old, d->name, strlen(d->name));
	if (o == NULL || o->id >= nlists)
		return NULL;
	l = lists[o->id];
	lists[o->id] = NULL;
	return l;
}

void
directory_conf(const struct conf *new)
{
	struct list **l;
	uint32_t i;

	l = calloc(new->ndomains > 0 ? new->ndomains : 1,
	    sizeof(struct list *));
	if (l == NULL)
		fatal("memory");
	for (i = 0; i < new->ndomains; i++)
		l[i] = take_old(conf, &new->domains[i]);
	for (i = 0; i < nlists; i++)
		list_free(lists[i]);
	free(lists);
	lists = l;
	nlists = new->ndomains;
	conf = new;
}

struct report {
	const char *domain;
	uint32_t bad;
};

static void
on_bad(void *arg, uint32_t line, const char *why)
{
	struct report *r = arg;
	struct logline l;

	if (r->bad++ >= BAD_LINES_LOGGED)
		return;
	ll_begin(&l, LOG_L_WARN, "recipients-bad-line");
	ll_cstr(&l, "domain", r->domain);
	ll_num(&l, "line", line);
	ll_cstr(&l, "text", why);
	ll_send(&l);
}

/* The whole file, NUL-terminated; NULL with errno. */
static char *
slurp(int fd, size_t *len)
{
	struct stat st;
	size_t size, done = 0;
	char *text;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		return NULL;
	if (st.st_size < 0 || (uint64_t)st.st_size > LIST_FILE_MAX) {
		errno = EFBIG;
		return NULL;
	}
	size = (size_t)st.st_size;
	if ((text = malloc(size + 1)) == NULL)
		return NULL;
	while (done < size) {
		n = pread(fd, text + done, size - done, (off_t)done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			free(text);
			return NULL;
		}
		if (n == 0)
			break;
		done += (size_t)n;
	}
	text[done] = '\0';
	*len = done;
	return text;
}

int
directory_file(uint32_t id, int fd)
{
	const struct conf_domain *d;
	struct report r = { 0 };
	struct logline l;
	struct list *new;
	size_t len = 0;
	char *text;

	if (conf == NULL || id >= conf->ndomains) {
		(void)close(fd);
		return -1;
	}
	d = &conf->domains[id];
	r.domain = d->name;
	text = slurp(fd, &len);
	(void)close(fd);
	if (text == NULL) {
		/* the list before goes on serving */
		log_warn("recipients of %s", d->name);
		return 0;
	}
	if ((new = list_parse(text, len, d->name, on_bad, &r)) == NULL) {
		log_warn("recipients of %s", d->name);
		return 0;
	}
	list_free(lists[id]);
	lists[id] = new;
	ll_begin(&l, LOG_L_INFO, "recipients");
	ll_cstr(&l, "domain", d->name);
	ll_num(&l, "count", list_count(new));
	ll_num(&l, "bad", r.bad);
	ll_send(&l);
	return 0;
}

static const struct conf_domain *
domain_of(const struct msg_ask *ask)
{
	if (conf == NULL)
		return NULL;
	return conf_domain_find(conf, ask->domain, strlen(ask->domain));
}

enum id_verdict
directory_recipient(const struct msg_ask *ask)
{
	const struct conf_domain *d = domain_of(ask);
	struct list_answer a;

	if (conf == NULL)
		return ID_LATER;
	if (d == NULL)
		return ID_FOREIGN;
	/* RFC 5321 4.5.1: postmaster is always there */
	if (d->rcpt_kind == CONF_RCPT_ANY ||
	    strcasecmp(ask->local, "postmaster") == 0)
		return ID_YES;
	if (lists[d->id] == NULL)
		return ID_LATER;
	list_find(lists[d->id], ask->local, &a);
	return a.found ? ID_YES : ID_NO;
}

static void
domain_route(const struct conf_domain *d, struct qd_route *r)
{
	uint32_t i;

	r->verdict = QD_OK;
	r->scope = QD_SCOPE_DOMAIN;
	r->line = d->pos.line;
	r->hop.kind = d->route.kind;
	(void)strlcpy(r->hop.name,
	    d->route.kind == CONF_ROUTE_MX ? d->route.mx : d->name,
	    sizeof(r->hop.name));
	for (i = 0; i < d->route.nhosts && i < CONF_HOSTS_MAX; i++)
		r->hop.hosts[i] = d->route.hosts[i];
	r->hop.nhosts = (uint8_t)i;
	r->hop.tls = d->tls;
}

void
directory_route(const struct msg_ask *ask, struct qd_route *r)
{
	const struct conf_domain *d = domain_of(ask);
	struct list_answer a;

	memset(r, 0, sizeof(*r));
	r->scope = QD_SCOPE_DOMAIN;
	r->verdict = conf == NULL ? QD_LATER : QD_FOREIGN;
	if (d == NULL)
		return;
	domain_route(d, r);
	if (d->rcpt_kind == CONF_RCPT_ANY)
		return;
	if (lists[d->id] == NULL) {
		r->verdict = QD_LATER;
		return;
	}
	r->individual = list_has_hosts(lists[d->id]);
	list_find(lists[d->id], ask->local, &a);
	if (!a.has_host)
		return;
	r->scope = QD_SCOPE_ADDRESS;
	r->line = a.line;
	r->hop.kind = CONF_ROUTE_HOSTS;
	(void)strlcpy(r->hop.name, d->name, sizeof(r->hop.name));
	r->hop.hosts[0] = a.host;
	r->hop.nhosts = 1;
}
