/* SPDX-License-Identifier: ISC */
/*
 * The edge to keyd, which has the private keys: handshakes ask it for their
 * signature, and STARTTLS whether it is there.  And the keys of session
 * tickets, which come from posternd.
 */
#include <string.h>

#include "common/base/log.h"
#include "common/msg/child_master.h"
#include "smtpd-in/server.h"

_Static_assert(CM_TICKET_KEY == TLS_TICKET_KEY &&
	CM_TICKET_KEYS == TLS_TICKET_KEYS,
    "keys of tickets are the same");

static void
go_on(void *owner)
{
	secure_go_on(owner);
}

void
keys_init(struct server *sv)
{
	sv->keys = (struct tls_keys){ &sv->key, go_on };
	tls_keys_init(&sv->keys);
}

bool
keys_ping(struct server *sv, uint32_t id)
{
	return sv->key != NULL &&
	    chan_send(sv->key, SK_REQ_PING, id, NULL, -1) == 0;
}

static int
on_signed(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct server *sv = chan_ctx(ch);

	(void)fd;
	return tls_keys_signed(&sv->keys, id, b);
}

static int
on_pong(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct client *c = client_asking(chan_ctx(ch), id, WAIT_KEYD);

	(void)b;
	(void)fd;
	if (c != NULL)
		client_answer(c, ANSWER_YES, NULL);
	return 0;
}

const struct chan_msg key_msgs[] = {
	{ SK_ANS_SIGNED, SK_SIGNED_MIN, SK_SIGNED_MAX, FD_NONE, CHAN_ANY,
	    on_signed },
	{ SK_ANS_PONG, 0, 0, FD_NONE, CHAN_ANY, on_pong },
};
const size_t nkey_msgs = sizeof(key_msgs) / sizeof(key_msgs[0]);

static int
on_tickets(struct chan *ch, uint32_t id, struct ibuf *b, int fd)
{
	struct server *sv = child_ctx(chan_ctx(ch));
	struct cm_tickets m;

	(void)id;
	(void)fd;
	if (get_cm_tickets(b, &m) == -1)
		return -1;
	sv->tickets.n = m.n;
	memcpy(sv->tickets.key, m.key, sizeof(m.key));
	explicit_bzero(&m, sizeof(m));
	return 0;
}

const struct chan_msg ticket_msgs[] = {
	{ CM_REQ_TICKETS, CM_TICKETS_LEN, CM_TICKETS_LEN, FD_NONE, CHAN_ANY,
	    on_tickets },
};
const size_t nticket_msgs = sizeof(ticket_msgs) / sizeof(ticket_msgs[0]);
