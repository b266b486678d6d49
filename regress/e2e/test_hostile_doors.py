# SPDX-License-Identifier: ISC
"""The doors, stormed: the control socket by who may open it, port 25 by
anybody.  Their keepers live, stay small, and serve the next one."""
import contextlib
import os
import socket
import stat
import struct

import pytest

from lab.flows import send_in, send_out
from lab.gateway import SOCKET
from lab.proc import wait_until
from lab.world import GW_EXT, GW_INT, HOST_B

MIB = 1 << 20
GROWTH = 4 * MIB
TOOLS, CONNECTIONS = 32, 2000
CT_STATUS, CT_SELECT = 0xe01, 0xe05


def rss(pid):
    with open('/proc/%d/statm' % pid) as f:
        return int(f.read().split()[1]) * os.sysconf('SC_PAGESIZE')


def fds(pid):
    return len(os.listdir('/proc/%d/fd' % pid))


def door():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # a full queue of connections is waited for, which settimeout() is not
    for way in socket.SO_SNDTIMEO, socket.SO_RCVTIMEO:
        s.setsockopt(socket.SOL_SOCKET, way, struct.pack('ll', 20, 0))
    s.connect(SOCKET)
    return s


def message(type_, payload=b''):
    return type_.to_bytes(2, 'big') + bytes(6) + payload


def both_ways(world, sink):
    token = world.token()
    assert send_in(world, token, source=world.address()).code == 250
    world.hosts['a'].wait_mail(token)
    token = world.token()
    assert send_out(world, token, 'u@' + sink.domain).code == 250
    sink.wait(token)


def test_the_control_socket(world, gw, sink):
    """Nobody but root and the group; nonsense, halves, crowds, and askers
    that never read."""
    mode = os.stat(SOCKET).st_mode
    assert not mode & stat.S_IRWXO, oct(mode)
    pid, = gw.pids('ctld')
    gw.postern('status')
    small, few = rss(pid), fds(pid)
    for data in (b'x', bytes(7), message(0xffff), message(CT_STATUS, b'x'),
                 message(CT_SELECT), message(CT_SELECT, bytes(40)),
                 message(CT_STATUS)[:7], os.urandom(4000)):
        with door() as s:
            s.send(data)
            assert s.recv(100) == b''  # and that is all
    for _ in range(CONNECTIONS):
        door().close()
    with contextlib.ExitStack() as crowd:
        held = [crowd.enter_context(door()) for _ in range(4 * TOOLS)]
        for s in held:  # asked, and never read; too many are shut out
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(50):
                    s.send(message(CT_STATUS), socket.MSG_DONTWAIT)
        assert fds(pid) <= few + TOOLS
        both_ways(world, sink)
        assert rss(pid) - small < GROWTH, rss(pid) - small
    wait_until('the door to be free', lambda: gw.postern(
        'status', check=False).returncode == 0)
    assert gw.pids('ctld') == [pid]
    wait_until('its descriptors', lambda: fds(pid) <= few)
    print('ctld: %.1f MiB more' % ((rss(pid) - small) / MIB))


@pytest.mark.parametrize('side', ('ext', 'int'))
def test_connections_cost_connd_nothing(world, gw, sink, side):
    """Thousands of connections, and hundreds held, at either door."""
    ns, where, source = {'ext': (world.inet, GW_EXT, None),
                         'int': (world.intra, GW_INT, HOST_B)}[side]
    name = 'connd-' + side
    pid, = gw.pids(name)
    both_ways(world, sink)
    small, few, peak = rss(pid), fds(pid), 0
    with contextlib.ExitStack() as crowd:
        for n in range(CONNECTIONS):
            s = ns.connect(where, 25, source)
            if n % 5 == 0:
                crowd.enter_context(s)
            else:
                s.close()
            peak = max(peak, rss(pid) - small)
        both_ways(world, sink)
        # those that are held are smtpd-in's
        wait_until('its descriptors', lambda: fds(pid) <= few + 2)
    print('%s: %.2f MiB more at %d connections' % (
        name, peak / MIB, CONNECTIONS))
    assert peak < GROWTH, peak
    assert gw.pids(name) == [pid]
