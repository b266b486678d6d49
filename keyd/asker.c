/* SPDX-License-Identifier: ISC */
/*
 * Questions for signatures.  Who asks is known by the channel; which keys and
 * which handshakes are his, by that alone.
 */
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/stats.h"
#include "keyd/keyd.h"

#define RATE   4000 /* questions a second of one asker, in the long run */
#define BURST  8000
#define LOGGED 50 /* refusals of one asker's life */

static bool
within_rate(struct asker *a)
{
	uint64_t now = ev_now(a->keyd->ev);

	a->tokens += (now - a->since) * RATE;
	if (a->tokens > BURST * 1000ULL)
		a->tokens = BURST * 1000ULL;
	a->since = now;
	if (a->tokens < 1000)
		return false;
	a->tokens -= 1000;
	return true;
}

static void
log_refused(struct asker *a, const struct sk_sign *q, size_t len,
    const char *why)
{
	char name[INSTANCE_MAX];
	struct logline l;

	if (a->logged++ >= LOGGED)
		return;
	ll_begin(&l, LOG_L_WARN, "key-refused");
	ll_cstr(&l, "asker", peer_name(&a->peer, name));
	ll_num(&l, "key", conf_key_number(q->key));
	ll_num(&l, "scheme", q->scheme);
	ll_num(&l, "bytes", len);
	ll_cstr(&l, "text", why);
	ll_send(&l);
}

static struct keys *
generation(const struct keyd *kd, uint32_t key)
{
	uint32_t g = conf_key_generation(key);

	if (kd->now != NULL && (keys_generation(kd->now) & 0xffffff) == g)
		return kd->now;
	if (kd->before != NULL && (keys_generation(kd->before) & 0xffffff) == g)
		return kd->before;
	return NULL;
}

static void
answer(struct asker *a, const struct sk_sign *q, const uint8_t *block,
    size_t len, struct sk_signed *m)
{
	struct keys *ks = generation(a->keyd, q->key);
	const char *why = "no such configuration";

	m->verdict = SK_LATER;
	m->len = 0;
	if (!within_rate(a))
		why = "too many questions";
	else if (ks != NULL)
		why = keys_sign(ks, conf_key_number(q->key), a->uses, q->scheme,
		    block, len, m);
	switch (m->verdict) {
	case SK_SIGNED:
		stats_inc(STAT_KEY_SIGNED);
		break;
	case SK_REFUSED:
		stats_inc(STAT_KEY_REFUSED);
		log_refused(a, q, len, why);
		break;
	case SK_LATER:
		stats_inc(STAT_KEY_LATER);
		log_refused(a, q, len, why);
		break;
	}
}

static int
on_sign(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct asker *a = chan_ctx(ch);
	struct sk_signed m;
	struct sk_sign q;
	const void *block;
	struct ibuf out;
	size_t len;

	(void)fd;
	if (get_sk_sign(b, &q) == -1)
		return -1;
	len = ibuf_size(b);
	if (ibuf_get_view(b, &block, len) == -1)
		return -1;
	answer(a, &q, block, len, &m);
	chan_scratch(&out);
	if (put_sk_signed(&out, &m) == 0)
		(void)chan_send(ch, SK_ANS_SIGNED, id, &out, -1);
	return 0;
}

static int
on_ping(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	(void)b;
	(void)fd;
	(void)chan_send(ch, SK_ANS_PONG, id, NULL, -1);
	return 0;
}

static const struct chan_msg msgs[] = {
	{ SK_REQ_SIGN, SK_SIGN_LEN + 1, SK_SIGN_MAX, FD_NONE, CHAN_ANY,
	    on_sign },
	{ SK_REQ_PING, 0, 0, FD_NONE, CHAN_ANY, on_ping },
};

static void
on_violation(struct chan *ch, enum chan_violation v)
{
	struct asker *a = chan_ctx(ch);

	child_violation(a->keyd->child, &a->peer, v);
	chan_free(ch);
	a->chan = NULL;
}

static uint32_t
uses_of(const struct peer *p)
{
	if (p->proc == PROC_SMTPD_IN)
		return p->side == SIDE_EXT ? CONF_CERT_SERVER_EXT
					   : CONF_CERT_SERVER_INT;
	if (p->proc == PROC_SMTPD_OUT)
		return p->side == SIDE_EXT ? CONF_CERT_CLIENT_EXT
					   : CONF_CERT_CLIENT_INT;
	return 0;
}

static struct asker *
find(struct keyd *kd, const struct peer *p)
{
	struct asker *a;
	size_t i;

	for (i = 0; i < kd->naskers; i++) {
		a = &kd->askers[i];
		if (a->peer.proc == p->proc && a->peer.side == p->side &&
		    a->peer.index == p->index)
			return a;
	}
	if (kd->naskers == ASKERS_MAX || uses_of(p) == 0)
		return NULL;
	return &kd->askers[kd->naskers++];
}

void
askers_set(struct keyd *kd, const struct peer *p, int fd)
{
	struct asker *a = find(kd, p);
	char name[INSTANCE_MAX];
	struct chan_spec spec = {
		.name = peer_name(p, name),
		.msgs = msgs,
		.nmsgs = sizeof(msgs) / sizeof(msgs[0]),
		.ctx = a,
		.on_violation = on_violation,
	};

	if (a == NULL) {
		log_warnx("%s has no business here", name);
		(void)close(fd);
		return;
	}
	if (a->chan != NULL)
		chan_free(a->chan);
	/* what the one before has used up counts on: it is the same seat */
	if (a->keyd == NULL) {
		a->keyd = kd;
		a->peer = *p;
		a->uses = uses_of(p);
		a->tokens = BURST * 1000ULL;
		a->since = ev_now(kd->ev);
	}
	a->logged = 0;
	if ((a->chan = chan_new(kd->ev, fd, &spec)) == NULL)
		log_warn("channel to %s", name);
}
