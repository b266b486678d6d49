# SPDX-License-Identifier: ISC
"""Just enough DNS wire format for scripted servers and direct questions."""
import ipaddress
import os
import socket
import struct

TYPES = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'PTR': 12, 'MX': 15,
         'TXT': 16, 'AAAA': 28, 'OPT': 41, 'TLSA': 52, 'ANY': 255}
NAMES = {v: k for k, v in TYPES.items()}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)


def name_wire(name):
    out = b''
    for label in name.rstrip('.').split('.'):
        if label:
            raw = label.encode('latin-1')
            out += bytes([len(raw)]) + raw
    return out + b'\0'


def read_name(wire, at):
    """(name, offset behind it), following compression with a bound."""
    labels, end = [], None
    for _ in range(128):
        n = wire[at]
        if n & 0xc0 == 0xc0:
            end = end or at + 2
            at = (n & 0x3f) << 8 | wire[at + 1]
        elif n == 0:
            return '.'.join(labels), end or at + 1
        else:
            labels.append(wire[at + 1:at + 1 + n].decode('latin-1'))
            at += 1 + n
    raise ValueError('compression loop')


def rdata(kind, text):
    """Presentation format to wire, for the types the zones use."""
    if kind in ('A', 'AAAA'):
        return ipaddress.ip_address(text).packed
    if kind == 'MX':
        preference, host = text.split()
        return struct.pack('!H', int(preference)) + name_wire(host)
    if kind in ('NS', 'CNAME', 'PTR'):
        return name_wire(text)
    if kind == 'TXT':
        raw = text.strip('"').encode()
        return b''.join(bytes([len(raw[i:i + 255])]) + raw[i:i + 255]
                        for i in range(0, len(raw), 255)) or b'\0'
    raise ValueError('no wire format for ' + kind)


class Query:
    """A parsed question."""

    def __init__(self, wire):
        self.wire = wire
        self.id, self.flags, count = struct.unpack_from('!HHH', wire)
        if self.flags & 0x8000 or count != 1:
            raise ValueError('not a question')
        self.name, at = read_name(wire, 12)
        self.kind = NAMES.get(struct.unpack_from('!H', wire, at)[0], '?')
        self.section = wire[12:at + 4]


def reply(query, records=(), rcode=NOERROR, flags=0x8580, ident=None):
    """A response; records are (owner, type, ttl, presentation data)."""
    body = b''
    for owner, kind, ttl, text in records:
        data = rdata(kind, text)
        body += (name_wire(owner) +
                 struct.pack('!HHIH', TYPES[kind], 1, ttl, len(data)) + data)
    head = struct.pack('!HHHHHH', query.id if ident is None else ident,
                       flags | rcode, 1, len(records), 0, 0)
    return head + query.section + body


def ask(ns, server, name, kind, timeout=5):
    """Ask a server once over UDP; (rcode, [(owner, type, raw data)])."""
    ident = int.from_bytes(os.urandom(2), 'big')
    wire = (struct.pack('!HHHHHH', ident, 0x0100, 1, 0, 0, 0) +
            name_wire(name) + struct.pack('!HH', TYPES[kind], 1))
    with ns.socket(server, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect((server, 53))
        s.send(wire)
        answer = s.recv(4096)
    _, flags, questions, count = struct.unpack_from('!HHHH', answer)
    at = 12
    for _ in range(questions):
        at = read_name(answer, at)[1] + 4
    found = []
    for _ in range(count):
        owner, at = read_name(answer, at)
        number, _, _, size = struct.unpack_from('!HHIH', answer, at)
        found.append((owner, NAMES.get(number, '?'),
                      answer[at + 10:at + 10 + size]))
        at += 10 + size
    return flags & 15, found
