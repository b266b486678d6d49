/* SPDX-License-Identifier: ISC */
/*
 * Who may come in now: what each client has open, how fast it comes and how
 * its sessions end, by address and by network.  Pure: the clock is given.
 *
 * What is counted as one address is what one customer gets: an IPv4 address,
 * an IPv6 /64.  A network is an IPv4 /24 or an IPv6 /48.  Rates are kept as
 * one number each, the time at which all would be forgiven (a leaky bucket);
 * a record is needed until then, or while a session is open.
 *
 * Memory is bounded: beside those of open sessions there are no more records
 * than CLIENTS_KEPT of addresses, those of their networks, and CLIENTS_KEPT of
 * other networks.  When there are more, that goes which would have been
 * forgiven first, so that who wants his record
 * forgotten has to make as many others that are at least as bad.  A network
 * has at most CLIENTS_A_NETWORK addresses of its own, what comes from others
 * is counted as one: a /48 full of addresses is worth as much as an IPv4 /24.
 */
#ifndef CONND_CLIENTS_H
#define CONND_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/netaddr.h"

#define CLIENTS_KEPT	  16384
#define CLIENTS_A_NETWORK 256

struct clients;
struct client_addr; /* the record of an address; good while entered */

enum clients_verdict {
	CLIENTS_OK = 0,
	CLIENTS_ADDRESS_FULL, /* sessions-per-address */
	CLIENTS_NETWORK_FULL,
	CLIENTS_ADDRESS_FAST, /* connections-per-minute */
	CLIENTS_NETWORK_FAST,
	CLIENTS_ADDRESS_BAD, /* bad-sessions */
	CLIENTS_NETWORK_BAD,
	CLIENTS_NO_MEMORY
};

struct clients *clients_new(void); /* NULL: ENOMEM */
void clients_free(struct clients *);
/*
 * A connection from addr at now (ms).  OK: it is counted, and *as is to be
 * given to clients_leave() when it is over; else nothing is left to be done.
 */
enum clients_verdict clients_enter(struct clients *, const struct conf_limits *,
    const struct netaddr *, uint64_t now, struct client_addr **as);
/* bad: the session was of no use, and made nothing but errors */
void clients_leave(struct clients *, const struct conf_limits *,
    struct client_addr *, uint64_t now, bool bad);
const char *clients_verdict_name(enum clients_verdict);
/* Records in memory, of addresses and networks together. */
size_t clients_records(const struct clients *);

#endif
