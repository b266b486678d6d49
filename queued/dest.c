/* SPDX-License-Identifier: ISC */
/*
 * Destinations: see dest.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "queued/dest.h"
#include "queued/sched.h"

/* Jobs lost in a row, with no session left, that make a destination pause. */
#define LOSSES_MAX 3
/* Before another session is tried beside those that work. */
#define CROWDED_MS 1000U
/* A result is slow that took so many times the usual time and that more. */
#define SLOW_TIMES 3U
#define SLOW_MS	   500U
/* Longer ones count as that. */
#define RESULT_MS_MAX 3600000U
/* The usual time is kept in these parts of a ms. */
#define PARTS 128U

static int
dest_cmp(const struct dest *a, const struct dest *b)
{
	if (a->side != b->side)
		return a->side < b->side ? -1 : 1;
	if (a->hop_len != b->hop_len)
		return a->hop_len < b->hop_len ? -1 : 1;
	if (a->key_len != b->key_len)
		return a->key_len < b->key_len ? -1 : 1;
	return memcmp(a->hop, b->hop, a->key_len);
}

RB_GENERATE_STATIC(dest_tree, dest, entry, dest_cmp)

void
dests_init(struct dests *ds)
{
	size_t i;

	memset(ds, 0, sizeof(*ds));
	RB_INIT(&ds->tree);
	for (i = 0; i < NSIDES; i++) {
		TAILQ_INIT(&ds->hungry[i]);
		TAILQ_INIT(&ds->probing[i]);
	}
	TAILQ_INIT(&ds->fed);
	TAILQ_INIT(&ds->unused);
	ds->limit = 1;
}

static void
leave_unused(struct dests *ds, struct dest *d)
{
	TAILQ_REMOVE(&ds->unused, d, unused);
	d->is_unused = false;
	ds->nunused--;
}

static struct dest_list *
hungry_list(struct dests *ds, const struct dest *d)
{
	return d->works ? &ds->hungry[d->side] : &ds->probing[d->side];
}

static void
set_works(struct dests *ds, struct dest *d, bool works)
{
	if (d->is_hungry)
		TAILQ_REMOVE(hungry_list(ds, d), d, hungry);
	d->works = works;
	if (d->is_hungry)
		TAILQ_INSERT_TAIL(hungry_list(ds, d), d, hungry);
}

static void
dest_free(struct dests *ds, struct dest *d)
{
	if (d->is_timed)
		pheap_remove(&ds->timers, &d->timer);
	if (d->is_hungry)
		TAILQ_REMOVE(hungry_list(ds, d), d, hungry);
	if (d->is_fed)
		TAILQ_REMOVE(&ds->fed, d, fed);
	if (d->is_unused)
		leave_unused(ds, d);
	RB_REMOVE(dest_tree, &ds->tree, d);
	ds->n--;
	free(d->trouble);
	free(d);
}

void
dests_free(struct dests *ds)
{
	struct dest *d;

	while ((d = RB_MIN(dest_tree, &ds->tree)) != NULL)
		dest_free(ds, d);
}

struct dest *
dests_first(struct dests *ds)
{
	return RB_MIN(dest_tree, &ds->tree);
}

struct dest *
dests_next(struct dest *d)
{
	return RB_NEXT(dest_tree, NULL, d);
}

/* How it is called in lists and logs. */
static void
set_name(struct dest *d, const struct msg_hop *hop)
{
	const struct conf_host *h = &hop->hosts[0];
	char addr[NETADDR_STRLEN];

	if (d->key_len > d->hop_len) {
		memcpy(d->name, d->hop + d->hop_len, d->key_len - d->hop_len);
		d->name[d->key_len - d->hop_len] = '\0';
	} else if (hop->nhosts == 0)
		(void)strlcpy(d->name, hop->name, sizeof(d->name));
	else if (h->name[0] != '\0')
		(void)strlcpy(d->name, h->name, sizeof(d->name));
	else
		(void)strlcpy(d->name,
		    netaddr_ntop(&h->addr, addr, sizeof(addr)),
		    sizeof(d->name));
}

