# SPDX-License-Identifier: ISC
"""Sockets taken off their interface, for a process that may not do it.

Once bound, a socket leaves its interface only with CAP_NET_RAW, which no
process of the gateway has, posternd included.  So a twin sends the socket to
the test and the name of an interface, or none, and hears which it was on.
"""
import array
import socket
import threading

NAME = '\0postern-hostile-interface'
IFNAMSIZ = 16


class Interfaces:
    """The other end of attack_twin.c move()."""

    def __init__(self, ns):
        with ns:
            self.door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.door.bind(NAME)
        self.door.listen(64)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                client = self.door.accept()[0]
            except OSError:     # closed
                return
            with client:
                self._move(client)

    @staticmethod
    def _move(client):
        room = socket.CMSG_SPACE(array.array('i').itemsize)
        name, words, _, _ = client.recvmsg(IFNAMSIZ, room)
        if not words:
            return
        fd = array.array('i', words[0][2][:4])[0]
        with socket.socket(fileno=fd) as s:
            was = s.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                               IFNAMSIZ)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                         name.rstrip(b'\0'))
        client.send(was.ljust(IFNAMSIZ, b'\0'))

    def close(self):
        self.door.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.door.close()
