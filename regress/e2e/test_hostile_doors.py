# SPDX-License-Identifier: ISC
"""The doors, stormed: the control socket by who may open it, port 25 by
anybody.  Their keepers live, stay small, and serve the next one."""
import contextlib
import grp
import os
import pwd
import socket
import stat
import struct
import subprocess
import sys

import pytest

from lab.flows import both_ways
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


# Run by somebody: connect to the control socket and ask for the status.
KNOCK = '''
import os, socket, sys
uid, gid, groups, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], \
    sys.argv[4]
os.setgroups([int(g) for g in groups.split()])
os.setgid(gid)
os.setuid(uid)
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(20)
try:
    s.connect(path)
except PermissionError:
    sys.exit('refused')
s.send(bytes.fromhex(sys.argv[5]))
print(s.recv(1000)[:2].hex())
'''


def knock(uid, gid, groups=()):
    """'refused', or the type of the first row of the answer."""
    done = subprocess.run(
        [sys.executable, '-c', KNOCK, str(uid), str(gid),
         ' '.join(map(str, groups)), SOCKET, message(CT_STATUS).hex()],
        capture_output=True, text=True, timeout=60)
    return done.stdout.strip() or done.stderr.strip()


def test_who_may_open_the_control_socket(gw):
    """Root, and the group it was given to; no stranger, no account of the
    gateway itself.  The mode says so: ctld asks for the uid to write it down,
    not to judge it."""
    st = os.stat(SOCKET)
    group = grp.getgrgid(st.st_gid).gr_name
    assert (st.st_uid, stat.S_IMODE(st.st_mode)) == (0, 0o660)
    row = '%04x' % 0xe81
    assert knock(0, 0) == row
    assert knock(65534, 65534) == 'refused'
    assert knock(65534, 65534, [st.st_gid]) == row
    assert knock(65534, st.st_gid) == row
    accounts = [u for u in pwd.getpwall()
                if u.pw_name.startswith('_postern-')]
    assert len(accounts) > 10
    for u in accounts:
        groups = os.getgrouplist(u.pw_name, u.pw_gid)
        assert st.st_gid not in groups, (u.pw_name, group)
        assert knock(u.pw_uid, u.pw_gid, groups) == 'refused', u.pw_name
    # whoever owns the directory could put another socket there
    where = os.stat(os.path.dirname(SOCKET))
    assert where.st_uid == 0 and not where.st_mode & 0o022


def test_the_uid_of_an_order_is_the_kernels(gw):
    """A tool writes another one into it."""
    uid = 64999
    mark = gw.mark()
    with door() as s:
        # SELECT, flush everything, as that uid; see put_cq_select()
        s.send(message(CT_SELECT, struct.pack(
            '>BBBBIIQQH', 5, 0, 0, 0, uid, 0, 0, 0, 1) + bytes(6)))
        assert s.recv(1000)
    line = gw.wait_log(20, mark, event='flush')[0]
    assert line['uid'] == str(os.getuid()), line.text
    line, = gw.wait_log(20, mark, event='control', verb='flush')
    assert line['uid'] == str(os.getuid()), line.text


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
        both_ways(world, sink, world.address())
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
    both_ways(world, sink, world.address())
    small, few, peak = rss(pid), fds(pid), 0
    with contextlib.ExitStack() as crowd:
        for n in range(CONNECTIONS):
            s = ns.connect(where, 25, source)
            if n % 5 == 0:
                crowd.enter_context(s)
            else:
                s.close()
            peak = max(peak, rss(pid) - small)
        both_ways(world, sink, world.address())
        # those that are held are smtpd-in's
        wait_until('its descriptors', lambda: fds(pid) <= few + 2)
    print('%s: %.2f MiB more at %d connections' % (
        name, peak / MIB, CONNECTIONS))
    assert peak < GROWTH, peak
    assert gw.pids(name) == [pid]
