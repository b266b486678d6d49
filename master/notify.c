/* SPDX-License-Identifier: ISC */
/* Telling the one who started us: see notify.h. */
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "master/notify.h"

static int shell = -1; /* pipe to the process that the shell waits for */

static __attribute__((noreturn)) void
wait_ready(int fd, pid_t child)
{
	char c;
	ssize_t n;
	int status;

	do
		n = read(fd, &c, 1);
	while (n == -1 && errno == EINTR);
	if (n == 1)
		_exit(0);
	/* it has said why on stderr */
	if (waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	    WEXITSTATUS(status) != 0)
		_exit(WEXITSTATUS(status));
	_exit(1);
}

void
notify_background(void)
{
	int fd[2];
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) == -1)
		fatal("pipe");
	pid = fork();
	if (pid == -1)
		fatal("fork");
	if (pid != 0) {
		(void)close(fd[1]);
		wait_ready(fd[0], pid);
	}
	(void)close(fd[0]);
	shell = fd[1];
	if (setsid() == -1)
		fatal("setsid");
}

static void
detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null == -1 || dup2(null, STDIN_FILENO) == -1 ||
	    dup2(null, STDOUT_FILENO) == -1 || dup2(null, STDERR_FILENO) == -1)
		log_warn("/dev/null");
	if (null > STDERR_FILENO)
		(void)close(null);
}

void
notify_ready(void)
{
	if (shell != -1) {
		if (write(shell, "r", 1) == -1)
			log_warn("telling the shell");
		(void)close(shell);
		shell = -1;
		detach();
	}
	notify_state("READY=1");
}

/* systemd: one datagram of VARIABLE=VALUE lines to $NOTIFY_SOCKET */
void
notify_state(const char *state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@'))
		return;
	len = strlen(path);
	if (len >= sizeof(sun.sun_path))
		return;
	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		(const struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) ==
		-1)
		log_warn("NOTIFY_SOCKET");
	if (fd != -1)
		(void)close(fd);
}
