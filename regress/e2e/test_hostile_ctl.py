# SPDX-License-Identifier: ISC
"""ctld in an attacker's hands: it may order what the operator may, and how
often and how wildly it does so is no matter to the others."""
import contextlib
import itertools
import os
import shutil
import socket
import struct
import sys
import threading
import time

from lab import san
from lab.flows import both_ways
from lab.gateway import CONF, SOCKET, SPOOL, Gateway
from lab.inside import PROJECT
from lab.proc import wait_until
from test_hostile import prepare
from test_hostile_lies import LyingStage, QO_OPEN, Worker, submitted
from test_hostile_twin import others, probes, take_over, twins  # noqa: F401

sys.path.insert(0, os.path.join(PROJECT, 'regress', 'hostile'))

import chan_stage  # noqa: E402
import chan_table  # noqa: E402
import policy_words as words  # noqa: E402

MIB = 1 << 20
LIST, HOLD, RELEASE, REMOVE, FLUSH, SHAPE = range(1, 7)
SELECT, SHOW, WHY, RULES, DESTS, RULE = (0xc01 + n for n in range(6))
ROW, RCPT, ANS_WHY, ANS_RULE, DEST, END, ANS_SHAPE = (0xc81 + n
                                                      for n in range(7))
SUSPEND, SUSPEND_FLOW, REROUTE = 1, 2, 3
DONE, MORE, NO_SUCH, BUSY, FAILED = range(1, 6)
TEXT_MAX, DOMAIN_MAX, ADDR_MAX, PAGE_MAX = 200, 253, 320, 200
RULES_MAX = 1000  # of queued/rules.h
ORDERS = 10000
U32, U64 = (1 << 32) - 1, (1 << 64) - 1


def word(text):
    return struct.pack('>H', len(text)) + text


def select(verb, look=0, flow=0, from_=0, older=0, msgid=0, after=0,
           limit=PAGE_MAX, dest=b'', sender=b'', text=b'', uid=0):
    return struct.pack('>BBBBIIQQH', verb, look, flow, from_, uid, older,
                       msgid, after, limit) + word(dest) + word(sender) + \
        word(text)


def rule(kind, name=b'', on=1, flow=0, host=b'', port=25, text=b'', lasts=0):
    return struct.pack('>BBBIIHQQ', kind, on, flow, 0, lasts, port, 0, 0) + \
        word(name) + word(host) + word(text)


class Orders:
    """The place of ctld at a staged queued."""

    def __init__(self, stage):
        self.stage, self.n = stage, 0
        self.seen = bytearray()  # of all answers

    def ask(self, type_, payload=b''):
        """[(type, row)] of one question; the last is its END."""
        self.n += 1
        chan, rows = self.stage.channels['ctld'], []
        assert self.stage.send(chan, chan_stage.message(type_, self.n,
                                                        payload))
        while not rows or rows[-1][0] != END:
            got = words.answers(self.stage, chan, 1)
            assert got, ('closed', self.stage.violations[-1:])
            for kind, ident, data, fds in got:
                assert ident == self.n and fds == 0
                rows.append((kind, data))
                self.seen += data
        return rows

    def end(self, type_, payload=b''):
        """(result, count, busy, after)"""
        return struct.unpack('>BIIQ', self.ask(type_, payload)[-1][1])


def extremes():
    """Selections that an operator would hardly make."""
    long = (b'', b'x' * DOMAIN_MAX, b'foreign.com', b'\xff\x7f\x01 ')
    for verb, look, flow, from_ in itertools.product(
            range(LIST, SHAPE + 1), (0, 1), range(4), range(4)):
        for n, (older, msgid, after) in enumerate((
                (0, 0, 0), (U32, 0, 0), (0, U64, 0), (0, 1, U64), (0, 0, U64),
                (0, 0, 1 << 63))):
            yield select(verb, look, flow, from_, older, msgid, after,
                         (0, 1, PAGE_MAX)[n % 3], long[n % 4],
                         (b'', b'y' * ADDR_MAX)[n % 2], b'z' * TEXT_MAX, U32)


def fresh():
    """A staged program, and no mail or rules of others before it."""
    Gateway.stop_running()
    shutil.rmtree(SPOOL, ignore_errors=True)
    prepare()


