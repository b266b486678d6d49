/* SPDX-License-Identifier: ISC */
/*
 * The world around the queue: its life, its time, and what is submitted.
 * See queued_world.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "regress/unit/queued_world.h"
#include "regress/unit/queued_world_inside.h"

struct world w;

void
w_broken(const char *what)
{
	(void)fprintf(stderr, "world: %s\n", what);
	abort();
}

unsigned
w_random(void)
{
	if (w.watch != NULL && w.watch->random != NULL)
		return w.watch->random();
	w.seed = w.seed * 1103515245 + 12345;
	return w.seed >> 8;
}

/* --- life --- */

struct conf *
w_conf(void)
{
	struct conf *c = conf_new();
	struct conf_domain *d;
	struct conf_connector *k;
	struct netprefix p;

	if (c == NULL)
		abort();
	(void)strlcpy(c->hostname, "gw.example.com", sizeof(c->hostname));
	d = conf_add_domain(c);
	(void)strlcpy(d->name, "example.com", sizeof(d->name));
	d = conf_add_domain(c);
	(void)strlcpy(d->name, "example.org", sizeof(d->name));
	k = conf_add_connector(c);
	(void)strlcpy(k->pattern, "*", sizeof(k->pattern));
	k->route.kind = CONF_ROUTE_DNS;
	if (netprefix_parse(&p, "10.0.0.0/8") == -1 ||
	    netset_add(&c->side[SIDE_INT].accept_from, &p) == -1)
		abort();
	conf_seal(c);
	return c;
}

void
w_set_conf(struct conf *c)
{
	struct conf *old = w.conf;

	w.conf = c;
	queue_set_conf(&w.q, c);
	conf_free(old);
}

void
w_peers_up(void)
{
	unsigned side, i;

	for (side = 0; side < NSIDES; side++) {
		for (i = 0; i < 2; i++)
			queue_worker_up(&w.q, (enum side)side, i);
	}
	queue_dir_up(&w.q);
}

void
w_open(void)
{
	struct w_disk *d = w.disks;

	queue_init(&w.q, &w_env);
	queue_time(&w.q, w.now, w.real);
	queue_set_conf(&w.q, w.conf);
	if (queue_open(&w.q, Q_IN, d[Q_IN].ops, d[Q_IN].dirfd,
		&d[Q_IN].params) == -1 ||
	    queue_open(&w.q, Q_OUT, d[Q_OUT].ops, d[Q_OUT].dirfd,
		&d[Q_OUT].params) == -1)
		w_broken("open");
	queue_start(&w.q);
}

void
w_start(void)
{
	memset(&w, 0, sizeof(w));
	w.disks[Q_OUT].dirfd = 1;
	w.seed = 1;
	w.now = W_START;
	w.real = W_REAL;
	w.conf = w_conf();
	w.dir_answers = true;
	w.route = (struct qd_route){ .verdict = QD_OK,
		.scope = QD_SCOPE_DOMAIN,
		.hop = { .kind = CONF_ROUTE_HOSTS, .nhosts = 1 } };
	(void)strlcpy(w.route.hop.hosts[0].name, "mail.corp.example.com",
	    sizeof(w.route.hop.hosts[0].name));
	w.route.hop.hosts[0].port = 25;
	w_open();
	w_peers_up();
}

void
w_stop(void)
{
	queue_free(&w.q);
	w_forget_sessions();
	conf_free(w.conf);
	free(w.rcpts);
	w.conf = NULL;
	w.rcpts = NULL;
}

void
w_crash(void)
{
	queue_free(&w.q);
	w_forget_sessions();
	w_open();
}

/* --- driving --- */

static bool
answer_questions(void)
{
	uint32_t tx;
	size_t i;
	bool some = false;

	for (i = 0; i < ASKS_MAX && w.dir_answers; i++) {
		if (!w.asked[i].used)
			continue;
		w.asked[i].used = false;
		tx = w.asked[i].tx;
		queue_dir_answer(&w.q, tx, &w.route);
		some = true;
	}
	return some;
}

void
w_turn(void)
{
	unsigned n = 0;

	do {
		queue_time(&w.q, w.now, w.real);
		while (queue_turn(&w.q))
			if (++n > 100000)
				w_broken("the queue never comes to rest");
	} while (answer_questions());
}

void
w_advance(uint64_t ms)
{
	w.now += ms;
	w.real += ms;
	w_turn();
}

void
w_run_until(uint64_t at)
{
	unsigned late = 0;
	uint64_t next;

	w_turn();
	while (w.now < at) {
		next = queue_next(&w.q);
		/* what is due was done in the turn before */
		late = next <= w.now ? late + 1 : 0;
		if (late > 10)
			w_broken("the queue asks for turns and does nothing");
		if (next > at)
			next = at;
		w_advance(next > w.now ? next - w.now : 1);
	}
}

/* --- submitting --- */

struct rcpt_list {
	const char *const *v;
	struct msg_rcpt r;
};

static const struct msg_rcpt *
nth_rcpt(void *arg, uint32_t i)
{
	struct rcpt_list *l = arg;

	memset(&l->r, 0, sizeof(l->r));
	l->r.index = (uint16_t)i;
	l->r.notify = w.notify;
	(void)strlcpy(l->r.addr, l->v[i], sizeof(l->r.addr));
	return &l->r;
}

int
w_offer(enum origin origin, const char *sender, const char *const *rcpts,
    size_t n, const char *body, struct iq_done *no)
{
	static uint64_t tokens;
	static struct iq_commit c;
	struct rcpt_list l = { .v = rcpts };
	struct q_submit s = { .origin = origin,
		.token = ++tokens,
		.commit = &c,
		.rcpt = nth_rcpt,
		.arg = &l,
		.nrcpt = (uint32_t)n,
		.body = body,
		.fd = -1 };

	memset(&c, 0, sizeof(c));
	(void)netaddr_parse(&c.client,
	    origin == ORIGIN_INT ? "10.0.0.10" : "198.51.100.7");
	(void)strlcpy(c.sender, sender, sizeof(c.sender));
	(void)strlcpy(c.helo, "client.test", sizeof(c.helo));
	c.size = strlen(body);
	c.nrcpt = (uint16_t)n;
	c.flags = MSG_F_ESMTP | w.flags;
	c.ret = (uint8_t)w.ret;
	return queue_submit(&w.q, &s, no);
}

uint64_t
w_submit(enum origin origin, const char *sender, const char *const *rcpts,
    size_t n, const char *body)
{
	struct iq_done no;
	unsigned before = w.answers;
	size_t i;

	if (w_offer(origin, sender, rcpts, n, body, &no) == -1) {
		w.answer = no;
		return 0;
	}
	w_turn();
	if (w.answers != before + 1 || w.answer.verdict != IQ_OK)
		return 0;
	for (i = 0; i < n; i++) {
		if (w_find(w.answer.msgid, rcpts[i]) == NULL)
			(void)w_enter(w.answer.msgid, rcpts[i]);
		w_find(w.answer.msgid, rcpts[i])->has_sender =
		    sender[0] != '\0';
	}
	return w.answer.msgid;
}

uint64_t
w_mail(enum origin origin, const char *sender, const char *rcpt)
{
	return w_submit(origin, sender, &rcpt, 1,
	    "Subject: test\r\n\r\nthe text\r\n");
}
