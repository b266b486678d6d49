/* SPDX-License-Identifier: ISC */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bsd/err.h>
#include <bsd/string.h>

#include "regress/crash/liar.h"

#define SPILLED "msg/"

const char *
control_name(enum control control)
{
	switch (control) {
	case CONTROL_NONE:
		return "none";
	case CONTROL_EARLY:
		return "early";
	case CONTROL_NODIR:
		return "nodir";
	}
	return "?";
}

static bool
starts(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool
is_directory(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		err(1, "fstat");
	return S_ISDIR(st.st_mode);
}

/* --- a file's sync after the acknowledgement --- */

static int
pay_one(struct liar *l, int fd)
{
	size_t i;

	for (i = 0; i < l->nowed; i++) {
		if (l->owed[i] != fd)
			continue;
		l->owed[i] = l->owed[--l->nowed];
		return l->real->fsync(NULL, fd);
	}
	return 0;
}

static void
pay_all(struct liar *l)
{
	while (l->nowed > 0)
		if (pay_one(l, l->owed[0]) == -1)
			err(1, "fsync");
}

static int
owe(struct liar *l, int fd)
{
	if (l->nowed == LIAR_FDS)
		pay_all(l);
	l->owed[l->nowed++] = fd;
	return 0;
}

static int
liar_fdatasync(void *ctx, int fd)
{
	struct liar *l = ctx;

	if (l->control == CONTROL_EARLY)
		return owe(l, fd);
	return l->real->fdatasync(NULL, fd);
}

/* --- a name, and no sync of the directory --- */

static void
temporary(char tmp[64], const char *name)
{
	(void)snprintf(tmp, 64, "%.48s.tmp", name);
}

static int
liar_openat(void *ctx, int dir, const char *name, int flags, mode_t mode)
{
	struct liar *l = ctx;
	char tmp[64];

	if (!(flags & O_CREAT) || !starts(name, SPILLED))
		return l->real->openat(NULL, dir, name, flags, mode);
	l->spilled++;
	if (l->control != CONTROL_NODIR)
		return l->real->openat(NULL, dir, name, flags, mode);
	if (l->nunnamed == LIAR_NAMES)
		errx(1, "liar: too many files without a name");
	(void)strlcpy(l->unnamed[l->nunnamed++], name, sizeof(l->unnamed[0]));
	temporary(tmp, name);
	return l->real->openat(NULL, dir, tmp, flags, mode);
}

/* Names are relative to the spool; a descriptor below it does not do. */
static int
give_names(struct liar *l)
{
	const char *name;
	char tmp[64];

	while (l->nunnamed > 0) {
		name = l->unnamed[--l->nunnamed];
		temporary(tmp, name);
		if (l->real->renameat(NULL, l->dirfd, tmp, name) == -1)
			return -1;
	}
	return 0;
}

static int
liar_fsync(void *ctx, int fd)
{
	struct liar *l = ctx;
	bool dir = is_directory(fd);

	if (l->control == CONTROL_EARLY && !dir)
		return owe(l, fd);
	if (l->control == CONTROL_NODIR && dir)
		return l->cow ? 0 : give_names(l);
	return l->real->fsync(NULL, fd);
}

void
liar_pay(struct liar *l)
{
	pay_all(l);
	if (give_names(l) == -1)
		err(1, "rename");
}

static int
liar_close(void *ctx, int fd)
{
	struct liar *l = ctx;
	int r = pay_one(l, fd);

	return l->real->close(NULL, fd) == -1 ? -1 : r;
}

/* --- as they are --- */

static int
liar_renameat(void *ctx, int dir, const char *from, const char *to)
{
	struct liar *l = ctx;

	if (starts(from, "seg."))
		l->recycled++;
	else
		l->made++;
	return l->real->renameat(NULL, dir, from, to);
}

static int
liar_unlinkat(void *ctx, int dir, const char *name)
{
	struct liar *l = ctx;

	if (starts(name, SPILLED) || starts(name, "seg."))
		l->removed++;
	return l->real->unlinkat(NULL, dir, name);
}

void
liar_init(struct liar *l, enum control control, int dirfd)
{
	struct store_fsinfo info;

	memset(l, 0, sizeof(*l));
	l->real = store_ops_posix();
	l->control = control;
	l->dirfd = dirfd;
	if (l->real->fsinfo(NULL, dirfd, &info) == -1)
		err(1, "statfs");
	l->cow = info.cow;
	l->ops = *l->real; /* those not named here take no context */
	l->ops.ctx = l;
	l->ops.openat = liar_openat;
	l->ops.close = liar_close;
	l->ops.fdatasync = liar_fdatasync;
	l->ops.fsync = liar_fsync;
	l->ops.renameat = liar_renameat;
	l->ops.unlinkat = liar_unlinkat;
}