def spool_files():
    return sorted(os.path.relpath(os.path.join(d, f), SPOOL)
                  for d, _, files in os.walk(SPOOL) for f in files)


def test_extreme_selections(world):
    """Every verb with every extreme: answered in time, mail goes on; no
    answer has a byte of a message, no file is there that was not."""
    fresh()
    with LyingStage('queued', CONF) as stage:
        stage.start()
        submitted(stage, ['foreign.com', 'another.com'] * 100)
        orders, files = Orders(stage), spool_files()
        small, slowest, n = stage.rss(), 0, 0
        for n, payload in enumerate(extremes(), 1):
            begun = time.monotonic()
            result = orders.end(SELECT, payload)[0]
            assert result in (DONE, MORE, NO_SUCH), result
            slowest = max(slowest, time.monotonic() - begun)
        for ident in (0, 1, U64, 1 << 63):
            for type_ in (SHOW, WHY):
                assert orders.end(type_, struct.pack('>Q', ident))[0] == \
                    NO_SUCH
        # what is too long for a page, and no verb at all
        for bad in (select(LIST, limit=PAGE_MAX + 1), select(0), select(7),
                    select(LIST, flow=4), select(LIST, from_=4),
                    rule(0, b'a.test'), rule(4, b'a.test')):
            before = len(stage.violations)
            stage.send(stage.channels['ctld'], chan_stage.message(
                SELECT if len(bad) > 40 and bad[:1] in b'\0\1\7' and
                len(bad) == len(select(0)) else RULE, 1, bad))
            stage.wait(lambda: len(stage.violations) > before, 'a violation')
            stage.channel('ctld')
        assert stage.ping() < 5
        print('%d selections, slowest %.3f s, %.1f MiB' % (
            n, slowest, (stage.rss() - small) / MIB))
        assert stage.rss() - small < 8 * MIB * san.MEMORY
        # it removed all that it could; the next mail is taken as ever
        assert not orders.end(SELECT, select(LIST))[1]
        submitted(stage, ['foreign.com'])
        _, samples = chan_stage.contracts()
        sample = next(s.payload for s in samples if s.fd == 'none' and
                      s.type == words.IQ_COMMIT and
                      s.sender == 'smtpd-in/ext')
        (_, row), _ = orders.ask(SELECT, select(LIST))
        for type_ in (SHOW, WHY):
            assert orders.end(type_, row[:8])[0] == DONE
        body = sample[-40:]
        assert b'\r\n' in body and body not in orders.seen
        assert b'alice@foreign.com' in orders.seen  # so it was looked at
        assert set(spool_files()) <= set(files)
    chan_table.check_policy(
        'ctld', 'queued: extreme selections, each verb', 'answered in pages; '
        'removed, held, flushed: as by the operator',
        'queued/queue_ctl_select.c work(), is_full()')
    chan_table.check_policy(
        'ctld', 'queued: to read what is in messages', 'envelopes and replies '
        'only', 'queued/queue_ctl.c on_row(), on_show()')


def test_lists_half_read(world):
    """Lists by the thousand, none read: queued keeps the answer of one."""
    fresh()
    with LyingStage('queued', CONF) as stage:
        stage.start()
        submitted(stage, ['foreign.com'] * 400)
        stage.ping()
        chan, small, sent = stage.channels['ctld'], stage.rss(), 0
        peak = 0
        for payload in itertools.islice(itertools.cycle(
                (select(LIST), select(SHAPE), select(LIST, from_=3))), 20000):
            try:
                chan.send(chan_stage.message(SELECT, sent, payload))
                sent += 1
            except BlockingIOError:
                assert stage.ping() < 5
                peak = max(peak, stage.rss() - small)
                if sent and stage.pings > 50:
                    break
            except (BrokenPipeError, ConnectionResetError):
                break
        print('%d lists, %.1f MiB' % (sent, peak / MIB))
        assert sent > 100
        assert not stage.violations
        assert peak < 4 * MIB * san.MEMORY, peak
        submitted(stage, ['another.com'])  # others are served meanwhile
        # when it reads, it gets them all
        begun = time.monotonic()
        ends = 0
        while ends < sent:
            ends += sum(a[0] == END for a in words.answers(stage, chan, 1))
        assert time.monotonic() - begun < 60
    chan_table.check_policy(
        'ctld', 'queued: lists by the thousand, unread', 'the next is read '
        'when the last was taken: one answer in memory',
        'queued/peer_ctl.c end()')


