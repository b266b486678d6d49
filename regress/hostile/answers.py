# SPDX-License-Identifier: ISC
"""Answers of a process in an attacker's hands: lines for chan_twin.c, and the
payloads in them.  common/msg has the codecs."""
import struct

from policy_words import netaddr, query

SD_QUERY, SD_ANSWER = 0xb01, 0xb81
SD_DEADLINE = 30000  # that smtpd-out gives: smtpd-out/peers.c
OK, NODATA = 1, 2
A, MX, AAAA = 1, 15, 28
ID_RCPT, ID_ANSWER = 0x601, 0x681
QD_ROUTE, QD_ANSWER, QD_CHANGED = 0x701, 0x781, 0x782
QO_OPEN, QO_JOB, QO_READY = 0x801, 0x802, 0x881
IQ_COMMIT, IQ_DONE, IQ_ROOM = 0x502, 0x582, 0x584
OC_CONNECT, OC_ANSWER = 0x901, 0x981
DC_SOCKET, DC_ANSWER = 0xa01, 0xa81
IN_SENDER, IN_ANSWER = 0x1101, 0x1181
CI_SESSION = 0x401
SK_SIGN, SK_SIGNED, SK_PING, SK_PONG = 0xf01, 0xf81, 0xf02, 0xf82
HOSTS, BY_MX, BY_DNS, SMARTHOST = 1, 2, 3, 4
NOBODY = b'\0' * 19


def say(peer, type_, payload=b'', ident=1, count=1, fd='none'):
    return '%s %x %d %d %s %s' % (peer, type_, ident, count, fd,
                                  payload.hex())


def when(peer, asked, begin, type_, payload=b'', fd='none'):
    assert len(payload) <= 1024 and len(begin) <= 64
    return 'when %s %x %s %x %s %s' % (peer, asked, begin.hex() or '-', type_,
                                       fd, payload.hex())


def text(s):
    return struct.pack('>H', len(s)) + s.encode()


# --- dnsd

def question(rrtype, name=None):
    """How one about that name begins, or about any."""
    whole = bytearray(query(name or 'x', rrtype))
    whole[2:6] = struct.pack('>I', SD_DEADLINE)
    return bytes(whole) if name else bytes(whole[:2])


def names(rrtype, length, begin):
    """How one begins about a name of that length that begins so."""
    return struct.pack('>HIH', rrtype, SD_DEADLINE, length) + begin.encode()


def addresses(rrtype, *found):
    head = struct.pack('>BBIHH', OK if found else NODATA, 1, 60, rrtype,
                       len(found))
    return head + b''.join(f if isinstance(f, bytes) else netaddr(f, 0)
                           for f in found)


def no_mx():
    """The domain is its own: its address is asked for next."""
    return addresses(MX)


# --- next hops

def host(where, port=25):
    """An address or a name."""
    if where[0].isdigit() or ':' in where:
        return text('') + netaddr(where, 0) + struct.pack('>H', port)
    return text(where) + NOBODY + struct.pack('>H', port)


def hop(kind, *hosts, name='example.com'):
    return struct.pack('>B', kind) + text(name) + bytes(8) + \
        struct.pack('>B', len(hosts)) + b''.join(hosts)


def route(where):
    """For this one recipient."""
    return struct.pack('>BBBI', OK, 1, 1, 1) + where


def recipient(local):
    """How dird's questions about it begin."""
    return struct.pack('>B', len(local)) + local.encode()


def job(body, sender, rcpt):
    body = body.encode()
    return struct.pack('>QQBBB', 1, len(body), 0, 0, 0) + text(sender) + \
        text('') + struct.pack('>H', 1) + struct.pack('>HB', 0, 0) + \
        text(rcpt) + text('') + body


def room():
    return struct.pack('>BBQ', 1, 0, 1 << 20)


def accepted():
    return struct.pack('>BBQ', OK, 0, 1)


# --- connd, keyd

def connected():
    return struct.pack('>BI', OK, 0)


def session(client, local):
    return netaddr(client, 40000) + netaddr(local, 25) + \
        struct.pack('>IB', 0, 0)


def signed(signature):
    return struct.pack('>BH', OK, len(signature)) + signature
