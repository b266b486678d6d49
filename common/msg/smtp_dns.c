/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "common/msg/smtp_dns.h"

#define DEADLINE_MIN 100U
#define DEADLINE_MAX 120000U

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

static int
type_from(unsigned v, enum sd_rrtype *type)
{
	static const enum sd_rrtype all[] = { SD_A, SD_CNAME, SD_PTR, SD_MX,
		SD_TXT, SD_AAAA, SD_TLSA };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (v == all[i]) {
			*type = all[i];
			return 0;
		}
	return bad();
}

int
put_sd_query(struct ibuf *b, const struct sd_query *m)
{
	(void)ibuf_add_n16(b, m->type);
	(void)ibuf_add_n32(b, m->deadline_ms);
	return ibuf_add_cstr(b, m->name, CONF_NAME_MAX - 1);
}

int
get_sd_query(struct ibuf *b, struct sd_query *m)
{
	uint16_t type;
	size_t len;

	if (ibuf_get_n16(b, &type) == -1 ||
	    ibuf_get_n32(b, &m->deadline_ms) == -1 ||
	    ibuf_get_cstr(b, m->name, sizeof(m->name), &len) == -1 ||
	    ibuf_get_end(b) == -1)
		return -1;
	if (len == 0 || m->deadline_ms < DEADLINE_MIN ||
	    m->deadline_ms > DEADLINE_MAX)
		return bad();
	return type_from(type, &m->type);
}

int
put_sd_answer(struct ibuf *b, const struct sd_answer *m)
{
	(void)ibuf_add_n8(b, m->status);
	(void)ibuf_add_n8(b, m->security);
	(void)ibuf_add_n32(b, m->ttl);
	(void)ibuf_add_n16(b, m->type);
	return ibuf_add_n16(b, m->n);
}

int
get_sd_answer(struct ibuf *b, struct sd_answer *m)
{
	uint8_t status, security;
	uint16_t type;

	if (ibuf_get_n8(b, &status) == -1 || ibuf_get_n8(b, &security) == -1 ||
	    ibuf_get_n32(b, &m->ttl) == -1 || ibuf_get_n16(b, &type) == -1 ||
	    ibuf_get_n16(b, &m->n) == -1)
		return -1;
	if (status < SD_OK || status > SD_DENIED || security < SD_INSECURE ||
	    security > SD_BOGUS || m->n > SD_RECORDS_MAX ||
	    (status != SD_OK && m->n != 0) || (status == SD_OK && m->n == 0))
		return bad();
	m->status = (enum sd_status)status;
	m->security = (enum sd_security)security;
	return type_from(type, &m->type);
}

static int
put_data(struct ibuf *b, const struct sd_record *r)
{
	if (r->len > SD_DATA_MAX) {
		errno = ERANGE;
		return -1;
	}
	(void)ibuf_add_n16(b, r->len);
	return ibuf_add(b, r->data, r->len);
}

static int
get_data(struct ibuf *b, struct sd_record *r)
{
	if (ibuf_get_n16(b, &r->len) == -1)
		return -1;
	return r->len > SD_DATA_MAX ? bad() : ibuf_get(b, r->data, r->len);
}

int
put_sd_record(struct ibuf *b, enum sd_rrtype type, const struct sd_record *r)
{
	switch (type) {
	case SD_A:
	case SD_AAAA:
		return ibuf_add_netaddr(b, &r->addr);
	case SD_MX:
		(void)ibuf_add_n16(b, r->preference);
		return ibuf_add_cstr(b, r->name, CONF_NAME_MAX - 1);
	case SD_CNAME:
	case SD_PTR:
		return ibuf_add_cstr(b, r->name, CONF_NAME_MAX - 1);
	case SD_TXT:
	case SD_TLSA:
		return put_data(b, r);
	}
	return bad();
}

static int
get_name(struct ibuf *b, struct sd_record *r)
{
	return ibuf_get_cstr(b, r->name, sizeof(r->name), NULL);
}

int
get_sd_record(struct ibuf *b, enum sd_rrtype type, struct sd_record *r)
{
	uint8_t family = type == SD_A ? NETADDR_V4 : NETADDR_V6;

	r->preference = 0;
	r->name[0] = '\0';
	r->len = 0;
	memset(&r->addr, 0, sizeof(r->addr));
	switch (type) {
	case SD_A:
	case SD_AAAA:
		if (ibuf_get_netaddr(b, &r->addr) == -1)
			return -1;
		/* an AAAA may hold a mapped IPv4 address, folded */
		if (type == SD_A && r->addr.family != family)
			return bad();
		return r->addr.family == NETADDR_NONE ? bad() : 0;
	case SD_MX:
		if (ibuf_get_n16(b, &r->preference) == -1)
			return -1;
		return get_name(b, r);
	case SD_CNAME:
	case SD_PTR:
		return get_name(b, r);
	case SD_TXT:
	case SD_TLSA:
		return get_data(b, r);
	}
	return bad();
}
