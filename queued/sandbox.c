/* SPDX-License-Identifier: ISC */
/* Every system call that queued needs beyond those of every process. */
#include "queued/edges.h"

const struct sandbox_call queued_calls[] = {
	/* the spool: all by a directory that is held open */
	{ "openat", SB_DIRFD, "segments and spilled messages" },
	{ "pread64", SB_ANY, "read them; bodies handed over as memfds" },
	{ "pwrite64", SB_ANY, "the log" },
	{ "fdatasync", SB_ANY, "group commit" },
	{ "fsync", SB_ANY, "spilled messages and their directory" },
	{ "fstatfs", SB_ANY, "room on the disk" },
	{ "renameat", SB_DIRFD, "a segment is used again" },
	{ "renameat2", SB_DIRFD, "the same, where renameat is not" },
	{ "unlinkat", SB_DIRFD, "a spilled message is done with" },
	{ "mkdirat", SB_DIRFD, "places for spilled messages" },
	{ "getdents64", SB_ANY, "what is there at start" },
	{ "lseek", SB_ANY, "readdir(3)" },
	{ "flock", SB_ANY, "one owner of a spool" },
	/* messages */
	{ "sendmsg", SB_SENDMSG, "large messages to smtpd-out" },
	{ "memfd_create", SB_ANY, "a copy of one message for smtpd-out" },
	{ "write", SB_ANY, "into that memfd" },
	{ "fcntl", SB_ADD_SEALS, "so that it cannot be changed" },
	{ "fcntl", SB_GET_SEALS, "can what we were handed be changed" },
};
const size_t queued_ncalls = sizeof(queued_calls) / sizeof(queued_calls[0]);
