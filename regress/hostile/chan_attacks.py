# SPDX-License-Identifier: ISC
"""What an owned process can do over a channel to the program at its end.

Each attack yields cases; a case is a series of (data, descriptors), sent on
one channel, and what may become of it: "taken", or the kind of violation
that the receiver reports.  run() tells what did.
"""
import errno
import os
import random
import select
import socket
import time

import chan_stage
from chan_stage import (HEADER, NO_TYPE, PAYLOAD_MAX, memfd, message,
                        swallow)

SMALL = 600      # every length below, and
STRIDE = 1499    # one in so many above; a prime
FLIPS = 150      # damaged copies of each sample
THOUSANDS = 3000
FLOOD = 40000
FLOOD_TIME = 2.0  # s a flood may stand still
CHUNK = 64
TURNS = 3        # that the others have during each attack, or more


class Edge:
    """One direction of one channel: what `sender` says to `stage`."""

    def __init__(self, stage, sender, contracts, samples, universe):
        self.stage, self.sender = stage, sender
        receiver = strip(stage.name)
        plain = strip(sender)

        def ours(row):
            return row.receiver == receiver and row.sender in (plain, '*')
        self.contracts = [c for c in contracts if ours(c)]
        self.samples = [s for s in samples if ours(s)]
        self.types = {c.type for c in self.contracts}
        self.universe = universe
        self.universe_samples = samples
        # where no message carries a descriptor the kernel drops them
        self.takes_fds = any(c.fd != 'none' for c in self.contracts)
        self.results = []
        self.beside = None  # honest.Beside, while one goes on

    def served(self, before=None):
        """Who goes on beside it: how often so far; or, was it TURNS times
        since?"""
        if before is None:
            return self.beside.done if self.beside else 0
        return self.beside is None or self.beside.served(before + TURNS)

    def wait_served(self, before):
        """Until they had their turns; posternd is answered meanwhile."""
        while not self.served(before):
            self.beside.turned.clear()
            self.stage.ping()
            self.beside.turned.wait(0.1)

    def run(self, attack):
        """Run one attack; adds (name, cases, outcomes) to .results."""
        cases, outcomes = 0, set()
        for sent, allowed in attack(self):
            try:
                outcome = self.judge(sent)
            except AssertionError as e:
                e.add_note('%s to %s, %s, after %s' % (
                    self.sender, self.stage.name, attack.__name__,
                    [(d[:40], len(d), f) for d, f in sent][:3]))
                raise
            for _, fds in sent:
                for fd in fds:
                    os.close(fd)
            assert outcome in allowed, (
                '%s to %s, %s: %s, not %s, after %s' % (
                    self.sender, self.stage.name, attack.__name__, outcome,
                    allowed, [(d[:40], len(d), f) for d, f in sent][:3]))
            cases += 1
            outcomes.add(outcome)
        self.results.append((attack.__name__, cases, outcomes))

    def judge(self, sent):
        """Send it all, and then something that no table has."""
        stage, chan = self.stage, self.stage.channels[self.sender]
        before = len(stage.violations)
        sent = list(sent) + [(message(NO_TYPE, 0), [])]
        for data, fds in sent:
            if not stage.send(chan, data, fds):
                break
        stage.wait(lambda: len(stage.violations) > before, 'a violation',
                   drain=[chan])
        kind = stage.violations[before]
        assert len(stage.violations) == before + 1, stage.violations[before:]
        assert kind[1:] == stage.peers[self.sender][1:], kind
        stage.channel(self.sender)
        # the last one alone would be of a type that is not there
        only = len(sent) == 2 and known(sent[0][0], self.types) is False
        return 'taken' if kind[0] == 'type' and not only else kind[0]


def strip(name):
    return name[:-2] if name.endswith('.0') else name


def known(data, types):
    if len(data) < HEADER.size:
        return None
    type_, zero, _ = HEADER.unpack_from(data)
    return zero == 0 and type_ in types


def one(data, *allowed, fds=()):
    return [(data, list(fds))], set(allowed)


# --- the attacks on one message

def wrong_type(edge):
    """Every type that any edge has, and all numbers of this one."""
    numbers = set(edge.universe)
    for type_ in edge.types:
        numbers |= {type_ & 0xff00 | n for n in range(256)}
    for type_ in sorted(numbers - edge.types - {NO_TYPE}):
        yield one(message(type_, 1, bytes(64 * (type_ & 1))), 'type')


def wrong_edge(edge):
    """What others may well say to somebody, said here."""
    for s in edge.universe_samples:
        if s.type not in edge.types and s.fd == 'none':
            yield one(message(s.type, 1, s.payload), 'type')


