/* SPDX-License-Identifier: ISC */
/* Every system call that queued needs beyond those of every process. */
#include "queued/edges.h"
#include "queued/spool.h"

static const struct sandbox_call calls[] = {
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

const struct cage queued_cage = {
	.calls = calls,
	.ncalls = sizeof(calls) / sizeof(calls[0]),
	.uses_dir = true,
	.nofile = 4096,
	.fsize = UINT64_MAX,
	.as = 16ULL * 1024 * 1024 * 1024,
};

/* For the operator, with the gateway stopped or beside it: no messages. */
const struct sandbox_call spool_look_calls[] = {
	{ "openat", SB_DIRFD, "segments and message files" },
	{ "pread64", SB_ANY, "read them" },
	{ "fstatfs", SB_ANY, "the kind of file system" },
	{ "getdents64", SB_ANY, "what is there" },
	{ "lseek", SB_ANY, "readdir(3)" },
	{ "flock", SB_ANY, "is it in use" },
	{ "write", SB_ANY, "what was found, to standard output" },
};
const size_t spool_look_ncalls =
    sizeof(spool_look_calls) / sizeof(spool_look_calls[0]);

const struct sandbox_call spool_copy_calls[] = {
	{ "openat", SB_DIRFD, "segments and message files, of both places" },
	{ "pread64", SB_ANY, "read them" },
	{ "pwrite64", SB_ANY, "write them" },
	{ "fdatasync", SB_ANY, "the log" },
	{ "fsync", SB_ANY, "files and their directories" },
	{ "fstatfs", SB_ANY, "room on the disk" },
	{ "renameat", SB_DIRFD, "a file that is whole gets its name" },
	{ "renameat2", SB_DIRFD, "the same, where renameat is not" },
	{ "unlinkat", SB_DIRFD, "files that came to nothing" },
	{ "mkdirat", SB_DIRFD, "places for message files" },
	{ "getdents64", SB_ANY, "what is there" },
	{ "lseek", SB_ANY, "readdir(3)" },
	{ "flock", SB_ANY, "one owner of a spool" },
	{ "write", SB_ANY, "what was done, to standard output" },
};
const size_t spool_copy_ncalls =
    sizeof(spool_copy_calls) / sizeof(spool_copy_calls[0]);
