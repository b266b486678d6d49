# SPDX-License-Identifier: ISC
"""Processes in an attacker's hands: what they can do over their channels."""
import contextlib
import os
import select
import shutil
import socket
import sys
import threading
import time

import pytest

from lab import dnswire, san
from lab.certs import Cert
from lab.gateway import (CONF, GOLDEN, RECIPIENTS, SPOOL, USERS, Gateway,
                         replace)
from lab.inside import PROJECT, WORK
from lab.proc import wait_until
from lab.world import GW_EXT

sys.path.insert(0, os.path.join(PROJECT, 'regress', 'hostile'))

import chan_attacks  # noqa: E402
import chan_stage  # noqa: E402
import chan_table  # noqa: E402
import honest  # noqa: E402
import policy_words as words  # noqa: E402

MIB = 1 << 20
# What one peer may make a program keep, beyond what it had.
GROWTH = 24 * MIB
# Mail that was taken is kept, and up to 4096 sessions that queued began.
KEPT = {'queued': 64 * MIB, 'smtpd-out/ext.0': 128 * MIB,
        'smtpd-out/int.0': 128 * MIB}
PROGRAMS = ('connd/ext', 'connd/int', 'smtpd-in/ext.0', 'smtpd-in/int.0',
            'queued', 'smtpd-out/ext.0', 'smtpd-out/int.0', 'dnsd-ext',
            'dnsd-int', 'dird', 'keyd', 'ctld', 'logd')


def prepare(top=''):
    Gateway.stop_running()
    replace(CONF, top + GOLDEN)
    replace(RECIPIENTS, ''.join(u + '\n' for u in USERS))
    os.makedirs('/run/postern/empty', exist_ok=True)
    # mail that another test left there would be handed out, too
    shutil.rmtree(SPOOL, ignore_errors=True)
    os.makedirs(SPOOL)
    uid = chan_stage.uid_of('_postern-queued')
    os.chmod(SPOOL, 0o700)
    os.chown(SPOOL, uid, uid)


CHILD_FD_LISTENER, CHILD_FD_RCPT_FILE, CHILD_FD_STDERR = 1, 2, 5
CHILD_FD_CONTROL, CHILD_FD_KEYS = 6, 9
HOST_D = '10.0.0.15'  # listens only here


def handed(name):
    """The descriptors without which the program cannot do its work."""
    if name == 'dird':
        return [(CHILD_FD_RCPT_FILE, 0, os.open(RECIPIENTS, os.O_RDONLY))]
    if name == 'logd':
        return [(CHILD_FD_STDERR, 0, os.open('/dev/null', os.O_WRONLY))]
    return []


def readable(chan):
    return select.select([chan], [], [], 0)[0]


class With:
    """What the honest transactions take besides channels."""

    until = staticmethod(wait_until)

    def __init__(self, world, name, samples, tmp_path):
        self.samples, self.host, self.path = samples, None, None
        self.netns, self.fds = None, handed(name)
        if name.startswith('connd'):
            self.netns = world.gw.path
            self.host = world.inet.listen(world.address(), 25) \
                if name == 'connd/ext' else world.intra.listen(HOST_D, 25)
        elif name == 'keyd':
            certs = [Cert(WORK + '/hostile', n, [n + '.test']) for n in 'ei']
            self.fds = [(CHILD_FD_KEYS, 1, words.key_set((1, 2), *certs))]
        elif name == 'ctld':
            self.path = str(tmp_path / 'socket')
            door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            door.bind(self.path)
            door.listen()
            self.fds = [(CHILD_FD_CONTROL, 0, door.detach())]
        elif name == 'logd':
            self.path = str(tmp_path / 'log')
            self.fds = [(CHILD_FD_STDERR, 0, os.open(
                self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT))]

    @staticmethod
    def answer_dns(sock, wire):
        """Each name has one address."""
        query = dnswire.Query(wire)
        where = '10.0.0.10' if query.name.lower().endswith(
            'example.com') else '198.51.100.9'
        sock.send(dnswire.reply(query, [(query.name, 'A', 60, where)]
                                if query.kind == 'A' else []))


def held(stage):
    """Its descriptors, but for the spool's segments: mail that was taken is
    kept in them."""
    return [f for f in stage.open_files() if '/seg.' not in f]


def beside_others(edge, other):
    """The attacks by mass, and others go on all the while; the memory after
    each kind, and how long the slowest of the others took."""
    stage, rss, worst = edge.stage, [], 0.0
    once = None if other.alone else other.once
    for attacks in chan_attacks.BY_MASS, chan_attacks.BY_HAND:
        for one in attacks:
            other.prepare()
            with contextlib.ExitStack() as while_:
                if once is not None:
                    edge.beside = while_.enter_context(honest.Beside(once))
                turns = edge.served()
                if one in chan_attacks.BY_MASS:
                    edge.run(one)
                else:
                    one(edge)
                edge.wait_served(turns)
            if edge.beside is not None:
                worst = max(worst, edge.beside.worst)
            edge.beside = None
            other.after()
        rss.append(stage.rss())
    return rss, worst


