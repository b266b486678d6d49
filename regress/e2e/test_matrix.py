# SPDX-License-Identifier: ISC
"""The isolation, attacked from the inside of every program, layer by layer.

The gateway that runs here has an attacker in every process: regress/hostile.
"""
import contextlib
import difflib
import os
import shutil
import subprocess
import sys

import pytest

from lab import san
from lab.flows import send_in, send_out
from lab.gateway import CONF, Gateway, conf, program
from lab.inside import WORK
from lab.proc import wait_until
from lab.smtp import Client
from lab.world import GW_EXT, GW_INT, HOST_A

HOSTILE = os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), 'hostile')
sys.path.insert(0, HOSTILE)
import matrix  # noqa: E402

EMPTY = '/run/postern/empty'
MATRIX = os.path.join(HOSTILE, 'MATRIX.md')
INSIDE, OUTSIDE = '10.0.0.14', '198.51.100.14'
FIRST_PORT = 7000
# several listeners, for attacks that use one up
PORTS = (25, 2525, 2526, 2527)


def directory():
    path = WORK + '/twins'
    shutil.rmtree(path, ignore_errors=True)
    for row in matrix.ROWS:
        name = row.split('/')[0].split('.')[0]
        os.makedirs('%s/%s' % (path, name), exist_ok=True)
        shutil.copy(program('regress/hostile/twin/%s/%s' % (name, name)),
                    '%s/%s/%s' % (path, name, name))
    return path


def text(top='', ext=''):
    more = ''.join('listen on %%s port %d\n' % p for p in PORTS[1:])
    return conf(ext='workers 1\n' + more.replace('%s', GW_EXT) + ext,
                inside='workers 1\n' + more.replace('%s', GW_INT),
                top='sandbox selftest off\n' + top)


def take_mounts_away():
    """All programs attack at once, and one's umount may find another's: what
    is left of that lies over the root of the next gateway."""
    while os.path.ismount(EMPTY):
        subprocess.run(['umount', EMPTY], check=True)


@contextlib.contextmanager
def attacked(world, text):
    take_mounts_away()
    targets = {}
    for n, row in enumerate(matrix.ROWS):
        side, address = (world.inet, OUTSIDE) if '/int' in row or \
            row == 'dnsd-int' else (world.intra, INSIDE)
        targets[row] = matrix.Target(side, address, FIRST_PORT + n)
    path, services = directory(), matrix.Services(world.gw)
    try:
        with Gateway(world, text, argv=[
                program('master/posternd'), '-d', '-L', path, '-f',
                CONF]) as gw:
            yield gw, matrix.Twins(path, targets)
            # what an attack has broken in it is not what is tested here
            gw.kill_all()
    finally:
        services.close()
        for t in targets.values():
            t.close()


def trade(world, stack):
    """Mail in and out, so that each program has sockets in hand."""
    for n in range(10):
        stack.enter_context(Client(world.inet, GW_EXT,
                                   source=world.address()))
        stack.enter_context(Client(world.intra, GW_INT, source=HOST_A))
    for n in range(8):
        token = world.token()
        send_in(world, token)
        world.hosts['a'].wait_mail(token)
        token = world.token()
        send_out(world, token, 'x@dest.test')
        world.mx.wait_mail(token)


@pytest.fixture(scope='module')
def runs(world):
    """layers -> name of the attack -> row -> what came of it."""
    found = {}
    every = [matrix.ALL, 0] + [
        layers for _, _, bit in matrix.LAYERS
        for layers in (bit, matrix.ALL & ~bit)]
    # With the filter nothing is broken by an attack: these share a gateway.
    kept = [layers for layers in every if layers & matrix.FILTER]
    for group in [kept] + [[n] for n in every if n not in kept]:
        with attacked(world, text()) as (_, twins), \
                contextlib.ExitStack() as stack:
            trade(world, stack)
            for row, (listeners, streams, datagrams) in twins.held().items():
                program = row.split('/')[0]
                assert (listeners >= len(PORTS)) == (program == 'connd')
                assert (streams > 0) == program.startswith('smtpd'), row
                assert (datagrams > 0) == program.startswith('dnsd'), row
            for layers in group:
                found[layers] = twins.run(layers)
    return found


