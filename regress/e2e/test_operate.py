# SPDX-License-Identifier: ISC
"""The operator's verbs, each with the real programs."""
import json
import os
import re
import signal
import subprocess
import threading

import pytest

from lab.flows import USER, send_in, send_out
from lab.gateway import (CONF, GOLDEN, QUICK, SOCKET, SPOOL, Gateway, conf,
                         program)
from lab.proc import wait_until
from lab.smtp import Behaviour, Sink
from lab.world import HOST_A

HOST = '10.0.0.14'
HOST_NAME = 'sink.corp.example.com'
# Nobody can wait for the first retry here: what is tried was made to be.
SLOW = 'retry { 1h }\n'


@pytest.fixture
def gw(world):
    with Gateway(world, SLOW + GOLDEN) as gateway:
        yield gateway


@pytest.fixture
def dead(world):
    """A destination where nobody listens, until .open()."""
    address = world.address()
    sink = Sink(world.inet, address)
    sink.shut()
    sink.domain = world.domain('MX 10 mx.@', hosts={'mx': address})
    yield sink
    sink.close()


def put_off(world, gw, sink, count=1, sender=USER, word='tok'):
    """Mail that was tried in vain: [(token, id)], oldest first."""
    sent = []
    for _ in range(count):
        token, mark = world.token(word), gw.mark()
        send_out(world, token, 'u@' + sink.domain, sender=sender)
        line, = gw.wait_log(20, mark, event='accept', **{'from': sender})
        sent.append((token, line['id']))
    wait_until('a destination that is put off', lambda: [
        d for d in gw.json('queue', 'destinations')
        if d['destination'] == sink.domain and d['next'] != '-'])
    return sent


def rows(gw, *args):
    return {row['id']: row for row in gw.json('queue', 'list', *args)}


def state(gw, msgid):
    return rows(gw, msgid)[msgid]['state']


