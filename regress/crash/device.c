/* SPDX-License-Identifier: ISC */
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <linux/loop.h>

#include <bsd/err.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "regress/crash/device.h"

#define MIB	  (1024ULL * 1024)
#define TRIES	  1000
#define NO_SUPER  UINT64_MAX
#define LOOP_NAME 32

/* Small, but as a host's: 4 KiB blocks, checksums, nothing left for later. */
static const char *const mk_ext4[] = { "mkfs.ext4", "-q", "-F", "-T", "default",
	"-b", "4096", "-J", "size=4", "-E",
	"lazy_itable_init=0,lazy_journal_init=0,nodiscard", NULL };
static const char *const mk_xfs[] = { "mkfs.xfs", "-q", "-f", "-K", NULL };
static const char *const mk_btrfs[] = { "mkfs.btrfs", "-q", "-f", "-K", NULL };

static const char *const magic_none[] = { NULL };
/* Headers of groups, of B-trees' and of directories' blocks. */
static const char *const magic_xfs[] = { "XAGF", "XAGI", "XAFL", "AB3B", "AB3C",
	"IAB3", "FIB3", "RMB3", "R3FC", "BMA3", "XDB3", "XDD3", "XDF3", NULL };

static const struct fstype types[] = {
	{ "ext4", 32 * MIB, mk_ext4, NULL, { 0, NO_SUPER }, magic_none },
	/* the state before may still be going away, with the same UUID */
	{ "xfs", 320 * MIB, mk_xfs, "nouuid", { NO_SUPER, NO_SUPER },
	    magic_xfs },
	{ "btrfs", 128 * MIB, mk_btrfs, NULL, { 64 * 1024, 64 * MIB },
	    magic_none },
};

const struct fstype *
fstype_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

bool
fstype_whole(const struct fstype *fs, uint64_t off, const uint8_t *p)
{
	size_t i;

	for (i = 0; i < sizeof(fs->super) / sizeof(fs->super[0]); i++)
		if (off / FSTYPE_BLOCK == fs->super[i] / FSTYPE_BLOCK)
			return true;
	for (i = 0; fs->magic[i] != NULL; i++)
		if (memcmp(p, fs->magic[i], strlen(fs->magic[i])) == 0)
			return true;
	return false;
}

void
device_mkfs(const struct fstype *fs, const char *file)
{
	char *argv[16];
	posix_spawn_file_actions_t fa;
	int i, status, error;
	pid_t pid;

	for (i = 0; fs->mk[i] != NULL; i++)
		memcpy(&argv[i], &fs->mk[i], sizeof(argv[i]));
	memcpy(&argv[i++], &file, sizeof(argv[i]));
	argv[i] = NULL;
	if (posix_spawn_file_actions_init(&fa) != 0 ||
	    posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null",
		O_WRONLY, 0) != 0)
		errx(1, "posix_spawn_file_actions");
	error = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (error != 0)
		errc(1, error, "%s: build-aux/deps.sh check installs it",
		    argv[0]);
	if (waitpid(pid, &status, 0) == -1)
		err(1, "waitpid");
	if (status != 0)
		errx(1, "%s failed", argv[0]);
}

/* A free loop device; somebody else may be faster. */
static int
attach_one(int control, int file, char name[LOOP_NAME])
{
	struct loop_config cf = { .fd = (uint32_t)file,
		.info = { .lo_flags = LO_FLAGS_AUTOCLEAR } };
	int n, fd, save;

	n = ioctl(control, LOOP_CTL_GET_FREE);
	if (n == -1)
		err(1, "/dev/loop-control: no free loop device");
	(void)snprintf(name, LOOP_NAME, "/dev/loop%d", n);
	fd = open(name, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		err(1, "%s: the simulated disk needs a loop device", name);
	if (ioctl(fd, LOOP_CONFIGURE, &cf) == 0)
		return fd;
	save = errno;
	(void)close(fd);
	if (save != EBUSY)
		errc(1, save, "%s: LOOP_CONFIGURE", name);
	return -1;
}

static int
attach(const char *path, char name[LOOP_NAME])
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int file = open(path, O_RDWR | O_CLOEXEC), fd = -1, i;

	if (control == -1)
		err(1,
		    "/dev/loop-control: the simulated disk needs a loop "
		    "device");
	if (file == -1)
		err(1, "%s", path);
	for (i = 0; i < TRIES && fd == -1; i++)
		fd = attach_one(control, file, name);
	if (fd == -1)
		errx(1, "no loop device in %d tries", TRIES);
	(void)close(control);
	(void)close(file);
	return fd;
}

int
device_mount(const struct fstype *fs, const char *file, const char *dir,
    const char *options)
{
	char name[LOOP_NAME];
	int fd = attach(file, name), r, save;

	r = mount(name, dir, fs->name, MS_NOSUID | MS_NODEV | MS_NOEXEC,
	    options);
	save = errno;
	(void)close(fd); /* the mount holds it now, or nobody */
	if (r == -1 && save == ENODEV)
		errx(1, "this kernel has no %s", fs->name);
	errno = save;
	return r;
}

void
device_unmount(const char *dir)
{
	if (umount2(dir, 0) == -1)
		err(1, "%s: umount", dir);
}
