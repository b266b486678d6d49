# SPDX-License-Identifier: ISC
"""Hold idle SMTP sessions under TLS: tlshold ADDRESS SESSIONS SOURCE

Prints how many it holds; for each line that it reads, how many still are
open.  Ends, and they with it, at the end of its input.
"""
import ipaddress
import resource
import select
import socket
import ssl
import sys

SOURCES = 50


def open_one(context, address, source):
    s = socket.create_connection((address, 25), 20, (source, 0))
    with s.makefile('rb') as f:
        f.readline()
        for command in (b'EHLO bench.example\r\n', b'STARTTLS\r\n'):
            s.sendall(command)
            while True:
                line = f.readline()
                if line[3:4] != b'-':
                    break
            if line[:1] != b'2':
                raise OSError(line)
    t = context.wrap_socket(s)
    t.sendall(b'EHLO bench.example\r\n')
    got = b''
    while b'\n250 ' not in got:
        piece = t.recv(4096)
        if not piece:
            raise OSError('closed')
        got += piece
    return t


def still_open(held):
    poll = select.poll()
    for s in held:
        poll.register(s, select.POLLIN | select.POLLRDHUP)
    return len(held) - len(poll.poll(0))


def main():
    address, want, first = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    resource.setrlimit(resource.RLIMIT_NOFILE, (want + 100, want + 100))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    held = []
    for n in range(want):
        source = str(ipaddress.ip_address(first) + n % SOURCES)
        held.append(open_one(context, address, source))
    print(still_open(held), flush=True)
    for _ in sys.stdin:
        print(still_open(held), flush=True)


main()
