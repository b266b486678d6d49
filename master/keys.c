/* SPDX-License-Identifier: ISC */
/* Certificates and keys: see keys.h. */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/msg/key_set.h"
#include "master/keys.h"
#include "master/spawn.h"
#include "master/super.h"

#define CHECK_TIME 10000 /* ms */
#define SET_FD	   3
#define SOON	   14 /* days: a warning */
#define DAY	   86400
#define NOBODY	   65534
#define ALL_SEALS  (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* --- files --- */

static int
open_file(const char *path, struct stat *st)
{
	int fd, error;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return -1;
	error = fstat(fd, st) == -1 ? errno : 0;
	if (error == 0 && !S_ISREG(st->st_mode))
		error = EINVAL;
	if (error == 0 && st->st_size > KS_FILE_MAX)
		error = EFBIG;
	if (error == 0)
		return fd;
	(void)close(fd);
	errno = error;
	return -1;
}

static int
add_bytes(int set, const void *p, size_t len)
{
	return write(set, p, len) == (ssize_t)len ? 0 : -1;
}

static int
add_file(int set, int fd, size_t len)
{
	off_t off = 0;
	ssize_t n;

	while ((size_t)off < len) {
		n = sendfile(set, fd, &off, len - (size_t)off);
		if (n == 0)
			errno = EIO; /* it became shorter */
		if (n <= 0)
			return -1;
	}
	return 0;
}

/* From the set, whose end it is: what is checked there is what is shown. */
static int
read_chain(struct conf_cert *cert, int set, size_t len)
{
	off_t end = lseek(set, 0, SEEK_CUR);

	cert->chain = malloc(len + 1);
	if (cert->chain == NULL || end == -1)
		return -1;
	if (pread(set, cert->chain, len, end - (off_t)len) != (ssize_t)len) {
		errno = EIO;
		return -1;
	}
	cert->chain_len = (uint32_t)len;
	return 0;
}

static void
cannot_read(struct config *c, const struct conf_cert *cert, const char *what,
    const char *path)
{
	const char *why = strerror(errno);

	if (errno == EFBIG)
		why = "is too large for PEM";
	else if (errno == EINVAL)
		why = "is not a plain file";
	report_error(&c->report, cert->pos.line, "tls %s \"%.200s\": %s", what,
	    path, why);
}

/* 0: it is in the set; -1: not, and why was said */
static int
add_pair(struct config *c, struct conf_cert *cert, int set, bool strict)
{
	struct ks_entry e = { .uses = cert->uses };
	uint8_t mem[KS_ENTRY_LEN];
	struct stat st, kst;
	int fd, kfd, rc = -1;
	struct ibuf b;

	if ((fd = open_file(cert->chain_path, &st)) == -1) {
		cannot_read(c, cert, "certificate", cert->chain_path);
		return -1;
	}
	kfd = open_file(cert->key_path, &kst);
	if (kfd == -1 && errno == EACCES && !strict) {
		report_warning(&c->report, cert->pos.line,
		    "key \"%.200s\": not checked, only root may read it",
		    cert->key_path);
		goto done;
	}
	if (kfd == -1) {
		cannot_read(c, cert, "key", cert->key_path);
		goto done;
	}
	if ((kst.st_mode & (S_IROTH | S_IWOTH)) != 0) {
		report_error(&c->report, cert->pos.line,
		    "key \"%.200s\": everybody may read or write it: chmod "
		    "o-rw",
		    cert->key_path);
		goto done;
	}
	e.chain_len = (uint32_t)st.st_size;
	e.key_len = (uint32_t)kst.st_size;
	ibuf_wrap(&b, mem, sizeof(mem));
	rc = put_ks_entry(&b, &e);
	if (rc == -1 || add_bytes(set, mem, sizeof(mem)) == -1 ||
	    add_file(set, fd, e.chain_len) == -1 ||
	    read_chain(cert, set, e.chain_len) == -1 ||
	    add_file(set, kfd, e.key_len) == -1) {
		cannot_read(c, cert, "certificate", cert->chain_path);
		rc = -1;
	}
done:
	(void)close(fd);
	if (kfd != -1)
		(void)close(kfd);
	return rc;
}

