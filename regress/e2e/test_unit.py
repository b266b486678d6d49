# SPDX-License-Identifier: ISC
"""The shipped unit: what it takes away, the gateway does not need.

Once by hand, traced: posternd is started with the unit's capabilities and no
new privileges, mail flows, and what all its processes asked of the kernel is
held against the other directives.  And once by a real systemd.
"""
import os
import re
import signal
import subprocess

import pytest

from lab import san
from lab.flows import USER, both_ways
from lab.gateway import CONF, GOLDEN, QUICK, RECIPIENTS, Gateway, program
from lab.inside import BUILD, WORK
from lab.proc import wait_until
from lab.systemd import Systemd

UNIT = os.path.join(BUILD, 'etc', 'postern.service')
TMPFILES = os.path.join(BUILD, 'etc', 'tmpfiles.conf')
# strace's own words for a call: "12 openat(AT_FDCWD, ...) = 3"
CALL = re.compile(r'^(?:\d+ +)?(\w+)\((.*)')
WRITES = re.compile(r'O_WRONLY|O_RDWR|O_CREAT|O_TRUNC')
# what RuntimeDirectory=, ReadWritePaths= and LogsDirectory= leave writable
WRITABLE = ('/run/postern', '/var/spool/postern', '/var/log/postern')


def directives():
    """name -> its values, in order, as systemd reads them."""
    found = {}
    with open(UNIT) as f:
        for line in f:
            if re.match(r'[A-Z]\w*=', line):
                name, value = line.strip().split('=', 1)
                found.setdefault(name, []).append(value)
    return found


def calls_of(word):
    """A call's name, or a set's, as the names of calls."""
    if not word.startswith('@'):
        return {word}
    text = subprocess.run(['systemd-analyze', 'syscall-filter', word],
                          capture_output=True, text=True, check=True).stdout
    members = [line.strip() for line in text.splitlines()[1:]
               if line.strip() and not line.strip().startswith('#')]
    assert members, word
    return set().union(*map(calls_of, members))


def filter_of(values):
    allowed = calls_of('@default')
    for value in values:
        words = value.lstrip('~').split()
        calls = set().union(*map(calls_of, words))
        allowed = allowed - calls if value.startswith('~') else allowed | calls
    return allowed


def command(unit):
    """posternd with the unit's capabilities and no way to others."""
    caps = ' '.join(unit['CapabilityBoundingSet']).lower().split()
    caps = ','.join(['-all'] + ['+' + c.replace('cap_', '') for c in caps])
    # what systemd has done before: tmpfiles.d(5), PrivateIPC=
    return ['sh', '-ec', 'systemd-tmpfiles --create --prefix=/var "$0"; '
            'exec "$@"', TMPFILES, 'unshare', '--ipc', 'setpriv',
            '--bounding-set', caps, '--no-new-privs',
            *san.TRACED, program('master/posternd'), '-d', '-f', CONF]


def run_traced(world, sink, unit, path):
    """Start, mail both ways, a reload, stop; the traced lines."""
    gateway = Gateway(world, 'sandbox selftest off\n' + QUICK + GOLDEN, argv=[
        'strace', '-D', '-f', '-qq', '-o', path, '-e', 'signal=none',
        # RestrictNamespaces= on the first call, after that of unshare(1)
        '-e', 'inject=unshare:error=EPERM:when=2'] + command(unit))
    with gateway as gw:
        both_ways(world, sink)
        gw.reload('sandbox selftest off\n' + QUICK + GOLDEN)
    with open(path, errors='replace') as f:
        lines = [m.groups() for m in map(CALL.match, f) if m]
    # what strace and setpriv did before posternd was there is not its own
    start = next(i for i, (name, rest) in enumerate(lines)
                 if name == 'execve' and 'posternd"' in rest)
    return lines[start:]


