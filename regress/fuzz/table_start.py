# SPDX-License-Identifier: ISC
"""What table_play.c needs of the project's own code and samples.

table_start.py start table_PROGRAM_fuzz.start   what posternd says at its start
table_start.py seeds                            the corpora, from the samples
"""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'regress', 'hostile'))

import chan_stage  # noqa: E402

TLS = os.path.join(ROOT, 'regress', 'conf', 'tls')
BUILD = os.path.join(ROOT, os.environ.get('O', 'build'), 'regress', 'fuzz')
LISTENER, RCPT_FILE, STDERR, CONTROL, KEYS = 1, 2, 5, 6, 9
LAST, JOB = 0xffff, 0xfffe  # ids: table_play.c
TOOL = 'a tool'
CQ_SELECT, CQ_RULE = 0xc01, 0xc06
IQ_COMMIT, QD_ROUTE = 0x502, 0x781
QO_READY, QO_RESULT, QO_GONE = 0x881, 0x882, 0x883
RELAY = bytes(23)  # nobody
HOSTS = 1  # conf_route_kind
RAW = 0x7f  # no table has so many rows
INSTANCES = {
    'connd': 'connd/ext', 'smtpd_in': 'smtpd-in/ext.0',
    'smtpd_out': 'smtpd-out/ext.0', 'queued': 'queued',
    'dnsd_ext': 'dnsd-ext', 'dnsd_int': 'dnsd-int', 'dird': 'dird',
    'keyd': 'keyd', 'logd': 'logd', 'ctld': 'ctld'}


def started(instance):
    return chan_stage.helper('play', os.path.join(HERE, 'table.conf'),
                             instance)


def made(name, data):
    path = os.path.join(BUILD, name)
    os.makedirs(BUILD, exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data)
    return path


def key_set():
    """As posternd hands it to keyd: common/msg/key_set.h."""
    data = [struct.pack('>II', 0x504b5331, 2)]
    for use, name in ((1, 'ec'), (2, 'rsa')):
        chain, key = (open(os.path.join(TLS, name + end), 'rb').read()
                      for end in ('.pem', '.key'))
        data.append(struct.pack('>III', use, len(chain), len(key)))
        data += [chain, key]
    return b''.join(data)


def handed(program):
    """(kind, id, path) of what it cannot work without."""
    if program == 'dird':
        return [(RCPT_FILE, 0, made('recipients', b'alice\nbob\n'))]
    if program == 'connd':
        return [(LISTENER, 1, '/dev/null')]  # the one with a proxy
    if program == 'logd':
        return [(STDERR, 0, '/dev/null')]
    if program == 'keyd':
        return [(KEYS, 1, made('keys', key_set()))]
    return [(CONTROL, 0, '/dev/null')] if program == 'ctld' else []


def start(program):
    for row in started(INSTANCES[program]):
        print(' '.join(row))
    for one in handed(program):
        print('fd %d %d %s' % one)


def message(slot, ident, type_, payload, fd):
    """As table_play.c reads it."""
    flags = {'none': (0, 0), 'memfd': (0x80, 0)}.get(fd, (0x80, 0x80))
    data = struct.pack('>H', type_) + payload
    return struct.pack('>BBHH', slot | flags[0], RAW | flags[1], ident,
                       len(data)) + data