static struct dest *
dest_new(struct dests *ds, enum side side, const struct msg_hop *hop,
    const struct dest *key)
{
	struct dest *d = calloc(1, sizeof(*d) + key->key_len);

	if (d == NULL)
		return NULL;
	d->side = (uint8_t)side;
	d->hop_len = key->hop_len;
	d->key_len = key->key_len;
	memcpy(d->hop, key->hop, key->key_len);
	set_name(d, hop);
	TAILQ_INIT(&d->ready);
	TAILQ_INIT(&d->idle);
	d->window = 1;
	d->slow_start = true;
	RB_INSERT(dest_tree, &ds->tree, d);
	ds->n++;
	return d;
}

/* Is anything left to be done with it?  If not, it is remembered a while. */
static void
check_use(struct dests *ds, struct dest *d)
{
	bool unused =
	    d->nparts == 0 && d->nrefs == 0 && d->opening == 0 && d->open == 0;

	if (unused == d->is_unused)
		return;
	if (!unused) {
		leave_unused(ds, d);
		return;
	}
	d->is_unused = true;
	TAILQ_INSERT_TAIL(&ds->unused, d, unused);
	ds->nunused++;
}

/* For each new one, the one that was of no use for the longest time goes. */
static void
forget_one(struct dests *ds)
{
	struct dest *d = TAILQ_FIRST(&ds->unused);

	if (ds->nunused <= DEST_IDLE_MAX || d == NULL)
		return;
	leave_unused(ds, d);
	dest_free(ds, d);
}

struct dest *
dest_get(struct dests *ds, enum side side, const struct msg_hop *hop)
{
	return dest_get_own(ds, side, hop, "");
}

struct dest *
dest_get_own(struct dests *ds, enum side side, const struct msg_hop *hop,
    const char *domain)
{
	static union {
		struct dest d;
		uint8_t
		    room[sizeof(struct dest) + MSG_HOP_MAX + MSG_DOMAIN_MAX];
	} key;
	size_t len = strnlen(domain, MSG_DOMAIN_MAX);
	struct dest *d;
	struct ibuf b;

	ibuf_wrap(&b, key.d.hop, MSG_HOP_MAX);
	if (put_hop(&b, hop) == -1)
		return NULL;
	key.d.side = (uint8_t)side;
	key.d.hop_len = ibuf_size(&b);
	memcpy(key.d.hop + key.d.hop_len, domain, len);
	key.d.key_len = key.d.hop_len + len;
	d = RB_FIND(dest_tree, &ds->tree, &key.d);
	if (d != NULL)
		return d;
	d = dest_new(ds, side, hop, &key.d);
	if (d != NULL) {
		check_use(ds, d);
		forget_one(ds);
	}
	return d;
}

void
dest_ref(struct dests *ds, struct dest *d)
{
	d->nrefs++;
	check_use(ds, d);
}

void
dest_unref(struct dests *ds, struct dest *d)
{
	d->nrefs--;
	check_use(ds, d);
}

/* --- time --- */

uint64_t
dest_holds_until(const struct dest *d)
{
	uint64_t at = d->pausing ? d->pause : 0;

	return d->spent && d->token > at ? d->token : at;
}

static uint64_t
next_time(const struct dest *d)
{
	const struct pheap_node *first = pheap_first(&d->later);
	uint64_t at = SCHED_NEVER;

	if (d->refused > 0 || d->flush > 0)
		return 0;
	if (first != NULL)
		at = first->at;
	if ((d->pausing || d->spent) && d->nready > 0 &&
	    dest_holds_until(d) < at)
		at = dest_holds_until(d);
	return at;
}

static void
retime(struct dests *ds, struct dest *d)
{
	uint64_t at = next_time(d);

	if (d->is_timed && d->timer.at == at)
		return;
	if (d->is_timed)
		pheap_remove(&ds->timers, &d->timer);
	d->is_timed = at != SCHED_NEVER;
	if (d->is_timed)
		pheap_insert(&ds->timers, &d->timer, at);
}

