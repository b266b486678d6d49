/* SPDX-License-Identifier: ISC */
/*
 * keyd: holds the private keys, and signs with them the handshakes of those
 * whose keys they are.
 */
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/privdrop.h"
#include "common/base/stats.h"
#include "keyd/keyd.h"

#define EXPIRY_EVERY (3600U * 1000) /* ms between looks at the dates */
#define SOON	     14		    /* days */
#define DAY	     86400

static struct keyd keyd;

static void
log_expiry(uint32_t n, int64_t days)
{
	struct logline l;

	ll_begin(&l, days < 0 ? LOG_L_ERROR : LOG_L_WARN, "certificate-expiry");
	ll_num(&l, "certificate", n);
	ll_int(&l, "days", days);
	ll_cstr(&l, "text",
	    days < 0 ? "it has expired: clients that look will turn away"
		     : "it expires soon");
	ll_send(&l);
}

/* The gauges, and once a day a line for each that ends soon. */
static void
look_at_dates(struct keyd *kd)
{
	static int64_t said;
	int64_t now = (int64_t)(ev_realtime(kd->ev) / 1000), days, least = -1;
	uint32_t i, expired = 0;
	struct ks_check c;
	bool say = now / DAY != said;

	for (i = 0; kd->now != NULL && i < keys_count(kd->now); i++) {
		keys_check(kd->now, i, &c);
		if (c.not_after == 0)
			continue;
		days = ((int64_t)c.not_after - now) / DAY;
		if ((int64_t)c.not_after < now) {
			days = -1;
			expired++;
		}
		if (say && days < SOON)
			log_expiry(i, days);
		if (days < 0)
			days = 0;
		if (least == -1 || days < least)
			least = days;
	}
	said = now / DAY;
	stats_set(STAT_KEY_CERTS_EXPIRED, expired);
	stats_set(STAT_KEY_DAYS_LEFT, least == -1 ? 0 : (uint64_t)least);
	if (ev_timer_set(kd->ev, &kd->expiry, EXPIRY_EVERY) == -1)
		log_warn("timer");
}

static void
on_expiry(struct ev_timer *t)
{
	look_at_dates(t->arg);
}

static int
on_fd(struct child *c, enum child_fd kind, uint32_t id, int fd)
{
	struct keyd *kd = child_ctx(c);
	struct keys *ks;

	if (kind != CHILD_FD_KEYS) {
		(void)close(fd);
		return -1;
	}
	ks = keys_load(fd, id, (int64_t)(ev_realtime(kd->ev) / 1000));
	if (ks == NULL) {
		log_errorx("posternd's set of keys cannot be read");
		return 0;
	}
	if (kd->now != NULL && keys_generation(kd->now) == id) {
		keys_free(kd->now);
	} else {
		keys_free(kd->before);
		kd->before = kd->now;
	}
	kd->now = ks;
	look_at_dates(kd);
	return 0;
}

static void
on_peer(struct child *c, const struct peer *peer, int fd)
{
	askers_set(child_ctx(c), peer, fd);
}

int
main(int argc, char **argv)
{
	struct program program = {
		.proc = PROC_KEYD,
		.cage = &keyd_cage,
		.on_peer = on_peer,
		.on_fd = on_fd,
	};
	int locked;

	if (argc == 4 && strcmp(argv[1], "-c") == 0)
		return check_main(argv + 2);
	keyd.child = child_attach(argc, argv, &program, &keyd);
	keyd.ev = child_ev(keyd.child);
	ev_timer_init(&keyd.expiry, on_expiry, &keyd);
	locked = keys_init();
	if (locked == -1)
		fatalx("OpenSSL");
	if (locked == 1)
		log_warnx("memory for keys cannot be locked: they may be "
			  "written to swap");
	privdrop(child_privdrop(keyd.child));
	sandbox_enter(child_sandbox(keyd.child), child_report(keyd.child));
	return child_loop(keyd.child);
}
