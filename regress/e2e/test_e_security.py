# SPDX-License-Identifier: ISC
"""ACCEPTANCE E: security as seen from the kernel."""
import errno
import os
import pwd
import signal
import socket
import subprocess

import pytest

from lab import san
from lab.flows import USER, both_ways, send_in
from lab.gateway import (CONF, GOLDEN, QUICK, SOCKET, Gateway, conf,
                         program)
from lab.inside import PROJECT
from lab.load import Ledger, Load
from lab.netns import setns
from lab.proc import proc_status
from lab.world import GW_EXT, GW_INT, HOST_A
from test_a_topology import check_A3, check_A5, check_A6
from test_b_inbound import check_B2, check_B4, check_B5, check_B9
from test_c_outbound import check_C3
from test_d_independence import TROUBLE, check_D2

INSTANCES = {'connd-ext', 'connd-int', 'in-ext', 'in-int', 'queued',
             'out-ext', 'out-int', 'dnsd-ext', 'dnsd-int', 'dird', 'logd',
             'ctld', 'keyd'}


def dial_as(world, account, address, port, source=None):
    """Connect from the gateway as an account: None, or the errno."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = 1
        try:
            setns(os.open(world.gw.path, os.O_RDONLY))
            # a socket belongs to the one who makes it
            os.setuid(pwd.getpwnam(account).pw_uid)
            with socket.socket() as s:
                s.settimeout(3)
                if source:
                    s.bind((source, 0))
                s.connect((address, port))
                said = 0
        except OSError as e:
            said = e.errno or errno.ETIMEDOUT
        finally:
            os.write(writer, str(said).encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as f:
        said = int(f.read())
    os.waitpid(child, 0)
    return said or None


def comes_in(world, address, port):
    try:
        world.inet.connect(address, port, timeout=1).close()
        return True
    except OSError:
        return False


EXT_ACCOUNT, INT_ACCOUNT = '_postern-connd-ext', '_postern-connd-int'


@pytest.mark.parametrize('text', [
    QUICK + GOLDEN, conf(ext='interface "ext0"', inside='interface "int0"')],
    ids=['by-address', 'by-interface'])
def test_E1_firewall(world, sink, text):
    """The generated rules: mail flows both ways, and nothing else does,
    though a program is there that would take it."""
    with Gateway(world, text) as gw:
        rules = gw.postern('firewall', '-f', CONF).stdout
        world.gw.run(['nft', '-c', '-f', '-'], input=rules, text=True)
        door = world.gw.listen(GW_EXT, 2525)
        other = world.inet.listen(sink.address, 8080)
        within = world.intra.listen(HOST_A, 8080)

        def passes():
            """What the rules forbid, by name, as far as it works."""
            open_ways = {
                'in, another port': comes_in(world, GW_EXT, 2525),
                'in, the inside address': comes_in(world, GW_INT, 2525)}
            for name, account, to, port, source in (
                    ('out, another user', 'nobody', sink.address, 25, GW_EXT),
                    ('out, queued', '_postern-queued', sink.address, 25,
                     None),
                    ('out, another port', EXT_ACCOUNT, sink.address, 8080,
                     None),
                    ('ext, inside', EXT_ACCOUNT, HOST_A, 25, None),
                    ('int, outside', INT_ACCOUNT, sink.address, 25, None),
                    ('int, another port', INT_ACCOUNT, HOST_A, 8080, None)):
                open_ways[name] = dial_as(world, account, to, port,
                                          source) is None
            return {name for name, is_open in open_ways.items() if is_open}

        with door, other, within, world.gw.listen(GW_INT, 2525):
            assert len(passes()) == 8, 'the test cannot fail: %s' % passes()
            world.gw.nft(rules)
            try:
                assert passes() == set()
                both_ways(world, sink)
                # loaded again, it is the same table
                world.gw.nft(rules)
                assert passes() == set()
            finally:
                world.gw.nft('delete table inet postern\n')


def test_E1_firewall_of_a_namespace(world):
    """The rules for the Internet's namespace, and for all else."""
    with open('/run/lab/ns.conf', 'w') as f:
        f.write(conf(ext='namespace "inet"'))
    for args in ([], ['-n', 'inet']):
        with world.gw:
            rules = subprocess.run(
                [program('postern/postern'), 'firewall', '-f',
                 '/run/lab/ns.conf'] + args, capture_output=True, text=True,
                check=True).stdout
        world.gw.run(['nft', '-c', '-f', '-'], input=rules, text=True)
        assert ('from_internet' in rules) == bool(args)


def net_namespace(pid):
    return os.readlink('/proc/%d/ns/net' % pid)


