/* SPDX-License-Identifier: ISC */
/*
 * The log says of each segment where it ends when the next one begins.  That
 * the newest segment is not there any more nothing in the log can tell, so its
 * number is kept beside it, in "last": u32 magic, u32 number, u32 CRC of both.
 * It is a hint: what cannot be written or read is done without.
 */
#include <fcntl.h>

#include "queued/store/crc32c.h"
#include "queued/store/internal.h"
#include "queued/store/le.h"

#define LAST_NAME  "last"
#define LAST_LEN   12
#define LAST_MAGIC 0x74734c50U /* "PLst" */

void
last_write(struct store *s, uint32_t seq)
{
	uint8_t buf[LAST_LEN];
	int fd;

	le32_put(buf, LAST_MAGIC);
	le32_put(buf + 4, seq);
	le32_put(buf + 8, crc32c(0, buf, 8));
	fd = s->ops->openat(s->ops->ctx, s->dirfd, LAST_NAME,
	    O_WRONLY | O_CREAT, 0600);
	if (fd == -1)
		return;
	if (full_pwrite(s, fd, buf, sizeof(buf), 0) == 0)
		(void)s->ops->fdatasync(s->ops->ctx, fd);
	(void)s->ops->close(s->ops->ctx, fd);
}

uint32_t
last_read(struct store *s)
{
	uint8_t buf[LAST_LEN];
	ssize_t n;
	int fd;

	fd = s->ops->openat(s->ops->ctx, s->dirfd, LAST_NAME, O_RDONLY, 0);
	if (fd == -1)
		return 0;
	n = full_pread(s, fd, buf, sizeof(buf), 0);
	(void)s->ops->close(s->ops->ctx, fd);
	if (n != LAST_LEN || le32_get(buf) != LAST_MAGIC ||
	    le32_get(buf + 8) != crc32c(0, buf, 8))
		return 0;
	return le32_get(buf + 4);
}