def did(gw, *args, status=0):
    """The last JSON row of a verb."""
    done = gw.postern('-j', 'queue', *args, check=False)
    assert done.returncode == status, (args, done.stdout, done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def test_hold_and_release(world, gw, dead):
    """Held for a reason, over a power cut, and released."""
    (token, msgid), (other, second) = put_off(world, gw, dead, 2)
    assert did(gw, 'hold', msgid, '-r', 'ask Ann first') == {
        'did': 'held', 'messages': 1, 'in_flight': 0}
    assert did(gw, 'hold', msgid, status=1)['messages'] == 0
    row = rows(gw)[msgid]
    assert (row['state'], row['reason'], row['reply']) == (
        'held', 'held', 'ask Ann first')
    line, = gw.wait_log(5, event='hold', id=msgid)
    assert line['uid'] == str(os.getuid()) and line['text'] == 'ask Ann first'
    gw.kill_all()
    dead.open()
    gw.start()
    dead.wait(other, timeout=60)
    why, = gw.json('queue', 'why', msgid)
    assert (why['waits_for'], why['note']) == ('held', 'ask Ann first')
    assert gw.postern('queue', 'flush', msgid, check=False).returncode == 1
    assert not dead.find(token)
    assert did(gw, 'release', '-d', dead.domain)['messages'] == 1
    dead.wait(token)
    gw.wait_empty()
    gw.wait_log(5, event='release', id=msgid)
    assert len(dead.find(token)) == len(dead.find(other)) == 1


def test_a_selection_says_how_many(world, gw, dead):
    """-n looks first; sender, age, destination and flow are joined."""
    for sender in (USER, 'bob@example.com', USER):
        put_off(world, gw, dead, sender=sender)
    listed = gw.json('queue', 'list')
    assert len(listed) == 3

    def count(*args, status=0):
        return did(gw, 'remove', '-n', *args, status=status)['messages']

    assert count('-s', USER) == 2
    assert count('-s', '@example.com') == 3
    assert count('-s', '<>', status=1) == 0
    assert count('-d', dead.domain, '-s', 'bob@example.com') == 1
    assert count('-d', 'no.such.test', status=1) == 0
    assert count('-o', '1d', status=1) == 0
    assert count('-q', 'out') == 3
    assert count('-q', 'in', status=1) == 0
    assert count('-a') == 3
    text = gw.postern('queue', 'remove', '-n', '-a').stdout
    assert text.splitlines()[-1] == '3 messages would be removed'
    assert all(row['id'] in text for row in listed)
    assert len(gw.queue()) == 3
    assert gw.postern('queue', 'remove', '-s', USER).stdout == \
        '2 messages removed\n'
    last, = gw.queue()
    assert last['from'] == 'bob@example.com'
    assert gw.postern('queue', 'remove', last['id']).stdout == \
        '1 message removed\n'
    assert gw.queue() == []
    assert len(gw.log(event='remove')) == 3
    gw.kill_all()
    dead.open()
    gw.start()
    assert gw.queue() == [] and not dead.messages.since()


@pytest.mark.parametrize('args', [
    ('hold',), ('remove',), ('release',), ('remove', '-a', '-d', 'x.test'),
    ('remove', 'not-an-id'), ('list', '-o', 'soon'), ('list', '-q', 'up'),
    ('suspend', '-q', 'up'), ('suspend', 'x.test', 'for', 'ever'),
    ('reroute', 'x.test'), ('reroute', 'x.test', 'via'),
    ('reroute', 'x.test', 'via', 'h.test', 'port', '0'), ('why',),
    ('resume',), ('nonsense',)])
def test_wrong_usage(world, gw, args):
    done = gw.postern('queue', *args, check=False)
    assert done.returncode == 64, (args, done)
    assert done.stderr and gw.queue() == []


@pytest.fixture
def slow(world):
    """A destination that takes a message and thinks: .go lets it answer."""
    address = world.address()
    go, there = threading.Event(), threading.Event()

    def eod(*_):
        there.set()
        go.wait(60)
        return sink.verdict

    sink = Sink(world.inet, address, behaviour=Behaviour(replies={'eod': eod}))
    sink.verdict, sink.go, sink.there = None, go, there
    sink.domain = world.domain('MX 10 mx.@', hosts={'mx': address})
    yield sink
    go.set()
    sink.close()


def in_flight(world, gw, slow):
    token, mark = world.token(), gw.mark()
    send_out(world, token, 'u@' + slow.domain)
    line, = gw.wait_log(20, mark, event='accept')
    assert slow.there.wait(20)
    assert state(gw, line['id']) == 'active'
    return token, line['id']


def test_remove_in_flight(world, gw, slow):
    """It goes when it comes back, whatever was said there."""
    slow.verdict = '451 4.3.0 not now'
    token, msgid = in_flight(world, gw, slow)
    done = gw.postern('queue', 'remove', msgid)
    assert done.stdout == ('0 messages removed, 1 in flight: goes as soon as '
                           'it returns\n')
    assert state(gw, msgid) == 'active'
    slow.go.set()
    gw.wait_empty()
    assert not gw.log(event='notice')


def test_delivered_is_delivered(world, gw, slow):
    token, msgid = in_flight(world, gw, slow)
    assert did(gw, 'hold', msgid) == {
        'did': 'held', 'messages': 1, 'in_flight': 1}
    slow.go.set()
    slow.wait(token)
    gw.wait_empty()
    assert len(slow.find(token)) == 1


def test_hold_in_flight(world, gw, slow):
    slow.verdict = '451 4.3.0 not now'
    token, msgid = in_flight(world, gw, slow)
    did(gw, 'hold', '-d', slow.domain)
    slow.go.set()
    wait_until('a held message', lambda: state(gw, msgid) == 'held')
    slow.verdict = None
    assert did(gw, 'release', '-a')['messages'] == 1
    slow.wait(token)
    gw.wait_empty()


def test_poison_is_released(world, gw, slow):
    """In hand at two deaths, held; an operator trusts it again."""
    token, msgid = in_flight(world, gw, slow)
    for _ in range(2):
        wait_until('a job', lambda: state(gw, msgid) == 'active')
        sessions = len(slow.sessions)
        for pid in gw.pids('out-ext'):
            os.kill(pid, signal.SIGKILL)
        wait_until('another attempt, or its end', lambda: (
            state(gw, msgid) == 'held' or len(slow.sessions) > sessions))
    wait_until('it to be held', lambda: state(gw, msgid) == 'held')
    why, = gw.json('queue', 'why', msgid)
    assert (why['waits_for'], why['note']) == ('held', 'poison')
    slow.go.set()
    assert did(gw, 'release', msgid)['messages'] == 1
    gw.wait_empty()
    assert slow.find(token)


def test_suspend_a_destination(world, gw, dead, sink):
    """Accepted, kept, over a power cut; other mail goes; then it is sent."""
    dead.open()
    assert gw.postern('queue', 'suspend').stdout == 'nothing is suspended\n'
    done = gw.postern('queue', 'suspend', dead.domain, '-r', 'they move')
    assert done.stdout == '%s: suspended, 0 messages in the queue\n' % \
        dead.domain
    token, other = world.token(), world.token()
    send_out(world, token, 'u@' + dead.domain)
    send_out(world, other, 'u@' + sink.domain)
    sink.wait(other)
    row, = gw.queue()
    assert row['state'] == 'suspended'
    why, = gw.json('queue', 'why', row['id'])
    assert (why['waits_for'], why['note'], why['uid'], why['until']) == (
        'suspended', 'they move', os.getuid(), '-')
    gw.wait_log(5, event='suspend', name=dead.domain)
    gw.kill_all()
    gw.start()
    rule, = gw.json('queue', 'suspend')
    assert (rule['name'], rule['text']) == (dead.domain, 'they move')
    assert 'suspended by uid' in gw.postern('status').stdout
    again = world.token()
    send_out(world, again, 'u@' + sink.domain)
    sink.wait(again)
    assert not dead.sessions and state(gw, row['id']) == 'suspended'
    assert 'resumed, 1 message ' in gw.postern('queue', 'resume',
                                               dead.domain).stdout
    dead.wait(token)
    assert gw.postern('queue', 'resume', dead.domain,
                      check=False).returncode == 1
    gw.wait_log(5, event='resume', name=dead.domain)


def test_suspend_for_a_time(world, gw, sink):
    gw.postern('queue', 'suspend', sink.domain, 'for', '2s')
    token = world.token()
    send_out(world, token, 'u@' + sink.domain)
    sink.wait(token)
    line, = gw.wait_log(5, event='resume', name=sink.domain)
    assert line['because'] == 'its time is over'
    assert gw.json('queue', 'suspend') == []
    accepted, = gw.log(event='suspend')
    assert accepted['seconds'] == '2'


def test_D7_each_flow_has_its_switch(world, sink):
    """One flow stands still, the others go; each has its log field and its
    counters."""
    world.indns.put(HOST_NAME, 'A ' + HOST)
    world.indns.publish()
    text = conf(domains={'example.com': 'host "%s"' % HOST_NAME}, top=QUICK)

    def counters(gw):
        total = {}
        for row in gw.json('stats'):
            for name, value in row.items():
                if name.startswith('deliveries_sent_'):
                    total[name] = total.get(name, 0) + value
        return [total.get('deliveries_sent_%s_total' % f, 0)
                for f in ('in', 'out', 'local')]

    def send(flow, token):
        if flow == 'in':
            send_in(world, token)
        else:
            send_out(world, token, 'u@' + sink.domain if flow == 'out'
                     else 'bob@example.com')

    flows = ('in', 'out', 'local')
    with Sink(world.intra, HOST) as host, Gateway(world, text) as gw:
        for n, paused in enumerate(flows):
            gw.postern('queue', 'suspend', '-q', paused, '-r', 'test of it')
            tokens = {f: world.token(f) for f in flows}
            mark = gw.mark()
            for flow in flows:
                send(flow, tokens[flow])
            for flow in flows:
                if flow != paused:
                    (sink if flow == 'out' else host).wait(tokens[flow])
                    gw.wait_log(10, mark, event='delivery', status='sent',
                                flow=flow)
            row, = wait_until('one message left', lambda: [
                gw.queue()] if len(gw.queue()) == 1 else None)[0],
            assert row[0]['state'] == 'suspended'
            shape = gw.json('queue', 'shape', '-q', paused)
            assert shape[-1]['messages'] == shape[-1]['suspended'] == 1
            assert not gw.log(mark, event='delivery', flow=paused)
            assert not (sink if paused == 'out' else host).find(
                tokens[paused])
            gw.postern('queue', 'resume', '-q', paused)
            (sink if paused == 'out' else host).wait(tokens[paused])
            gw.wait_empty()
            gw.wait_log(10, mark, event='delivery', flow=paused)
            assert counters(gw) == [n + 1] * 3


def test_reroute(world, gw, dead):
    """Queued and new mail goes to another host, until that is off."""
    (token, msgid), = put_off(world, gw, dead)
    address = world.address()
    with Sink(world.inet, address) as relay:
        done = gw.postern('queue', 'reroute', '-n', dead.domain, 'via',
                          address)
        assert 'would be rerouted, 1 message ' in done.stdout
        assert gw.json('queue', 'reroute') == []
        gw.postern('queue', 'reroute', dead.domain, 'via', address,
                   '-r', 'their MX is down')
        late = world.token()
        send_out(world, late, 'u@' + dead.domain)
        relay.wait(late)
        why, = gw.json('queue', 'why', msgid)
        assert (why['route'], why['uid']) == ('reroute', os.getuid())
        assert did(gw, 'flush', msgid)['messages'] == 1
        relay.wait(token)
        gw.wait_empty()
        line, = gw.wait_log(5, event='reroute', name=dead.domain)
        assert (line['uid'], line['host']) == (str(os.getuid()), address)
        gw.kill_all()
        gw.start()
        rule, = gw.json('queue', 'reroute')
        assert (rule['name'], rule['host'], rule['port']) == (
            dead.domain, address, 25)
        third = world.token()
        send_out(world, third, 'u@' + dead.domain)
        relay.wait(third)
        gw.postern('queue', 'reroute', dead.domain, 'off')
        dead.open()
        last = world.token()
        send_out(world, last, 'u@' + dead.domain)
        dead.wait(last)
        assert not relay.find(last)
        gw.wait_log(5, event='reroute-off', name=dead.domain)


def test_reroute_never_crosses(world, gw, sink):
    """Our domain to an outside host, another one to an inside host: connd
    refuses, and nothing is sent."""
    ext, inner = world.ext.mark(), world.int.mark()
    gw.postern('queue', 'reroute', 'example.com', 'via', sink.address)
    gw.postern('queue', 'reroute', sink.domain, 'via', HOST_A)
    mark, token, other = gw.mark(), world.token(), world.token()
    send_in(world, token)
    send_out(world, other, 'u@' + sink.domain)
    for flow in ('in', 'out'):
        line, = gw.wait_log(20, mark, event='delivery', flow=flow)
        assert (line['status'], line['reason']) == (
            'deferred', 'policy-address'), line.text
    assert not [p for p in world.ext.opens(ext, out=True)
                if p.dst == sink.address]
    assert not [p for p in world.int.opens(inner, out=True)
                if p.dst == HOST_A and p.dport == 25]
    assert not sink.sessions


def test_why(world, gw, dead):
    """State, rule with file and line, reply, next attempt; for both."""
    (_, msgid), = put_off(world, gw, dead)
    why, = gw.json('queue', 'why', msgid)
    line = 1 + (SLOW + GOLDEN).splitlines().index('connector "*" via dns')
    assert why['waits_for'] == 'pause' and why['route'] == 'connector'
    assert (why['rule'], why['file'], why['line']) == ('*', CONF, line)
    assert (why['to'], why['hop']) == ('u@' + dead.domain, dead.domain)
    assert why['next'] > '2026' and why['expires'] > why['next']
    assert why['reason'] == 'connect' and why['reply']
    text = gw.postern('queue', 'why', msgid).stdout
    assert 'connector "*" %s:%d' % (CONF, line) in text
    assert re.search(r'where nothing works: tried again in (1h )?\d+m', text), text
    assert 'last reply' in text and 'expires' in text
    gone = gw.postern('queue', 'why', '0000000000001', check=False)
    assert gone.returncode == 1


def test_a_reply_cannot_write_to_the_terminal(world, gw):
    """Escapes in what another host says are shown, not sent."""
    address = world.address()
    evil = '451 4.7.1 \x1b]0;owned\x07\x1b[2J later \xff'
    with Sink(world.inet, address,
              behaviour=Behaviour(replies={'rcpt': evil})):
        domain = world.domain('MX 10 mx.@', hosts={'mx': address})
        mark = gw.mark()
        send_out(world, world.token(), 'u@' + domain)
        gw.wait_log(20, mark, event='delivery', status='deferred')
        msgid = gw.queue()[0]['id']
        wait_until('the reply to be recorded', lambda: 'later' in
                   gw.postern('queue', 'why', msgid).stdout)
        for args in (('list',), ('show', msgid), ('why', msgid), ('shape',),
                     ('destinations',), ('list', '-j'), ('why', '-j', msgid)):
            out = subprocess.run(
                [program('postern/postern'), '-s', SOCKET, 'queue', *args],
                capture_output=True, check=True, timeout=60).stdout
            assert all(b == 10 or 32 <= b < 127 or args == ('shape',)
                       for b in out), (args, out)
            assert b'\x1b' not in out and b'\x07' not in out


def test_shape(world, gw, dead):
    """Rows and a total; blocks where the terminal has them."""
    put_off(world, gw, dead, 3)
    first, total = gw.json('queue', 'shape')
    assert (first['destination'], first['side'], first['messages']) == (
        dead.domain, 'ext', 3)
    assert (first['5m'], first['10m'], first['held']) == (3, 0, 0)
    assert (total['destination'], total['messages']) == ('', 3)
    did(gw, 'hold', gw.queue()[0]['id'])
    assert gw.json('queue', 'shape')[-1]['held'] == 1

    def picture(locale):
        return subprocess.run(
            [program('postern/postern'), '-s', SOCKET, 'queue', 'shape'],
            capture_output=True, check=True, timeout=60,
            env={'LC_ALL': locale}).stdout

    plain, blocks = picture('C'), picture('C.UTF-8')
    assert b'##########' in plain and plain.isascii()
    assert '\u2588'.encode() * 10 in blocks and b'#' not in blocks
    lines = plain.decode().splitlines()
    assert lines[0].split()[:4] == ['DESTINATION', 'SIDE', 'TOTAL', '5m']
    assert lines[1].index('ext') == lines[0].index('SIDE')
    assert gw.postern('queue', 'remove', '-a').returncode == 0
    assert gw.postern('queue', 'shape').stdout == 'the queue is empty\n'


def test_rules_can_be_read_and_are_checked(world, gw):
    """A damaged line is said to be so, and costs only itself."""
    gw.postern('queue', 'suspend', 'a.test', '-r', 'one')
    gw.postern('queue', 'reroute', 'b.test', 'via', 'relay.test')
    path = os.path.join(SPOOL, 'out', 'rules')
    with open(path) as f:
        text = f.read()
    assert re.match(r'suspend a\.test since \d+ until 0 uid \d+ because one\n'
                    r'reroute b\.test via relay\.test port 25 since ', text)
    gw.stop()
    with open(path, 'w') as f:
        f.write('garbage\n' + text)
    gw.start()
    assert any('damaged' in line.text for line in gw.log(event='note'))
    assert [r['name'] for r in gw.json('queue', 'suspend')] == ['a.test']
    assert [r['name'] for r in gw.json('queue', 'reroute')] == ['b.test']