def broken_header(edge):
    for size in range(1, HEADER.size):
        yield one(message(min(edge.types), 1)[:size], 'length')
    for s in edge.samples:
        if s.fd == 'none':
            yield one(message(s.type, 1, s.payload, zero=1), 'type')
            yield one(message(s.type, 1, s.payload, zero=0xffff), 'type')


def lengths_of(c):
    top = min(c.max + 1, PAYLOAD_MAX + 1)
    some = set(range(min(SMALL, top))) | set(range(SMALL, top, STRIDE))
    edges = {c.min, c.max, c.max - 1, c.max + 1, PAYLOAD_MAX + 1,
             2 * PAYLOAD_MAX}
    edges |= {c.min - 1} if c.min else set()
    return sorted(some | {n for n in edges if n >= 0})


def every_length(edge):
    """From nothing to more than there may be; zeros, and a real message cut
    or with something behind it."""
    for c in edge.contracts:
        real = [s.payload for s in edge.samples
                if s.type == c.type and s.fd == 'none'] or [b'']
        for n in lengths_of(c):
            inside = c.min <= n <= min(c.max, PAYLOAD_MAX)
            allowed = ('taken', 'content', 'descriptor') if inside else \
                ('length',)
            yield one(message(c.type, 1, bytes(n)), *allowed)
            yield one(message(c.type, 1, (real[0] + b'\xff' * n)[:n]),
                      *allowed)


def truncated(edge):
    for s in edge.samples:
        if s.fd != 'none':
            continue
        for n in range(len(s.payload)):
            yield one(message(s.type, 1, s.payload[:n]), 'length', 'content',
                      'taken', 'descriptor')


def embedded_nul(edge):
    """A zero byte in every place."""
    for s in edge.samples:
        if s.fd != 'none':
            continue
        for n in range(len(s.payload)):
            data = s.payload[:n] + b'\0' + s.payload[n + 1:]
            yield one(message(s.type, 1, data), 'content', 'taken')


