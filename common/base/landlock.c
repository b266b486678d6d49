/* SPDX-License-Identifier: ISC */
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "common/base/landlock.h"
#include "common/base/sandbox.h"

#define NR_CREATE_RULESET      444 /* the same on every architecture */
#define NR_ADD_RULE	       445
#define NR_RESTRICT_SELF       446

#define CREATE_RULESET_VERSION 1U
#define RULE_PATH_BENEATH      1

/* enum of uapi/linux/landlock.h, by ABI */
#define FS_EXECUTE     (1ULL << 0)
#define FS_WRITE_FILE  (1ULL << 1)
#define FS_READ_FILE   (1ULL << 2)
#define FS_READ_DIR    (1ULL << 3)
#define FS_REMOVE_DIR  (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_DIR    (1ULL << 7)
#define FS_MAKE_REG    (1ULL << 8)
#define FS_REFER       (1ULL << 13)
#define FS_TRUNCATE    (1ULL << 14)
#define FS_ALL_1       ((1ULL << 13) - 1)
#define FS_ALL_2       ((1ULL << 14) - 1)
#define FS_ALL_3       ((1ULL << 15) - 1)
#define FS_ALL_5       ((1ULL << 16) - 1)
#define NET_ALL_4      3ULL /* bind TCP, connect TCP */
#define SCOPE_ALL_6    3ULL /* abstract unix sockets, signals */

#define FS_SPOOL                                                               \
	(FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_REMOVE_DIR |          \
	    FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER |            \
	    FS_TRUNCATE)

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* ABI 4 */
	uint64_t scoped;	     /* ABI 6 */
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

#define FS_READ (FS_READ_FILE | FS_READ_DIR)

static uint64_t
fs_rights(int abi)
{
	if (abi >= 5)
		return FS_ALL_5;
	if (abi >= 3)
		return FS_ALL_3;
	return abi == 2 ? FS_ALL_2 : FS_ALL_1;
}

static int
allow_dir(int ruleset, int fd, uint64_t rights)
{
	struct path_beneath_attr rule = { .allowed_access = rights,
		.parent_fd = fd };

	return syscall(NR_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) == 0
	    ? 0
	    : -1;
}

static int
allow_root(int ruleset, uint64_t rights)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd == -1)
		return -1;
	rc = allow_dir(ruleset, fd, rights & FS_SPOOL);
	(void)close(fd);
	return rc;
}

static int
allow_dirs(int ruleset, uint64_t rights, const struct sandbox_dir *dirs,
    size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (allow_dir(ruleset, dirs[i].fd,
			rights & (dirs[i].write ? FS_SPOOL : FS_READ)) == -1)
			return -1;
	return 0;
}

int
landlock_enter(bool uses_root, bool uses_net, const struct sandbox_dir *dirs,
    size_t ndirs)
{
	struct ruleset_attr attr = { 0 };
	size_t size = sizeof(attr.handled_access_fs);
	long abi, fd, rc;

	abi = syscall(NR_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
	if (abi <= 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -1;
	attr.handled_access_fs = fs_rights((int)abi);
	if (abi >= 4) {
		attr.handled_access_net = uses_net ? 0 : NET_ALL_4;
		size += sizeof(attr.handled_access_net);
	}
	if (abi >= 6) {
		attr.scoped = SCOPE_ALL_6;
		size += sizeof(attr.scoped);
	}
	fd = syscall(NR_CREATE_RULESET, &attr, size, 0U);
	if (fd == -1)
		return -1;
	if ((uses_root && allow_root((int)fd, attr.handled_access_fs) == -1) ||
	    allow_dirs((int)fd, attr.handled_access_fs, dirs, ndirs) == -1) {
		(void)close((int)fd);
		return -1;
	}
	rc = syscall(NR_RESTRICT_SELF, (int)fd, 0U);
	(void)close((int)fd);
	return rc == 0 ? (int)abi : -1;
}