def test_orders_by_the_ten_thousand(world):
    """Rules without end: a bounded number in one file, of plain lines; mail
    is taken all the while."""
    fresh()
    with LyingStage('queued', CONF) as stage:
        stage.start()
        submitted(stage, ['foreign.com'] * 50)
        orders, files, small = Orders(stage), spool_files(), stage.rss()
        told = {DONE: 0, FAILED: 0, NO_SUCH: 0}
        waits, begun = [], time.monotonic()
        for n in range(ORDERS):
            name = b'd%d.test' % n
            told[orders.end(RULE, rule(
                SUSPEND + n % 2 * 2, name, host=b'h.test',
                text=b' because\xff suspend all' + b'x' * (n % 170)))[0]] += 1
            if n % 500 == 0:
                since = time.monotonic()
                submitted(stage, ['another.com'])
                assert stage.ping() < 5
                waits.append(time.monotonic() - since)
        took = time.monotonic() - begun
        print('%d rules in %.1f s: %s; mail beside them %.3f s at most; '
              '%.1f MiB' % (ORDERS, took, told, max(waits),
                            (stage.rss() - small) / MIB))
        assert told == {DONE: RULES_MAX, FAILED: ORDERS - RULES_MAX,
                        NO_SUCH: 0}
        new = set(spool_files()) - set(files)
        assert [os.path.basename(f) for f in new] == ['rules'], new
        with open('%s/%s' % (SPOOL, *new), 'rb') as f:
            lines = f.read().splitlines()
        assert len(lines) == RULES_MAX
        assert all(line.split()[0] in (b'suspend', b'reroute') and
                   line.split()[1].endswith(b'.test') and
                   all(32 <= c < 127 for c in line) for line in lines)
        # names of files, and what is no name
        for name in (b'../../etc/passwd', b'a b', b'\x80', b''):
            got = orders.end(RULE, rule(SUSPEND, name))[0]
            assert got == FAILED, (name, got)
        for bad in (rule(SUSPEND, b'a\nb'), rule(SUSPEND, b'a', text=b'\n'),
                    rule(REROUTE, b'a', host=b'h\0')):
            before = len(stage.violations)
            stage.send(stage.channels['ctld'], chan_stage.message(RULE, 1,
                                                                  bad))
            stage.wait(lambda: len(stage.violations) > before, 'a violation')
            assert stage.violations.pop()[0] == 'content'
            stage.channel('ctld')
        # back and forth: held and released, flushed
        for n in range(2000):
            orders.end(SELECT, select((HOLD, RELEASE, FLUSH, SHAPE)[n % 4],
                                      text=b't'))
        assert stage.ping() < 5
        assert stage.rss() - small < 16 * MIB * san.MEMORY
        submitted(stage, ['another.com'])
        assert not stage.violations
    chan_table.check_policy(
        'ctld', 'queued: 10,000 rules, line ends and paths in them',
        '1,000 in one file of the spool, one plain line each',
        'queued/rules.c rules_set(), clean()')