def damaged(edge):
    """Some bytes of it changed."""
    chance = random.Random(edge.sender + edge.stage.name)
    for s in edge.samples:
        if s.fd != 'none' or not s.payload:
            continue
        for _ in range(FLIPS):
            data = bytearray(s.payload)
            for _ in range(chance.randrange(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            yield one(message(s.type, chance.randrange(1 << 32), bytes(data)),
                      'content', 'taken')


def strange_ids(edge):
    """Transactions of others, and answers to what was never asked."""
    for s in edge.samples:
        if s.fd == 'none':
            for ident in (0, 1, 2, 1024, 0x7fffffff, 0x80000000, 0xffffffff):
                yield one(message(s.type, ident, s.payload), 'content',
                          'taken')


# --- descriptors

def fd_where_none_belongs(edge):
    for c in edge.contracts:
        if c.fd != 'none':
            continue
        sample = next((s.payload for s in edge.samples if s.type == c.type),
                      bytes(c.min))
        for count in (1, 2, 8, 9, 253):
            fds = [os.open('/dev/null', os.O_RDONLY) for _ in range(count)]
            yield one(message(c.type, 1, sample), *(
                ('descriptor',) if edge.takes_fds else ('taken', 'content')),
                fds=fds)


def number_of_fds(edge):
    """None where one must be, two where one may be."""
    for c in edge.contracts:
        if c.fd == 'none':
            continue
        for s in edge.samples:
            if s.type != c.type:
                continue
            data = message(s.type, 1, s.payload)
            if s.fd != 'none':
                yield one(data, 'descriptor' if c.fd == 'one' else 'content')
            for count in (2, 8, 9, 253):
                fds = [os.open('/dev/null', os.O_RDONLY)
                       for _ in range(count)]
                yield one(data, 'descriptor', fds=fds)


def strange_fds():
    """(what it is, a new one)"""
    def pipe(end):
        pair = os.pipe()
        os.close(pair[1 - end])
        return pair[end]

    def sock(family, kind):
        return socket.socket(family, kind).detach()

    def listener():
        s = socket.socket()
        s.bind(('127.0.0.1', 0))
        s.listen()
        return s.detach()

    def packet():
        a, b = chan_stage.packet_pair()
        b.close()
        return a.detach()
    yield 'directory', os.open('/', os.O_RDONLY | os.O_DIRECTORY)
    yield 'path only', os.open('/', os.O_PATH)
    yield 'file', os.open('/etc/passwd', os.O_RDONLY)
    yield 'device', os.open('/dev/zero', os.O_RDWR)
    yield 'full device', os.open('/dev/full', os.O_RDWR)
    yield 'pipe to read', pipe(0)
    yield 'pipe to write', pipe(1)
    yield 'TCP socket', sock(socket.AF_INET, socket.SOCK_STREAM)
    yield 'UDP socket', sock(socket.AF_INET6, socket.SOCK_DGRAM)
    yield 'listener', listener()
    yield 'channel', packet()
    yield 'epoll', epoll()
    yield 'unsealed memfd', memfd(seals=0)
    yield 'half sealed memfd', memfd(seals=0x07)
    yield 'sealed memfd, too short', memfd(3)
    yield 'sealed memfd, too long', memfd(5)
    yield 'sparse memfd of 1 PiB', memfd(1 << 50)
    yield 'sparse memfd of 1 PiB, unsealed', memfd(1 << 50, 0)


def epoll():
    e = select.epoll()
    try:
        return os.dup(e.fileno())
    finally:
        e.close()


def wrong_kind_of_fd(edge):
    for s in edge.samples:
        if s.fd == 'none':
            continue
        for _, fd in strange_fds():
            yield one(message(s.type, 1, s.payload), *(
                ('content',) if edge.stage.name == 'queued' else
                ('content', 'taken')),
                fds=[fd])


def itself(edge):
    """The channel's own end, into the channel."""
    for s in edge.samples:
        if s.fd != 'none':
            chan = edge.stage.channels[edge.sender]
            yield one(message(s.type, 1, s.payload), 'content', 'taken',
                      fds=[os.dup(chan.fileno())])


ONE_MESSAGE = (wrong_type, wrong_edge, broken_header, every_length, truncated,
               embedded_nul, damaged, strange_ids, fd_where_none_belongs,
               number_of_fds, wrong_kind_of_fd, itself)


# --- the attacks by mass

def right_fd(kind):
    if kind == 'memfd':
        return [memfd()]
    if kind == 'socket':
        a, b = socket.socketpair()
        b.close()
        return [a.detach()]
    return []


def half_finished(edge):
    """Thousands of transactions begun, none ended; answers are read."""
    for s in edge.samples:
        sent = [(message(s.type, n, s.payload), ()) for n in
                range(1, THOUSANDS)] if s.fd == 'none' else \
            [(message(s.type, n, s.payload), right_fd(s.fd))
             for n in range(1, CHUNK)]
        yield sent, {'taken', 'content', 'flood', 'error'}


def empty_packet(edge):
    """A packet of no bytes looks like the end: so it ends the channel."""
    stage = edge.stage
    for _ in range(3):
        chan = stage.channels[edge.sender]
        before = len(stage.violations)
        chan.send(b'')
        end = time.monotonic() + 20
        while swallow(chan):
            assert time.monotonic() < end, 'it is still open'
            select.select([chan], [], [], 1)
        stage.ping()
        assert len(stage.violations) == before
        stage.channel(edge.sender)
    edge.results.append(('empty_packet', 3, {'closed'}))


def pour(edge, sample):
    """As fast as it goes until the receiver has had enough, it stands still,
    or 40,000 are sent and the others had their turns; how many."""
    stage, chan, sent = edge.stage, edge.stage.channels[edge.sender], 0
    before, turns = len(stage.violations), edge.served()
    still = time.monotonic()
    while len(stage.violations) == before and (
            sent < FLOOD or not edge.served(turns)):
        fds = right_fd(sample.fd)
        data = message(sample.type, sent, sample.payload)
        try:
            if fds:
                socket.send_fds(chan, [data], fds)
            else:
                chan.send(data)
            still = time.monotonic()
            sent += 1
            if sent % 100 == 0:
                stage.serve()
        except OSError as e:
            if e.errno not in (errno.EAGAIN, errno.EPIPE, errno.ECONNRESET,
                               errno.ETOOMANYREFS):
                raise
            if e.errno != errno.EAGAIN or \
                    time.monotonic() - still > FLOOD_TIME:
                break
            stage.ping()
        finally:
            for fd in fds:
                os.close(fd)
    return sent


def flood(edge):
    """As fast as it goes, and no answer is read."""
    stage, outcomes, cases = edge.stage, set(), 0
    for s in edge.samples:
        before, turns = len(stage.violations), edge.served()
        sent = pour(edge, s)
        took = stage.ping()
        assert took < 5, 'an answer to posternd took %gs' % took
        edge.wait_served(turns)
        for v in stage.violations[before:]:
            assert v[1:] == stage.peers[edge.sender][1:], v
            outcomes.add(v[0])
        if len(stage.violations) == before:
            outcomes.add('taken' if sent >= FLOOD else 'held back')
        cases += 1
        stage.channel(edge.sender)
        stage.ping()
    edge.results.append(('flood', cases, outcomes))


BY_MASS = (half_finished,)
BY_HAND = (empty_packet, flood)
