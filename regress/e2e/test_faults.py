# SPDX-License-Identifier: ISC
"""Faults of the disk and deaths of processes, with mail flowing.

Every test ends in the ledger: what was acknowledged was delivered, whole, or
is still in the queue.
"""
import contextlib
import glob
import os
import random
import signal
import threading
import time

import pytest

from lab.flows import OUTSIDER, USER, outside, send_in, send_out
from lab.gateway import QUICK, SPOOL, Gateway, conf
from lab.load import Ledger, Load
from lab.proc import Timeout, is_alive, wait_until
from lab.smtp import Behaviour, Sink, mail_text
from lab.strace import Strace
from lab.world import GW_EXT, GW_INT, HOST_A

HOST = '10.0.0.14'
SMALL = 'limit inbound-spool 64m\nlimit outbound-spool 64m\n'
TEXT = conf(domains={'example.com': 'host %s' % HOST},
            top=QUICK + SMALL + 'workers 2\n')


class Gated(Sink):
    """A host that greets nobody until .gate is set."""

    def __init__(self, ns, *addresses):
        self.gate = threading.Event()
        super().__init__(ns, *addresses, behaviour=Behaviour(
            replies={'connect': lambda *_: self.gate.wait() and None}))

    def close(self):
        self.gate.set()
        super().close()


@pytest.fixture
def held(world):
    """A gateway, and the inside host that takes nothing yet."""
    with Gated(world.intra, HOST) as host, Gateway(world, TEXT) as gw:
        gw.host = host
        send_in(world, world.token())
        settled(gw)
        yield gw


def settled(gw):
    """Until both spools have made the segments that they want ahead."""
    for name in ('in', 'out'):
        wait_until('segments', lambda d='%s/%s/' % (SPOOL, name):
                   len(glob.glob(d + 'seg.*')) >= 2 and
                   not os.path.exists(d + 'fill'))


def queued(gw):
    pid, = gw.pids('queued')
    return pid


def load_in(world, count, **kw):
    return Load(world.inet, GW_EXT, OUTSIDER, USER, count, 10, **kw)


DISK = {
    'sync-EIO': ('fdatasync:error=EIO', 'store-poisoned'),
    'write-EIO': ('pwrite64:error=EIO', 'store-poisoned'),
    'write-ENOSPC': ('pwrite64:error=ENOSPC', 'store-full'),
    'write-EDQUOT': ('pwrite64:error=EDQUOT', 'store-full'),
}


@pytest.mark.parametrize('kind', sorted(DISK))
def test_F4_the_disk_fails_once(world, held, kind):
    """That batch is refused and comes again; nothing is lost or doubled."""
    gw, (inject, event) = held, DISK[kind]
    pid, mark = queued(gw), gw.mark()
    with Strace(pid, inject + ':when=12') as trace:
        load = load_in(world, 400).start().join()
    gw.wait_log(20, mark, event=event, spool='in')
    assert load.unsure and set(load.soft) <= {451, 452}, load.soft
    assert len(trace.injected()) == 1, trace.injected()
    assert not trace.afterwards(), trace.afterwards()
    assert queued(gw) == pid
    gw.host.gate.set()
    Ledger(load, gw.host).wait().check()
    gw.wait_empty()


LARGE = {'fsync': 'EIO', 'pwrite64': 'ENOSPC', 'openat': 'EDQUOT',
         'mkdirat': 'ENOSPC', 'fdatasync': 'EIO'}


@pytest.mark.parametrize('call', sorted(LARGE))
def test_F4_the_disk_fails_a_large_message(world, held, call):
    """The same where the body becomes a file."""
    gw, pid, token = held, queued(held), world.token()
    text = mail_text(token, body=('y' * 70 + '\r\n') * 40000)
    with Strace(pid, '%s:error=%s:when=1' % (call, LARGE[call])) as trace, \
            outside(world) as c:
        c.envelope(OUTSIDER, USER)
        reply = c.data(text)
        assert reply.code in (451, 452), reply
        c.envelope(OUTSIDER, USER)
        reply = c.data(text)
        assert reply.code == 250, reply
    assert len(trace.injected()) == 1 and not trace.afterwards()
    assert queued(gw) == pid
    gw.host.gate.set()
    gw.host.wait(token)
    gw.wait_empty()
    message, = gw.host.find(token)
    assert message.data.endswith(text.partition('\r\n\r\n')[2].encode())


@pytest.mark.parametrize('when', [1, 12])
@pytest.mark.parametrize('call', ['pwrite64', 'fdatasync'])
def test_F4_killed_in_the_call(world, held, call, when):
    """queued dies in the midst of a commit; what it said 250 to is there."""
    gw = held
    pid = queued(gw)
    with Strace(pid, '%s:signal=KILL:when=%d' % (call, when)):
        load = load_in(world, 400).start().join()
    assert not is_alive(pid)
    gw.host.gate.set()
    ledger = Ledger(load, gw.host).wait()
    ledger.check_lost()
    assert set(ledger.doubles()) <= load.again | load.unsure
    gw.wait_empty()