def test_mail_is_never_sent_across(world):
    """Rerouted mail leaves by the side that it would have left by."""
    fresh()
    with LyingStage('queued', CONF) as stage:
        stage.start()
        orders = Orders(stage)
        sides = {'ext': Worker(stage, 'smtpd-out/ext.0'),
                 'int': Worker(stage, 'smtpd-out/int.0')}
        opened = {}
        for name, worker in sides.items():
            opened[name] = []

            def read(worker=worker, mine=opened[name]):
                """OPENs only; no session gets ready."""
                chan = stage.channels[worker.name]
                with contextlib.suppress(BlockingIOError):
                    while True:
                        data, fds, _, _ = socket.recv_fds(
                            chan, chan_stage.MSG_MAX, 4)
                        if not data:
                            return
                        if chan_stage.HEADER.unpack_from(data)[0] == QO_OPEN:
                            mine.append(data)
            worker.read = read
        for host in (b'198.51.100.10', b'mail.foreign.com', b'2001:db8:2::10'):
            assert orders.end(RULE, rule(REROUTE, b'example.com', host=host)
                              )[0] == DONE
            assert orders.end(RULE, rule(REROUTE, b'foreign.com',
                                         host=b'10.0.0.10'))[0] == DONE
            before = {k: len(v) for k, v in opened.items()}
            submitted(stage, ['example.com', 'foreign.com'])

            def both():
                for worker in sides.values():
                    worker.read()
                return all(len(opened[k]) > before[k] for k in opened)
            wait_until('both to be opened', both)
            for worker in sides.values():  # the sessions end with their peer
                stage.channel(worker.name)
            assert orders.end(SELECT, select(REMOVE))[0] == DONE
        assert any(b'mail.foreign.com' in o for o in opened['int'])
        assert not any(b'foreign.com' in o and b'mail.' in o or
                       b'example.com' in o for o in opened['ext'])
        assert all(words.netaddr('10.0.0.10', 0)[:17] in o
                   for o in opened['ext'])
    chan_table.check_policy(
        'ctld', 'queued: mail of one side to a host of the other',
        'leaves by its own side, where connd denies the address',
        'queued/queue_rules.c queue_reroutes(), connd/policy.c policy_dial()')


# --- a gateway that runs

REQ_STATUS, REQ_AUDIT, REQ_RELOAD = 0xd01, 0xd02, 0xd03
CT_STATUS, CT_AUDIT, CT_RELOAD, CT_STATS, CT_SELECT = 0xe01, 0xe02, 0xe03, \
    0xe04, 0xe05
CT_DESTS, CT_RULE, CT_END = 0xe09, 0xe0a, 0xe82
RELOADS_SAVED, RELOAD_PAUSE = 5, 2.0  # of master/reload.c


def tool():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(60)
    s.connect(SOCKET)
    return s


def ask(s, type_, payload=b''):
    """The END of the answer."""
    s.send(chan_stage.message(type_, 1, payload))
    while True:
        data = s.recv(chan_stage.MSG_MAX)
        assert data
        if chan_stage.HEADER.unpack_from(data)[0] == CT_END:
            return struct.unpack('>BII', data[chan_stage.HEADER.size:])


def rss(pid):
    with open('/proc/%d/statm' % pid) as f:
        return int(f.read().split()[1]) * os.sysconf('SC_PAGESIZE')


