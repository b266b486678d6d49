/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "common/base/chan.h"
#include "postern/tool.h"

static int sock = -1;
static uint8_t out[CHAN_HDR + 2048];
static uint8_t in[CHAN_HDR + CT_ROW_MAX];

int
ask_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		warnx("%s: the path of a socket has at most %zu characters",
		    path, sizeof(sun.sun_path) - 1);
		return -1;
	}
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock == -1) {
		warn("socket");
		return -1;
	}
	if (connect(sock, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return 0;
	if (errno == ENOENT || errno == ECONNREFUSED)
		warnx("%s: posternd is not running, or has another control "
		      "socket (-s)",
		    path);
	else if (errno == EACCES)
		warnx("%s: only root and the group of the control socket may "
		      "ask",
		    path);
	else
		warn("%s", path);
	return -1;
}

static int
send_question(uint16_t type, const struct ibuf *payload)
{
	size_t len = payload != NULL ? ibuf_size(payload) : 0;
	struct ibuf b;

	ibuf_wrap(&b, out, sizeof(out));
	(void)ibuf_add_n16(&b, type);
	(void)ibuf_add_n16(&b, 0);
	(void)ibuf_add_n32(&b, 1);
	if (len > 0)
		(void)ibuf_add(&b, ibuf_data(payload), len);
	if (ibuf_failed(&b))
		return -1;
	return send(sock, out, ibuf_size(&b), MSG_NOSIGNAL) == -1 ? -1 : 0;
}

static int
garbled(void)
{
	warnx("the answer cannot be understood: are postern and posternd of "
	      "the same version?");
	return -1;
}

/* One message of the answer: its type, b at its payload. */
static int
receive(uint16_t *type, struct ibuf *b)
{
	uint16_t zero;
	uint32_t id;
	ssize_t n;

	do {
		n = recv(sock, in, sizeof(in), MSG_TRUNC);
	} while (n == -1 && errno == EINTR);
	if (n == -1) {
		warn("control socket");
		return -1;
	}
	if (n == 0) {
		warnx("ctld ended the connection");
		return -1;
	}
	if ((size_t)n > sizeof(in))
		return garbled();
	ibuf_from(b, in, (size_t)n);
	(void)ibuf_get_n16(b, type);
	(void)ibuf_get_n16(b, &zero);
	return ibuf_get_n32(b, &id) == -1 ? garbled() : 0;
}

int
ask(uint16_t type, const struct ibuf *payload,
    int (*row)(void *, uint16_t, struct ibuf *), void *arg, struct ct_end *end)
{
	uint16_t got, inner;
	struct ibuf b;

	if (send_question(type, payload) == -1) {
		warn("control socket");
		return -1;
	}
	for (;;) {
		if (receive(&got, &b) == -1)
			return -1;
		if (got == CT_ANS_END)
			return get_ct_end(&b, end) == -1 ? garbled() : 0;
		if (got != CT_ANS_ROW || ibuf_get_n16(&b, &inner) == -1 ||
		    row(arg, inner, &b) == -1)
			return garbled();
	}
}

int
ask_status(const struct ct_end *end, const char *what)
{
	switch (end->result) {
	case CT_DONE:
		return 0;
	case CT_NO_SUCH:
		warnx("%s: not in the queue", what);
		return EXIT_NO;
	case CT_FAILED:
		return EXIT_NO;
	case CT_AWAY:
		warnx("the process that knows is away or does not answer; try "
		      "again");
		return EXIT_ASK;
	case CT_DENIED:
		warnx("denied");
		return EXIT_ASK;
	}
	return EXIT_ASK;
}