def test_the_unit_leaves_what_is_needed(world, sink):
    unit = directives()
    assert unit['NoNewPrivileges'] == ['yes']
    lines = run_traced(world, sink, unit, WORK + '/unit.strace')
    used = {name for name, _ in lines}
    assert {'unshare', 'chroot', 'setresuid', 'bind', 'fdatasync'} <= used
    # SystemCallFilter=
    refused = used - filter_of(unit['SystemCallFilter'])
    assert not refused, refused
    # RestrictAddressFamilies=
    families = {m[0] for name, rest in lines
                if name in ('socket', 'socketpair')
                for m in [re.match(r'AF_\w+', rest)]}
    assert {'AF_UNIX', 'AF_INET'} <= families
    assert families <= set(unit['RestrictAddressFamilies'][0].split())
    # RestrictNamespaces=
    allowed = {'CLONE_NEW' + n.upper()
               for n in unit['RestrictNamespaces'][0].split()}
    asked = {flag for name, rest in lines if ' = -1 EPERM' not in rest
             if name in ('unshare', 'setns', 'clone', 'clone3')
             for flag in re.findall(r'CLONE_NEW[A-Z]+', rest)}
    assert 'CLONE_NEWNET' in asked and asked <= allowed, asked
    # MemoryDenyWriteExecute=
    both = [rest for name, rest in lines
            if name in ('mmap', 'mprotect', 'pkey_mprotect')
            and 'PROT_EXEC' in rest and 'PROT_WRITE' in rest]
    assert unit['MemoryDenyWriteExecute'] == ['yes'] and not both, both
    # ProtectSystem=strict, PrivateDevices=
    written = {path for name, rest in lines if name in ('open', 'openat')
               and WRITES.search(rest) and ' = -1 ' not in rest
               for path in re.findall(r'"(/[^"]*)"', rest)}
    # its standard error is what it was given, opened anew
    outside = {p for p in written - {'/dev/null', '/proc/self/fd/2'}
               if not p.startswith(WRITABLE)}
    assert not outside, outside
    # RestrictSUIDSGID=
    assert not [rest for name, rest in lines if 'chmod' in name
                and re.search(r'0[2467]\d\d\d\b', rest)]


def test_the_selftest_with_its_capabilities(world):
    with Gateway(world, QUICK + GOLDEN, argv=command(directives())) as gw:
        status, rows = gw.audit()
        assert status == 0, gw.postern("audit", check=False).stdout


def test_a_process_that_hangs_is_ended(world):
    """Without CAP_KILL, in the name of its user."""
    with Gateway(world, QUICK + GOLDEN, argv=command(directives())) as gw:
        mark = gw.mark()
        pid = gw.kill('dird', signal.SIGSTOP)
        gw.wait_log(60, mark, event='child-kill', instance='dird')
        gw.wait_replaced('dird', pid)
        assert gw.audit()[0] == 0


@pytest.fixture
def systemd(world, sink):
    Gateway.stop_running()
    with Systemd(world.gw) as s:
        with open(CONF, 'w') as f:
            f.write(QUICK + 'log to file "/var/log/postern/log"\n' + GOLDEN)
        with open(RECIPIENTS, 'w') as f:
            f.write(USER + '\n')
        yield s


def main_pid(s):
    return int(s.show('postern', 'MainPID')['MainPID'])


def test_systemd_runs_the_unit(world, sink, systemd):
    """Start, mail both ways, reload, a crash, stop."""
    systemd.run('systemctl', 'start', 'postern')
    both_ways(world, sink)
    done = systemd.run('/usr/local/bin/postern', 'audit', check=False)
    assert done.returncode == 0, done.stdout
    systemd.run('systemctl', 'reload', 'postern')
    both_ways(world, sink)
    first = main_pid(systemd)
    systemd.run('kill', '-9', str(first))
    wait_until('another posternd', lambda: main_pid(systemd) not in
               (0, first) and systemd.show('postern', 'ActiveState')
               ['ActiveState'] == 'active')
    both_ways(world, sink)
    assert len(systemd.processes('postern')) > 12
    systemd.run('systemctl', 'stop', 'postern')
    assert systemd.show('postern', 'Result', 'ActiveState') == {
        'Result': 'success', 'ActiveState': 'inactive'}
    assert systemd.processes('postern') == []


def test_systemd_warns_of_nothing(systemd):
    """No word of the unit that it does not know."""
    done = systemd.run('systemd-analyze', 'verify', '--man=no',
                       '/run/units/postern.service')
    assert done.stderr == '', done.stderr


def test_the_paths_of_the_unit():
    unit = directives()
    assert unit['RuntimeDirectory'] == ['postern']
    assert unit['LogsDirectory'] == ['postern']
    assert unit['ReadWritePaths'] == ['-/var/spool/postern']
