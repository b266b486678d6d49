# SPDX-License-Identifier: ISC
"""A running gateway, one process of it in an attacker's hands, and what the
others do meanwhile."""
import contextlib
import os
import sys
import threading

import pytest

from lab.flows import send_out
from lab.inside import PROJECT
from lab.smtp import Behaviour
from test_hostile_lies import (DEFERRED, DELIVERED, FAILED, QO_OPEN, QO_RESULT,
                               result)
from test_hostile_twin import (arm, others, probe_in, probe_out, probes,
                               take_over, twins)  # noqa: F401

sys.path.insert(0, os.path.join(PROJECT, 'regress', 'hostile'))

import chan_stage  # noqa: E402
import chan_table  # noqa: E402
import policy_words as words  # noqa: E402

MIB = 1 << 20
GROWTH = 64 * MIB
DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'


def row_of(gw, instance):
    return next(r for r in gw.json('status', check=False)
                if r.get('process') == instance)


def sockets(pid):
    where = '/proc/%d/fd/' % pid
    return sum(os.readlink(where + n).startswith('socket:')
               for n in os.listdir(where))


def number_of(msgid):
    """As it goes over a channel."""
    n = 0
    for digit in msgid:
        n = n << 5 | DIGITS.index(digit)
    return n


def test_a_slow_delivery_beside_a_liar(world, twins, sink):  # noqa: F811
    """Another smtpd-out reports what becomes of a message that is under way:
    delivered, refused, later.  It is replaced; the delivery goes on, and its
    own end is what is believed."""
    workers = ['smtpd-out/ext.%d' % n for n in range(2)]
    before = {w: sockets(row_of(twins, w)['pid']) for w in workers}
    came, go = threading.Event(), threading.Event()

    def at_the_end(_session, _argument):
        came.set()
        assert go.wait(120)
    sink.behaviour = Behaviour(replies={'eod': at_the_end})
    mark, token = twins.mark(), world.token()
    to = 'u@' + sink.domain
    try:
        assert send_out(world, token, to).code == 250
        assert came.wait(30)
        msgid = twins.wait_log(20, mark, event='accept', to=to)[0]['id']
        fair, = [w for w in workers
                 if sockets(row_of(twins, w)['pid']) > before[w]]
        owned, = set(workers) - {fair}
        pid = row_of(twins, fair)['pid']
        # the first session of this gateway
        lies = ['queued %x 0 1 none %s' % (QO_RESULT, result(
            number_of(msgid), s).hex()) for s in (DELIVERED, FAILED, DEFERRED)]
        at = take_over(twins, owned, lies[0])
        for n in range(len(lies)):
            line = twins.wait_log(40, at, count=n + 1, event='violation')[n]
            assert (line['proc'], line['peer']) == ('queued', owned)
            if n + 1 < len(lies):  # before it is started again
                arm(owned, lies[n + 1])
        twins.wait_log(20, at, count=len(lies), event='child-kill',
                       instance=owned)
        twins.wait_log(40, at, count=len(lies) + 1, event='child-start',
                       instance=owned)
        assert row_of(twins, fair)['pid'] == pid
        assert not twins.deliveries(mark)
        row, = twins.queue()
        assert row['id'] == msgid
    finally:
        go.set()
    line, = twins.wait_log(30, mark, event='delivery', to=to)
    assert (line['id'], line['status']) == (msgid, 'sent'), line.text
    sink.wait(token)
    twins.wait_empty()
    # once, and nobody was told of anything else
    assert len(twins.deliveries(mark)) == 1
    assert len([m for m in sink.messages.since() if
                token.encode() in m.data]) == 1


# --- floods

FOR_EVER = 4000000000
# who floods, and what must go on meanwhile: what does not need it
FLOODS = (('smtpd-in/ext.0', 'out'), ('smtpd-in/int.0', 'in'),
          ('smtpd-out/ext.0', 'in'), ('smtpd-out/int.0', 'out'),
          ('dnsd-ext', 'in'), ('dnsd-int', 'out'), ('dird', 'out'),
          ('keyd', 'in out'), ('ctld', 'in out'), ('connd/ext', ''),
          ('connd/int', ''), ('queued', ''))
# Mail and connections without end are other tests'; and of recipients without
# end a sender is replaced.
LEFT_OUT = {words.IQ_COMMIT, words.OC_CONNECT, QO_OPEN, 0x501}


def everything(instance):
    """Orders to say to every peer all that it may say, for ever; but for what
    has it replaced at once, and logd, which has a rate for everybody."""
    plain = instance.partition('.')[0]
    edges, _ = chan_table.read()
    unasked = 2 + [c[0] for c in chan_table.COLUMNS].index('strange_ids')
    orders = []
    for s in chan_stage.contracts()[1]:
        if s.sender != plain or s.fd != 'none' or s.type in LEFT_OUT:
            continue
        workers = [s.receiver + '.%d' % n for n in range(2)] \
            if s.receiver.startswith('smtpd-') else [s.receiver]
        for (sender, receiver), line in edges.items():
            if sender.partition('.')[0] == plain and \
                    receiver.partition('.')[0] == s.receiver and \
                    line.split('|')[1:-1][unasked].strip() == 'T':
                orders += ['%s %x 1 %d none %s' % (
                    w, s.type, FOR_EVER, s.payload.hex()) for w in workers]
    return orders


def memory(gw):
    found = {}
    for pid in gw.all_pids():
        with open('/proc/%d/statm' % pid) as f:
            found[pid] = int(f.read().split()[1]) * \
                os.sysconf('SC_PAGESIZE')
    return found


@pytest.mark.parametrize('instance,ways', FLOODS,
                         ids=[f[0].replace('/', '-') for f in FLOODS])
def test_mail_beside_a_flood(world, twins, sink, instance, ways):  # noqa: F811
    """All that it may say, to all its peers, for as long as they take it:
    mail that does not need it goes on, and all mail when it is replaced."""
    probes(world, sink)
    before, small = others(twins, instance), memory(twins)
    orders = everything(instance)
    assert orders
    mark = take_over(twins, instance, *orders)
    twins.wait_log(20, mark, event='child-start', instance=instance)
    for _ in range(2):
        if 'in' in ways.split():
            probe_in(world)
        if 'out' in ways.split():
            probe_out(world, sink)
    # of the first thousand of each, those that were taken at once
    begun = twins.wait_log(20, mark, event='twin', proc=instance)
    assert int(begun[0]['said']) > 50, begun[0].text
    now = memory(twins)
    grown = max(now[pid] - small[pid] for pid in now if pid in small)
    lives = twins.log(mark, event='child-start', instance=instance)
    print('%s: %d orders, %s, %.1f MiB' % (
        instance, len(orders), 'replaced' if len(lives) > 1 else
        'held back', grown / MIB))
    assert grown < GROWTH, grown
    if len(lives) == 1:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(lives[0]['pid']), 9)
        twins.wait_log(20, mark, event='child-start', instance=instance,
                       count=2)
    assert others(twins, instance) == before
    probes(world, sink)
    chan_table.check_policy(
        'any program', 'all its peers on a running gateway: floods without '
        'end', 'mail that does not need it goes on; nobody else is replaced',
        'common/base/chan.c')