def test_F4_a_result_meets_a_bad_disk(world, held):
    """What was delivered stays delivered, also after a restart."""
    gw = held
    load = load_in(world, 200).start().join()
    pid, mark = queued(gw), gw.mark()
    with Strace(pid, 'fdatasync:error=EIO:when=2') as trace:
        gw.host.gate.set()
        Ledger(load, gw.host).wait().check()
        gw.wait_log(20, mark, event='store-poisoned', spool='in')
        gw.wait_empty()
        send_in(world, world.token())  # results go to disk with it
    assert not trace.afterwards(), trace.afterwards()
    assert queued(gw) == gw.kill('queued')
    gw.wait_replaced('queued', pid)
    token = world.token()
    wait_until('mail to be taken', lambda: takes(send_in, world, token))
    gw.host.wait(token)
    Ledger(load, gw.host).check()
    gw.wait_empty()


def takes(send, *args):
    try:
        send(*args)
        return True
    except (OSError, AssertionError):
        return False


def test_F4_twice_in_ten_minutes(world, held, sink):
    """Then no more mail from outside; deliveries and the other way go on."""
    gw = held
    mark, pid = gw.mark(), queued(gw)
    with Strace(pid, 'fdatasync:error=EIO:when=10..20+10') as trace:
        load = load_in(world, 4000).start()
        gw.wait_log(60, mark, event='store-refusing', spool='in')
        load.over.set()
        for thread in load.threads:
            thread.join()
        assert load.acked and set(load.soft) <= {451, 452}, load.soft
        with pytest.raises(AssertionError, match='45[12]'):
            send_in(world, world.token())
        token = world.token()
        send_out(world, token, 'u@' + sink.domain)
        sink.wait(token)
        gw.host.gate.set()
        Ledger(load, gw.host).wait().check()
        gw.wait_empty()
        with pytest.raises(AssertionError, match='45[12]'):
            send_in(world, world.token())
    assert len(trace.injected()) == 2 and not trace.afterwards()
    assert len(gw.log(mark, event='store-poisoned', spool='in')) == 2
    # the ten minutes pass in regress/unit; a restart ends them, too
    gw.kill('queued')
    gw.wait_replaced('queued', pid)
    token = world.token()
    wait_until('mail to be taken', lambda: takes(send_in, world, token))
    gw.host.wait(token)


ROLES = ('connd-ext', 'connd-int', 'ctld', 'dird', 'dnsd-ext', 'dnsd-int',
         'in-ext', 'in-int', 'keyd', 'logd', 'out-ext', 'out-int', 'queued')
SEED = int(os.environ.get('FAULT_SEED', random.SystemRandom().getrandbits(32)))
SEEDS = range(SEED, SEED + int(os.environ.get('FAULT_ROUNDS', '1')))


def strike(gw, role, rng):
    """kill -9 for one process of the role; when that was."""
    pids = wait_until('a ' + role, lambda: gw.pids(role))
    when = time.monotonic()
    with contextlib.suppress(ProcessLookupError):
        os.kill(rng.choice(pids), signal.SIGKILL)
    return when


