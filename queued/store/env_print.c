/* SPDX-License-Identifier: ISC */
/* The envelope for people: "Name: value" lines. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/civil.h"
#include "queued/store/envelope.h"

struct printer {
	void (*put)(void *, const char *, size_t);
	void *arg;
};

static const char *const origins[] = { "", "ext", "int", "bounce" };
static const char *const rets[] = { "", "FULL", "HDRS" };

struct bit_name {
	unsigned bit;
	const char *name;
};

static const struct bit_name flag_names[] = {
	{ MSG_F_8BITMIME, "8bitmime" },
	{ MSG_F_SMTPUTF8, "smtputf8" },
	{ MSG_F_REQUIRETLS, "requiretls" },
	{ MSG_F_BOUNCE, "bounce" },
	{ MSG_F_8BIT_DATA, "8bit-data" },
	{ MSG_F_ESMTP, "esmtp" },
	{ 0, NULL },
};

static const struct bit_name notify_names[] = {
	{ NOTIFY_NEVER, "never" },
	{ NOTIFY_SUCCESS, "success" },
	{ NOTIFY_FAILURE, "failure" },
	{ NOTIFY_DELAY, "delay" },
	{ 0, NULL },
};

static void __attribute__((format(printf, 2, 3)))
print(const struct printer *pr, const char *fmt, ...)
{
	char line[160 + MSG_ADDR_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(line))
		pr->put(pr->arg, line, (size_t)n);
}

static void
print_bits(const struct printer *pr, const char *before, unsigned bits,
    const struct bit_name *names)
{
	const char *sep = before;

	for (; names->name != NULL; names++) {
		if (!(bits & names->bit))
			continue;
		print(pr, "%s%s", sep, names->name);
		sep = ",";
	}
}

static void
print_time(const struct printer *pr, const char *name, uint64_t ms)
{
	struct civil c;

	civil_utc(ms / 1000, &c);
	if (c.year > 9999)
		print(pr, "%s: %" PRIu64 " ms\n", name, ms);
	else
		print(pr, "%s: %04u-%02u-%02uT%02u:%02u:%02u.%03uZ\n", name,
		    c.year, c.month, c.day, c.hour, c.minute, c.second,
		    (unsigned)(ms % 1000));
}

static void
print_head(const struct printer *pr, const struct envelope *e)
{
	char addr[NETADDR_STRLEN];

	print_time(pr, "Accepted", e->accepted);
	print(pr, "Origin: %s\n", origins[e->origin]);
	print(pr, "Sender: <%s>\n", e->sender);
	if (e->client.family != NETADDR_NONE)
		print(pr, "Client: %s\n",
		    netaddr_ntop_port(&e->client, addr, sizeof(addr)));
	if (e->helo[0] != '\0')
		print(pr, "Helo: %s\n", e->helo);
	print(pr, "Listener: %" PRIu32 "\n", e->listener);
	if (e->flags != 0) {
		print_bits(pr, "Flags: ", e->flags, flag_names);
		print(pr, "\n");
	}
	if (e->envid[0] != '\0')
		print(pr, "Envelope-Id: %s\n", e->envid);
	if (e->ret != RET_NONE)
		print(pr, "Return: %s\n", rets[e->ret]);
	print(pr, "Recipients: %" PRIu32 "\n", e->nrcpt);
}

static void
print_rcpt(const struct printer *pr, const struct env_rcpt *r)
{
	print(pr, "Recipient: %" PRIu32 " <%.*s>", r->index, (int)r->addr_len,
	    r->addr);
	if (r->notify != 0)
		print_bits(pr, " notify=", r->notify, notify_names);
	if (r->orcpt_len > 0) {
		print(pr, " orcpt=");
		pr->put(pr->arg, r->orcpt, r->orcpt_len);
	}
	print(pr, "\n");
}

int
env_print(const void *buf, size_t len,
    void (*put)(void *, const char *, size_t), void *arg)
{
	struct printer pr = { put, arg };
	struct envelope e;
	struct env_iter it;
	struct env_rcpt rcpt;
	int r;

	if (env_get(buf, len, &e) == -1)
		return -1;
	print_head(&pr, &e);
	env_iter(&it, buf, len);
	while ((r = env_next(&it, &rcpt)) == 1)
		print_rcpt(&pr, &rcpt);
	return r;
}