def test_E3_inventory_by_our_own_eyes(gw):
    """What audit reports, checked against /proc without its help."""
    instances = gw.instances()
    assert set(instances) == INSTANCES
    host = net_namespace(gw.pid)
    seen = []
    for name, pids in instances.items():
        for pid in pids:
            s = proc_status(pid)
            assert s['CapEff'] == s['CapPrm'] == '0' * 16, (name, s['CapPrm'])
            assert s['CapBnd'] == s['CapAmb'] == '0' * 16, (name, s['CapBnd'])
            assert s['NoNewPrivs'] == '1' and s['Seccomp'] == '2', name
            assert s['Groups'].strip() == '', name
            assert len(set(s['Uid'].split())) == 1, name
            assert len(set(s['Gid'].split())) == 1, name
            if name.startswith('connd'):
                assert net_namespace(pid) == host
            else:
                assert net_namespace(pid) != host, name
                seen.append(net_namespace(pid))
            root = os.readlink('/proc/%d/root' % pid)
            want = '/var/spool/postern' if name == 'queued' else \
                '/run/postern/empty'
            assert root == want, (name, root)
    assert len(set(seen)) == len(seen), 'two processes share a namespace'


def test_E3_audit_under_load(world, gw, sink):
    """postern audit: equal while mail flows both ways."""
    loads = [Load(world.inet, GW_EXT, 'a@sender.test', USER, 1000, 10),
             Load(world.intra, GW_INT, USER, 'u@' + sink.domain, 1000, 10,
                  source=HOST_A, prefix='o')]
    for load in loads:
        load.start()
    for part in range(1, 6):
        loads[0].wait_acked(150 * part)
        status, rows = gw.audit()
        assert status == 0, rows
    for load in loads:
        load.join()
    Ledger(loads[1], sink).wait().check()


def test_E3_audit_that_cannot_look(gw):
    """A directory of descriptors that cannot be read is said to be so: it
    is not one without descriptors."""
    for call in 'getdents64', 'readlinkat':
        done = subprocess.run(
            ['strace', '-qq', '-o', '/dev/null', '-e', 'inject=%s:error=EIO:'
             'when=3+' % call, *san.TRACED, program('postern/postern'), '-s',
             SOCKET, 'audit'], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, (call, done.stdout)
        assert 'Input/output error' in done.stderr, (call, done.stderr)


def test_E3_audit_sees_a_foreign_process(world, gw):
    """A process on an instance's uid that posternd did not start."""
    uid = int(proc_status(gw.pids('in-ext')[0])['Uid'].split()[0])
    assert gw.audit()[0] == 0
    child = os.fork()
    if child == 0:
        os.setgid(uid)
        os.setuid(uid)
        signal.pause()
    try:
        status, rows = gw.audit()
        assert status == 1
        said = [text for row in rows for text in row['differences']]
        assert len(said) == 1 and 'process %d ' % child in said[0], said
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert gw.audit()[0] == 0


def test_E3_audit_sees_a_way_out(gw):
    """A link put into a namespace that was declared empty."""
    pid = gw.pids('in-ext')[0]
    ip = ['nsenter', '--net=/proc/%d/ns/net' % pid, '--', 'ip', 'link']
    subprocess.run(ip + 'add way0 type veth peer name way1'.split(),
                   check=True)
    try:
        status, rows = gw.audit()
        assert status == 1
        named = [row['process'] for row in rows if row['differences']]
        assert named == ['smtpd-in/ext.0'], named
    finally:
        subprocess.run(ip + ['del', 'way0'], check=True)
    assert gw.audit()[0] == 0


def test_E3_audit_sees_a_foreign_door(world, gw):
    """Somebody else listens on the Internet side."""
    door = world.gw.listen(GW_EXT, 2525)
    try:
        status, rows = gw.audit()
        assert status == 1
        said = [text for row in rows for text in row['differences']]
        assert len(said) == 1 and '203.0.113.25:2525' in said[0], said
    finally:
        door.close()
    assert gw.audit()[0] == 0


@pytest.fixture(scope='module')
def golden(world):
    """The golden minimum to the letter: not one word more."""
    with Gateway(world, GOLDEN) as gateway:
        yield gateway


def design_golden():
    """The configuration in section 5 of the design document."""
    path = os.path.join(os.path.dirname(PROJECT), 'shared', 'DESIGN.md')
    assert os.path.exists(path), '%s is missing: the design documents are ' \
        'expected beside the project' % path
    with open(path) as f:
        text = f.read().partition('The golden minimum:')[2]
    return text.split('```')[1].lstrip('\n')


def test_E5_the_text_is_the_design(world):
    assert GOLDEN == design_golden()


GOLDEN_CHECKS = {
    'A3': lambda w, g, s: check_A3(w, g, s, count=500),
    'A5': lambda w, g, s: check_A5(w),
    'A6': lambda w, g, s: check_A6(w),
    'B2': lambda w, g, s: check_B2(w),
    'B4': lambda w, g, s: check_B4(w, g),
    'B5': lambda w, g, s: check_B5(w),
    'B9': lambda w, g, s: check_B9(w, g),
    'C3': lambda w, g, s: check_C3(w, g, count=3),
}


@pytest.mark.parametrize('name', sorted(GOLDEN_CHECKS))
def test_E5_golden_minimum(world, golden, sink, name):
    GOLDEN_CHECKS[name](world, golden, sink)


def test_E5_golden_minimum_B3(world, golden):
    token = world.token()
    send_in(world, token, sender='')
    world.hosts['a'].wait_mail(token, USER)


@pytest.mark.parametrize('kind', sorted(TROUBLE))
def test_E5_golden_minimum_D2(world, golden, sink, kind):
    check_D2(world, golden, kind, sink)