def at_random(gw, loads, rng, times=3):
    """Each role so many times, at moments that the generator chooses."""
    deck = list(ROLES) * times
    rng.shuffle(deck)
    total = sum(load.count for load in loads)
    there = {role: len(gw.pids(role)) for role in ROLES}
    moments = sorted(rng.randrange(total * 9 // 10) for _ in deck)
    deaths = {role: [] for role in ROLES}
    for role, moment in zip(deck, moments):
        wait_until('%d acknowledged' % moment, lambda m=moment:
                   sum(len(load.acked) for load in loads) >= m, 240)
        deaths[role].append(strike(gw, role, rng))
    assert all(len(v) == times for v in deaths.values())
    wait_until('each process again', lambda: all(
        len(gw.pids(role)) >= many for role, many in there.items()), 120)
    wait_until('an answer', lambda: gw.postern('queue', 'list', check=False)
               .returncode == 0)
    return deaths


@pytest.mark.parametrize('seed', SEEDS)
def test_F1_each_process_killed_at_random(world, sink, seed):
    """Under load both ways: acknowledged is delivered, or still queued.

    FAULT_SEED=N begins with the seed that a failure shows in its name.
    """
    rng = random.Random(seed)
    away = world.address()
    domain = world.domain('MX 10 mx.@', hosts={'mx': away})
    with Sink(world.intra, HOST) as host, Gateway(world, TEXT) as gw:
        loads = [load_in(world, 2500),
                 Load(world.intra, GW_INT, USER, 'u@' + sink.domain, 2500, 10,
                      source=HOST_A, prefix='o'),
                 Load(world.intra, GW_INT, USER, 'u@' + domain, 200, 2,
                      source=HOST_A, prefix='q')]
        for load in loads:
            load.start()
        deaths = at_random(gw, loads, rng)
        books = [Ledger(load.join(), where)
                 for load, where in zip(loads, (host, sink))]
        for book in books:
            account(gw, book, deaths['queued'])
        stuck = Ledger(loads[2].join())
        assert len(stuck.missing()) == 200
        assert not stuck.unaccounted(gw.queue())
        with Sink(world.inet, away) as late:
            stuck.sinks = (late,)
            gw.postern('queue', 'flush')
            account(gw, stuck, deaths['queued'])
        only_held(gw)


def only_held(gw):
    """Until nothing waits but what was in hand at two deaths."""
    def over():
        rows[:] = gw.queue()
        return all((r['state'], r['reason']) == ('held', 'poison')
                   for r in rows)
    rows = []
    try:
        wait_until('an empty queue', over, 60, 0.1)
    except AssertionError:
        raise AssertionError('still queued: %s' % rows[:5]) from None


def account(gw, book, deaths):
    """Every acknowledged message arrived or is in the queue."""
    def settled_up():
        if not book.missing():
            return True
        rows = [r for r in gw.queue() if r['state'] == 'held']
        return not book.unaccounted(rows)
    try:
        wait_until('all mail to be accounted for', settled_up, 120, 0.2)
    except Timeout:
        lost = book.unaccounted(gw.queue())
        raise AssertionError('%d lost: %s; waiting: %s' % (
            len(lost), lost[:10], gw.queue()[:3])) from None
    for ident in book.missing():
        del book.load.acked[ident]  # it is held: that is its place
    book.check_lost()
    book.check_doubles_in_hand(deaths)


class Stalling(Sink):
    """A host that never answers the final dot of mail with a token."""

    def __init__(self, ns, address, token):
        self.token, self.over = token.encode(), threading.Event()
        self.stalled = []  # sessions that sit there
        super().__init__(ns, address,
                         behaviour=Behaviour(replies={'eod': self._eod}))

    def _eod(self, session, message):
        if self.token in message.data:
            self.stalled.append(session)
            self.over.wait()

    def in_hand(self, times):
        """Until the message has come that often, and is not done with."""
        wait_until('it to be in hand', lambda: len(self.stalled) >= times)


@pytest.fixture
def bad(world):
    """A gateway with one message that its worker will never be rid of."""
    token = world.token()
    text = conf(domains={'example.com': 'host %s' % HOST},
                top=QUICK + 'workers 1\n')
    with Stalling(world.intra, HOST, token) as host, \
            Gateway(world, text) as gw:
        gw.host, gw.token = host, token
        send_in(world, token)
        host.in_hand(1)
        yield gw


def still_flows(world, gw):
    token = world.token()
    wait_until('mail to be taken', lambda: takes(send_in, world, token))
    gw.host.wait(token)


def is_held(world, gw, mark):
    """Held as poison, said so, and nothing else is in its way."""
    line, = gw.wait_log(20, mark, event='hold', reason='poison')
    still_flows(world, gw)
    row, = [r for r in gw.queue() if r['state'] != 'waiting']
    assert (row['id'], row['state'], row['reason']) == (
        line['id'], 'held', 'poison'), row
    assert not gw.host.find(gw.token)


def test_poison_kills_its_worker_twice(world, bad):
    """In hand at two deaths of smtpd-out: held; the rest flows."""
    gw, mark = bad, bad.mark()
    pid = gw.kill('out-int')
    gw.wait_replaced('out-int', pid)
    still_flows(world, gw)
    gw.host.in_hand(2)
    assert not gw.log(mark, event='hold')
    pid = gw.kill('out-int')
    gw.wait_replaced('out-int', pid)
    is_held(world, gw, mark)
    pid = gw.kill('queued')  # and for good
    gw.wait_replaced('queued', pid)
    still_flows(world, gw)
    gw.postern('queue', 'flush')
    still_flows(world, gw)
    row, = [r for r in gw.queue() if r['state'] == 'held']
    assert row['reason'] == 'poison' and len(gw.host.stalled) == 2, row


def test_poison_kills_queued(world, bad):
    """In hand at the death of smtpd-out, then at that of queued: held."""
    gw, mark = bad, bad.mark()
    pid = gw.kill('out-int')
    gw.wait_replaced('out-int', pid)
    gw.host.in_hand(2)
    pid = gw.kill('queued')
    gw.wait_replaced('queued', pid)
    is_held(world, gw, mark)
    assert len(gw.host.stalled) == 2
