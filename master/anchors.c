/* SPDX-License-Identifier: ISC */
/*
 * Trust anchors, by which smtpd-out verifies servers: see anchors.h.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "master/anchors.h"

/* Those of the system, if none are stated. */
#define USUAL "/etc/ssl/certs/ca-certificates.crt"

/* Its bytes; NULL with errno. */
static uint8_t *
read_file(const char *path, size_t *len)
{
	struct stat st;
	uint8_t *p = NULL;
	int fd, error = 0;
	ssize_t n;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == -1)
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = EINVAL;
	else if (st.st_size > CONF_ANCHORS_MAX)
		error = EFBIG;
	else if ((p = malloc((size_t)st.st_size + 1)) == NULL)
		error = ENOMEM;
	for (*len = 0; error == 0 && *len < (size_t)st.st_size;
	     *len += (size_t)n) {
		n = read(fd, p + *len, (size_t)st.st_size - *len);
		if (n <= 0)
			error = n == 0 ? EIO : errno;
	}
	(void)close(fd);
	if (error == 0)
		return p;
	free(p);
	errno = error;
	return NULL;
}

static void
cannot_read(struct config *c, uint32_t line, const char *path)
{
	const char *why = strerror(errno);

	if (errno == EFBIG)
		why = "larger than 1 MiB";
	else if (errno == EINVAL)
		why = "not a plain file";
	report_error(&c->report, line, "tls trust \"%.200s\": %s", path, why);
}

static uint32_t
trust_line(const struct config *c, enum side side)
{
	uint32_t line = marks_line(&c->marks, MARK_TRUST, side, 0);

	return line != 0 ? line : marks_line(&c->marks, MARK_TRUST, NSIDES, 0);
}

static void
read_side(struct config *c, enum side side)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	const char *stated = c->conf->side[side].trust_path;
	const char *path = stated[0] != '\0' ? stated : USUAL;
	uint32_t line = trust_line(c, side);
	size_t len;
	uint8_t *p;

	if ((p = read_file(path, &len)) == NULL) {
		if (stated[0] != '\0')
			cannot_read(c, line, path);
		return;
	}
	if (memmem(p, len, begin, sizeof(begin) - 1) != NULL) {
		if (conf_add_anchors(c->conf, side, p, len) == -1)
			c->report.nomem = true;
	} else if (stated[0] != '\0') {
		report_error(&c->report, line,
		    "tls trust \"%.200s\": the file holds no certificate in "
		    "PEM",
		    path);
	}
	free(p);
}

static void
check_one(struct config *c, uint64_t id, uint32_t block)
{
	const struct conf_tls *t = conf_tls_find(c->conf, id);

	if (t != NULL && t->level == CONF_TLS_VERIFY &&
	    c->conf->side[t->side].anchors_len == 0)
		report_error(&c->report,
		    marks_line(&c->marks, MARK_TLS_OUT, block, 0),
		    "tls verify: there are no certificates to trust: install "
		    "ca-certificates, or write tls trust \"/path/ca.pem\"");
}

void
anchors_read(struct config *c)
{
	const struct conf *conf = c->conf;
	size_t errors = c->report.errors;
	uint32_t i;

	read_side(c, SIDE_EXT);
	read_side(c, SIDE_INT);
	if (c->report.errors != errors)
		return;
	for (i = 0; i < conf->ndomains; i++)
		check_one(c, conf->domains[i].tls, conf->domains[i].pos.line);
	for (i = 0; i < conf->nconnectors; i++)
		check_one(c, conf->connectors[i].tls,
		    conf->connectors[i].pos.line);
}
