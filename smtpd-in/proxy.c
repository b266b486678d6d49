/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "smtpd-in/proxy.h"

#define SIGNATURE_LEN 12
#define VERSION	      2
#define COMMAND_LOCAL 0
#define COMMAND_PROXY 1
#define TCP4	      0x11
#define TCP6	      0x21
#define TLV_HEAD      3
#define TLV_CRC32C    3
#define CRC_LEN	      4

static const uint8_t signature[SIGNATURE_LEN] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00,
	0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

/* The addresses of a family: octets of one, and of all with the ports. */
static const struct family {
	uint8_t code;
	size_t addr, all;
} families[] = {
	{ TCP4, 4, 12 },
	{ TCP6, 16, 36 },
};

static enum proxy_status
bad(struct proxy_header *h, const char *why)
{
	h->why = why;
	return PROXY_BAD;
}

static size_t
n16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

static uint32_t
n32(const uint8_t *p)
{
	return (uint32_t)n16(p) << 16 | (uint32_t)n16(p + 2);
}

/* Castagnoli, reflected, as iSCSI has it; headers are short. */
static uint32_t
crc_octet(uint32_t crc, uint8_t octet)
{
	int i;

	crc ^= octet;
	for (i = 0; i < 8; i++)
		crc = crc >> 1 ^ (0x82f63b78 & (0 - (crc & 1)));
	return crc;
}

/* Of p, with the octets from hole on taken for zeros. */
static uint32_t
crc32c(const uint8_t *p, size_t len, size_t hole)
{
	uint32_t crc = UINT32_MAX;
	size_t i;

	for (i = 0; i < len; i++)
		crc =
		    crc_octet(crc, i >= hole && i - hole < CRC_LEN ? 0 : p[i]);
	return ~crc;
}

/* The fields behind the addresses: known ones are checked, all must fit. */
static enum proxy_status
check_tlvs(const uint8_t *p, size_t len, size_t at, struct proxy_header *h)
{
	bool had_crc = false;
	size_t n;

	for (; at < len; at += n) {
		if (len - at < TLV_HEAD)
			return bad(h, "a field is cut off");
		n = n16(p + at + 1);
		if (n > len - at - TLV_HEAD)
			return bad(h, "a field is longer than the header");
		n += TLV_HEAD;
		if (p[at] != TLV_CRC32C)
			continue;
		if (had_crc || n != TLV_HEAD + CRC_LEN)
			return bad(h, "a checksum of a wrong form");
		had_crc = true;
		if (crc32c(p, len, at + TLV_HEAD) != n32(p + at + TLV_HEAD))
			return bad(h, "the checksum is wrong");
	}
	return PROXY_DONE;
}

static int
take_addr(struct netaddr *a, const struct family *f, const uint8_t *addr,
    const uint8_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	const struct sockaddr *sa = (const struct sockaddr *)&sin;
	socklen_t len = sizeof(sin);

	if (f->code == TCP4) {
		memcpy(&sin.sin_addr, addr, f->addr);
		memcpy(&sin.sin_port, port, 2);
	} else {
		memcpy(&sin6.sin6_addr, addr, f->addr);
		memcpy(&sin6.sin6_port, port, 2);
		sa = (const struct sockaddr *)&sin6;
		len = sizeof(sin6);
	}
	return netaddr_from_sockaddr(a, sa, len);
}

/* An address that a host can have. */
static bool
is_host(const struct netaddr *a)
{
	enum netclass class = netaddr_class(a, NULL);

	return class != NETCLASS_UNSPEC && class != NETCLASS_MULTICAST;
}

static enum proxy_status
take_addrs(const uint8_t *p, size_t len, struct proxy_header *h)
{
	const struct family *f = NULL;
	const uint8_t *a = p + PROXY_HEAD;
	size_t i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (families[i].code == p[SIGNATURE_LEN + 1])
			f = &families[i];
	if (f == NULL)
		return bad(h, "neither TCP over IPv4 nor over IPv6");
	if (len - PROXY_HEAD < f->all)
		return bad(h, "too short for its addresses");
	if (take_addr(&h->client, f, a, a + 2 * f->addr) == -1 ||
	    take_addr(&h->server, f, a + f->addr, a + 2 * f->addr + 2) == -1 ||
	    !is_host(&h->client))
		return bad(h, "no address of a client");
	return check_tlvs(p, len, PROXY_HEAD + f->all, h);
}

enum proxy_status
proxy_parse(const uint8_t *p, size_t len, struct proxy_header *h)
{
	size_t n = len < SIGNATURE_LEN ? len : SIGNATURE_LEN;
	uint8_t command;

	memset(h, 0, sizeof(*h));
	if (memcmp(p, signature, n) != 0)
		return bad(h,
		    n >= 5 && memcmp(p, "PROXY", 5) == 0 ? "version 1"
							 : "no header");
	if (len > SIGNATURE_LEN && p[SIGNATURE_LEN] >> 4 != VERSION)
		return bad(h, "not version 2");
	if (len < PROXY_HEAD)
		return PROXY_MORE;
	command = p[SIGNATURE_LEN] & 0x0f;
	if (command != COMMAND_LOCAL && command != COMMAND_PROXY)
		return bad(h, "unknown command");
	n = n16(p + SIGNATURE_LEN + 2);
	if (n > PROXY_LEN_MAX)
		return bad(h, "too long");
	if (len - PROXY_HEAD < n)
		return PROXY_MORE;
	h->len = PROXY_HEAD + n;
	/* what a header of LOCAL says is to be ignored */
	return command == COMMAND_LOCAL ? PROXY_LOCAL
					: take_addrs(p, h->len, h);
}