def reloads(world, gw, how_long):
    """As many reloads as posternd does for one that only asks for them."""
    mark, begun = gw.mark(), time.monotonic()
    asked, lock = [0], threading.Lock()

    def storm():
        with tool() as s:
            while time.monotonic() - begun < how_long:
                ask(s, CT_RELOAD)
                with lock:
                    asked[0] += 1
    threads = [threading.Thread(target=storm) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took = time.monotonic() - begun
    done = len(gw.log(mark, event='reload'))
    noted = len([line for line in gw.log(mark, proc='posternd')
                 if 'not now' in line.text])
    print('%d reloads of %d asked for in %.1f s, %d lines about the rest' % (
        done, asked[0], took, noted))
    assert done >= 2
    assert done <= RELOADS_SAVED + 1 + took / RELOAD_PAUSE, (done, took)
    assert noted <= 2 + took, noted


def test_reloads_without_end(world, gw, sink):
    """Good ones, and refused ones, which end at once: posternd does a few,
    and then one now and then."""
    before = others(gw, 'nobody')
    reloads(world, gw, 8)
    good = gw.conf
    gw.write_conf(good.replace('listen', 'lisen', 1))
    reloads(world, gw, 8)
    gw.write_conf(good)
    # the operator's own is not held up by them, and is done
    mark = gw.mark()
    assert gw.postern('reload', check=False).returncode == 0
    assert gw.wait_log(20, mark, event='reload')[0]['result'] == 'ok'
    assert others(gw, 'nobody') == before
    probes(world, sink)
    chan_table.check_policy(
        'ctld', 'posternd: reloads without end', 'five, then one in 2 s; '
        'refused, or put off', 'master/reload.c within_rate()')


STORMS = ((CT_STATUS, b''), (CT_AUDIT, b''), (CT_STATS, b''), (CT_DESTS, b''),
          (CT_SELECT, select(LIST)), (CT_SELECT, select(SHAPE)),
          (CT_SELECT, select(FLUSH)), (CT_SELECT, select(HOLD, older=U32)),
          (CT_RULE, rule(REROUTE, b'storm.test', host=b'h.test')),
          (CT_RULE, rule(SUSPEND, b'storm.test')), (CT_RELOAD, b''))


def test_mail_beside_a_storm(world, gw, sink):
    """All that ctld can order, from 22 sides at once, as fast as it is
    answered: mail goes on both ways, nobody ends, nobody grows."""
    probes(world, sink)
    before, pids = others(gw, 'nobody'), {}
    for name in ('ctld', 'queued'):
        pids[name], = gw.pids(name)
    pids['posternd'] = gw.pid
    small = {k: rss(v) for k, v in pids.items()}
    stop, told = threading.Event(), {}

    def storm(n, type_, payload):
        with tool() as s:
            while not stop.is_set():
                ask(s, type_, payload)
                told[n] = told.get(n, 0) + 1
    threads = [threading.Thread(target=storm, args=(n,) + STORMS[
        n % len(STORMS)]) for n in range(2 * len(STORMS))]
    begun = time.monotonic()
    for t in threads:
        t.start()
    try:
        waits = []
        while len(waits) < 10 or time.monotonic() - begun < 10:
            since = time.monotonic()
            both_ways(world, sink)
            waits.append(time.monotonic() - since)
    finally:
        stop.set()
        for t in threads:
            t.join()
    grown = {k: (rss(v) - small[k]) / MIB for k, v in pids.items()}
    print('%d orders in %.1f s; mail in and out %.2f s, at most %.2f s; '
          'MiB %s' % (sum(told.values()), time.monotonic() - begun,
                      sorted(waits)[len(waits) // 2], max(waits), grown))
    assert max(waits) < 10
    assert others(gw, 'nobody') == before
    assert all(v < 16 * san.MEMORY for v in grown.values()), grown
    for kind in ('reroute', 'suspend'):
        gw.postern('queue', kind, 'storm.test', 'off', check=False)


def test_an_owned_ctld_storms(world, twins, sink):  # noqa: F811
    """All at once and nothing read, from inside ctld's own place: queued and
    posternd live, and mail goes on beside it."""
    probes(world, sink)
    before = others(twins, 'ctld')
    hexed = [('queued', SELECT, select(LIST)), ('queued', DESTS, b''),
             ('queued', SELECT, select(SHAPE)),
             ('queued', SELECT, select(FLUSH)),
             ('queued', RULE, rule(SUSPEND, b'storm.test'))]
    orders = ['%s %x 1 100 none %s' % (to, type_, payload.hex())
              for to, type_, payload in hexed] * 3
    orders += ['posternd %x 1 100 none' % t
               for t in (REQ_STATUS, REQ_AUDIT, REQ_RELOAD)] * 3
    mark = take_over(twins, 'ctld', *orders)
    # the first answer ends it, for it knows none: maybe before all is said
    twins.wait_log(20, mark, event='twin', to='posternd')
    twins.wait_log(20, mark, event='child-start', instance='ctld', count=2)
    for _ in range(3):
        probes(world, sink)
    said = sum(int(line['said']) for line in twins.log(mark, event='twin'))
    print('%d orders at once' % said)
    assert said > 200
    assert others(twins, 'ctld') == before
    done = twins.log(mark, event='reload')
    assert len(done) <= RELOADS_SAVED + 10
    # the next one is honest
    pid = twins.wait_log(20, mark, event='child-start',
                         instance='ctld')[-1]['pid']
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(pid), 9)
    wait_until('an honest ctld', lambda: twins.postern(
        'status', check=False).returncode == 0)
    twins.postern('queue', 'resume', 'storm.test', check=False)
    probes(world, sink)
    assert others(twins, 'ctld') == before
    chan_table.check_policy(
        'ctld', 'queued, posternd: everything it can order, all at once, '
        'unread', 'both live, mail goes on',
        'queued/peer_ctl.c end(), master/super_msg.c ask()')
