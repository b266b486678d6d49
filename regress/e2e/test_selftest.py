# SPDX-License-Identifier: ISC
"""posternd selftest: the attack on every sandbox, before a port is opened."""
import html
import os
import re
import shutil
import subprocess
import time

import pytest

from lab import san
from lab.gateway import CONF, SPOOL, Gateway, conf, program
from lab.inside import WORK
from lab.world import GW_EXT

ROWS = {'logd', 'keyd', 'connd/ext', 'connd/int', 'smtpd-in/ext.0',
        'smtpd-in/int.0', 'queued', 'smtpd-out/ext.0', 'smtpd-out/int.0',
        'dnsd-ext', 'dnsd-int', 'dird', 'ctld'}
LEAKS = ('descriptors', 'keyctl', 'netlink')


def selftest(world, *args):
    return subprocess.run(world.gw.command(
        [program('master/posternd'), '-f', CONF] + list(args) +
        ['selftest']), capture_output=True, text=True, timeout=120)


def leaky():
    """A directory where selftest finds holes in keyd's sandbox."""
    path = WORK + '/leaky'
    shutil.rmtree(path, ignore_errors=True)
    build = os.path.dirname(os.path.dirname(program('master/posternd')))
    os.makedirs(path)
    for name in os.listdir(build):
        if os.access('%s/%s/%s' % (build, name, name), os.X_OK):
            os.symlink('%s/%s/%s' % (build, name, name),
                       '%s/%s' % (path, name))
    os.unlink(path + '/selftest')
    shutil.copy(program('regress/e2e/leaky'), path + '/selftest')
    return path


def leaking_gateway(world, text):
    return Gateway(world, text, argv=[program('master/posternd'), '-d', '-L',
                                      leaky(), '-f', CONF])


def test_every_attack_on_every_program_is_refused(world, gw):
    """Beside the running gateway, as an operator would after an upgrade."""
    done = selftest(world, '-v')
    assert done.returncode == 0, (done.stdout, done.stderr)
    cells = {}
    for line in done.stdout.splitlines():
        m = re.fullmatch(r'(\S+) +(\S+) +(\S+)', line)
        if m:
            cells.setdefault(m[1], {})[m[2]] = m[3]
    assert set(cells) == ROWS
    assert len({tuple(row) for row in cells.values()}) == 1
    outcomes = [o for row in cells.values() for o in row.values()]
    assert 'GAINED' not in outcomes
    # that an attack is not even tried is the exception
    assert outcomes.count('-') < len(outcomes) / 5
    if san.active():  # no limit of memory that could be tried
        assert {row.pop('memory') for row in cells.values()} == {'job'}
    jobs = {name for name, row in cells.items() if 'job' in row.values()}
    assert jobs == {'connd/ext', 'connd/int'}
    for name in ROWS - jobs:
        assert cells[name]['tcp'] == 'filter'
    # what the smtpd-in that faces the Internet holds, it tries to turn
    assert cells['smtpd-in/ext.0']['socket-fastopen'] == 'filter'
    assert cells['queued']['dot-dot'] == 'ENOENT'
    assert 'NOT REFUSED' not in done.stdout
    # the gateway did not notice
    assert not gw.log(event='child-exit')


def in_every_audit(gw, text):
    """What the selftest came to stands in all three forms of the audit."""
    assert os.uname().release in text
    done = gw.postern('audit')
    assert done.stdout.count('NOTE: ' + text + '\n') == 1, done
    notes = [row['note'] for row in gw.json('audit') if 'note' in row]
    assert notes[0] == text and notes.count(text) == 1, notes
    page = html.unescape(gw.postern('audit', '--html', '-').stdout)
    assert page.count(text) == 1


def test_it_is_told_at_start_and_in_the_audit(world, gw):
    line, = gw.log(event='selftest')
    assert line['level'] == 'info'
    assert re.fullmatch(r'selftest: \d+ attacks in each of %d sandboxes, all '
                        r'refused; Linux %s' % (
                            len(ROWS), re.escape(os.uname().release)),
                        line['text'])
    assert 0 < int(line['ms']) < 60000
    in_every_audit(gw, line['text'])


def test_a_sandbox_that_leaks_ends_the_start(world):
    """Every hole is named, and no port was opened meanwhile."""
    gateway = leaking_gateway(world, conf())
    said = gateway.refused()
    for attack in LEAKS:
        assert 'keyd can do what it must not: ' + attack in said
    assert 'ready' not in said
    assert {m for m in re.findall(r'in its sandbox (\S+) can', said)} == \
        {'keyd'}
    with pytest.raises(ConnectionRefusedError):
        world.inet.connect(GW_EXT, 25)


def test_best_effort_starts_and_says_so(world):
    with leaking_gateway(world, 'sandbox best-effort\n' + conf()) as gw:
        line, = gw.log(event='selftest')
        assert line['level'] == 'warn' and 'NOT REFUSED' in line['text']
        in_every_audit(gw, line['text'])


def test_off_is_logged(world):
    with Gateway(world, 'sandbox selftest off\n' + conf()) as gw:
        line, = gw.log(event='selftest')
        assert line['level'] == 'warn'
        assert line['text'].startswith('sandbox selftest off')
        in_every_audit(gw, line['text'])


def test_what_cannot_be_tried_is_no_pass(world):
    """No spool, no cage for queued: that is an error, not a pass."""
    with Gateway(world):
        pass
    moved = SPOOL + '.away'
    os.rename(SPOOL, moved)
    try:
        done = selftest(world)
        assert done.returncode == 1
        assert 'selftest of queued: ' in done.stderr
    finally:
        os.rename(moved, SPOOL)


def test_it_does_not_take_long(world, gw):
    """A second would be felt at every start; this machine is busy."""
    best = 60.0
    for _ in range(3):
        began = time.monotonic()
        assert selftest(world).returncode == 0
        best = min(best, time.monotonic() - began)
    assert best < 3
