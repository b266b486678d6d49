/* SPDX-License-Identifier: ISC */
/* The FUSE protocol, as far as a loop device and mkfs need it: fuse(4). */
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <linux/fuse.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "regress/crash/disk.h"

#define WRITE_MAX (1024 * 1024)
#define PAGE	  4096
#define FOREVER	  3600 /* seconds that the kernel may keep attributes */

struct call {
	struct disk *d;
	int fd;
	const struct fuse_in_header *h;
	const uint8_t *arg; /* what follows the header */
	size_t len;	    /* of it */
};

static void
answer(const struct call *c, int error, const void *p, size_t len)
{
	struct fuse_out_header h = { .len = (uint32_t)(sizeof(h) + len),
		.error = -error,
		.unique = c->h->unique };
	struct iovec iov[2] = { { &h, sizeof(h) }, { NULL, len } };

	memcpy(&iov[1].iov_base, &p, sizeof(p)); /* only read */
	if (writev(c->fd, iov, len > 0 ? 2 : 1) == -1 && errno != ENOENT &&
	    errno != ENODEV)
		err(1, "/dev/fuse: answer");
}

static void
call_init(const struct call *c)
{
	const struct fuse_init_in *in = (const void *)c->arg;
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead,
		.flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES,
		.max_write = WRITE_MAX,
		.max_pages = WRITE_MAX / PAGE,
		.time_gran = 1 };

	if (in->minor < out.minor)
		out.minor = in->minor;
	answer(c, 0, &out, sizeof(out));
}

static void
call_attr(const struct call *c)
{
	struct fuse_attr_out out = { .attr_valid = FOREVER,
		.attr = { .ino = FUSE_ROOT_ID,
		    .size = c->d->size,
		    .blocks = c->d->size / 512,
		    .mode = S_IFREG | 0600,
		    .nlink = 1,
		    .blksize = PAGE } };

	answer(c, 0, &out, sizeof(out));
}

static void
call_open(const struct call *c)
{
	struct fuse_open_out out = { .open_flags = FOPEN_DIRECT_IO };

	answer(c, 0, &out, sizeof(out));
}

static void
call_statfs(const struct call *c)
{
	struct fuse_statfs_out out = { .st = { .bsize = PAGE,
					   .frsize = PAGE,
					   .namelen = 255,
					   .blocks = c->d->size / PAGE } };

	answer(c, 0, &out, sizeof(out));
}

static void
call_read(const struct call *c)
{
	const struct fuse_read_in *in = (const void *)c->arg;
	uint64_t len = in->size, size = c->d->size;

	if (in->offset >= size)
		len = 0;
	else if (len > size - in->offset)
		len = size - in->offset;
	answer(c, 0, c->d->bytes + in->offset, (size_t)len);
}

static void
call_write(const struct call *c)
{
	const struct fuse_write_in *in = (const void *)c->arg;
	const uint8_t *p = c->arg + sizeof(*in);
	struct fuse_write_out out = { .size = in->size };

	if (c->len < sizeof(*in) || in->size > c->len - sizeof(*in) ||
	    in->offset > c->d->size || in->size > c->d->size - in->offset) {
		answer(c, ENOSPC, NULL, 0);
		return;
	}
	memcpy(c->d->bytes + in->offset, p, in->size);
	tape_add(c->d->tape, TAPE_WRITE, in->offset, p, in->size);
	answer(c, 0, &out, sizeof(out));
}

static void
call_fsync(const struct call *c)
{
	tape_add(c->d->tape, TAPE_FLUSH, 0, NULL, 0);
	answer(c, 0, NULL, 0);
}

static void
call_nothing(const struct call *c)
{
	answer(c, 0, NULL, 0);
}

static void
call_silence(const struct call *c)
{
	(void)c;
}

static const struct {
	uint32_t op;
	void (*call)(const struct call *);
} calls[] = {
	{ FUSE_INIT, call_init },
	{ FUSE_GETATTR, call_attr },
	{ FUSE_SETATTR, call_attr }, /* the size stays what it is */
	{ FUSE_OPEN, call_open },
	{ FUSE_RELEASE, call_nothing },
	{ FUSE_STATFS, call_statfs },
	{ FUSE_READ, call_read },
	{ FUSE_WRITE, call_write },
	{ FUSE_FSYNC, call_fsync },
	{ FUSE_DESTROY, call_nothing },
	{ FUSE_FORGET, call_silence },
	{ FUSE_BATCH_FORGET, call_silence },
	{ FUSE_INTERRUPT, call_silence },
};
#define NCALLS (sizeof(calls) / sizeof(calls[0]))

static void
dispatch(const struct call *c)
{
	size_t i;

	for (i = 0; i < NCALLS && calls[i].op != c->h->opcode; i++)
		;
	if (i < NCALLS)
		calls[i].call(c);
	else
		answer(c, ENOSYS, NULL, 0);
}

static void
serve(struct disk *d, int fd)
{
	static uint64_t buf[(WRITE_MAX + PAGE) / sizeof(uint64_t)];
	struct call c = { .d = d, .fd = fd };
	ssize_t n;

	for (;;) {
		n = read(fd, buf, sizeof(buf));
		if (n == -1 && (errno == EINTR || errno == ENOENT))
			continue;
		if (n == -1 && errno == ENODEV)
			_exit(0); /* unmounted */
		if (n < (ssize_t)sizeof(*c.h))
			err(1, "/dev/fuse: read");
		c.h = (const void *)buf;
		c.arg = (const uint8_t *)buf + sizeof(*c.h);
		c.len = (size_t)n - sizeof(*c.h);
		dispatch(&c);
	}
}

static int
mount_file(const char *path)
{
	char options[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd == -1)
		err(1, "/dev/fuse: the simulated disk needs FUSE");
	(void)snprintf(options, sizeof(options),
	    "fd=%d,rootmode=%o,user_id=0,group_id=0", fd, S_IFREG | 0600U);
	if (mount("powercut", path, "fuse", MS_NOSUID | MS_NODEV, options) ==
	    -1)
		err(1, "%s: mount of a FUSE disk", path);
	return fd;
}

void
disk_start(struct disk *d, uint64_t size, struct tape *tape, const char *path)
{
	int fd = mount_file(path);
	pid_t parent = getpid();

	d->size = size;
	d->tape = tape;
	d->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (d->bytes == MAP_FAILED)
		err(1, "mmap");
	d->server = fork();
	if (d->server == -1)
		err(1, "fork");
	if (d->server != 0) {
		(void)close(fd);
		return;
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent)
		_exit(1);
	serve(d, fd);
}