class Seeds:
    """What one program hears of each of its peers."""

    def __init__(self, program):
        instance = INSTANCES[program]
        self.receiver = instance.removesuffix('.0')
        self.contracts, self.samples = chan_stage.contracts()
        self.peers = [name for _, name in sorted(
            (int(r[2]), r[1]) for r in started(instance)
            if r[0] == 'peer' and int(r[5]) == 0)]
        if program == 'ctld':
            self.peers.insert(0, TOOL)

    def payloads(self, sender, receiver, type_):
        return [(s.payload, s.fd) for s in self.samples if
                (s.sender, s.receiver, s.type) == (sender, receiver, type_)]

    def each_message(self):
        for slot, peer in enumerate(self.peers):
            sender = peer.removesuffix('.0')
            for n, c in enumerate(self.contracts):
                if c.receiver != self.receiver or \
                        c.sender not in (sender, '*'):
                    continue
                texts = self.payloads(c.sender, c.receiver, c.type) or [
                    (bytes(c.min), c.fd.replace('one', 'memfd'))]
                yield '%s-%d' % (peer.replace('/', '-'), n), b''.join(
                    message(slot, i, c.type, payload, fd)
                    for i in (LAST, 0, 1, 2) for payload, fd in texts)

    def story(self, *lines):
        """(peer, id, type, payload) in this order."""
        return b''.join(message(self.peers.index(peer), ident, type_,
                                payload, 'none')
                        for peer, ident, type_, payload in lines)

    def tool(self):
        """At the control socket, and what queued answers."""
        select = self.payloads('ctld', 'queued', CQ_SELECT)[0][0]
        rule = self.payloads('ctld', 'queued', CQ_RULE)[0][0]
        asks = {5: select, 6: bytes(8), 7: bytes(8), 10: rule}
        answers = [(c.type, self.payloads('queued', 'ctld', c.type)[0][0])
                   for c in self.contracts if c.receiver == 'ctld']
        for n in range(1, 11):
            yield 'tool-%d' % n, self.story(
                (TOOL, 0, 0xe00 | n, asks.get(n, b'')),
                *[('queued', LAST, t, p) for t, p in answers])

    def deliveries(self):
        """Mail is taken, has a way, goes out, and what becomes of it; each
        another way, for one that fails is left alone for a while."""
        local = self.payloads('smtpd-in/ext', 'queued', IQ_COMMIT)[0][0]
        foreign = local.replace(b'\x04\xc0\x00\x02\x01',
                                b'\x04\x0a\x00\x00\x0a')
        for n in range(8):
            side, status, gone = ('int', 'ext')[n & 1], n // 2 % 3 + 1, n > 5
            host, domain = b'h%d.in' % n, b'alice@domain%d.com' % n
            peer, mail = ('smtpd-in/ext.0', local) if side == 'int' else (
                'smtpd-in/int.0',
                foreign.replace(b'alice@example.com', domain))
            route = struct.pack('>BBBIBHQB', 1, 1, 0, 9, HOSTS, 0, 0, 1) + \
                struct.pack('>H', len(host)) + host + bytes(19) + \
                struct.pack('>H', 25)
            out = 'smtpd-out/%s.0' % side
            enh = b'%d.0.0' % (2, 5, 4)[status - 1]
            outcome = struct.pack('>BBHH', status, 1, 0, len(enh)) + enh + \
                struct.pack('>H', 0)
            result = bytes(8) + struct.pack('>BBIH', 0, 0, 1, 1) + RELAY + \
                bytes(2) + outcome
            last = ((out, LAST, QO_GONE, b'\0' + RELAY + outcome),) if gone \
                else ((out, LAST, QO_READY, RELAY),
                      (out, JOB, QO_RESULT, result))
            yield 'mail-%d' % n, self.story(
                (peer, 1, IQ_COMMIT, mail), ('dird', LAST, QD_ROUTE, route),
                *last)


def seeds(program):
    s = Seeds(program)
    yield from s.each_message()
    if program == 'ctld':
        yield from s.tool()
    elif program == 'queued':
        yield from s.deliveries()


def of_posternd():
    """What it hears of any program: table_posternd_fuzz.c."""
    lines = [(0x181, 0, bytes(8)), (0x182, 0, struct.pack('>I', 3)),
             (0x185, 0xff, b''), (0x186, 0, b''), (0x187, 0, b'')]
    lines += [(0xd01 + n, 1, b'') for n in range(3)]
    said = [struct.pack('>HBB', type_, ident, len(payload)) + payload
            for type_, ident, payload in lines]
    reports = [struct.pack('>HBBBBBI', 0x183, 0, 7, proc, side, 0, 2)
               for proc in range(1, 12) for side in range(3)]
    for program in range(16):
        who = bytes((program,))
        yield 'good-%d' % program, who + b''.join(said[:3])
        for n in range(3, len(said)):
            yield 'said-%d-%d' % (program, n), who + said[n]
        for n, one in enumerate(reports):
            if (n + program) % 5 == 0:
                yield 'blames-%d-%d' % (program, n), who + one * 4


def main(argv):
    if len(argv) == 3 and argv[1] == 'start':
        start(argv[2].removeprefix('table_').removesuffix('_fuzz.start'))
        return
    for program in [*INSTANCES, 'posternd']:
        corpus = os.path.join(HERE, 'corpus', 'table_' + program)
        os.makedirs(corpus, exist_ok=True)
        for name, data in of_posternd() if program == 'posternd' else \
                seeds(program):
            with open(os.path.join(corpus, name), 'wb') as f:
                f.write(data)


main(sys.argv)
