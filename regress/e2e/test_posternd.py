# SPDX-License-Identifier: ISC
"""posternd: what it starts, watches, replaces, reloads, stops and refuses."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess

import pytest

from lab.flows import OUTSIDER, USER, outside, send_in
from lab.gateway import (CONF, SOCKET, SPOOL, Gateway, Refused, check_conf,
                         conf, program, replace)
from lab.inside import WORK
from lab.netns import Namespace
from lab.proc import is_alive, wait_until
from lab.smtp import Closed, Client, mail_text
from lab.world import GW_EXT, HOST_A

PROGRAMS = ('connd', 'smtpd-in', 'queued', 'smtpd-out', 'dnsd-ext',
            'dnsd-int', 'dird', 'logd', 'ctld', 'keyd', 'selftest')
POSTERND = 'master/posternd'


def tree(**instead):
    """A directory of programs, some of them rude: {'ctld': 'exit'}."""
    path = WORK + '/tree'
    shutil.rmtree(path, ignore_errors=True)
    for name in PROGRAMS:
        os.makedirs('%s/%s' % (path, name))
        mode = instead.get(name.replace('-', '_'))
        shutil.copy(program('regress/e2e/rude' if mode else
                            '%s/%s' % (name, name)),
                    '%s/%s/%s' % (path, name, name))
        if mode:
            with open('%s/%s/rude.mode' % (path, name), 'w') as f:
                f.write(mode + '\n')
    return path


def gateway(world, text, **instead):
    return Gateway(world, text, argv=[program(POSTERND), '-d', '-L',
                                      tree(**instead), '-f', CONF])


def one_worker(text=''):
    return conf(ext='workers 1\n' + text, inside='workers 1')


# --- replacing


def test_who_breaks_the_contract_is_replaced(world):
    """A resolver that was taken over talks rubbish to its peers: it dies,
    they live, and mail that does not need it does not notice."""
    with gateway(world, one_worker(), dnsd_ext='garbage') as gw:
        gw.reload(one_worker())
        line = gw.wait_log(30, event='violation')[0]
        assert line['peer'] == 'dnsd-ext'
        assert line['proc'] in ('connd/ext', 'smtpd-in/ext.0',
                                'smtpd-out/ext.0')
        gw.wait_log(event='child-kill', instance='dnsd-ext')
        gw.wait_log(event='child-exit', instance='dnsd-ext', signal='KILL')
        # 'root': the replacement, before it has dropped its privileges
        others = {k: v for k, v in gw.instances().items()
                  if k not in ('dnsd-ext', 'root')}
        # five deaths: it is called degraded, and comes more and more seldom
        gw.wait_log(40, event='child-degraded', instance='dnsd-ext')
        token = world.token()
        send_in(world, token)
        world.hosts['a'].wait_mail(token)
        now = {k: v for k, v in gw.instances().items()
               if k not in ('dnsd-ext', 'root')}
        assert now == others
        state = {r['process']: r for r in gw.json('status', check=False)
                 if 'process' in r}['dnsd-ext']['state']
        assert state in ('degraded', 'starting', 'ready')


def test_a_program_that_dies_at_once_ends_the_start(world):
    out = gateway(world, conf(), dird='exit').refused()
    assert 'instance=dird' in out and 'status=3' in out
    assert 'a process died before all were ready' in out
    assert not os.path.exists(SOCKET)


def test_a_program_that_is_missing_ends_the_start(world):
    gw = gateway(world, conf())
    os.unlink(WORK + '/tree/queued/queued')
    out = gw.refused()
    assert 'queued: No such file or directory' in out


def test_output_of_a_child_bears_its_name(world):
    """What a child writes to stderr posternd logs under its true name."""
    gw = gateway(world, conf(), ctld='garbage')
    os.unlink(WORK + '/tree/ctld/rude.mode')
    out = gw.refused()
    assert 'event=child-output instance=ctld' in out
    assert 'rude.mode' in out


def test_back_off(world):
    """The first restart is at once, the next after 1, 2 and 4 seconds."""
    with Gateway(world, conf()) as gw:
        times = []
        for n in range(1, 5):
            pid = gw.pids('ctld')[0]
            mark = gw.mark()
            os.kill(pid, signal.SIGKILL)
            start = gw.wait_log(20, mark, event='child-start',
                                instance='ctld')[0]
            death = gw.wait_log(1, mark, event='child-exit',
                                instance='ctld')[0]
            assert start['restarts'] == str(n)
            times.append(seconds(start) - seconds(death))
            wait_until('ctld', lambda: gw.pids('ctld'))
        for got, want in zip(times, (0, 1, 2, 4)):
            assert want <= got + 0.05 and got < want + 2, times


def seconds(line):
    h, m, s = line['time'].rstrip('Z').split('T')[1].split(':')
    return int(h) * 3600 + int(m) * 60 + float(s)


def test_logd_replaced_tells_of_its_end(world):
    with Gateway(world, conf()) as gw:
        mark = gw.mark()
        pid = gw.kill('logd')
        gw.wait_replaced('logd', pid)
        line = gw.wait_log(10, mark, event='child-exit', instance='logd')[0]
        assert line['proc'] == 'posternd' and line['signal'] == 'KILL'
        token = world.token()
        send_in(world, token)
        gw.wait_log(10, mark, event='delivery', to=USER)


# --- refusing


def test_one_posternd_for_a_spool_and_a_socket(world, gw):
    second = WORK + '/second.conf'
    for text, why in (
            ('', 'spool'),
            ('spool "%s/spool2"\n' % WORK, 'control socket')):
        # another address, or that would be in the way first
        replace(second, text + gw.conf.replace(
            'listen on 203.0.113.25', 'listen on 203.0.113.26').replace(
            'listen on 10.0.0.5', 'listen on 10.0.0.5 port 2525'))
        done = world.gw.run([program(POSTERND), '-d', '-f', second],
                            check=False, capture_output=True, text=True,
                            timeout=30)
        assert done.returncode == 1
        assert why in done.stderr and 'another' in done.stderr, done.stderr
    assert gw.postern('status').returncode == 0


def test_an_address_in_use_is_named(world):
    if Gateway.current is not None:
        Gateway.current.stop()
    with contextlib.closing(world.gw.listen(GW_EXT, 25)):
        out = Gateway(world, conf()).refused()
    assert 'listen on 203.0.113.25:25' in out
    assert 'Address already in use' in out


def test_a_dead_socket_is_no_obstacle(world):
    os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(SOCKET)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.bind(SOCKET)
    s.close()
    with Gateway(world, conf()) as gw:
        assert gw.postern('status').returncode == 0
        assert os.stat(SOCKET).st_mode & 0o777 == 0o660
    assert not os.path.exists(SOCKET)


def test_a_file_in_the_place_of_the_socket(world):
    replace(SOCKET, 'precious\n')
    try:
        out = Gateway(world, conf()).refused()
        assert 'is no socket' in out
        assert os.path.isfile(SOCKET)
    finally:
        os.unlink(SOCKET)


def test_the_roots_are_what_they_should_be(world):
    """The spool belongs to queued alone; a chroot with something in it, or a
    spool of somebody else, is refused."""
    chroot = WORK + '/not-empty'
    os.makedirs(chroot + '/x')
    out = Gateway(world, 'chroot "%s"\n' % chroot + conf()).refused()
    assert 'is not empty' in out
    spool = WORK + '/foreign'
    os.makedirs(spool)
    os.chown(spool, 12345, 12345)
    out = Gateway(world, 'spool "%s"\n' % spool + conf()).refused()
    assert 'belongs to another user' in out
    with Gateway(world, conf()):
        st = os.stat(SPOOL)
        assert st.st_mode & 0o777 == 0o700
        assert st.st_uid not in (0, 12345)


def test_the_probe_finds_a_way_in(world):
    """An inside host answers on the external wire: the sides are not apart.
    """
    world.inet.ip('addr add %s/32 dev lo' % HOST_A)
    try:
        with contextlib.closing(world.inet.listen(HOST_A, 25)):
            out = Gateway(world, conf()).refused()
    finally:
        world.inet.ip('addr del %s/32 dev lo' % HOST_A)
    assert 'from the external side 10.0.0.10:25 can be reached' in out


def test_not_without_root(world):
    done = subprocess.run(
        ['setpriv', '--reuid=65534', '--clear-groups',
         program(POSTERND), '-d', '-f', CONF],
        capture_output=True, text=True, check=False)
    assert done.returncode != 0


# --- the side's own network namespace


def test_nothing_outlives_posternd(world):
    """Not even a process that reads no end of file."""
    gw = Gateway(world).start()
    gw.kill('dird', signal.SIGSTOP)
    pids = gw.all_pids()
    assert len(pids) > 12
    gw.process.signal(signal.SIGKILL)
    gw.process.wait()
    wait_until('the children to be gone',
               lambda: not any(map(is_alive, pids)))


@pytest.fixture
def door(world):
    """A namespace that holds nothing but an interface to the Internet."""
    ns = Namespace('door')
    try:
        world.inet.ip('link add todoor type veth peer name door0 netns door',
                      'addr add 192.0.2.1/24 dev todoor',
                      'link set todoor up')
        for key in ('net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'):
            ns.sysctl(key, 0)
        ns.ip('addr add 192.0.2.25/24 dev door0', 'link set door0 up',
              'route add default via 192.0.2.1')
        yield ns
    finally:
        subprocess.run(['ip', 'netns', 'del', 'door'], check=True)


def test_namespace_of_the_external_side(world, door, sink):
    """Listener, connd and outgoing connections live in it."""
    text = conf(ext='namespace "door"').replace(GW_EXT, '192.0.2.25')
    with Gateway(world, text) as gw:
        with door:
            ns = os.stat('/proc/thread-self/ns/net').st_ino
        connd, = gw.pids('connd-ext')
        inside, = gw.pids('connd-int')
        assert os.stat('/proc/%d/ns/net' % connd).st_ino == ns
        assert os.stat('/proc/%d/ns/net' % inside).st_ino != ns
        token = world.token()
        with Client(world.inet, '192.0.2.25') as c:
            assert c.greeting.code == 220
            c.ehlo()
            c.envelope(OUTSIDER, USER)
            assert c.data(mail_text(token)).code == 250
        world.hosts['a'].wait_mail(token)
        assert gw.audit()[0] == 0
        # a connd that is replaced is born there as well
        pid = gw.kill('connd-ext')
        connd, = gw.wait_replaced('connd-ext', pid)
        wait_until('connd in its namespace', lambda: os.stat(
            '/proc/%d/ns/net' % connd).st_ino == ns)


def test_a_namespace_that_is_missing(world):
    out = Gateway(world, conf(ext='namespace "nowhere"')).refused()
    assert 'namespace "nowhere"' in out


# --- reloading


def test_workers_come_and_go(world):
    """More at once; fewer when their sessions have ended, not before."""
    def text(n):
        return conf(ext='workers %d' % n, inside='workers %d' % n)

    with Gateway(world, text(1)) as gw:
        assert len(gw.pids('in-ext')) == 1
        assert gw.reload(text(3))['result'] == 'ok'
        assert {k: len(gw.pids(k)) for k in
                ('in-ext', 'in-int', 'out-ext', 'out-int')} == dict.fromkeys(
                    ('in-ext', 'in-int', 'out-ext', 'out-int'), 3)
        clients = [outside(world) for _ in range(6)]
        try:
            mark = gw.mark()
            assert gw.reload(text(1))['result'] == 'ok'
            wait_until('idle workers to go',
                       lambda: len(gw.pids('out-ext')) == 1)
            # new sessions find the one that stays
            with outside(world) as c:
                c.quit()
            for i, c in enumerate(clients):
                token = world.token()
                c.envelope(OUTSIDER, USER)
                reply = c.data(mail_text(token))
                assert reply.code == 250, (i, reply)
                world.hosts['a'].wait_mail(token)
        finally:
            for c in clients:
                c.close()
        wait_until('workers to go', lambda: len(gw.pids('in-ext')) == 1)
        assert not gw.log(mark, event='child-kill')
        assert gw.audit()[0] == 0


def test_listeners_come_and_go(world):
    more = conf(ext='listen on 203.0.113.26\nlisten on 203.0.113.25 port 2525')
    with Gateway(world, conf()) as gw:
        held = outside(world)
        assert gw.reload(more)['result'] == 'ok'
        for address, port in (('203.0.113.26', 25), (GW_EXT, 2525),
                              (GW_EXT, 25)):
            with Client(world.inet, address, port) as c:
                assert c.greeting.code == 220
        with Client(world.inet, '203.0.113.26') as on_its_way_out:
            on_its_way_out.ehlo()
            assert gw.reload(conf())['result'] == 'ok'
            with pytest.raises(ConnectionRefusedError):
                world.inet.connect('203.0.113.26', 25)
            # the session outlives its listener
            on_its_way_out.expect(250, 'NOOP')
            on_its_way_out.quit()
        held.expect(250, 'NOOP')
        held.quit()


def test_a_reload_that_cannot_be_whole_is_nothing(world):
    """An address that is taken: the other new listener is not there either.
    """
    with Gateway(world, conf()) as gw, \
            contextlib.closing(world.gw.listen('203.0.113.26', 25)):
        line = gw.reload(conf(ext='listen on 203.0.113.25 port 2525\n'
                              'listen on 203.0.113.26'))
        assert line['result'] == 'refused'
        with pytest.raises(ConnectionRefusedError):
            world.inet.connect(GW_EXT, 2525)
        done = gw.postern('reload', check=False)
        assert done.returncode != 0
        assert 'Address already in use' in done.stdout + done.stderr
        gw.write_conf(conf())
        gw.postern('reload')


@pytest.mark.parametrize('statement,why', (
    ('spool "/run/lab/other"', 'spool'),
    ('control socket "/run/lab/other.sock"', 'control socket'),
    ('chroot "/run/lab/other-root"', 'chroot'),
    ('sandbox best-effort', 'sandbox'),
))
def test_what_only_a_restart_can_change(world, gw, statement, why):
    mark = gw.mark()
    before = gw.conf
    try:
        line = gw.reload(statement + '\n' + before)
        assert line['result'] == 'refused'
        error, = gw.log(mark, event='config')
        assert why in error['text'] and 'restart' in error['text']
    finally:
        assert gw.reload(before)['result'] == 'ok'


def test_a_log_file_is_opened_again(world):
    path = WORK + '/gateway.log'
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    if Gateway.current is not None:
        Gateway.current.stop()
    gw = Gateway(world)
    gw.write_recipients(gw.users)
    gw.write_conf('log to file "%s"\n' % path + conf())
    process = subprocess.Popen(world.gw.command(
        [program(POSTERND), '-d', '-f', CONF]), stdin=subprocess.DEVNULL)
    try:
        wait_until('the log', lambda: 'event=ready' in read(path))
        os.rename(path, path + '.1')
        process.send_signal(signal.SIGHUP)
        wait_until('the new log', lambda: 'event=reload' in read(path))
        assert 'event=ready' not in read(path)
    finally:
        process.terminate()
        assert process.wait(30) == 0
    assert 'event=stopped' in read(path)


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return ''


# --- starting and stopping


def test_in_the_background(world):
    """Without -d the command ends when mail can flow, and says READY=1."""
    path, log = WORK + '/notify', WORK + '/background.log'
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    gw = Gateway(world, 'log to file "%s"\n' % log + conf())
    if Gateway.current is not None:
        Gateway.current.stop()
    gw.write_recipients(gw.users)
    gw.write_conf(gw.conf)
    with contextlib.closing(socket.socket(socket.AF_UNIX,
                                          socket.SOCK_DGRAM)) as s:
        s.bind(path)
        s.settimeout(30)
        done = world.gw.run([program(POSTERND), '-f', CONF], check=False,
                            capture_output=True, text=True, timeout=60,
                            env=dict(os.environ, NOTIFY_SOCKET=path))
        assert done.returncode == 0, done.stderr
        with Client(world.inet, GW_EXT) as c:
            assert c.greeting.code == 220
        assert s.recv(100) == b'READY=1'
        rows = gw.json('status')
        pid = next(r['pid'] for r in rows if r.get('process') == 'posternd')
        os.kill(pid, signal.SIGTERM)
        assert s.recv(100) == b'STOPPING=1'
        wait_until('the end', lambda: 'event=stopped' in read(log))


def test_a_start_in_the_background_that_fails(world):
    """... ends with the reason on stderr."""
    if Gateway.current is not None:
        Gateway.current.stop()
    replace(CONF, conf().replace(GW_EXT, '203.0.113.99'))
    done = world.gw.run([program(POSTERND), '-f', CONF], check=False,
                        capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert 'no interface has the address 203.0.113.99' in done.stderr


def test_a_session_cannot_hold_the_stop(world):
    """In the middle of a message: told, or cut, and all over in seconds."""
    gw = Gateway(world, conf()).start()
    with outside(world) as c:
        c.envelope(OUTSIDER, USER)
        c.expect(354, 'DATA')
        c.send('Subject: never to end\r\n')
        Gateway.current = None
        assert gw.process.stop(timeout=15) == 0
        with contextlib.suppress(Closed):
            assert c.reply().code == 421
    assert gw.log(event='stopped')


def test_a_second_signal_is_believed(world):
    gw = Gateway(world, conf()).start()
    with outside(world) as c:
        c.envelope(OUTSIDER, USER)
        c.expect(354, 'DATA')
        Gateway.current = None
        gw.process.signal(signal.SIGTERM)
        gw.wait_log(event='stop')
        gw.process.signal(signal.SIGINT)
        gw.process.wait(5)


def test_what_depends_on_the_host_is_a_warning_for_n(world):
    """posternd -n elsewhere: the configuration is judged, not the machine."""
    done = check_conf(conf().replace(GW_EXT, '203.0.113.99'))
    assert done.returncode == 0
    assert 'warning: on this host: no interface' in done.stderr


def test_refused_is_not_started(world):
    """Every refusal leaves nothing behind: no process, no socket."""
    with pytest.raises(Refused):
        Gateway(world, conf(networks='10.0.0.0/8, 203.0.113.0/24')).start()
    assert not os.path.exists(SOCKET)