uint64_t
dests_next_time(const struct dests *ds)
{
	const struct pheap_node *n = pheap_first(&ds->timers);

	return n == NULL ? SCHED_NEVER : n->at;
}

struct dest *
dests_due(struct dests *ds, uint64_t now)
{
	struct pheap_node *n = pheap_first(&ds->timers);
	struct dest *d;

	if (n == NULL || n->at > now)
		return NULL;
	d = PHEAP_OWNER(n, struct dest, timer);
	if (d->pausing && d->pause <= now)
		d->pausing = false;
	if (d->spent && d->token <= now)
		d->spent = false;
	retime(ds, d);
	dest_check(ds, d);
	return d;
}

/* --- parts --- */

static void
join(struct dests *ds, struct dest *d, struct part *p, enum part_state state)
{
	p->state = (uint8_t)state;
	if (p->dest == d)
		return;
	p->dest = d;
	d->nparts++;
	check_use(ds, d);
}

static void
part_from(struct dests *ds, struct part *p)
{
	struct dest *d = p->dest;

	p->state = PART_NEW;
	p->dest = NULL;
	d->nparts--;
	check_use(ds, d);
}

void
dest_push(struct dests *ds, struct dest *d, struct part *p)
{
	join(ds, d, p, PART_READY);
	TAILQ_INSERT_TAIL(&d->ready, p, u.wait.link);
	if (d->nready++ == 0)
		retime(ds, d);
	dest_check(ds, d);
}

void
dest_push_front(struct dests *ds, struct dest *d, struct part *p)
{
	join(ds, d, p, PART_READY);
	TAILQ_INSERT_HEAD(&d->ready, p, u.wait.link);
	if (d->nready++ == 0)
		retime(ds, d);
	dest_check(ds, d);
}

void
dest_defer(struct dests *ds, struct dest *d, struct part *p, uint64_t at)
{
	join(ds, d, p, PART_LATER);
	pheap_insert(&d->later, &p->u.timer, at);
	retime(ds, d);
}

static void
leave_ready(struct dests *ds, struct dest *d, struct part *p)
{
	TAILQ_REMOVE(&d->ready, p, u.wait.link);
	d->nready--;
	if (d->refused > d->nready)
		d->refused = d->nready;
	if (d->nready == 0)
		retime(ds, d);
	dest_check(ds, d);
}

static void
leave_later(struct dests *ds, struct dest *d, struct part *p)
{
	pheap_remove(&d->later, &p->u.timer);
	if (d->flush > d->later.n)
		d->flush = (uint32_t)d->later.n;
	retime(ds, d);
}

struct part *
dest_pop(struct dests *ds, struct dest *d)
{
	struct part *p = TAILQ_FIRST(&d->ready);

	if (p == NULL || d->refused > 0 || d->spent)
		return NULL;
	dest_take(ds, p);
	return p;
}

void
dest_take(struct dests *ds, struct part *p)
{
	if (p->state == PART_READY)
		leave_ready(ds, p->dest, p);
	else
		leave_later(ds, p->dest, p);
	part_from(ds, p);
}

void
dest_hand_out(struct dests *ds, struct dest *d, struct part *p,
    struct session *s)
{
	join(ds, d, p, PART_ACTIVE);
	p->u.active.session = s;
	p->u.active.next = NULL;
	d->nactive++;
}

void
dest_returned(struct dests *ds, struct part *p)
{
	p->dest->nactive--;
	part_from(ds, p);
}

void
dest_wake(struct dests *ds, struct dest *d, uint64_t now, unsigned max)
{
	struct pheap_node *n;
	struct part *p;

	while (max-- > 0) {
		n = pheap_pop_due(&d->later, d->flush > 0 ? SCHED_NEVER : now);
		if (n == NULL)
			break;
		if (d->flush > 0)
			d->flush--;
		p = PHEAP_OWNER(n, struct part, u.timer);
		p->state = PART_READY;
		TAILQ_INSERT_TAIL(&d->ready, p, u.wait.link);
		d->nready++;
	}
	retime(ds, d);
	dest_check(ds, d);
}

