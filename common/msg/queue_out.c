/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>

#include "common/msg/queue_out.h"

static int
bad(void)
{
	errno = EBADMSG;
	return -1;
}

static int
get_bool(struct ibuf *b, bool *v)
{
	uint8_t n;

	if (ibuf_get_n8(b, &n) == -1)
		return -1;
	if (n > 1)
		return bad();
	*v = n == 1;
	return 0;
}

int
put_qo_job(struct ibuf *b, const struct qo_job *m)
{
	(void)ibuf_add_n64(b, m->msgid);
	(void)ibuf_add_n64(b, m->size);
	(void)ibuf_add_n8(b, m->flags);
	(void)ibuf_add_n8(b, m->ret);
	(void)ibuf_add_n8(b, m->in_fd);
	(void)ibuf_add_cstr(b, m->sender, MSG_ADDR_MAX);
	(void)ibuf_add_cstr(b, m->envid, MSG_ENVID_MAX);
	return ibuf_add_n16(b, m->nrcpt);
}

int
get_qo_job(struct ibuf *b, struct qo_job *m)
{
	(void)ibuf_get_n64(b, &m->msgid);
	(void)ibuf_get_n64(b, &m->size);
	(void)ibuf_get_n8(b, &m->flags);
	if (ibuf_get_n8(b, &m->ret) == -1 || get_bool(b, &m->in_fd) == -1 ||
	    ibuf_get_cstr(b, m->sender, sizeof(m->sender), NULL) == -1 ||
	    ibuf_get_cstr(b, m->envid, sizeof(m->envid), NULL) == -1 ||
	    ibuf_get_n16(b, &m->nrcpt) == -1)
		return -1;
	if (m->ret > RET_HDRS || (m->flags & ~MSG_F_ALL) != 0 ||
	    m->nrcpt == 0 || m->nrcpt > QO_RCPTS_MAX ||
	    (!m->in_fd && m->size > QO_INLINE_MAX))
		return bad();
	return 0;
}

int
put_qo_outcome(struct ibuf *b, const struct qo_outcome *m)
{
	(void)ibuf_add_n8(b, m->status);
	(void)ibuf_add_n8(b, m->reason);
	(void)ibuf_add_n16(b, m->code);
	(void)ibuf_add_cstr(b, m->enh, QO_ENH_MAX - 1);
	return ibuf_add_cstr(b, m->text, MSG_TEXT_MAX);
}

static int
status_from(unsigned v, enum qo_status *s)
{
	if (v == QO_DELIVERED)
		*s = QO_DELIVERED;
	else if (v == QO_FAILED)
		*s = QO_FAILED;
	else if (v == QO_DEFERRED)
		*s = QO_DEFERRED;
	else
		return bad();
	return 0;
}

/* "2.1.5": class of one digit, subject and detail of up to three (RFC 3463) */
static int
enh_valid(const char *s)
{
	int parts = 0, digits = 0;

	if ((s[0] != '2' && s[0] != '4' && s[0] != '5') || s[1] != '.')
		return 0;
	for (; *s != '\0'; s++) {
		if (*s == '.') {
			if (digits == 0 || ++parts > 2)
				return 0;
			digits = 0;
		} else if (*s < '0' || *s > '9' || ++digits > 3) {
			return 0;
		}
	}
	return parts == 2 && digits > 0;
}

static int
printable(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
			return 0;
	return 1;
}

int
put_qo_relay(struct ibuf *b, const struct qo_relay *m)
{
	(void)ibuf_add_cstr(b, m->name, CONF_NAME_MAX - 1);
	(void)ibuf_add_netaddr(b, &m->addr);
	return ibuf_add_cstr(b, m->tls, QO_TLS_MAX - 1);
}

int
get_qo_relay(struct ibuf *b, struct qo_relay *m)
{
	if (ibuf_get_cstr(b, m->name, sizeof(m->name), NULL) == -1 ||
	    ibuf_get_netaddr(b, &m->addr) == -1 ||
	    ibuf_get_cstr(b, m->tls, sizeof(m->tls), NULL) == -1)
		return -1;
	return printable(m->tls) ? 0 : bad();
}

int
get_qo_outcome(struct ibuf *b, struct qo_outcome *m)
{
	uint8_t status, reason;

	if (ibuf_get_n8(b, &status) == -1 || ibuf_get_n8(b, &reason) == -1 ||
	    ibuf_get_n16(b, &m->code) == -1 ||
	    ibuf_get_cstr(b, m->enh, sizeof(m->enh), NULL) == -1 ||
	    ibuf_get_cstr(b, m->text, sizeof(m->text), NULL) == -1)
		return -1;
	if (status_from(status, &m->status) == -1 ||
	    reason_from(reason, &m->reason) == -1 || m->code > 599 ||
	    !enh_valid(m->enh) || !printable(m->text))
		return bad();
	return 0;
}

int
put_qo_result(struct ibuf *b, const struct qo_result *m)
{
	(void)ibuf_add_n64(b, m->msgid);
	(void)ibuf_add_n8(b, m->keep);
	(void)ibuf_add_n8(b, m->dsn);
	(void)ibuf_add_n32(b, m->delay);
	(void)ibuf_add_n16(b, m->n);
	return put_qo_relay(b, &m->relay);
}

int
get_qo_result(struct ibuf *b, struct qo_result *m)
{
	(void)ibuf_get_n64(b, &m->msgid);
	if (get_bool(b, &m->keep) == -1 || get_bool(b, &m->dsn) == -1 ||
	    ibuf_get_n32(b, &m->delay) == -1 || ibuf_get_n16(b, &m->n) == -1 ||
	    get_qo_relay(b, &m->relay) == -1)
		return -1;
	return m->n == 0 || m->n > QO_RCPTS_MAX ? bad() : 0;
}

int
put_qo_gone(struct ibuf *b, const struct qo_gone *m)
{
	(void)ibuf_add_n8(b, m->was_ready);
	(void)put_qo_relay(b, &m->relay);
	return put_qo_outcome(b, &m->outcome);
}

int
get_qo_gone(struct ibuf *b, struct qo_gone *m)
{
	if (get_bool(b, &m->was_ready) == -1 ||
	    get_qo_relay(b, &m->relay) == -1 ||
	    get_qo_outcome(b, &m->outcome) == -1)
		return -1;
	return ibuf_get_end(b);
}
