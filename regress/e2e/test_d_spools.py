# SPDX-License-Identifier: ISC
"""ACCEPTANCE D5, D6: full spools and dead links stop their own flow only."""
import contextlib
import threading

import pytest

from lab.flows import OUTSIDER, USER, inside, outside, send_in, send_out
from lab.gateway import QUICK, Gateway, conf
from lab.netns import link_down
from lab.proc import wait_until
from lab.smtp import Behaviour, Sink, mail_text

HOST = '10.0.0.14'
HOST_NAME = 'full.corp.example.com'
LIMITS = ('limit message-size 1m\nlimit inbound-spool 8m\n'
          'limit outbound-spool 8m\n')
PAD = ('x' * 70 + '\r\n') * 4000  # 288 KB


class Way:
    """One direction: how mail enters, and the server where it should go."""

    def __init__(self, world, side, server, to):
        self.world, self.side, self.server, self.to = world, side, server, to

    def send(self, token):
        if self.side == 'in':
            return send_in(self.world, token)
        return send_out(self.world, token, self.to)

    def session(self):
        return (outside if self.side == 'in' else inside)(self.world)

    def fill(self):
        """Send until MAIL says 452; the tokens of what was taken."""
        tokens, sender = [], OUTSIDER if self.side == 'in' else USER
        with self.session() as c:
            while True:
                reply = c.cmd('MAIL FROM:<%s>' % sender)
                if reply.code != 250:
                    assert (reply.code, reply.enhanced) == (452, '4.3.1'), \
                        reply
                    return tokens
                assert len(tokens) < 100
                c.expect(250, 'RCPT TO:<%s>' % self.to)
                token = self.world.token()
                reply = c.data(mail_text(token, body=PAD))
                assert reply.code == 250, reply  # never full after DATA
                tokens.append(token)

    def refused(self):
        with self.session() as c:
            reply = c.cmd('MAIL FROM:<%s>' % USER)
            return (reply.code, reply.enhanced) == (452, '4.3.1')

    def takes(self):
        with contextlib.suppress(OSError, AssertionError):
            token = self.world.token()
            self.send(token)
            return token
        return None

    def drained(self, gw, tokens):
        """Each arrived once, the queue is empty, and so it is on disk."""
        for token in tokens:
            assert len(self.server.wait(token, timeout=60)) == 1
        gw.wait_empty()
        token = wait_until('room again', self.takes)
        self.server.wait(token)
        gw.wait_empty()


@pytest.fixture
def ways(world):
    """A gateway with small spools; servers on both sides with a gate."""
    gates = {side: threading.Event() for side in ('in', 'out')}
    for gate in gates.values():
        gate.set()

    def server(side, ns, address):
        return Sink(ns, address, behaviour=Behaviour(
            replies={'connect': lambda *_: gates[side].wait() and None}))

    world.indns.put(HOST_NAME, 'A ' + HOST)
    world.indns.publish()
    peer = world.address()
    domain = world.domain('MX 10 mx.@', hosts={'mx': peer})
    text = conf(domains={'example.com': 'host "%s"' % HOST_NAME},
                top=QUICK + LIMITS)
    with server('in', world.intra, HOST) as host, \
            server('out', world.inet, peer) as far, \
            Gateway(world, text) as gw:
        gw.gates = gates
        gw.ways = {'in': Way(world, 'in', host, USER),
                   'out': Way(world, 'out', far, 'u@' + domain)}
        yield gw
        for gate in gates.values():
            gate.set()


def restarted(gw, tokens, server):
    """What was delivered with a full spool was written down: nothing is
    sent again."""
    gw.stop()
    with Gateway(gw.world, gw.conf, fresh=False) as again:
        found = again.wait_log(20, count=2, event='recovered')
        assert [line['messages'] for line in found] == ['0', '0'], found
        again.wait_empty()
    for token in tokens:
        assert len(server.find(token)) == 1


OTHER = {'in': 'out', 'out': 'in'}


@pytest.mark.parametrize('full', ['in', 'out'])
def test_D5_one_spool_full(ways, full):
    """452 at MAIL for one direction; the other says 250 and delivers."""
    gw, way, other = ways, ways.ways[full], ways.ways[OTHER[full]]
    gw.gates[full].clear()
    tokens = way.fill()
    assert len(tokens) >= 10
    for _ in range(5):
        token = gw.world.token()
        other.send(token)
        other.server.wait(token)
        assert way.refused()
    gw.gates[full].set()
    way.drained(gw, tokens)
    restarted(gw, tokens, way.server)


def test_D6_EXT_link_down(world, ways):
    """Inside submission is taken and queued, and goes out when it is up."""
    gw, out = ways, ways.ways['out']
    mark = gw.mark()
    with link_down(world.gw, 'ext0'):
        tokens = [world.token() for _ in range(20)]
        for token in tokens:
            out.send(token)
        local = world.token()
        send_out(world, local, 'bob@example.com')
        gw.ways['in'].server.wait(local)
        gw.wait_log(60, mark, event='delivery', status='deferred')
        assert not [t for t in tokens if out.server.find(t)]
        assert len(gw.queue()) == len(tokens)
    out.drained(gw, tokens)
    token = world.token()
    gw.ways['in'].send(token)
    gw.ways['in'].server.wait(token)


def test_D6_INT_link_down(world, ways):
    """Mail from outside is queued within the quota, then 452."""
    gw, way = ways, ways.ways['in']
    with link_down(world.gw, 'int0'):
        tokens = way.fill()
        assert len(tokens) >= 10 and way.refused()
        assert len(gw.queue()) == len(tokens)
        assert not [t for t in tokens if way.server.find(t)]
    way.drained(gw, tokens)
    token = world.token()
    gw.ways['out'].send(token)
    gw.ways['out'].server.wait(token)
    restarted(gw, tokens, way.server)