void
dest_unpause(struct dests *ds, struct dest *d)
{
	d->pausing = false;
	retime(ds, d);
	dest_check(ds, d);
}

void
dest_flush(struct dests *ds, struct dest *d)
{
	d->flush = (uint32_t)d->later.n;
	dest_unpause(ds, d);
}

void
dest_refused(struct dests *ds, struct dest *d, const struct qo_outcome *o)
{
	dest_set_trouble(d, o);
	d->refused = d->nready;
	retime(ds, d);
	dest_check(ds, d);
}

struct part *
dest_pop_refused(struct dests *ds, struct dest *d)
{
	struct part *p = TAILQ_FIRST(&d->ready);

	if (d->refused == 0 || p == NULL)
		return NULL;
	d->refused--;
	dest_take(ds, p);
	retime(ds, d);
	dest_check(ds, d);
	return p;
}

/* --- sessions --- */

/* Sessions that it may ever have. */
static uint32_t
most(const struct dests *ds, const struct dest *d)
{
	return d->max_sessions > 0 ? d->max_sessions : ds->limit;
}

bool
dest_wants(const struct dests *ds, const struct dest *d)
{
	uint32_t window = d->window < most(ds, d) ? d->window : most(ds, d);

	if (d->open == 0 && d->opening > 0)
		return false; /* that one is the probe */
	return !d->pausing && !d->spent && d->refused == 0 &&
	    d->nready > d->opening && d->opening + d->open < window &&
	    TAILQ_EMPTY(&d->idle);
}

static void
check_fed(struct dests *ds, struct dest *d)
{
	bool fed = d->nready > 0 && d->refused == 0 && !d->spent &&
	    !TAILQ_EMPTY(&d->idle);

	if (fed == d->is_fed)
		return;
	d->is_fed = fed;
	if (fed)
		TAILQ_INSERT_TAIL(&ds->fed, d, fed);
	else
		TAILQ_REMOVE(&ds->fed, d, fed);
}

void
dest_check(struct dests *ds, struct dest *d)
{
	bool wants = dest_wants(ds, d);

	check_fed(ds, d);
	if (wants == d->is_hungry)
		return;
	d->is_hungry = wants;
	if (wants)
		TAILQ_INSERT_TAIL(hungry_list(ds, d), d, hungry);
	else
		TAILQ_REMOVE(hungry_list(ds, d), d, hungry);
}

void
dest_last(struct dests *ds, struct dest *d)
{
	if (!d->is_hungry)
		return;
	TAILQ_REMOVE(hungry_list(ds, d), d, hungry);
	TAILQ_INSERT_TAIL(hungry_list(ds, d), d, hungry);
}

void
dest_opening(struct dests *ds, struct dest *d)
{
	d->opening++;
	check_use(ds, d);
	dest_check(ds, d);
}

void
dest_opened(struct dests *ds, struct dest *d)
{
	d->opening--;
	d->open++;
	set_works(ds, d, true);
	dest_check(ds, d);
}

void
dest_closed(struct dests *ds, struct dest *d, bool was_open)
{
	if (was_open)
		d->open--;
	else
		d->opening--;
	check_use(ds, d);
	dest_check(ds, d);
}

void
dest_set_trouble(struct dest *d, const struct qo_outcome *o)
{
	if (o == NULL) {
		free(d->trouble);
		d->trouble = NULL;
		return;
	}
	/* without memory for it the older one is shown */
	if (d->trouble == NULL)
		d->trouble = malloc(sizeof(*d->trouble));
	if (d->trouble != NULL)
		*d->trouble = *o;
}

static void
grow(struct dests *ds, struct dest *d)
{
	if (d->window >= most(ds, d))
		return;
	if (d->slow_start || ++d->credit >= d->window) {
		d->window++;
		d->credit = 0;
	}
}