def test_nothing_is_gained(runs):
    for name, cells in runs[matrix.ALL].items():
        for row, cell in cells.items():
            assert not matrix.gained(name, cell), (name, row, cell)
            assert not cell.reached, (name, row)


def test_more_than_one_layer_between_here_and_there(runs):
    """Whichever layer is taken away, nobody reaches the other side."""
    for _, _, bit in matrix.LAYERS:
        for name, cells in runs[matrix.ALL & ~bit].items():
            for row, cell in cells.items():
                # connd dials, in one protocol or another: its own policy is
                # what it does that by, and the interface (below)
                if name == 'tcp-mptcp' and row.startswith('connd'):
                    continue
                assert not cell.reached, (name, row, bit)


def test_without_any_layer_the_attacks_are_real(runs):
    """The control: else the ones before would prove nothing."""
    bare = runs[0]
    reached = {name for name, cells in bare.items()
               if any(c.reached for c in cells.values())}
    tried = {name for name, cells in bare.items() if any(
        c.result not in (matrix.NONE, matrix.JOB) for c in cells.values())}
    # what the kernel refuses on a socket that is connected already
    assert (set(matrix.REACH) & tried) - reached == {
        'socket-shutdown', 'socket-fastopen', 'socket-sendmsg'}
    gained = {name for name, cells in bare.items()
              if any(matrix.gained(name, c) for c in cells.values())}
    assert len(gained) > 0.8 * len(bare), set(bare) - gained
    assert 'read' in gained and 'exec' in gained and 'ptrace' in gained
    assert all(c.reached for row, c in bare['tcp'].items()
               if not row.startswith('connd'))


def test_each_layer_is_one(runs):
    """Alone it stops something, and not everything."""
    bare = {(name, row) for name, cells in runs[0].items()
            for row, cell in cells.items() if matrix.gained(name, cell)}
    for what, _, bit in matrix.LAYERS:
        stopped = {(name, row) for name, row in bare
                   if not matrix.gained(name, runs[bit][name][row])}
        # there what the filter leaves to the user's limit is no attack
        everything = san.active() and bit == matrix.FILTER
        assert stopped and (stopped == bare if everything else
                            stopped < bare), what


def test_the_matrix_is_the_committed_one(runs):
    made = matrix.render(runs)
    if os.environ.get('MATRIX') == 'write' and not san.active():
        with open(MATRIX, 'w') as f:
            f.write(made)
    with open(MATRIX) as f:
        kept = f.read()
    if san.active():
        kept = san.matrix(kept)
    differs = list(difflib.unified_diff(
        kept.splitlines(), made.splitlines(), 'kept', 'made', n=0))
    assert not differs, 'look at it, then: make hostile\n' + '\n'.join(
        differs)


def ask_for_inside(world, top, without_policy):
    """smtpd-out/ext was taken over: it asks connd for an inside host."""
    asker = 'smtpd-out/ext.0'
    with attacked(world, text(top)) as (gw, twins):
        mark, at_ext = gw.mark(), world.ext.mark()
        twins.pages['connd/ext'].put(16, 'I', without_policy)
        page, target = twins.pages[asker], twins.targets[asker]
        page.ask(matrix.ASK_CONND)
        wait_until('the question', lambda: page.finished)
        yield gw, target, mark, at_ext


def test_policy(world):
    for gw, target, mark, _ in ask_for_inside(world, '', 0):
        line, = gw.wait_log(mark=mark, event='dial-denied')
        assert line['peer'] == 'smtpd-out/ext.0' and INSIDE in line['to']
        assert not target.reached()


def test_without_the_policy_the_interface_holds(world):
    for gw, target, mark, at_ext in ask_for_inside(world, '', 1):
        # it leaves, by the wrong door
        wait_until('an attempt', lambda: world.ext.since(
            at_ext, lambda p: p.opens and p.dst == INSIDE))
        assert not target.reached() and not gw.log(mark, event='dial-denied')


def test_without_policy_and_interface_it_is_reached(world):
    """The control of the two before."""
    for _, target, _, _ in ask_for_inside(world, 'single-homed\n', 1):
        wait_until('a connection', target.reached)