static int
make_set(struct config *c, bool strict)
{
	struct conf *conf = c->conf;
	uint8_t mem[KS_HEAD_LEN];
	bool all = true;
	struct ibuf b;
	uint32_t i;
	int set;

	set = memfd_create("keys", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ibuf_wrap(&b, mem, sizeof(mem));
	(void)ibuf_add_n32(&b, KS_MAGIC);
	(void)ibuf_add_n32(&b, conf->ncerts);
	if (set == -1 || add_bytes(set, mem, sizeof(mem)) == -1) {
		report_error(&c->report, 0, "a place for keys: %s",
		    strerror(errno));
		all = false;
	}
	for (i = 0; set != -1 && i < conf->ncerts; i++)
		if (add_pair(c, &conf->certs[i], set, strict) == -1)
			all = false;
	if (all && fcntl(set, F_ADD_SEALS, ALL_SEALS) == 0)
		return set;
	if (set != -1)
		(void)close(set);
	return -1;
}

/* --- keyd -c --- */

static __attribute__((noreturn)) void
child_main(const char *path, const struct passwd *pw, int set, int answer)
{
	char name[] = "keyd", option[] = "-c", uid[16], gid[16];
	char *argv[] = { name, option, uid, gid, NULL }, *envp[] = { NULL };
	sigset_t none;

	(void)snprintf(uid, sizeof(uid), "%u", pw ? pw->pw_uid : NOBODY);
	(void)snprintf(gid, sizeof(gid), "%u", pw ? pw->pw_gid : NOBODY);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	set = fcntl(set, F_DUPFD, SET_FD + 1);
	answer = fcntl(answer, F_DUPFD, SET_FD + 1);
	if (set == -1 || answer == -1 || dup2(answer, STDOUT_FILENO) == -1 ||
	    dup2(set, SET_FD) == -1 ||
	    syscall(SYS_close_range, SET_FD + 1, ~0U, 0) == -1)
		_exit(127);
	(void)execve(path, argv, envp);
	_exit(127);
}

/* Bytes of the answer, in so much time. */
static size_t
read_answer(int fd, uint8_t *mem, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n;

	while (len < size && poll(&p, 1, CHECK_TIME) == 1) {
		n = read(fd, mem + len, size - len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

/* 0: the answers are in mem, one for each certificate */
static int
ask_keyd(struct config *c, const char *libexec, int set, uint8_t *mem,
    size_t size)
{
	char path[CONF_PATH_MAX];
	const struct passwd *pw = getpwnam("_postern-keyd");
	size_t len = 0;
	int fd[2];
	pid_t pid;

	if (spawn_find(libexec, PROC_KEYD, path) == -1 ||
	    pipe2(fd, O_CLOEXEC) == -1) {
		report_error(&c->report, 0, "keyd: %s", strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid == 0)
		child_main(path, pw, set, fd[1]);
	(void)close(fd[1]);
	if (pid != -1) {
		len = read_answer(fd[0], mem, size);
		if (len < size)
			(void)privdrop_kill(pid, pw ? pw->pw_uid : NOBODY);
		(void)waitpid(pid, NULL, 0);
	}
	(void)close(fd[0]);
	if (len == size)
		return 0;
	report_error(&c->report, 0,
	    "certificates and keys could not be checked: %s gave no answer",
	    path);
	return -1;
}

/* --- what it says --- */

static void
report_check(struct config *c, const struct conf_cert *cert,
    const struct ks_check *k)
{
	static const char *const why[KS_MAX] = {
		[KS_NO_CERT] = "the file holds no certificate in PEM",
		[KS_NO_KEY] = "its key file holds no private key in PEM",
		[KS_ENCRYPTED] =
		    "its key is encrypted, and nobody is there to give the "
		    "passphrase: openssl pkey -in KEY -out KEY",
		[KS_KIND] = "its key is neither RSA of 2048 to 8192 bits nor "
			    "ECDSA of 256 to 521",
		[KS_MISMATCH] = "its key belongs to another certificate",
		[KS_EXPIRED] = "it has expired",
		[KS_NOT_YET] = "it is not valid yet",
	};
	int64_t days = ((int64_t)k->not_after - (int64_t)time(NULL)) / DAY;

	if (k->verdict != KS_OK) {
		report_error(&c->report, cert->pos.line,
		    "tls certificate \"%.200s\": %s", cert->chain_path,
		    why[k->verdict]);
		return;
	}
	if (days < SOON)
		report_warning(&c->report, cert->pos.line,
		    "tls certificate \"%.200s\" expires in %d days",
		    cert->chain_path, (int)days);
	if (k->loose)
		report_warning(&c->report, cert->pos.line,
		    "tls certificate \"%.200s\": the second certificate in the "
		    "file is not the issuer of the first: clients may not find "
		    "the chain",
		    cert->chain_path);
}

void
keys_read(struct config *c, const char *libexec, bool strict)
{
	uint8_t mem[CONF_CERTS_MAX * KS_CHECK_LEN];
	struct ks_check k;
	struct ibuf b;
	uint32_t i;
	int set;

	/* without certificates it is empty: keyd forgets those it had */
	if ((set = make_set(c, strict)) == -1)
		return;
	if (c->conf->ncerts > 0 &&
	    ask_keyd(c, libexec, set, mem, c->conf->ncerts * KS_CHECK_LEN) ==
		0) {
		ibuf_from(&b, mem, c->conf->ncerts * KS_CHECK_LEN);
		for (i = 0; i < c->conf->ncerts; i++)
			if (get_ks_check(&b, &k) == 0)
				report_check(c, &c->conf->certs[i], &k);
			else
				report_error(&c->report, 0,
				    "keyd gave a malformed answer");
	}
	c->keys = set;
}

void
keys_give(const struct config *c, struct instance *keyd)
{
	if (c->keys != -1)
		(void)super_give(keyd, CHILD_FD_KEYS, c->conf->generation,
		    c->keys);
}