def attack(stage, edge, with_):
    stage.ping()
    edge.run(chan_attacks.strange_ids)  # what is made once is made now
    edge.results.clear()
    other = honest.of(stage, edge.sender, with_)
    other.prepare()
    with honest.Beside(other.once) as edge.beside:
        edge.wait_served(0)
    edge.beside = None
    rss, fds = stage.rss(), len(held(stage))
    for one in chan_attacks.ONE_MESSAGE:
        edge.run(one)
    after, worst = beside_others(edge, other)
    grown, flooded = after[0] - rss, after[1] - rss
    print('%s to %s: %d cases, %.1f MiB, after floods %.1f MiB; others had '
          'to wait %.3f s' % (edge.sender, stage.name,
                              sum(r[1] for r in edge.results), grown / MIB,
                              flooded / MIB, worst))
    limit = KEPT.get(stage.name, GROWTH) * san.MEMORY
    assert max(grown, flooded) < limit, (grown, flooded)
    try:
        wait_until('descriptors as before', lambda: len(held(stage)) <= fds, 40)
    except AssertionError as e:
        e.add_note(' '.join(held(stage)))
        raise


@pytest.mark.parametrize('name', PROGRAMS)
def test_every_message_of_every_peer(world, name, tmp_path):
    """All edges of a program, from the other end; nothing is let through,
    and the other peers go on."""
    prepare('log to stderr\n' if name == 'logd' else '')
    contracts, samples = chan_stage.contracts()
    universe = {c.type for c in contracts} | set(range(0x101, 0x108)) | \
        set(range(0x181, 0x188)) | set(range(0x201, 0x218))
    rows = []
    with_ = With(world, name, samples, tmp_path)
    with chan_stage.Stage(name, CONF, with_.netns) as stage:
        stage.start(with_.fds)
        for sender in sorted(stage.channels):
            edge = chan_attacks.Edge(stage, sender, contracts, samples,
                                     universe)
            if sender == 'logd':    # says nothing to anybody
                assert not edge.types
                continue
            assert edge.types, sender
            attack(stage, edge, with_)
            rows.append(edge)
        stage.ping()
    chan_table.check_edges(rows)


@pytest.mark.parametrize('greedy', (False, True))
def test_a_receiver_that_starves_others_is_found(greedy):
    """The control: it hears nobody but the attacker."""
    stop = threading.Event()

    def once(deadline):
        toy.channels['good'].send(b'?')
        honest.wait_for([toy.channels['good']], deadline, 'an echo')
        toy.channels['good'].recv(10)

    def attacker():
        while not stop.is_set():
            with contextlib.suppress(BlockingIOError):
                toy.channels['bad'].send(b'x')

    with honest.Toy(greedy) as toy:
        flood = threading.Thread(target=attacker)
        flood.start()
        try:
            with pytest.raises(honest.Starved) if greedy else \
                    contextlib.nullcontext(), \
                    honest.Beside(once, 2.0) as beside:
                wait_until('turns', lambda: beside.served(chan_attacks.TURNS))
        finally:
            stop.set()
            flood.join()


def test_unread_sockets_cost_the_asker_alone(world):
    """dnsd asks for sockets and takes none: connd goes on accepting."""
    prepare()
    door = world.gw.listen(GW_EXT, 25)
    with chan_stage.Stage('connd/ext', CONF, world.gw.path) as stage, door:
        stage.start([(CHILD_FD_LISTENER, 0, door.fileno())])
        contracts, samples = chan_stage.contracts()
        ask = next(s for s in samples if s.sender == 'dnsd-ext' and
                   s.receiver == 'connd/ext' and s.payload)
        fds, chan = stage.fds(), stage.channels['dnsd-ext']
        end, n, peak = time.monotonic() + 3, 0, fds
        while time.monotonic() < end:
            try:
                n += 1
                chan.send(chan_stage.message(ask.type, n, ask.payload))
            except BlockingIOError:
                stage.ping()
                peak = max(peak, stage.fds())
            except OSError:
                break
        assert peak - fds < 16 and not stage.violations, peak
        worker = stage.channels['smtpd-in/ext.0']
        with world.inet.connect(GW_EXT, 25):
            stage.wait(lambda: readable(worker), 'a session', 5)
            _, given, _, _ = socket.recv_fds(worker, 1000, 4)
            assert len(given) == 1
            os.close(given[0])
        # all that it was given is still to be had
        stage.wait(lambda: not chan_stage.swallow(chan) or
                   stage.fds() <= fds + 1, 'its sockets to be gone', 20)


LG_LINES, LG_DROPPED = 0x301, 0x302
LINE_RATE, LINE_BURST = 50000, 100000  # of logd/main.c


def test_log_floods_are_limited(world, tmp_path):
    """Lines, and lines about lost lines, come at one rate from one sender;
    all of them under its own name."""
    prepare('log to stderr\n')
    path = str(tmp_path / 'log')
    text = b'proc=queued event=accept msgid=1'
    line = b'\x03' + len(text).to_bytes(2, 'big') + text
    with chan_stage.Stage('logd', CONF) as stage, open(path, 'wb') as f:
        begun = time.monotonic()
        stage.start([(CHILD_FD_STDERR, 0, f.fileno())])
        chan = stage.channels['smtpd-in/ext.0']
        lines = chan_stage.message(LG_LINES, 0, line * 400)
        for data in [lines] * 500 + \
                [chan_stage.message(LG_DROPPED, 1)] * 200000:
            stage.send(chan, data)
        stage.ping()
        took = time.monotonic() - begun
        stage.ping()
    with open(path, 'rb') as f:
        said = f.read().splitlines()
    print('%d lines in %gs' % (len(said), took))
    # those about the start are its own
    said = [s for s in said if b' proc=logd ' not in s]
    assert LINE_BURST < len(said) < LINE_BURST + LINE_RATE * took
    assert all(s.split()[2] == b'proc=smtpd-in/ext.0' for s in said), said[0]
    # and no line has a second name
    assert sum(b' proc\\x3dqueued ' in s for s in said) > LINE_BURST / 2
    assert all(s.count(b'proc=') == 1 for s in said)
