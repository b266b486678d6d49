# SPDX-License-Identifier: ISC
"""The messages of the policy attacks: legal ones, from the wrong hands."""
import ipaddress
import os
import select
import socket
import struct
import time

from chan_stage import HEADER, MSG_MAX, memfd

OC_CONNECT, OC_ANSWER = 0x901, 0x981
DC_SOCKET, DC_ANSWER = 0xa01, 0xa81
SD_QUERY, SD_ANSWER = 0xb01, 0xb81
SK_SIGN, SK_SIGNED = 0xf01, 0xf81
IQ_COMMIT, IQ_DONE = 0x502, 0x582
ID_RCPT, ID_ANSWER = 0x601, 0x681

RESULTS = {1: 'ok', 2: 'denied', 3: 'refused', 4: 'timeout',
           5: 'unreachable', 6: 'limit', 7: 'error'}
VERDICTS = {1: 'accepted', 2: 'deferred', 3: 'refused'}
SIGNED = {1: 'signed', 2: 'refused', 3: 'later'}

# What no Internet process may dial: special-use IPv4, the intranet, the
# gateway's own.
INSIDE_V4 = ('0.0.0.0', '10.0.0.5', '10.0.0.10', '10.255.255.255',
             '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254',
             '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.0.0.8',
             '198.18.0.1', '203.0.113.25', '224.0.0.1', '239.255.255.255',
             '240.0.0.1', '255.255.255.255')
INSIDE_V6 = ('::', '::1', 'fe80::1', 'fe80::5efe:10.0.0.10', 'fec0::1',
             'fc00::1', 'fd00:10::10', 'ff02::1', '100::1',
             'fe80::a9fe:a9fe')


def v6_forms(v4):
    """Every way in which an IPv6 address carries an IPv4 one; a mapped one
    is refused as a message: it is not how an address is written here."""
    n = int(ipaddress.IPv4Address(v4))

    def at(base, shift=0):
        return str(ipaddress.IPv6Address(
            int(ipaddress.IPv6Address(base)) | n << shift))
    yield 'compatible', at('::')
    yield '6to4', at('2002::', 80)
    yield 'NAT64', at('64:ff9b::')
    yield 'local NAT64', at('64:ff9b:1::')
    yield 'Teredo', str(ipaddress.IPv6Address(
        int(ipaddress.IPv6Address('2001:0:c633:6401::')) | n ^ 0xffffffff))
    yield 'ISATAP', at('2001:db8:9::5efe:0:0')


def inside_forms():
    for v4 in INSIDE_V4:
        yield v4
        for _, v6 in v6_forms(v4):
            yield v6
    yield from INSIDE_V6


def netaddr(text, port):
    address = ipaddress.ip_address(text)
    return struct.pack('>B16sH', address.version, address.packed, port)


def connect(text, port=25, timeout=1000):
    return netaddr(text, port) + struct.pack('>I', timeout)


def mapped(v4, port=25):
    raw = b'\0' * 10 + b'\xff\xff' + ipaddress.ip_address(v4).packed
    return struct.pack('>B16sHI', 6, raw, port, 1000)


def query(name, rrtype=15, deadline=1000):
    name = name.encode()
    return struct.pack('>HIH', rrtype, deadline, len(name)) + name


def sign(block, number=0, scheme=0x0403, generation=1):
    return struct.pack('>IH', generation << 8 | number, scheme) + block


def handshake(role):
    """The block of a TLS 1.3 CertificateVerify."""
    return b' ' * 64 + b'TLS 1.3, %s CertificateVerify\0' % role + bytes(32)


def key_set(uses, *certs):
    """What posternd hands to keyd: a sealed memfd."""
    data = struct.pack('>II', 0x504b5331, len(certs))
    for use, cert in zip(uses, certs):
        with open(cert.path, 'rb') as f:
            chain = f.read()
        with open(cert.key, 'rb') as f:
            key = f.read()
        data += struct.pack('>III', use, len(chain), len(key)) + chain + key
    return memfd(len(data), content=data)


def answers(stage, chan, n, timeout=20):
    """[(type, id, payload, how many descriptors)]; these are closed."""
    got = []

    def take():
        while len(got) < n:
            try:
                data, fds, _, _ = socket.recv_fds(chan, MSG_MAX, 4)
            except BlockingIOError:
                return False
            if not data:
                return True
            for fd in fds:
                os.close(fd)
            type_, _, ident = HEADER.unpack_from(data)
            got.append((type_, ident, data[HEADER.size:], len(fds)))
        return True
    end = time.monotonic() + timeout
    while not take():
        assert time.monotonic() < end, 'only %d answers of %d' % (
            len(got), n)
        ready = select.select([chan, stage.master, stage.said], [], [], 1)[0]
        if stage.master in ready:
            stage.read_master()
        if stage.said in ready:
            stage.read_output()
    return got
