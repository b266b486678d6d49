/* SPDX-License-Identifier: ISC */
/*
 * Files of an export.  One that is written gets its name when it is whole and
 * synced; the names become durable when their directory is synced.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "queued/spool.h"
#include "queued/store/crc32c.h"

#define BUFFER	  ((size_t)64 * 1024)
#define FILE_MODE 0600

int
spool_dir_open(int dir, const char *name)
{
	return openat(dir, name,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

int
spool_dir_sync(int fd)
{
	int again = spool_dir_open(fd, "."), r, error;

	if (again == -1)
		return -1;
	r = fsync(again);
	error = errno;
	(void)close(again);
	errno = error;
	return r;
}

/* --- writing --- */

int
spool_file_begin(struct spool_file *f, int dir, const char *name)
{
	memset(f, 0, sizeof(*f));
	f->dir = dir;
	f->fd = -1;
	(void)strlcpy(f->name, name, sizeof(f->name));
	(void)snprintf(f->temp, sizeof(f->temp), ".%.32s.tmp", name);
	f->buf = malloc(BUFFER);
	if (f->buf == NULL)
		return -1;
	(void)unlinkat(dir, f->temp, 0); /* of an export that was cut off */
	f->fd = openat(dir, f->temp,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (f->fd != -1)
		return 0;
	free(f->buf);
	f->buf = NULL;
	return -1;
}

static int
write_all(int fd, const uint8_t *p, size_t len, uint64_t off)
{
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, p, len, (off_t)off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
		off += (uint64_t)n;
	}
	return 0;
}

static void
flush(struct spool_file *f)
{
	if (f->len > 0 && !f->failed &&
	    write_all(f->fd, f->buf, f->len, f->size - f->len) == -1)
		f->failed = true;
	f->len = 0;
}

void
spool_file_put(struct spool_file *f, const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t n;

	if (len == 0)
		return;
	f->crc = crc32c(f->crc, p, len);
	for (; len > 0; len -= n, p += n) {
		if (f->len == BUFFER)
			flush(f);
		n = len < BUFFER - f->len ? len : BUFFER - f->len;
		memcpy(f->buf + f->len, p, n);
		f->len += n;
		f->size += n;
	}
}

void
spool_file_print(struct spool_file *f, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line)) {
		f->failed = true;
		errno = EMSGSIZE;
		return;
	}
	spool_file_put(f, line, (size_t)n);
}

static void
finish(struct spool_file *f)
{
	if (f->fd != -1)
		(void)close(f->fd);
	f->fd = -1;
	free(f->buf);
	f->buf = NULL;
}

int
spool_file_end(struct spool_file *f)
{
	int error;

	flush(f);
	if (!f->failed && fsync(f->fd) == 0 &&
	    renameat(f->dir, f->temp, f->dir, f->name) == 0) {
		finish(f);
		return 0;
	}
	error = errno;
	spool_file_abort(f);
	errno = error;
	return -1;
}

void
spool_file_abort(struct spool_file *f)
{
	(void)unlinkat(f->dir, f->temp, 0);
	finish(f);
}

/* --- reading --- */

static int
read_at(int fd, uint8_t *p, size_t len, uint64_t off)
{
	ssize_t n;

	while (len > 0) {
		n = pread(fd, p, len, (off_t)off);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* it shrinks while it is read */
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
		off += (uint64_t)n;
	}
	return 0;
}

uint8_t *
spool_file_read(int dir, const char *name, size_t *len)
{
	struct stat st;
	uint8_t *p = NULL;
	int fd, error;

	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		errno = EINVAL;
	else if ((p = malloc((size_t)st.st_size + 1)) != NULL &&
	    read_at(fd, p, (size_t)st.st_size, 0) == 0) {
		*len = (size_t)st.st_size;
		p[*len] = '\0';
		(void)close(fd);
		return p;
	}
	error = errno;
	free(p);
	(void)close(fd);
	errno = error;
	return NULL;
}

int
spool_file_sum(int fd, uint64_t *size, uint32_t *crc)
{
	uint8_t *buf = malloc(BUFFER);
	struct stat st;
	uint64_t off;
	size_t n;
	int r = -1;

	if (buf == NULL || fstat(fd, &st) == -1)
		goto out;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		goto out;
	}
	*size = (uint64_t)st.st_size;
	*crc = 0;
	for (off = 0; off < *size; off += n) {
		n = *size - off < BUFFER ? (size_t)(*size - off) : BUFFER;
		if (read_at(fd, buf, n, off) == -1)
			goto out;
		*crc = crc32c(*crc, buf, n);
	}
	r = 0;
out:
	free(buf);
	return r;
}
