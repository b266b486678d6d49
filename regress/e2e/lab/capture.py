# SPDX-License-Identifier: ISC
"""Every packet that matters on a link, recorded from AF_PACKET.

A kernel filter lets through everything but TCP segments without SYN, FIN
or RST, so that ten thousand messages cost little.  Queries first read what
the kernel still holds: a packet sent before the query is never missed, and
a packet that the kernel had to drop is an error, not a gap.
"""
import collections
import ctypes
import errno
import ipaddress
import select
import socket
import struct
import threading

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_STATISTICS = 6
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
FIN, SYN, RST, ACK = 1, 2, 4, 16
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58

LDH, LDB, LDB_X, LDX_IPLEN = 0x28, 0x30, 0x50, 0xb1
JEQ, JSET, RET = 0x15, 0x45, 0x06

# (label, operation, operand, label if true, label if false)
FILTER = (
    ('', LDH, 12, '', ''),
    ('', JEQ, 0x0800, 'ip4', 'not4'),
    ('ip4', LDB, 23, '', ''),
    ('', JEQ, TCP, 'first', 'keep'),
    ('first', LDH, 20, '', ''),
    ('', JSET, 0x1fff, 'keep', 'flags4'),
    ('flags4', LDX_IPLEN, 14, '', ''),
    ('', LDB_X, 14 + 13, '', ''),
    ('flags', JSET, FIN | SYN | RST, 'keep', 'drop'),
    ('not4', JEQ, 0x86dd, 'ip6', 'drop'),
    ('ip6', LDB, 20, '', ''),
    ('', JEQ, TCP, 'flags6', 'keep'),
    ('flags6', LDB, 14 + 40 + 13, '', ''),
    ('', JSET, FIN | SYN | RST, 'keep', 'drop'),
    ('keep', RET, 0xffff, '', ''),
    ('drop', RET, 0, '', ''),
)


def attach_filter(s):
    at = {row[0]: n for n, row in enumerate(FILTER) if row[0]}
    code = b''.join(
        struct.pack('=HBBI', op, at[yes] - n - 1 if yes else 0,
                    at[no] - n - 1 if no else 0, k)
        for n, (_, op, k, yes, no) in enumerate(FILTER))
    buf = ctypes.create_string_buffer(code)
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                 struct.pack('@HP', len(FILTER), ctypes.addressof(buf)))


class Packet(collections.namedtuple(
        'Packet', 'time link out src sport dst dport proto flags payload')):
    """One packet; out is true when the gateway sent it."""

    @property
    def ports(self):
        return {self.sport, self.dport}

    @property
    def opens(self):
        return self.proto == TCP and self.flags & (SYN | ACK) == SYN

    @property
    def opened(self):
        return self.proto == TCP and self.flags & (SYN | ACK) == SYN | ACK

    def __str__(self):
        return '%s %s [%s]:%s > [%s]:%s proto %d flags %d' % (
            self.link, 'out' if self.out else 'in', self.src, self.sport,
            self.dst, self.dport, self.proto, self.flags)


def parse(frame, link, out, now):
    """A Packet from an Ethernet frame, or None for what is not IP."""
    kind = struct.unpack_from('!H', frame, 12)[0]
    if kind == 0x0800 and len(frame) >= 34:
        proto, at = frame[23], 14 + 4 * (frame[14] & 15)
        src, dst = frame[26:30], frame[30:34]
    elif kind == 0x86dd and len(frame) >= 54:
        proto, at = frame[20], 54
        src, dst = frame[22:38], frame[38:54]
    else:
        return None
    sport = dport = flags = 0
    if proto in (TCP, UDP) and len(frame) >= at + 8:
        sport, dport = struct.unpack_from('!HH', frame, at)
        if proto == TCP and len(frame) >= at + 14:
            flags = frame[at + 13]
        at += 8 if proto == UDP else 4 * (frame[at + 12] >> 4)
    return Packet(now, link, out, str(ipaddress.ip_address(src)), sport,
                  str(ipaddress.ip_address(dst)), dport, proto, flags,
                  bytes(frame[at:]))


class Capture:
    """A recorder on one interface of one namespace."""

    def __init__(self, ns, link):
        self.link = link
        self._packets = []
        self._lock = threading.Lock()
        with ns:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        attach_filter(s)
        s.bind((link, ETH_P_ALL))
        s.setblocking(False)
        self._socket = s
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        while True:
            select.select([self._socket], [], [])
            self._drain()

    def _drain(self):
        with self._lock:
            while True:
                try:
                    frame, stamps, _, address = self._socket.recvmsg(65600, 64)
                except BlockingIOError:
                    return
                except OSError as e:
                    if e.errno != errno.ENETDOWN:
                        raise
                    continue  # said once; when it is up again it goes on
                seconds, nano = struct.unpack('qq', stamps[0][2])
                packet = parse(frame, self.link, address[2] == 4,
                               seconds + nano / 1e9)
                if packet:
                    self._packets.append(packet)

    def mark(self):
        """A position to look from: everything sent before it is behind."""
        self._drain()
        with self._lock:
            return len(self._packets)

    def since(self, mark=0, match=lambda p: True):
        self._drain()
        drops = struct.unpack('II', self._socket.getsockopt(
            SOL_PACKET, PACKET_STATISTICS, 8))[1]
        assert drops == 0, '%d packets lost by the recorder' % drops
        with self._lock:
            return [p for p in self._packets[mark:] if match(p)]

    def port(self, *ports, mark=0, out=None):
        """Packets from or to any of the ports."""
        return self.since(mark, lambda p: p.ports & set(ports) and
                          out in (None, p.out))

    def opens(self, mark=0, out=None):
        """TCP connection attempts (SYN without ACK)."""
        return self.since(mark, lambda p: p.opens and out in (None, p.out))

    def opened(self, mark=0, out=None):
        """Connections that somebody accepted (SYN with ACK)."""
        return self.since(mark, lambda p: p.opened and out in (None, p.out))

    def questions(self, mark=0, out=True):
        """Names asked over UDP, lower case, without the trailing dot."""
        return [name for name in (
            question(p.payload) for p in self.since(
                mark, lambda p: p.proto == UDP and p.dport == 53 and
                p.out == out)) if name is not None]


def question(wire):
    """The name in a DNS query's question section."""
    labels, at = [], 12
    while at < len(wire) and wire[at]:
        labels.append(wire[at + 1:at + 1 + wire[at]])
        at += 1 + wire[at]
    if at >= len(wire):
        return None
    return b'.'.join(labels).decode('latin-1').lower()
