/* SPDX-License-Identifier: ISC */
/*
 * The operator's rules on disk: a line each, that people can read.  A new file
 * is written and synced beside the old one and takes its name, so that there
 * is always a whole one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "queued/rules.h"

#define FILE_NAME "rules"
#define FILE_NEW  "rules.new"
#define FILE_BAD  "rules.bad"

static int
write_all(const struct store_ops *ops, int fd, const char *text, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = ops->pwrite(ops->ctx, fd, text + done, len - done,
		    (off_t)done);
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return ops->fsync(ops->ctx, fd);
}

/* Its entries are durable, too. */
static int
sync_dir(const struct store_ops *ops, int dirfd)
{
	int fd, rc;

	fd = ops->openat(ops->ctx, dirfd, ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	rc = ops->fsync(ops->ctx, fd);
	(void)ops->close(ops->ctx, fd);
	return rc;
}

static int
replace(const struct store_ops *ops, int dirfd, const char *text, size_t len)
{
	int fd, rc, error;

	fd = ops->openat(ops->ctx, dirfd, FILE_NEW,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	rc = write_all(ops, fd, text, len);
	error = errno;
	(void)ops->close(ops->ctx, fd);
	if (rc == 0 && ops->renameat(ops->ctx, dirfd, FILE_NEW, FILE_NAME) == 0)
		return sync_dir(ops, dirfd);
	if (rc == -1)
		errno = error;
	return -1;
}

int
rules_save(const struct rules *r, const struct store_ops *ops, int dirfd)
{
	size_t i, n, len = 0;
	char *text;
	int rc;

	text = malloc(r->n * RULE_LINE + 1);
	if (text == NULL)
		return -1;
	for (i = 0; i < r->n; i++) {
		rules_print(&r->v[i], text + len);
		n = strlen(text + len);
		text[len + n] = '\n';
		len += n + 1;
	}
	rc = replace(ops, dirfd, text, len);
	free(text);
	return rc;
}

void
rules_set_aside(const struct store_ops *ops, int dirfd)
{
	(void)ops->renameat(ops->ctx, dirfd, FILE_NAME, FILE_BAD);
}

static int
take_lines(struct rules *r, char *text)
{
	struct cq_rule rule;
	char *line, *end;
	int bad = 0;

	for (line = text; *line != '\0'; line = end) {
		end = strchr(line, '\n');
		if (end == NULL)
			end = line + strlen(line);
		else
			*end++ = '\0';
		if (*line == '\0' || *line == '#')
			continue;
		if (rules_parse(line, &rule) == -1 || rules_set(r, &rule) == -1)
			bad++;
	}
	return bad;
}

int
rules_load(struct rules *r, const struct store_ops *ops, int dirfd)
{
	size_t cap = (size_t)RULES_MAX * RULE_LINE, len = 0;
	ssize_t n = 0;
	char *text;
	int fd, rc;

	fd = ops->openat(ops->ctx, dirfd, FILE_NAME, O_RDONLY | O_CLOEXEC, 0);
	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	text = malloc(cap + 1);
	while (text != NULL && len < cap &&
	    (n = ops->pread(ops->ctx, fd, text + len, cap - len, (off_t)len)) >
		0)
		len += (size_t)n;
	rc = text == NULL || n == -1 ? -1 : 0;
	if (rc == 0) {
		text[len] = '\0';
		rc = take_lines(r, text);
	}
	free(text);
	(void)ops->close(ops->ctx, fd);
	return rc;
}
