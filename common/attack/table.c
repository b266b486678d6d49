/* SPDX-License-Identifier: ISC */
/* The list: see attack.h. */
#include "common/attack/attack.h"

#define CONND ATTACK_JOB(PROC_CONND)
#define ALL   0xffffffffU

/* A sanitizer's shadow takes terabytes: in such builds memory has no limit. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZER ALL
#else
#define SANITIZER 0
#endif

const struct attack attacks[] = {
	/* a connection of its own */
	{ "tcp", "a connection to the intranet", CONND, attack_inet_stream },
	{ "tcp-mptcp", "the same by multipath TCP", 0, attack_mptcp },
	{ "tcp-v6", "the same, the address mapped", CONND, attack_inet6 },
	{ "udp", "datagrams to anywhere", CONND, attack_inet_dgram },
	{ "raw", "packets with forged headers", 0, attack_raw },
	{ "packet", "the wire", 0, attack_packet },
	{ "netlink", "the network's configuration", 0, attack_netlink },
	{ "vsock", "the host of a virtual machine", 0, attack_vsock },
	{ "alg", "the kernel's cryptography", 0, attack_alg },
	{ "unix-abstract", "services of the host", 0, attack_abstract },
	{ "unix-path", "services of the host", 0, attack_unix_path },
	{ "second-listener", "a door of its own", 0, attack_listen },
	{ "other-interface", "a socket on the other side", CONND,
	    attack_device },
	/* one that it was handed */
	{ "listener-connect", "a listener that dials", CONND,
	    attack_listener_connect },
	{ "listener-sendto", "the same by TCP Fast Open", 0,
	    attack_listener_sendto },
	{ "listener-sendmsg", "the same by sendmsg", 0,
	    attack_listener_sendmsg },
	{ "listener-listen", "the queue of the listener", 0,
	    attack_listener_relisten },
	{ "socket-connect", "a session turned inwards", CONND,
	    attack_stream_connect },
	{ "socket-shutdown", "the same by Fast Open", 0, attack_stream_sendto },
	{ "socket-fastopen", "the same, without shutdown", 0,
	    attack_stream_fastopen },
	{ "socket-sendmsg", "the same by sendmsg", 0, attack_stream_sendmsg },
	{ "datagram-sendto", "datagrams to anywhere", 0, attack_dgram_sendto },
	{ "datagram-sendmsg", "the same by sendmsg", 0, attack_dgram_sendmsg },
	{ "datagram-connect", "another server for good", CONND,
	    attack_dgram_connect },
	{ "sendmmsg", "many at once", 0, attack_sendmmsg },
	{ "io-uring", "calls that no filter sees", 0, attack_uring },
	/* files */
	{ "read", "passwords, mail, keys", 0, attack_read },
	{ "openat2", "the same by another call", 0, attack_openat2 },
	{ "create", "a file that others trust", 0, attack_create },
	{ "truncate", "another's file emptied", 0, attack_truncate },
	{ "symlink", "others led astray", 0, attack_link },
	{ "chmod", "rights of files", 0, attack_chmod },
	{ "dot-dot", "out of its directory", 0, attack_dotdot },
	{ "file-handle", "files by number", 0, attack_handle },
	{ "chroot", "out of its root", 0, attack_chroot },
	{ "mount", "other files in their place", 0, attack_mount },
	{ "fsopen", "the same by another call", 0, attack_fsopen },
	{ "mknod", "the machine's memory as a file", 0, attack_mknod },
	{ "proc-fd", "a descriptor of posternd", 0, attack_proc_fd },
	{ "proc-mem", "the memory of posternd", 0, attack_proc_mem },
	{ "ioctl", "keys typed at a terminal", 0, attack_ioctl },
	/* programs and processes */
	{ "exec", "a program", 0, attack_execve },
	{ "exec-memfd", "a program that was sent", 0, attack_memfd_exec },
	{ "fork", "processes without number", 0, attack_fork },
	{ "clone3", "the same by another call", 0, attack_clone3 },
	{ "ptrace", "posternd", 0, attack_ptrace },
	{ "vm-read", "secrets in another's memory", 0, attack_vm_read },
	{ "kill-posternd", "the gateway stopped", 0, attack_kill_above },
	{ "kill-sibling", "another worker stopped", 0, attack_kill_beside },
	{ "tgkill-sibling", "the same by another call", 0,
	    attack_tgkill_beside },
	{ "sigqueue", "the same by another call", 0, attack_sigqueue },
	{ "pidfd-signal", "the same by another call", 0, attack_pidfd_signal },
	{ "pidfd-getfd", "a descriptor of posternd", 0, attack_pidfd_getfd },
	{ "setns", "posternd's network", 0, attack_setns },
	{ "unshare", "capabilities in a namespace", 0, attack_unshare },
	{ "clone-user", "the same by another call", 0, attack_clone_user },
	{ "setuid", "root", 0, attack_setuid },
	{ "setgroups", "another's group", 0, attack_setgroups },
	{ "capset", "a capability", 0, attack_capset },
	{ "dumpable", "cores, and ptrace by its like", 0, attack_dumpable },
	/* memory */
	{ "write-execute", "code of its own", 0, attack_wx },
	{ "mprotect", "data run as code", 0, attack_mprotect },
	{ "personality", "the same by a mode", 0, attack_personality },
	{ "userfaultfd", "races won at leisure", 0, attack_userfaultfd },
	/* the kernel */
	{ "keyctl", "keys in the kernel", 0, attack_keyctl },
	{ "bpf", "code in the kernel", 0, attack_bpf },
	{ "perf", "what others do, by the clock", 0, attack_perf },
	{ "clock", "another time", 0, attack_clock },
	{ "module", "the kernel", 0, attack_module },
	{ "foreign-abi", "calls past the filter", 0, attack_foreign_abi },
	{ "shm", "memory shared with others", 0, attack_shm },
	{ "mqueue", "messages to others", 0, attack_mqueue },
	/* more than its share */
	{ "rlimit", "limits lifted", 0, attack_rlimit },
	{ "memory", "a terabyte", SANITIZER, attack_memory },
	{ "mlock", "memory that is never swapped", 0, attack_mlock },
	{ "descriptors", "ten thousand of them", 0, attack_descriptors },
	{ "priority", "the processor", 0, attack_priority },
	{ "timers", "the kernel's memory, by timers", 0, attack_timers },
};

const size_t attacks_n = sizeof(attacks) / sizeof(attacks[0]);