static void
shrink(struct dest *d)
{
	d->slow_start = false;
	d->credit = 0;
	if (d->window > 1)
		d->window /= 2;
}

void
dest_success(struct dests *ds, struct dest *d, bool good)
{
	d->fails = d->losses = 0;
	if (!good)
		return;
	if (d->trouble != NULL)
		dest_set_trouble(d, NULL);
	grow(ds, d);
	dest_check(ds, d);
}

/* Has it been slow?  What is usual follows. */
static bool
is_slow(struct dest *d, uint32_t ms)
{
	uint64_t got = (uint64_t)(ms < RESULT_MS_MAX ? ms : RESULT_MS_MAX);
	uint64_t bound = SLOW_TIMES * d->usual + (uint64_t)SLOW_MS * PARTS;
	bool slow;

	got *= PARTS;
	if (d->usual == 0) {
		d->usual = got > 0 ? got : 1;
		return false;
	}
	slow = got > bound;
	if (slow)
		got = bound;
	if (got < d->usual)
		d->usual -= (d->usual - got) / 8;
	else
		d->usual += (got - d->usual) / 128;
	return slow;
}

void
dest_replied(struct dests *ds, struct dest *d, uint32_t ms)
{
	if (!is_slow(d, ms)) {
		d->slow = 0;
		dest_success(ds, d, true);
		return;
	}
	d->fails = d->losses = 0;
	if (d->trouble != NULL)
		dest_set_trouble(d, NULL);
	if (++d->slow < d->window || d->window == 1)
		return;
	d->slow = 0;
	d->slow_start = false;
	d->credit = 0;
	d->window -= d->window < 4 ? 1 : d->window / 4;
	dest_check(ds, d);
}

void
dest_set_pace(struct dests *ds, struct dest *d, const struct conf_pace *p,
    uint64_t now)
{
	static const struct conf_rate none;

	d->max_sessions = p != NULL ? p->sessions : 0;
	d->max_messages = p != NULL ? p->messages : 0;
	bucket_set(&d->bucket, p != NULL ? &p->rate : &none, now);
	if (d->window > most(ds, d))
		d->window = most(ds, d);
	d->token = bucket_next(&d->bucket, now);
	d->spent = d->token > now;
	retime(ds, d);
	dest_check(ds, d);
}

void
dest_spend(struct dests *ds, struct dest *d, uint64_t now)
{
	if (d->bucket.count == 0)
		return;
	(void)bucket_take(&d->bucket, now);
	d->token = bucket_next(&d->bucket, now);
	d->spent = d->token > now;
	if (!d->spent)
		return;
	retime(ds, d);
	dest_check(ds, d);
}

static void
pause_until(struct dests *ds, struct dest *d, uint64_t at)
{
	d->pausing = true;
	d->pause = at;
	retime(ds, d);
	dest_check(ds, d);
}

static void
give_up_for_now(struct dests *ds, struct dest *d, uint64_t at)
{
	d->fails++;
	d->losses = 0;
	d->window = 1;
	d->slow_start = true;
	d->slow = 0;
	set_works(ds, d, false);
	pause_until(ds, d, at);
}

bool
dest_open_failed(struct dests *ds, struct dest *d, const struct qo_outcome *o,
    uint64_t now, uint64_t backoff)
{
	dest_set_trouble(d, o);
	if (d->open > 0) {
		/* it takes no more than it has: a limit of its own, perhaps */
		shrink(d);
		d->window = d->open;
		pause_until(ds, d, now + CROWDED_MS);
		return false;
	}
	if (d->opening > 1) {
		shrink(d);
		return false;
	}
	give_up_for_now(ds, d, now + backoff);
	return true;
}

bool
dest_job_lost(struct dests *ds, struct dest *d, const struct qo_outcome *o,
    uint64_t now, uint64_t backoff)
{
	dest_set_trouble(d, o);
	shrink(d);
	if (++d->losses < LOSSES_MAX || d->open > 1 || d->opening > 0)
		return false;
	give_up_for_now(ds, d, now + backoff);
	return true;
}
