# SPDX-License-Identifier: ISC
"""A running gateway, and one of its processes after the other in an
attacker's hands: it is replaced, nobody else is, and mail flows."""
import os
import shutil

import pytest

from lab.flows import send_in, send_out
from lab.gateway import CONF, Gateway, conf, program
from lab.inside import WORK
from lab.proc import wait_until


PROGRAMS = ('connd', 'smtpd-in', 'queued', 'smtpd-out', 'dnsd-ext',
            'dnsd-int', 'dird', 'logd', 'ctld', 'keyd')
TREE = WORK + '/twins'


def account(instance):
    """As Gateway.pids() calls it."""
    name = instance.partition('.')[0].replace('/', '-')
    return name.replace('smtpd-', '')


def tree():
    shutil.rmtree(TREE, ignore_errors=True)
    for name in PROGRAMS:
        where = '%s/%s/%s' % (TREE, name, name)
        os.makedirs(os.path.dirname(where))
        shutil.copy(program('%s/%s' % (name, name)), where + '.real')
        shutil.copy(program('regress/hostile/chan_twin'), where)
    os.makedirs(TREE + '/selftest')
    shutil.copy(program('selftest/selftest'), TREE + '/selftest/selftest')
    return TREE


@pytest.fixture(scope='module')
def twins(world):
    text = conf(ext='workers 2', inside='workers 2')
    with Gateway(world, text, argv=[program('master/posternd'), '-d', '-L',
                                    tree(), '-f', CONF]) as gateway:
        yield gateway


def limits(pid):
    with open('/proc/%d/limits' % pid) as f:
        return f.read()


def arm(instance, *orders):
    """Its next life is the attacker's."""
    path = '%s/%s/armed' % (TREE, instance.split('/')[0].split('.')[0])
    with open(path + '.new', 'w') as f:
        f.write(instance + '\n' + ''.join(o + '\n' for o in orders))
    os.rename(path + '.new', path)


def take_over(gw, instance, *orders):
    """And that begins now; the mark from which to look."""
    arm(instance, *orders)
    row = next(r for r in gw.json('status', check=False)
               if r.get('process') == instance)
    mark = gw.mark()
    os.kill(row['pid'], 9)
    gw.wait_log(20, mark, event='child-exit', instance=instance)
    return mark


def probe_in(world):
    """Mail from the Internet."""
    token = world.token()

    def inwards():
        try:
            return send_in(world, token).code == 250
        except (OSError, EOFError, AssertionError):
            return False
    wait_until('mail in', inwards, 30, 0.2)
    world.hosts['a'].wait_mail(token)


def probe_out(world, sink):
    """Mail to the Internet."""
    token = world.token()

    def outwards():
        try:
            return send_out(world, token, 'u@' + sink.domain).code == 250
        except (OSError, EOFError, AssertionError):
            return False
    wait_until('mail out', outwards, 30, 0.2)
    sink.wait(token)


def probes(world, sink):
    """Mail both ways."""
    probe_in(world)
    probe_out(world, sink)


def others(gw, instance):
    """The processes of all other accounts, by what the kernel says."""
    return {k: sorted(v) for k, v in gw.instances().items()
            if k not in (account(instance), 'root')}


BAD = '7f01 1 1 none'
# who, what is said, how it ends
ATTACKS = (
    ('smtpd-in/ext.0', 'queued ' + BAD, 'replaced'),
    ('smtpd-in/ext.1', 'queued 502 1 1 sparse 00', 'replaced'),
    ('smtpd-in/int.0', 'dird 601 1 1 none 00', 'replaced'),
    ('smtpd-in/int.1', 'posternd 103 1 1 none', 'replaced'),
    ('smtpd-out/ext.0', 'connd/ext ' + BAD, 'replaced'),
    ('smtpd-out/ext.1', 'queued 883 1 1 none ' + '00' * 60, 'replaced'),
    ('smtpd-out/int.0', 'keyd ' + BAD, 'replaced'),
    ('smtpd-out/int.1', 'logd 301 1 1 none 0000', 'replaced'),
    ('dnsd-ext', 'connd/ext a01 1 1 none 000000010901', 'replaced'),
    ('dnsd-int', 'smtpd-out/int.0 b81 1 1 none 00', 'replaced'),
    ('dird', 'queued 781 1 1 none 00', 'replaced'),
    ('keyd', 'smtpd-in/ext.0 f81 1 1 none', 'another channel'),
    ('connd/ext', 'smtpd-in/ext.0 401 1 1 dir 00', 'another channel'),
    ('connd/int', 'smtpd-out/int.0 981 1 1 pipe 02', 'another channel'),
    ('queued', 'smtpd-out/ext.0 801 1 1 none 00', 'another channel'),
    ('ctld', 'queued ' + BAD, 'replaced'),
)


@pytest.mark.parametrize('instance,order,end', ATTACKS,
                         ids=[a[0].replace('/', '-') for a in ATTACKS])
