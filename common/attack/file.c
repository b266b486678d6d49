/* SPDX-License-Identifier: ISC */
/* Files, mounts, and what can be had through /proc: see attack.h. */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/openat2.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/attack/attack.h"

#define TIOCSTI_ 0x5412

static int
answer(long rc)
{
	return rc == -1 ? errno : 0;
}

/* A name that nobody has, nor another that attacks at the same time. */
static const char *
new_file(void)
{
	static char name[64];

	(void)snprintf(name, sizeof(name), "/postern-selftest-%ld",
	    syscall(SYS_getpid));
	return name;
}

static long
open_at(int dir, const char *path, int flags)
{
	return syscall(SYS_openat, dir, path, flags, 0600);
}

int
attack_read(const struct attack_env *e)
{
	return answer(open_at(AT_FDCWD, e->secret, O_RDONLY));
}

int
attack_openat2(const struct attack_env *e)
{
	struct open_how how = { .flags = O_RDONLY };

	return answer(
	    syscall(SYS_openat2, AT_FDCWD, e->secret, &how, sizeof(how)));
}

int
attack_create(const struct attack_env *e)
{
	(void)e;
	if (open_at(AT_FDCWD, new_file(), O_WRONLY | O_CREAT | O_EXCL) == -1)
		return errno;
	(void)syscall(SYS_unlinkat, AT_FDCWD, new_file(), 0);
	return 0;
}

int
attack_truncate(const struct attack_env *e)
{
	struct stat st;

	/* to the length that it has */
	if (syscall(SYS_newfstatat, AT_FDCWD, e->secret, &st, 0) == -1)
		return errno;
	return answer(syscall(SYS_truncate, e->secret, st.st_size));
}

int
attack_link(const struct attack_env *e)
{
	if (syscall(SYS_symlinkat, e->secret, AT_FDCWD, new_file()) == -1)
		return errno;
	(void)syscall(SYS_unlinkat, AT_FDCWD, new_file(), 0);
	return 0;
}

/* To what it is. */
int
attack_chmod(const struct attack_env *e)
{
	struct stat st;

	(void)e;
	if (syscall(SYS_newfstatat, AT_FDCWD, "/", &st, 0) == -1)
		return errno;
	return answer(syscall(SYS_fchmodat, AT_FDCWD, "/", st.st_mode & 07777));
}

/* Out of the directory that it holds open. */
int
attack_dotdot(const struct attack_env *e)
{
	char path[256];
	int n;

	if (e->dir == -1)
		return ATTACK_NONE;
	n = snprintf(path, sizeof(path), "../../../../../../..%s", e->secret);
	if (n < 0 || n >= (int)sizeof(path))
		return ENAMETOOLONG;
	return answer(open_at(e->dir, path, O_RDONLY));
}

/* By number instead of by name: no directory in between is asked. */
int
attack_handle(const struct attack_env *e)
{
	struct {
		struct file_handle h;
		unsigned char bytes[MAX_HANDLE_SZ];
	} f = { .h = { .handle_bytes = MAX_HANDLE_SZ } };
	int mount;
	long dir = e->dir;

	if (syscall(SYS_name_to_handle_at, AT_FDCWD, "/", &f.h, &mount, 0) ==
	    -1)
		return errno;
	if (dir == -1 &&
	    (dir = open_at(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY)) == -1)
		return errno;
	return answer(syscall(SYS_open_by_handle_at, (int)dir, &f.h, O_RDONLY));
}

int
attack_chroot(const struct attack_env *e)
{
	(void)e;
	return answer(syscall(SYS_chroot, "/"));
}

int
attack_mount(const struct attack_env *e)
{
	(void)e;
	if (syscall(SYS_mount, "none", "/", "tmpfs", 0, "size=4k") == -1)
		return errno;
	(void)syscall(SYS_umount2, "/", 0);
	return 0;
}

int
attack_fsopen(const struct attack_env *e)
{
	(void)e;
	return answer(syscall(SYS_fsopen, "tmpfs", 0));
}

int
attack_mknod(const struct attack_env *e)
{
	(void)e;
	/* the memory of the machine: major 1, minor 1 */
	if (syscall(SYS_mknodat, AT_FDCWD, new_file(), S_IFCHR | 0600, 0x101) ==
	    -1)
		return errno;
	(void)syscall(SYS_unlinkat, AT_FDCWD, new_file(), 0);
	return 0;
}

static int
of_above(const struct attack_env *e, const char *what, int flags)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)e->above, what);
	return answer(open_at(AT_FDCWD, path, flags));
}

int
attack_proc_fd(const struct attack_env *e)
{
	return of_above(e, "fd/0", O_RDONLY);
}

int
attack_proc_mem(const struct attack_env *e)
{
	return of_above(e, "mem", O_RDWR);
}

/* A letter typed at the operator's terminal; else, that it may ask at all. */
int
attack_ioctl(const struct attack_env *e)
{
	int error;

	(void)e;
	error = answer(syscall(SYS_ioctl, STDERR_FILENO, TIOCSTI_, "\n"));
	return error == ENOTTY || error == EIO ? 0 : error;
}