def test_taken_over(world, twins, sink, instance, order, end):
    probes(world, sink)
    before = others(twins, instance)
    mark = take_over(twins, instance, order)
    peer = order.split()[0]
    if peer not in ('posternd', 'logd'):  # logd's own lines come later
        line = twins.wait_log(20, mark, event='violation')[0]
        assert line['proc'] == peer and line['peer'] == instance, line.text
    if end == 'replaced':
        twins.wait_log(20, mark, event='child-kill', instance=instance)
        twins.wait_log(20, mark, event='child-start', instance=instance,
                       count=2)
    assert others(twins, instance) == before
    if end != 'replaced':
        # what is above its peer is ended by nobody's word; mail waits for it
        pid = twins.wait_log(20, mark, event='child-start',
                             instance=instance)[0]['pid']
        os.kill(int(pid), 9)
        twins.wait_log(20, mark, event='child-start', instance=instance,
                       count=2)
    probes(world, sink)


# To whom an owned logd says something, for it has nothing to say to anybody.
# It is replaced, but for the word of one face of the gateway alone, which
# could have the log ended: that one gets another channel.
LOGD_SAYS = (
    'queued ' + BAD, 'smtpd-in/ext.0 ' + BAD,
    # and what it is not believed about queued
    'posternd 183 0 20 none %02x%02x%02x%08x' % (3, 2, 0, 2))


def exe(pid):
    try:
        return os.path.basename(os.readlink('/proc/%d/exe' % pid))
    except OSError:
        return None


@pytest.mark.parametrize('order', LOGD_SAYS, ids=[
    o.split()[0].replace('/', '-') for o in LOGD_SAYS])
def test_logd_taken_over(world, twins, sink, order):
    """It is replaced, nobody else is; while it is not itself there is no log,
    so this is what the kernel says."""
    probes(world, sink)
    before = others(twins, 'logd')
    old, = twins.pids('logd')
    with open(TREE + '/logd/armed', 'w') as f:
        f.write('logd\n' + order + '\n')
    os.kill(old, 9)
    wait_until('an owned logd', lambda: not os.path.exists(
        TREE + '/logd/armed'), 90)
    if order.startswith('smtpd-in'):
        probes(world, sink)
        owned, = twins.pids('logd')
        assert exe(owned) == 'logd'
        os.kill(owned, 9)
    wait_until('an honest one', lambda: [
        exe(p) for p in twins.pids('logd')] == ['logd.real'], 90)
    assert old not in twins.pids('logd')
    mark = twins.mark()
    probes(world, sink)
    twins.wait_log(20, mark, event='accept')
    assert others(twins, 'logd') == before


def test_a_twin_is_caged_like_the_real_one(world, twins):
    """Limits, credentials and filter: the attacks are made from there."""
    for instance in ('smtpd-in/ext.0', 'dird'):
        row = next(r for r in twins.json('status', check=False)
                   if r.get('process') == instance)
        real = row['pid']
        want = limits(real), credentials(real)
        mark = take_over(twins, instance, 'nobody 1 1 1 none')
        twins.wait_log(20, mark, event='twin')
        row = next(r for r in twins.json('status', check=False)
                   if r.get('process') == instance)
        assert os.readlink('/proc/%d/exe' % row['pid']).endswith(
            instance.split('/')[0])
        assert (limits(row['pid']), credentials(row['pid'])) == want
        os.kill(row['pid'], 9)
        twins.wait_log(20, mark, event='child-start', instance=instance,
                       count=2)


def credentials(pid):
    with open('/proc/%d/status' % pid) as f:
        return [line for line in f if line.startswith(
            ('Uid', 'Gid', 'Groups', 'Cap', 'NoNewPrivs', 'Seccomp'))]


def test_blaming_queued(world, twins, sink):
    """An owned worker reports queued again and again: queued lives, and the
    worker does not."""
    before = others(twins, 'smtpd-in/ext.0')
    proc = 3
    report = '%02x%02x%02x%08x' % (proc, 2, 0, 2)
    mark = take_over(twins, 'smtpd-in/ext.0',
                     'posternd 183 0 50 none ' + report)
    line = twins.wait_log(20, mark, event='child-kill',
                          instance='smtpd-in/ext.0')[0]
    assert line['text'] == 'blames others', line.text
    probes(world, sink)
    assert others(twins, 'smtpd-in/ext.0') == before


def test_a_queued_that_says_nothing(world, twins, sink):
    """The operator's tool says so in time, and all else is answered."""
    mark = take_over(twins, 'queued', 'nobody 1 1 1 none')
    twins.wait_log(20, mark, event='twin')
    done = twins.postern('queue', 'list', check=False)
    assert done.returncode == 2, done
    assert 'does not answer' in done.stderr
    assert twins.json('status', check=False)
    pid = twins.wait_log(20, mark, event='child-start',
                         instance='queued')[0]['pid']
    os.kill(int(pid), 9)
    twins.wait_log(20, mark, event='child-start', instance='queued', count=2)
    probes(world, sink)
